use std::time::Duration;

use super::*;
use crate::media::g711::Law;
use crate::media::latch::Sources;
use crate::media::rtcp::{
    CNAME_LEN, Compound, Moment, NtpTime, Packet, REPORT_BUF, Report, ReportBlock,
};
use crate::media::rtp::PACKET_BUF;
use crate::media::srtp::{
    MasterKey, Mki, RTCP_TRAILER_MAX, SrtcpIn, SrtcpOut, SrtpIn, SrtpOut, Suite,
};

const SUITE: Suite = Suite::AesCm128HmacSha1_80;

fn key(seed: u8) -> MasterKey {
    MasterKey {
        key: [seed; 16],
        salt: [seed ^ 0xFF; 14],
    }
}

fn keys(ours: u8, theirs: u8) -> Option<SrtpKeys> {
    Some(SrtpKeys {
        suite: SUITE,
        ours: key(ours),
        theirs: key(theirs),
        their_mki: Mki::default(),
    })
}

/// A telephone with the keys 2 (its own) and 1 (ours), at the address in its SDP.
struct Bench {
    side: RtpSide,
    spec: LegSpec,
    stream: RtpOut,
    sealer: SrtpOut,
    opener: SrtpIn,
    at: Instant,
}

impl Bench {
    fn new(sequence: u16) -> Self {
        let spec = LegSpec {
            codec: Codec::G711(Law::Mu),
            payload_type: 0,
            bitrate_max: None,
            dtmf_payload_type: Some(101),
            remote: "198.51.100.7:4000".parse().unwrap(),
            sources: Sources::of("198.51.100.7".parse().unwrap()),
            srtp: keys(1, 2),
            rtcp: crate::media::rtcp::RtcpPath::Muxed,
            cname: [b'A'; crate::media::rtcp::CNAME_LEN],
            ssrc: 100,
            sequence,
            timestamp: 0,
            receive: true,
            send: true,
        };
        let at = crate::media::test_epoch();
        Self {
            side: RtpSide::new(at, spec.clone()),
            stream: RtpOut::new(7, sequence, 0),
            sealer: SrtpOut::new(SUITE, &key(2)),
            opener: SrtpIn::new(SUITE, &key(1), Mki::default()),
            at,
            spec,
        }
    }

    fn sealed(&mut self, payload_type: u8, payload: &[u8]) -> Vec<u8> {
        let mut buf = PACKET_BUF;
        let len = self
            .stream
            .packet(payload_type, payload, &mut buf)
            .unwrap()
            .len();
        self.stream.advance(160);
        let len = self.sealer.protect(&mut buf, len).unwrap();
        buf[..len].to_vec()
    }

    /// Whether a datagram from the SDP's address is taken, and the key in it.
    fn takes(&mut self, datagram: &[u8]) -> Option<Option<char>> {
        self.takes_from(datagram, self.spec.remote)
    }

    fn takes_from(&mut self, datagram: &[u8], from: SocketAddr) -> Option<Option<char>> {
        self.at += Duration::from_millis(20);
        let mut datagram = datagram.to_vec();
        let arrival = self.side.receive(&mut datagram, from, self.at)?;
        Some(match arrival.content {
            Content::Key(key) => key,
            Content::Audio { payload, .. } => {
                assert_eq!(payload, [0x55; 160], "audio as it was said");
                None
            }
            Content::Noise(_) | Content::Nothing => None,
        })
    }

    fn talks(&mut self, packets: usize) {
        for n in 0..packets {
            let sealed = self.sealed(0, &[0x55; 160]);
            assert!(self.takes(&sealed).is_some(), "packet {n}");
        }
    }

    /// The phone's view of our next packet: its SSRC, if it can be opened.
    fn hears(&mut self) -> Option<u32> {
        let mut buf = PACKET_BUF;
        let (to, packet) = self.side.packet(self.at, &[0x33; 160].into(), &mut buf)?;
        assert_eq!((to, packet.len()), (self.spec.remote, 182));
        let mut packet = packet.to_vec();
        let opened = RtpIn::parse(self.opener.unprotect(&mut packet).ok()?)?;
        assert_eq!(opened.payload, [0x33; 160]);
        Some(opened.ssrc)
    }

