//! One heap of every timer of every transaction, each with its name in RFC 3261.
//!
//! Entries are never taken out early: a transaction that has moved on ignores the timers of the
//! state it left, and one that is gone is not found. No entry lives longer than 64 * T1, or than
//! [`Timings::answer_within`] for the one of each INVITE that says when an answer is due.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use super::transaction::TxnKey;

/// The base intervals of all timers (RFC 3261 section 17.1.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timings {
    /// Estimate of the round trip; 500 ms.
    pub t1: Duration,
    /// Longest interval between repeats; 4 s.
    pub t2: Duration,
    /// How long a message may wander in the network; 5 s.
    pub t4: Duration,
    /// How long a call may ring before it is refused in the owner's stead; 180 s.
    pub answer_within: Duration,
}

impl Timings {
    /// 64 * T1: when a transaction gives up (timers B, F, H, J, L).
    #[must_use]
    pub fn give_up(&self) -> Duration {
        self.t1.saturating_mul(64)
    }

    /// The interval after `interval`: twice as long, T2 at most.
    pub(super) fn doubled(&self, interval: Duration) -> Duration {
        interval.saturating_mul(2).min(self.t2)
    }
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            answer_within: Duration::from_secs(180),
        }
    }
}

/// Why the endpoint wants to be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimerReason {
    /// A call has rung for too long.
    AnswerDue,
    /// Repeat a reliable provisional response until its PRACK comes (RFC 3262 section 3).
    RepeatProvisional,
    /// No PRACK for a reliable provisional response.
    ProvisionalUnacked,
    /// Repeat a 2xx until its ACK comes (RFC 3261 section 13.3.1.4).
    RepeatOk,
    /// Timer G: repeat a refusal until its ACK comes.
    RepeatRefusal,
    /// Timer H: no ACK for a refusal.
    RefusalUnacked,
    /// Timer I: late repeats of an ACK are over.
    AckRepeatsOver,
    /// Timer J: late repeats of a request are over, or nobody answered it.
    RequestRepeatsOver,
    /// Timer L: an accepted INVITE is over (RFC 6026 section 8.7).
    AcceptedOver,
    /// Timer A: repeat our INVITE.
    RepeatInvite,
    /// Timer B: our INVITE was not answered at all.
    InviteUnanswered,
    /// Timer D: late repeats of a refusal are over.
    RefusalRepeatsOver,
    /// Timer M: late repeats and further forks of a 2xx are over (RFC 6026 section 8.4).
    AcceptRepeatsOver,
    /// No final response after our CANCEL (RFC 3261 section 9.1).
    CancelUnanswered,
    /// Timer E: repeat our request.
    RepeatRequest,
    /// Timer F: our request was not answered.
    RequestUnanswered,
    /// Timer K: late repeats of a response are over.
    ResponseRepeatsOver,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Due {
    at: Instant,
    order: u64,
    pub(super) txn: TxnKey,
    pub(super) reason: TimerReason,
    /// The interval that has passed, from which a repeating timer derives its next one.
    pub(super) interval: Duration,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// The heap.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<Due>>,
    scheduled: u64,
}

impl Timers {
    /// Wakes `txn` after `interval`.
    pub(super) fn schedule(
        &mut self,
        now: Instant,
        interval: Duration,
        txn: TxnKey,
        reason: TimerReason,
    ) {
        self.scheduled = self.scheduled.wrapping_add(1);
        let at = now + interval;
        self.heap.push(Reverse(Due {
            at,
            order: self.scheduled,
            txn,
            reason,
            interval,
        }));
    }

    /// The next timer and its reason.
    pub(super) fn next(&self) -> Option<(Instant, TimerReason)> {
        self.heap.peek().map(|Reverse(due)| (due.at, due.reason))
    }

    /// Takes one timer that is due.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Due> {
        match self.heap.peek() {
            Some(Reverse(due)) if due.at <= now => self.heap.pop().map(|Reverse(due)| due),
            _ => None,
        }
    }

    /// Lets go of the timers of transactions that are not `alive`.
    pub(super) fn retain(&mut self, alive: impl Fn(TxnKey) -> bool) {
        self.heap.retain(|Reverse(due)| alive(due.txn));
    }

    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }
}
