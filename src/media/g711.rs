//! ITU-T G.711: the two companding laws of the telephone, one byte per sample at 8 kHz.
//!
//! Decoding is a table of 256; encoding is one of all magnitudes that the law tells apart. A byte that is decoded and
//! encoded again comes back unchanged, except that µ-law's negative zero becomes positive zero.

use super::pcm::{from_linear, to_linear};
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
        from_linear(self.decode_linear(byte))
    }

    /// One byte in 16 bits.
    #[must_use]
    pub fn decode_linear(self, byte: u8) -> i16 {
        let table = match self {
            Self::Mu => &MU_DECODED,
            Self::A => &A_DECODED,
        };
        table[usize::from(byte)]
    }

    /// One sample as a byte. Samples beyond ±1.0 saturate; NaN is silence.
    #[must_use]
    pub fn encode(self, sample: f32) -> u8 {
        let linear = to_linear(sample);
        match self {
            Self::Mu => mu_of(linear),
            Self::A => a_of(linear),
        }
    }

    /// Encodes one frame.
    #[must_use]
    pub fn encode_frame(self, frame: &NbFrame) -> EncodedFrame {
        // In two steps: the first, by itself, is done for several samples at a time.
        let linear = frame.map(to_linear);
        match self {
            Self::Mu => linear.map(mu_of),
            Self::A => linear.map(a_of),
        }
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

/// Added before the logarithm so that every µ-law segment starts at a power of two.
const MU_BIAS: i16 = 132;
const MU_CLIP: i16 = 32_635;

static MU_DECODED: [i16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = mu_to_linear(byte as u8);
        byte += 1;
    }
    table
};

static A_DECODED: [i16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = a_to_linear(byte as u8);
        byte += 1;
    }
    table
};

/// Codes of positive samples, by the bits of their magnitude that µ-law tells apart. As long as the index can be, so that it
/// need not be checked.
static MU_ENCODED: [u8; 1 << 14] = {
    let mut table = [0; 1 << 14];
    let mut at = 0;
    while at < table.len() {
        table[at] = mu_from_linear(if at < 1 << 13 {
            (at << 2) as i16
        } else {
            i16::MAX
        });
        at += 1;
    }
    table
};

/// The same for A-law.
static A_ENCODED: [u8; 1 << 12] = {
    let mut table = [0; 1 << 12];
    let mut at = 0;
    while at < table.len() {
        table[at] = a_from_linear(if at < 1 << 11 {
            (at << 4) as i16
        } else {
            i16::MAX
        });
        at += 1;
    }
    table
};

fn mu_of(linear: i16) -> u8 {
    MU_ENCODED[usize::from(linear.unsigned_abs() >> 2)] ^ sign(linear)
}

fn a_of(linear: i16) -> u8 {
    // One's complement folds -1 onto 0, as the standard's decision values ask.
    let magnitude = (linear ^ (linear >> 15)) as u16;
    A_ENCODED[usize::from(magnitude >> 4)] ^ sign(linear)
}

/// The first bit of both laws' codes, which is set for positive samples. Without a branch: nobody can foretell it.
fn sign(linear: i16) -> u8 {
    (linear >> 15) as u8 & 0x80
}

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

/// Of what is not negative.
const fn mu_from_linear(linear: i16) -> u8 {
    let magnitude = if linear < MU_CLIP { linear } else { MU_CLIP } + MU_BIAS;
    // The bias makes bit 7 or a higher one the leading bit: 0 to 7 segments above it.
    let segment = 8_u32.saturating_sub(magnitude.leading_zeros()) as u8;
    let step = (magnitude >> (segment + 3)) as u8 & 0x0F;
    !((segment << 4) | step)
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

/// Of what is not negative.
const fn a_from_linear(magnitude: i16) -> u8 {
    let segment = 8_u32.saturating_sub(magnitude.leading_zeros()) as u8;
    let step = (magnitude >> if segment == 0 { 4 } else { segment + 3 }) as u8 & 0x0F;
    (0x80 | (segment << 4) | step) ^ 0x55
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
        assert_eq!(mu_of(0), 0xFF);
        assert_eq!(mu_of(i16::MAX), 0x80);
        assert_eq!(mu_of(i16::MIN), 0x00);
        assert_eq!(a_of(0), 0xD5);
        assert_eq!(a_of(-1), 0x55);
        assert_eq!(a_of(i16::MIN), 0x2A);
    }

    #[test]
    fn the_tables_leave_out_nothing_that_a_law_tells_apart() {
        for linear in 0..=i16::MAX {
            assert_eq!(mu_of(linear), mu_from_linear(linear), "{linear}");
            assert_eq!(mu_of(-linear) | 0x80, mu_from_linear(linear), "{linear}");
            assert_eq!(a_of(linear), a_from_linear(linear), "{linear}");
            assert_eq!(a_of(!linear) ^ 0x80, a_from_linear(linear), "{linear}");
        }
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
            let sample = from_linear(linear);
            for law in Law::ALL {
                let error = (law.decode(law.encode(sample)) - sample).abs();
                // Sixteen steps a segment; µ-law's segments are shifted by its bias.
                let allowed = (sample.abs() + from_linear(132)) / 32.0;
                assert!(
                    error <= allowed + from_linear(5),
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
