//! The caller's side of one SIP call, without a socket or a clock: RFC 3261 sections 9, 13 to 15
//! and 17.1, as a telephone needs them.
//!
//! ```text
//! Calling -> Ringing -> Up (re-INVITE, ACK again and again) -> Leaving (BYE) -> Ended
//! ```
//! Limits: no registration, no route set; one call; the far end's requests are answered, not judged.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use rsip::{Method, Request, Response, SipMessage};

use super::message::{self, Ask, Parties};
use super::sdp::{Local, Remote};
use super::stage::{End, Stage};
use super::transaction::{Overdue, Transaction};
use crate::media::srtp::MasterKey;
use crate::sip::digest::{self, Login};
use crate::sip::{Framing, parse, sdp::Direction};

/// What a re-INVITE brought: what the far end does now, or the status that refused it.
pub(super) type OfferOutcome = Result<Direction, u16>;

/// What the phone does apart from speaking SIP by the book.
#[derive(Debug, Clone)]
pub(super) struct Habits {
    /// Whether a 200 is acknowledged.
    pub(super) acknowledges: bool,
    /// Further headers of the INVITE.
    pub(super) headers: Vec<(String, String)>,
    /// What it answers to a far end that asks who calls; once.
    pub(super) login: Option<Login>,
}

/// The state machine of one call.
#[derive(Debug)]
pub(super) struct Signalling {
    parties: Parties,
    habits: Habits,
    local: Local,
    remote: Option<Remote>,
    stage: Stage,
    cseq: u32,
    branches: u32,
    invite: Option<Transaction>,
    /// A BYE or a CANCEL.
    farewell: Option<Transaction>,
    /// The ACK of the last INVITE, by its CSeq: sent again with each copy of the answer.
    ack: Option<(u32, Bytes)>,
    is_cancelled: bool,
    outcomes: VecDeque<OfferOutcome>,
    outbox: VecDeque<Bytes>,
}

impl Signalling {
    /// Sends the INVITE.
    pub(super) fn start(now: Instant, parties: Parties, local: Local, habits: Habits) -> Self {
        let mut signalling = Self {
            parties,
            habits,
            local,
            remote: None,
            stage: Stage::Calling,
            cseq: 0,
            branches: 0,
            invite: None,
            farewell: None,
            ack: None,
            is_cancelled: false,
            outcomes: VecDeque::new(),
            outbox: VecDeque::new(),
        };
        signalling.invite(now);
        signalling
    }

    pub(super) fn stage(&self) -> &Stage {
        &self.stage
    }

    /// The far end's audio, once it is known.
    pub(super) fn remote(&self) -> Option<Remote> {
        self.remote
    }

    /// The key of what the phone sends.
    pub(super) fn key(&self) -> Option<MasterKey> {
        self.local.srtp.map(|(_, key)| key)
    }

    /// Another key from the next offer on.
    pub(super) fn rekey(&mut self, key: MasterKey) {
        if let Some((_, former)) = &mut self.local.srtp {
            *former = key;
        }
    }

    /// What the phone itself does with audio.
    pub(super) fn direction(&self) -> Direction {
        self.local.direction
    }

    /// The next datagram to send.
    pub(super) fn poll_transmit(&mut self) -> Option<Bytes> {
        self.outbox.pop_front()
    }

    /// The outcome of the next re-INVITE that has one.
    pub(super) fn poll_outcome(&mut self) -> Option<OfferOutcome> {
        self.outcomes.pop_front()
    }

