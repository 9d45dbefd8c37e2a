//! Reports: as octets, encrypted, and through a table whose call has a line of its own for them.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use audioroad::media::asset::Assets;
use audioroad::media::codec::Codec;
use audioroad::media::g711::Law;
use audioroad::media::latch::Sources;
use audioroad::media::rtcp::{
    CNAME_LEN, Compound, LOST_RANGE, Moment, NtpTime, Packet, REPORT_MAX, Report, ReportBlock,
    RtcpPath, SenderInfo,
};
use audioroad::media::rtp::RtpOut;
use audioroad::media::srtp::{MasterKey, Mki, RTCP_TRAILER_MAX, SrtcpIn, SrtcpOut};
use audioroad::media::{Datagram, LegKey, LegSpec, MediaIo, MediaSettings, MediaTable};

use super::octets::{Octets, epoch};

const OPERATIONS_MAX: usize = 128;
const SSRC: u32 = 1;
const THEIRS: u32 = 2;

static ASSETS: LazyLock<Arc<Assets>> =
    LazyLock::new(|| Arc::new(Assets::built_in().expect("prompts that decode")));

pub(crate) fn run(data: &[u8]) {
    read(data);
    let octets = data.to_vec();
    let key = MasterKey {
        key: [1; 16],
        salt: [2; 14],
    };
    let mut opened = octets.clone();
    let refused = SrtcpIn::new(&key, Mki::default()).unprotect(&mut opened);
    assert!(refused.is_err(), "octets without a key are believed");
    sealed(octets, &key);
    let mut octets = Octets(data);
    let mut call = Call::new(octets.octet());
    for _ in 0..OPERATIONS_MAX {
        if octets.is_empty() {
            break;
        }
        call.operate(&mut octets);
    }
    call.end();
}

/// What is read of octets is within them and can be written again.
fn read(octets: &[u8]) {
    let Some(compound) = Compound::read(octets) else {
        return;
    };
    let mut packets = 0;
    for packet in compound.packets() {
        packets += 1;
        match packet {
            Packet::SenderReport { ssrc, info, blocks } => {
                blocks
                    .iter()
                    .for_each(|block| rewrite(ssrc, Some(info), block));
            }
            Packet::ReceiverReport { ssrc, blocks } => {
                blocks.iter().for_each(|block| rewrite(ssrc, None, block));
            }
            Packet::SourceDescription { cname, .. } => assert!(cname.len() < octets.len()),
            Packet::Goodbye { .. } | Packet::Other => {}
        }
    }
    assert!(packets >= 1 && packets * 4 <= octets.len());
}

fn rewrite(ssrc: u32, info: Option<SenderInfo>, block: ReportBlock) {
    assert!(LOST_RANGE.contains(&block.lost));
    let report = Report {
        ssrc,
        info,
        block: Some(block),
        cname: [b'f'; CNAME_LEN],
        is_last: false,
    };
    let mut buf = [0; REPORT_MAX];
    let len = report.write(&mut buf).expect("there is room");
    let first = Compound::read(&buf[..len]).and_then(|compound| compound.packets().next());
    let again = match first {
        Some(Packet::SenderReport { blocks, .. } | Packet::ReceiverReport { blocks, .. }) => {
            blocks.iter().next()
        }
        Some(Packet::SourceDescription { .. } | Packet::Goodbye { .. } | Packet::Other) | None => {
            None
        }
    };
    assert_eq!(again, Some(block));
}

/// Whatever is sealed is opened once, as it was.
fn sealed(plain: Vec<u8>, key: &MasterKey) {
    let mut buf = plain.clone();
    buf.resize(plain.len() + RTCP_TRAILER_MAX, 0);
    let Some(len) = SrtcpOut::new(key).protect(&mut buf, plain.len()) else {
        return;
    };
    let mut far = SrtcpIn::new(key, Mki::default());
    let once = far.unprotect(&mut buf[..len].to_vec()).map(<[u8]>::to_vec);
    assert_eq!(once, Ok(plain));
    assert!(far.unprotect(&mut buf[..len].to_vec()).is_err());
}

#[derive(Default)]
struct Wire {
    rtp: VecDeque<(Vec<u8>, SocketAddr, Instant)>,
    control: VecDeque<(Vec<u8>, SocketAddr, Instant)>,
    reports: u64,
}

fn take(queue: &mut VecDeque<(Vec<u8>, SocketAddr, Instant)>, buf: &mut [u8]) -> Option<Datagram> {
    let (datagram, from, at) = queue.pop_front()?;
    buf[..datagram.len()].copy_from_slice(&datagram);
    Some(Datagram {
        len: datagram.len(),
        from,
        at,
    })
}

impl MediaIo for Wire {
    fn recv(&mut self, _: LegKey, buf: &mut [u8]) -> Option<Datagram> {
        take(&mut self.rtp, buf)
    }

    fn send(&mut self, _: LegKey, _: SocketAddr, packet: &[u8]) {
        self.reports += u64::from(Compound::read(packet).is_some());
    }

    fn recv_control(&mut self, _: LegKey, buf: &mut [u8]) -> Option<Datagram> {
        take(&mut self.control, buf)
    }

