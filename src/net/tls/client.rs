//! The client's side, for connections that the switch opens to a trunk.

use std::{fs, path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use crate::net::tls::{TlsError, pair::provider};

/// Whom we trust when we connect.
#[derive(Clone, Debug)]
pub struct TlsClient {
    config: Arc<ClientConfig>,
    roots: usize,
}

impl TlsClient {
    /// Trusts the system's authorities, and those in the PEM file `ca`.
    ///
    /// # Errors
    /// [`TlsError`] when the file cannot be read or has no certificate. A system without authorities is none: then no
    /// connection by TLS can be verified, and each says so.
    pub fn open(ca: Option<&Path>) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(file) = ca {
            let pem = fs::read(file).map_err(|why| TlsError::Unreadable {
                file: file.to_owned(),
                why,
            })?;
            let own: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&pem)
                .collect::<Result<_, _>>()
                .map_err(|_| TlsError::BadCertificate(file.to_owned()))?;
            if own.is_empty() {
                return Err(TlsError::NoCertificate(file.to_owned()));
            }
            for certificate in own {
                roots
                    .add(certificate)
                    .map_err(|_| TlsError::BadCertificate(file.to_owned()))?;
            }
        }
        let known = roots.len();
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            config: Arc::new(config),
            roots: known,
        })
    }

    /// For the handshake.
    pub fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }

    /// How many authorities are trusted.
    pub fn roots(&self) -> usize {
        self.roots
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_authorities_must_hold_some() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ca.pem");
        assert!(matches!(
            TlsClient::open(Some(&file)),
            Err(TlsError::Unreadable { .. })
        ));
        fs::write(&file, "nothing").unwrap();
        assert!(matches!(
            TlsClient::open(Some(&file)),
            Err(TlsError::NoCertificate(_))
        ));
        let without = TlsClient::open(None).unwrap().roots();
        let authority = crate::net::tls::testing::Authority::new();
        fs::write(&file, authority.pem()).unwrap();
        assert_eq!(TlsClient::open(Some(&file)).unwrap().roots(), without + 1);
    }
}
