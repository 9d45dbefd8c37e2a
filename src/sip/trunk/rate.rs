//! Token buckets, and what counts as one source.
//!
//! A bucket is one instant, the time at which it is full again (the generic cell rate algorithm, ITU-T I.371).

use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// A rate and the burst that it allows.
#[derive(Debug, Clone, Copy)]
pub(in crate::sip) struct Rate {
    interval: Duration,
    tolerance: Duration,
}

impl Rate {
    pub(in crate::sip) fn new(per_second: u32, burst: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self {
            interval,
            tolerance: interval * burst.saturating_sub(1),
        }
    }

    /// Takes one token from a bucket that is full at `full_at` (`None`: full); the new time.
    pub(in crate::sip) fn take(self, full_at: Option<Instant>, now: Instant) -> Option<Instant> {
        let full_at = full_at.map_or(now, |full_at| full_at.max(now));
        (full_at.duration_since(now) <= self.tolerance).then(|| full_at + self.interval)
    }
}

/// The address, or its /64 in IPv6, which is what one subscriber has at hand.
pub(super) fn subscriber(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) >> 64 << 64)),
    }
}
