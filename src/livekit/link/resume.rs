//! Resuming: the session goes on over a new signalling connection, and media looks for a new path.
//!
//! ```text
//! resumed → SyncState → (caller) offer with a restart of ICE → answer ─┐
//!                       (listener) the server's offer → our answer ────┴▶ Reconnected
//! ```

use std::time::{Duration, Instant};

use livekit_protocol as proto;
use proto::signal_request::Message as Said;

use super::signal::{Signal, Way, refuses_us};
use super::{Link, LinkOutput, LinkRole, SignalFailure};

/// After a resume the server's own steps are waited for this long before we go on without them.
const SYNC_MAX: Duration = Duration::from_secs(3);

impl Link {
    /// Signalling is back within the same session.
    pub fn resumed(&mut self, now: Instant, _response: proto::ReconnectResponse) {
        if !matches!(self.signal, Signal::Resuming { .. }) {
            return;
        }
        self.signal = Signal::Syncing {
            until: now + SYNC_MAX,
        };
        let state = self.sync_state();
        self.send(Said::SyncState(state));
        match self.config.role {
            // Next the server tells who is there, all of them, and then offers.
            LinkRole::Listener => self.full_update_due = true,
            LinkRole::Caller => self.offer_restart(now),
        }
        self.settle(now);
    }

    /// The resume came to nothing.
    pub fn resume_failed(&mut self, now: Instant, failure: SignalFailure) {
        if !matches!(self.signal, Signal::Resuming { .. }) {
            return;
        }
        let forgotten = match &failure {
            SignalFailure::Left { .. } => true,
            SignalFailure::Refused { status, .. } => refuses_us(*status),
            SignalFailure::Unreachable(_) | SignalFailure::TimedOut => false,
        };
        if forgotten {
            self.go(now, Way::Join);
        } else {
            self.trouble = Some(failure.into());
            self.wait(now, self.way_back());
        }
        self.settle(now);
    }

    /// What we wanted while signalling was away goes out now.
    pub(super) fn finish_resume(&mut self) {
        if !matches!(self.signal, Signal::Syncing { .. }) {
            return;
        }
        self.signal = Signal::Open;
        self.full_update_due = false;
        self.outputs.push_back(LinkOutput::Reconnected);
        self.send_mute();
        self.send_attributes();
    }

    /// What the server has to know of us after a resume.
    fn sync_state(&self) -> proto::SyncState {
        let (offer, answer) = self.last_exchange.clone().unzip();
        let subscription = proto::UpdateSubscription {
            track_sids: self.room.asked(),
            subscribe: true,
            ..Default::default()
        };
        proto::SyncState {
            offer,
            answer,
            subscription: Some(subscription),
            publish_tracks: self.publication.known().into_iter().collect(),
            ..Default::default()
        }
    }
}
