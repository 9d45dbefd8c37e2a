//! The same for a leg that hears at 16 kHz: from the room's third bus, and from prompts and music at 8 kHz.
//!
//! A leg that hears what others hear takes their octets, see [`WideEar::join`]. Everything else is encoded for it alone.

use super::{Sounding, Stage, fade_between};
use crate::media::codec::Payload;
use crate::media::dsp::Limiter;
use crate::media::ear::{Ear, Shared, WideEar};
use crate::media::leg::Leg;
use crate::media::pcm::Pcm;
use crate::media::ramp::cross_fade;
use crate::media::voice::Voice;
use crate::media::{NB_FRAME, NbFrame, WB_FRAME, WbFrame};

/// The part of a sound that has 8 kHz, and the part that has 16.
struct Parts {
    narrow: NbFrame,
    wide: WbFrame,
}

impl Parts {
    const SILENCE: Self = Self {
        narrow: [0.0; NB_FRAME],
        wide: [0.0; WB_FRAME],
    };
}

impl Stage<'_> {
    pub(super) fn wide(&mut self, leg: &mut Leg, before: Sounding, after: Sounding) -> Payload {
        let Leg {
            ear: Ear::Wide(ear),
            voice,
            ..
        } = leg
        else {
            return Payload::EMPTY;
        };
        let voice = voice.as_deref();
        if before == after {
            return self.wide_steady(ear, voice, after);
        }
        let from = self.parts(ear, voice, before);
        ear.limiter = Limiter::new(16_000);
        let to = self.parts(ear, voice, after);
        let fade = fade_between(before, after);
        let narrow = cross_fade(fade, &from.narrow, &to.narrow);
        ear.alone(&narrow, cross_fade(fade, &from.wide, &to.wide))
    }

    fn wide_steady(
        &mut self,
        ear: &mut WideEar,
        voice: Option<&Voice>,
        sounding: Sounding,
    ) -> Payload {
        let own = sounding.room().zip(voice);
        let is_in = own.is_some_and(|(room, voice)| voice.share_in(room).is_some());
        match sounding {
            Sounding::Sound(sound) if sound == self.music => {
                let (narrow, shared) = self.wide_music.frame(self.beat, self.assets);
                return ear.join(Shared::Music, shared, narrow);
            }
            Sounding::Feed(key) if !is_in => {
                let Self {
                    rooms,
                    wide_music,
                    beat,
                    assets,
                    ..
                } = self;
                let feed = rooms
                    .get_mut(key)
                    .and_then(|room| room.mix.wide_feed(|| wide_music.two_frames(*beat, assets)));
                if let Some(feed) = feed {
                    return ear.join(Shared::Feed(key), feed, &Parts::SILENCE.narrow);
                }
            }
            Sounding::Feed(_) | Sounding::Seat(_) | Sounding::Sound(_) => {}
        }
        let Parts { narrow, wide } = self.parts(ear, voice, sounding);
        ear.alone(&narrow, wide)
    }

    fn parts(&mut self, ear: &mut WideEar, voice: Option<&Voice>, sounding: Sounding) -> Parts {
        let key = match sounding {
            Sounding::Sound(sound) => {
                return Parts {
                    narrow: sound.samples(self.assets),
                    ..Parts::SILENCE
                };
            }
            Sounding::Feed(room) | Sounding::Seat(room) => room,
        };
        let own = voice.and_then(|voice| voice.share_in(key));
        let own = own.and_then(Pcm::wide);
        let Some(room) = self.rooms.get_mut(key) else {
            return Parts::SILENCE;
        };
        let wide = match (sounding, own) {
            (Sounding::Seat(_), _) => {
                let mut mix = room.mix.wide_ear(own);
                ear.limiter.process(&mut mix);
                mix
            }
            // On the way into the room or out of it: the feed holds the listener's own voice.
            (Sounding::Feed(_) | Sounding::Sound(_), Some(_)) => room.mix.wide_ear(own),
            (Sounding::Feed(_) | Sounding::Sound(_), None) => {
                let music = &mut *self.wide_music;
                let (beat, assets) = (self.beat, self.assets);
                let music = || music.two_frames(beat, assets);
                let feed = room.mix.wide_feed(music).map(|feed| *feed.samples());
                return match feed {
                    Some(wide) => Parts {
                        wide,
                        ..Parts::SILENCE
                    },
                    None => Parts {
                        narrow: self.music.samples(self.assets),
                        ..Parts::SILENCE
                    },
                };
            }
        };
        Parts {
            wide,
            ..Parts::SILENCE
        }
    }
}
