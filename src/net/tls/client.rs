//! The client's side, for connections that the switch opens to a trunk.

use std::{
    fs,
    path::Path,
    sync::{Arc, OnceLock},
};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use crate::net::tls::{TlsError, pair::provider};

/// Whom we trust when we connect: the system's authorities, and those of a file.
#[derive(Clone, Debug)]
pub struct TlsClient {
    own: RootCertStore,
    /// Once it was asked for.
    config: Arc<OnceLock<Arc<ClientConfig>>>,
}

impl TlsClient {
    /// Trusts those in the PEM file `ca` besides the system's.
    ///
    /// # Errors
    /// [`TlsError`] when the file cannot be read or has no certificate.
    pub fn open(ca: Option<&Path>) -> Result<Self, TlsError> {
        let mut own = RootCertStore::empty();
        if let Some(file) = ca {
            let pem = fs::read(file).map_err(|why| TlsError::Unreadable {
                file: file.to_owned(),
                why,
            })?;
            let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&pem)
                .collect::<Result<_, _>>()
                .map_err(|_| TlsError::BadCertificate(file.to_owned()))?;
            if certificates.is_empty() {
                return Err(TlsError::NoCertificate(file.to_owned()));
            }
            for certificate in certificates {
                own.add(certificate)
                    .map_err(|_| TlsError::BadCertificate(file.to_owned()))?;
            }
        }
        Ok(Self {
            own,
            config: Arc::default(),
        })
    }

    /// For the handshake. The first call reads the system's authorities, some 150 files, from the disk: a switch that never
    /// connects by TLS starts without them. A system that has none is no error: then no connection by TLS can be verified,
    /// and each says so.
    ///
    /// # Errors
    /// [`TlsError`] when the cryptography has no protocol version in common with itself.
    pub fn config(&self) -> Result<Arc<ClientConfig>, TlsError> {
        if let Some(config) = self.config.get() {
            return Ok(Arc::clone(config));
        }
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(self.roots())
            .with_no_client_auth();
        Ok(Arc::clone(self.config.get_or_init(|| Arc::new(config))))
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = self.own.clone();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots
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
        let without = TlsClient::open(None).unwrap().roots().len();
        let authority = crate::net::tls::testing::Authority::new();
        fs::write(&file, authority.pem()).unwrap();
        let with = TlsClient::open(Some(&file)).unwrap().roots().len();
        assert_eq!(with, without + 1);
    }
}
