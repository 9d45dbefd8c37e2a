//! SRTP (RFC 3711) with AES in counter mode and HMAC-SHA1, keyed by the signalling (RFC 4568).
//!
//! ```text
//! out   RTP header, payload → payload ⊕ AES-CM(SSRC, index) → HMAC(packet, ROC) → tag at the end
//! in    index from the sequence → replayed? → HMAC, constant time → payload ⊕ AES-CM → RTP
//! ```
//!
//! Keys are expanded when they are agreed; a packet costs neither memory nor a lock. Nothing of a
//! packet is believed before its tag is right: no state changes, nobody hears it, nobody counts it
//! as a sign of life. Reports go the same way, as SRTCP.

mod control;
#[cfg(test)]
mod control_tests;
mod derive;
mod inbound;
mod index;
mod outbound;
#[cfg(test)]
mod tests;

use std::fmt;

pub use control::{RTCP_TRAILER_MAX, SrtcpIn, SrtcpOut};
pub use inbound::{Refused, SrtpIn};
pub use outbound::SrtpOut;

/// Longest tag that is appended to a packet, in octets.
pub const TAG_MAX: usize = 10;
/// Longest master key identifier that is taken, in octets.
pub const MKI_MAX: usize = 4;

/// Ciphers and tags (RFC 4568 section 6.2); both have the same keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suite {
    /// Tags of 80 bits.
    AesCm128HmacSha1_80,
    /// Tags of 32 bits.
    AesCm128HmacSha1_32,
}

impl Suite {
    /// Octets of a packet's tag.
    #[must_use]
    pub fn tag_len(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80 => 10,
            Self::AesCm128HmacSha1_32 => 4,
        }
    }

    /// Its name in SDP.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
        }
    }
}

/// Master key and master salt of one direction. Never printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MasterKey {
    /// 128 bits.
    pub key: [u8; 16],
    /// 112 bits.
    pub salt: [u8; 14],
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey")
    }
}

/// The identifier that a sender puts before each tag (RFC 3711 section 3.1); we send none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mki {
    octets: [u8; MKI_MAX],
    len: u8,
}

impl Mki {
    /// The identifier `value` in `len` octets, which are 0 to [`MKI_MAX`].
    #[must_use]
    pub fn new(value: u32, len: u8) -> Option<Self> {
        let fits = usize::from(len) <= MKI_MAX;
        let bits = 8 * u32::from(len);
        (fits && u64::from(value) >> bits == 0).then_some(Self {
            octets: value.to_be_bytes(),
            len,
        })
    }

    fn octets(&self) -> &[u8] {
        let from = MKI_MAX.saturating_sub(usize::from(self.len));
        self.octets.get(from..).unwrap_or_default()
    }
}

/// What both sides agreed upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SrtpKeys {
    /// Both ways.
    pub suite: Suite,
    /// Of what we send.
    pub ours: MasterKey,
    /// Of what they send.
    pub theirs: MasterKey,
    /// What they put before their tags.
    pub their_mki: Mki,
}

/// Both directions of one RTP session.
#[derive(Debug)]
pub(super) struct Srtp {
    keys: SrtpKeys,
    pub(super) inbound: SrtpIn,
    pub(super) outbound: SrtpOut,
    pub(super) control_in: SrtcpIn,
    pub(super) control_out: SrtcpOut,
}

impl Srtp {
    pub(super) fn new(keys: SrtpKeys) -> Self {
        Self {
            inbound: SrtpIn::new(keys.suite, &keys.theirs, keys.their_mki),
            outbound: SrtpOut::new(keys.suite, &keys.ours),
            control_in: SrtcpIn::new(&keys.theirs, keys.their_mki),
            control_out: SrtcpOut::new(&keys.ours),
            keys,
        }
    }

    /// Takes what a new offer and answer say. True when what we send must go on as a new stream: under a
    /// new key, or because the far end may have forgotten how often the old one has rolled over.
    pub(super) fn agree(&mut self, keys: SrtpKeys) -> bool {
        let former = std::mem::replace(&mut self.keys, keys);
        let theirs = |keys: &SrtpKeys| (keys.suite, keys.theirs, keys.their_mki);
        if theirs(&former) == theirs(&keys) {
            self.inbound.may_have_restarted();
            self.control_in.may_have_restarted();
        } else {
            self.control_in = SrtcpIn::new(&keys.theirs, keys.their_mki);
            self.inbound = self
                .inbound
                .rekeyed(keys.suite, &keys.theirs, keys.their_mki);
        }
        let is_new = (former.suite, former.ours) != (keys.suite, keys.ours);
        let has_rolled = self.outbound.has_rolled_over();
        // Under the same key its index goes on: no keystream is used twice.
        if former.ours != keys.ours {
            self.control_out = SrtcpOut::new(&keys.ours);
        }
        if is_new || has_rolled {
            self.outbound = SrtpOut::new(keys.suite, &keys.ours);
        }
        is_new || has_rolled
    }

    pub(super) fn suite(&self) -> Suite {
        self.keys.suite
    }
}

/// Octets of the RTP header with sources and extension (RFC 3550 section 5.1), where all of it is there.
fn header_len(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    if first >> 6 != 2 {
        return None;
    }
    let fixed = 12 + 4 * usize::from(first & 0x0F);
    let len = if first & 0x10 == 0 {
        fixed
    } else {
        let words = packet.get(fixed + 2..fixed + 4)?;
        let words = u16::from_be_bytes(words.try_into().ok()?);
        fixed + 4 + 4 * usize::from(words)
    };
    (len <= packet.len()).then_some(len)
}

/// Sequence number and SSRC of a packet.
fn stream_of(packet: &[u8]) -> Option<(u16, u32)> {
    let sequence = u16::from_be_bytes(packet.get(2..4)?.try_into().ok()?);
    let ssrc = u32::from_be_bytes(packet.get(8..12)?.try_into().ok()?);
    Some((sequence, ssrc))
}
