//! Whose turn it is to report: everybody's once a second, a few with each frame, apart from the tick.

use super::{LegKey, MediaIo, MediaTable};
use crate::media::rtcp::Moment;

/// Frames in which everybody has a turn.
const FRAMES_PER_ROUND: usize = 50;

impl MediaTable {
    /// Lets a fiftieth of the legs read and send RTCP, and measures their lines. Call it once a frame, after the frame's
    /// audio has gone.
    pub fn take_turns(&mut self, moment: Moment, io: &mut impl MediaIo) {
        for _ in 0..self.turns.len().div_ceil(FRAMES_PER_ROUND) {
            let Some(key) = self.turns.pop_front() else {
                return;
            };
            let Some(leg) = self.legs.get_mut(key) else {
                continue;
            };
            // One throw of the dice serves many legs: their SSRCs are random, too.
            let moment = Moment {
                chance: moment.chance.wrapping_add(leg.spread),
                ..moment
            };
            leg.take_turn(key, &moment, &self.settings, io, &mut self.events);
            self.turns.push_back(key);
        }
    }

    /// Says good-bye by RTCP for a leg that is about to be removed.
    pub fn say_goodbye(&mut self, key: LegKey, moment: Moment, io: &mut impl MediaIo) {
        if let Some(leg) = self.legs.get_mut(key) {
            leg.say_goodbye(key, &moment, io);
        }
    }
}
