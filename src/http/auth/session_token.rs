//! Session tokens: `OPERATOR.ISSUED.MAC`, signed, so that no list of sessions need be kept.
//!
//! `ISSUED` is in milliseconds since 1970; `MAC` is base64url of HMAC-SHA256 over what stands before it.

use std::{fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::domain::{OperatorId, UnixMs};

/// How long a session lasts.
pub(in crate::http) const LIFETIME: Duration = Duration::from_secs(12 * 3600);
/// [`LIFETIME`] in milliseconds.
pub(super) const LIFETIME_MS: i64 = 12 * 3600 * 1000;
/// Sets these tokens apart from whatever else is signed with the same key.
const PURPOSE: &[u8] = b"audioroad session 1\0";
/// Longest token that is read, in bytes.
const LENGTH_MAX: usize = 128;

/// The key that session tokens are signed with.
#[derive(Clone)]
pub(super) struct SessionKey(Hmac<Sha256>);

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey")
    }
}

impl SessionKey {
    pub(super) fn new(secret: &[u8; 32]) -> Self {
        // HMAC takes keys of up to a block (64 octets) as they are, zeros appended.
        let mut block = [0; 64];
        for (octet, secret) in block.iter_mut().zip(secret) {
            *octet = *secret;
        }
        Self(Hmac::new(&block.into()))
    }

    /// A token that lets its bearer be `operator` for [`LIFETIME`] from `issued` on.
    pub(super) fn make(&self, operator: OperatorId, issued: UnixMs) -> String {
        let claims = format!("{operator}.{}", issued.0);
        let mac = self.signed(&claims).finalize().into_bytes();
        format!("{claims}.{}", URL_SAFE_NO_PAD.encode(mac))
    }

    /// Whose token this is and when it was issued; `None` when it is not ours, too old, or of a time to come.
    pub(super) fn read(&self, token: &str, now: UnixMs) -> Option<(OperatorId, UnixMs)> {
        if token.len() > LENGTH_MAX {
            return None;
        }
        let (claims, mac) = token.rsplit_once('.')?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        self.signed(claims).verify_slice(&mac).ok()?;
        let (operator, issued) = claims.split_once('.')?;
        let issued = UnixMs(issued.parse().ok()?);
        // A token of the next millisecond is one that was issued just after a sign-out.
        let fresh = issued <= now.plus_ms(1) && now.since(issued) < LIFETIME_MS;
        fresh.then_some((operator.parse().ok()?, issued))
    }

    fn signed(&self, claims: &str) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(PURPOSE);
        mac.update(claims.as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: OperatorId = OperatorId(7);
    const NOW: UnixMs = UnixMs(1_790_000_000_000);

    fn key() -> SessionKey {
        SessionKey::new(&[3; 32])
    }

    #[test]
    fn a_token_lasts_twelve_hours() {
        let token = key().make(ADA, NOW);
        assert_eq!(key().read(&token, NOW), Some((ADA, NOW)));
        assert_eq!(
            key().read(&token, NOW.plus_ms(LIFETIME_MS - 1)),
            Some((ADA, NOW))
        );
        assert_eq!(key().read(&token, NOW.plus_ms(LIFETIME_MS)), None);
        assert_eq!(
            key().read(&token, UnixMs(NOW.0 - 60_000)),
            None,
            "issued in the future"
        );
    }

    #[test]
    fn nothing_of_it_can_be_changed() {
        let token = key().make(ADA, NOW);
        assert_eq!(SessionKey::new(&[4; 32]).read(&token, NOW), None);
        let other = key().make(OperatorId(8), NOW);
        let (claims, _) = token.rsplit_once('.').unwrap();
        let (_, mac) = other.rsplit_once('.').unwrap();
        assert_eq!(key().read(&format!("{claims}.{mac}"), NOW), None);
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'1' { b'0' } else { b'1' };
            let changed = String::from_utf8(bytes).unwrap();
            // The last character of base64 carries two bits that nothing reads; a strict decoder refuses them.
            assert_eq!(key().read(&changed, NOW), None, "{changed}");
        }
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for token in [
            "",
            ".",
            "..",
            "a.b.c",
            "eyJhbGciOiJub25lIn0.e30.",
            &"9".repeat(1000),
        ] {
            assert_eq!(key().read(token, NOW), None, "{token}");
        }
    }
}