    fn agree(&mut self, srtp: Option<SrtpKeys>) {
        let change = LegChange {
            srtp,
            ..LegChange::from(&self.spec)
        };
        self.side.renegotiate(self.at, change);
    }
}

#[test]
fn audio_and_keys_go_encrypted_both_ways() {
    let mut b = Bench::new(1);
    b.talks(50);
    let digit = b.sealed(101, &[5, 10, 0, 160]);
    assert_eq!(b.takes(&digit), Some(Some('5')));
    for _ in 0..50 {
        assert_eq!(b.hears(), Some(100));
    }
    let report = b.side.report();
    assert_eq!((report.received, report.sent), (51, 50));
    assert_eq!(report.suite, Some(SUITE));
}

#[test]
fn nothing_of_a_forged_packet_is_believed() {
    let mut b = Bench::new(1);
    b.talks(1);
    let before = b.side.report();
    let plain = {
        let mut buf = PACKET_BUF;
        let packet = RtpOut::new(7, 2, 160).packet(0, &[0x66; 160], &mut buf);
        packet.unwrap().to_vec()
    };
    for n in 0..10_000_u32 {
        let mut forged = b.sealed(0, &[0x66; 160]);
        forged[20] ^= 1;
        forged[11] = n as u8;
        assert_eq!(b.takes(&forged), None);
        assert_eq!(b.takes(&plain), None);
    }
    // A report under the keys of sound.
    let mut srtcp = b.sealed(0, &[0; 100]);
    srtcp[1] = 200;
    assert_eq!(b.takes(&srtcp), None);
    let after = b.side.report();
    assert_eq!(after.received, before.received);
    assert_eq!((after.unauthentic, after.malformed), (20_000, 0));
    assert_eq!((after.rtcp.forged, after.rtcp.received), (1, 0));
    assert_eq!((after.lost, after.over_rate), (0, 0));
    b.talks(100);
}

#[test]
fn a_forger_latches_nothing_and_the_owner_of_the_key_may_be_anywhere() {
    let mut b = Bench::new(1);
    let (eve, nat) = (
        "198.51.100.7:9".parse().unwrap(),
        "192.0.2.1:5000".parse().unwrap(),
    );
    for _ in 0..20 {
        let mut forged = b.sealed(0, &[0x66; 160]);
        forged[20] ^= 1;
        assert_eq!(b.takes_from(&forged, eve), None);
    }
    for n in 0..6 {
        let sealed = b.sealed(0, &[0x55; 160]);
        let taken = b.takes_from(&sealed, nat);
        assert_eq!(taken.is_some(), n >= 4, "packet {n}");
    }
    let replayed = b.sealed(0, &[0x55; 160]);
    assert!(b.takes_from(&replayed, nat).is_some());
    assert_eq!(b.takes_from(&replayed, nat), None);
    assert_eq!(b.side.report().replayed, 1);
}

#[test]
fn a_call_of_an_hour_rolls_over_and_goes_on() {
    let mut b = Bench::new(0x7000);
    b.talks(180_000);
    for _ in 0..180_000 {
        assert_eq!(b.hears(), Some(100));
    }
    assert_eq!(b.side.report().lost, 0);
}

#[test]
fn the_same_key_again_changes_nothing_before_the_first_rollover() {
    let mut b = Bench::new(1);
    b.talks(10);
    assert_eq!(b.hears(), Some(100));
    b.agree(keys(1, 2));
    b.talks(10);
    assert_eq!(b.hears(), Some(100));
}

#[test]
fn after_a_rollover_a_far_end_that_has_forgotten_it_hears_us_and_is_heard() {
    let mut b = Bench::new(0x7F00);
    b.talks(0x8200);
    for _ in 0..0x8200 {
        assert!(b.hears().is_some());
    }
    b.agree(keys(1, 2));
    b.sealer = SrtpOut::new(SUITE, &key(2));
    b.opener = SrtpIn::new(SUITE, &key(1), Mki::default());
    b.talks(100);
    assert_eq!(b.hears(), Some(101), "a stream that has never rolled over");
}

