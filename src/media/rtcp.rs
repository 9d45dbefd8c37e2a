//! RTCP (RFC 3550 section 6): what both ends of an RTP session tell each other about it.
//!
//! ```text
//! in    datagram → (SRTCP) → Compound (lengths checked) → round trip, what the far end receives
//! out   every 2 to 6 s   SR or RR about the far end, SDES with CNAME → (SRTCP) → datagram;   BYE with the last one
//! ```
//!
//! Packets come on the RTP port where both sides multiplex (RFC 5761), else on the next one, and only the caller's host
//! is believed. Nothing that is said here ends a call or changes where audio goes.

mod control;
mod interval;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::net::SocketAddr;
use std::time::Duration;

pub(super) use control::{Control, RtpState};
pub use control::{FarEnd, Moment, RtcpCounts};
pub use interval::interval;
pub use read::{Blocks, Compound, Packet, ReportBlock, SenderInfo};
pub use write::{REPORT_MAX, Report};

/// Room for one outgoing compound and what its encryption appends.
pub(super) type ReportBuf = [u8; REPORT_MAX + super::srtp::RTCP_TRAILER_MAX];

/// An empty [`ReportBuf`].
pub(super) const REPORT_BUF: ReportBuf = [0; REPORT_MAX + super::srtp::RTCP_TRAILER_MAX];

/// Octets of a canonical name as we make it: 96 random bits in base64 (RFC 7022 section 4.2).
pub const CNAME_LEN: usize = 16;

/// Least and most of the 24 bits that count losses (RFC 3550 section 6.4.1).
pub const LOST_RANGE: std::ops::RangeInclusive<i32> = -0x80_0000..=0x7F_FFFF;

/// Where the far end wants RTCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RtcpPath {
    /// On the RTP port, both ways (RFC 5761).
    Muxed,
    /// There; from us it comes from the port after that of RTP.
    At(SocketAddr),
}

/// Wall-clock time as 32 bits of seconds since 1900 and 32 of fractions (RFC 3550 section 4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NtpTime(pub u64);

impl NtpTime {
    /// From 1900 to 1970.
    const UNIX_EPOCH_S: u64 = 2_208_988_800;

    /// The time `since` 1970; wraps in 2036 as the format does.
    #[must_use]
    pub fn from_unix(since: Duration) -> Self {
        let seconds = since.as_secs().wrapping_add(Self::UNIX_EPOCH_S);
        let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
        Self(seconds << 32 | fraction)
    }

    /// The 32 bits in the middle, which reports repeat.
    #[must_use]
    pub fn middle(self) -> u32 {
        (self.0 >> 16) as u32
    }
}

/// A delay in units of 1/65536 s, as DLSR has it; the most there is when it is longer.
#[must_use]
pub fn short_delay(delay: Duration) -> u32 {
    u32::try_from((delay.as_nanos() << 16) / 1_000_000_000).unwrap_or(u32::MAX)
}

/// A DLSR as time.
#[must_use]
pub fn long_delay(delay: u32) -> Duration {
    Duration::from_nanos((u64::from(delay) * 1_000_000_000) >> 16)
}

/// Whether a datagram on the RTP port is RTCP (RFC 5761 section 4).
#[must_use]
pub fn is_rtcp(datagram: &[u8]) -> bool {
    datagram
        .get(1)
        .is_some_and(|octet| super::rtp::RTCP.contains(&(octet & 0x7F)))
}
