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
}

#[derive(Debug)]
enum State {
    Proceeding,
    Accepted(DialogKey),
    Acked,
    Refused,
    Confirmed,
}

impl InviteServer {
    /// Begins with a 100.
    pub(in crate::sip) fn new(
        now: Instant,
        key: TxnKey,
        source: Source,
        trying: Bytes,
        out: &mut Outbox,
    ) -> Self {
        out.send(&source, trying.clone());
        out.timers
            .schedule(now, out.timings.answer_within, key, TimerReason::AnswerDue);
        Self {
            key,
            source,
            state: State::Proceeding,
            cancelled: false,
            last: trying,
        }
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
        out.send(&self.source, bytes.clone());
        self.last = bytes;
        match code {
            ..200 => {}
            200..300 => {
                self.state = State::Accepted(dialog);
                out.timers
                    .schedule(now, out.timings.t1, self.key, TimerReason::RepeatOk);
                out.schedule_give_up(now, self.key, TimerReason::AcceptedOver);
            }
            300.. => {
                self.state = State::Refused;
                out.schedule_repeat(now, &self.source, self.key, TimerReason::RepeatRefusal);
                out.schedule_give_up(now, self.key, TimerReason::RefusalUnacked);
            }
        }
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
            (TimerReason::AnswerDue, State::Proceeding) => {
                out.events
                    .push_back(EndpointEvent::TimedOut { txn: self.key });
                Next::Ends
            }
            (TimerReason::AcceptedOver, State::Acked)
            | (TimerReason::RefusalUnacked, State::Refused)
            | (TimerReason::AckRepeatsOver, State::Confirmed) => Next::Ends,
            _ => Next::Stays,
        }
    }
}
