//! An endpoint that plays the LiveKit server, links, and wires that can be cut.

#![expect(
    clippy::disallowed_methods,
    reason = "the scripts' time begins now and is moved by hand"
)]

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use livekit_protocol as proto;
use proto::participant_info::Kind;

use crate::livekit::SessionId;
use crate::livekit::endpoint::{Endpoint, EndpointConfig, EndpointLimits};
use crate::livekit::link::*;
use crate::livekit::token::{RoomPass, TokenKeys};
use crate::rtc::AudioPacket;

pub(super) const SERVER: &str = "198.51.100.1:7882";
pub(super) const NODE: &str = "here";

/// The whole scene.
pub(super) struct World {
    pub(super) now: Instant,
    pub(super) endpoint: Endpoint,
    pub(super) seats: Vec<Seat>,
    /// What the server itself heard of published tracks, first byte of each packet.
    pub(super) server_heard: Vec<u8>,
    /// Nobody answers at the server's address.
    pub(super) server_down: bool,
    /// HTTP status that every join is refused with.
    pub(super) refuses: Option<u16>,
    /// The server remembers sessions whose signalling was lost.
    pub(super) resumes: bool,
    restarts: u64,
    pub(super) ports: u16,
}

/// One link and its wires.
pub(super) struct Seat {
    pub(super) link: Link,
    pub(super) pass: RoomPass,
    pub(super) session: Option<SessionId>,
    pub(super) asks: VecDeque<Ask>,
    pub(super) sockets: Option<(TransportId, SocketAddr)>,
    /// No signalling connection can be had or kept.
    pub(super) signal_cut: bool,
    /// No datagram passes.
    pub(super) media_cut: bool,
    pub(super) events: Vec<LinkEvent>,
    /// First byte of each packet heard, by track.
    pub(super) heard: BTreeMap<RemoteTrack, Vec<u8>>,
    pub(super) joins: usize,
    pub(super) resumptions: usize,
    pub(super) said: Vec<proto::signal_request::Message>,
    pub(super) binds: usize,
    pub(super) unbinds: usize,
}

/// A connection that the link asked for.
pub(super) enum Ask {
    Join,
    Resume,
}

pub(super) fn pass(identity: &str) -> RoomPass {
    RoomPass::new("live", identity, identity)
}

/// A caller of this node.
pub(super) fn caller_pass(identity: &str) -> RoomPass {
    let attributes = BTreeMap::from([(NODE_ATTRIBUTE.to_owned(), NODE.to_owned())]);
    RoomPass {
        kind: Kind::Sip,
        attributes,
        can_subscribe: false,
        can_update_own_metadata: true,
        ..pass(identity)
    }
}

/// The switch's ears.
pub(super) fn listener_pass(identity: &str) -> RoomPass {
    RoomPass {
        hidden: true,
        can_publish: false,
        ..pass(identity)
    }
}

