//! What a call costs the media thread for each 20 ms, by where the caller is, beside a bare loop that receives and sends on
//! the same sockets and knows nothing of calls.
//!
//! ```text
//! far end, 1 ms slots <- RTP, loopback -> RtpSocket <- bare loop | MediaTable, 5 ms ticks -> thread's CPU time
//! ```
//! The variants take turns in every round, so that a busy neighbour harms all alike; what counts is the median of the
//! rounds' ratios. `cargo bench --bench hold -- CALLS` takes another number of calls than 500.
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and owns its threads"
)]

#[path = "hold/far_end.rs"]
mod far_end;

use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use audioroad::actors::clock;
use audioroad::media::asset::{Assets, demo_callers};
use audioroad::media::codec::Codec;
use audioroad::media::feed::Playlist;
use audioroad::media::g711::Law;
use audioroad::media::latch::Sources;
use audioroad::media::opus::OpusPacket;
use audioroad::media::{
    Datagram, LegKey, LegSpec, MediaIo, MediaSettings, MediaTable, NB_FRAME, Place,
};
use audioroad::net::rtp::RtpSocket;
use nix::time::{ClockId, clock_gettime};
use rtrb::{Consumer, RingBuffer};
use slotmap::SecondaryMap;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const CALLS: usize = 500;
const ROUNDS: usize = 11;
/// Frames of a turn that are not measured: buffers find their depth.
const WARM_UP: u32 = 15;
const MEASURED: u32 = 50;
const PHASE: Duration = Duration::from_millis(5);
/// Turns that are taken again because packets were missing or late, at most.
const TRIES: usize = 10;
/// Callers in a live room.
const ROOM: usize = 5;
/// The far end sends to one slot of calls each millisecond.
const SLOTS: usize = 20;

/// Every call's socket. The n-th leg of each table has the same key.
struct Sockets {
    by_leg: SecondaryMap<LegKey, RtpSocket>,
    clocks: clock::Reading,
}

/// As the switch does it, in `actors::studio`.
impl MediaIo for Sockets {
    fn recv(&mut self, leg: LegKey, buf: &mut [u8]) -> Option<Datagram> {
        let arrived = self.by_leg.get_mut(leg)?.recv(buf)?;
        Some(Datagram {
            len: arrived.len,
            from: arrived.from,
            at: self.clocks.monotonic(arrived.at, Duration::from_secs(1)),
        })
    }

    fn send(&mut self, leg: LegKey, to: SocketAddr, packet: &[u8]) {
        if let Some(socket) = self.by_leg.get(leg) {
            socket.send(to, packet);
        }
    }
}

/// What one variant does in a tick.
enum Work {
    /// Receives until nothing is left, sends one packet, on a quarter of the sockets.
    Bare {
        calls: Vec<(LegKey, SocketAddr)>,
        received: u64,
    },
    Table(Box<Legs>),
}

struct Legs {
    table: MediaTable,
    keys: Vec<LegKey>,
    /// What browsers would hear of the callers.
    taps: Vec<Consumer<OpusPacket>>,
}

impl Work {
    fn tick(&mut self, now: Instant, phase: u8, sockets: &mut Sockets) {
        match self {
            Self::Bare { calls, received } => {
                let (mut buf, packet) = ([0; 1500], [0; NB_FRAME + 12]);
                let ours = calls.iter().skip(usize::from(phase)).step_by(4);
                for (leg, far) in ours {
                    let Some(socket) = sockets.by_leg.get_mut(*leg) else {
                        continue;
                    };
                    while socket.recv(&mut buf).is_some() {
                        *received += 1;
                    }
                    socket.send(*far, &packet);
                }
            }
            Self::Table(legs) => {
                sockets.clocks = clock::Reading::take(now, Some(sockets.clocks));
                legs.table.tick(now, phase, sockets);
                for tap in &mut legs.taps {
                    while tap.pop().is_ok() {}
                }
            }
        }
    }

    fn calls(&self) -> usize {
        match self {
            Self::Bare { calls, .. } => calls.len(),
            Self::Table(legs) => legs.keys.len(),
        }
    }

