//! RTP packets (RFC 3550 section 5.1): a checked view of what came in, a header for what goes out.

use rtp_rs::{RtpPacketBuilder, RtpReader, Seq};

/// Largest datagram read from a leg; longer ones are cut and then refused.
pub const DATAGRAM_MAX: usize = 1500;
/// Payload type of comfort noise (RFC 3389): never audio.
pub const COMFORT_NOISE: u8 = 13;
/// Payload types that RTCP's packet types would look like.
pub(super) const RTCP: std::ops::RangeInclusive<u8> = 64..=95;
/// RTP header without extension or contributing sources.
const HEADER_LEN: usize = 12;

/// A received packet whose lengths have all been checked.
#[derive(Debug, Clone, Copy)]
pub struct RtpIn<'a> {
    /// Payload type, 0 to 127.
    pub payload_type: u8,
    /// First packet of a talkspurt or of a DTMF event.
    pub marker: bool,
    /// Sequence number; wraps.
    pub sequence: u16,
    /// Media clock, 8 kHz on a telephone leg; wraps.
    pub timestamp: u32,
    /// Who sends.
    pub ssrc: u32,
    /// The media itself, without padding.
    pub payload: &'a [u8],
}

impl<'a> RtpIn<'a> {
    /// Reads a datagram; `None` when it is not RTP version 2, lies about its lengths, or is RTCP
    /// on the same port (RFC 5761 section 4).
    #[must_use]
    pub fn parse(datagram: &'a [u8]) -> Option<Self> {
        let reader = RtpReader::new(datagram).ok()?;
        if RTCP.contains(&reader.payload_type()) {
            return None;
        }
        Some(Self {
            payload_type: reader.payload_type(),
            marker: reader.mark(),
            sequence: reader.sequence_number().into(),
            timestamp: reader.timestamp(),
            ssrc: reader.ssrc(),
            payload: reader.payload(),
        })
    }
}

/// One outgoing stream: what the next header says.
#[derive(Debug, Clone)]
pub struct RtpOut {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    restarted: bool,
}

impl RtpOut {
    /// A stream that starts here. RFC 3550 asks for random values; the caller brings them.
    #[must_use]
    pub fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        Self {
            ssrc,
            sequence,
            timestamp,
            restarted: true,
        }
    }

    /// Ours.
    #[must_use]
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Of the next packet.
    #[must_use]
    pub fn timestamp(&self) -> u32 {
        self.timestamp
    }

    /// Goes on as another stream, which sequence numbers of less than half a turn begin: so nobody takes its first
    /// packets for ones of another turn (RFC 3711 section 3.3.1).
    pub fn begin_anew(&mut self) {
        self.ssrc = self.ssrc.wrapping_add(1);
        self.sequence &= 0x7FFF;
        self.restarted = true;
    }

    /// Writes the next packet into `buf` and gives its bytes; nothing when `buf` is too small.
    /// The marker stands on the first packet and on the first after a jump in time.
    pub fn packet<'b>(
        &mut self,
        payload_type: u8,
        payload: &[u8],
        buf: &'b mut [u8],
    ) -> Option<&'b [u8]> {
        let len = RtpPacketBuilder::new()
            .payload_type(payload_type)
            .marked(self.restarted)
            .sequence(Seq::from(self.sequence))
            .timestamp(self.timestamp)
            .ssrc(self.ssrc)
            .payload(payload)
            .build_into(buf)
            .ok()?;
        self.sequence = self.sequence.wrapping_add(1);
        self.restarted = false;
        buf.get(..len)
    }

    /// Lets `samples` of media time pass after a packet.
    pub fn advance(&mut self, samples: u32) {
        self.timestamp = self.timestamp.wrapping_add(samples);
    }

    /// Lets `samples` of media time pass in which nothing was sent.
    pub fn skip(&mut self, samples: u32) {
        self.advance(samples);
        self.restarted = true;
    }
}

/// Room for one outgoing G.711 packet and the tag of its encryption.
pub type PacketBuf = [u8; HEADER_LEN + super::NB_FRAME + super::srtp::TAG_MAX];

/// An empty [`PacketBuf`].
pub const PACKET_BUF: PacketBuf = [0; HEADER_LEN + super::NB_FRAME + super::srtp::TAG_MAX];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_goes_out_comes_in() {
        let mut out = RtpOut::new(7, 65_535, u32::MAX - 100);
        let mut buf = PACKET_BUF;
        let payload = [0x42; 160];

        let first = RtpIn::parse(out.packet(0, &payload, &mut buf).unwrap()).unwrap();
        assert_eq!(
            (first.ssrc, first.sequence, first.timestamp),
            (7, 65_535, u32::MAX - 100)
        );
        assert!(first.marker);
        assert_eq!(first.payload, payload);
        out.advance(160);

        let second = RtpIn::parse(out.packet(8, &payload, &mut buf).unwrap()).unwrap();
        assert_eq!(
            (second.sequence, second.timestamp, second.payload_type),
            (0, 59, 8)
        );
        assert!(!second.marker);

        out.skip(1600);
        let third = RtpIn::parse(out.packet(8, &payload, &mut buf).unwrap()).unwrap();
        assert_eq!((third.sequence, third.timestamp), (1, 1659));
        assert!(third.marker);
    }

    #[test]
    fn rtcp_is_not_rtp() {
        let mut sender_report = [0_u8; 28];
        sender_report[..4].copy_from_slice(&[0x80, 200, 0, 6]);
        assert!(RtpIn::parse(&sender_report).is_none());
    }

    #[test]
    fn a_short_buffer_sends_nothing() {
        let mut out = RtpOut::new(1, 1, 1);
        assert!(out.packet(0, &[0; 160], &mut [0; 100]).is_none());
    }

    proptest! {
        #[test]
        fn no_datagram_panics(datagram in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Some(packet) = RtpIn::parse(&datagram) {
                prop_assert!(packet.payload.len() + HEADER_LEN <= datagram.len());
                prop_assert!(packet.payload_type < 128);
            }
        }

        #[test]
        fn lying_lengths_are_refused(flags in 0x80_u8..0xC0, tail in proptest::collection::vec(any::<u8>(), 11..80)) {
            let datagram: Vec<u8> = std::iter::once(flags).chain(tail).collect();
            if let Some(packet) = RtpIn::parse(&datagram) {
                prop_assert!(packet.payload.len() + HEADER_LEN <= datagram.len());
            }
        }
    }
}
