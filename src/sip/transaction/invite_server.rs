//! The one who is called: INVITE (RFC 3261 section 17.2.1 with the Accepted state of RFC 6026).
//!
//! ```text
//! Proceeding ── 2xx ──> Accepted ── ACK ──> Acked ── timer L ──> over
//!     └──── 300-699 ──> Refused ─── ACK ──> Confirmed ─ timer I ─> over
//! ```
//!
//! A 2xx is repeated here, not by the call, so that a busy call cannot forget it.

use std::time::Instant;

use bytes::Bytes;
use rsip::Method;

use super::{Due, Next, Outbox, TxnKey};
use crate::sip::endpoint::EndpointEvent;
use crate::sip::{DialogKey, Source, TimerReason};

/// The machine.
#[derive(Debug)]
pub(in crate::sip) struct InviteServer {
    key: TxnKey,
    source: Source,
    state: State,
    cancelled: bool,
    /// The last response sent; let go when nobody can need it any more.
    last: Bytes,
    /// What is said in the stead of a call that says nothing in time.
    refusal: Bytes,
    prack: Prack,
}

/// Where the reliable provisional response stands (RFC 3262).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prack {
    NotRequired,
    /// The caller requires that it be reliable; none was sent.
    Required,
    Awaited,
    Received,
}

/// How a response must be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sip) enum Reliability {
    /// As ever.
    None,
    /// Under [`RSEQ`], until its PRACK comes.
    Reliable,
    /// Not at all: one such response was sent, and no other has more to say.
    Held,
}

/// The RSeq of the one reliable provisional response to an INVITE (RFC 3262 section 3).
pub(in crate::sip) const RSEQ: u32 = 1;

#[derive(Debug)]
enum State {
    Proceeding,
    Accepted(DialogKey),
    Acked,
    Refused,
    Confirmed,
}

impl InviteServer {
    /// Begins, `aloud` with the 100 `trying`; `refusal` is what a call that says nothing in time is
    /// refused with.
    pub(in crate::sip) fn new(
        now: Instant,
        key: TxnKey,
        source: Source,
        (trying, refusal): (Bytes, Bytes),
        aloud: bool,
        out: &mut Outbox,
    ) -> Self {
        if aloud {
            out.send(&source, trying.clone());
        }
        out.timers
            .schedule(now, out.timings.answer_within, key, TimerReason::AnswerDue);
        Self {
            key,
            source,
            state: State::Proceeding,
            cancelled: false,
            last: trying,
            refusal,
            prack: Prack::NotRequired,
        }
    }

    /// Every provisional response but the 100 must be reliable.
    pub(in crate::sip) fn require_reliable(&mut self) {
        self.prack = Prack::Required;
    }

    /// How a response with this code must be sent.
    pub(in crate::sip) fn reliability(&self, code: u16) -> Reliability {
        match self.prack {
            _ if !(101..200).contains(&code) => Reliability::None,
            Prack::NotRequired => Reliability::None,
            Prack::Required => Reliability::Reliable,
            Prack::Awaited | Prack::Received => Reliability::Held,
        }
    }

    /// A PRACK: whether it is for the response that was sent.
    pub(in crate::sip) fn provisional_acked(&mut self, rseq: u32) -> bool {
        let is_sent = matches!(self.prack, Prack::Awaited | Prack::Received) && rseq == RSEQ;
        if is_sent {
            self.prack = Prack::Received;
        }
        is_sent
    }

    /// Where the INVITE came from.
    pub(in crate::sip) fn source(&self) -> &Source {
        &self.source
    }

    /// Whether no final response has been given.
    pub(in crate::sip) fn is_proceeding(&self) -> bool {
        matches!(self.state, State::Proceeding)
    }

    /// A CANCEL came. True the first time, and only before a final response: later it changes
    /// nothing.
    pub(in crate::sip) fn cancel(&mut self) -> bool {
        let first = self.is_proceeding() && !self.cancelled;
        self.cancelled |= first;
        first
    }

    /// Whether a CANCEL came before a final response.
    pub(in crate::sip) fn is_cancelled(&self) -> bool {
        self.cancelled
    }

    /// The INVITE came again.
    pub(in crate::sip) fn repeated(&self, out: &mut Outbox) {
        if matches!(self.state, State::Proceeding | State::Refused) {
            out.send(&self.source, self.last.clone());
        }
    }

