//! ITU-T G.722 at 64 kbit/s: 7 kHz speech in the octets of a telephone line.
//!
//! ```text
//! 16 kHz → QMF ┬ 0-4 kHz, 8 kHz → ADPCM, 6 bits ┬→ one octet for two samples → the same backwards → 16 kHz
//!              └ 4-8 kHz, 8 kHz → ADPCM, 2 bits ┘
//! ```
//! Written from Recommendation G.722 (09/2012), whose block names the functions of [`band`] carry. Either side keeps a
//! state which the octets themselves steer, so coder and decoder stay together without a word, and a coder may take up
//! another's stream by taking its state: [`Encoder`] is `Copy`. RTP says 8000 Hz of this codec although it samples at
//! twice that (RFC 3551 section 4.5.2): one octet is one tick of 1/8 ms.

mod band;
mod qmf;

use band::{Band as _, High, Low};
use qmf::Qmf;

use super::g711::EncodedFrame;
use super::pcm::{from_linear, to_linear};
use super::{NB_FRAME, WbFrame};

/// What is below -60 dBFS is no sound, and no difference: the power of 16 steps of 15 bits.
const INAUDIBLE: f32 = 256.0;

/// From 16 kHz to octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoder {
    qmf: Qmf,
    low: Low,
    high: High,
}

impl Encoder {
    /// A coder that has heard silence so far.
    #[must_use]
    pub fn new() -> Self {
        Self {
            qmf: Qmf::new(),
            low: Low::new(),
            high: High::new(),
        }
    }

    /// Two samples, 16 bits each, as one octet.
    pub fn octet(&mut self, samples: [i16; 2]) -> u8 {
        let (low, high) = self.qmf.split(samples);
        self.high.encode(high) << 6 | self.low.encode(low)
    }

    /// Encodes one frame. Samples beyond ±1.0 saturate; NaN is silence.
    #[must_use]
    pub fn frame(&mut self, frame: &WbFrame) -> EncodedFrame {
        let mut octets = [0; NB_FRAME];
        for (octet, pair) in octets.iter_mut().zip(frame.as_chunks().0) {
            *octet = self.octet(pair.map(to_linear));
        }
        octets
    }

    /// The same, but takes each octet of `wish` that is hardly worse: so this coder comes nearer to the one that made them.
    #[must_use]
    pub fn steered(&mut self, frame: &WbFrame, wish: &[u8]) -> EncodedFrame {
        let mut octets = [0; NB_FRAME];
        for ((octet, pair), wish) in octets.iter_mut().zip(frame.as_chunks().0).zip(wish) {
            let (low, high) = self.qmf.split(pair.map(to_linear));
            *octet = self.high.steer(high, wish >> 6) << 6 | self.low.steer(low, wish & 0x3F);
        }
        octets
    }

    /// How differently two far ends hear `octets` when one has heard this coder so far and the other that one, for which
    /// they are meant: power of the difference over that of the sound.
    #[must_use]
    pub fn divergence(&self, meant: &Self, octets: &[u8]) -> f32 {
        let (mut heard, mut meant) = (self.mirror(), meant.mirror());
        let (mut sound, mut difference) = (octets.len() as f32 * INAUDIBLE, 0.0);
        for octet in octets {
            for (heard, meant) in heard.bands(*octet).into_iter().zip(meant.bands(*octet)) {
                sound += (meant * meant) as f32;
                difference += ((heard - meant) * (heard - meant)) as f32;
            }
        }
        difference / sound
    }

    /// What the far end's decoder is like after all octets so far, but for its filter, which only joins the bands.
    #[must_use]
    pub fn mirror(&self) -> Decoder {
        Decoder {
            qmf: Qmf::new(),
            low: self.low,
            high: self.high,
        }
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

/// From octets to 16 kHz.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoder {
    qmf: Qmf,
    low: Low,
    high: High,
}

impl Decoder {
    /// A decoder that has heard nothing so far.
    #[must_use]
    pub fn new() -> Self {
        Encoder::new().mirror()
    }

    /// The two samples of an octet, 16 bits each.
    pub fn octet(&mut self, octet: u8) -> [i16; 2] {
        let [low, high] = self.bands(octet);
        self.qmf.join(low, high)
    }

    /// The samples of both bands, 15 bits each.
    fn bands(&mut self, octet: u8) -> [i32; 2] {
        [self.low.decode(octet & 0x3F), self.high.decode(octet >> 6)]
    }

    /// The two samples of an octet in ±1.0.
    pub fn samples(&mut self, octet: u8) -> [f32; 2] {
        self.octet(octet).map(from_linear)
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
