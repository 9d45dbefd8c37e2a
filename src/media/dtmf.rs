//! Keys pressed by the caller, from telephone-event packets (RFC 4733).
//!
//! A key is reported when its first packet is seen, whichever of its packets that is: they all
//! carry the timestamp of the key's beginning. Nobody presses more than twenty a second.

use std::time::{Duration, Instant};

use super::rtp::RtpIn;

/// Keys taken in a second; more are not a person's.
const KEYS_PER_SECOND_MAX: u8 = 20;

/// Event codes 0 to 15 (RFC 4733 table 7).
const KEYS: [char; 16] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D',
];

/// Reads the keys of one stream.
#[derive(Debug, Clone, Default)]
pub struct DtmfReceiver {
    last: Option<Event>,
    /// When the running second began, and the keys in it.
    second: Option<(Instant, u8)>,
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

    /// Takes a telephone-event packet that arrived at `at`; gives the key if this is the first sight of it.
    pub fn receive(&mut self, at: Instant, packet: &RtpIn<'_>) -> Option<char> {
        self.first_sight(packet).filter(|_| self.is_in_time(at))
    }

    fn is_in_time(&mut self, at: Instant) -> bool {
        let (began, keys) = self.second.get_or_insert((at, 0));
        if at.saturating_duration_since(*began) >= Duration::from_secs(1) {
            (*began, *keys) = (at, 0);
        }
        *keys = keys.saturating_add(1);
        *keys <= KEYS_PER_SECOND_MAX
    }

    fn first_sight(&mut self, packet: &RtpIn<'_>) -> Option<char> {
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
        packet_at(receiver, crate::media::test_epoch(), timestamp, payload)
    }

    fn packet_at(
        receiver: &mut DtmfReceiver,
        at: Instant,
        timestamp: u32,
        payload: &[u8],
    ) -> Option<char> {
        let packet = RtpIn {
            payload_type: 101,
            marker: false,
            sequence: 0,
            timestamp,
            ssrc: 1,
            payload,
        };
        receiver.receive(at, &packet)
    }

    #[test]
    fn a_hundred_thousand_keys_a_second_are_twenty() {
        let mut r = DtmfReceiver::new();
        let start = crate::media::test_epoch();
        let mut keys = 0;
        for n in 0..300_000_u32 {
            let at = start + Duration::from_micros(10 * u64::from(n));
            let payload = [(n % 16) as u8, 0x8A, 3, 32];
            keys += u32::from(packet_at(&mut r, at, n * 160, &payload).is_some());
            // A copy of each, and another key that claims the same time.
            assert_eq!(packet_at(&mut r, at, n * 160, &payload), None);
            assert_eq!(packet_at(&mut r, at, n * 160, &[1, 10, 0, 1]), None);
        }
        assert_eq!(keys, 3 * 20);
    }

    #[test]
    fn a_key_that_never_ends_is_one_key() {
        let mut r = DtmfReceiver::new();
        let keys = (0..100_000_u32).filter(|n| {
            let duration = (160 * n.wrapping_add(1)).min(0xFFFF) as u16;
            let [high, low] = duration.to_be_bytes();
            packet(&mut r, 0, &[5, 10, high, low]).is_some()
        });
        assert_eq!(keys.count(), 1);
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
