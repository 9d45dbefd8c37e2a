//! The media of one generation: its sockets (the driver's), its one peer connection, and whether
//! anything comes in.
//!
//! Listener and caller have one peer connection each; the server's other one is never made. What
//! the server says before the sockets are open is kept: one offer and [`EARLY_CANDIDATES_MAX`]
//! candidates.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use livekit_protocol as proto;

use super::{LinkTimings, TransportId};
use crate::rtc::{Peer, PeerError, fingerprint};

/// Candidates of the server that are kept until the sockets are open.
const EARLY_CANDIDATES_MAX: usize = 32;
/// A server that closes our media says why on signalling, which may come a little later.
const FAREWELL_MAX: Duration = Duration::from_millis(500);
/// Once our checks are answered, the server's own packets follow so soon, or not at all.
const PATH_PROOF_MAX: Duration = Duration::from_millis(500);
/// Once something comes in, ICE and DTLS are given so long. A server gives up a path that was cut
/// for a second, and then answers our checks for ever without connecting. Each further attempt has
/// twice the time, up to [`HANDSHAKE_DOUBLINGS_MAX`] times: a slow network must get through, too.
const HANDSHAKE_MAX: Duration = Duration::from_millis(1250);
const HANDSHAKE_DOUBLINGS_MAX: u32 = 3;

/// One generation of media.
#[derive(Debug)]
pub(super) struct Transport {
    pub(super) id: TransportId,
    /// `None` until the sockets are open.
    pub(super) peer: Option<Peer>,
    /// An offer that came before the sockets were open.
    pub(super) early_offer: Option<proto::SessionDescription>,
    early_candidates: Vec<String>,
    state: MediaState,
    /// An offer and its answer were exchanged.
    pub(super) negotiated: bool,
    /// Whose DTLS is on the other side.
    fingerprint: Option<String>,
    /// The other side only answers checks (ICE-lite) and keeps no state of the path.
    lite: bool,
    /// It has to connect.
    needed: bool,
    /// It must be connected by then, or at least have sockets.
    connect_by: Option<Instant>,
    /// Something came in before it was connected.
    first_heard: Option<Instant>,
    /// From then on it must be connected within this time.
    handshake_max: Duration,
    /// The other side closed it, or it failed beneath us.
    dead_since: Option<Instant>,
}

/// Does anything come in?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MediaState {
    /// Never connected so far.
    Connecting,
    /// Connected, and not silent.
    Live,
    /// Was connected; nothing came in for too long.
    Silent {
        since: Instant,
        /// Our checks are answered again, which does not say that the server sends.
        path_back: Option<Instant>,
        /// A new path was looked for since the network is back.
        restarted: bool,
    },
}

/// What time told about a transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It has just fallen silent.
    FellSilent,
    /// The network is back, the server's path is not.
    PathBack,
    /// It did not come back.
    NeverHealed,
    /// Nothing at all came in.
    NeverConnected,
    /// Something came in, and it did not connect.
    Stuck,
    /// It is closed for good, and nobody said why.
    Dead,
}

impl Transport {
    /// A transport whose sockets have been asked for. `needed`: it has to connect. `stuck`: how
    /// many in a row heard something and did not connect.
    pub(super) fn new(
        now: Instant,
        id: TransportId,
        needed: bool,
        stuck: u32,
        timings: &LinkTimings,
    ) -> Self {
        Self {
            id,
            peer: None,
            early_offer: None,
            early_candidates: Vec::new(),
            state: MediaState::Connecting,
            negotiated: false,
            fingerprint: None,
            lite: false,
            first_heard: None,
            handshake_max: HANDSHAKE_MAX * (1 << stuck.min(HANDSHAKE_DOUBLINGS_MAX)),
            needed,
            connect_by: Some(now + timings.connect_max),
            dead_since: None,
        }
    }

    /// The sockets are open.
    pub(super) fn open(&mut self, now: Instant, local: &[SocketAddr]) -> Result<(), PeerError> {
        let mut peer = Peer::ice_full(now, local)?;
        for candidate in self.early_candidates.drain(..) {
            peer.add_remote_candidate(now, &candidate)?;
        }
        self.peer = Some(peer);
        if !self.needed {
            self.connect_by = None;
        }
        Ok(())
    }

    /// Connected and heard of lately.
    pub(super) fn is_live(&self) -> bool {
        self.state == MediaState::Live
    }

    /// Nothing that has to connect.
    pub(super) fn is_idle(&self) -> bool {
        self.state == MediaState::Connecting && !self.needed
    }

    /// From here on it has to connect.
    pub(super) fn must_connect(&mut self, now: Instant, timings: &LinkTimings) {
        self.needed = true;
        self.connect_by.get_or_insert(now + timings.connect_max);
    }

    /// ICE and DTLS are up.
    pub(super) fn connected(&mut self) {
        self.state = MediaState::Live;
    }

