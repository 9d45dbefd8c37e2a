//! The media of one generation: its sockets (the driver's), its one peer connection, and whether
//! anything comes in.
//!
//! Listener and caller have one peer connection each; the server's other one is never made. What
//! the server says before the sockets are open is kept: one offer and [`EARLY_CANDIDATES_MAX`]
//! candidates.

use std::net::SocketAddr;
use std::time::Instant;

use livekit_protocol as proto;

use super::{LinkTimings, TransportId};
use crate::rtc::{Peer, PeerError, fingerprint};

/// Candidates of the server that are kept until the sockets are open.
const EARLY_CANDIDATES_MAX: usize = 32;

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
    /// Since when ICE looks for a path anew, while it has not found one. Until then, what comes in proves nothing: a server
    /// whose own checks have all failed answers ours for ever, and sends no audio.
    seeking_since: Option<Instant>,
    /// It has to connect.
    needed: bool,
    /// It must be connected by then, or at least have sockets.
    connect_by: Option<Instant>,
}

/// Does anything come in?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MediaState {
    /// Never connected so far.
    Connecting,
    /// Connected, and not silent.
    Live,
    /// Was connected; nothing came in for too long.
    Silent { since: Instant },
}

/// What time told about a transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It has just fallen silent.
    FellSilent,
    /// It did not come back.
    NeverHealed,
    /// It did not connect in time.
    NeverConnected,
}

impl Transport {
    /// A transport whose sockets have been asked for. `needed`: it has to connect.
    pub(super) fn new(now: Instant, id: TransportId, needed: bool, timings: &LinkTimings) -> Self {
        Self {
            id,
            peer: None,
            early_offer: None,
            early_candidates: Vec::new(),
            state: MediaState::Connecting,
            negotiated: false,
            fingerprint: None,
            seeking_since: None,
            needed,
            connect_by: Some(now + timings.connect_max),
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

    /// Was connected and is not any more, so far as we know.
    pub(super) fn is_silent(&self) -> bool {
        matches!(self.state, MediaState::Silent { .. })
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

    /// Something came in: silence is over.
    pub(super) fn heard(&mut self) {
        if self.is_silent() && self.seeking_since.is_none() {
            self.state = MediaState::Live;
        }
    }

    /// ICE was restarted.
    pub(super) fn seek_path(&mut self, now: Instant) {
        self.seeking_since = Some(now);
    }

    /// ICE has agreed on a path.
    pub(super) fn path_found(&mut self) {
        self.seeking_since = None;
        self.heard();
    }

    /// Counts silence from here on. True when it was not silent before.
    pub(super) fn fall_silent(&mut self, now: Instant) -> bool {
        let fell = self.is_live();
        if fell {
            self.state = MediaState::Silent { since: now };
        }
        fell
    }

    /// False when the other side is another one than before: DTLS would never come up again.
    pub(super) fn same_far_end(&mut self, sdp: &str) -> bool {
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
            MediaState::Connecting => self.connect_by,
            MediaState::Live => peer
                .and_then(Peer::last_heard)
                .map(|at| at + timings.media_silence_max),
            MediaState::Silent { since } => Some(since + timings.media_heal_max),
        };
        let path_by = self.seeking_since.map(|at| at + timings.media_heal_max);
        [own, path_by, peer.and_then(Peer::deadline)]
            .into_iter()
            .flatten()
            .min()
    }

    /// It failed beneath us and cannot be healed.
    pub(super) fn is_dead(&self) -> bool {
        self.peer.as_ref().is_some_and(|peer| !peer.is_alive())
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
        let peer = self.peer.as_ref();
        if self
            .seeking_since
            .is_some_and(|at| at + timings.media_heal_max <= now)
        {
            return Some(Verdict::NeverHealed);
        }
        match self.state {
            MediaState::Connecting if self.connect_by.is_some_and(|at| at <= now) => {
                Some(Verdict::NeverConnected)
            }
            MediaState::Live
                if peer
                    .and_then(Peer::last_heard)
                    .is_some_and(|at| at + timings.media_silence_max <= now) =>
            {
                self.fall_silent(now).then_some(Verdict::FellSilent)
            }
            MediaState::Silent { since } if since + timings.media_heal_max <= now => {
                Some(Verdict::NeverHealed)
            }
            MediaState::Connecting | MediaState::Live | MediaState::Silent { .. } => None,
        }
    }
}