    fn send_control(&mut self, _: LegKey, _: SocketAddr, packet: &[u8]) {
        assert!(Compound::read(packet).is_some(), "we send no nonsense");
        self.reports += 1;
    }
}

struct Call {
    table: MediaTable,
    leg: LegKey,
    wire: Wire,
    start: Instant,
    now: Instant,
    out: RtpOut,
    chance: u32,
}

fn address(octet: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, octet & 1], 4000 + u16::from(octet >> 1 & 3)))
}

impl Call {
    fn new(octet: u8) -> Self {
        let now = epoch();
        let mut table = MediaTable::new(Arc::clone(&ASSETS), MediaSettings::default());
        let remote = address(0);
        let leg = table.add_leg(
            now,
            LegSpec {
                codec: Codec::G711(Law::Mu),
                bitrate_max: None,
                payload_type: 0,
                dtmf_payload_type: None,
                remote,
                sources: Sources::of(remote.ip()),
                srtp: None,
                rtcp: if octet & 1 == 0 {
                    RtcpPath::Muxed
                } else {
                    RtcpPath::At(address(octet))
                },
                cname: [b'a'; CNAME_LEN],
                ssrc: SSRC,
                sequence: 0,
                timestamp: 0,
                receive: true,
                send: octet & 2 == 0,
            },
        );
        Self {
            table,
            leg,
            wire: Wire::default(),
            start: now,
            now,
            out: RtpOut::new(THEIRS, 0xFFF0, 0),
            chance: 0,
        }
    }

    fn operate(&mut self, octets: &mut Octets<'_>) {
        let operation = octets.octet();
        match operation & 3 {
            0 => {
                let len = usize::from(octets.octet());
                let datagram = octets.take(len).to_vec();
                self.arrive(operation, datagram);
            }
            1 => {
                let report = honest(octets);
                self.arrive(operation, report);
            }
            2 => {
                let mut buffer = [0; 200];
                let payload = [0xFF; 160];
                if let Some(packet) = self.out.packet(0, &payload, &mut buffer) {
                    let packet = packet.to_vec();
                    self.wire.rtp.push_back((packet, address(0), self.now));
                }
                self.out.advance(160);
            }
            _ => {
                self.now += Duration::from_millis(20 + u64::from(octets.octet()) * 10);
                self.chance = self.chance.wrapping_mul(31).wrapping_add(operation.into());
                self.turn();
            }
        }
    }

    fn arrive(&mut self, operation: u8, datagram: Vec<u8>) {
        let from = address(operation >> 3);
        let queue = if operation & 4 == 0 {
            &mut self.wire.rtp
        } else {
            &mut self.wire.control
        };
        queue.push_back((datagram, from, self.now));
    }

    fn moment(&self) -> Moment {
        let since = self.now.saturating_duration_since(self.start);
        Moment {
            now: self.now,
            ntp: NtpTime::from_unix(since),
            chance: self.chance,
        }
    }

    fn turn(&mut self) {
        for phase in 0..4 {
            self.table.tick(self.now, phase, &mut self.wire);
        }
        let moment = self.moment();
        self.table.take_turns(moment, &mut self.wire);
        while self.table.poll_event().is_some() {}
    }

    fn end(mut self) {
        self.turn();
        let moment = self.moment();
        self.table.say_goodbye(self.leg, moment, &mut self.wire);
        let seconds = self.now.saturating_duration_since(self.start).as_secs();
        assert!(
            self.wire.reports <= seconds + 2,
            "more than a report a second"
        );
        let report = self.table.remove_leg(self.leg).expect("our call");
        let line = report.line;
        for mos in [line.mos_min, line.mos_mean, line.far_mos_min] {
            assert!(mos.is_none_or(|mos| (1.0..=4.5).contains(&mos)), "{line:?}");
        }
        assert!((0.0..=100.0).contains(&line.loss_percent), "{line:?}");
        assert!(line.rtt_ms.is_none_or(|ms| (0.0..=30_000.0).contains(&ms)));
        assert!(report.rtcp.received <= 10 * (seconds + 1));
    }
}

/// A compound whose lengths are right.
fn honest(octets: &mut Octets<'_>) -> Vec<u8> {
    let word =
        |octets: &mut Octets<'_>| u32::from(octets.number()) << 16 | u32::from(octets.number());
    let kind = octets.octet();
    let report = Report {
        ssrc: THEIRS,
        info: (kind & 1 == 0).then(|| SenderInfo {
            ntp: NtpTime(u64::from(word(octets)) << 24),
            timestamp: word(octets),
            packets: 1,
            octets: 1,
        }),
        block: Some(ReportBlock {
            ssrc: SSRC,
            fraction_lost: octets.octet(),
            lost: word(octets) as i32,
            highest: 0,
            jitter: word(octets),
            last_sr: u32::from(octets.number()) << 8,
            delay_since_last_sr: word(octets),
        }),
        cname: [b'h'; CNAME_LEN],
        is_last: kind & 2 != 0,
    };
    let mut buf = [0; REPORT_MAX];
    let len = report.write(&mut buf).unwrap_or_default();
    buf[..len].to_vec()
}
