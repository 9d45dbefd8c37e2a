//! Handshakes in memory, and the authority that all tests of certificates share.

use std::sync::Arc;

use rustls::{
    CipherSuite, ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, ServerConnection,
    SupportedCipherSuite, crypto::ring,
};
use x509_cert::{Certificate, der::Decode as _};

use crate::net::tls::{KeyKind, TlsServer};

#[path = "../../../tests/common/certificates.rs"]
mod certificates;

pub(crate) use certificates::{Authority, KeyFile};

/// What a client offers; everything when it names no suites.
#[derive(Default)]
pub(crate) struct Hello {
    pub(crate) suites: Vec<SupportedCipherSuite>,
}

/// What a handshake came to.
pub(crate) struct Shaken {
    pub(crate) kind: KeyKind,
    pub(crate) version: ProtocolVersion,
    pub(crate) suite: CipherSuite,
    pub(crate) leaf: Vec<u8>,
}

impl Authority {
    /// A handshake without sockets, which must succeed, by a client that trusts this authority.
    pub(crate) fn shakes_hands(&self, server: &TlsServer, hello: Hello) -> Shaken {
        let mut provider = ring::default_provider();
        if !hello.suites.is_empty() {
            provider.cipher_suites = hello.suites;
        }
        let mut roots = RootCertStore::empty();
        roots.add(self.root()).unwrap();
        // A client without suites of TLS 1.3 is one of TLS 1.2.
        let config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(rustls::ALL_VERSIONS)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = "sip.example.org".try_into().unwrap();
        let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut server = ServerConnection::new(server.config()).unwrap();
        while client.is_handshaking() || server.is_handshaking() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).unwrap();
            server.read_tls(&mut wire.as_slice()).unwrap();
            server.process_new_packets().unwrap();
            wire.clear();
            server.write_tls(&mut wire).unwrap();
            client.read_tls(&mut wire.as_slice()).unwrap();
            client.process_new_packets().unwrap();
        }
        let leaf = client.peer_certificates().unwrap()[0].to_vec();
        let parsed = Certificate::from_der(&leaf).unwrap();
        let algorithm = &parsed.tbs_certificate().subject_public_key_info().algorithm;
        // rsaEncryption (RFC 8017 appendix C).
        let is_rsa = algorithm.oid.to_string() == "1.2.840.113549.1.1.1";
        Shaken {
            kind: if is_rsa {
                KeyKind::Rsa
            } else {
                KeyKind::Elliptic
            },
            version: client.protocol_version().unwrap(),
            suite: client.negotiated_cipher_suite().unwrap().suite(),
            leaf,
        }
    }
}
