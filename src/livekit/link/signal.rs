//! Signalling: joining, resuming, waiting between attempts, leaving.
//!
//! ```text
//! Joining ─joined─▶ Open ─closed, media lives─▶ Resuming ─resumed─▶ Syncing ─negotiated─▶ Open
//!    ▲ └failed┐      │closed, media dead            │failed
//!    └─Waiting◀──────┴──────────────────────────────┘
//! ```
//!
//! A transport exists only while the server may still know us: never while a join is under way or
//! waited for.

use std::time::{Duration, Instant};

use livekit_protocol as proto;
use proto::DisconnectReason as Reason;
use proto::signal_request::Message as Said;

use super::transport::Transport;
use super::{
    LeaveAction, Link, LinkEvent, LinkOutput, LinkRole, LinkTrouble, SignalFailure, TransportId,
};

/// After a resume the server's own steps are waited for this long before we go on without them.
const SYNC_MAX: Duration = Duration::from_secs(3);
/// Who was not told of again this long after a resume has left meanwhile.
const CONFIRM_WITHIN: Duration = Duration::from_secs(3);

/// Where signalling stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// Nothing is under way; the next attempt is due then. `firm`: not a moment earlier.
    Waiting {
        until: Instant,
        way: Way,
        firm: bool,
    },
    /// A join was asked for.
    Joining { until: Instant },
    /// A resume was asked for.
    Resuming { until: Instant },
    /// Resumed; media is being negotiated anew.
    Syncing { until: Instant },
    /// In the room.
    Open,
    /// Over.
    Closed,
}

/// How to get signalling back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// From the beginning.
    Join,
    /// Within the session, keeping media.
    Resume,
}

impl Signal {
    /// The server hears what we send.
    pub(super) fn is_connected(self) -> bool {
        matches!(self, Self::Open | Self::Syncing { .. })
    }

    pub(super) fn deadline(self) -> Option<Instant> {
        match self {
            Self::Waiting { until, .. }
            | Self::Joining { until }
            | Self::Resuming { until }
            | Self::Syncing { until } => Some(until),
            Self::Open | Self::Closed => None,
        }
    }
}

impl Link {
    /// The server let us in.
    pub fn joined(&mut self, now: Instant, response: proto::JoinResponse) {
        if !matches!(self.signal, Signal::Joining { .. }) {
            return;
        }
        self.signal = Signal::Open;
        self.relay_forced = response
            .client_configuration
            .as_ref()
            .is_some_and(|configuration| {
                configuration.force_relay() == proto::ClientConfigSetting::Enabled
            });
        // A server that does not begin with our connection may never need it.
        let needed = self.config.role == LinkRole::Caller || response.subscriber_primary;
        self.transports += 1;
        let transport = TransportId(self.transports);
        self.transport = Some(Transport::new(now, transport, needed, &self.config.timings));
        self.outputs.push_back(LinkOutput::Bind { transport });
        match self.config.role {
            LinkRole::Listener => self.room.begin(&response),
            LinkRole::Caller => {
                let cid = format!("caller{:08x}", self.backoff.draw() >> 32);
                let request = self.publication.begin(cid);
                self.send(Said::AddTrack(request));
                self.send_attributes();
            }
        }
        self.settle(now);
    }

    /// The join came to nothing.
    pub fn join_failed(&mut self, now: Instant, failure: SignalFailure) {
        if !matches!(self.signal, Signal::Joining { .. }) {
            return;
        }
        let refused =
            matches!(&failure, SignalFailure::Refused { status, .. } if refuses_us(*status));
        self.trouble = Some(failure.into());
        if refused {
            self.wait_long(now, false);
        } else {
            self.wait(now, Way::Join);
        }
        self.settle(now);
    }

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
            LinkRole::Listener => {
                self.room.await_confirmation();
                self.confirm_by = Some(now + CONFIRM_WITHIN);
                self.confirmed_any = false;
            }
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

