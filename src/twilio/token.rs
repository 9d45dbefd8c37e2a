//! The token of a call: what our TwiML hands to Twilio and an INVITE brings back.
//!
//! `X-Call-Token: EXPIRY.MAC`, where `EXPIRY` is in Unix seconds and `MAC` is base64url of
//! HMAC-SHA256 over call, parent `CallSid` and expiry. It lets one call in, from any address, until
//! it expires; that it is used once is for the owner of the call to see to.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Sets our tokens apart from whatever else is signed with the same secret.
const PURPOSE: &[u8] = b"audioroad call token 1";

/// Longest token that is read, in octets.
const TOKEN_LEN_MAX: usize = 80;

/// Why a token does not let a call in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token at all.
    #[error("call token is malformed")]
    Malformed,
    /// Not ours, or of another call.
    #[error("call token does not belong to this call")]
    Forged,
    /// Ours, and too old.
    #[error("call token has expired")]
    Expired,
}

/// The secret that tokens are made with.
#[derive(Clone)]
pub struct TokenKey {
    mac: Hmac<Sha256>,
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(..)")
    }
}

impl TokenKey {
    /// A key from 32 random octets.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        // HMAC takes keys of up to a block (64 octets) as they are, zeros appended.
        let mut block = [0; 64];
        for (octet, secret) in block.iter_mut().zip(secret) {
            *octet = *secret;
        }
        Self {
            mac: Hmac::new(&block.into()),
        }
    }

    /// A token for the call `call_id` whose caller's leg at Twilio is `parent_sid`. It is good for
    /// `lifetime_s` seconds from `now_s` on, which is in Unix seconds.
    #[must_use]
    pub fn make(&self, call_id: &str, parent_sid: &str, now_s: u64, lifetime_s: u32) -> String {
        let expires_s = now_s.saturating_add(u64::from(lifetime_s));
        let mac = self
            .signed(call_id, parent_sid, expires_s)
            .finalize()
            .into_bytes();
        format!("{expires_s}.{}", URL_SAFE_NO_PAD.encode(mac))
    }

    /// Checks a token that came with an INVITE for the call `call_id`; takes the same time however
    /// much of a forged one is right.
    ///
    /// # Errors
    /// [`TokenError`]; a token is looked at for its age only if it is ours.
    pub fn verify(
        &self,
        token: &str,
        call_id: &str,
        parent_sid: &str,
        now_s: u64,
    ) -> Result<(), TokenError> {
        if token.len() > TOKEN_LEN_MAX {
            return Err(TokenError::Malformed);
        }
        let (expires, mac) = token.split_once('.').ok_or(TokenError::Malformed)?;
        if !expires.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(TokenError::Malformed);
        }
        let expires_s = expires.parse().map_err(|_| TokenError::Malformed)?;
        let mac = URL_SAFE_NO_PAD
            .decode(mac)
            .map_err(|_| TokenError::Malformed)?;
        self.signed(call_id, parent_sid, expires_s)
            .verify_slice(&mac)
            .map_err(|_| TokenError::Forged)?;
        if now_s < expires_s {
            Ok(())
        } else {
            Err(TokenError::Expired)
        }
    }

    fn signed(&self, call_id: &str, parent_sid: &str, expires_s: u64) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        mac.update(PURPOSE);
        // Lengths keep ("ab", "c") and ("a", "bc") apart.
        for field in [call_id, parent_sid] {
            mac.update(&(field.len() as u64).to_be_bytes());
            mac.update(field.as_bytes());
        }
        mac.update(&expires_s.to_be_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CALL: &str = "0199f5a2-7a53-7c6f-8f5e-3f8a2a9c1d10";
    const SID: &str = "CA1234567890abcdef1234567890abcdef";
    const NOW_S: u64 = 1_795_000_000;

    fn key() -> TokenKey {
        TokenKey::new(&[7; 32])
    }

    #[test]
    fn a_token_lets_its_call_in_until_it_expires() {
        let token = key().make(CALL, SID, NOW_S, 60);
        assert_eq!(key().verify(&token, CALL, SID, NOW_S), Ok(()));
        assert_eq!(key().verify(&token, CALL, SID, NOW_S + 59), Ok(()));
        assert_eq!(
            key().verify(&token, CALL, SID, NOW_S + 60),
            Err(TokenError::Expired)
        );
    }

    #[test]
    fn the_mac_is_hmac_sha256_of_the_documented_octets() {
        let mut octets = PURPOSE.to_vec();
        octets.extend(36u64.to_be_bytes());
        octets.extend(CALL.as_bytes());
        octets.extend(34u64.to_be_bytes());
        octets.extend(SID.as_bytes());
        octets.extend((NOW_S + 60).to_be_bytes());
        let mac = Hmac::<Sha256>::new_from_slice(&[7; 32])
            .unwrap()
            .chain_update(octets)
            .finalize();
        let mac = URL_SAFE_NO_PAD.encode(mac.into_bytes());
        assert_eq!(
            key().make(CALL, SID, NOW_S, 60),
            format!("1795000060.{mac}")
        );
    }

    #[test]
    fn another_call_key_or_expiry_is_forged() {
        let token = key().make(CALL, SID, NOW_S, 60);
        let forged = Err(TokenError::Forged);
        assert_eq!(key().verify(&token, "other", SID, NOW_S), forged);
        assert_eq!(key().verify(&token, CALL, "CAother", NOW_S), forged);
        assert_eq!(
            TokenKey::new(&[8; 32]).verify(&token, CALL, SID, NOW_S),
            forged
        );
        let prolonged = token.replacen("1795000060", "1795000061", 1);
        assert_eq!(key().verify(&prolonged, CALL, SID, NOW_S), forged);
        let (expires, _) = token.split_once('.').unwrap();
        assert_eq!(
            key().verify(&format!("{expires}."), CALL, SID, NOW_S),
            forged
        );
        let run_together = key().make("ab", "c", NOW_S, 60);
        assert_eq!(key().verify(&run_together, "a", "bc", NOW_S), forged);
    }

    #[test]
    fn what_is_no_token_is_malformed() {
        let token = key().make(CALL, SID, NOW_S, 60);
        let padded = format!("{token}=");
        let signed = format!("+{token}");
        let long = token.repeat(2);
        for token in [
            "",
            ".",
            "x.y",
            "1795000060",
            "1.%%",
            &padded,
            &signed,
            &long,
        ] {
            assert_eq!(
                key().verify(token, CALL, SID, NOW_S),
                Err(TokenError::Malformed),
                "{token:?}"
            );
        }
    }

    #[test]
    fn it_fits_a_sip_header_and_needs_no_escapes() {
        let token = key().make(CALL, SID, NOW_S, 60);
        assert!(token.len() <= 60);
        assert!(
            token
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        );
        assert_eq!(format!("{:?}", key()), "TokenKey(..)");
    }

    proptest! {
        #[test]
        fn nothing_random_is_let_in(token in "[0-9]{1,12}\\.[A-Za-z0-9_-]{0,44}|.{0,60}") {
            prop_assert!(key().verify(&token, CALL, SID, 0).is_err());
        }
    }
}
