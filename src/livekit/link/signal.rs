//! Signalling: where it stands, what comes next, and how long to wait before it.
//!
//! ```text
//! Joining ─joined─▶ Open ─closed, media lives─▶ Resuming ─resumed─▶ Syncing ─negotiated─▶ Open
//!    ▲ └failed┐      │closed, media dead            │failed
//!    └─Waiting◀──────┴──────────────────────────────┘
//! ```
//!
//! A transport exists only while the server may still know us: never while a join is under way or
//! waited for.

use std::time::Instant;

use livekit_protocol as proto;
use proto::signal_request::Message as Said;

use super::transport::Transport;
use super::{Link, LinkOutput, LinkRole, LinkTrouble, SignalFailure};

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

    pub(super) fn lose_signal(&mut self, now: Instant, reason: &str) {
        self.trouble = Some(LinkTrouble::Signalling(reason.to_owned()));
        self.wait(now, self.way_back());
    }

    /// Within the session while its media lives, for the audio goes on meanwhile.
    pub(super) fn way_back(&self) -> Way {
        if self.transport.as_ref().is_some_and(Transport::is_live) {
            Way::Resume
        } else {
            Way::Join
        }
    }

    pub(super) fn wait(&mut self, now: Instant, way: Way) {
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

    pub(super) fn wait_long(&mut self, now: Instant, firm: bool) {
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
    }

    /// Sends on the signalling connection, if there is one.
    pub(super) fn send(&mut self, message: Said) {
        if self.signal.is_connected() {
            self.outputs.push_back(LinkOutput::Send(Box::new(message)));
        }
    }
}

/// A status that another attempt will meet again, unless somebody changes a key.
pub(super) fn refuses_us(status: u16) -> bool {
    (400..500).contains(&status) && status != 408 && status != 429
}
