//! What one media thread owns: the table of legs and mixes, the sockets under them, and who is who.
//!
//! Actors of that thread reach it between two ticks; nobody else can. So there is no lock, and a move is heard at the next tick.

use std::{
    cell::RefCell,
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::Addr;
use slotmap::SecondaryMap;
use tokio::sync::Notify;

use crate::{
    actors::{call::CallActor, clock, random},
    domain::{CallId, RoomName},
    media::{
        LegKey, MediaIo, MediaTable, RoomKey, SourceKey, rtcp::Moment, stats::LegReport,
        table::Datagram,
    },
    net::{
        files,
        ports::PortPool,
        rtp::{Arrived, RtpSocket},
    },
};

/// The UDP sockets under the legs, and what wakes the WebSockets of those that are streams.
#[derive(Default)]
pub struct Sockets {
    by_leg: SecondaryMap<LegKey, RtpSocket>,
    /// Of RTCP, where it does not come by RTP's port.
    control: SecondaryMap<LegKey, RtpSocket>,
    streams: SecondaryMap<LegKey, Arc<Notify>>,
    clocks: Option<clock::Reading>,
}

/// An RTP packet has waited for a tick, and no longer.
const RTP_AGE_MAX: Duration = Duration::from_secs(1);
/// Reports wait until their socket's turn comes, up to 1.8 s, and a round trip must not seem longer for it.
const RTCP_AGE_MAX: Duration = Duration::from_secs(3);

impl Sockets {
    /// The tick is about to drain: stamps of the kernel are put on this clock.
    pub fn begin(&mut self, now: Instant) {
        self.clocks = Some(clock::Reading::take(now, self.clocks));
    }
}

impl MediaIo for Sockets {
    fn recv(&mut self, leg: LegKey, buf: &mut [u8]) -> Option<Datagram> {
        let arrived = self.by_leg.get_mut(leg)?.recv(buf)?;
        Some(datagram(&arrived, &self.clocks?, RTP_AGE_MAX))
    }

    fn send(&mut self, leg: LegKey, to: SocketAddr, packet: &[u8]) {
        if let Some(socket) = self.by_leg.get(leg) {
            socket.send(to, packet);
        }
    }

    fn recv_control(&mut self, leg: LegKey, buf: &mut [u8]) -> Option<Datagram> {
        let arrived = self.control.get_mut(leg)?.recv(buf)?;
        Some(datagram(&arrived, &self.clocks?, RTCP_AGE_MAX))
    }

    fn send_control(&mut self, leg: LegKey, to: SocketAddr, packet: &[u8]) {
        if let Some(socket) = self.control.get(leg) {
            socket.send(to, packet);
        }
    }

    fn wake(&mut self, leg: LegKey) {
        if let Some(stream) = self.streams.get(leg) {
            stream.notify_one();
        }
    }
}

fn datagram(arrived: &Arrived, clocks: &clock::Reading, age_max: Duration) -> Datagram {
    Datagram {
        len: arrived.len,
        from: arrived.from,
        at: clocks.monotonic(arrived.at, age_max),
    }
}

/// A call on this thread.
pub struct Line {
    /// Its leg.
    pub leg: LegKey,
    /// Its actor.
    pub call: Addr<CallActor>,
    /// Of a leg that is RTP.
    port: Option<u16>,
    turn: u64,
}

/// Everything one media thread owns.
pub struct Studio {
    /// Legs and mixes.
    pub table: MediaTable,
    /// The sockets under the legs.
    pub sockets: Sockets,
    /// Even ports of this thread.
    pub ports: PortPool,
    /// Mixes, by the room they are.
    pub rooms: HashMap<RoomName, RoomKey>,
    /// Browsers' microphones, by LiveKit identity.
    pub sources: SecondaryMap<SourceKey, String>,
    /// The room whose browsers hear a caller's voice.
    pub taps: SecondaryMap<LegKey, RoomName>,
    bind: IpAddr,
    rests: bool,
    roused: Rc<Notify>,
    lines: HashMap<CallId, Line>,
    calls: SecondaryMap<LegKey, CallId>,
}

/// An RTP port that is ours, with its socket.
pub struct Port {
    /// Its number.
    pub number: u16,
    socket: RtpSocket,
}

impl Port {
    /// Throws away what has come in so far.
    pub fn flush(&mut self) {
        let mut buffer = [0; 2048];
        while self.socket.recv(&mut buffer).is_some() {}
    }
}

impl Studio {
    /// An empty studio.
    pub fn new(table: MediaTable, ports: PortPool, bind: IpAddr) -> Self {
        Self {
            table,
            sockets: Sockets::default(),
            ports,
            rooms: HashMap::new(),
            sources: SecondaryMap::new(),
            taps: SecondaryMap::new(),
            bind,
            rests: false,
            roused: Rc::default(),
            lines: HashMap::new(),
            calls: SecondaryMap::new(),
        }
    }

    /// The clock rests from now on; it is notified when there is something to do.
    pub fn rest(&mut self) -> Rc<Notify> {
        self.rests = true;
        Rc::clone(&self.roused)
    }

    fn rouse(&mut self) {
        if self.rests && !self.table.is_idle() {
            self.rests = false;
            self.roused.notify_one();
        }
    }

    /// A free RTP port; ports that somebody else holds are passed over. `None` when all are taken.
    pub fn open_port(&mut self, now: Instant) -> Option<Port> {
        const TRIES: usize = 16;
        for _ in 0..TRIES {
            let number = self.ports.take(now)?;
            match RtpSocket::bind(self.bind, number) {
                Ok(socket) => return Some(Port { number, socket }),
                Err(error) if files::run_out(&error) => {
                    // Another port would not help; the overload watch says it, once.
                    self.ports.put_back(number);
                    return None;
                }
                Err(error) => {
                    tracing::warn!(rtp.port = number, %error, "RTP port is taken by another program");
                    self.ports.release(now, number);
                }
            }
        }
        None
    }

    /// Whether an RTP port of ours takes packets of the address's family.
    pub fn serves(&self, ip: IpAddr) -> bool {
        let takes_both = self.bind.is_ipv6() && self.bind.is_unspecified();
        takes_both || self.bind.is_ipv4() == ip.is_ipv4()
    }

    /// Gives back a port that no leg came to use.
    pub fn close_port(&mut self, now: Instant, port: Port) {
        self.ports.release(now, port.number);
    }

    /// Nobody was told of the port: the next call may have it at once.
    pub fn give_back(&mut self, port: Port) {
        self.ports.put_back(port.number);
    }

    /// The leg has this port, and belongs to this call.
    pub fn connect(&mut self, call: CallId, addr: Addr<CallActor>, leg: LegKey, port: Port) {
        self.sockets.by_leg.insert(leg, port.socket);
        self.line_up(call, addr, leg, Some(port.number));
    }

    /// The leg is a stream whose socket is woken so, and belongs to this call.
    pub fn connect_stream(
        &mut self,
        call: CallId,
        addr: Addr<CallActor>,
        leg: LegKey,
        wake: Arc<Notify>,
    ) {
        self.sockets.streams.insert(leg, wake);
        self.line_up(call, addr, leg, None);
    }

    /// Opens the port beside the call's own, for RTCP, or closes it when nobody needs it. Without it the call goes on
    /// and its far end is not heard about.
    pub fn listen_beside(&mut self, call: CallId, is_needed: bool) {
        let Some((leg, Some(port))) = self.lines.get(&call).map(|line| (line.leg, line.port))
        else {
            return;
        };
        if !is_needed {
            self.sockets.control.remove(leg);
            return;
        }
        if self.sockets.control.contains_key(leg) {
            return;
        }
        match RtpSocket::bind(self.bind, port + 1) {
            Ok(socket) => {
                self.sockets.control.insert(leg, socket);
            }
            Err(error) => {
                tracing::warn!(call.id = %call, rtcp.port = port + 1, %error, "no RTCP for this call");
            }
        }
    }

    fn line_up(&mut self, id: CallId, call: Addr<CallActor>, leg: LegKey, port: Option<u16>) {
        self.calls.insert(leg, id);
        let line = Line {
            leg,
            call,
            port,
            turn: 0,
        };
        self.lines.insert(id, line);
    }

    /// Takes the call's leg away and closes its socket; what it was like.
    pub fn disconnect(&mut self, now: Instant, call: CallId) -> Option<LegReport> {
        let line = self.lines.remove(&call)?;
        self.sockets.begin(now);
        self.table
            .say_goodbye(line.leg, moment(now), &mut self.sockets);
        self.sockets.control.remove(line.leg);
        self.sockets.by_leg.remove(line.leg);
        self.sockets.streams.remove(line.leg);
        self.calls.remove(line.leg);
        self.taps.remove(line.leg);
        if let Some(port) = line.port {
            self.ports.release(now, port);
        }
        self.table.remove_leg(line.leg)
    }

    /// The call's leg, to be moved by the move `turn`; `None` when a later move was made already.
    pub fn leg_to_move(&mut self, call: CallId, turn: u64) -> Option<LegKey> {
        let line = self.lines.get_mut(&call).filter(|line| line.turn < turn)?;
        line.turn = turn;
        Some(line.leg)
    }

    /// The call's leg.
    pub fn leg(&self, call: CallId) -> Option<LegKey> {
        self.lines.get(&call).map(|line| line.leg)
    }

    /// The call of a leg, with its actor.
    pub fn line(&self, leg: LegKey) -> Option<(CallId, &Addr<CallActor>)> {
        let call = *self.calls.get(leg)?;
        Some((call, &self.lines.get(&call)?.call))
    }
}

/// `now`, by all of RTCP's clocks.
pub fn moment(now: Instant) -> Moment {
    Moment {
        now,
        ntp: clock::ntp(),
        chance: random::u32(),
    }
}

thread_local! {
    static STUDIO: RefCell<Option<Studio>> = const { RefCell::new(None) };
}

/// Makes this thread a media thread.
pub fn install(studio: Studio) {
    STUDIO.with_borrow_mut(|slot| *slot = Some(studio));
}

/// This thread's studio; `None` where no media clock runs.
pub fn with<R>(work: impl FnOnce(&mut Studio) -> R) -> Option<R> {
    STUDIO.with_borrow_mut(|slot| {
        let studio = slot.as_mut()?;
        let done = work(studio);
        studio.rouse();
        Some(done)
    })
}
