//! The only clock. Tests pause tokio's time and all of the switch stands still with it.
#![expect(clippy::disallowed_methods, reason = "this is where time is read")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::{domain::UnixMs, media::rtcp::NtpTime};

/// The monotonic clock.
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The time of day, in milliseconds since 1970.
pub fn unix_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The time of day as RTCP tells it.
pub fn ntp() -> NtpTime {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    NtpTime::from_unix(since)
}

/// The time of day as the books keep it.
pub fn utc() -> UnixMs {
    UnixMs(i64::try_from(unix_ms()).unwrap_or(i64::MAX))
}

/// Both clocks at one moment, which puts the kernel's wall-clock stamps on the monotonic one.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    monotonic: Instant,
    wall: SystemTime,
    /// The wall clock was set since the reading before: ages by it are wrong.
    was_set: bool,
}

impl Reading {
    /// By how much a wall clock that is only slewed differs between two readings at most.
    const SLEWED_MAX: Duration = Duration::from_millis(20);

    /// At `now`; `before` is the reading of the tick before.
    pub fn take(now: Instant, before: Option<Self>) -> Self {
        Self::at(now, SystemTime::now(), before)
    }

    fn at(monotonic: Instant, wall: SystemTime, before: Option<Self>) -> Self {
        let was_set = before.is_some_and(|before| {
            let passed = monotonic.saturating_duration_since(before.monotonic);
            let expected = before.wall + passed;
            let apart = wall
                .duration_since(expected)
                .unwrap_or_else(|earlier| earlier.duration());
            apart > Self::SLEWED_MAX
        });
        Self {
            monotonic,
            wall,
            was_set,
        }
    }

    /// A stamp on the monotonic clock; the reading's own moment where there is none, where it lies in the future or `believable` ago, or
    /// when the wall clock was set.
    pub fn monotonic(&self, stamp: Option<SystemTime>, believable: Duration) -> Instant {
        let age = stamp.and_then(|stamp| self.wall.duration_since(stamp).ok());
        let age = age.filter(|age| *age < believable && !self.was_set);
        let at = age.and_then(|age| self.monotonic.checked_sub(age));
        at.unwrap_or(self.monotonic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_stamp_keeps_its_age_while_that_can_be_believed() {
        let (now, wall) = (Instant::now(), SystemTime::now());
        let reading = Reading::at(now, wall, None);
        let put = |age_ms| {
            let stamp = wall - Duration::from_millis(age_ms);
            now.duration_since(reading.monotonic(Some(stamp), SECOND))
        };
        assert_eq!(
            [put(0), put(19), put(999)].map(|age| age.as_millis()),
            [0, 19, 999]
        );
        assert_eq!(put(1000), Duration::ZERO);
        assert_eq!(reading.monotonic(Some(wall + SECOND), SECOND), now);
        assert_eq!(reading.monotonic(None, SECOND), now);
    }

    #[test]
    fn a_wall_clock_that_was_set_makes_nothing_old() {
        let (now, wall) = (Instant::now(), SystemTime::now());
        let tick = Duration::from_millis(5);
        let before = Reading::at(now, wall, None);
        for step in [400, 900] {
            let set = Reading::at(
                now + tick,
                wall + tick + Duration::from_millis(step),
                Some(before),
            );
            assert_eq!(set.monotonic(Some(wall), SECOND), now + tick, "{step} ms");
        }
        let slewed = Reading::at(
            now + tick,
            wall + tick + Duration::from_micros(3),
            Some(before),
        );
        assert!(slewed.monotonic(Some(wall + tick / 5), SECOND) < now + tick);
    }
}
