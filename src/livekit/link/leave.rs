//! Leaving: because we want to, because we are sent away, or to join anew.

use std::time::Instant;

use livekit_protocol as proto;
use proto::DisconnectReason as Reason;
use proto::signal_request::Message as Said;

use super::signal::{Signal, Way};
use super::{LeaveAction, Link, LinkEvent, LinkOutput, LinkTrouble};

impl Link {
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
}
