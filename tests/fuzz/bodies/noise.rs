//! Anything at all on the RTP port of a call: RTCP, STUN, DTLS, other people's streams. Two calls in a room of a real table,
//! raw datagrams from known and foreign addresses, ticks, moves, holds, any codec and changes of it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use audioroad::media::asset::Assets;
use audioroad::media::codec::Codec;
use audioroad::media::g711::Law;
use audioroad::media::latch::Sources;
use audioroad::media::{
    Datagram, LegChange, LegKey, LegSpec, MediaIo, MediaSettings, MediaTable, Place,
};

use super::octets::{Octets, epoch};

const OPERATIONS_MAX: usize = 64;
/// Addresses that datagrams come from: the first two are those of the calls.
const ADDRESSES: usize = 4;

pub(crate) fn run(data: &[u8]) {
    static ASSETS: OnceLock<Arc<Assets>> = OnceLock::new();
    let assets = ASSETS.get_or_init(|| Arc::new(Assets::built_in().expect("prompts that decode")));
    let mut now = epoch();
    let mut table = MediaTable::new(Arc::clone(assets), MediaSettings::default());
    let room = table.add_room();
    let mut octets = Octets(data);
    let mut codecs = [octets.octet(), octets.octet()].map(codec);
    let legs = [0, 1].map(|at| table.add_leg(now, spec(address(at), codecs[at])));
    legs.iter()
        .for_each(|leg| table.place(*leg, Place::Seat(room)));
    let mut wire = Wire {
        legs,
        waiting: [VecDeque::new(), VecDeque::new()],
        sent: [0; 2],
    };
    let mut ticks = 0_u32;
    for _ in 0..OPERATIONS_MAX {
        if octets.is_empty() {
            break;
        }
        let operation = octets.octet();
        let at = usize::from(operation >> 7);
        match operation & 7 {
            0..=2 => {
                let from = address(usize::from(operation >> 3) % ADDRESSES);
                let len = usize::from(octets.octet());
                let datagram = octets.take(len).to_vec();
                wire.waiting[at].push_back((now, from, datagram));
            }
            3..=5 => {
                for _ in 0..1 + (operation >> 3 & 7) {
                    now += Duration::from_millis(5);
                    table.tick(now, (ticks % 4) as u8, &mut wire);
                    ticks = ticks.wrapping_add(1);
                    while table.poll_event().is_some() {}
                }
            }
            6 => {
                let places = [Place::Seat(room), Place::Listen(room), Place::Nowhere];
                let place = places[usize::from(operation >> 3) % places.len()];
                table.place(legs[at], place);
            }
            _ => {
                let holds = operation & 8 != 0;
                if operation & 32 != 0 {
                    codecs[at] = codec(octets.octet());
                }
                let change = LegChange {
                    receive: !holds,
                    send: operation & 16 == 0,
                    ..LegChange::from(&spec(address(at), codecs[at]))
                };
                table.renegotiate(now, legs[at], change);
            }
        }
    }
    let frames = u64::from(ticks) / 4 + 2;
    assert!(
        wire.sent.iter().all(|sent| *sent <= frames),
        "more than a packet a frame"
    );
    for leg in legs {
        let report = table.remove_leg(leg).expect("a leg of ours");
        assert!(report.jitter_ms.is_finite());
    }
}

fn codec(octet: u8) -> Codec {
    match octet & 3 {
        0 => Codec::G711(Law::Mu),
        1 => Codec::G711(Law::A),
        2 => Codec::G722,
        _ => Codec::Opus,
    }
}

fn payload_type(codec: Codec) -> u8 {
    match codec {
        Codec::G711(law) => law.payload_type(),
        Codec::G722 => 9,
        Codec::Opus => 111,
    }
}

fn spec(remote: SocketAddr, codec: Codec) -> LegSpec {
    LegSpec {
        codec,
        payload_type: payload_type(codec),
        bitrate_max: None,
        dtmf_payload_type: Some(101),
        remote,
        sources: Sources::of(remote.ip()),
        srtp: None,
        rtcp: audioroad::media::rtcp::RtcpPath::Muxed,
        cname: [b'A'; audioroad::media::rtcp::CNAME_LEN],
        ssrc: 1,
        sequence: 1,
        timestamp: 1,
        receive: true,
        send: true,
    }
}

fn address(at: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 10 + at as u8], 4000))
}

/// Sockets of memory.
struct Wire {
    legs: [LegKey; 2],
    waiting: [VecDeque<(Instant, SocketAddr, Vec<u8>)>; 2],
    sent: [u64; 2],
}

impl Wire {
    fn of(&self, leg: LegKey) -> usize {
        usize::from(self.legs[1] == leg)
    }
}

impl MediaIo for Wire {
    fn recv(&mut self, leg: LegKey, buf: &mut [u8]) -> Option<Datagram> {
        let at = self.of(leg);
        let (came_at, from, datagram) = self.waiting[at].pop_front()?;
        let len = datagram.len().min(buf.len());
        buf[..len].copy_from_slice(&datagram[..len]);
        Some(Datagram {
            len,
            from,
            at: came_at,
        })
    }

    fn send(&mut self, leg: LegKey, _: SocketAddr, packet: &[u8]) {
        assert!((13..=172).contains(&packet.len()), "{}", packet.len());
        let at = self.of(leg);
        self.sent[at] += 1;
    }
}
