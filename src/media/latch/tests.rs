use super::*;

const SDP: &str = "198.51.100.7:4000";
const NAT: &str = "203.0.113.9:51000";
const STRANGER: &str = "192.0.2.66:9999";
/// A neighbour of the caller's that the trunk lists.
const LISTED: &str = "192.0.2.130:7000";

struct Bench {
    latch: SourceLatch,
    start: Instant,
}

impl Bench {
    fn new() -> Self {
        let start = crate::media::test_epoch();
        let sources = Sources {
            ranges: Arc::new(["192.0.2.128/25".parse().unwrap()]),
            ..Sources::of("203.0.113.9".parse().unwrap())
        };
        Self {
            latch: SourceLatch::new(SDP.parse().unwrap(), sources, start),
            start,
        }
    }

    fn packet(&mut self, from: &str, ms: u64, ssrc: u32, sequence: u16) -> Verdict {
        self.judged(from, ms, ssrc, sequence, false)
    }

    fn judged(
        &mut self,
        from: &str,
        ms: u64,
        ssrc: u32,
        sequence: u16,
        is_authentic: bool,
    ) -> Verdict {
        let packet = RtpIn {
            payload_type: 0,
            marker: false,
            sequence,
            timestamp: 0,
            ssrc,
            payload: &[0xFF; 160],
        };
        self.latch.admit(
            from.parse().unwrap(),
            self.start + Duration::from_millis(ms),
            &packet,
            is_authentic,
        )
    }

    /// Four packets on probation, and the one that is taken.
    fn latches(&mut self, from: &str, ms: u64, sequence: u16) {
        for n in 0..4 {
            let verdict = self.packet(from, ms + 20 * u64::from(n), 1, sequence.wrapping_add(n));
            assert_eq!(verdict, Verdict::Probation, "{from}");
        }
        let fifth = self.packet(from, ms + 80, 1, sequence.wrapping_add(4));
        assert_eq!(fifth, Verdict::AcceptNewStream, "{from}");
    }

    fn target(&self) -> String {
        self.latch
            .target()
            .map(|a| a.to_string())
            .unwrap_or_default()
    }
}

#[test]
fn the_address_from_the_sdp_is_heard_at_once() {
    let mut b = Bench::new();
    assert_eq!(b.packet(SDP, 0, 1, 10), Verdict::AcceptNewStream);
    assert_eq!(b.packet(SDP, 20, 1, 11), Verdict::Accept);
    assert_eq!(b.packet(STRANGER, 20, 1, 11), Verdict::Foreign);
    assert_eq!(b.target(), SDP);
}

#[test]
fn a_nat_is_latched_once_and_never_left() {
    let mut b = Bench::new();
    assert_eq!(b.target(), SDP);
    b.latches(NAT, 0, 65_533);
    assert_eq!(b.target(), NAT);
    for n in 0..50 {
        assert_eq!(
            b.packet(STRANGER, 100 + 20 * n, 2, n as u16),
            Verdict::Foreign
        );
    }
    assert_eq!(b.packet(NAT, 2000, 1, 60), Verdict::Accept);
    assert_eq!(b.target(), NAT);
}

#[test]
fn whoever_cannot_be_the_caller_is_foreign_from_the_first_packet() {
    let mut b = Bench::new();
    for n in 0..200_u16 {
        let ms = u64::from(n) * 20;
        assert_eq!(b.packet(STRANGER, ms, 1, n), Verdict::Foreign);
        // A neighbour in the same /24 as the SDP's host is a stranger, too.
        assert_eq!(b.packet("198.51.100.8:4000", ms, 1, n), Verdict::Foreign);
    }
    assert_eq!(b.target(), SDP);
    assert_eq!(b.packet(SDP, 4000, 1, 10), Verdict::AcceptNewStream);
}

