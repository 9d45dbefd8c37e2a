//! What we report of the stream that is being heard (RFC 3550 section 6.4.1, appendix A.3).

use super::{Reception, Stream};
use crate::media::rtcp::{LOST_RANGE, ReportBlock};

/// What was expected and received at the last report.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reported {
    expected: i64,
    received: i64,
}

impl Stream {
    fn expected(&self) -> i64 {
        self.highest - self.first + 1
    }

    /// Lost since the last report in 256ths of what was expected; what came twice makes it no less than 0.
    fn take_fraction_lost(&mut self) -> u8 {
        let now = Reported {
            expected: self.expected(),
            received: self.received,
        };
        let before = std::mem::replace(&mut self.reported, now);
        let expected = now.expected - before.expected;
        let lost = expected - (now.received - before.received);
        if expected <= 0 || lost <= 0 {
            return 0;
        }
        u8::try_from(lost * 256 / expected).unwrap_or(u8::MAX)
    }
}

impl Reception {
    /// The block about the stream, without the times of its sender's report; the next one counts its fraction of
    /// losses from here. Its jitter is in steps of the stream's clock.
    pub fn take_block(&mut self, clock_hz: u32) -> Option<ReportBlock> {
        let jitter = self.jitter * clock_hz as f32 / 1000.0;
        let stream = self.stream.as_mut()?;
        let lost = stream.expected() - stream.received;
        let lost = lost.clamp((*LOST_RANGE.start()).into(), (*LOST_RANGE.end()).into());
        Some(ReportBlock {
            ssrc: stream.ssrc,
            fraction_lost: stream.take_fraction_lost(),
            lost: i32::try_from(lost).unwrap_or_default(),
            highest: stream.highest as u32,
            jitter: jitter as u32,
            last_sr: 0,
            delay_since_last_sr: 0,
        })
    }

    /// The SSRC of the stream.
    #[must_use]
    pub fn ssrc(&self) -> Option<u32> {
        self.stream.as_ref().map(|stream| stream.ssrc)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::media::rtp::RtpIn;

    struct Bench(Reception, u64);

    impl Bench {
        fn hear(&mut self, ssrc: u32, sequence: u16) {
            self.1 += 20;
            let packet = RtpIn {
                payload_type: 0,
                marker: false,
                sequence,
                timestamp: self.1 as u32 * 8,
                ssrc,
                payload: &[],
            };
            let at = crate::media::test_epoch() + Duration::from_millis(self.1);
            self.0.count(at, &packet, true, 8000);
        }

        fn block(&mut self) -> (u32, u8, i32, u32) {
            let block = self.0.take_block(8000).unwrap();
            (block.ssrc, block.fraction_lost, block.lost, block.highest)
        }
    }

    #[test]
    fn a_fraction_is_of_the_last_interval_and_the_sum_of_all() {
        let mut b = Bench(Reception::default(), 0);
        (100..200).for_each(|n| b.hear(1, n));
        assert_eq!(b.block(), (1, 0, 0, 199));
        (200..300).filter(|n| n % 4 != 1).for_each(|n| b.hear(1, n));
        assert_eq!(b.block(), (1, 64, 25, 299));
        (300..400).for_each(|n| b.hear(1, n));
        assert_eq!(b.block(), (1, 0, 25, 399));
        assert_eq!(b.block(), (1, 0, 25, 399), "nothing expected, nothing lost");
    }

    #[test]
    fn copies_make_the_sum_negative_and_the_fraction_none() {
        let mut b = Bench(Reception::default(), 0);
        (0..10).for_each(|n| {
            b.hear(1, n);
            b.hear(1, n);
        });
        assert_eq!(b.block(), (1, 0, -10, 9));
    }

    #[test]
    fn sequence_numbers_go_on_beyond_16_bits() {
        let mut b = Bench(Reception::default(), 0);
        (65_000..=65_535).for_each(|n| b.hear(1, n));
        (0..=65_535).for_each(|n| b.hear(1, n));
        (0..10).for_each(|n| b.hear(1, n));
        assert_eq!(b.block(), (1, 0, 0, 2 * 65_536 + 9));
    }

    #[test]
    fn a_new_stream_begins_its_own_count() {
        let mut b = Bench(Reception::default(), 0);
        b.hear(1, 10);
        b.hear(1, 20);
        assert_eq!(b.block().2, 9);
        b.hear(2, 40_000);
        b.hear(2, 40_002);
        assert_eq!(b.block(), (2, 85, 1, 40_002));
    }

    #[test]
    fn a_sum_that_24_bits_do_not_hold_stays_at_their_end() {
        let mut b = Bench(Reception::default(), 0);
        let mut sequence = 0_u16;
        // Steps of 2,999 are the largest that are losses: 2,900 of them are 8.7 million packets.
        for _ in 0..2_900 {
            b.hear(1, sequence);
            sequence = sequence.wrapping_add(2_999);
        }
        assert_eq!(b.block().2, 0x7F_FFFF);
        // And the other end: every copy of a packet counts as one that was not lost.
        let stream = b.0.stream.as_mut().unwrap();
        stream.received = stream.expected() + 9_000_000;
        assert_eq!(b.block().2, -0x80_0000);
    }
}