    /// The signalling connection closed without having been asked to.
    pub fn signal_closed(&mut self, now: Instant, reason: &str) {
        if self.signal.is_connected() {
            self.lose_signal(now, reason);
            self.settle(now);
        }
    }

    /// Somebody else got through, or the room was deleted: no need to wait.
    pub fn retry_now(&mut self, now: Instant) {
        if let Signal::Waiting {
            way, firm: false, ..
        } = self.signal
        {
            self.go(now, way);
            self.settle(now);
        }
    }

    /// Leaves the room. [`LinkEvent::Closed`] follows.
    pub fn close(&mut self, now: Instant) {
        self.say_goodbye();
        self.end(now, LinkEvent::Closed);
    }

    /// It is over, for the reason that this event tells.
    fn end(&mut self, now: Instant, event: LinkEvent) {
        if self.signal == Signal::Closed {
            return;
        }
        self.outputs.push_back(LinkOutput::Disconnect);
        self.drop_transport();
        self.room.clear();
        self.settle(now);
        self.signal = Signal::Closed;
        self.outputs.push_back(LinkOutput::Event(event));
    }

    /// The server sends us away.
    pub(super) fn handle_leave(&mut self, now: Instant, leave: &proto::LeaveRequest) {
        if leave.action() == LeaveAction::Resume {
            self.lose_signal(now, "the server asked to connect again");
            return;
        }
        let trouble =
            LinkTrouble::Signalling(format!("the server said {}", leave.reason().as_str_name()));
        match leave.reason() {
            Reason::ParticipantRemoved => self.end(now, LinkEvent::Removed),
            Reason::DuplicateIdentity => {
                self.trouble = Some(trouble);
                self.drop_transport();
                self.wait_long(now, true);
            }
            Reason::UnknownReason
            | Reason::ClientInitiated
            | Reason::ServerShutdown
            | Reason::RoomDeleted
            | Reason::StateMismatch
            | Reason::JoinFailure
            | Reason::Migration
            | Reason::SignalClose
            | Reason::RoomClosed
            | Reason::UserUnavailable
            | Reason::UserRejected
            | Reason::SipTrunkFailure
            | Reason::ConnectionTimeout
            | Reason::MediaFailure
            | Reason::AgentError => {
                self.trouble = Some(trouble);
                self.drop_transport();
                self.wait(now, Way::Join);
            }
        }
    }

    fn lose_signal(&mut self, now: Instant, reason: &str) {
        self.trouble = Some(LinkTrouble::Signalling(reason.to_owned()));
        self.wait(now, self.way_back());
    }

    /// Within the session while its media lives, for the audio goes on meanwhile.
    fn way_back(&self) -> Way {
        if self.transport.as_ref().is_some_and(Transport::is_live) {
            Way::Resume
        } else {
            Way::Join
        }
    }

    /// Leaves politely, so that the server does not find us twice, and joins anew.
    pub(super) fn rejoin(&mut self, now: Instant, trouble: LinkTrouble) {
        self.say_goodbye();
        self.trouble = Some(trouble);
        self.drop_transport();
        self.wait(now, Way::Join);
    }

    /// Joins anew after a long wait, for trying harder does not help.
    pub(super) fn rejoin_later(&mut self, now: Instant, trouble: LinkTrouble) {
        self.say_goodbye();
        self.trouble = Some(trouble);
        self.drop_transport();
        self.wait_long(now, false);
    }

    fn say_goodbye(&mut self) {
        let leave = proto::LeaveRequest {
            reason: Reason::ClientInitiated.into(),
            action: LeaveAction::Disconnect.into(),
            ..Default::default()
        };
        self.send(Said::Leave(leave));
    }

