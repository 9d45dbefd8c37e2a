//! A request of the phone that waits for its final answer (RFC 3261 section 17.1).

use std::time::{Duration, Instant};

use bytes::Bytes;
use rsip::Method;

/// Timer T1 (section 17.1.1.1).
const T1: Duration = Duration::from_millis(500);
/// Timer T2: the longest pause between two copies of a request other than INVITE.
const T2: Duration = Duration::from_secs(4);
/// Timers B and F: an unanswered request is given up.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(32);
/// How long a call may ring.
const RINGS_FOR: Duration = Duration::from_secs(180);

/// One request on its way.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) cseq: u32,
    pub(super) branch: String,
    bytes: Bytes,
    /// When to send it again; `None` once that is of no use.
    again: Option<Instant>,
    interval: Duration,
    interval_max: Duration,
    until: Instant,
}

/// What is to be done about a request that is due.
#[derive(Debug)]
pub(super) enum Overdue {
    /// It is not due.
    Nothing,
    /// Send these bytes once more.
    SendAgain(Bytes),
    /// Nobody answers.
    GivenUp,
}

impl Transaction {
    /// A request whose first copy was sent `now`.
    pub(super) fn new(now: Instant, method: Method, id: (u32, String), bytes: Bytes) -> Self {
        let (cseq, branch) = id;
        let interval_max = if method == Method::Invite {
            GIVEN_UP_AFTER
        } else {
            T2
        };
        let (again, until) = (Some(now + T1), now + GIVEN_UP_AFTER);
        Self {
            cseq,
            branch,
            bytes,
            again,
            interval: T1,
            interval_max,
            until,
        }
    }

    /// Over a stream nothing is sent again.
    pub(super) fn once(self) -> Self {
        Self {
            again: None,
            ..self
        }
    }

    /// When [`Self::handle_timeout`] wants to be called.
    pub(super) fn due(&self) -> Instant {
        self.again.map_or(self.until, |again| again.min(self.until))
    }

    /// Sends again, or gives up.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Overdue {
        if now >= self.until {
            return Overdue::GivenUp;
        }
        if self.again.is_none_or(|again| now < again) {
            return Overdue::Nothing;
        }
        self.interval = (self.interval * 2).min(self.interval_max);
        self.again = Some(now + self.interval);
        Overdue::SendAgain(self.bytes.clone())
    }

    /// A provisional answer came: copies are of no use, and patience is longer.
    pub(super) fn rings(&mut self, now: Instant) {
        self.again = None;
        self.until = now + RINGS_FOR;
    }
}
