//! The codecs of the phone leg, and how wide they hear.

use super::NB_FRAME;
use super::g711::{EncodedFrame, Law};

/// What a packet's octets mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// ITU-T G.711, 8 kHz.
    G711(Law),
    /// ITU-T G.722 at 64 kbit/s, 16 kHz.
    G722,
    /// Opus (RFC 6716), spoken and heard at 16 kHz.
    Opus,
}

/// How much of a voice there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Band {
    /// Up to 3.4 kHz, at 8 kHz: the telephone's.
    Narrow,
    /// Up to 7 kHz, at 16 kHz.
    Wide,
}

impl Codec {
    /// The name by which SDP knows it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::G711(Law::Mu) => "PCMU",
            Self::G711(Law::A) => "PCMA",
            Self::G722 => "G722",
            Self::Opus => "opus",
        }
    }

    /// How wide it is.
    #[must_use]
    pub const fn band(self) -> Band {
        match self {
            Self::G711(_) => Band::Narrow,
            Self::G722 | Self::Opus => Band::Wide,
        }
    }

    /// The RTP clock in Hz: G.722's is half its sample rate (RFC 3551 section 4.5.2), that of Opus is 48 kHz whatever is
    /// in it (RFC 7587 section 4.1).
    #[must_use]
    pub const fn clock_hz(self) -> u32 {
        8000 * self.clock_per_tick()
    }

    /// Steps of the RTP clock in a tick of 1/8 ms.
    #[must_use]
    pub(super) const fn clock_per_tick(self) -> u32 {
        match self {
            Self::G711(_) | Self::G722 => 1,
            Self::Opus => 6,
        }
    }
}

impl From<Law> for Codec {
    fn from(law: Law) -> Self {
        Self::G711(law)
    }
}

impl Band {
    /// Samples per second.
    #[must_use]
    pub const fn sample_rate_hz(self) -> u32 {
        match self {
            Self::Narrow => 8000,
            Self::Wide => 16_000,
        }
    }
}

/// The octets of one packet that we send: 20 ms in any codec. Opus is held to what G.711 and G.722 need, 64 kbit/s.
#[derive(Debug, Clone, Copy)]
pub struct Payload {
    octets: EncodedFrame,
    len: u8,
}

impl Payload {
    /// Nothing yet.
    pub const EMPTY: Self = Self {
        octets: [0; NB_FRAME],
        len: 0,
    };

    /// The octets.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.octets.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// All of it, where the codec is G.711.
    pub(super) fn whole(&self) -> &EncodedFrame {
        &self.octets
    }

    /// Where a coder writes, see [`cut`](Self::cut).
    pub(super) fn space(&mut self) -> &mut EncodedFrame {
        &mut self.octets
    }

    /// Says how much was written.
    pub(super) fn cut(&mut self, len: usize) {
        self.len = len.min(NB_FRAME) as u8;
    }
}

impl From<EncodedFrame> for Payload {
    fn from(octets: EncodedFrame) -> Self {
        Self {
            octets,
            len: NB_FRAME as u8,
        }
    }
}
