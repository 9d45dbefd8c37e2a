//! A certificate chain and its key, read from PEM files and checked before anybody is shown them.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    SignatureAlgorithm,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    sign::CertifiedKey,
};
use x509_cert::{Certificate, der::Decode as _};

use crate::{domain::UnixMs, net::tls::TlsError};

/// What kind of key a certificate has: clients choose by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA: every client takes it; Twilio takes no other.
    Rsa,
    /// ECDSA or Ed25519.
    Elliptic,
}

impl KeyKind {
    /// As people and metrics call it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Rsa => "RSA",
            Self::Elliptic => "ECDSA",
        }
    }
}

/// A chain with its key.
#[derive(Clone)]
pub struct Pair {
    /// The chain's file.
    pub file: PathBuf,
    /// The kind of its key.
    pub kind: KeyKind,
    /// Since when it may be used.
    pub not_before: UnixMs,
    /// Until when.
    pub not_after: UnixMs,
    /// Somebody else has signed it, and that one's certificate is not in the file: most clients cannot verify that.
    pub is_alone: bool,
    key: Arc<CertifiedKey>,
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair")
            .field("file", &self.file)
            .field("kind", &self.kind)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

/// The octets of two files, as they are compared to notice a change.
pub(super) type Octets = (Vec<u8>, Vec<u8>);

pub(super) fn read(chain: &Path, key: &Path) -> Result<Octets, TlsError> {
    let octets = |file: &Path| {
        fs::read(file).map_err(|why| TlsError::Unreadable {
            file: file.to_owned(),
            why,
        })
    };
    Ok((octets(chain)?, octets(key)?))
}

impl Pair {
    /// Reads and checks the pair.
    ///
    /// # Errors
    /// [`TlsError`] names the file and what is wrong with it.
    pub fn open(chain: &Path, key: &Path) -> Result<Self, TlsError> {
        Self::parse((chain, key), &read(chain, key)?)
    }

    pub(super) fn parse(
        (chain_file, key_file): (&Path, &Path),
        (chain, key): &Octets,
    ) -> Result<Self, TlsError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|_| TlsError::BadCertificate(chain_file.to_owned()))?;
        let own = chain
            .first()
            .ok_or_else(|| TlsError::NoCertificate(chain_file.to_owned()))?;
        let own = Certificate::from_der(own)
            .map_err(|_| TlsError::BadCertificate(chain_file.to_owned()))?;
        let own = own.tbs_certificate();
        let (validity, is_alone) = (
            own.validity(),
            chain.len() == 1 && own.issuer() != own.subject(),
        );
        let (not_before, not_after) = (
            unix_ms(validity.not_before.to_unix_duration()),
            unix_ms(validity.not_after.to_unix_duration()),
        );
        let key =
            PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::NoKey(key_file.to_owned()))?;
        let key = provider()
            .key_provider
            .load_private_key(key)
            .map_err(|_| TlsError::KeyKind(key_file.to_owned()))?;
        let kind = if key.algorithm() == SignatureAlgorithm::RSA {
            KeyKind::Rsa
        } else {
            KeyKind::Elliptic
        };
        let key = CertifiedKey::new(chain, key);
        key.keys_match().map_err(|_| TlsError::NotItsKey {
            chain: chain_file.to_owned(),
            key: key_file.to_owned(),
        })?;
        Ok(Self {
            file: chain_file.to_owned(),
            kind,
            not_before,
            not_after,
            is_alone,
            key: Arc::new(key),
        })
    }

    pub(super) fn key(&self) -> &Arc<CertifiedKey> {
        &self.key
    }
}

/// The one cryptography of this program.
pub(super) fn provider() -> Arc<CryptoProvider> {
    let installed = CryptoProvider::get_default().cloned();
    installed.unwrap_or_else(|| Arc::new(ring::default_provider()))
}

fn unix_ms(since_1970: std::time::Duration) -> UnixMs {
    UnixMs(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::tls::testing::{Authority, KeyFile};

    #[test]
    fn a_pair_is_dated_and_its_kind_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        for (key, kind) in [
            (KeyFile::Rsa, KeyKind::Rsa),
            (KeyFile::Ecdsa, KeyKind::Elliptic),
        ] {
            let (chain, key) = authority.issue(dir.path(), kind.label(), key);
            let pair = Pair::open(&chain, &key).unwrap();
            assert_eq!((pair.kind, pair.is_alone), (kind, false));
            assert!(pair.not_after > pair.not_before);
            let printed = format!("{pair:?}");
            assert!(!printed.contains("key:"), "{printed}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_the_file_and_without_the_key() {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let (chain, key) = authority.issue(dir.path(), "a", KeyFile::Ecdsa);
        let (other, _) = authority.issue(dir.path(), "b", KeyFile::Ecdsa);
        let empty = dir.path().join("empty.pem");
        fs::write(&empty, "").unwrap();
        let broken = dir.path().join("broken.pem");
        fs::write(
            &broken,
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        )
        .unwrap();
        for (chain, key, words) in [
            (
                &dir.path().join("none.pem"),
                &key,
                "none.pem cannot be read",
            ),
            (&empty, &key, "empty.pem has no certificate"),
            (&broken, &key, "broken.pem has a certificate that cannot"),
            (&chain, &empty, "empty.pem has no private key"),
            (&other, &key, "a.key is not the key of the certificate in"),
        ] {
            let said = Pair::open(chain, key).unwrap_err().to_string();
            assert!(said.contains(words), "{said}");
        }
    }

    #[test]
    fn a_certificate_without_its_issuer_is_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (chain, key) = Authority::new().issue(dir.path(), "a", KeyFile::Ecdsa);
        let text = fs::read_to_string(&chain).unwrap();
        let end = "-----END CERTIFICATE-----\n";
        let first = text.find(end).unwrap() + end.len();
        fs::write(&chain, &text[..first]).unwrap();
        assert!(Pair::open(&chain, &key).unwrap().is_alone);
    }
}
