//! What a leg hears in a frame: shared bytes while nothing changes, one faded frame when it does.

mod wide;

use slotmap::SlotMap;

use super::{MediaSettings, Place, Room, RoomKey};
use crate::media::asset::{Assets, PromptId};
use crate::media::codec::Payload;
use crate::media::dsp::Limiter;
use crate::media::ear::Ear;
use crate::media::feed::Sound;
use crate::media::g711::{EncodedFrame, Law};
use crate::media::leg::Leg;
use crate::media::mix::RoomMix;
use crate::media::music::Music;
use crate::media::pcm::Pcm;
use crate::media::ramp::{Fade, cross_fade};
use crate::media::voice::Voice;
use crate::media::{NB_FRAME, NbFrame};

/// Where the sound of one frame comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::media) enum Sounding {
    /// Memory.
    Sound(Sound),
    /// The hold feed of a room.
    Feed(RoomKey),
    /// A room, without the listener.
    Seat(RoomKey),
}

impl Sounding {
    pub(in crate::media) const SILENCE: Self = Self::Sound(Sound::Silence);

    /// What would be heard next if nothing changed.
    fn following(self, assets: &Assets) -> Self {
        match self {
            Self::Sound(sound) => Self::Sound(sound.following(assets)),
            Self::Feed(_) | Self::Seat(_) => self,
        }
    }

    fn room(self) -> Option<RoomKey> {
        match self {
            Self::Sound(_) => None,
            Self::Feed(room) | Self::Seat(room) => Some(room),
        }
    }
}

/// Which side of a fade a sound is on: a room that fills or empties sounds different on each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    From,
    To,
}

impl Side {
    fn is_live(self, room: &RoomMix) -> bool {
        match self {
            Self::From => room.was_live(),
            Self::To => room.is_live(),
        }
    }
}

/// What is the same for all legs in a frame.
#[derive(Clone, Copy)]
pub(super) struct Hearing<'a> {
    pub(super) beat: u64,
    pub(super) settings: &'a MediaSettings,
    pub(super) assets: &'a Assets,
}

/// What sounds in this frame.
struct Stage<'a> {
    rooms: &'a mut SlotMap<RoomKey, Room>,
    assets: &'a Assets,
    music: Sound,
    beat: u64,
    wide_music: &'a mut Music,
}

impl Leg {
    /// The frame this leg hears now, encoded for it.
    pub(super) fn listen(
        &mut self,
        Hearing {
            beat,
            settings,
            assets,
        }: Hearing<'_>,
        rooms: &mut SlotMap<RoomKey, Room>,
        wide_music: &mut Music,
    ) -> Payload {
        let music = Sound::music(PromptId::HoldMusic, beat, assets);
        let mut stage = Stage {
            rooms,
            assets,
            music,
            beat,
            wide_music,
        };
        let before = self.sounding.following(assets);
        let after = match self.place {
            Place::Seat(room) if stage.is_deserted(room, self.seat) => Sounding::Sound(music),
            Place::Seat(room) => Sounding::Seat(room),
            Place::Listen(room) => Sounding::Feed(room),
            Place::Nowhere => Sounding::SILENCE,
            Place::Waiting(_) | Place::Announce(_) => {
                Sounding::Sound(
                    self.player
                        .next(beat, self.position, settings.position, assets),
                )
            }
        };
        self.sounding = after;
        let before = stage.resolve(self, before, Side::From);
        let after = stage.resolve(self, after, Side::To);
        let Ear::Narrow(law) = self.ear else {
            return stage.wide(self, before, after);
        };
        if before == after {
            stage.steady(self, law, after).into()
        } else {
            stage.fade(self, law, before, after).into()
        }
    }
}

impl Stage<'_> {
    /// Whether a leg in this room has been alone there for long: it hears music, not silence.
    fn is_deserted(&self, key: RoomKey, seat: Option<RoomKey>) -> bool {
        self.rooms
            .get(key)
            .is_some_and(|room| room.mix.is_deserted(seat == Some(key)))
    }

    /// The feed of a room with nobody in it, or nobody but the listener on the way in or out, is the common music. A room
    /// that is gone is silent.
    fn resolve(&self, leg: &Leg, sounding: Sounding, side: Side) -> Sounding {
        let Some(key) = sounding.room() else {
            return sounding;
        };
        let Some(room) = self.rooms.get(key) else {
            return Sounding::SILENCE;
        };
        let own = leg.voice.as_ref().and_then(|voice| voice.share_in(key));
        let alone = own.is_some() && !side.is_live(&room.mix);
        match sounding {
            Sounding::Feed(_) if alone || !room.mix.has_feed() => Sounding::Sound(self.music),
            Sounding::Feed(_) | Sounding::Seat(_) | Sounding::Sound(_) => sounding,
        }
    }

    fn steady(&mut self, leg: &mut Leg, law: Law, sounding: Sounding) -> EncodedFrame {
        let shared = match sounding {
            Sounding::Sound(sound) => sound.bytes(law, self.assets),
            Sounding::Feed(room) => {
                let room = self.rooms.get_mut(room);
                room.and_then(|room| room.mix.feed())
                    .map(|feed| feed.bytes(law))
            }
            Sounding::Seat(_) => {
                return law.encode_frame(&self.samples(leg, sounding));
            }
        };
        shared.copied().unwrap_or([law.silence(); NB_FRAME])
    }

    fn fade(&mut self, leg: &mut Leg, law: Law, before: Sounding, after: Sounding) -> EncodedFrame {
        let from = self.samples(leg, before);
        if let Some(voice) = &mut leg.voice {
            voice.ear_limiter = Limiter::new(8000);
        }
        let to = self.samples(leg, after);
        law.encode_frame(&cross_fade(fade_between(before, after), &from, &to))
    }

    fn samples(&mut self, leg: &mut Leg, sounding: Sounding) -> NbFrame {
        let key = match sounding {
            Sounding::Sound(sound) => return sound.samples(self.assets),
            Sounding::Feed(room) | Sounding::Seat(room) => room,
        };
        let Some(room) = self.rooms.get_mut(key) else {
            return [0.0; NB_FRAME];
        };
        let own = leg.voice.as_ref().and_then(|voice| voice.share_in(key));
        let own = own.and_then(Pcm::narrow);
        match (sounding, own) {
            // On the way into the room or out of it the feed holds the listener's own voice.
            (Sounding::Seat(_), _) | (Sounding::Feed(_), Some(_)) => {
                let mut ear = room.mix.ear(own.unwrap_or(&[0.0; NB_FRAME]));
                if let Some(voice) = leg.voice.as_deref_mut() {
                    let Voice { ear_limiter, .. } = voice;
                    ear_limiter.process(&mut ear);
                }
                ear
            }
            (Sounding::Feed(_), None) => room
                .mix
                .feed()
                .map_or_else(|| self.music.samples(self.assets), |f| f.samples),
            (Sounding::Sound(sound), _) => sound.samples(self.assets),
        }
    }
}

/// How a frame goes from one sound to the next.
fn fade_between(before: Sounding, after: Sounding) -> Fade {
    let alike = before.room().is_some() && before.room() == after.room();
    if alike { Fade::Linear } else { Fade::Power }
}
