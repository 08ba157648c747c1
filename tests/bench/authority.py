"""A certificate chain such as Amazon's endpoints show: a leaf, an intermediate and a root, each RSA of 2,048 bits.

Writes root.pem (whom to trust), chain.pem (leaf and intermediate) and key.pem (the leaf's) into a folder.
"""

import datetime
import ipaddress
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

NOW = datetime.datetime.now(datetime.timezone.utc)


def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(
    name: str, own: rsa.RSAPrivateKey, issuer: str, by: rsa.RSAPrivateKey, is_authority: bool
) -> x509.Certificate:
    def called(common: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])

    builder = (
        x509.CertificateBuilder()
        .subject_name(called(name))
        .issuer_name(called(issuer))
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - datetime.timedelta(days=1))
        .not_valid_after(NOW + datetime.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if not is_authority:
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    return builder.sign(by, hashes.SHA256())


def main(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    root, intermediate, leaf = key(), key(), key()
    chain = [
        certificate("127.0.0.1", leaf, "Intermediate of the benchmark", intermediate, False),
        certificate("Intermediate of the benchmark", intermediate, "Root of the benchmark", root, True),
    ]
    trusted = certificate("Root of the benchmark", root, "Root of the benchmark", root, True)
    pem = serialization.Encoding.PEM
    (folder / "root.pem").write_bytes(trusted.public_bytes(pem))
    (folder / "chain.pem").write_bytes(b"".join(one.public_bytes(pem) for one in chain))
    plain = serialization.NoEncryption()
    private = leaf.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    (folder / "key.pem").write_bytes(private)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
