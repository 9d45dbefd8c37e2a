//! How packets become samples: octet by octet as they come, or in order by a decoder that remembers.

use super::ordered::{Decoded, Ordered};
use crate::media::g711::Law;

/// What a caller's packets are coded in.
#[derive(Debug)]
pub(super) enum Coding {
    Law(Law),
    Ordered(Box<Ordered>),
}

impl Coding {
    /// The length of a packet in ticks of 1/8 ms; 0 when it is none of ours.
    pub(super) fn ticks(&self, payload: &[u8]) -> usize {
        match self {
            Self::Law(_) => payload.len(),
            Self::Ordered(ordered) => ordered.ticks(payload),
        }
    }

    /// Steps of the RTP clock in a tick.
    pub(super) fn clock_per_tick(&self) -> i64 {
        match self {
            Self::Law(_) => 1,
            Self::Ordered(ordered) => ordered.clock_per_tick(),
        }
    }

    /// Whether a packet says that nothing follows for a while.
    pub(super) fn is_farewell(&self, payload: &[u8]) -> bool {
        self.ordered()
            .is_some_and(|ordered| ordered.is_farewell(payload))
    }

    /// Media time of the next packet that is not decoded yet.
    pub(super) fn next_start(&self) -> Option<i64> {
        self.ordered()?.next_start()
    }

    /// Decodes a packet that follows on what has been decoded, or on what is given up: everything before `frontier`.
    pub(super) fn decode(&mut self, frontier: i64) -> Option<Decoded<'_>> {
        self.ordered_mut()?.decode(frontier)
    }

    /// What the decoder makes up for the `gap` ticks from `play` to the next packet, or for the first of them.
    pub(super) fn recover(&mut self, play: i64, gap: i64) -> Option<Decoded<'_>> {
        self.ordered_mut()?.recover(play, gap)
    }

    /// Lets what was made up go over into what has come since.
    pub(super) fn blend(&mut self, samples: &mut [f32]) {
        if let Some(ordered) = self.ordered_mut() {
            ordered.blend(samples);
        }
    }

    /// Makes up samples while nothing is there; `false` when the decoder cannot.
    pub(super) fn stand_in(&mut self, samples: &mut [f32]) -> bool {
        match self.ordered_mut() {
            Some(ordered) if ordered.conceals() => {
                ordered.stand_in(samples);
                true
            }
            _ => false,
        }
    }

    /// Forgets packets that wait.
    pub(super) fn clear(&mut self) {
        if let Some(ordered) = self.ordered_mut() {
            ordered.clear();
        }
    }

    fn ordered(&self) -> Option<&Ordered> {
        match self {
            Self::Law(_) => None,
            Self::Ordered(ordered) => Some(ordered),
        }
    }

    fn ordered_mut(&mut self) -> Option<&mut Ordered> {
        match self {
            Self::Law(_) => None,
            Self::Ordered(ordered) => Some(ordered),
        }
    }
}