    /// Packets that reached calls so far.
    fn received(&self) -> u64 {
        match self {
            Self::Bare { received, .. } => *received,
            Self::Table(legs) => {
                let reports = legs.keys.iter().filter_map(|key| legs.table.report(*key));
                reports.map(|report| report.received).sum()
            }
        }
    }
}

fn main() -> io::Result<()> {
    let calls = std::env::args()
        .filter_map(|word| word.parse().ok())
        .next_back()
        .unwrap_or(CALLS);
    let (mut free, mut legs) = (10_000..=32_766, Vec::new());
    while legs.len() < calls {
        let port = free.next().ok_or(io::ErrorKind::AddrInUse)?;
        if let Ok(socket) = RtpSocket::bind(LOOPBACK, port) {
            legs.push((port, socket));
        }
    }
    let ports: Vec<u16> = legs.iter().map(|(port, _)| *port).collect();
    let far: Vec<UdpSocket> = (0..SLOTS)
        .map(|_| far_end::socket())
        .collect::<io::Result<_>>()?;
    let addresses: Vec<SocketAddr> = far
        .iter()
        .map(UdpSocket::local_addr)
        .collect::<io::Result<_>>()?;
    let remotes: Vec<SocketAddr> = addresses.iter().copied().cycle().take(calls).collect();

    let assets = Arc::new(Assets::built_in().map_err(io::Error::other)?);
    let mut variants = variants(&assets, &remotes);
    let Some((_, Work::Bare { calls: order, .. })) = variants.first() else {
        return Ok(());
    };
    let keys = order.iter().map(|(key, _)| *key);
    let by_leg = keys
        .zip(legs.into_iter().map(|(_, socket)| socket))
        .collect();
    let mut sockets = Sockets {
        by_leg,
        clocks: clock::Reading::take(Instant::now(), None),
    };

    let over = Arc::new(AtomicBool::new(false));
    let talking = Arc::clone(&over);
    let stories = demo_callers().map_err(io::Error::other)?;
    let far_end = thread::spawn(move || far_end::talk(&far, &ports, &stories, &talking));
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let turn = |(_, work): &mut (&str, Work)| take_full_turn(work, &mut sockets);
        rounds.push(variants.iter_mut().map(turn).collect::<Option<Vec<f64>>>());
        if rounds.last().is_some_and(Option::is_none) {
            break;
        }
    }
    over.store(true, Ordering::Relaxed);
    let far_end = far_end.join();
    let too_busy = || io::Error::other("this machine is too busy to carry the calls");
    let rounds: Vec<Vec<f64>> = rounds
        .into_iter()
        .collect::<Option<_>>()
        .ok_or_else(too_busy)?;
    report(&variants, &rounds)?;
    far_end.map_err(|_| io::Error::other("the far end died"))
}

fn variants(assets: &Arc<Assets>, remotes: &[SocketAddr]) -> Vec<(&'static str, Work)> {
    let lobby = table(assets, remotes, |table, keys| {
        keys.iter()
            .for_each(|key| table.place(*key, Place::Waiting(Playlist::welcome())));
    });
    let hold = table(assets, remotes, |table, keys| {
        let room = table.add_room();
        keys.iter()
            .for_each(|key| table.place(*key, Place::Listen(room)));
        // Somebody is on air, so that there is a show to hear.
        keys.iter()
            .take(1)
            .for_each(|key| table.place(*key, Place::Seat(room)));
    });
    let on_air = table(assets, remotes, seat);
    // Opus is dear: all of them would be more than a thread can do.
    let few = remotes.get(..remotes.len() / 5).unwrap_or_default();
    let mut heard = table(assets, few, |_, _| {});
    heard.taps = seat_with_browsers(&mut heard);
    let bare = hold
        .keys
        .iter()
        .copied()
        .zip(remotes.iter().copied())
        .collect();
    vec![
        (
            "bare receive and send",
            Work::Bare {
                calls: bare,
                received: 0,
            },
        ),
        ("lobby", Work::Table(Box::new(lobby))),
        ("on hold", Work::Table(Box::new(hold))),
        ("on air, rooms of 5", Work::Table(Box::new(on_air))),
        ("on air, heard by browsers", Work::Table(Box::new(heard))),
    ]
}

