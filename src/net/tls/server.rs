//! The server's side: which certificate a client is shown, and how a new one comes in without a restart.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use rustls::{
    ServerConfig,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use crate::net::tls::{
    TlsError,
    pair::{Octets, Pair, provider, read},
};

/// What looking at the files again brought.
#[derive(Debug)]
pub enum Reloaded {
    /// They are as they were.
    Same,
    /// Connections from now on see the new certificates; those that are open go on.
    Changed,
    /// The new files cannot be used. The old certificates stay.
    Kept(TlsError),
}

/// Certificates for those who connect to us.
#[derive(Clone, Debug)]
pub struct TlsServer {
    config: Arc<ServerConfig>,
    shown: Arc<Shown>,
    files: Arc<Vec<(PathBuf, PathBuf)>>,
    /// What the files held when they were last looked at, good or not: a complaint is made once.
    seen: Arc<Mutex<Vec<Octets>>>,
}

impl TlsServer {
    /// Reads the pairs, the preferred one first.
    ///
    /// # Errors
    /// [`TlsError`] names the file and what is wrong with it.
    pub fn open(files: &[(PathBuf, PathBuf)]) -> Result<Self, TlsError> {
        let octets = read_all(files)?;
        let shown = Arc::new(Shown(RwLock::new(Arc::new(parse_all(files, &octets)?))));
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&shown) as Arc<dyn ResolvesServerCert>);
        Ok(Self {
            config: Arc::new(config),
            shown,
            files: Arc::new(files.to_vec()),
            seen: Arc::new(Mutex::new(octets)),
        })
    }

    /// Looks at the files again. Reads from disk: not for a thread that must not wait.
    pub fn reload(&self) -> Reloaded {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let octets = match read_all(&self.files) {
            Ok(octets) if octets == *seen => return Reloaded::Same,
            Ok(octets) => octets,
            // A file that is just being replaced: the next look will tell.
            Err(error) => {
                let is_new = !seen.is_empty();
                seen.clear();
                return if is_new {
                    Reloaded::Kept(error)
                } else {
                    Reloaded::Same
                };
            }
        };
        let parsed = parse_all(&self.files, &octets);
        *seen = octets;
        match parsed {
            Ok(pairs) => {
                self.shown.replace(pairs);
                Reloaded::Changed
            }
            Err(error) => Reloaded::Kept(error),
        }
    }

    /// For the handshake.
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// The certificates that are shown now.
    pub fn pairs(&self) -> Arc<Vec<Pair>> {
        self.shown.pairs()
    }
}

fn read_all(files: &[(PathBuf, PathBuf)]) -> Result<Vec<Octets>, TlsError> {
    files.iter().map(|(chain, key)| read(chain, key)).collect()
}

fn parse_all(files: &[(PathBuf, PathBuf)], octets: &[Octets]) -> Result<Vec<Pair>, TlsError> {
    let both = files.iter().zip(octets);
    both.map(|((chain, key), octets)| Pair::parse((chain, key), octets))
        .collect()
}

#[derive(Debug)]
struct Shown(RwLock<Arc<Vec<Pair>>>);

impl Shown {
    fn pairs(&self) -> Arc<Vec<Pair>> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, pairs: Vec<Pair>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pairs);
    }
}

impl ResolvesServerCert for Shown {
    /// The first whose signature the client can verify: rustls has struck out what its cipher suites rule out, so one that
    /// lists RSA suites alone is shown the RSA chain.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let pairs = self.pairs();
        let fits = |pair: &&Pair| {
            pair.key()
                .key
                .choose_scheme(hello.signature_schemes())
                .is_some()
        };
        let pair = pairs.iter().find(fits)?;
        Some(Arc::clone(pair.key()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rustls::{CipherSuite, ProtocolVersion, crypto::ring};

    use super::*;
    use crate::net::tls::{
        KeyKind,
        testing::{Authority, Hello, KeyFile},
    };

    fn files(authority: &Authority, dir: &std::path::Path) -> [(PathBuf, PathBuf); 2] {
        [
            authority.issue(dir, "ec", KeyFile::Ecdsa),
            authority.issue(dir, "rsa", KeyFile::Rsa),
        ]
    }

    #[test]
    fn a_client_is_shown_the_certificate_that_it_can_verify() {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let server = TlsServer::open(&files(&authority, dir.path())).unwrap();
        let any = authority.shakes_hands(&server, Hello::default());
        assert_eq!(any.kind, KeyKind::Elliptic);
        assert_eq!(any.version, ProtocolVersion::TLSv1_3);
        // Twilio: TLS 1.2 with these suites and no others, whatever signature schemes it names.
        let twilio = Hello {
            suites: vec![ring::cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256],
        };
        let twilio = authority.shakes_hands(&server, twilio);
        assert_eq!(
            (twilio.kind, twilio.version, twilio.suite),
            (
                KeyKind::Rsa,
                ProtocolVersion::TLSv1_2,
                CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
            )
        );
    }

    #[test]
    fn new_files_are_shown_bad_ones_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let pair = authority.issue(dir.path(), "a", KeyFile::Ecdsa);
        let server = TlsServer::open(std::slice::from_ref(&pair)).unwrap();
        let serial = |server: &TlsServer| authority.shakes_hands(server, Hello::default()).leaf;
        let first = serial(&server);
        assert!(matches!(server.reload(), Reloaded::Same));

        let key = fs::read(&pair.1).unwrap();
        authority.issue(dir.path(), "a", KeyFile::Ecdsa);
        let next = fs::read(&pair.1).unwrap();
        // The chain is new, its key has not arrived.
        fs::write(&pair.1, key).unwrap();
        assert!(matches!(
            server.reload(),
            Reloaded::Kept(TlsError::NotItsKey { .. })
        ));
        assert!(matches!(server.reload(), Reloaded::Same), "said once");
        assert_eq!(serial(&server), first);
        fs::write(&pair.1, next).unwrap();
        assert!(matches!(server.reload(), Reloaded::Changed));
        let second = serial(&server);
        assert_ne!(second, first);

        fs::remove_file(&pair.0).unwrap();
        assert!(matches!(
            server.reload(),
            Reloaded::Kept(TlsError::Unreadable { .. })
        ));
        assert!(matches!(server.reload(), Reloaded::Same), "said once");
        assert_eq!(serial(&server), second);
    }
}
