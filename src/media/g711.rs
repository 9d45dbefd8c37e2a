//! ITU-T G.711: the two companding laws of the telephone, one byte per sample at 8 kHz.
//!
//! Decoding is a table of 256; encoding is a handful of shifts. A byte that is decoded and
//! encoded again comes back unchanged, except that µ-law's negative zero becomes positive zero.

use super::{NB_FRAME, NbFrame};

/// One frame of encoded telephone audio.
pub type EncodedFrame = [u8; NB_FRAME];

/// A companding law.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Law {
    /// µ-law, PCMU: North America and Japan.
    Mu,
    /// A-law, PCMA: everywhere else.
    A,
}

impl Law {
    /// Both laws, in the order of their payload types.
    pub const ALL: [Self; 2] = [Self::Mu, Self::A];

    /// The static RTP payload type (RFC 3551 table 4).
    #[must_use]
    pub const fn payload_type(self) -> u8 {
        match self {
            Self::Mu => 0,
            Self::A => 8,
        }
    }

    /// The byte that stands for silence.
    #[must_use]
    pub const fn silence(self) -> u8 {
        match self {
            Self::Mu => 0xFF,
            Self::A => 0xD5,
        }
    }

    /// One byte as a sample in ±1.0.
    #[must_use]
    pub fn decode(self, byte: u8) -> f32 {
        let table = match self {
            Self::Mu => &MU_DECODED,
            Self::A => &A_DECODED,
        };
        table[usize::from(byte)]
    }

    /// One sample as a byte. Samples beyond ±1.0 saturate; NaN is silence.
    #[must_use]
    pub fn encode(self, sample: f32) -> u8 {
        // Half away from zero; the cast saturates and turns NaN into 0.
        let linear = (sample * FULL_SCALE + 0.5_f32.copysign(sample)) as i16;
        match self {
            Self::Mu => mu_from_linear(linear),
            Self::A => a_from_linear(linear),
        }
    }

    /// Encodes one frame.
    #[must_use]
    pub fn encode_frame(self, frame: &NbFrame) -> EncodedFrame {
        let mut bytes = [0; NB_FRAME];
        for (byte, sample) in bytes.iter_mut().zip(frame) {
            *byte = self.encode(*sample);
        }
        bytes
    }

    /// Decodes up to one frame; what `bytes` lacks is silence.
    #[must_use]
    pub fn decode_frame(self, bytes: &[u8]) -> NbFrame {
        let mut frame = [0.0; NB_FRAME];
        for (sample, byte) in frame.iter_mut().zip(bytes) {
            *sample = self.decode(*byte);
        }
        frame
    }
}

/// 16-bit linear PCM at ±1.0.
const FULL_SCALE: f32 = 32_768.0;

/// Added before the logarithm so that every µ-law segment starts at a power of two.
const MU_BIAS: i16 = 132;
const MU_CLIP: i16 = 32_635;

static MU_DECODED: [f32; 256] = {
    let mut table = [0.0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = mu_to_linear(byte as u8) as f32 / FULL_SCALE;
        byte += 1;
    }
    table
};

static A_DECODED: [f32; 256] = {
    let mut table = [0.0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = a_to_linear(byte as u8) as f32 / FULL_SCALE;
        byte += 1;
    }
    table
};

const fn mu_to_linear(byte: u8) -> i16 {
    let bits = !byte;
    let segment = (bits >> 4) & 7;
    let magnitude = ((((bits & 0x0F) as i16) << 3) + MU_BIAS) << segment;
    if bits & 0x80 == 0 {
        magnitude - MU_BIAS
    } else {
        MU_BIAS - magnitude
    }
}

fn mu_from_linear(linear: i16) -> u8 {
    let sign = if linear < 0 { 0x80 } else { 0 };
    let magnitude = linear.saturating_abs().min(MU_CLIP) + MU_BIAS;
    // The bias makes bit 7 or a higher one the leading bit: 0 to 7 segments above it.
    let segment = 8_u32.saturating_sub(magnitude.leading_zeros()) as u8;
    let step = (magnitude >> (segment + 3)) as u8 & 0x0F;
    !(sign | (segment << 4) | step)
}

const fn a_to_linear(byte: u8) -> i16 {
    let bits = byte ^ 0x55;
    let segment = (bits >> 4) & 7;
    let step = ((bits & 0x0F) as i16) << 4;
    let magnitude = if segment == 0 {
        step + 8
    } else {
        (step + 0x108) << (segment - 1)
    };
    if bits & 0x80 == 0 {
        -magnitude
    } else {
        magnitude
    }
}

fn a_from_linear(linear: i16) -> u8 {
    let sign = if linear < 0 { 0 } else { 0x80 };
    // One's complement folds -1 onto 0, as the standard's decision values ask.
    let magnitude = if linear < 0 { !linear } else { linear };
    let segment = 8_u32.saturating_sub(magnitude.leading_zeros()) as u8;
    let step = (magnitude >> if segment == 0 { 4 } else { segment + 3 }) as u8 & 0x0F;
    (sign | (segment << 4) | step) ^ 0x55
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        // Extremes and zero from the tables of G.711.
        assert_eq!(mu_to_linear(0x00), -32_124);
        assert_eq!(mu_to_linear(0x80), 32_124);
        assert_eq!(mu_to_linear(0xFF), 0);
        assert_eq!(a_to_linear(0xD5), 8);
        assert_eq!(a_to_linear(0x55), -8);
        assert_eq!(a_to_linear(0xAA), 32_256);
        assert_eq!(a_to_linear(0x2A), -32_256);
        assert_eq!(mu_from_linear(0), 0xFF);
        assert_eq!(mu_from_linear(i16::MAX), 0x80);
        assert_eq!(mu_from_linear(i16::MIN), 0x00);
        assert_eq!(a_from_linear(0), 0xD5);
        assert_eq!(a_from_linear(i16::MIN), 0x2A);
    }

    #[test]
    fn every_byte_survives_decode_and_encode() {
        for byte in 0..=255_u8 {
            let through_mu = Law::Mu.encode(Law::Mu.decode(byte));
            assert_eq!(through_mu, if byte == 0x7F { 0xFF } else { byte });
            assert_eq!(Law::A.encode(Law::A.decode(byte)), byte);
        }
    }

    #[test]
    fn error_is_within_half_a_step_of_the_segment() {
        for linear in (-32_000..=32_000_i16).step_by(7) {
            let sample = f32::from(linear) / FULL_SCALE;
            for law in Law::ALL {
                let error = (law.decode(law.encode(sample)) - sample).abs();
                // Sixteen steps a segment; µ-law's segments are shifted by its bias.
                let allowed = (sample.abs() + 132.0 / FULL_SCALE) / 32.0;
                assert!(
                    error <= allowed + 5.0 / FULL_SCALE,
                    "{law:?} {linear}: {error}"
                );
            }
        }
    }

    #[test]
    fn hostile_samples_saturate() {
        for law in Law::ALL {
            assert!(law.decode(law.encode(9.0)) > 0.97);
            assert!(law.decode(law.encode(-9.0)) < -0.97);
            assert_eq!(law.encode(f32::NAN), law.silence());
        }
    }
}
