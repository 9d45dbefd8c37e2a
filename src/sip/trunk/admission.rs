//! Whose packets are read, and whose calls are taken.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::bans::{BanLimits, Bans};
use super::calls::Calls;
use super::fields::CallFields;
use super::guests::Guests;
use super::media::TrunkMedia;
use super::profile::{Reach, Trunk, TrunkName, Trunks};
use super::rate::Rate;
use super::strangers::{StrangerLimits, Strangers};
use crate::sip::digest::{Challenger, Demand, Judgement, Login};
use crate::sip::{Incoming, TxnKey};

/// When a caller whom a full trunk turned away may try again.
const RETRY_AFTER_S: &str = "30";

/// As whom a source speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// A trunk lists its address.
    Listed,
    /// It proved itself within the last day.
    Guest,
    /// Nobody knows it. Read it only to see whether it can prove itself: by a token, and by a login where `may_log_in`.
    Stranger {
        /// Whether some trunk calls from anywhere.
        may_log_in: bool,
    },
}

/// Why a packet is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// Its source tried wrong logins.
    Banned,
    /// Its trunk sent more than it may.
    TrunkFlood,
    /// Its source, or all strangers together, sent more than they may.
    StrangerFlood,
}

impl Unread {
    /// The label of the counter.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Banned => "banned",
            Self::TrunkFlood => "trunk-flood",
            Self::StrangerFlood => "stranger-flood",
        }
    }
}

/// What becomes of an INVITE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ruling {
    /// The call is taken, and counted until [`Admission::call_over`].
    Accepted(Accepted),
    /// It is refused.
    Refused(Refused),
}

/// A call that is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Its trunk.
    pub trunk: TrunkName,
    /// Calls of that trunk, this one included.
    pub calls: u32,
    /// What the INVITE says, as that trunk says it.
    pub fields: CallFields,
    /// How that trunk's audio comes.
    pub media: Arc<TrunkMedia>,
}

/// A call of ours that a trunk has room for.
#[derive(Debug, Clone)]
pub struct CallOut {
    /// The trunk to dial.
    pub trunk: Arc<Trunk>,
    /// Calls of that trunk, this one included.
    pub calls: u32,
}

/// Why no trunk takes a call of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoLine {
    /// None has `dial`.
    #[error("no trunk has `dial`")]
    NoTrunk,
    /// Those that have are full.
    #[error("every trunk with `dial` has as many calls as it may")]
    Full,
}

/// A call that is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The status to answer with.
    pub status: u16,
    /// Headers of that answer.
    pub headers: Vec<(&'static str, String)>,
    /// Why.
    pub cause: RefusedCause,
    /// The trunk that it would have come by.
    pub trunk: TrunkName,
    /// The ban that this very try brought.
    pub banned_for: Option<Duration>,
}

/// Why a call is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedCause {
    /// It brought no login and is asked for one: the usual first step.
    Asked,
    /// Its nonce is old, or was used: it is asked again.
    Stale,
    /// Wrong user name or password.
    WrongLogin,
    /// Wrong ones too often.
    Banned,
    /// From an address that no trunk lists, without a token of ours.
    NoToken,
    /// The trunk has as many calls as it may.
    TrunkFull,
}

impl RefusedCause {
    /// The label of log and counter.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Asked => "asked-for-login",
            Self::Stale => "stale-nonce",
            Self::WrongLogin => "wrong-login",
            Self::Banned => "banned",
            Self::NoToken => "no-token",
            Self::TrunkFull => "trunk-full",
        }
    }
}

/// A trunk with its budget.
#[derive(Debug)]
struct Line {
    trunk: Arc<Trunk>,
    rate: Rate,
    full_at: Option<Instant>,
}

impl Line {
    fn new(trunk: Trunk) -> Self {
        Self {
            rate: Rate::new(trunk.messages_per_second, trunk.messages_per_second),
            trunk: Arc::new(trunk),
            full_at: None,
        }
    }

    fn admits(&mut self, now: Instant) -> bool {
        match self.rate.take(self.full_at, now) {
            Some(full_at) => {
                self.full_at = Some(full_at);
                true
            }
            None => false,
        }
    }
}