#[test]
fn the_caller_may_be_at_another_port_and_anywhere_in_its_trunk() {
    for from in ["198.51.100.7:61000", LISTED, "[::ffff:192.0.2.200]:4000"] {
        Bench::new().latches(from, 0, 7);
    }
}

#[test]
fn who_has_the_key_may_be_anywhere_but_within_the_first_seconds() {
    let mut b = Bench::new();
    for n in 0..4 {
        let verdict = b.judged(STRANGER, 20 * u64::from(n), 1, n, true);
        assert_eq!(verdict, Verdict::Probation);
    }
    let fifth = b.judged(STRANGER, 80, 1, 4, true);
    assert_eq!(fifth, Verdict::AcceptNewStream);
    assert_eq!(b.judged(LISTED, 100, 1, 5, true), Verdict::Foreign);
    let mut late = Bench::new();
    assert_eq!(late.judged(STRANGER, 10_001, 1, 1, true), Verdict::Foreign);
}

#[test]
fn what_is_settled_needs_no_look_at_the_packet() {
    let mut b = Bench::new();
    let (late, stranger) = (b.start + Duration::from_secs(11), STRANGER.parse().unwrap());
    assert!(!b.latch.is_foreign(stranger, b.start));
    assert!(b.latch.is_foreign(stranger, late));
    assert!(!b.latch.is_foreign(SDP.parse().unwrap(), late));
    b.latches(NAT, 0, 1);
    assert!(b.latch.is_foreign(stranger, b.start));
    assert!(!b.latch.is_foreign(NAT.parse().unwrap(), late));
}

#[test]
fn an_inconsistent_neighbour_is_never_latched() {
    let mut b = Bench::new();
    for n in 0..100_u16 {
        let verdict = b.packet(LISTED, u64::from(n) * 20, u32::from(n), n);
        assert_eq!(verdict, Verdict::Probation, "a new SSRC each time");
    }
    for n in 0..100_u16 {
        let verdict = b.packet(LISTED, 2000 + u64::from(n) * 20, 5, n.wrapping_mul(7919));
        assert_eq!(verdict, Verdict::Probation, "a random sequence");
    }
    assert_eq!(b.target(), SDP);
}

#[test]
fn a_flood_of_strangers_does_not_disturb_the_honest_one() {
    let mut b = Bench::new();
    assert_eq!(b.packet(NAT, 0, 1, 1), Verdict::Probation);
    for n in 0..20_u16 {
        let neighbour = format!("192.0.2.131:{}", 1000 + n);
        assert_eq!(b.packet(&neighbour, 10, 9, n), Verdict::Foreign);
    }
    for n in 2..5_u16 {
        let verdict = b.packet(NAT, u64::from(n) * 20, 1, n);
        assert_eq!(verdict, Verdict::Probation);
    }
    assert_eq!(b.packet(NAT, 100, 1, 5), Verdict::AcceptNewStream);
}

#[test]
fn after_the_first_seconds_only_the_signalled_address_counts() {
    let mut b = Bench::new();
    for n in 0..20 {
        assert_eq!(
            b.packet(NAT, 10_001 + 20 * n, 1, n as u16),
            Verdict::Foreign
        );
    }
    assert_eq!(b.packet(SDP, 11_000, 1, 10), Verdict::AcceptNewStream);
}

#[test]
fn the_signalled_address_takes_the_call_back() {
    let mut b = Bench::new();
    b.latches(LISTED, 0, 0);
    assert_eq!(b.target(), LISTED);
    assert_eq!(b.packet(SDP, 100, 1, 1), Verdict::AcceptNewStream);
    assert_eq!(b.packet(LISTED, 110, 1, 5), Verdict::Foreign);
    assert_eq!(b.target(), SDP);
}

#[test]
fn nobody_breaks_into_a_voice_that_speaks() {
    let mut b = Bench::new();
    assert_eq!(b.packet(SDP, 0, 1, 0), Verdict::AcceptNewStream);
    for n in 1..1000_u16 {
        let ms = u64::from(n) * 20;
        assert_eq!(b.packet(SDP, ms, 1, n), Verdict::Accept);
        assert_eq!(b.packet(SDP, ms, 2, 500 + n), Verdict::Probation);
    }
}