    /// The call answers; nothing happens after a final response.
    pub(in crate::sip) fn respond(
        &mut self,
        now: Instant,
        code: u16,
        bytes: Bytes,
        dialog: DialogKey,
        out: &mut Outbox,
    ) {
        if !self.is_proceeding() {
            return;
        }
        if code >= 300 {
            return self.refuse(now, bytes, out);
        }
        out.send(&self.source, bytes.clone());
        self.last = bytes;
        match code {
            101..200 if self.prack == Prack::Required => {
                self.prack = Prack::Awaited;
                out.timers.schedule(
                    now,
                    out.timings.t1,
                    self.key,
                    TimerReason::RepeatProvisional,
                );
                out.schedule_give_up(now, self.key, TimerReason::ProvisionalUnacked);
            }
            ..200 => {}
            _ => {
                self.refusal = Bytes::new();
                self.state = State::Accepted(dialog);
                out.timers
                    .schedule(now, out.timings.t1, self.key, TimerReason::RepeatOk);
                out.schedule_give_up(now, self.key, TimerReason::AcceptedOver);
            }
        }
    }

    fn give_up(&mut self, now: Instant, out: &mut Outbox) -> Next {
        let (txn, method) = (self.key, Method::Invite);
        let event = EndpointEvent::TimedOut { txn, method };
        out.events.push_back(event);
        let refusal = std::mem::take(&mut self.refusal);
        self.refuse(now, refusal, out);
        Next::Stays
    }

    fn refuse(&mut self, now: Instant, bytes: Bytes, out: &mut Outbox) {
        out.send(&self.source, bytes.clone());
        self.last = bytes;
        self.state = State::Refused;
        out.schedule_repeat(now, &self.source, self.key, TimerReason::RepeatRefusal);
        out.schedule_give_up(now, self.key, TimerReason::RefusalUnacked);
    }

    /// The ACK of a 2xx, or the end of its dialog: no more repeats. True the first time.
    pub(in crate::sip) fn accepted_settled(&mut self) -> bool {
        let first = matches!(self.state, State::Accepted(_));
        if first {
            self.state = State::Acked;
            self.last = Bytes::new();
        }
        first
    }

    /// The ACK of a refusal.
    pub(in crate::sip) fn refusal_acked(&mut self, now: Instant, out: &mut Outbox) -> Next {
        if !matches!(self.state, State::Refused) {
            return Next::Stays;
        }
        self.state = State::Confirmed;
        self.last = Bytes::new();
        if self.source.transport.is_reliable() {
            return Next::Ends;
        }
        out.timers
            .schedule(now, out.timings.t4, self.key, TimerReason::AckRepeatsOver);
        Next::Stays
    }

    /// The dialog whose ACK is awaited.
    pub(in crate::sip) fn awaits_ack(&self) -> Option<&DialogKey> {
        match &self.state {
            State::Accepted(dialog) => Some(dialog),
            State::Proceeding | State::Acked | State::Refused | State::Confirmed => None,
        }
    }

    /// A timer of this transaction is due.
    pub(in crate::sip) fn fire(&mut self, now: Instant, due: &Due, out: &mut Outbox) -> Next {
        match (due.reason, &self.state) {
            (TimerReason::RepeatProvisional, State::Proceeding) if self.prack == Prack::Awaited => {
                out.send(&self.source, self.last.clone());
                let doubled = due.interval.saturating_mul(2);
                out.timers.schedule(now, doubled, due.txn, due.reason);
                Next::Stays
            }
            (TimerReason::ProvisionalUnacked, State::Proceeding)
                if self.prack == Prack::Awaited =>
            {
                self.give_up(now, out)
            }
            (TimerReason::RepeatOk, State::Accepted(_))
            | (TimerReason::RepeatRefusal, State::Refused) => {
                out.send(&self.source, self.last.clone());
                out.schedule_again(now, due);
                Next::Stays
            }
            (TimerReason::AcceptedOver, State::Accepted(dialog)) => {
                let dialog = dialog.clone();
                out.events.push_back(EndpointEvent::AckTimedOut { dialog });
                Next::Ends
            }
            (TimerReason::AnswerDue, State::Proceeding) => self.give_up(now, out),
            (TimerReason::AcceptedOver, State::Acked)
            | (TimerReason::RefusalUnacked, State::Refused)
            | (TimerReason::AckRepeatsOver, State::Confirmed) => Next::Ends,
            _ => Next::Stays,
        }
    }
}
