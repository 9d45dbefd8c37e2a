//! The one who invites (RFC 3261 section 17.1.1 with the Accepted state of RFC 6026).
//!
//! ```text
//! Calling ── 1xx ──> Proceeding ── 300-699 ──> Completed (ACK) ── timer D ──> over
//!    │└ timer A: repeat     └───── 2xx ──────> Accepted (the endpoint's ACK) ─ timer M ─> over
//!    └─ timer B: TimedOut
//! ```
//!
//! A CANCEL waits for the first provisional response (section 9.1). Whatever follows it is one [`EndpointEvent::GivenUp`]: a 2xx
//! that crossed it is acknowledged and hung up by the endpoint, as is each further 2xx of a forked INVITE (section 13.2.2.4).

use std::time::Instant;

use bytes::Bytes;
use rsip::{Header, Method, Request, Response, Version};

use super::{Due, Next, Outbox, TxnKey};
use crate::sip::endpoint::EndpointEvent;
use crate::sip::incoming::tag;
use crate::sip::wire::{emit_request, field, header};
use crate::sip::{FlowId, Outgoing, Reason, Source, TimerReason, value};

/// Far ends that may answer one INVITE; the 2xx of any more is left to its own timer.
const FORKS_MAX: usize = 16;

/// The machine.
#[derive(Debug)]
pub(in crate::sip) struct InviteClient {
    key: TxnKey,
    peer: Source,
    state: State,
    /// The INVITE as it was sent, Via included.
    invite: Outgoing,
    bytes: Bytes,
    wish: Wish,
    /// The tag of the far end whose 2xx is the answer.
    winner: Option<String>,
    /// The ACK of each far end that sent a 2xx, by its tag.
    acks: Vec<(String, Bytes)>,
}

#[derive(Debug)]
enum State {
    Calling,
    Proceeding,
    Completed { ack: Bytes },
    Accepted,
}

/// Whether the call is still wanted.
#[derive(Debug, PartialEq, Eq)]
enum Wish {
    Wanted,
    /// A CANCEL is to be sent as soon as it may be.
    ToCancel(Option<Reason>),
    Cancelled,
}

/// What a response asks of the endpoint.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sip) enum Heard {
    /// Nothing but this.
    Settled(Next),
    /// The CANCEL may go now.
    Cancel(Box<Outgoing>),
    /// A 2xx, to be acknowledged.
    Accepted {
        /// The tag of its far end.
        tag: String,
        /// Nobody else answered before, and the call is wanted; else it gets a BYE.
        wins: bool,
    },
}

impl InviteClient {
    /// Begins by sending `invite`, which has its Via.
    pub(in crate::sip) fn new(
        now: Instant,
        key: TxnKey,
        peer: Source,
        invite: Outgoing,
        out: &mut Outbox,
    ) -> Self {
        let bytes = emit_request(&invite.request, &invite.target);
        out.send(&peer, bytes.clone());
        out.schedule_repeat(now, &peer, key, TimerReason::RepeatInvite);
        out.schedule_give_up(now, key, TimerReason::InviteUnanswered);
        Self {
            key,
            peer,
            state: State::Calling,
            invite,
            bytes,
            wish: Wish::Wanted,
            winner: None,
            acks: Vec::new(),
        }
    }

    /// The INVITE as it was sent.
    pub(in crate::sip) fn invite(&self) -> &Outgoing {
        &self.invite
    }

    /// Where it was sent.
    pub(in crate::sip) fn peer(&self) -> Source {
        self.peer
    }

    /// Whether it waits for a final response.
    pub(in crate::sip) fn is_open(&self) -> bool {
        matches!(self.state, State::Calling | State::Proceeding)
    }

    /// The flow it depends upon, while it waits for an answer over a stream.
    pub(in crate::sip) fn waits_on(&self) -> Option<FlowId> {
        (self.is_open() && self.peer.transport.is_reliable()).then_some(self.peer.flow)
    }

    /// A response came. The ACK of a 2xx is the endpoint's: [`Self::acknowledged`].
    pub(in crate::sip) fn answered(
        &mut self,
        now: Instant,
        response: Response,
        out: &mut Outbox,
    ) -> Heard {
        match response.status_code.code() {
            ..200 => self.progressed(now, response, out),
            200..300 => self.accepted(now, response, out),
            _ => Heard::Settled(self.refused(now, response, out)),
        }
    }

    fn progressed(&mut self, now: Instant, response: Response, out: &mut Outbox) -> Heard {
        if !matches!(self.state, State::Calling | State::Proceeding) {
            return Heard::Settled(Next::Stays);
        }
        self.state = State::Proceeding;
        if self.wish == Wish::Wanted {
            let (txn, response) = (self.key, Box::new(response));
            let event = EndpointEvent::Progressed { txn, response };
            out.events.push_back(event);
        }
        match self.cancel_now(now, out) {
            Some(cancel) => Heard::Cancel(Box::new(cancel)),
            None => Heard::Settled(Next::Stays),
        }
    }

    fn accepted(&mut self, now: Instant, response: Response, out: &mut Outbox) -> Heard {
        if matches!(self.state, State::Completed { .. }) {
            return Heard::Settled(Next::Stays);
        }
        if !matches!(self.state, State::Accepted) {
            self.state = State::Accepted;
            self.bytes = Bytes::new();
            out.schedule_give_up(now, self.key, TimerReason::AcceptRepeatsOver);
            if self.wish != Wish::Wanted {
                out.events
                    .push_back(EndpointEvent::GivenUp { txn: self.key });
            }
        }
        let tag = tag(value::find(&response.headers, "To")).to_owned();
        if let Some((_, ack)) = self.acks.iter().find(|(known, _)| *known == tag) {
            out.send(&self.peer, ack.clone());
            return Heard::Settled(Next::Stays);
        }
        if self.acks.len() >= FORKS_MAX {
            return Heard::Settled(Next::Stays);
        }
        let wins = self.winner.is_none() && self.wish == Wish::Wanted;
        if wins {
            self.winner = Some(tag.clone());
            let (txn, response) = (self.key, Box::new(response));
            let event = EndpointEvent::Accepted { txn, response };
            out.events.push_back(event);
        }
        Heard::Accepted { tag, wins }
    }