    /// When [`Self::handle_timeout`] wants to be called.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let transactions = [&self.invite, &self.farewell].into_iter().flatten();
        transactions.map(Transaction::due).min()
    }

    /// Sends again what is due, gives up what is too old.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        for slot in [&mut self.invite, &mut self.farewell] {
            match slot.as_mut().map(|txn| txn.handle_timeout(now)) {
                Some(Overdue::SendAgain(bytes)) => self.outbox.push_back(bytes),
                Some(Overdue::GivenUp) => {
                    *slot = None;
                    self.stage = Stage::Ended(End::NoAnswer);
                }
                Some(Overdue::Nothing) | None => {}
            }
        }
    }

    /// Gives up the call, whatever its stage.
    pub(super) fn hang_up(&mut self, now: Instant) {
        match self.stage {
            Stage::Calling => self.is_cancelled = true,
            Stage::Ringing => self.cancel(now),
            Stage::Up => self.bye(now),
            Stage::Leaving | Stage::Ended(_) => {}
        }
    }

    /// Offers another direction (RFC 3264 section 8.4). False when there is no call to change, or
    /// an offer is still open.
    pub(super) fn offer(&mut self, now: Instant, direction: Direction) -> bool {
        if self.stage != Stage::Up || self.invite.is_some() {
            return false;
        }
        self.local.direction = direction;
        self.local.version += 1;
        self.invite(now);
        true
    }

    /// Reads a datagram. What is not of this call is ignored.
    pub(super) fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) {
        let Ok(inbound) = parse(datagram, Framing::Datagram) else {
            return;
        };
        match inbound.msg {
            SipMessage::Request(request) if self.is_ours(message::call_id(&request)) => {
                self.handle_request(&request);
            }
            SipMessage::Response(response) if self.is_ours(message::call_id(&response)) => {
                self.handle_response(now, &response);
            }
            SipMessage::Request(_) | SipMessage::Response(_) => {}
        }
    }

    fn is_ours(&self, call_id: &str) -> bool {
        call_id == self.parties.call_id
    }

    fn handle_request(&mut self, request: &Request) {
        let answer = match request.method.to_string().as_str() {
            "ACK" => return,
            "BYE" => {
                self.far_end_left(message::reason(&request.headers));
                self.parties.response(request, 200, Vec::new())
            }
            "INVITE" => match Remote::read(&request.body) {
                Some(remote) => {
                    self.remote = Some(remote);
                    self.local.direction = remote.direction.mirrored();
                    self.local.version += 1;
                    self.parties.response(request, 200, self.local.body())
                }
                None => self.parties.response(request, 488, Vec::new()),
            },
            "OPTIONS" | "INFO" | "UPDATE" => self.parties.response(request, 200, Vec::new()),
            _ => self.parties.response(request, 405, Vec::new()),
        };
        self.outbox.push_back(answer);
    }

    fn far_end_left(&mut self, reason: Option<String>) {
        if !matches!(self.stage, Stage::Ended(_)) {
            self.stage = Stage::Ended(End::FarEndHungUp { reason });
        }
        self.invite = None;
        self.farewell = None;
    }

    fn handle_response(&mut self, now: Instant, response: &Response) {
        let Some((number, method)) = message::cseq(response) else {
            return;
        };
        let status = response.status_code.code();
        match method.as_str() {
            "INVITE" => match self.invite.take_if(|invite| invite.cseq == number) {
                Some(invite) if status < 200 => self.progress(now, invite),
                Some(_) if status < 300 => self.accepted(now, number, response),
                Some(invite) => self.rejected(now, &invite, status, response),
                None => self.acknowledge_again(number),
            },
            "BYE" if status >= 200 => {
                self.farewell = None;
                if self.stage == Stage::Leaving {
                    self.stage = Stage::Ended(End::HungUp);
                }
            }
            "CANCEL" if status >= 200 => self.farewell = None,
            _ => {}
        }
    }

    fn progress(&mut self, now: Instant, mut invite: Transaction) {
        invite.rings(now);
        self.invite = Some(invite);
        if self.stage == Stage::Calling {
            self.stage = Stage::Ringing;
            if self.is_cancelled {
                self.cancel(now);
            }
        }
    }

    fn accepted(&mut self, now: Instant, number: u32, response: &Response) {
        self.parties.learn(response);
        if self.habits.acknowledges {
            let branch = self.branch();
            let ask = Ask {
                cseq: number,
                branch,
                ..Ask::default()
            };
            self.acknowledge(number, self.parties.request(Method::Ack, ask));
        }
        let remote = Remote::read(&response.body);
        if let (Some(remote), Stage::Up) = (remote, &self.stage) {
            self.outcomes.push_back(Ok(remote.direction));
        }
        self.remote = remote.or(self.remote);
        if self.is_cancelled || self.remote.is_none() {
            self.bye(now);
        } else if !matches!(self.stage, Stage::Leaving | Stage::Ended(_)) {
            self.stage = Stage::Up;
        }
        if remote.is_none() {
            self.stage = Stage::Ended(End::NoCommonFormat);
        }
    }

    fn rejected(&mut self, now: Instant, invite: &Transaction, status: u16, response: &Response) {
        let was_up = self.stage == Stage::Up;
        // The ACK belongs to the INVITE's transaction and carries the To of its answer.
        let mut parties = self.parties.clone();
        parties.learn(response);
        parties.target.clone_from(&self.parties.target);
        let ask = Ask {
            cseq: invite.cseq,
            branch: invite.branch.clone(),
            ..Ask::default()
        };
        self.acknowledge(invite.cseq, parties.request(Method::Ack, ask));
        if let Some(credentials) = self.credentials(status, response) {
            self.habits.headers.push(credentials);
            return self.invite(now);
        }
        if was_up {
            self.outcomes.push_back(Err(status));
        } else if !matches!(self.stage, Stage::Ended(_)) {
            let is_cancelled = self.is_cancelled && status == 487;
            let end = if is_cancelled {
                End::Cancelled
            } else {
                End::Refused { status }
            };
            self.stage = Stage::Ended(end);
        }
    }

    /// The header that answers a 401 or 407, the first time.
    fn credentials(&mut self, status: u16, response: &Response) -> Option<(String, String)> {
        let name = match status {
            401 => "Authorization",
            407 => "Proxy-Authorization",
            _ => return None,
        };
        let login = self.habits.login.take().filter(|_| !self.is_cancelled)?;
        let (uri, client_nonce) = (&self.parties.target, &self.parties.call_id);
        let challenges = message::challenges(response);
        let credentials = digest::answer(&login, "INVITE", uri, challenges, client_nonce)?;
        Some((name.to_owned(), credentials))
    }

    fn acknowledge(&mut self, number: u32, ack: Bytes) {
        self.outbox.push_back(ack.clone());
        self.ack = Some((number, ack));
    }

    fn acknowledge_again(&mut self, number: u32) {
        if let Some((_, ack)) = self
            .ack
            .as_ref()
            .filter(|(acknowledged, _)| *acknowledged == number)
        {
            self.outbox.push_back(ack.clone());
        }
    }

    fn invite(&mut self, now: Instant) {
        self.cseq += 1;
        let ask = Ask {
            cseq: self.cseq,
            branch: self.branch(),
            headers: self.habits.headers.clone(),
            sdp: self.local.body(),
        };
        self.invite = Some(self.send(now, Method::Invite, ask));
    }

    fn bye(&mut self, now: Instant) {
        self.cseq += 1;
        let ask = Ask {
            cseq: self.cseq,
            branch: self.branch(),
            ..Ask::default()
        };
        self.farewell = Some(self.send(now, Method::Bye, ask));
        self.stage = Stage::Leaving;
    }

    /// A CANCEL has the branch and the number of its INVITE (RFC 3261 section 9.1).
    fn cancel(&mut self, now: Instant) {
        self.is_cancelled = true;
        let Some(invite) = &self.invite else { return };
        let ask = Ask {
            cseq: invite.cseq,
            branch: invite.branch.clone(),
            ..Ask::default()
        };
        self.farewell = Some(self.send(now, Method::Cancel, ask));
    }

    fn send(&mut self, now: Instant, method: Method, ask: Ask) -> Transaction {
        let (cseq, branch) = (ask.cseq, ask.branch.clone());
        let bytes = self.parties.request(method, ask);
        self.outbox.push_back(bytes.clone());
        let transaction = Transaction::new(now, method, (cseq, branch), bytes);
        if self.parties.transport.is_reliable() {
            transaction.once()
        } else {
            transaction
        }
    }

    fn branch(&mut self) -> String {
        self.branches += 1;
        format!(
            "z9hG4bK{}.{}",
            self.parties.call_id.replace('@', "."),
            self.branches
        )
    }
}

#[cfg(test)]
#[path = "signalling_tests.rs"]
mod tests;
