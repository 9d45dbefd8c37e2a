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

/// A wall-clock stamp of the kernel on the monotonic clock; `now` when the stamp lies in the future or long ago.
pub fn monotonic(stamp: SystemTime, now: Instant) -> Instant {
    const BELIEVABLE: Duration = Duration::from_secs(1);
    match SystemTime::now().duration_since(stamp) {
        Ok(age) if age < BELIEVABLE => now.checked_sub(age).unwrap_or(now),
        Ok(_) | Err(_) => now,
    }
}
