//! Addresses that no trunk lists and that proved themselves: they brought a token of our own TwiML, or a login.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Guests at most; the oldest goes first.
const GUESTS_MAX: usize = 1024;
/// How long a guest may speak: longer than any call lasts.
const GUEST_STAYS: Duration = Duration::from_secs(24 * 3600);

/// Those who are here.
#[derive(Debug, Default)]
pub(super) struct Guests {
    since: HashMap<IpAddr, Instant>,
}

impl Guests {
    pub(super) fn has(&self, source: IpAddr) -> bool {
        self.since.contains_key(&source.to_canonical())
    }

    pub(super) fn welcome(&mut self, now: Instant, source: IpAddr) {
        let source = source.to_canonical();
        if self.since.len() >= GUESTS_MAX && !self.since.contains_key(&source) {
            let oldest = self.since.iter().min_by_key(|(_, since)| **since);
            let oldest = oldest.map(|(source, _)| *source);
            oldest.map(|source| self.since.remove(&source));
        }
        self.since.insert(source, now);
    }

    /// Lets go of those whose day is over.
    pub(super) fn forget_old(&mut self, now: Instant) {
        self.since
            .retain(|_, since| now.saturating_duration_since(*since) < GUEST_STAYS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "any instant will do as the beginning"
    )]
    fn guests_are_bounded_and_go_after_a_day() {
        let start = Instant::now();
        let mut guests = Guests::default();
        let source = |index: u32| IpAddr::from(index.to_be_bytes());
        let last = u32::try_from(GUESTS_MAX).unwrap() + 9;
        for index in 0..=last {
            guests.welcome(
                start + Duration::from_millis(u64::from(index)),
                source(index),
            );
        }
        assert_eq!(guests.since.len(), GUESTS_MAX);
        assert!(!guests.has(source(9)), "the oldest went first");
        assert!(guests.has(source(10)) && guests.has(source(last)));
        guests.forget_old(start + GUEST_STAYS + Duration::from_millis(100));
        assert!(!guests.has(source(100)) && guests.has(source(101)));
    }
}