    /// Something came in. Silence is over when the server sends by itself: an answer to a check
    /// of ours shows only that the network is back.
    pub(super) fn heard(&mut self, now: Instant, datagram: &[u8]) {
        // Binding success and error responses (RFC 8489 section 5).
        let answer = matches!(datagram, [0x01, 0x01 | 0x11, ..]);
        match &mut self.state {
            MediaState::Connecting => {
                self.first_heard.get_or_insert(now);
            }
            MediaState::Silent { path_back, .. } if answer && !self.lite => {
                path_back.get_or_insert(now);
            }
            MediaState::Silent { .. } => self.state = MediaState::Live,
            MediaState::Live => {}
        }
    }

    /// A new path is being looked for although the network is back.
    pub(super) fn restarted(&mut self) {
        if let MediaState::Silent { restarted, .. } = &mut self.state {
            *restarted = true;
        }
    }

    /// Counts silence from here on. True when it was not silent before.
    pub(super) fn fall_silent(&mut self, now: Instant) -> bool {
        let fell = self.is_live();
        if fell {
            self.state = MediaState::silent(now);
        }
        fell
    }

    /// Reads who is on the other side. False when it is another one than before: DTLS would never
    /// come up again.
    pub(super) fn knows_far_end(&mut self, sdp: &str) -> bool {
        self.lite = sdp.lines().any(|line| line == "a=ice-lite");
        let Some(told) = fingerprint(sdp) else {
            return true;
        };
        self.fingerprint.get_or_insert_with(|| told.to_owned()) == told
    }

    /// Takes a candidate of the server's. The error is the peer's death, which its output tells.
    pub(super) fn add_candidate(&mut self, now: Instant, candidate: String) {
        match &mut self.peer {
            Some(peer) => {
                let _ = peer.add_remote_candidate(now, &candidate);
            }
            None if self.early_candidates.len() < EARLY_CANDIDATES_MAX => {
                self.early_candidates.push(candidate);
            }
            None => {}
        }
    }

    /// What time has to be looked at.
    pub(super) fn deadline(&self, timings: &LinkTimings) -> Option<Instant> {
        let peer = self.peer.as_ref();
        let own = match self.state {
            MediaState::Connecting => {
                let stuck = self.first_heard.map(|at| at + self.handshake_max);
                [self.connect_by, stuck].into_iter().flatten().min()
            }
            MediaState::Live => peer
                .and_then(Peer::last_heard)
                .map(|at| at + timings.media_silence_max),
            MediaState::Silent {
                since,
                path_back,
                restarted,
            } => {
                let healed = since + timings.media_heal_max;
                let proof = path_back
                    .filter(|_| !restarted)
                    .map(|at| at + PATH_PROOF_MAX);
                Some(proof.map_or(healed, |at| at.min(healed)))
            }
        };
        let farewell = self.dead_since.map(|at| at + FAREWELL_MAX);
        [own, farewell, peer.and_then(Peer::deadline)]
            .into_iter()
            .flatten()
            .min()
    }

    /// The other side closed it, or it failed beneath us: it cannot be healed.
    pub(super) fn is_dead(&self) -> bool {
        self.peer.as_ref().is_some_and(|peer| !peer.is_alive())
    }

    /// Counts a dead transport as silent. True when it was not known to be dead before.
    pub(super) fn bury(&mut self, now: Instant) -> bool {
        let fresh = self.dead_since.is_none();
        let since = *self.dead_since.get_or_insert(now);
        self.state = MediaState::silent(since);
        fresh
    }

    /// Lets time pass for the peer, and judges.
    pub(super) fn handle_timeout(
        &mut self,
        now: Instant,
        timings: &LinkTimings,
    ) -> Option<Verdict> {
        if let Some(peer) = &mut self.peer
            && peer.deadline().is_some_and(|at| at <= now)
        {
            // A peer that fails here says so in its output.
            let _ = peer.handle_timeout(now);
        }
        if self.dead_since.is_some_and(|at| at + FAREWELL_MAX <= now) {
            return Some(Verdict::Dead);
        }
        match &mut self.state {
            MediaState::Connecting => self.judge_connecting(now),
            MediaState::Live => {
                let heard = self.peer.as_ref().and_then(Peer::last_heard);
                let silent = heard.is_some_and(|at| at + timings.media_silence_max <= now);
                (silent && self.fall_silent(now)).then_some(Verdict::FellSilent)
            }
            MediaState::Silent { since, .. } if *since + timings.media_heal_max <= now => {
                Some(Verdict::NeverHealed)
            }
            MediaState::Silent {
                path_back,
                restarted: false,
                ..
            } if path_back.is_some_and(|at| at + PATH_PROOF_MAX <= now) => {
                *path_back = None;
                Some(Verdict::PathBack)
            }
            MediaState::Silent { .. } => None,
        }
    }

    fn judge_connecting(&self, now: Instant) -> Option<Verdict> {
        if self
            .first_heard
            .is_some_and(|at| at + self.handshake_max <= now)
        {
            return Some(Verdict::Stuck);
        }
        let late = self.connect_by.is_some_and(|at| at <= now);
        late.then_some(Verdict::NeverConnected)
    }
}

impl MediaState {
    fn silent(since: Instant) -> Self {
        Self::Silent {
            since,
            path_back: None,
            restarted: false,
        }
    }
}

#[cfg(test)]
#[path = "transport_tests.rs"]
mod tests;