impl World {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            now,
            endpoint: endpoint(now, 0),
            seats: Vec::new(),
            server_heard: Vec::new(),
            server_down: false,
            refuses: None,
            resumes: true,
            restarts: 0,
            ports: 20_000,
        }
    }

    /// Starts a link and lets it connect for two seconds.
    pub(super) fn enter(&mut self, role: LinkRole, pass: RoomPass) -> usize {
        let seat = self.start(role, pass);
        self.pass(Duration::from_secs(2));
        seat
    }

    pub(super) fn start(&mut self, role: LinkRole, pass: RoomPass) -> usize {
        let config = LinkConfig {
            role,
            node: NODE.to_owned(),
            timings: LinkTimings::of(role),
            seed: self.seats.len() as u64 + 1,
        };
        self.seats.push(Seat {
            link: Link::new(self.now, config),
            pass,
            session: None,
            asks: VecDeque::new(),
            sockets: None,
            signal_cut: false,
            media_cut: false,
            events: Vec::new(),
            heard: BTreeMap::new(),
            joins: 0,
            resumptions: 0,
            said: Vec::new(),
            binds: 0,
            unbinds: 0,
        });
        self.settle();
        self.seats.len() - 1
    }

    pub(super) fn listener(&mut self) -> usize {
        self.enter(LinkRole::Listener, listener_pass("switch"))
    }

    pub(super) fn caller(&mut self, identity: &str) -> usize {
        self.enter(LinkRole::Caller, caller_pass(identity))
    }

    /// A browser that only speaks: on the wire it does what a caller's link does.
    pub(super) fn speaker(&mut self, identity: &str) -> usize {
        let pass = RoomPass {
            can_subscribe: false,
            ..pass(identity)
        };
        self.enter(LinkRole::Caller, pass)
    }

    /// Sends a packet every 20 ms for a while; how many were taken.
    pub(super) fn speak(&mut self, seat: usize, byte: u8, time: Duration) -> usize {
        let mut taken = 0;
        for _ in 0..time.as_millis() / 20 {
            let packet = AudioPacket {
                seq: 0,
                timestamp: 0,
                marker: false,
                level_dbov: Some(-10),
                payload: [byte; 40].into(),
            };
            taken += usize::from(self.seats[seat].link.send_audio(self.now, &packet));
            self.pass(Duration::from_millis(20));
        }
        taken
    }

    /// Cuts the signalling of one link; the server keeps the session if it can resume.
    pub(super) fn cut_signal(&mut self, seat: usize) {
        self.seats[seat].signal_cut = true;
        self.drop_signal(seat);
    }

    /// One signalling connection breaks; another can be had at once.
    pub(super) fn drop_signal(&mut self, seat: usize) {
        let chair = &mut self.seats[seat];
        chair.link.signal_closed(self.now, "cut");
        if let Some(session) = chair.session.filter(|_| !self.resumes) {
            self.endpoint.signal_closed(self.now, session);
        }
        self.settle();
    }

    /// The server dies and takes all connections with it.
    pub(super) fn kill_server(&mut self) {
        self.server_down = true;
        for seat in &mut self.seats {
            seat.session = None;
            seat.link.signal_closed(self.now, "connection reset");
        }
        self.settle();
    }

    /// It comes back and remembers nothing.
    pub(super) fn start_server(&mut self) {
        self.restarts += 1;
        self.endpoint = endpoint(self.now, self.restarts);
        self.server_down = false;
    }

    /// Lets time pass for everybody.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        self.settle();
        while let Some(next) = self.next_deadline().filter(|next| *next < end) {
            self.now = next.max(self.now + Duration::from_millis(1));
            self.tick();
        }
        self.now = end;
        self.tick();
    }

    fn tick(&mut self) {
        if !self.server_down {
            self.endpoint.handle_timeout(self.now);
        }
        for seat in &mut self.seats {
            if seat.link.poll_timeout().is_some_and(|at| at <= self.now) {
                seat.link.handle_timeout(self.now);
            }
        }
        self.settle();
    }

    fn next_deadline(&self) -> Option<Instant> {
        let server = self.endpoint.poll_timeout().filter(|_| !self.server_down);
        self.seats
            .iter()
            .filter_map(|seat| seat.link.poll_timeout())
            .chain(server)
            .min()
    }

    /// Carries everything until nothing moves.
    pub(super) fn settle(&mut self) {
        loop {
            let mut moved = false;
            while let Some(output) = self.endpoint.poll_output() {
                moved = true;
                self.deliver(output);
            }
            for seat in 0..self.seats.len() {
                while let Some(output) = self.seats[seat].link.poll_output() {
                    moved = true;
                    self.perform(seat, output);
                }
                while let Some(ask) = self.seats[seat].asks.pop_front() {
                    moved = true;
                    self.connect(seat, &ask);
                }
            }
            if !moved {
                return;
            }
        }
    }

    pub(super) fn is_up(&self, seat: usize) -> bool {
        self.seats[seat].link.is_up()
    }

    /// The events of a link since the last time.
    pub(super) fn events(&mut self, seat: usize) -> Vec<LinkEvent> {
        std::mem::take(&mut self.seats[seat].events)
    }

    /// Bytes heard by a link since the last time, of all tracks.
    pub(super) fn take_heard(&mut self, seat: usize) -> Vec<u8> {
        std::mem::take(&mut self.seats[seat].heard)
            .into_values()
            .flatten()
            .collect()
    }
}

pub(super) fn keys() -> TokenKeys {
    TokenKeys::new("key", "secret")
}

pub(super) fn unix_ms() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64
}

fn endpoint(now: Instant, seed: u64) -> Endpoint {
    let limits = EndpointLimits {
        browsers_per_room_max: 600,
        ..EndpointLimits::default()
    };
    let config = EndpointConfig {
        candidates: vec![SERVER.parse().unwrap()],
        keys: keys(),
        limits,
        seed,
    };
    Endpoint::new(now, unix_ms(), config)
}
