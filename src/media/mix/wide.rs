//! A room at 16 kHz: `wide voices + (callers at 8 kHz) ↑2 + (browsers at 48 kHz) ↓3`, and what of it the others hear.
//!
//! Each rate is resampled once per room, whoever is in it, and only while somebody speaks or listens at 16 kHz. A wide
//! caller's ear is the sum minus that caller, sample by sample, as at 8 kHz.

use crate::media::codec::Codec;
use crate::media::dsp::Limiter;
use crate::media::opus::OpusError;
use crate::media::ramp::{Fade, cross_fade};
use crate::media::resample::{Down2, Down3, Up2, Up3};
use crate::media::shared::SharedWide;
use crate::media::{FbFrame, NbFrame, WB_FRAME, WbFrame};

/// The wide side of a room.
#[derive(Debug)]
pub(in crate::media) struct WideBus {
    voices: WbFrame,
    farewells: WbFrame,
    has_voices: bool,
    had_voices: bool,
    has_farewells: bool,
    down: Down2,
    up: Up3,
    from_narrow: Up2,
    from_browsers: Down3,
    /// Everybody, once somebody has asked for it in this frame.
    sum: Made,
    limiter: Limiter,
    feed_is_made: bool,
    feed: SharedWide,
}

#[derive(Debug)]
struct Made {
    samples: WbFrame,
    is_made: bool,
    was_made: bool,
}

/// How the hold feed of a frame follows from the room and the music.
#[derive(Debug, Clone, Copy)]
pub(super) enum FeedOf {
    Room,
    RoomThenMusic,
    MusicThenRoom,
}

impl WideBus {
    pub(super) fn new() -> Self {
        Self {
            voices: [0.0; WB_FRAME],
            farewells: [0.0; WB_FRAME],
            has_voices: false,
            had_voices: false,
            has_farewells: false,
            down: Down2::new(),
            up: Up3::new(),
            from_narrow: Up2::new(),
            from_browsers: Down3::new(),
            sum: Made {
                samples: [0.0; WB_FRAME],
                is_made: false,
                was_made: false,
            },
            limiter: Limiter::new(16_000),
            feed_is_made: false,
            feed: SharedWide::new(),
        }
    }

    /// Makes what listeners of this codec need. Not on the tick.
    pub(super) fn prepare(&mut self, codec: Codec) -> Result<(), OpusError> {
        self.feed.prepare(codec)
    }

    pub(super) fn begin(&mut self) {
        self.had_voices = std::mem::replace(&mut self.has_voices, self.has_farewells);
        if self.had_voices || self.has_voices {
            self.voices = std::mem::replace(&mut self.farewells, [0.0; WB_FRAME]);
            self.has_farewells = false;
        }
        self.sum.was_made = std::mem::take(&mut self.sum.is_made);
        self.feed_is_made = false;
    }

    pub(super) fn add_voice(&mut self, frame: &WbFrame) {
        super::add(&mut self.voices, frame);
        self.has_voices = true;
    }

    pub(super) fn add_farewell(&mut self, frame: &WbFrame) {
        super::add(&mut self.farewells, frame);
        self.has_farewells = true;
    }

    /// One frame more than there is sound, to empty the filters.
    fn sounds(&self) -> bool {
        self.has_voices || self.had_voices
    }

    /// Adds the wide voices to what the others have said at 8 kHz.
    pub(super) fn add_to_narrow(&mut self, others: &mut NbFrame) {
        if self.sounds() {
            self.down.add(&self.voices, others);
        }
    }

    /// Lets the voices go down under the hosts, see [`RoomMix`](super::RoomMix).
    pub(super) fn duck(&mut self, ducked: (f32, f32)) {
        if self.has_voices {
            super::duck(&mut self.voices, ducked);
        }
    }

    /// Adds the wide voices to the program.
    pub(in crate::media) fn add_to_program(&mut self, program: &mut FbFrame) {
        if self.sounds() {
            self.up.add(&self.voices, program);
        }
    }

    /// Everybody at 16 kHz; `narrow` is what was said at 8.
    pub(super) fn sum(&mut self, narrow: &NbFrame, browsers: &FbFrame) -> &WbFrame {
        if !self.sum.is_made {
            if !self.sum.was_made {
                self.from_narrow = Up2::new();
                self.from_browsers = Down3::new();
            }
            self.sum.is_made = true;
            self.sum.samples = self.voices;
            self.from_narrow.add(narrow, &mut self.sum.samples);
            self.from_browsers.add(browsers, &mut self.sum.samples);
        }
        &self.sum.samples
    }

    /// The hold feed; the sum must have been asked for. `music` gives its last frame and this one.
    pub(super) fn feed(
        &mut self,
        of: FeedOf,
        music: impl FnOnce() -> [WbFrame; 2],
    ) -> &mut SharedWide {
        if !self.feed_is_made {
            self.feed_is_made = true;
            let mut room = self.sum.samples;
            self.limiter.process(&mut room);
            let samples = match of {
                FeedOf::Room => room,
                FeedOf::RoomThenMusic => {
                    let [_, music] = music();
                    cross_fade(Fade::Power, &room, &music)
                }
                FeedOf::MusicThenRoom => {
                    let [before, music] = music();
                    // Those who hear it have heard this, which a coder has to know.
                    self.feed.set(before);
                    cross_fade(Fade::Power, &music, &room)
                }
            };
            self.feed.set(samples);
        }
        &mut self.feed
    }
}
