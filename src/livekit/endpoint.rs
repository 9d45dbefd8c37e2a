//! The embedded LiveKit-compatible audio endpoint: all rooms, without a socket or a clock.
//!
//! ```text
//! browser mic → publisher Peer → forward ┬→ subscriber Peers of the others (Opus as it is)
//!                                        └→ Event::TrackAudio → the switch
//! caller      → send_call_audio → forward → subscriber Peers of all browsers
//! WebSocket frame → handle_signal → rooms, tracks, negotiation → Output::Signal frames
//! ```
//!
//! After every call, drain [`Endpoint::poll_output`]; then wait for input or for
//! [`Endpoint::poll_timeout`].
//!
//! What it speaks: LiveKit's `/rtc` signalling (v0, protocol 16) with two peer connections per
//! browser: the browser offers what it publishes, we offer what it hears. Opus only.
//! What is absent: video, simulcast, RED, data messages, per-track subscription permissions, resuming a
//! lost session (the client is told to join anew), connection quality, egress, the Twirp API and
//! the single-connection `/rtc/v1`.
//!
//! Limits: see [`EndpointLimits`].

mod calls;
mod config;
mod event;
mod forward;
mod join;
mod message;
mod negotiate;
mod participant;
mod publish;
mod sid;
mod signal;
mod speakers;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use livekit_protocol as proto;

pub use calls::CallParticipant;
pub use config::{EndpointConfig, EndpointCounters, EndpointLimits};
pub use event::{Event, Output};
pub use join::{JoinQuery, JoinRefusal};
pub use message::LeaveCause;

use self::participant::{Participant, Room, Track};
use self::sid::Sids;
use crate::rtc::{Mux, PeerOutput};

/// A browser that has not connected its media by then is sent away.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a browser's media may live on without its WebSocket.
const SIGNAL_LOST_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a browser may take to answer an offer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// A fresh token is sent this often, so that a long show survives a reconnect.
const TOKEN_REFRESH: Duration = Duration::from_secs(300);
/// How long a refreshed token is good for.
const TOKEN_REFRESH_TTL: Duration = Duration::from_secs(600);

/// One participant's stay in a room, from join to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(u64);

/// One published track, from its first mention to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrackKey(u64);

/// Which of a browser's two peer connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Side {
    /// The browser sends on it.
    Publisher,
    /// The browser hears on it.
    Subscriber,
}

/// All embedded rooms.
#[derive(Debug)]
pub struct Endpoint {
    config: EndpointConfig,
    /// An instant, and what the wall clock said then (ms since 1970).
    wall_clock: (Instant, u64),
    sids: Sids,
    mux: Mux<(SessionId, Side)>,
    rooms: HashMap<String, Room>,
    participants: HashMap<SessionId, Participant>,
    tracks: HashMap<TrackKey, Track>,
    /// Peers with output to drain.
    touched: Vec<(SessionId, Side)>,
    outputs: VecDeque<Output>,
    counters: EndpointCounters,
}

impl Endpoint {
    /// An endpoint without rooms. `unix_ms` is the wall clock, milliseconds since 1970.
    pub fn new(now: Instant, unix_ms: u64, config: EndpointConfig) -> Self {
        Self {
            sids: Sids::new(config.seed),
            config,
            wall_clock: (now, unix_ms),
            mux: Mux::default(),
            rooms: HashMap::new(),
            participants: HashMap::new(),
            tracks: HashMap::new(),
            touched: Vec::new(),
            outputs: VecDeque::new(),
            counters: EndpointCounters::default(),
        }
    }

    /// Takes a datagram from the shared UDP port.
    pub fn handle_datagram(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        let Some((session, side)) = self.mux.route(from, datagram) else {
            self.counters.datagrams_unknown += 1;
            return;
        };
        let Some(peer) = self.peer_mut(session, side) else {
            return;
        };
        let accepted = peer.handle_receive(now, from, datagram).unwrap_or(false);
        if accepted {
            self.mux.learn(from, (session, side));
        }
        self.touched.push((session, side));
        self.settle(now);
    }

