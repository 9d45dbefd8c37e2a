//! One tick: the mix of all rooms at phase 0, then every leg of the phase reads and sends.

use std::time::Instant;

use slotmap::SlotMap;

use super::listen::Hearing;
use super::{MediaEvent, MediaIo, MediaTable, Place, Room, RoomKey, Source, VoiceKey};
use crate::media::FB_FRAME;
use crate::media::asset::PromptId;
use crate::media::dsp::mean_square;
use crate::media::feed::Sound;
use crate::media::leg::Leg;
use crate::media::ramp::Ramp;
use crate::media::rtp::DATAGRAM_MAX;

/// Meters are read every five frames, ten times a second.
const METER_FRAMES: u64 = 5;

impl MediaTable {
    /// Runs a quarter of a frame; call it every 5 ms with phase 0, 1, 2, 3, 0 ... A late clock
    /// may call it several times in a row, up to three frames; beyond, see
    /// [`skip_frames`](Self::skip_frames).
    pub fn tick(&mut self, now: Instant, phase: u8, io: &mut impl MediaIo) {
        self.ticked_at = Some(now);
        let mut buf = [0; DATAGRAM_MAX];
        if phase == 0 {
            self.begin_frame();
            self.hear_browsers();
            self.hear_callers(now, &mut buf, io);
            self.finish_rooms();
            self.read_meters();
        }
        let Some(legs) = self.phases.get(usize::from(phase)) else {
            return;
        };
        for &key in legs {
            let Some(leg) = self.legs.get_mut(key) else {
                continue;
            };
            if phase != 0 && !leg.rests(self.beat) {
                leg.drain(key, now, false, &mut buf, io, &mut self.events);
            }
            leg.watch(key, now, &self.settings, &mut self.events);
            let place = leg.place;
            let was_quiet = leg.player.is_quiet();
            let hearing = Hearing {
                beat: self.beat,
                settings: &self.settings,
                assets: &self.assets,
            };
            let payload = leg.listen(hearing, &mut self.rooms, &mut self.music);
            leg.send(key, now, &payload, io);
            if matches!(place, Place::Announce(_)) && !was_quiet && leg.player.is_quiet() {
                self.events.push(MediaEvent::PromptEnded { leg: key });
            }
        }
    }

    /// Lets `frames` frames pass in which the clock stood still: timestamps go on, nothing is
    /// sent, what callers said meanwhile is not heard.
    pub fn skip_frames(&mut self, frames: u32) {
        for leg in self.legs.values_mut() {
            leg.skip(frames);
        }
    }

    fn begin_frame(&mut self) {
        self.beat += 1;
        let [first, others @ ..] = &mut self.phases;
        for key in self.seating.drain(..) {
            let Some(leg) = self.legs.get_mut(key) else {
                continue;
            };
            if let Some(old) = others.get_mut(usize::from(leg.phase).wrapping_sub(1)) {
                old.retain(|other| *other != key);
                first.push(key);
            }
            leg.phase = 0;
        }
        let beat = self.beat;
        self.rooms
            .retain(|_, room| room.gone_at.is_none_or(|gone_at| beat < gone_at));
        for room in self.rooms.values_mut() {
            room.mix.begin();
        }
    }

    fn hear_browsers(&mut self) {
        let mut frame = [0.0; FB_FRAME];
        for source in self.sources.values_mut() {
            let Source {
                room,
                voice,
                gain,
                muted,
                leaving,
                leads,
                meter,
            } = source;
            let target = if *muted || *leaving { 0.0 } else { 1.0 };
            let speaks = voice.pull(&mut frame);
            if speaks && !gain.is_closed(target) {
                gain.apply(&mut frame, target);
            } else {
                // The next word fades in.
                *gain = Ramp::at(0.0);
                frame.fill(0.0);
            }
            meter.hear(&frame);
            if let Some(room) = self.rooms.get_mut(*room) {
                room.mix.add_browser(&frame);
                if *leads {
                    room.mix.add_lead(mean_square(&frame));
                }
                if !*leaving {
                    room.mix.count();
                }
            }
        }
        self.sources.retain(|_, source| !source.leaving);
    }

    fn hear_callers(&mut self, now: Instant, buf: &mut [u8; DATAGRAM_MAX], io: &mut impl MediaIo) {
        let [seated, ..] = &self.phases;
        for &key in seated {
            let Some(leg) = self.legs.get_mut(key) else {
                continue;
            };
            let heard = leg.seat.is_some() || matches!(leg.place, Place::Seat(_));
            if heard || !leg.rests(self.beat) {
                leg.drain(key, now, heard, buf, io, &mut self.events);
            }
            self.is_tapped |= speak(leg, now, &mut self.rooms);
        }
    }

    fn finish_rooms(&mut self) {
        let music = Sound::music(PromptId::HoldMusic, self.beat, &self.assets);
        for room in self.rooms.values_mut() {
            room.mix.finish(|| music.samples(&self.assets));
        }
    }

    fn read_meters(&mut self) {
        if !self.beat.is_multiple_of(METER_FRAMES) {
            return;
        }
        for &key in self.phases.iter().take(1).flatten() {
            let Some(leg) = self.legs.get_mut(key).filter(|leg| leg.seat.is_some()) else {
                continue;
            };
            if let Some(voice) = &mut leg.voice {
                let (of, level) = (VoiceKey::Leg(key), voice.meter.take());
                self.events.push(MediaEvent::Level { of, level });
            }
        }
        for (key, source) in &mut self.sources {
            let (of, level) = (VoiceKey::Source(key), source.meter.take());
            self.events.push(MediaEvent::Level { of, level });
        }
    }
}

/// Takes the leg's next frame of voice into the room it is in, and out of the one it leaves; whether browsers have it to take.
fn speak(leg: &mut Leg, now: Instant, rooms: &mut SlotMap<RoomKey, Room>) -> bool {
    let before = leg.seat;
    let after = match leg.place {
        Place::Seat(room) => Some(room),
        Place::Nowhere | Place::Waiting(_) | Place::Listen(_) | Place::Announce(_) => None,
    };
    leg.seat = after;
    let gain = leg.voice_gain();
    let Some(voice) = &mut leg.voice else {
        return false;
    };
    if before.is_none() && after.is_none() {
        voice.fall_silent();
    } else {
        voice.speak(now, gain, before, after);
    }
    for share in voice.shares() {
        if let Some(room) = share.room.and_then(|room| rooms.get_mut(room)) {
            room.mix.add_voice(&share.frame);
        }
    }
    if let Some(room) = after.and_then(|room| rooms.get_mut(room)) {
        room.mix.count();
    }
    let Some(tap) = &mut leg.tap else {
        return false;
    };
    let Some(frame) = voice.share_in(tap.room()) else {
        tap.skip(1);
        return false;
    };
    tap.hear(frame)
}