fn seat(table: &mut MediaTable, keys: &[LegKey]) {
    for room_mates in keys.chunks(ROOM) {
        let room = table.add_room();
        room_mates
            .iter()
            .for_each(|key| table.place(*key, Place::Seat(room)));
    }
}

/// The same, and every voice goes to the browsers of its room.
fn seat_with_browsers(legs: &mut Legs) -> Vec<Consumer<OpusPacket>> {
    let mut taps = Vec::new();
    for room_mates in legs.keys.chunks(ROOM) {
        let room = legs.table.add_room();
        for key in room_mates {
            let (packets, tap) = RingBuffer::new(16);
            legs.table.place(*key, Place::Seat(room));
            if legs
                .table
                .tap(*key, room, packets, Arc::new(AtomicBool::new(true)))
                .is_ok()
            {
                taps.push(tap);
            }
        }
    }
    taps
}

fn table(
    assets: &Arc<Assets>,
    remotes: &[SocketAddr],
    place: impl FnOnce(&mut MediaTable, &[LegKey]),
) -> Legs {
    // A table that waits for its turn has not lost its lines.
    let settings = MediaSettings {
        rtp_timeout: Duration::from_secs(3600),
        ..MediaSettings::default()
    };
    let mut table = MediaTable::new(Arc::clone(assets), settings);
    let now = Instant::now();
    let spec = |remote: SocketAddr| LegSpec {
        codec: Codec::G711(Law::Mu),
        payload_type: 0,
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
    };
    let keys: Vec<LegKey> = remotes
        .iter()
        .map(|remote| table.add_leg(now, spec(*remote)))
        .collect();
    place(&mut table, &keys);
    Legs {
        table,
        keys,
        taps: Vec::new(),
    }
}

/// A turn in which the far end kept time; `None` when this machine is too busy for one.
fn take_full_turn(work: &mut Work, sockets: &mut Sockets) -> Option<f64> {
    (0..TRIES).find_map(|_| take_turn(work, sockets))
}

/// CPU time of this thread in us, for each call and frame; `None` when packets were missing.
fn take_turn(work: &mut Work, sockets: &mut Sockets) -> Option<f64> {
    let mut next = Instant::now();
    let (mut before, mut received) = (cpu_time(), 0);
    for frame in 0..WARM_UP + MEASURED {
        if frame == WARM_UP {
            (before, received) = (cpu_time(), work.received());
        }
        for phase in 0..4 {
            next += PHASE;
            thread::sleep(next.saturating_duration_since(Instant::now()));
            work.tick(Instant::now(), phase, sockets);
        }
    }
    let spent = cpu_time().saturating_sub(before);
    let expected = u64::from(MEASURED) * work.calls() as u64;
    let heard = work.received() - received;
    let is_full = heard * 100 >= expected * 95 && heard * 100 <= expected * 105;
    is_full.then(|| spent.as_secs_f64() * 1e6 / expected as f64)
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID);
    time.map_or(Duration::ZERO, Duration::from)
}

fn report(variants: &[(&str, Work)], rounds: &[Vec<f64>]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    writeln!(out, "{ROUNDS} rounds, load {}", load.trim())?;
    let head = (
        "us per call and 20 ms",
        "calls",
        "median",
        "range",
        "x bare",
    );
    writeln!(
        out,
        "{:26} {:>5} {:>7} {:>13} {:>7}",
        head.0, head.1, head.2, head.3, head.4
    )?;
    for (at, (name, work)) in variants.iter().enumerate() {
        let costs = || rounds.iter().filter_map(|round| round.get(at).copied());
        let bare = rounds.iter().filter_map(|round| round.first().copied());
        let ratios = costs().zip(bare).map(|(cost, bare)| cost / bare);
        let (least, most) = costs().fold((f64::MAX, 0.0_f64), |(a, b), c| (a.min(c), b.max(c)));
        let (cost, ratio) = (median(costs()), median(ratios));
        let calls = work.calls();
        writeln!(
            out,
            "{name:26} {calls:5} {cost:7.2} {least:6.2}-{most:<6.2} {ratio:7.2}"
        )?;
    }
    Ok(())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