/// Decides whose packets are read and whose calls are taken.
#[derive(Debug)]
pub struct Admission {
    lines: Vec<Line>,
    /// The line of our own TwiML, whose index is the one after the last; guests share its budget.
    twiml: Line,
    anywhere: Option<usize>,
    strangers: Strangers,
    bans: Bans,
    guests: Guests,
    challenger: Challenger,
    calls: Calls,
}

impl Admission {
    /// Nobody has come yet. `secret` is random and new for each process.
    #[must_use]
    pub fn new(now: Instant, trunks: Trunks, secret: &[u8; 32]) -> Self {
        let lines: Vec<Line> = trunks.all.into_iter().map(Line::new).collect();
        Self {
            twiml: Line::new(trunks.twiml),
            anywhere: lines
                .iter()
                .position(|line| line.trunk.reach == Reach::Anywhere),
            strangers: Strangers::new(StrangerLimits::default()),
            bans: Bans::new(BanLimits::default()),
            guests: Guests::default(),
            challenger: Challenger::new(now, secret),
            calls: Calls::new(lines.len() + 1),
            lines,
        }
    }

    /// Whether a trunk lists the address.
    #[must_use]
    pub fn is_listed(&self, source: IpAddr) -> bool {
        self.listing(source).is_some()
    }

    /// The name in the certificate of the TLS edges of the trunk that lists `source`, if it is known.
    #[must_use]
    pub fn tls_name(&self, source: IpAddr) -> Option<&str> {
        let line = self.lines.get(self.listing(source)?)?;
        line.trunk.tls_name.as_deref()
    }

    /// Whether a packet from `source` is read, and counts it if so.
    ///
    /// # Errors
    /// [`Unread`]: the packet is to be dropped.
    pub fn admits(&mut self, now: Instant, source: IpAddr) -> Result<Standing, Unread> {
        let listing = self.listing(source);
        let standing = if listing.is_some() {
            Standing::Listed
        } else {
            Standing::Guest
        };
        if listing.is_some() || self.guests.has(source) {
            let line = listing.and_then(|index| self.lines.get_mut(index));
            let has_budget = line.unwrap_or(&mut self.twiml).admits(now);
            return has_budget.then_some(standing).ok_or(Unread::TrunkFlood);
        }
        if self.bans.is_banned(now, source) {
            return Err(Unread::Banned);
        }
        let may_log_in = self.anywhere.is_some();
        let has_budget = self.strangers.admits(now, source);
        has_budget
            .then_some(Standing::Stranger { may_log_in })
            .ok_or(Unread::StrangerFlood)
    }

    /// Whether this address tried wrong logins too often.
    #[must_use]
    pub fn is_banned(&self, now: Instant, source: IpAddr) -> bool {
        self.bans.is_banned(now, source)
    }

    /// A stranger brought a token of our own TwiML, or is where we are about to call: what it says next is read, too.
    pub fn welcome(&mut self, now: Instant, source: IpAddr) {
        if !self.is_listed(source) {
            self.guests.welcome(now, source);
        }
    }

    /// Lets go of guests whose day is over.
    pub fn forget_old_guests(&mut self, now: Instant) {
        self.guests.forget_old(now);
    }

    /// Rules on an INVITE. `has_token`: it brought a valid token of our own TwiML, which is worth as much as a login.
    pub fn rule(
        &mut self,
        now: Instant,
        txn: TxnKey,
        invite: &Incoming,
        has_token: bool,
    ) -> Ruling {
        let source = invite.source().from.ip();
        let listing = self.listing(source);
        let anywhere = self.anywhere.filter(|_| !has_token);
        let index = listing.or(anywhere).unwrap_or(self.lines.len());
        let trunk = Arc::clone(&self.line(index).trunk);
        let is_known = listing.or(anywhere).is_some();
        let proven = match trunk.login.as_ref() {
            _ if has_token => Ok(()),
            _ if !is_known => Err(refused(trunk.name.clone(), 403, RefusedCause::NoToken)),
            None => Ok(()),
            Some(login) => self.judge(now, &trunk, login, invite, listing.is_some()),
        };
        if let Err(refused) = proven {
            return Ruling::Refused(refused);
        }
        if trunk
            .calls_max
            .is_some_and(|max| self.calls.of(index) >= max)
        {
            let headers = vec![("Retry-After", RETRY_AFTER_S.to_owned())];
            return Ruling::Refused(Refused {
                headers,
                ..refused(trunk.name.clone(), 486, RefusedCause::TrunkFull)
            });
        }
        self.welcome(now, source);
        self.calls.began(txn, index);
        Ruling::Accepted(Accepted {
            calls: self.calls.of(index),
            fields: trunk.fields(invite),
            media: Arc::clone(&trunk.media),
            trunk: trunk.name.clone(),
        })
    }

