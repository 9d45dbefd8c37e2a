//! Transactions (RFC 3261 section 17): one small machine for each kind, one table of them all.
//!
//! A machine is told what came and when, and writes what follows into the [`Outbox`]. Over a stream
//! nothing is repeated but a 2xx, which may have datagram hops before it.

mod client;
mod invite_client;
mod invite_server;
mod server;
mod table;

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use rsip::{Method, Request};

pub(super) use client::Client;
pub(super) use invite_client::{Heard, InviteClient};
pub(super) use invite_server::{InviteServer, RSEQ, Reliability};
pub(super) use server::Server;
pub(super) use table::{AckName, Machine, Names, Origin, Table, client_name};

use super::endpoint::{EndpointEvent, Transmit};
use super::timer::{Due, Timers, Timings};
use super::value::via::{MAGIC_COOKIE, Via};
use super::{Source, TimerReason, incoming, value};

/// One transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(test, derive(Default))]
pub struct TxnKey(pub(super) u64);

/// Whether a transaction is still there after what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(super) enum Next {
    Stays,
    Ends,
}

/// What a transaction does to the world.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    pub(super) transmits: VecDeque<Transmit>,
    pub(super) events: VecDeque<EndpointEvent>,
    pub(super) timers: Timers,
    pub(super) timings: Timings,
}

impl Outbox {
    pub(super) fn send(&mut self, source: &Source, bytes: Bytes) {
        let Source {
            flow,
            transport,
            from,
            ..
        } = *source;
        self.transmits.push_back(Transmit {
            flow,
            to: from,
            transport,
            bytes,
        });
    }

    /// Repeats at T1 first; over a stream not at all.
    fn schedule_repeat(&mut self, now: Instant, source: &Source, txn: TxnKey, reason: TimerReason) {
        if !source.transport.is_reliable() {
            self.timers.schedule(now, self.timings.t1, txn, reason);
        }
    }

    fn schedule_again(&mut self, now: Instant, due: &Due) {
        let interval = self.timings.doubled(due.interval);
        self.timers.schedule(now, interval, due.txn, due.reason);
    }

    fn schedule_give_up(&mut self, now: Instant, txn: TxnKey, reason: TimerReason) {
        self.timers
            .schedule(now, self.timings.give_up(), txn, reason);
    }
}

/// What matches a request to its server transaction (RFC 3261 section 17.2.3), an ACK and a CANCEL
/// to that of their INVITE: branch and sent-by, or what RFC 2543 had instead.
pub(super) fn server_name(request: &Request, raw_uri: &str, via: &Via<'_>) -> String {
    let is_invites = matches!(request.method, Method::Ack | Method::Cancel);
    let method = if is_invites {
        Method::Invite
    } else {
        request.method
    };
    match via
        .branch()
        .filter(|branch| branch.len() > MAGIC_COOKIE.len() && branch.starts_with(MAGIC_COOKIE))
    {
        Some(branch) => {
            format!("{branch} {} {method}", via.sent_by.to_ascii_lowercase())
        }
        None => {
            let find = |name| value::find(&request.headers, name);
            let number = find("CSeq")
                .and_then(value::cseq)
                .map_or(0, |(number, _)| number);
            let from = incoming::tag(find("From"));
            let call_id = find("Call-ID").unwrap_or_default();
            format!(
                "{raw_uri} {from} {call_id} {number} {} {method}",
                via.sent_by
            )
        }
    }
}
