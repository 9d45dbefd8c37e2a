//! How many frames a client may send in a second.

use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(1);

/// Counts frames within one second after the other.
#[derive(Debug)]
pub(super) struct Pace {
    since: Instant,
    frames: u32,
    frames_max: u32,
}

impl Pace {
    pub(super) fn new(now: Instant, frames_max: u32) -> Self {
        Self {
            since: now,
            frames: 0,
            frames_max,
        }
    }

    /// Counts a frame; `false` when it is one too many.
    pub(super) fn admits(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) >= WINDOW {
            *self = Self::new(now, self.frames_max);
        }
        self.frames = self.frames.saturating_add(1);
        self.frames <= self.frames_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::clock;

    #[test]
    fn so_many_a_second_and_no_more() {
        let start = clock::now();
        let mut pace = Pace::new(start, 3);
        let admitted: Vec<bool> = (0..4).map(|_| pace.admits(start)).collect();
        assert_eq!(admitted, [true, true, true, false]);
        assert!(!pace.admits(start + Duration::from_millis(999)));
        assert!(pace.admits(start + Duration::from_millis(1000)));
    }
}
