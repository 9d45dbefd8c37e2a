//! What comes: `packet → its place in time → samples in the ring, or a decoder's queue`.

use std::time::Instant;

use super::coding::Coding;
use super::delay::PER_MS;
use super::ring::RING;
use super::{JitterBuffer, State};

/// A packet further away than this belongs to another time line.
pub(super) const FAR: i64 = 7000;
/// That many packets in a row from another time line move the buffer there.
const FAR_PACKETS: u8 = 3;
/// A stream that has made a longer pause than this begins anew.
pub(super) const LONG_PAUSE: i64 = 200 * PER_MS;

impl<const W: usize> JitterBuffer<W> {
    /// Takes a packet that arrived at `at`, with the timestamp of the codec's RTP clock. The payload is copied.
    pub fn insert(&mut self, at: Instant, timestamp: u32, payload: &[u8]) {
        let ticks = self.coding.ticks(payload);
        if ticks == 0 || ticks > RING - FAR as usize || self.ring.is_parked() {
            return;
        }
        let arrival = self.ticks_at(at);
        let start = match self.state {
            State::Empty => i64::from(timestamp) / self.coding.clock_per_tick(),
            State::Waiting(_) | State::Playing => self.extend(timestamp),
        };
        if self.state == State::Empty {
            self.begin(start, self.target());
        } else if self.expanded > LONG_PAUSE && start >= self.play {
            self.begin_anew(start);
        } else if (start - self.play).abs() > FAR {
            self.far += 1;
            if self.far < FAR_PACKETS {
                return;
            }
            self.begin_anew(start);
        }
        self.far = 0;
        if self.told_silent && start > self.end {
            self.told = self.end..start;
        }
        self.told_silent = self.coding.is_farewell(payload);
        self.grid.observe(start, ticks);
        self.delay.observe(arrival, start);
        self.store(start, ticks, payload);
    }

    /// The far end sends no audio on purpose (a key in its place): what follows is no loss.
    pub fn hear_silence(&mut self) {
        self.told_silent = true;
    }

    /// The far end falls silent, and its room sounds like this: an RFC 3389 payload, of which the level is followed.
    pub fn hear_noise(&mut self, payload: &[u8]) {
        self.told_silent = true;
        if let Some(level) = payload.first() {
            self.noise.set_level(*level);
        }
    }

    fn begin_anew(&mut self, start: i64) {
        self.counts.restarts += 1;
        self.empty();
        self.begin(start, self.target());
    }

    fn begin(&mut self, start: i64, wait: i64) {
        self.state = State::Waiting(wait);
        self.play = start;
        self.end = start;
    }

    /// The media time nearest to the playing one that has these 32 bits.
    fn extend(&self, timestamp: u32) -> i64 {
        let clock = self.coding.clock_per_tick();
        let near = self.play * clock;
        let step = timestamp.wrapping_sub(near as u32) as i32;
        (near + i64::from(step)).div_euclid(clock)
    }

    fn store(&mut self, start: i64, ticks: usize, payload: &[u8]) {
        if matches!(self.state, State::Waiting(_)) {
            // The first packet to come need not be the first that was sent.
            self.play = self.play.min(start);
        }
        let past = usize::try_from(self.play - start).unwrap_or(0);
        if past >= ticks {
            // A second packet of a time that has been played is late or a copy; we cannot tell. What our clock jumped over was neither.
            if start >= self.jumped_to {
                self.counts.late += 1;
                self.delay.observe_late();
            }
            return;
        }
        let is_news = match &mut self.coding {
            Coding::Law(law) => {
                let law = *law;
                let octets = payload.get(past..).unwrap_or_default();
                self.ring.put(start + past as i64, octets, |octet| {
                    law.decode_linear(octet)
                })
            }
            Coding::Ordered(ordered) => {
                let is_there = !self.ring.is_missing(start + past as i64);
                !is_there && ordered.hold(start, ticks, payload)
            }
        };
        self.counts.duplicate += u64::from(!is_news);
        self.end = self.end.max(start + ticks as i64);
    }

    /// Decodes what waits, up to the first hole after `frontier`; what has not come before that is given up.
    pub(super) fn decode(&mut self, frontier: i64) {
        while let Some(decoded) = self.coding.decode(frontier) {
            self.ring.write(self.play, decoded.start, decoded.samples);
        }
    }
}
