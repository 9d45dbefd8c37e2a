//! A frame of a caller's voice, as wide as the caller's line.

use super::codec::Band;
use super::{NB_FRAME, NbFrame, WB_FRAME, WbFrame};

/// 16-bit linear PCM at ±1.0.
const FULL_SCALE: f32 = 32_768.0;

/// A sample in 16 bits, half away from zero; what is beyond saturates, and NaN is 0.
pub(super) fn to_linear(sample: f32) -> i16 {
    // By way of 32 bits: that the compiler can do for several samples at a time.
    let rounded = (sample * FULL_SCALE + 0.5_f32.copysign(sample)) as i32;
    rounded.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

/// A sample of 16 bits in ±1.0.
pub(super) fn from_linear(sample: i16) -> f32 {
    f32::from(sample) / FULL_SCALE
}

/// 20 ms at 8 or at 16 kHz.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "lives on the tick's stack, where nothing is allocated"
)]
pub(super) enum Pcm {
    Narrow(NbFrame),
    Wide(WbFrame),
}

impl Pcm {
    pub(super) const SILENCE: Self = Self::Narrow([0.0; NB_FRAME]);

    pub(super) fn silence(band: Band) -> Self {
        match band {
            Band::Narrow => Self::SILENCE,
            Band::Wide => Self::Wide([0.0; WB_FRAME]),
        }
    }

    pub(super) fn band(&self) -> Band {
        match self {
            Self::Narrow(_) => Band::Narrow,
            Self::Wide(_) => Band::Wide,
        }
    }

    /// Makes room for another frame, of this band; one of another band is gone.
    pub(super) fn make_room(&mut self, band: Band) {
        if self.band() != band {
            *self = Self::silence(band);
        }
    }

    pub(super) fn samples(&self) -> &[f32] {
        match self {
            Self::Narrow(frame) => frame,
            Self::Wide(frame) => frame,
        }
    }

    pub(super) fn samples_mut(&mut self) -> &mut [f32] {
        match self {
            Self::Narrow(frame) => frame,
            Self::Wide(frame) => frame,
        }
    }

    pub(super) fn narrow(&self) -> Option<&NbFrame> {
        match self {
            Self::Narrow(frame) => Some(frame),
            Self::Wide(_) => None,
        }
    }

    pub(super) fn wide(&self) -> Option<&WbFrame> {
        match self {
            Self::Wide(frame) => Some(frame),
            Self::Narrow(_) => None,
        }
    }
}
