//! The only dice: ids, SSRCs, secrets.
#![expect(clippy::disallowed_methods, reason = "this is where chance is drawn")]

use rand::{Rng, RngCore};

use crate::{
    actors::clock,
    domain::{CallId, CallerId, NewIds},
};

/// A new id: 48 bits of time, then chance, so that ids sort by age.
pub fn id() -> u128 {
    let chance = rand::rng().random::<u128>() >> 48;
    (u128::from(clock::unix_ms()) << 80) | chance
}

/// Ids for the rows that a press may make.
pub fn new_ids() -> NewIds {
    NewIds {
        call: CallId(id()),
        caller: CallerId(id()),
    }
}

/// 32 bits, such as an SSRC or the start of an RTP timestamp.
pub fn u32() -> u32 {
    rand::rng().random()
}

/// 16 bits below half the range, so that a stream's first packets do not wrap (RFC 3711 section 3.3.1).
pub fn sequence() -> u16 {
    rand::rng().random_range(0..0x8000)
}

/// 64 bits.
pub fn u64() -> u64 {
    rand::rng().random()
}

/// 256 bits.
pub fn secret() -> [u8; 32] {
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

/// 256 bits as text for addresses and headers.
pub fn token() -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(secret())
}

/// A canonical name for RTCP: 96 bits in base64 (RFC 7022 section 4.2).
pub fn cname() -> [u8; 16] {
    use base64::Engine as _;
    let mut bytes = [0; 12];
    rand::rng().fill_bytes(&mut bytes);
    let mut name = [b'A'; 16];
    // 12 octets are 16 letters, so there is room.
    let _ = base64::engine::general_purpose::STANDARD.encode_slice(bytes, &mut name);
    name
}

/// Seconds after which a caller who was sent away may try again, as text for Retry-After: not the same for all, so that they
/// don't come back in one wave.
pub fn retry_after_s() -> String {
    rand::rng().random_range(5..=15).to_string()
}