#[test]
fn a_second_voice_follows_a_silent_first_with_its_second_packet() {
    let mut b = Bench::new();
    b.packet(SDP, 0, 1, 0);
    assert_eq!(b.packet(SDP, 199, 2, 0), Verdict::Probation);
    assert_eq!(b.packet(SDP, 200, 2, 1), Verdict::Probation);
    assert_eq!(b.packet(SDP, 220, 2, 2), Verdict::AcceptNewStream);
}

#[test]
fn random_streams_do_not_fill_a_pause() {
    let mut b = Bench::new();
    b.packet(SDP, 0, 1, 0);
    for n in 0..20_000_u32 {
        let verdict = b.packet(SDP, 300 + u64::from(n) * 10, 1000 + n, n as u16);
        assert_eq!(verdict, Verdict::Probation);
    }
    assert_eq!(b.packet(SDP, 300_000, 1, 1), Verdict::Accept);
}

#[test]
fn who_was_there_first_comes_back_after_a_pause() {
    let mut b = Bench::new();
    b.packet(SDP, 0, 1, 0);
    b.packet(SDP, 300, 2, 0);
    assert_eq!(b.packet(SDP, 320, 2, 1), Verdict::AcceptNewStream);
    assert_eq!(b.packet(SDP, 340, 2, 2), Verdict::Accept);
    assert_eq!(b.packet(SDP, 341, 1, 1), Verdict::Probation);
    assert_eq!(b.packet(SDP, 360, 2, 3), Verdict::Accept);
    assert_eq!(b.packet(SDP, 361, 1, 2), Verdict::AcceptNewStream);
    assert_eq!(b.packet(SDP, 380, 2, 4), Verdict::Probation);
}

#[test]
fn the_rate_is_capped() {
    let mut b = Bench::new();
    let accepted = (0..1000_u16)
        .filter(|n| b.packet(SDP, u64::from(*n), 1, *n) != Verdict::OverRate)
        .count();
    assert_eq!(
        accepted,
        1 + RATE_MAX as usize,
        "the first begins the stream"
    );
    assert_eq!(b.packet(SDP, 1000, 1, 1000), Verdict::Accept);
}

#[test]
fn a_flood_of_another_stream_leaves_the_caller_its_share() {
    let mut b = Bench::new();
    b.packet(SDP, 0, 1, 0);
    for n in 1..2000_u16 {
        let ms = u64::from(n);
        assert_eq!(b.packet(SDP, ms, 2, n), Verdict::Probation);
        if n % 20 == 0 {
            assert_eq!(b.packet(SDP, ms, 1, n / 20), Verdict::Accept);
        }
    }
}

#[test]
fn a_new_sdp_re_arms_only_when_its_address_is_new() {
    let mut b = Bench::new();
    b.latches(NAT, 0, 0);
    let later = b.start + Duration::from_secs(60);
    b.latch.signal(SDP.parse().unwrap(), later);
    assert_eq!(b.target(), NAT);
    b.latch.signal("198.51.100.8:4002".parse().unwrap(), later);
    assert_eq!(b.target(), "198.51.100.8:4002");
    assert_eq!(b.packet(NAT, 60_020, 1, 9), Verdict::Probation);
}

#[test]
fn mapped_addresses_are_the_same_and_zero_is_nowhere() {
    let mut b = Bench::new();
    assert_eq!(
        b.packet("[::ffff:198.51.100.7]:4000", 0, 1, 0),
        Verdict::AcceptNewStream
    );
    let sources = Sources::of("198.51.100.7".parse().unwrap());
    let held = SourceLatch::new("0.0.0.0:4000".parse().unwrap(), sources, b.start);
    assert_eq!(held.target(), None);
}
