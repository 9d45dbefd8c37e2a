//! TLS of SIP: certificates from PEM files, one server that takes new ones while it runs, one client for connections we open.
//!
//! ```text
//! chain.pem + key.pem -> Pair (checked, dated) -> TlsServer: picks by what the client can verify
//! system roots + SIP_TLS_CA -> TlsClient
//! ```
//! TLS 1.2 and 1.3 (RFC 5246, RFC 8446). No certificate is asked of clients: who may call is the trunks' affair. The host
//! name that a client asks for (SNI) changes nothing. Private keys stay in here and are in no message.

mod client;
mod pair;
mod server;
#[cfg(test)]
pub(crate) mod testing;

use std::{io, path::PathBuf};

pub use client::TlsClient;
pub use pair::{KeyKind, Pair};
pub use server::{Reloaded, TlsServer};

/// Why certificates cannot be used. Names files, never what is in them.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that cannot be read.
    #[error("{} cannot be read: {why}", file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// A file without a certificate.
    #[error("{} has no certificate (PEM, -----BEGIN CERTIFICATE-----)", .0.display())]
    NoCertificate(PathBuf),
    /// A certificate that is none.
    #[error("{} has a certificate that cannot be read", .0.display())]
    BadCertificate(PathBuf),
    /// A file without a key.
    #[error("{} has no private key that can be read (PEM, without a password)", .0.display())]
    NoKey(PathBuf),
    /// A key that cannot sign here.
    #[error("{} has a key of a kind that is not supported: take RSA (2048 bits or more), ECDSA P-256 or P-384, or Ed25519", .0.display())]
    KeyKind(PathBuf),
    /// A key of another certificate.
    #[error("{} is not the key of the certificate in {}", key.display(), chain.display())]
    NotItsKey {
        /// The certificate's file.
        chain: PathBuf,
        /// The key's.
        key: PathBuf,
    },
    /// TLS cannot be set up at all.
    #[error("TLS cannot be set up: {0}")]
    Rustls(#[from] rustls::Error),
}
