//! How long to wait between two attempts: exponential with full jitter, so that a hundred links
//! that lost the same server do not come back in step.

use std::time::Duration;

use super::LinkTimings;

/// Doubling ends here; the cap is reached long before.
const DOUBLINGS_MAX: u32 = 16;
/// No wait is shorter, so that jitter never makes a busy loop.
const WAIT_MIN: Duration = Duration::from_millis(20);

/// Counts attempts and draws waits.
#[derive(Debug)]
pub(super) struct Backoff {
    attempts: u32,
    dice: Dice,
}

impl Backoff {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            attempts: 0,
            dice: Dice(seed),
        }
    }

    /// The next attempt is the first again.
    pub(super) fn reset(&mut self) {
        self.attempts = 0;
    }

    /// How long to wait before the next attempt: not at all before the first.
    pub(super) fn wait(&mut self, timings: &LinkTimings) -> Duration {
        let Some(doublings) = self.attempts.checked_sub(1) else {
            self.attempts = 1;
            return Duration::ZERO;
        };
        self.attempts = self.attempts.saturating_add(1);
        let longest = timings
            .retry_first
            .saturating_mul(1 << doublings.min(DOUBLINGS_MAX))
            .min(timings.retry_max);
        self.dice.up_to(longest).max(WAIT_MIN)
    }

    /// A long wait for what trying harder does not help, between half of the longest and it.
    pub(super) fn wait_long(&mut self, timings: &LinkTimings) -> Duration {
        let half = timings.retry_refused_max / 2;
        half + self.dice.up_to(half)
    }

    /// A number nobody else has, most likely.
    pub(super) fn draw(&mut self) -> u64 {
        self.dice.draw()
    }
}

/// SplitMix64: a few bits of jitter from a seed.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn up_to(&mut self, longest: Duration) -> Duration {
        let millis = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.draw() % millis.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::livekit::link::LinkRole;

    #[test]
    fn the_first_attempt_is_at_once_and_later_ones_are_capped() {
        let timings = LinkTimings::of(LinkRole::Listener);
        let mut backoff = Backoff::new(1);
        assert_eq!(backoff.wait(&timings), Duration::ZERO);
        let waits: Vec<Duration> = (0..1000).map(|_| backoff.wait(&timings)).collect();
        assert!(waits[0] <= timings.retry_first);
        assert!(
            waits
                .iter()
                .all(|wait| (WAIT_MIN..=timings.retry_max).contains(wait))
        );
        let late = waits.iter().skip(10).max().unwrap();
        assert!(
            *late > timings.retry_max * 9 / 10,
            "full jitter reaches the cap: {late:?}"
        );
        backoff.reset();
        assert_eq!(backoff.wait(&timings), Duration::ZERO);
    }

    #[test]
    fn two_seeds_do_not_keep_step() {
        let timings = LinkTimings::of(LinkRole::Caller);
        let waits = |seed| {
            let mut backoff = Backoff::new(seed);
            (0..10).map(|_| backoff.wait(&timings)).collect::<Vec<_>>()
        };
        assert_ne!(waits(1), waits(2));
        let long = Backoff::new(3).wait_long(&timings);
        assert!(long >= timings.retry_refused_max / 2 && long <= timings.retry_refused_max);
    }
}
