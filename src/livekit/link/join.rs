//! Joining: from the server's welcome to sockets of our own, or to a wait.

use std::time::Instant;

use livekit_protocol as proto;
use proto::signal_request::Message as Said;

use super::signal::{Signal, Way, refuses_us};
use super::transport::Transport;
use super::{Link, LinkOutput, LinkRole, LinkTrouble, SignalFailure, TransportId};

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
        self.transport = Some(Transport::new(
            now,
            transport,
            needed,
            self.stuck,
            &self.config.timings,
        ));
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
