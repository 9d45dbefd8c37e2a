//! How late the caller hears what we send: `mark -> far end plays what lies before -> echo`.
//!
//! A connection that stood still brings the far end many frames at once, and it plays them all, so the caller would hear the
//! show late from then on. An echo that takes [`SURPLUS_MS`] longer than the quickest, twice in a row, has the far end's
//! buffer cleared. While no echo comes at all, nothing is sent: it would only be heard later.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A mark follows so many frames: one a second.
const MARK_FRAMES: u32 = 50;
/// Marks under way at most; the oldest is forgotten.
const MARKS_MAX: usize = 8;
/// Buffered beyond the least there was.
const SURPLUS_MS: u32 = 300;
/// Echoes in a row that must be late before anything is cleared.
const LATE_ECHOES: u8 = 2;
/// A mark that takes longer says that the connection stands still ...
const STALL: Duration = Duration::from_secs(3);
/// ... or, after so long, that the far end has forgotten it.
const FORGOTTEN: Duration = Duration::from_secs(6);

#[derive(Debug)]
pub(super) struct Playout {
    next: u32,
    frames: u32,
    under_way: VecDeque<(u32, Instant)>,
    has_echoed: bool,
    least_ms: Option<u32>,
    late: u8,
    last_ms: u32,
    ms_max: u32,
    caught_up: u64,
}

impl Default for Playout {
    fn default() -> Self {
        Self {
            next: 1,
            frames: 0,
            under_way: VecDeque::with_capacity(MARKS_MAX),
            has_echoed: false,
            least_ms: None,
            late: 0,
            last_ms: 0,
            ms_max: 0,
            caught_up: 0,
        }
    }
}

impl Playout {
    /// A frame was sent; gives the mark that is to follow it, if one is.
    pub(super) fn due(&mut self) -> Option<u32> {
        self.frames += 1;
        (self.frames >= MARK_FRAMES).then_some(self.next)
    }

    /// The mark was sent.
    pub(super) fn marked(&mut self, now: Instant, mark: u32) {
        self.frames = 0;
        self.next = mark.wrapping_add(1);
        if self.under_way.len() >= MARKS_MAX {
            self.under_way.pop_front();
        }
        self.under_way.push_back((mark, now));
    }

    /// An echo came; `true` when the far end has too much buffered.
    pub(super) fn played(&mut self, at: Instant, mark: u32) -> bool {
        let found = self.under_way.iter().position(|(sent, _)| *sent == mark);
        let Some((_, sent_at)) = found.and_then(|at| self.under_way.get(at)).copied() else {
            return false;
        };
        // Those before it have been played too.
        self.under_way.drain(..=found.unwrap_or(0));
        self.has_echoed = true;
        let took = at.saturating_duration_since(sent_at).as_millis();
        let took_ms = u32::try_from(took).unwrap_or(u32::MAX);
        self.last_ms = took_ms;
        self.ms_max = self.ms_max.max(took_ms);
        let least_ms = self.least_ms.map_or(took_ms, |least| least.min(took_ms));
        self.least_ms = Some(least_ms);
        if took_ms.saturating_sub(least_ms) < SURPLUS_MS {
            self.late = 0;
            return false;
        }
        self.late += 1;
        if self.late < LATE_ECHOES {
            return false;
        }
        // A way that has become longer for good is no surplus: the next echo is the measure.
        self.least_ms = None;
        self.late = 0;
        self.caught_up += 1;
        true
    }

    /// Whether what is sent now would only wait on the way.
    pub(super) fn is_stalled(&self, now: Instant) -> bool {
        self.has_echoed && self.oldest(now) > STALL
    }

    /// `true` once when marks have been under way for too long to come back.
    pub(super) fn gives_up(&mut self, now: Instant) -> bool {
        let forgotten = self.oldest(now) > FORGOTTEN;
        if forgotten {
            self.under_way.clear();
            self.has_echoed = false;
        }
        forgotten
    }

    /// The last measurement in ms; 0 before the first.
    pub(super) fn last_ms(&self) -> u32 {
        self.last_ms
    }

    pub(super) fn ms_max(&self) -> u32 {
        self.ms_max
    }

    pub(super) fn caught_up(&self) -> u64 {
        self.caught_up
    }

    fn oldest(&self, now: Instant) -> Duration {
        let oldest = self.under_way.front();
        oldest.map_or(Duration::ZERO, |(_, at)| now.saturating_duration_since(*at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bench {
        playout: Playout,
        now: Instant,
    }

    impl Bench {
        fn new() -> Self {
            Self {
                playout: Playout::default(),
                now: crate::media::test_epoch(),
            }
        }

        /// Sends a second of frames, and the mark behind them.
        fn second(&mut self) -> u32 {
            let mut mark = None;
            for _ in 0..MARK_FRAMES {
                self.now += Duration::from_millis(20);
                mark = self.playout.due();
            }
            self.playout.marked(self.now, mark.unwrap());
            mark.unwrap()
        }

        fn echo(&mut self, mark: u32, after_ms: u64) -> bool {
            let at = self.now + Duration::from_millis(after_ms);
            self.playout.played(at, mark)
        }
    }

    #[test]
    fn an_echo_measures() {
        let mut bench = Bench::new();
        for (after_ms, (last, most)) in [(120, (120, 120)), (180, (180, 180)), (90, (90, 180))] {
            let mark = bench.second();
            assert!(!bench.echo(mark, after_ms));
            assert_eq!(
                (bench.playout.last_ms(), bench.playout.ms_max()),
                (last, most)
            );
        }
        assert!(!bench.echo(99, 5000), "no mark of ours");
    }

    #[test]
    fn what_is_buffered_after_a_stall_is_cleared_once() {
        let mut bench = Bench::new();
        let late = [100, 100, 900, 100, 900, 900, 100, 100, 900];
        let cleared: Vec<bool> = late
            .iter()
            .map(|&after_ms| {
                let mark = bench.second();
                bench.echo(mark, after_ms)
            })
            .collect();
        let expected = [false, false, false, false, false, true, false, false, false];
        assert_eq!(cleared, expected);
        assert_eq!(bench.playout.caught_up(), 1);
    }

    #[test]
    fn a_way_that_has_become_longer_is_cleared_once() {
        let mut bench = Bench::new();
        let mark = bench.second();
        bench.echo(mark, 50);
        let cleared = (0..20).filter(|_| {
            let mark = bench.second();
            bench.echo(mark, 700)
        });
        assert_eq!(cleared.count(), 1);
    }

    #[test]
    fn without_echoes_nothing_is_sent_for_a_while() {
        let mut bench = Bench::new();
        let first = bench.second();
        bench.now += Duration::from_secs(4);
        assert!(!bench.playout.is_stalled(bench.now), "it may never echo");
        bench.echo(first, 0);
        bench.second();
        bench.now += Duration::from_millis(3001);
        assert!(bench.playout.is_stalled(bench.now));
        assert!(!bench.playout.gives_up(bench.now));
        bench.now += Duration::from_secs(3);
        assert!(bench.playout.gives_up(bench.now));
        assert!(!bench.playout.is_stalled(bench.now) && !bench.playout.gives_up(bench.now));
    }

    #[test]
    fn memory_is_bounded() {
        let mut bench = Bench::new();
        let room = bench.playout.under_way.capacity();
        for _ in 0..100 {
            bench.second();
        }
        assert_eq!(bench.playout.under_way.len(), MARKS_MAX);
        assert_eq!(bench.playout.under_way.capacity(), room);
    }
}