    /// The trunk for a call of ours: the first with `dial` that has room. The call is counted under `key` until
    /// [`Self::call_over`].
    ///
    /// # Errors
    /// [`NoLine`].
    pub fn call_out(&mut self, key: TxnKey) -> Result<CallOut, NoLine> {
        let mut refusal = NoLine::NoTrunk;
        for (index, line) in self.lines.iter().enumerate() {
            if line.trunk.dial.is_none() {
                continue;
            }
            let calls = self.calls.of(index);
            if line.trunk.calls_max.is_some_and(|max| calls >= max) {
                refusal = NoLine::Full;
                continue;
            }
            self.calls.began(key, index);
            return Ok(CallOut {
                trunk: Arc::clone(&line.trunk),
                calls: self.calls.of(index),
            });
        }
        Err(refusal)
    }

    /// A call that was accepted or placed is over: told once or often. Its trunk and the calls that it still has.
    pub fn call_over(&mut self, txn: TxnKey) -> Option<(&TrunkName, u32)> {
        let index = self.calls.over(txn)?;
        Some((&self.line(index).trunk.name, self.calls.of(index)))
    }

    fn listing(&self, source: IpAddr) -> Option<usize> {
        let mut lines = self.lines.iter().chain([&self.twiml]);
        lines.position(|line| line.trunk.lists(source))
    }

    fn line(&self, index: usize) -> &Line {
        self.lines.get(index).unwrap_or(&self.twiml)
    }

    /// Whether the login that comes with an INVITE is that of its trunk.
    fn judge(
        &mut self,
        now: Instant,
        trunk: &Trunk,
        login: &Login,
        invite: &Incoming,
        is_listed: bool,
    ) -> Result<(), Refused> {
        let source = invite.source().from.ip();
        let name = trunk.name.clone();
        if !is_listed && self.bans.is_banned(now, source) {
            return Err(refused(name, 403, RefusedCause::Banned));
        }
        // A trunk may answer from another of its addresses; a stranger must have received the challenge itself.
        let scope = if is_listed {
            format!("trunk {name}")
        } else {
            format!("source {}", source.to_canonical())
        };
        let demand = Demand {
            scope: scope.as_bytes(),
            login,
            algorithms: &trunk.algorithms,
        };
        let credentials = invite
            .headers("Authorization")
            .chain(invite.headers("Proxy-Authorization"));
        let cause = match self.challenger.judge(now, &demand, "INVITE", credentials) {
            Judgement::Right => {
                self.bans.forgive(source);
                return Ok(());
            }
            Judgement::Absent => RefusedCause::Asked,
            Judgement::Stale => RefusedCause::Stale,
            Judgement::Wrong => RefusedCause::WrongLogin,
        };
        let banned_for = if cause == RefusedCause::WrongLogin && !is_listed {
            self.bans.tried(now, source)
        } else {
            None
        };
        let role = trunk.profile.role();
        let challenges = self
            .challenger
            .challenges(now, &demand, cause == RefusedCause::Stale);
        let header = role.challenge_header();
        Err(Refused {
            headers: challenges
                .into_iter()
                .map(|value| (header, value))
                .collect(),
            banned_for,
            ..refused(name, role.status(), cause)
        })
    }
}

fn refused(trunk: TrunkName, status: u16, cause: RefusedCause) -> Refused {
    Refused {
        status,
        headers: Vec::new(),
        cause,
        trunk,
        banned_for: None,
    }
}

#[cfg(test)]
#[path = "admission_tests.rs"]
mod tests;
