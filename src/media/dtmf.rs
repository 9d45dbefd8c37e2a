//! Keys pressed by the caller, from telephone-event packets (RFC 4733).
//!
//! A key is reported when its first packet is seen, whichever of its packets that is: they all
//! carry the timestamp of the key's beginning.

use super::rtp::RtpIn;

/// Event codes 0 to 15 (RFC 4733 table 7).
const KEYS: [char; 16] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D',
];

/// Reads the keys of one stream.
#[derive(Debug, Clone, Default)]
pub struct DtmfReceiver {
    last: Option<Event>,
}

#[derive(Debug, Clone, Copy)]
struct Event {
    ssrc: u32,
    timestamp: u32,
    code: u8,
    ended: bool,
    duration: u16,
}

impl DtmfReceiver {
    /// A receiver that has seen no key.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a telephone-event packet; gives the key if this is the first sight of it.
    pub fn receive(&mut self, packet: &RtpIn<'_>) -> Option<char> {
        let &[code, flags, duration_high, duration_low, ..] = packet.payload else {
            return None;
        };
        let event = Event {
            ssrc: packet.ssrc,
            timestamp: packet.timestamp,
            code,
            ended: flags & 0x80 != 0,
            duration: u16::from_be_bytes([duration_high, duration_low]),
        };
        let key = KEYS.get(usize::from(code)).copied()?;
        let Some(last) = self.last.filter(|last| last.ssrc == event.ssrc) else {
            self.last = Some(event);
            return Some(key);
        };
        let step = event.timestamp.wrapping_sub(last.timestamp);
        if step == 0 || step > u32::MAX / 2 {
            // A repetition, or a straggler of a key before.
            if step == 0 {
                self.last = Some(Event {
                    ended: last.ended | event.ended,
                    ..event
                });
            }
            return None;
        }
        self.last = Some(event);
        // A key held for more than 8 s comes in segments that follow on one another (2.5.1.3).
        let goes_on = !last.ended && last.code == code && step == u32::from(last.duration);
        (!goes_on).then_some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(receiver: &mut DtmfReceiver, timestamp: u32, payload: &[u8]) -> Option<char> {
        receiver.receive(&RtpIn {
            payload_type: 101,
            marker: false,
            sequence: 0,
            timestamp,
            ssrc: 1,
            payload,
        })
    }

    #[test]
    fn a_key_is_reported_once() {
        let mut r = DtmfReceiver::new();
        assert_eq!(packet(&mut r, 1000, &[5, 10, 0, 160]), Some('5'));
        assert_eq!(packet(&mut r, 1000, &[5, 10, 1, 64]), None);
        for _ in 0..3 {
            assert_eq!(packet(&mut r, 1000, &[5, 0x8A, 3, 32]), None);
        }
        assert_eq!(packet(&mut r, 3000, &[5, 10, 0, 160]), Some('5'));
    }

    #[test]
    fn a_key_of_which_only_the_end_arrives_counts() {
        let mut r = DtmfReceiver::new();
        assert_eq!(packet(&mut r, u32::MAX - 10, &[11, 0x8A, 3, 32]), Some('#'));
        assert_eq!(packet(&mut r, 400, &[10, 10, 0, 160]), Some('*'));
        assert_eq!(
            packet(&mut r, u32::MAX - 10, &[11, 0x8A, 3, 32]),
            None,
            "a straggler"
        );
    }

    #[test]
    fn a_key_held_long_is_one_key() {
        let mut r = DtmfReceiver::new();
        assert_eq!(packet(&mut r, 0, &[1, 10, 0xFF, 0xFF]), Some('1'));
        assert_eq!(packet(&mut r, 0xFFFF, &[1, 10, 0, 160]), None);
    }

    #[test]
    fn what_is_no_key_is_nothing() {
        let mut r = DtmfReceiver::new();
        assert_eq!(packet(&mut r, 0, &[16, 10, 0, 160]), None);
        assert_eq!(packet(&mut r, 0, &[1, 10, 0]), None);
        assert_eq!(packet(&mut r, 0, &[]), None);
    }
}
