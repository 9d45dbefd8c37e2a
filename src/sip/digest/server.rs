//! The one who asks: challenges, and the judgement of what comes back.

use std::time::Instant;

use subtle::ConstantTimeEq as _;

use super::Login;
use super::algorithm::{Algorithm, Asked};
use super::nonce::{Nonces, Worth};
use super::params::{Params, quoted};

/// What we call ourselves: peers choose their login by it. It says nothing of the software, since strangers are asked, too.
const REALM: &str = "sip";
/// Credentials headers of one request that are looked at.
const CREDENTIALS_MAX: usize = 8;
/// Digits of a nonce count.
const COUNT_DIGITS: usize = 8;

/// As whom we ask (RFC 3261 section 22): peers answer both, but some gateways know proxies only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The called party: 401, `WWW-Authenticate`.
    Called,
    /// A proxy before it: 407, `Proxy-Authenticate`.
    Proxy,
}

impl Role {
    /// The status of the refusal.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Called => 401,
            Self::Proxy => 407,
        }
    }

    /// The header that carries a challenge.
    #[must_use]
    pub fn challenge_header(self) -> &'static str {
        match self {
            Self::Called => "WWW-Authenticate",
            Self::Proxy => "Proxy-Authenticate",
        }
    }
}

/// What is asked of one peer.
#[derive(Debug, Clone, Copy)]
pub struct Demand<'a> {
    /// Nonces are good within the scope that they were made for alone, such as one address.
    pub scope: &'a [u8],
    /// The login that is right.
    pub login: &'a Login,
    /// The algorithms that may answer, the preferred one first.
    pub algorithms: &'a [Algorithm],
}

/// What the credentials of a request are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// None for our realm that can be read.
    Absent,
    /// With a nonce that is not ours, of another scope, too old, or with a count that was used: ask again with `stale=true`. What
    /// it says about the password is not looked at, so that nobody can guess without a nonce of ours.
    Stale,
    /// With a good nonce, so from somebody who received our challenge in this scope, and wrong.
    Wrong,
    /// Right. The same credentials are stale from now on.
    Right,
}

/// Asks for credentials and judges them.
#[derive(Debug)]
pub struct Challenger {
    nonces: Nonces,
}

impl Challenger {
    /// `secret` is random and new for each process.
    #[must_use]
    pub fn new(now: Instant, secret: &[u8; 32]) -> Self {
        Self {
            nonces: Nonces::new(now, secret),
        }
    }

    /// The challenges, one header value for each algorithm, in their order (RFC 8760 section 2.3).
    pub fn challenges(&mut self, now: Instant, demand: &Demand<'_>, stale: bool) -> Vec<String> {
        let nonce = self.nonces.make(now, demand.scope);
        let stale = if stale { ", stale=true" } else { "" };
        let challenge = |algorithm: &Algorithm| {
            let algorithm = algorithm.token();
            // Nothing is kept in `opaque`; some peers want one.
            format!(
                "Digest realm={}, nonce=\"{nonce}\", opaque=\"0\", algorithm={algorithm}, qop=\"auth\"{stale}",
                quoted(REALM)
            )
        };
        demand.algorithms.iter().map(challenge).collect()
    }

    /// Judges a request with this method by the values of its `Authorization` and `Proxy-Authorization` headers.
    pub fn judge<'a>(
        &mut self,
        now: Instant,
        demand: &Demand<'_>,
        method: &str,
        credentials: impl Iterator<Item = &'a str>,
    ) -> Judgement {
        let ours = credentials
            .take(CREDENTIALS_MAX)
            .filter_map(Params::read)
            .find(|params| params.find("realm") == Some(REALM));
        let Some(answer) = ours
            .as_ref()
            .and_then(|params| Answer::read(params, demand))
        else {
            return Judgement::Absent;
        };
        let Worth::Good(number) = self.nonces.weigh(now, demand.scope, answer.nonce) else {
            return Judgement::Stale;
        };
        if !answer.is_right(demand.login, method) {
            return Judgement::Wrong;
        }
        if self.nonces.take(now, number, answer.count) {
            Judgement::Right
        } else {
            Judgement::Stale
        }
    }
}

/// Credentials with everything that `qop=auth` needs.
struct Answer<'a> {
    algorithm: Algorithm,
    user: &'a str,
    nonce: &'a str,
    uri: &'a str,
    response: &'a str,
    count_digits: &'a str,
    count: u32,
    client_nonce: &'a str,
}

impl<'a> Answer<'a> {
    fn read(params: &'a Params<'_>, demand: &Demand<'_>) -> Option<Self> {
        // Without the parameter it is MD5 (RFC 7616 section 3.4).
        let algorithm = Algorithm::from_token(params.find("algorithm").unwrap_or("MD5"))
            .filter(|algorithm| demand.algorithms.contains(algorithm))?;
        let is_auth = params.find("qop")?.eq_ignore_ascii_case("auth");
        let count_digits = params.find("nc").filter(|nc| {
            nc.len() == COUNT_DIGITS && nc.bytes().all(|digit| digit.is_ascii_hexdigit())
        })?;
        is_auth.then_some(Self {
            algorithm,
            user: params.find("username")?,
            nonce: params.find("nonce")?,
            uri: params.find("uri")?,
            response: params.find("response")?,
            count_digits,
            count: u32::from_str_radix(count_digits, 16).ok()?,
            client_nonce: params.find("cnonce")?,
        })
    }

    /// Takes the same time whichever of name and password is wrong, and wherever they differ.
    fn is_right(&self, login: &Login, method: &str) -> bool {
        let asked = Asked {
            realm: REALM,
            nonce: self.nonce,
            method,
            uri: self.uri,
            counted: Some((self.count_digits, self.client_nonce)),
        };
        let expected = self
            .algorithm
            .response(&login.user, &login.password, &asked);
        let said = self.response.to_ascii_lowercase();
        let knows_user = login.user.as_bytes().ct_eq(self.user.as_bytes());
        let knows_password = expected.as_bytes().ct_eq(said.as_bytes());
        (knows_user & knows_password).into()
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
