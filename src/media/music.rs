//! The hold music at 16 kHz, the same for all who hear it: made when the first of them asks for it in a frame.

use super::asset::{Assets, PromptId};
use super::codec::Codec;
use super::feed::Sound;
use super::opus::OpusError;
use super::resample::Up2;
use super::shared::SharedWide;
use super::{NB_FRAME, NbFrame, WB_FRAME, WbFrame};

/// The music of one table.
#[derive(Debug)]
pub(super) struct Music {
    beat: u64,
    up: Up2,
    narrow: NbFrame,
    shared: SharedWide,
}

impl Music {
    pub(super) fn new() -> Self {
        Self {
            beat: 0,
            up: Up2::new(),
            narrow: [0.0; NB_FRAME],
            shared: SharedWide::new(),
        }
    }

    /// Makes what listeners of this codec need. Not on the tick.
    pub(super) fn prepare(&mut self, codec: Codec) -> Result<(), OpusError> {
        self.shared.prepare(codec)
    }

    /// The frame before this beat's and that one, at 16 kHz.
    pub(super) fn two_frames(&mut self, beat: u64, assets: &Assets) -> [WbFrame; 2] {
        let (_, shared) = self.frame(beat, assets);
        [*shared.before(), *shared.samples()]
    }

    /// The frame of this beat: at 8 kHz, and at 16 with its streams.
    pub(super) fn frame(&mut self, beat: u64, assets: &Assets) -> (&NbFrame, &mut SharedWide) {
        if self.beat != beat {
            if self.beat + 1 != beat {
                // Nobody has asked for the frame before, which a coder has to know.
                let earlier = Sound::music(PromptId::HoldMusic, beat.saturating_sub(2), assets);
                self.up.pass(&earlier.samples(assets));
                self.make(beat.saturating_sub(1), assets);
            }
            self.make(beat, assets);
        }
        (&self.narrow, &mut self.shared)
    }

    fn make(&mut self, beat: u64, assets: &Assets) {
        self.beat = beat;
        self.narrow = Sound::music(PromptId::HoldMusic, beat, assets).samples(assets);
        let mut wide = [0.0; WB_FRAME];
        self.up.add(&self.narrow, &mut wide);
        self.shared.set(wide);
    }
}