    /// When [`Endpoint::handle_timeout`] is due, if ever.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let participants = self.participants.values().filter_map(Participant::deadline);
        let rooms = self.rooms.values().filter_map(|room| room.speakers_due);
        participants.chain(rooms).min()
    }

    /// Lets time pass: peers, speakers, patience with browsers.
    pub fn handle_timeout(&mut self, now: Instant) {
        let due = |participant: &Participant| participant.deadline().is_some_and(|at| at <= now);
        let sessions: Vec<SessionId> = self
            .participants
            .iter()
            .filter(|(_, p)| due(p))
            .map(|(session, _)| *session)
            .collect();
        for session in sessions {
            self.participant_timeout(now, session);
        }
        self.announce_speakers(now);
        self.settle(now);
    }

    /// The next thing to do, `None` when there is nothing left.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Counters for metrics.
    pub fn counters(&self) -> EndpointCounters {
        let browsers = self
            .participants
            .values()
            .filter(|p| p.link.is_some())
            .count();
        EndpointCounters {
            rooms: self.rooms.len(),
            browsers,
            calls: self.participants.len() - browsers,
            ..self.counters
        }
    }

    /// Removes a participant, browser or call, by its identity.
    pub fn remove_participant(&mut self, now: Instant, room: &str, identity: &str) {
        if let Some(session) = self.session_of(room, identity) {
            self.remove(now, session, LeaveCause::Removed);
            self.settle(now);
        }
    }

    /// Closes a room: its browsers are told why, its calls are forgotten.
    pub fn close_room(&mut self, now: Instant, room: &str, cause: LeaveCause) {
        let members = self
            .rooms
            .get(room)
            .map(|room| room.members.clone())
            .unwrap_or_default();
        for session in members {
            self.remove(now, session, cause);
        }
        self.settle(now);
    }

    /// Milliseconds since 1970 at `now`.
    fn unix_ms(&self, now: Instant) -> u64 {
        let (at, unix_ms) = self.wall_clock;
        unix_ms.saturating_add(now.saturating_duration_since(at).as_millis() as u64)
    }

    fn session_of(&self, room: &str, identity: &str) -> Option<SessionId> {
        let members = &self.rooms.get(room)?.members;
        members.iter().copied().find(|session| {
            self.participants
                .get(session)
                .is_some_and(|p| p.pass.identity == identity)
        })
    }

    fn participant_timeout(&mut self, now: Instant, session: SessionId) {
        let Some(participant) = self.participants.get_mut(&session) else {
            return;
        };
        let Some(link) = &mut participant.link else {
            return;
        };
        if let Some(cause) = link.patience_lost(now) {
            self.remove(now, session, cause);
            return;
        }
        // A peer that fails here says so in its output.
        for side in [Side::Publisher, Side::Subscriber] {
            let peer = link.peer_mut(side);
            if peer.deadline().is_some_and(|at| at <= now) {
                let _ = peer.handle_timeout(now);
                self.touched.push((session, side));
            }
        }
        if link.refresh_at <= now {
            link.refresh_at = now + TOKEN_REFRESH;
            self.send_fresh_token(session);
        }
    }

    /// Drains every peer that was touched, until nothing moves any more.
    fn settle(&mut self, now: Instant) {
        while let Some((session, side)) = self.touched.pop() {
            while let Some(peer) = self.peer_mut(session, side) {
                let Some(output) = peer.poll_output() else {
                    break;
                };
                match output {
                    PeerOutput::Transmit { to, bytes } => {
                        self.outputs.push_back(Output::Transmit { to, bytes });
                    }
                    PeerOutput::Audio { mid, ssrc, packet } if side == Side::Publisher => {
                        self.forward_from_browser(now, session, mid, ssrc, packet);
                    }
                    PeerOutput::Audio { .. } => {}
                    PeerOutput::Connected => self.peer_connected(session, side),
                    PeerOutput::Disconnected => {
                        self.remove(now, session, LeaveCause::MediaLost);
                    }
                }
            }
        }
    }

    fn peer_connected(&mut self, session: SessionId, side: Side) {
        let Some(participant) = self.participants.get_mut(&session) else {
            return;
        };
        let Some(link) = &mut participant.link else {
            return;
        };
        let primary = if participant.pass.can_subscribe {
            Side::Subscriber
        } else {
            Side::Publisher
        };
        if side != primary || link.connected {
            return;
        }
        link.connected = true;
        participant.state = proto::participant_info::State::Active;
        self.announce(session);
        self.introduce_speakers(session);
    }

    fn peer_mut(&mut self, session: SessionId, side: Side) -> Option<&mut crate::rtc::Peer> {
        let link = self.participants.get_mut(&session)?.link.as_mut()?;
        Some(link.peer_mut(side))
    }

    /// Takes a participant out of its room: tracks first, then the participant, then the room if
    /// it is empty.
    fn remove(&mut self, now: Instant, session: SessionId, cause: LeaveCause) {
        let Some(tracks) = self.participants.get(&session).map(|p| p.tracks.clone()) else {
            return;
        };
        for track in tracks {
            self.drop_track(track);
        }
        let Some(mut participant) = self.participants.remove(&session) else {
            return;
        };
        for side in [Side::Publisher, Side::Subscriber] {
            self.mux.remove((session, side));
        }
        if let Some(room) = self.rooms.get_mut(&participant.pass.room) {
            room.members.retain(|member| *member != session);
            if room.members.is_empty() {
                self.rooms.remove(&participant.pass.room);
            }
        }
        participant.state = proto::participant_info::State::Disconnected;
        participant.version += 1;
        self.broadcast_update(&participant);
        if let Some(link) = &participant.link {
            if cause == LeaveCause::MediaLost && link.failed() {
                self.counters.peers_failed += 1;
            }
            if let Some(leave) = cause.leave()
                && link.signal_lost_at.is_none()
            {
                self.send(session, proto::signal_response::Message::Leave(leave));
            }
            self.outputs.push_back(Output::CloseSignal { session });
            self.outputs
                .push_back(Output::Event(Event::ParticipantLeft {
                    room: participant.pass.room.clone(),
                    identity: participant.pass.identity.clone(),
                    sid: participant.sid.clone(),
                }));
        }
        self.negotiate_room(now, &participant.pass.room);
    }
}
