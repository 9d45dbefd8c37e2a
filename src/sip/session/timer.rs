//! The session timer (RFC 4028): a call whose other end has silently gone is ended by the clock.
//!
//! ```text
//! request with Session-Expires ─> agree ─> 2xx names who refreshes
//! theirs: each re-INVITE or UPDATE agrees anew          ┐ nothing for too long: BYE
//! ours:   UPDATE at half time, its 2xx agrees anew ──────┘
//! ```
//!
//! We refresh by UPDATE alone: where we were to refresh for a peer that takes none, the 2xx has no
//! Session-Expires and the session never expires (section 9 leaves that to us).

use std::time::{Duration, Instant};

use rsip::Response;

use crate::sip::incoming::Incoming;
use crate::sip::value;

/// The shortest interval that is taken, in seconds (section 4).
pub(in crate::sip) const MIN_SE_S: u32 = 90;

/// Who refreshes the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refresher {
    Us,
    Peer,
}

/// The timer of a session that expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SessionTimer {
    interval_s: u32,
    refresher: Refresher,
    /// The peer knows timers, and is told that they are in use.
    peer_knows: bool,
    /// When to refresh; none while the answer to a refresh is awaited, or when the peer does it.
    refresh_at: Option<Instant>,
    ends_at: Instant,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Refresh,
    End,
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wish {
    interval_s: u32,
    /// Whether we are asked to refresh.
    asks_us: bool,
    peer_knows: bool,
}

impl Wish {
    /// Reads Session-Expires; none that reads is no wish.
    pub(super) fn read(request: &Incoming) -> Option<Self> {
        let wish = request.header("Session-Expires")?;
        let knows = |header| request.has_option(header, "timer");
        Some(Self {
            interval_s: seconds(wish)?,
            asks_us: refresher_is_uas(wish),
            peer_knows: knows("Supported") || knows("Require"),
        })
    }

    /// Whether the answer is 422. A peer that knows no timers, for which a proxy asks, could do
    /// nothing about one: its interval is made longer instead (section 9).
    pub(super) fn is_too_short(&self) -> bool {
        self.peer_knows && self.interval_s < MIN_SE_S
    }
}

impl SessionTimer {
    /// The timer that accepting a request with this wish starts, if any (section 9, table 2).
    pub(super) fn agree(now: Instant, wish: Wish, takes_update: bool) -> Option<Self> {
        let refresher = match wish.peer_knows && !wish.asks_us {
            true => Refresher::Peer,
            false => Refresher::Us,
        };
        let interval_s = wish.interval_s.max(MIN_SE_S);
        let agreed = Self::start(now, interval_s, refresher, wish.peer_knows);
        Some(agreed).filter(|_| refresher == Refresher::Peer || takes_update)
    }

    /// The timer that the 2xx to our INVITE starts, if any (section 7.2): we asked the far end to refresh, and do it ourselves
    /// where a proxy answered for a far end that knows no timers.
    pub(super) fn answered(now: Instant, response: &Response, takes_update: bool) -> Option<Self> {
        let told = value::find(&response.headers, "Session-Expires")?;
        let interval_s = seconds(told)?.max(MIN_SE_S);
        let refresher = match refresher_is_uas(told) {
            true => Refresher::Peer,
            false => Refresher::Us,
        };
        let agreed = Self::start(now, interval_s, refresher, refresher == Refresher::Peer);
        Some(agreed).filter(|_| refresher == Refresher::Peer || takes_update)
    }

    /// The timer that the 2xx to a refresh of ours starts, if any (section 7.2).
    pub(super) fn refreshed(self, now: Instant, response: &Response) -> Option<Self> {
        let told = value::find(&response.headers, "Session-Expires")?;
        let interval_s = seconds(told)?.max(MIN_SE_S);
        let refresher = match refresher_is_uas(told) {
            true => Refresher::Peer,
            false => Refresher::Us,
        };
        Some(Self::start(now, interval_s, refresher, self.peer_knows))
    }

    fn start(now: Instant, interval_s: u32, refresher: Refresher, peer_knows: bool) -> Self {
        let interval = Duration::from_secs(interval_s.into());
        let ours = refresher == Refresher::Us;
        Self {
            interval_s,
            refresher,
            peer_knows,
            refresh_at: ours.then(|| now + interval / 2),
            // Section 10: before the session expires, by a third of it or 32 s.
            ends_at: now + interval - Duration::from_secs(32).min(interval / 3),
        }
    }

    /// The refresh was refused for now: once more half way to the end.
    pub(super) fn postpone(&mut self, now: Instant) {
        let left = self.ends_at.saturating_duration_since(now);
        self.refresh_at = Some(now + left / 2).filter(|_| left > Duration::from_secs(8));
    }

    /// The refresh was refused as too short: once more in a second, with the interval that the peer
    /// takes (section 7.3).
    pub(super) fn lengthen(&mut self, now: Instant, response: &Response) {
        let wanted = value::find(&response.headers, "Min-SE").and_then(seconds);
        match wanted.filter(|wanted| *wanted > self.interval_s) {
            Some(wanted) => {
                self.interval_s = wanted;
                self.refresh_at = Some(now + Duration::from_secs(1));
            }
            None => self.postpone(now),
        }
    }

    /// When something is due.
    pub(super) fn next(&self) -> Instant {
        self.refresh_at
            .map_or(self.ends_at, |at| at.min(self.ends_at))
    }

    /// What is due now; a refresh is due once.
    pub(super) fn due(&mut self, now: Instant) -> Option<Due> {
        if now >= self.ends_at {
            return Some(Due::End);
        }
        self.refresh_at
            .take_if(|at| now >= *at)
            .map(|_| Due::Refresh)
    }

    /// Session-Expires of the 2xx to the peer's request.
    pub(super) fn in_answer(&self) -> String {
        let refresher = match self.refresher {
            Refresher::Us => "uas",
            Refresher::Peer => "uac",
        };
        format!("{};refresher={refresher}", self.interval_s)
    }

    /// Session-Expires of a refresh of ours.
    pub(super) fn in_refresh(&self) -> String {
        format!("{};refresher=uac", self.interval_s)
    }

    /// Whether the answer requires the peer to know timers (section 9).
    pub(super) fn is_required(&self) -> bool {
        self.peer_knows
    }
}

fn refresher_is_uas(value: &str) -> bool {
    value::param(value, "refresher").is_some_and(|refresher| refresher.eq_ignore_ascii_case("uas"))
}

/// The seconds of Session-Expires or Min-SE.
pub(in crate::sip) fn seconds(value: &str) -> Option<u32> {
    value::decimal(value.split(';').next()?.trim())
}