#[test]
fn new_keys_are_used_from_the_next_packet_on() {
    let mut b = Bench::new(1);
    b.talks(10);
    b.agree(keys(3, 4));
    let old = b.sealed(0, &[0x55; 160]);
    assert_eq!(b.takes(&old), None);
    b.sealer = SrtpOut::new(SUITE, &key(4));
    b.opener = SrtpIn::new(SUITE, &key(3), Mki::default());
    b.talks(10);
    assert_eq!(b.hears(), Some(101));
    b.agree(None);
    let mut buf = PACKET_BUF;
    let plain = b
        .side
        .packet(b.at, &[0x33; 160].into(), &mut buf)
        .unwrap()
        .1;
    assert_eq!(RtpIn::parse(plain).unwrap().payload, [0x33; 160]);
}

/// What the phone reports of our stream, as it writes it.
fn report(lost: i32) -> Vec<u8> {
    let report = Report {
        ssrc: 7,
        info: None,
        block: Some(ReportBlock {
            ssrc: 100,
            lost,
            ..ReportBlock::default()
        }),
        cname: [b'p'; CNAME_LEN],
        is_last: false,
    };
    let mut buf = vec![0; 200];
    let len = report.write(&mut buf).unwrap();
    buf.truncate(len);
    buf
}

#[test]
fn reports_go_sealed_both_ways_and_plain_ones_are_not_believed() {
    let mut b = Bench::new(1);
    b.talks(10);
    assert_eq!(b.hears(), Some(100));
    let plain = report(5);
    let mut sealed = plain.clone();
    sealed.resize(plain.len() + RTCP_TRAILER_MAX, 0);
    SrtcpOut::new(&key(2))
        .protect(&mut sealed, plain.len())
        .unwrap();
    assert_eq!(b.takes(&plain), None);
    assert_eq!(b.side.report().far, None);
    assert_eq!(b.takes(&sealed), None);
    assert_eq!(b.takes(&sealed), None);
    let told = b.side.report();
    assert_eq!(told.far.map(|far| far.lost), Some(5));
    assert_eq!((told.rtcp.received, told.rtcp.forged), (1, 2));

    let moment = Moment {
        now: b.at,
        ntp: NtpTime(1 << 40),
        chance: 0,
    };
    let mut buf = REPORT_BUF;
    let (to, packet) = b.side.control_packet(&moment, false, &mut buf).unwrap();
    assert_eq!(to, b.spec.remote);
    assert!(packet.len() > 8 && Compound::read(packet).is_none());
    let mut packet = packet.to_vec();
    let mut far = SrtcpIn::new(&key(1), Mki::default());
    let opened = far.unprotect(&mut packet).unwrap();
    let first = Compound::read(opened).unwrap().packets().next();
    let Some(Packet::SenderReport { ssrc, info, blocks }) = first else {
        panic!("{first:?}");
    };
    assert_eq!((ssrc, info.packets, info.octets), (100, 1, 160));
    assert_eq!(blocks.iter().next().map(|block| block.ssrc), Some(7));
}

#[test]
fn under_new_keys_our_reports_are_of_the_new_stream() {
    let mut b = Bench::new(1);
    b.talks(10);
    b.hears();
    b.agree(keys(3, 4));
    b.opener = SrtpIn::new(SUITE, &key(3), Mki::default());
    assert_eq!(b.hears(), Some(101));
    let moment = Moment {
        now: b.at,
        ntp: NtpTime(1 << 40),
        chance: 0,
    };
    let mut buf = REPORT_BUF;
    let (_, packet) = b.side.control_packet(&moment, false, &mut buf).unwrap();
    let mut far = SrtcpIn::new(&key(3), Mki::default());
    let mut packet = packet.to_vec();
    let opened = far.unprotect(&mut packet).unwrap();
    let first = Compound::read(opened).unwrap().packets().next();
    let Some(Packet::SenderReport { ssrc, info, .. }) = first else {
        panic!("{first:?}");
    };
    assert_eq!((ssrc, info.packets), (101, 1));
}
