//! The one who asks: everything but INVITE (RFC 3261 section 17.1.2).
//!
//! ```text
//! Trying ── 1xx ──> Proceeding ── final ──> Completed ── timer K ──> over
//!    └─ timer E: repeat      └── timer F: TimedOut
//! ```

use std::time::Instant;

use bytes::Bytes;
use rsip::{Method, Response};

use super::{Due, Next, Outbox, TxnKey};
use crate::sip::endpoint::EndpointEvent;
use crate::sip::{FlowId, Source, TimerReason};

/// The machine.
#[derive(Debug)]
pub(in crate::sip) struct Client {
    key: TxnKey,
    peer: Source,
    state: State,
    method: Method,
    request: Bytes,
    /// Nobody asks for its outcome.
    is_quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Trying,
    Proceeding,
    Completed,
}

impl Client {
    /// Begins by sending `request`.
    pub(in crate::sip) fn new(
        now: Instant,
        key: TxnKey,
        peer: Source,
        (method, request): (Method, Bytes),
        out: &mut Outbox,
    ) -> Self {
        out.send(&peer, request.clone());
        out.schedule_repeat(now, &peer, key, TimerReason::RepeatRequest);
        out.schedule_give_up(now, key, TimerReason::RequestUnanswered);
        Self {
            key,
            peer,
            state: State::Trying,
            method,
            request,
            is_quiet: false,
        }
    }

    /// The same, of which nobody is told anything.
    pub(in crate::sip) fn quiet(self) -> Self {
        Self {
            is_quiet: true,
            ..self
        }
    }

    /// What is told when the connection closes under it.
    pub(in crate::sip) fn lost(&self) -> Option<EndpointEvent> {
        let lost = EndpointEvent::FlowLost { txn: self.key };
        (!self.is_quiet).then_some(lost)
    }

    /// The flow it depends upon, while it waits for an answer over a stream.
    pub(in crate::sip) fn waits_on(&self) -> Option<FlowId> {
        let waits = self.state != State::Completed && self.peer.transport.is_reliable();
        waits.then_some(self.peer.flow)
    }

    /// A response came.
    pub(in crate::sip) fn answered(
        &mut self,
        now: Instant,
        response: Response,
        out: &mut Outbox,
    ) -> Next {
        if self.state == State::Completed {
            return Next::Stays;
        }
        if response.status_code.code() < 200 {
            self.state = State::Proceeding;
            return Next::Stays;
        }
        self.state = State::Completed;
        self.request = Bytes::new();
        if !self.is_quiet {
            let response = Box::new(response);
            out.events.push_back(EndpointEvent::Answered {
                txn: self.key,
                response,
            });
        }
        if self.peer.transport.is_reliable() {
            return Next::Ends;
        }
        out.timers.schedule(
            now,
            out.timings.t4,
            self.key,
            TimerReason::ResponseRepeatsOver,
        );
        Next::Stays
    }

    /// A timer of this transaction is due.
    pub(in crate::sip) fn fire(&mut self, now: Instant, due: &Due, out: &mut Outbox) -> Next {
        match (due.reason, self.state) {
            (TimerReason::RepeatRequest, State::Trying) => {
                out.send(&self.peer, self.request.clone());
                out.schedule_again(now, due);
                Next::Stays
            }
            (TimerReason::RepeatRequest, State::Proceeding) => {
                out.send(&self.peer, self.request.clone());
                out.timers
                    .schedule(now, out.timings.t2, due.txn, due.reason);
                Next::Stays
            }
            (TimerReason::RequestUnanswered, State::Trying | State::Proceeding) => {
                if !self.is_quiet {
                    let (txn, method) = (self.key, self.method);
                    let event = EndpointEvent::TimedOut { txn, method };
                    out.events.push_back(event);
                }
                Next::Ends
            }
            (TimerReason::ResponseRepeatsOver, State::Completed) => Next::Ends,
            _ => Next::Stays,
        }
    }
}
