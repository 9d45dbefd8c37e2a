//! A certificate authority for tests: chains and keys as PEM files, RSA and ECDSA, for as long as a test says.

use std::fs;
use std::path::{Path, PathBuf};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{self, KeySize};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

/// The kind of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyFile {
    Rsa,
    Ecdsa,
}

/// A root that nobody but the test trusts, and an intermediate that signs for it.
pub(crate) struct Authority {
    root: CertifiedIssuer<'static, KeyPair>,
    intermediate: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let params = |name: &str| {
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
            params
        };
        let root = CertifiedIssuer::self_signed(params("Test root"), key(KeyFile::Ecdsa));
        let root = root.expect("a root");
        let between = CertifiedIssuer::signed_by(params("Test CA"), key(KeyFile::Ecdsa), &root);
        Self {
            intermediate: between.expect("an intermediate"),
            root,
        }
    }

    /// The root, as PEM.
    pub(crate) fn pem(&self) -> String {
        self.root.pem()
    }

    /// The root.
    pub(crate) fn root(&self) -> CertificateDer<'static> {
        self.root.der().clone()
    }

    /// A chain for this machine under many names, good for many years, in `NAME.pem` and `NAME.key`.
    pub(crate) fn issue(&self, folder: &Path, name: &str, kind: KeyFile) -> (PathBuf, PathBuf) {
        self.issue_until(folder, name, kind, (4096, 1, 1))
    }

    /// The same until the beginning of a day: year, month, day.
    pub(crate) fn issue_until(
        &self,
        folder: &Path,
        name: &str,
        kind: KeyFile,
        (year, month, day): (i32, u8, u8),
    ) -> (PathBuf, PathBuf) {
        let names = ["localhost", "sip.example.org", "127.0.0.1", "::1"].map(str::to_owned);
        let mut params = CertificateParams::new(names).expect("good names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_after = date_time_ymd(year, month, day);
        params.use_authority_key_identifier_extension = true;
        let key = key(kind);
        let leaf = params.signed_by(&key, &self.intermediate);
        let leaf = leaf.expect("a certificate");
        let (chain_file, key_file) = (
            folder.join(format!("{name}.pem")),
            folder.join(format!("{name}.key")),
        );
        fs::write(&chain_file, leaf.pem() + &self.intermediate.pem()).expect("a chain's file");
        fs::write(&key_file, key.serialize_pem()).expect("a key's file");
        (chain_file, key_file)
    }
}

fn key(kind: KeyFile) -> KeyPair {
    let key = match kind {
        KeyFile::Ecdsa => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
        // ring makes no RSA keys.
        KeyFile::Rsa => {
            let key = rsa::KeyPair::generate(KeySize::Rsa2048).expect("an RSA key");
            let der = key.as_der().expect("its encoding");
            let der = PrivatePkcs8KeyDer::from(der.as_ref());
            KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_RSA_SHA256)
        }
    };
    key.expect("a key")
}
