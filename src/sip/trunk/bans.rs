//! Sources that tried wrong logins: after five tries nothing of theirs is read for a while, and each time for twice as long.
//!
//! A try counts only when it answers a challenge that was sent to that very address, so nobody can have another one banned by
//! writing its address on datagrams. Sources that a trunk lists are never banned: a carrier with a mistyped password would take
//! the whole show off the line.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::rate::subscriber;

/// When a source is banned, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BanLimits {
    /// Wrong tries that bring a ban.
    pub(super) tries: u32,
    /// Tries further apart than this are not added up.
    pub(super) within: Duration,
    /// The first ban; each further one is twice as long.
    pub(super) first: Duration,
    /// The longest ban. A source that was good for as long after a ban starts anew.
    pub(super) longest: Duration,
    /// Sources remembered at a time.
    pub(super) sources_max: usize,
}

impl Default for BanLimits {
    fn default() -> Self {
        Self {
            tries: 5,
            within: Duration::from_secs(600),
            first: Duration::from_secs(60),
            longest: Duration::from_secs(24 * 3600),
            sources_max: 4096,
        }
    }
}

/// What is remembered of a source.
#[derive(Debug, Clone, Copy)]
struct Record {
    tries: u32,
    bans: u32,
    last_try: Instant,
    until: Option<Instant>,
}

impl Record {
    fn is_banned(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

/// The sources that tried wrong logins.
#[derive(Debug)]
pub(super) struct Bans {
    limits: BanLimits,
    sources: BTreeMap<IpAddr, Record>,
}

impl Bans {
    /// Nobody is banned.
    pub(super) fn new(limits: BanLimits) -> Self {
        Self {
            limits,
            sources: BTreeMap::new(),
        }
    }

    /// Whether nothing of `source` (IPv6: of its /64) is to be read now.
    pub(super) fn is_banned(&self, now: Instant, source: IpAddr) -> bool {
        let record = self.sources.get(&subscriber(source));
        record.is_some_and(|record| record.is_banned(now))
    }

    /// A wrong try; the length of the ban that it brought.
    pub(super) fn tried(&mut self, now: Instant, source: IpAddr) -> Option<Duration> {
        let limits = self.limits;
        let key = subscriber(source);
        if !self.sources.contains_key(&key) && !self.has_room(now) {
            return None;
        }
        let record = self.sources.entry(key).or_insert(Record {
            tries: 0,
            bans: 0,
            last_try: now,
            until: None,
        });
        if now.saturating_duration_since(record.last_try) > limits.within {
            record.tries = 0;
        }
        let is_over = |until: Instant| now.saturating_duration_since(until) > limits.longest;
        if record.until.is_some_and(is_over) {
            record.bans = 0;
        }
        record.last_try = now;
        record.tries += 1;
        if record.tries < limits.tries {
            return None;
        }
        let doubled = 1_u32.checked_shl(record.bans).unwrap_or(u32::MAX);
        let length = limits.first.saturating_mul(doubled).min(limits.longest);
        record.tries = 0;
        record.bans = record.bans.saturating_add(1);
        record.until = Some(now + length);
        Some(length)
    }

    /// A right login: its wrong tries are forgotten, its former bans are not.
    pub(super) fn forgive(&mut self, source: IpAddr) {
        if let Some(record) = self.sources.get_mut(&subscriber(source)) {
            record.tries = 0;
        }
    }

    /// Room for one more source; the one that has been quiet longest and is not banned goes.
    fn has_room(&mut self, now: Instant) -> bool {
        if self.sources.len() < self.limits.sources_max {
            return true;
        }
        let quiet = self
            .sources
            .iter()
            .filter(|(_, record)| !record.is_banned(now));
        let quietest = quiet.min_by_key(|(_, record)| record.last_try);
        let Some(source) = quietest.map(|(source, _)| *source) else {
            return false;
        };
        self.sources.remove(&source);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

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

    /// Tries until a ban comes.
    fn ban(bans: &mut Bans, now: Instant, source: IpAddr) -> Duration {
        let tries: Vec<Option<Duration>> = (0..5).map(|_| bans.tried(now, source)).collect();
        assert_eq!(&tries[..4], &[None; 4]);
        tries[4].expect("the fifth try brings a ban")
    }

    #[test]
    fn five_tries_bring_a_ban_that_ends_and_the_next_is_twice_as_long() {
        let mut now = start();
        let mut bans = Bans::new(BanLimits::default());
        for expected in [60, 120, 240, 480] {
            assert_eq!(ban(&mut bans, now, source(1)), expected * SECOND);
            let length = Duration::from_secs(expected.into());
            assert!(bans.is_banned(now + length - SECOND, source(1)));
            assert!(!bans.is_banned(now + length - SECOND, source(2)));
            now += length;
            assert!(!bans.is_banned(now, source(1)));
        }
        for _ in 0..40 {
            now += BanLimits::default().longest;
            assert!(ban(&mut bans, now, source(1)) <= BanLimits::default().longest);
        }
    }

    #[test]
    fn tries_far_apart_and_those_before_a_right_one_do_not_add_up() {
        let start = start();
        let mut bans = Bans::new(BanLimits::default());
        for n in 0..50 {
            let now = start + n * 601 * SECOND;
            assert_eq!(bans.tried(now, source(1)), None);
        }
        for _ in 0..50 {
            for _ in 0..4 {
                assert_eq!(bans.tried(start, source(2)), None);
            }
            bans.forgive(source(2));
        }
    }

    #[test]
    fn who_was_good_for_a_day_starts_anew() {
        let start = start();
        let mut bans = Bans::new(BanLimits::default());
        ban(&mut bans, start, source(1));
        ban(&mut bans, start + 100 * SECOND, source(1));
        let later = start + 220 * SECOND + BanLimits::default().longest + SECOND;
        assert_eq!(ban(&mut bans, later, source(1)), 60 * SECOND);
    }

    #[test]
    fn the_table_is_bounded_and_keeps_those_who_are_banned() {
        let start = start();
        let limits = BanLimits {
            sources_max: 3,
            ..BanLimits::default()
        };
        let mut bans = Bans::new(limits);
        ban(&mut bans, start, source(1));
        for n in 2..200 {
            bans.tried(start + u32::from(n) * SECOND / 10, source(n));
            assert!(bans.sources.len() <= 3);
        }
        assert!(bans.is_banned(start + 20 * SECOND, source(1)));
        let now = start + 20 * SECOND;
        for n in [198, 199] {
            while bans.tried(now, source(n)).is_none() {}
        }
        assert!(bans.sources.values().all(|record| record.is_banned(now)));
        assert_eq!(bans.tried(now, source(200)), None, "full of banned ones");
        assert_eq!(bans.sources.len(), 3);
    }

    #[test]
    fn one_subscriber_is_one_source() {
        let start = start();
        let mut bans = Bans::new(BanLimits::default());
        for n in 1..=5 {
            bans.tried(start, format!("2001:db8::{n}").parse().unwrap());
        }
        assert!(bans.is_banned(start, "2001:db8::99".parse().unwrap()));
        assert!(!bans.is_banned(start, "2001:db8:0:1::1".parse().unwrap()));
    }
}
