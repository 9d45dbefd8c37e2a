//! A frame of a caller's voice, as wide as the caller's line.

use super::codec::Band;
use super::{NB_FRAME, NbFrame, WB_FRAME, WbFrame};

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
