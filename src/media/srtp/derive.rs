//! From a master key to session keys (RFC 3711 section 4.3), and what is done with them.

use std::fmt;

use aes::Aes128Enc;
use ctr::CtrCore;
use ctr::cipher::{InnerIvInit as _, KeyInit as _, StreamCipher as _, StreamCipherCoreWrapper};
use ctr::flavors::Ctr128BE;
use hmac::{Hmac, Mac as _};
use sha1::Sha1;

use super::MasterKey;

/// Octets of HMAC-SHA1 before it is cut to a tag.
const MAC_LEN: usize = 20;

/// What keys are derived for: the first of its three labels (RFC 3711 sections 4.3.1 and 4.3.2), which are those of
/// encryption, authentication and salt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Rtp = 0,
    Rtcp = 3,
}

/// The expanded keys of one direction. Never printed.
#[derive(Clone)]
pub(super) struct SessionKeys {
    cipher: Aes128Enc,
    salt: [u8; 14],
    mac: Hmac<Sha1>,
}

impl fmt::Debug for SessionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKeys")
    }
}

impl SessionKeys {
    /// Derives once for the life of the master key (a key derivation rate of 0).
    pub(super) fn derive(master: &MasterKey, purpose: Purpose) -> Self {
        let derived = Derived::of(master, purpose);
        Self {
            cipher: Aes128Enc::new(&derived.encryption.into()),
            salt: derived.salt,
            mac: keyed(&derived.authentication),
        }
    }

    /// Encrypts or decrypts the payload of the packet with this SSRC and index (section 4.1.1).
    pub(super) fn crypt(&self, ssrc: u32, index: u64, payload: &mut [u8]) {
        let mut iv = [0; 16];
        let [_, _, index @ ..] = index.to_be_bytes();
        let parts = [0; 4].into_iter().chain(ssrc.to_be_bytes()).chain(index);
        for ((octet, salt), part) in iv.iter_mut().zip(self.salt).zip(parts) {
            *octet = salt ^ part;
        }
        keystream(&self.cipher, iv, payload);
    }

    /// The untruncated tag of a packet and what is signed with it but not sent (section 4.2): of RTP, the rollovers.
    pub(super) fn tag(&self, packet: &[u8], unsent: &[u8]) -> [u8; MAC_LEN] {
        let mut mac = self.mac.clone();
        mac.update(packet);
        mac.update(unsent);
        mac.finalize().into_bytes().into()
    }
}

struct Derived {
    encryption: [u8; 16],
    authentication: [u8; MAC_LEN],
    salt: [u8; 14],
}

impl Derived {
    fn of(master: &MasterKey, purpose: Purpose) -> Self {
        let cipher = Aes128Enc::new(&master.key.into());
        let mut derived = Self {
            encryption: [0; 16],
            authentication: [0; MAC_LEN],
            salt: [0; 14],
        };
        let keys = [
            &mut derived.encryption[..],
            &mut derived.authentication[..],
            &mut derived.salt[..],
        ];
        for (label, key) in (purpose as u8..).zip(keys) {
            let mut iv = [0; 16];
            for (octet, salt) in iv.iter_mut().zip(master.salt) {
                *octet = salt;
            }
            iv[7] ^= label;
            keystream(&cipher, iv, key);
        }
        derived
    }
}

fn keystream(cipher: &Aes128Enc, iv: [u8; 16], octets: &mut [u8]) {
    let core = CtrCore::<_, Ctr128BE>::inner_iv_init(cipher, &iv.into());
    StreamCipherCoreWrapper::from_core(core).apply_keystream(octets);
}

/// HMAC under a key that is no longer than a block: zeros fill it up (RFC 2104 section 2).
fn keyed(key: &[u8; MAC_LEN]) -> Hmac<Sha1> {
    let mut block = [0; 64];
    for (octet, key) in block.iter_mut().zip(key) {
        *octet = *key;
    }
    <Hmac<Sha1> as hmac::Mac>::new(&block.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::srtp::tests::octets;

    #[test]
    fn keys_are_those_of_rfc_3711_b_3() {
        let master = MasterKey {
            key: octets("E1F97A0D3E018BE0D64FA32C06DE4139"),
            salt: octets("0EC675AD498AFEEBB6960B3AABE6"),
        };
        let derived = Derived::of(&master, Purpose::Rtp);
        assert_eq!(
            derived.encryption,
            octets("C61E7A93744F39EE10734AFE3FF7A087")
        );
        assert_eq!(derived.salt, octets("30CBBC08863D8C85D49DB34A9AE1"));
        assert_eq!(
            derived.authentication,
            octets("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4")
        );
    }

    #[test]
    fn the_keystream_is_that_of_rfc_3711_b_2() {
        let keys = SessionKeys {
            cipher: Aes128Enc::new(&octets("2B7E151628AED2A6ABF7158809CF4F3C").into()),
            salt: octets("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"),
            mac: keyed(&[0; MAC_LEN]),
        };
        let mut stream = vec![0; 0xFF02 * 16];
        keys.crypt(0, 0, &mut stream);
        for (block, expected) in [
            (0, "E03EAD0935C95E80E166B16DD92B4EB4"),
            (1, "D23513162B02D0F72A43A2FE4A5F97AB"),
            (2, "41E95B3BB0A2E8DD477901E4FCA894C0"),
            (0xFEFF, "EC8CDF7398607CB0F2D21675EA9EA1E4"),
            (0xFF00, "362B7C3C6773516318A077D7FC5073AE"),
            (0xFF01, "6A2CC3787889374FBEB4C81B17BA6C44"),
        ] {
            let from = block * 16;
            assert_eq!(
                stream[from..from + 16],
                octets::<16>(expected),
                "block {block:x}"
            );
        }
    }
}
