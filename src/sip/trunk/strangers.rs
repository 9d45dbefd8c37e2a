//! How many packets of strangers are read at all: so many per source, so many in all.
//!
//! An entry of the table that lies in the past can be forgotten without changing anything: its bucket is full. When the common
//! bucket is empty or the table is full, sources that are not in it wait; trunks never pass here.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::rate::{Rate, subscriber};

/// What strangers may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StrangerLimits {
    /// Packets per second of one source, in the long run (IPv6: of one /64).
    pub(super) source_per_second: u32,
    /// Packets of one source at once.
    pub(super) source_burst: u32,
    /// Packets per second of all strangers.
    pub(super) total_per_second: u32,
    /// Packets of all strangers at once.
    pub(super) total_burst: u32,
    /// Sources remembered at a time.
    pub(super) sources_max: usize,
}

impl Default for StrangerLimits {
    fn default() -> Self {
        Self {
            source_per_second: 20,
            source_burst: 40,
            total_per_second: 1000,
            total_burst: 1000,
            sources_max: 4096,
        }
    }
}

/// The buckets of the sources that no trunk admits.
#[derive(Debug)]
pub(super) struct Strangers {
    per_source: Rate,
    overall: Rate,
    sources_max: usize,
    total: Option<Instant>,
    sources: BTreeMap<IpAddr, Instant>,
    swept: Option<Instant>,
}

impl Strangers {
    /// No packets seen yet.
    pub(super) fn new(limits: StrangerLimits) -> Self {
        Self {
            per_source: Rate::new(limits.source_per_second, limits.source_burst),
            overall: Rate::new(limits.total_per_second, limits.total_burst),
            sources_max: limits.sources_max,
            total: None,
            sources: BTreeMap::new(),
            swept: None,
        }
    }

    /// Whether a packet from `source` is to be read, and counts it if so.
    pub(super) fn admits(&mut self, now: Instant, source: IpAddr) -> bool {
        let Some(total) = self.overall.take(self.total, now) else {
            return false;
        };
        let key = subscriber(source);
        let known = self.sources.get(&key).copied();
        if known.is_none() && !self.has_room(now) {
            return false;
        }
        let Some(full_at) = self.per_source.take(known, now) else {
            return false;
        };
        self.total = Some(total);
        self.sources.insert(key, full_at);
        true
    }

    /// Room for one more source, after forgetting the quiet ones at most once a second.
    fn has_room(&mut self, now: Instant) -> bool {
        let rested = self
            .swept
            .is_none_or(|swept| now >= swept + Duration::from_secs(1));
        if self.sources.len() >= self.sources_max && rested {
            self.sources.retain(|_, full_at| *full_at > now);
            self.swept = Some(now);
        }
        self.sources.len() < self.sources_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: StrangerLimits = StrangerLimits {
        source_per_second: 10,
        source_burst: 3,
        total_per_second: 100,
        total_burst: 20,
        sources_max: 8,
    };

    #[expect(
        clippy::disallowed_methods,
        reason = "any instant will do as the beginning"
    )]
    fn start() -> Instant {
        Instant::now()
    }

    fn source(n: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, n])
    }

    fn admitted(strangers: &mut Strangers, now: Instant, source: IpAddr, packets: usize) -> usize {
        (0..packets)
            .filter(|_| strangers.admits(now, source))
            .count()
    }

    #[test]
    fn a_source_has_a_burst_and_then_its_rate() {
        let start = start();
        let mut strangers = Strangers::new(LIMITS);
        assert_eq!(admitted(&mut strangers, start, source(1), 100), 3);
        assert_eq!(admitted(&mut strangers, start, source(2), 100), 3);
        assert_eq!(
            admitted(
                &mut strangers,
                start + Duration::from_millis(99),
                source(1),
                100
            ),
            0
        );
        assert_eq!(
            admitted(
                &mut strangers,
                start + Duration::from_millis(100),
                source(1),
                100
            ),
            1
        );
        assert_eq!(
            admitted(
                &mut strangers,
                start + Duration::from_secs(60),
                source(1),
                100
            ),
            3
        );

        let flood = (0..10_000u64).filter(|ms| {
            let now = start + Duration::from_secs(100) + Duration::from_millis(*ms);
            strangers.admits(now, source(3))
        });
        assert_eq!(flood.count(), 3 + 99);
    }

    #[test]
    fn many_sources_share_what_all_may_send() {
        let start = start();
        let mut strangers = Strangers::new(StrangerLimits {
            sources_max: 1000,
            ..LIMITS
        });
        let all = (0..=255)
            .filter(|n| strangers.admits(start, source(*n)))
            .count();
        assert_eq!(all, 20);
        assert_eq!(strangers.sources.len(), 20);
        let later = start + Duration::from_millis(50);
        assert_eq!(
            (0..=255)
                .filter(|n| strangers.admits(later, source(*n)))
                .count(),
            5
        );
    }

    #[test]
    fn a_flooding_source_does_not_spend_what_others_may_send() {
        let start = start();
        let mut strangers = Strangers::new(LIMITS);
        assert_eq!(admitted(&mut strangers, start, source(1), 10_000), 3);
        assert!(strangers.admits(start, source(2)));
    }

    #[test]
    fn the_table_is_bounded_and_forgets_quiet_sources() {
        let start = start();
        let mut strangers = Strangers::new(LIMITS);
        assert_eq!(
            (0..12)
                .filter(|n| strangers.admits(start, source(*n)))
                .count(),
            8
        );
        assert!(
            strangers.admits(start, source(1)),
            "those in the table go on"
        );
        assert_eq!(strangers.sources.len(), 8);

        let soon = start + Duration::from_millis(300);
        assert!(!strangers.admits(soon, source(20)), "swept a moment ago");
        let later = start + Duration::from_secs(1);
        assert!(strangers.admits(later, source(20)));
        assert_eq!(strangers.sources.len(), 1);
    }

    #[test]
    fn one_subscriber_is_one_source() {
        let start = start();
        let mut strangers = Strangers::new(LIMITS);
        let neighbours = [
            "2001:db8::1",
            "2001:db8::2",
            "2001:db8::ffff:1",
            "2001:db8:0:0:9::",
        ];
        let same = neighbours
            .iter()
            .filter(|a| strangers.admits(start, a.parse().unwrap()));
        assert_eq!(same.count(), 3);
        assert!(strangers.admits(start, "2001:db8:0:1::1".parse().unwrap()));

        assert_eq!(admitted(&mut strangers, start, source(1), 3), 3);
        assert!(!strangers.admits(start, "::ffff:192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn a_clock_that_runs_back_is_harmless() {
        let start = start() + Duration::from_secs(10);
        let mut strangers = Strangers::new(StrangerLimits {
            source_per_second: 0,
            ..LIMITS
        });
        assert!(strangers.admits(start, source(1)));
        assert!(!strangers.admits(start - Duration::from_secs(9), source(1)));
        assert!(strangers.admits(start + Duration::from_millis(10), source(1)));
    }
}
