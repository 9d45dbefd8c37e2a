//! The one who is asked: everything but INVITE (RFC 3261 section 17.2.2).
//!
//! ```text
//! Trying ── final ──> Completed ── timer J ──> over
//! ```

use std::time::Instant;

use bytes::Bytes;

use super::{Due, Next, Outbox, TxnKey};
use crate::sip::{Source, TimerReason};

/// The machine.
#[derive(Debug)]
pub(in crate::sip) struct Server {
    source: Source,
    /// The final response, once given.
    last: Option<Bytes>,
}

impl Server {
    /// Begins silently (RFC 4320 section 4.1 wants no 100 yet). Timer J runs from here on: the
    /// asker repeats nothing beyond its own timer F, which has run as long.
    pub(in crate::sip) fn new(now: Instant, key: TxnKey, source: Source, out: &mut Outbox) -> Self {
        out.schedule_give_up(now, key, TimerReason::RequestRepeatsOver);
        Self { source, last: None }
    }

    /// The request came again.
    pub(in crate::sip) fn repeated(&self, out: &mut Outbox) {
        if let Some(last) = &self.last {
            out.send(&self.source, last.clone());
        }
    }

    /// The call answers with a final response; the first one counts.
    pub(in crate::sip) fn respond(&mut self, bytes: Bytes, out: &mut Outbox) -> Next {
        if self.last.is_some() {
            return Next::Stays;
        }
        out.send(&self.source, bytes.clone());
        self.last = Some(bytes);
        if self.source.transport.is_reliable() {
            Next::Ends
        } else {
            Next::Stays
        }
    }

    /// A timer of this transaction is due.
    pub(in crate::sip) fn fire(&mut self, due: &Due) -> Next {
        if due.reason == TimerReason::RequestRepeatsOver {
            Next::Ends
        } else {
            Next::Stays
        }
    }
}
