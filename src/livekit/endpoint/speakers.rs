//! Who is speaking: levels that came with the packets, told to the room when they change, at most
//! five times a second.
//!
//! Some SDKs take an update as what has changed, others as all who speak; so an update names all
//! who speak and those who have just stopped.

use std::time::{Duration, Instant};

use livekit_protocol as proto;
use proto::signal_response::Message;

use super::{Endpoint, SessionId};

/// How often a room's speakers are looked at.
pub(super) const SPEAKERS_INTERVAL: Duration = Duration::from_millis(200);
/// A packet louder than this is speech (LiveKit's threshold).
const LOUD_DBOV: i8 = -35;
/// This many loud packets within an interval begin a speaker's turn.
const LOUD_PACKETS_MIN: u32 = 3;
/// A turn ends after so many intervals without.
const QUIET_INTERVALS_MAX: u32 = 2;
/// Levels are told in so many steps of full scale.
const LEVEL_STEPS: f32 = 16.0;

/// Counts one participant's packets of one interval.
#[derive(Debug, Default)]
pub(super) struct Meter {
    packets: u32,
    loud: u32,
    loudest_dbov: Option<i8>,
    quiet_intervals: u32,
    active: bool,
    /// The level others know of, in steps, while it speaks.
    told_step: Option<u8>,
}

/// How an interval went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Silent,
    Speaking { changed: bool },
    Ended,
}

impl Meter {
    /// One packet, with its level if the sender told it.
    pub(super) fn push(&mut self, level_dbov: Option<i8>) {
        self.packets += 1;
        let Some(level) = level_dbov else { return };
        self.loudest_dbov = self.loudest_dbov.max(Some(level));
        if level > LOUD_DBOV {
            self.loud += 1;
        }
    }

    /// Ends the interval.
    fn turn(&mut self) -> Turn {
        if self.loud >= LOUD_PACKETS_MIN {
            self.quiet_intervals = 0;
            self.active = true;
        } else {
            self.quiet_intervals = self.quiet_intervals.saturating_add(1);
            self.active &= self.quiet_intervals < QUIET_INTERVALS_MAX;
        }
        let level = self
            .loudest_dbov
            .map_or(0.0, |dbov| 10f32.powf(f32::from(dbov) / 20.0));
        let step = (level * LEVEL_STEPS).ceil().clamp(1.0, LEVEL_STEPS) as u8;
        (self.packets, self.loud, self.loudest_dbov) = (0, 0, None);

        let spoke = self.told_step.is_some();
        let told = std::mem::replace(&mut self.told_step, self.active.then_some(step));
        match (spoke, self.active) {
            (false, false) => Turn::Silent,
            (true, false) => Turn::Ended,
            (_, true) => Turn::Speaking {
                changed: told != self.told_step,
            },
        }
    }

    /// What others are told of it.
    fn speaker(&self, sid: &str) -> proto::SpeakerInfo {
        let level = f32::from(self.told_step.unwrap_or(0)) / LEVEL_STEPS;
        proto::SpeakerInfo {
            sid: sid.to_owned(),
            level,
            active: self.active,
        }
    }

    /// Nothing came and nothing is left to be told.
    fn idle(&self) -> bool {
        self.packets == 0 && !self.active
    }
}

impl Endpoint {
    /// Tells each room that is due who began or stopped speaking, or became louder or softer.
    pub(super) fn announce_speakers(&mut self, now: Instant) {
        let mut told = Vec::new();
        for (name, room) in &mut self.rooms {
            if room.speakers_due.is_none_or(|due| due > now) {
                continue;
            }
            let (mut speakers, mut changed, mut idle) = (Vec::new(), false, true);
            for session in &room.members {
                let Some(participant) = self.participants.get_mut(session) else {
                    continue;
                };
                idle &= participant.meter.idle();
                let turn = participant.meter.turn();
                if turn != Turn::Silent {
                    changed |= turn != Turn::Speaking { changed: false };
                    speakers.push(participant.meter.speaker(&participant.sid));
                }
            }
            room.speakers_due = (!idle).then(|| now + SPEAKERS_INTERVAL);
            if changed {
                told.push((name.clone(), speakers));
            }
        }
        for (room, speakers) in told {
            for session in self.listeners(&room) {
                let changed = proto::SpeakersChanged {
                    speakers: speakers.clone(),
                };
                self.send(session, Message::SpeakersChanged(changed));
            }
        }
    }

    /// Tells a newcomer who speaks already.
    pub(super) fn introduce_speakers(&mut self, session: SessionId) {
        let room = self
            .participants
            .get(&session)
            .and_then(|p| self.rooms.get(&p.pass.room));
        let Some(room) = room else { return };
        let speakers: Vec<proto::SpeakerInfo> = room
            .members
            .iter()
            .filter_map(|member| self.participants.get(member))
            .filter(|participant| participant.meter.active)
            .map(|participant| participant.meter.speaker(&participant.sid))
            .collect();
        if !speakers.is_empty() {
            self.send(
                session,
                Message::SpeakersChanged(proto::SpeakersChanged { speakers }),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(meter: &mut Meter, packets: u32, level_dbov: i8) -> (Turn, f32) {
        (0..packets).for_each(|_| meter.push(Some(level_dbov)));
        (meter.turn(), meter.speaker("PA_1").level)
    }

    #[test]
    fn a_turn_begins_with_speech_and_outlasts_a_breath() {
        let mut meter = Meter::default();
        assert_eq!(
            interval(&mut meter, 10, -60),
            (Turn::Silent, 0.0),
            "room noise"
        );
        assert_eq!(interval(&mut meter, 2, -10), (Turn::Silent, 0.0), "a click");
        let speaking = |changed| Turn::Speaking { changed };
        assert_eq!(interval(&mut meter, 10, -6), (speaking(true), 9.0 / 16.0));
        assert_eq!(interval(&mut meter, 10, -6), (speaking(false), 9.0 / 16.0));
        assert_eq!(
            interval(&mut meter, 10, -60),
            (speaking(true), 1.0 / 16.0),
            "a breath"
        );
        assert_eq!(interval(&mut meter, 10, -60), (Turn::Ended, 0.0));
        assert_eq!(interval(&mut meter, 10, -60), (Turn::Silent, 0.0));
        meter.push(None);
        assert!(!meter.idle());
    }

    #[test]
    fn unknown_levels_are_no_speech() {
        let mut meter = Meter::default();
        (0..10).for_each(|_| meter.push(None));
        assert_eq!(meter.turn(), Turn::Silent);
    }
}
