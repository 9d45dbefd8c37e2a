//! Digest authentication (RFC 7616 as RFC 8760 wants it in SIP): we ask who calls, and answer who asks us.
//!
//! ```text
//! INVITE without credentials -> Challenger::challenges -> 401 or 407
//! INVITE with credentials -> Challenger::judge -> Right | Stale | Wrong
//! 401 or 407 to a request of ours -> answer -> Authorization or Proxy-Authorization
//! ```
//!
//! Spoken: MD5, SHA-256, SHA-512-256, and `qop=auth`, which is demanded. Not spoken: the `-sess` forms, `auth-int`, hidden user
//! names, other character sets than UTF-8. The `uri` parameter is taken as it was sent: proxies on the way rewrite the
//! Request-URI, and what a comparison would guard against, replay, the window of the nonce count stops.

mod algorithm;
mod client;
mod nonce;
mod params;
mod server;

use std::fmt;

pub use algorithm::Algorithm;
pub use client::{answer, is_stale};
pub use server::{Challenger, Demand, Judgement, Role};

/// A user name and its password.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user name.
    pub user: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Login {
    /// Neither of the two: scanners try names, too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(..)")
    }
}
