//! What a phone hears: the last minute of it, packet by packet, and what was wrong with the stream.

use std::collections::VecDeque;
use std::time::Instant;

use crate::media::{NB_FRAME, NbFrame, g711::Law, rtp::RtpIn};

/// Frames that are kept: one minute. Older ones are forgotten.
pub const HEARD_FRAMES_MAX: usize = 3000;

/// One received packet.
#[derive(Debug, Clone)]
pub struct HeardFrame {
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP timestamp, at 8 kHz.
    pub timestamp: u32,
    /// When it came.
    pub at: Instant,
    /// Its 20 ms of sound.
    pub samples: NbFrame,
}

/// Counters of one received stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reception {
    /// Packets heard.
    pub packets: u64,
    /// Packets whose sequence number is not one more than the one before: loss, or reordering.
    pub sequence_breaks: u64,
    /// Packets whose timestamp is not 20 ms after the one before.
    pub time_breaks: u64,
    /// Packets of another SSRC than the one before.
    pub stream_breaks: u64,
}

/// The record of one call.
#[derive(Debug, Default)]
pub(super) struct Heard {
    frames: VecDeque<HeardFrame>,
    reception: Reception,
    last: Option<(u32, u16, u32)>,
}

impl Heard {
    /// Takes one packet of G.711.
    pub(super) fn hear(&mut self, at: Instant, packet: &RtpIn<'_>, law: Law) {
        let RtpIn {
            ssrc,
            sequence,
            timestamp,
            ..
        } = *packet;
        self.reception.packets += 1;
        if let Some((last_ssrc, last_sequence, last_timestamp)) = self.last {
            let breaks = &mut self.reception;
            breaks.stream_breaks += u64::from(ssrc != last_ssrc);
            breaks.sequence_breaks += u64::from(sequence != last_sequence.wrapping_add(1));
            breaks.time_breaks +=
                u64::from(timestamp != last_timestamp.wrapping_add(NB_FRAME as u32));
        }
        self.last = Some((ssrc, sequence, timestamp));
        if self.frames.len() >= HEARD_FRAMES_MAX {
            self.frames.pop_front();
        }
        let samples = law.decode_frame(packet.payload);
        self.frames.push_back(HeardFrame {
            sequence,
            timestamp,
            at,
            samples,
        });
    }

    pub(super) fn reception(&self) -> Reception {
        self.reception
    }

    /// The last `count` frames, or as many as there are.
    pub(super) fn last(&self, count: usize) -> Vec<HeardFrame> {
        let skipped = self.frames.len().saturating_sub(count);
        self.frames.iter().skip(skipped).cloned().collect()
    }

    /// Everything that was not taken before.
    pub(super) fn take(&mut self) -> Vec<HeardFrame> {
        self.frames.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(ssrc: u32, sequence: u16, timestamp: u32) -> RtpIn<'static> {
        RtpIn {
            payload_type: 0,
            marker: false,
            sequence,
            timestamp,
            ssrc,
            payload: &[0; 160],
        }
    }

    #[test]
    fn breaks_are_counted_and_wrapping_is_none() {
        #[expect(clippy::disallowed_methods, reason = "any instant will do")]
        let now = Instant::now();
        let mut heard = Heard::default();
        for packet in [
            packet(1, 65_535, u32::MAX - 159),
            packet(1, 0, 0),
            packet(1, 2, 320),
            packet(2, 3, 480),
        ] {
            heard.hear(now, &packet, Law::Mu);
        }
        let expected = Reception {
            packets: 4,
            sequence_breaks: 1,
            time_breaks: 1,
            stream_breaks: 1,
        };
        assert_eq!(heard.reception(), expected);
        assert_eq!(
            heard
                .last(2)
                .iter()
                .map(|frame| frame.sequence)
                .collect::<Vec<_>>(),
            [2, 3]
        );
        assert_eq!(heard.take().len(), 4);
        assert!(heard.take().is_empty());
    }

    #[test]
    fn the_record_is_one_minute_long() {
        #[expect(clippy::disallowed_methods, reason = "any instant will do")]
        let now = Instant::now();
        let mut heard = Heard::default();
        for n in 0..HEARD_FRAMES_MAX as u16 + 10 {
            heard.hear(now, &packet(1, n, u32::from(n) * 160), Law::A);
        }
        let frames = heard.take();
        assert_eq!((frames.len(), frames[0].sequence), (HEARD_FRAMES_MAX, 10));
    }
}
