//! Tags and branches: unguessable without a random source, and the same again for a request that
//! comes again, so that answers can be given without state (RFC 3261 section 8.2.7).

use hmac::{Hmac, Mac};
use rsip::Headers;
use sha2::Sha256;

use crate::sip::value::via::MAGIC_COOKIE;
use crate::sip::{TxnKey, incoming, value};

/// Signs with the secret of the process.
#[derive(Debug, Clone)]
pub(super) struct Signer {
    keyed: Option<Hmac<Sha256>>,
}

impl Signer {
    pub(super) fn new(secret: [u8; 32]) -> Self {
        Self {
            keyed: Hmac::new_from_slice(&secret).ok(),
        }
    }

    /// Our tag for whatever the request with these headers and this branch makes.
    pub(super) fn tag(&self, headers: &Headers, branch: Option<&str>) -> String {
        let find = |name| value::find(headers, name).unwrap_or_default();
        let from = incoming::tag(Some(find("From")));
        let number = value::cseq(find("CSeq"))
            .map_or(0, |(number, _)| number)
            .to_string();
        self.sign(&["tag", find("Call-ID"), from, branch.unwrap_or(&number)])
    }

    /// The branch of a request of ours.
    pub(super) fn branch(&self, txn: TxnKey) -> String {
        format!(
            "{MAGIC_COOKIE}{}",
            self.sign(&["branch", &txn.0.to_string()])
        )
    }

    /// 96 bits in hexadecimal digits.
    fn sign(&self, parts: &[&str]) -> String {
        let Some(mut mac) = self.keyed.clone() else {
            return String::new();
        };
        for part in parts {
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part.as_bytes());
        }
        let signature = mac.finalize().into_bytes();
        signature
            .iter()
            .take(12)
            .flat_map(|octet| [octet >> 4, octet & 15])
            .map(hex)
            .collect()
    }
}

fn hex(digit: u8) -> char {
    char::from_digit(u32::from(digit), 16).unwrap_or('0')
}