    fn wait(&mut self, now: Instant, way: Way) {
        let timings = self.config.timings;
        if self
            .up_since
            .take()
            .is_some_and(|since| since + timings.stable_after <= now)
        {
            self.backoff.reset();
        }
        let wait = self.backoff.wait(&timings);
        if wait.is_zero() {
            self.go(now, way);
        } else {
            self.pause(now + wait, way, false);
        }
    }

    fn wait_long(&mut self, now: Instant, firm: bool) {
        let wait = self.backoff.wait_long(&self.config.timings);
        self.pause(now + wait, Way::Join, firm);
    }

    fn pause(&mut self, until: Instant, way: Way, firm: bool) {
        if way == Way::Join {
            self.outputs.push_back(LinkOutput::Disconnect);
            self.drop_transport();
        }
        self.signal = Signal::Waiting { until, way, firm };
    }

    /// Makes the next attempt.
    pub(super) fn go(&mut self, now: Instant, way: Way) {
        let until = now + self.config.timings.answer_max;
        match way {
            Way::Join => {
                self.drop_transport();
                self.signal = Signal::Joining { until };
                self.outputs.push_back(LinkOutput::Join);
            }
            Way::Resume => {
                use proto::ReconnectReason::{
                    RrPublisherFailed, RrSignalDisconnected, RrSubscriberFailed,
                };
                let live = self.transport.as_ref().is_some_and(Transport::is_live);
                let reason = match self.config.role {
                    _ if live => RrSignalDisconnected,
                    LinkRole::Listener => RrSubscriberFailed,
                    LinkRole::Caller => RrPublisherFailed,
                };
                self.signal = Signal::Resuming { until };
                self.outputs.push_back(LinkOutput::Resume { reason });
            }
        }
    }

    /// A deadline of signalling has come.
    pub(super) fn handle_signal_timeout(&mut self, now: Instant) {
        match self.signal {
            Signal::Waiting { until, way, .. } if until <= now => self.go(now, way),
            Signal::Joining { until } if until <= now => {
                self.join_failed(now, SignalFailure::TimedOut);
            }
            Signal::Resuming { until } if until <= now => {
                self.resume_failed(now, SignalFailure::TimedOut);
            }
            Signal::Syncing { until } if until <= now => self.finish_resume(),
            Signal::Waiting { .. }
            | Signal::Joining { .. }
            | Signal::Resuming { .. }
            | Signal::Syncing { .. }
            | Signal::Open
            | Signal::Closed => {}
        }
        if self.confirm_by.is_some_and(|at| at <= now) {
            self.confirm_by = None;
            // A server that told nothing at all tells nothing about who left, either.
            if self.confirmed_any {
                self.room.drop_unconfirmed();
            }
        }
    }

    /// What we wanted while signalling was away goes out now.
    pub(super) fn finish_resume(&mut self) {
        if !matches!(self.signal, Signal::Syncing { .. }) {
            return;
        }
        self.signal = Signal::Open;
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

    /// Sends on the signalling connection, if there is one.
    pub(super) fn send(&mut self, message: Said) {
        if self.signal.is_connected() {
            self.outputs.push_back(LinkOutput::Send(Box::new(message)));
        }
    }
}

/// A status that another attempt will meet again, unless somebody changes a key.
fn refuses_us(status: u16) -> bool {
    (400..500).contains(&status) && status != 408 && status != 429
}

impl From<SignalFailure> for LinkTrouble {
    fn from(failure: SignalFailure) -> Self {
        match failure {
            SignalFailure::Unreachable(reason) => Self::Unreachable(reason),
            SignalFailure::Refused { status, detail } if refuses_us(status) => {
                Self::Refused(format!("{status} {detail}"))
            }
            SignalFailure::Refused { status, detail } => {
                Self::Unreachable(format!("{status} {detail}"))
            }
            SignalFailure::Left { .. } => Self::Unreachable("the server sent us away".to_owned()),
            SignalFailure::TimedOut => Self::Unreachable("no answer in time".to_owned()),
        }
    }
}
