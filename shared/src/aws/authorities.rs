//! The certificate authorities that AWS is known by.

use crate::config::ConfigError;
use crate::session::Home;
use aws_smithy_http_client::tls::TrustStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::fmt::Display;

/// The variable by which AWS's own tools take other certificate authorities (a proxy's, a test's).
const CA_BUNDLE: &str = "AWS_CA_BUNDLE";

/// The certificate authorities that AWS is known by.
///
/// Reading the system's own, 140 or so, takes two thirds of a cold start. All of AWS's endpoints
/// chain to five, which Amazon publishes for this use
/// (<https://www.amazontrust.com/repository/>, "Amazon Trust Services"); the other partitions may
/// differ, and take the system's.
///
/// # Errors
/// [`ConfigError`] when the file that `AWS_CA_BUNDLE` names can't be read, or is not what it should be.
pub(super) fn authorities(home: &Home) -> Result<TrustStore, ConfigError> {
    match std::env::var(CA_BUNDLE) {
        Ok(path) if !path.is_empty() => bundle(&path),
        Ok(_) | Err(_) if home.partition == "aws" => {
            Ok(TrustStore::empty().with_pem_certificate(include_bytes!("authorities.pem")))
        }
        Ok(_) | Err(_) => Ok(TrustStore::default()),
    }
}

/// The HTTP client would panic at a certificate that is none, and trust nobody where there is none at
/// all: each call would fail, and say no more than that.
fn bundle(path: &str) -> Result<TrustStore, ConfigError> {
    let wrong = |problem: &dyn Display| ConfigError::wrong(CA_BUNDLE, path, &problem);
    let pem = std::fs::read(path).map_err(|problem| wrong(&problem))?;
    let mut certificates = 0_usize;
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        certificates += 1;
        let certificate = certificate.map_err(|problem| {
            wrong(&format!("its certificate {certificates} is broken: {problem}"))
        })?;
        webpki::anchor_from_trusted_cert(&certificate).map_err(|problem| {
            wrong(&format!("its certificate {certificates} can't be used: {problem}"))
        })?;
    }
    if certificates == 0 {
        return Err(wrong(&"the file has no certificate in it (PEM, BEGIN CERTIFICATE)"));
    }
    Ok(TrustStore::empty().with_pem_certificate(pem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    const GOOD: &str = include_str!("authorities.pem");

    struct File(PathBuf);

    impl File {
        fn of(name: &str, content: &str) -> Self {
            let name = format!("session-cleanup-{}-{name}.pem", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::write(&path, content).unwrap();
            Self(path)
        }

        fn path(&self) -> &str {
            self.0.to_str().unwrap()
        }
    }

    impl Drop for File {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    #[test]
    fn a_bundle_of_good_certificates_is_taken() {
        bundle(File::of("good", GOOD).path()).unwrap();
        // As bundles come: with remarks, and with other things than certificates.
        let key = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
        bundle(File::of("remarks", &format!("# ours\n{key}{GOOD}\n")).path()).unwrap();
    }

    #[test]
    fn a_bundle_with_anything_else_is_refused_by_variable_and_file() {
        let lines: Vec<&str> = GOOD.lines().collect();
        let cut = |from: usize| lines[..from].join("\n");
        let first = lines.iter().position(|line| line.starts_with("-----END")).unwrap();
        let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let no_base64 = "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
        for (name, content) in [
            ("empty", String::new()),
            ("text", "these are no certificates".to_owned()),
            ("cut-short", cut(first)),
            ("none", no_certificate.to_owned()),
            ("no-base64", no_base64.to_owned()),
            ("last-is-none", format!("{GOOD}\n{no_certificate}")),
        ] {
            let file = File::of(name, &content);
            let error = bundle(file.path()).unwrap_err().to_string();
            assert!(error.contains(CA_BUNDLE) && error.contains(file.path()), "{name}: {error}");
        }
    }

    #[test]
    fn a_bundle_that_is_not_there_is_refused_by_variable_and_file() {
        let error = bundle("/nowhere/bundle.pem").unwrap_err().to_string();
        assert!(error.contains(CA_BUNDLE) && error.contains("/nowhere/bundle.pem"), "{error}");
    }
}