    /// The ACK of the far end with this tag was sent; its repeats are answered with it.
    pub(in crate::sip) fn acknowledged(&mut self, tag: String, ack: Bytes) {
        self.acks.push((tag, ack));
    }

    fn refused(&mut self, now: Instant, response: Response, out: &mut Outbox) -> Next {
        match &self.state {
            State::Completed { ack } => {
                out.send(&self.peer, ack.clone());
                return Next::Stays;
            }
            State::Accepted => return Next::Stays,
            State::Calling | State::Proceeding => {}
        }
        let ack = self.ack_of_refusal(&response);
        out.send(&self.peer, ack.clone());
        self.bytes = Bytes::new();
        self.state = State::Completed { ack };
        let txn = self.key;
        out.events.push_back(match self.wish {
            Wish::Wanted => EndpointEvent::Answered {
                txn,
                response: Box::new(response),
            },
            Wish::ToCancel(_) | Wish::Cancelled => EndpointEvent::GivenUp { txn },
        });
        if self.peer.transport.is_reliable() {
            return Next::Ends;
        }
        out.schedule_give_up(now, txn, TimerReason::RefusalRepeatsOver);
        Next::Stays
    }

    /// The call is not wanted any more. The CANCEL, if it may be sent yet; else it follows the first
    /// provisional response.
    pub(in crate::sip) fn cancel(
        &mut self,
        now: Instant,
        reason: Option<Reason>,
        out: &mut Outbox,
    ) -> Option<Outgoing> {
        if !self.is_open() || self.wish != Wish::Wanted {
            return None;
        }
        self.wish = Wish::ToCancel(reason);
        self.cancel_now(now, out)
    }

    fn cancel_now(&mut self, now: Instant, out: &mut Outbox) -> Option<Outgoing> {
        let Wish::ToCancel(reason) = &self.wish else {
            return None;
        };
        if !matches!(self.state, State::Proceeding) {
            return None;
        }
        let mut cancel = self.in_transaction(Method::Cancel, None);
        if let Some(reason) = reason {
            let reason = header("Reason", reason.to_string());
            cancel.request.headers.push(reason);
        }
        self.wish = Wish::Cancelled;
        out.schedule_give_up(now, self.key, TimerReason::CancelUnanswered);
        Some(cancel)
    }

    /// A timer of this transaction is due.
    pub(in crate::sip) fn fire(&mut self, now: Instant, due: &Due, out: &mut Outbox) -> Next {
        match (due.reason, &self.state) {
            // One that is not wanted any more, too: the far end may ring, and no CANCEL may go before its first word.
            (TimerReason::RepeatInvite, State::Calling) => {
                out.send(&self.peer, self.bytes.clone());
                let doubled = due.interval.saturating_mul(2);
                out.timers.schedule(now, doubled, due.txn, due.reason);
                Next::Stays
            }
            (TimerReason::InviteUnanswered, State::Calling) => {
                let (txn, method) = (self.key, Method::Invite);
                out.events.push_back(match self.wish {
                    Wish::Wanted => EndpointEvent::TimedOut { txn, method },
                    Wish::ToCancel(_) | Wish::Cancelled => EndpointEvent::GivenUp { txn },
                });
                Next::Ends
            }
            (TimerReason::CancelUnanswered, State::Proceeding) => {
                out.events
                    .push_back(EndpointEvent::GivenUp { txn: self.key });
                Next::Ends
            }
            (TimerReason::RefusalRepeatsOver, State::Completed { .. })
            | (TimerReason::AcceptRepeatsOver, State::Accepted) => Next::Ends,
            _ => Next::Stays,
        }
    }

    /// What is told when the connection closes under it.
    pub(in crate::sip) fn lost(&self) -> EndpointEvent {
        let txn = self.key;
        match self.wish {
            Wish::Wanted => EndpointEvent::FlowLost { txn },
            Wish::ToCancel(_) | Wish::Cancelled => EndpointEvent::GivenUp { txn },
        }
    }

    /// Section 17.1.1.3: within the transaction, with the tag of who refused.
    fn ack_of_refusal(&self, response: &Response) -> Bytes {
        let to = value::find(&response.headers, "To");
        let ack = self.in_transaction(Method::Ack, to);
        emit_request(&ack.request, &ack.target)
    }

    /// A request that belongs to the INVITE: same branch, target, routes, and number.
    fn in_transaction(&self, method: Method, to: Option<&str>) -> Outgoing {
        let mut headers: Vec<Header> = Vec::with_capacity(8);
        for one in self.invite.request.headers.iter() {
            match field(one) {
                ("Via" | "Route" | "Max-Forwards" | "From" | "Call-ID", _) => {
                    headers.push(one.clone());
                }
                ("To", own) => headers.push(header("To", to.unwrap_or(own).to_owned())),
                ("CSeq", own) => {
                    let number = value::cseq(own).map_or(0, |(number, _)| number);
                    headers.push(header("CSeq", format!("{number} {method}")));
                }
                _ => {}
            }
        }
        let request = Request {
            method,
            uri: self.invite.request.uri.clone(),
            version: Version::V2,
            headers: headers.into(),
            body: Vec::new(),
        };
        Outgoing {
            request,
            target: self.invite.target.clone(),
        }
    }
}
