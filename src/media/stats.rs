//! What a leg has received and sent, as RFC 3550 counts it.

mod block;

use std::time::Instant;

use super::codec::Codec;
use super::jitter::JitterCounts;
use super::quality::{LineSummary, LossCounts, LossPattern};
use super::rtcp::{FarEnd, RtcpCounts};
use super::rtp::RtpIn;
use super::srtp::Suite;
use super::stream::StreamCounts;

/// A sequence step beyond this is a new numbering, not a loss (RFC 3550 A.1).
const DROPOUT_MAX: u16 = 3000;

/// Everything about a leg's media, for the log, the metrics and the call's row.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LegReport {
    /// Packets taken from the far end, of any payload type that was negotiated.
    pub received: u64,
    /// Packets the far end sent and we never saw.
    pub lost: u64,
    /// Interarrival jitter in ms (RFC 3550 section 6.4.1).
    pub jitter_ms: f32,
    /// The codec in which it spoke last.
    pub codec: Option<Codec>,
    /// How the stream is encrypted.
    pub suite: Option<Suite>,
    /// Packets sent.
    pub sent: u64,
    /// Playout of the caller's voice while it was heard.
    pub playout: JitterCounts,
    /// Packets from an address that is not the caller's.
    pub foreign: u64,
    /// Encrypted packets whose tag is not right: forged, damaged or under another key.
    pub unauthentic: u64,
    /// Encrypted packets that came before, or far too late.
    pub replayed: u64,
    /// Packets of a newcomer that had not been accepted yet.
    pub probation: u64,
    /// Packets beyond the rate cap.
    pub over_rate: u64,
    /// Datagrams that are not RTP.
    pub malformed: u64,
    /// Packets of a payload type that was not negotiated.
    pub unknown_payload: u64,
    /// Frames of the caller's voice that browsers missed because their ring was full.
    pub tap_overflow: u64,
    /// Where the leg is a Media Stream.
    pub stream: Option<StreamCounts>,
    /// What the line was like.
    pub line: LineSummary,
    /// What the far end last said that it receives.
    pub far: Option<FarEnd>,
    /// RTCP.
    pub rtcp: RtcpCounts,
}

/// Sequence numbers and jitter of the stream that is being heard.
#[derive(Debug, Clone, Default)]
pub struct Reception {
    received: u64,
    stream: Option<Stream>,
    /// Loss of the streams before.
    lost_before: i64,
    /// In ms.
    jitter: f32,
    pattern: LossPattern,
}

#[derive(Debug, Clone)]
struct Stream {
    ssrc: u32,
    first: i64,
    highest: i64,
    received: i64,
    last_arrival: Instant,
    last_timestamp: u32,
    reported: block::Reported,
}

impl Stream {
    fn lost(&self) -> i64 {
        (self.highest - self.first + 1 - self.received).max(0)
    }
}

impl Reception {
    /// Counts a packet that arrived at `at`. `is_media` says whether its timestamp ticks with
    /// the media clock (that of a DTMF key stands still), which is `clock_hz` fast.
    pub fn count(&mut self, at: Instant, packet: &RtpIn<'_>, is_media: bool, clock_hz: u32) {
        self.received += 1;
        let continued = self.stream.as_mut().filter(|stream| {
            let step = packet.sequence.wrapping_sub(stream.highest as u16) as i16;
            stream.ssrc == packet.ssrc && step.unsigned_abs() < DROPOUT_MAX
        });
        let Some(stream) = continued else {
            self.lost_before += self.stream.as_ref().map_or(0, Stream::lost);
            self.stream = Some(Stream {
                ssrc: packet.ssrc,
                first: i64::from(packet.sequence),
                highest: i64::from(packet.sequence),
                received: 1,
                last_arrival: at,
                last_timestamp: packet.timestamp,
                reported: block::Reported::default(),
            });
            self.pattern.begin();
            return;
        };
        let step = packet.sequence.wrapping_sub(stream.highest as u16) as i16;
        stream.highest = stream.highest.max(stream.highest + i64::from(step));
        stream.received += 1;
        self.pattern.arrive(i32::from(step));
        if is_media && step > 0 {
            let arrived = at
                .saturating_duration_since(stream.last_arrival)
                .as_secs_f32()
                * 1000.0;
            let spoken = packet.timestamp.wrapping_sub(stream.last_timestamp) as i32 as f32;
            let spoken = spoken * 1000.0 / clock_hz.max(1) as f32;
            // A pause (DTX) is no jitter.
            if spoken.abs() < 1000.0 {
                self.jitter += ((arrived - spoken).abs() - self.jitter) / 16.0;
            }
            stream.last_arrival = at;
            stream.last_timestamp = packet.timestamp;
        }
    }

    /// Packets counted.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Packets missing in the sequence; a packet that comes twice makes up for one that is lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        let lost = self.lost_before + self.stream.as_ref().map_or(0, Stream::lost);
        u64::try_from(lost).unwrap_or(0)
    }

    /// How losses lie.
    #[must_use]
    pub fn losses(&self) -> LossCounts {
        self.pattern.counts()
    }

    /// Interarrival jitter in ms.
    #[must_use]
    pub fn jitter_ms(&self) -> f32 {
        self.jitter
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    struct Bench {
        reception: Reception,
        start: Instant,
    }

    impl Bench {
        fn new() -> Self {
            Self {
                reception: Reception::default(),
                start: crate::media::test_epoch(),
            }
        }

        fn packet(&mut self, ms: u64, ssrc: u32, sequence: u16, timestamp: u32) {
            let at = self.start + Duration::from_millis(ms);
            let packet = RtpIn {
                payload_type: 0,
                marker: false,
                sequence,
                timestamp,
                ssrc,
                payload: &[],
            };
            self.reception.count(at, &packet, true, 8000);
        }
    }

    #[test]
    fn loss_is_counted_over_the_wrap_and_reordering_is_none() {
        let mut b = Bench::new();
        for (n, sequence) in [65_533, 65_535, 65_534, 1, 2].into_iter().enumerate() {
            b.packet(n as u64 * 20, 1, sequence, n as u32 * 160);
        }
        assert_eq!((b.reception.received(), b.reception.lost()), (5, 1));
    }

    #[test]
    fn a_new_stream_keeps_the_loss_of_the_old_one() {
        let mut b = Bench::new();
        b.packet(0, 1, 10, 0);
        b.packet(40, 1, 12, 320);
        b.packet(60, 2, 40_000, 0);
        b.packet(80, 2, 40_003, 480);
        assert_eq!(b.reception.lost(), 3);
    }

    #[test]
    fn jitter_is_that_of_the_rfc() {
        let mut b = Bench::new();
        for n in 0..1000_u32 {
            // Every other packet is 10 ms late: each interval is off by 10 ms.
            b.packet(
                u64::from(n) * 20 + u64::from(n % 2) * 10,
                1,
                n as u16,
                n * 160,
            );
        }
        assert!(
            (b.reception.jitter_ms() - 10.0).abs() < 0.1,
            "{}",
            b.reception.jitter_ms()
        );
    }
}
