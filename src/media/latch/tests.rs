use super::*;

const SDP: &str = "198.51.100.7:4000";
const NAT: &str = "203.0.113.9:51000";
const STRANGER: &str = "192.0.2.66:9999";

struct Bench {
    latch: SourceLatch,
    start: Instant,
}

impl Bench {
    fn new() -> Self {
        let start = crate::media::test_epoch();
        Self {
            latch: SourceLatch::new(SDP.parse().unwrap(), start),
            start,
        }
    }

    fn packet(&mut self, from: &str, ms: u64, ssrc: u32, sequence: u16) -> Verdict {
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
        )
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
    assert_eq!(b.packet(NAT, 0, 1, 65_534), Verdict::Probation);
    assert_eq!(b.packet(NAT, 20, 1, 65_535), Verdict::Probation);
    assert_eq!(b.packet(NAT, 40, 1, 0), Verdict::AcceptNewStream);
    assert_eq!(b.target(), NAT);
    for n in 0..50 {
        assert_eq!(
            b.packet(STRANGER, 60 + 20 * n, 2, n as u16),
            Verdict::Foreign
        );
    }
    assert_eq!(b.packet(NAT, 2000, 1, 60), Verdict::Accept);
    assert_eq!(b.target(), NAT);
}

#[test]
fn an_inconsistent_stranger_is_never_latched() {
    let mut b = Bench::new();
    for n in 0..100_u16 {
        let verdict = b.packet(STRANGER, u64::from(n) * 20, u32::from(n), n);
        assert_eq!(verdict, Verdict::Probation, "a new SSRC each time");
    }
    for n in 0..100_u16 {
        let verdict = b.packet(STRANGER, 2000 + u64::from(n) * 20, 5, n.wrapping_mul(7919));
        assert_eq!(verdict, Verdict::Probation, "a random sequence");
    }
    assert_eq!(b.target(), SDP);
}

#[test]
fn a_flood_of_strangers_does_not_disturb_the_honest_one() {
    let mut b = Bench::new();
    assert_eq!(b.packet(NAT, 0, 1, 1), Verdict::Probation);
    for n in 0..20_u16 {
        assert_eq!(
            b.packet(&format!("192.0.2.1:{}", 1000 + n), 10, 9, n),
            Verdict::Foreign
        );
    }
    assert_eq!(b.packet(NAT, 20, 1, 2), Verdict::Probation);
    assert_eq!(b.packet(NAT, 40, 1, 3), Verdict::AcceptNewStream);
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
    for n in 0..3 {
        b.packet(STRANGER, 20 * n, 9, n as u16);
    }
    assert_eq!(b.target(), STRANGER);
    assert_eq!(b.packet(SDP, 100, 1, 1), Verdict::AcceptNewStream);
    assert_eq!(b.packet(STRANGER, 110, 9, 4), Verdict::Foreign);
    assert_eq!(b.target(), SDP);
}

#[test]
fn a_second_voice_needs_ten_packets_while_the_first_speaks() {
    let mut b = Bench::new();
    assert_eq!(b.packet(SDP, 0, 1, 0), Verdict::AcceptNewStream);
    for n in 1..10_u16 {
        assert_eq!(b.packet(SDP, u64::from(n) * 20, 1, n), Verdict::Accept);
        assert_eq!(
            b.packet(SDP, u64::from(n) * 20, 2, 500 + n),
            Verdict::Probation
        );
    }
    assert_eq!(b.packet(SDP, 200, 2, 510), Verdict::AcceptNewStream);
    assert_eq!(
        b.packet(SDP, 201, 1, 10),
        Verdict::Probation,
        "now the old one is new"
    );
}

#[test]
fn a_second_voice_follows_a_silent_first_at_once() {
    let mut b = Bench::new();
    b.packet(SDP, 0, 1, 0);
    assert_eq!(b.packet(SDP, 199, 2, 0), Verdict::Probation);
    assert_eq!(b.packet(SDP, 200, 2, 1), Verdict::AcceptNewStream);
}

#[test]
fn the_rate_is_capped() {
    let mut b = Bench::new();
    let accepted = (0..1000_u16)
        .filter(|n| b.packet(SDP, u64::from(*n), 1, *n) != Verdict::OverRate)
        .count();
    assert_eq!(accepted, RATE_MAX as usize);
    assert_eq!(b.packet(SDP, 1000, 1, 1000), Verdict::Accept);
}

#[test]
fn a_new_sdp_re_arms_only_when_its_address_is_new() {
    let mut b = Bench::new();
    for n in 0..3 {
        b.packet(NAT, 20 * n, 1, n as u16);
    }
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
    let held = SourceLatch::new("0.0.0.0:4000".parse().unwrap(), b.start);
    assert_eq!(held.target(), None);
}
