//! A certificate chain such as Amazon's endpoints show.

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// A leaf, an intermediate and a root, RSA of 2,048 bits, made anew.
pub(crate) struct Authority {
    /// Who trusts this file trusts the chain.
    pub(crate) root: PathBuf,
    /// What a server shows.
    pub(crate) tls: Arc<ServerConfig>,
}

impl Authority {
    /// Makes them, below `folder`. By Python, since `ring` makes no RSA keys.
    pub(crate) fn make(folder: &Path) -> Self {
        let made = Command::new(".venv/bin/python")
            .arg("tests/bench/authority.py")
            .arg(folder)
            .status()
            .unwrap_or_else(|problem| panic!(".venv/bin/python does not start: {problem}"));
        assert!(made.success(), "tests/bench/authority.py failed: {made}");
        let chain = CertificateDer::pem_file_iter(folder.join("chain.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
        let mut ring = rustls::crypto::ring::default_provider();
        // What AWS's endpoints choose: AES of 128 bits before that of 256.
        ring.cipher_suites.sort_by_key(|suite| !format!("{:?}", suite.suite()).contains("AES_128"));
        let mut tls = ServerConfig::builder_with_provider(Arc::new(ring))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain.map(Result::unwrap).collect(), key)
            .unwrap();
        tls.ignore_client_order = true;
        Self { root: folder.join("root.pem"), tls: Arc::new(tls) }
    }
}
