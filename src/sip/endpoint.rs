//! The endpoint: every message of the switch comes in and goes out here.
//!
//! ```text
//! octets -> wire::parse ┬ response -> client transaction ─> Answered | Progressed | Accepted
//!                       └ request ─> server transaction (repeats, ACK, CANCEL)
//!                                 └> dialog table ─> InDialog | Acked | 481
//!                                 └> new INVITE ─> 100, Invited; others answered here
//! ```
//!
//! It answers by itself whatever needs no call: OPTIONS, refusals, 481. Those answers keep no state
//! (RFC 3261 section 8.2.7): a flood of scanners costs no memory, and a repeated request gets the
//! same answer again. Max-Forwards is not counted down, since nothing is forwarded.

mod config;
mod event;
mod identity;
mod inviting;
mod routing;
mod signature;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use rsip::{Response, SipMessage, StatusCode};

use super::dialog::{DialogKey, Outgoing};
use super::incoming::tag;
use super::timer::TimerReason;
use super::transaction::{
    AckName, Machine, Next, Outbox, RSEQ, Reliability, Table, TxnKey, client_name,
};
use super::trunk::Rate;
use super::value::via;
use super::wire::{Framing, WireError, emit_response, header, parse};
use super::{FlowId, Source, Transport, reply, value};
use signature::Signer;

pub use config::{EndpointConfig, Limits, Load};
pub use event::{EndpointEvent, Transmit};

/// Timers of transactions that are over are let go when there are more than these, and more than four for each that is not.
const STALE_TIMERS_MAX: usize = 1024;

/// The endpoint of the whole switch.
#[derive(Debug)]
pub struct Endpoint {
    config: EndpointConfig,
    signer: Signer,
    draining: bool,
    discreet: bool,
    table: Table,
    dialogs: HashSet<DialogKey>,
    flows: HashMap<FlowId, Transport>,
    ringing: HashSet<TxnKey>,
    calls: Rate,
    /// When the budget of new calls is whole again.
    calls_full_at: Option<Instant>,
    turned_away: u64,
    /// Requests within dialogs that their calls have not answered yet.
    unanswered: HashMap<TxnKey, Unanswered>,
    out: Outbox,
}

/// A request that a call was told of.
#[derive(Debug)]
struct Unanswered {
    dialog: DialogKey,
    at: Instant,
    /// The answer if the call never gives one.
    refusal: Response,
}

impl Endpoint {
    /// An endpoint that has seen nothing yet.
    #[must_use]
    pub fn new(config: EndpointConfig) -> Self {
        let out = Outbox {
            timings: config.timings,
            ..Outbox::default()
        };
        let per_second = config.limits.calls_per_second;
        Self {
            signer: Signer::new(config.secret),
            config,
            draining: false,
            discreet: false,
            table: Table::default(),
            dialogs: HashSet::new(),
            flows: HashMap::new(),
            ringing: HashSet::new(),
            calls: Rate::new(per_second, per_second),
            calls_full_at: None,
            turned_away: 0,
            unanswered: HashMap::new(),
            out,
        }
    }

    /// Takes one UDP datagram. Strangers should have been dropped before: see [`super::trunk`].
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        flow: FlowId,
        local: SocketAddr,
        from: SocketAddr,
        bytes: &[u8],
    ) {
        let source = Source {
            flow,
            transport: Transport::Udp,
            local,
            from,
        };
        self.handle(now, source, bytes, Framing::Datagram);
    }

    /// Takes one message that [`super::Framer`] cut out of an opened stream.
    pub fn handle_stream_message(
        &mut self,
        now: Instant,
        flow: FlowId,
        local: SocketAddr,
        from: SocketAddr,
        bytes: &[u8],
    ) {
        let Some(&transport) = self.flows.get(&flow) else {
            return;
        };
        let source = Source {
            flow,
            transport,
            local,
            from,
        };
        if bytes == b"\r\n\r\n" {
            return self.out.send(&source, Bytes::from_static(b"\r\n"));
        }
        self.handle(now, source, bytes, Framing::Stream);
    }

    /// A connection was accepted or made.
    pub fn flow_opened(&mut self, flow: FlowId, transport: Transport) {
        self.flows.insert(flow, transport);
    }

    /// A connection is gone, and with it the requests that wait for an answer on it.
    pub fn flow_closed(&mut self, flow: FlowId) {
        self.flows.remove(&flow);
        for txn in self.table.waiting_on(flow) {
            let lost = match self.table.machine(txn) {
                Some(Machine::Client(client)) => client.lost(),
                Some(Machine::InviteClient(client)) => Some(client.lost()),
                Some(Machine::InviteServer(_) | Machine::Server(_)) | None => None,
            };
            self.table.remove(txn);
            self.out.events.extend(lost);
        }
    }

    /// Lets everything happen that is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(due) = self.out.timers.pop(now) {
            let next = match self.table.machine(due.txn) {
                None => continue,
                Some(Machine::InviteServer(server)) => {
                    // A call that is over needs its 2xx acknowledged by nobody.
                    let is_over = server
                        .awaits_ack()
                        .is_some_and(|d| !self.dialogs.contains(d));
                    if is_over {
                        server.accepted_settled();
                    }
                    let next = server.fire(now, &due, &mut self.out);
                    if !server.is_proceeding() {
                        self.ringing.remove(&due.txn);
                    }
                    next
                }
                Some(Machine::Server(server)) => server.fire(&due),
                Some(Machine::Client(client)) => client.fire(now, &due, &mut self.out),
                Some(Machine::InviteClient(client)) => client.fire(now, &due, &mut self.out),
            };
            self.settle(due.txn, next);
        }
    }

    /// When to call [`Self::handle_timeout`] next, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, TimerReason)> {
        self.out.timers.next()
    }

    /// The next octets to send. Call until `None` after everything else.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.out.transmits.pop_front()
    }

    /// The next event. Call until `None` after everything else.
    pub fn poll_event(&mut self) -> Option<EndpointEvent> {
        self.out.events.pop_front()
    }

    /// Answers a request. Nothing happens when its transaction is over or has its final response. A
    /// 2xx that a CANCEL overtook goes out as 487: [`EndpointEvent::Cancelled`] told of it.
    pub fn respond(&mut self, now: Instant, txn: TxnKey, mut response: Response) {
        if response.status_code.code() / 100 == 2 && self.is_cancelled(txn) {
            response = reply::instead_of(&response, StatusCode::RequestTerminated);
        }
        let code = response.status_code.code();
        if code >= 200 {
            self.unanswered.remove(&txn);
        }
        response = self.signed(response);
        let next = match self.table.machine(txn) {
            Some(Machine::InviteServer(server)) if server.is_proceeding() => {
                match server.reliability(code) {
                    Reliability::None => {}
                    Reliability::Held => return,
                    Reliability::Reliable => {
                        response
                            .headers
                            .push(header("Require", "100rel".to_owned()));
                        response.headers.push(header("RSeq", RSEQ.to_string()));
                    }
                }
                let ack = ack_name(&response);
                let dialog = ack.dialog.clone();
                server.respond(now, code, emit_response(&response), dialog, &mut self.out);
                if code >= 200 {
                    self.ringing.remove(&txn);
                }
                if (200..300).contains(&code) {
                    self.table.await_ack(txn, ack);
                }
                Next::Stays
            }
            Some(Machine::Server(server)) if code >= 200 => {
                server.respond(emit_response(&response), &mut self.out)
            }
            _ => Next::Stays,
        };
        self.settle(txn, next);
    }

    /// Whether the caller of this INVITE gave up before it had a final response.
    #[must_use]
    pub fn is_cancelled(&mut self, txn: TxnKey) -> bool {
        match self.table.machine(txn) {
            Some(Machine::InviteServer(server)) => server.is_cancelled(),
            Some(Machine::Server(_) | Machine::Client(_) | Machine::InviteClient(_)) | None => {
                false
            }
        }
    }

    /// Asks within a dialog, over the flow it lives on: not INVITE, not ACK. The answer comes as
    /// [`EndpointEvent::Answered`], `TimedOut` or `FlowLost` with the key returned.
    pub fn request(&mut self, now: Instant, peer: Source, outgoing: Outgoing) -> TxnKey {
        let txn = self.table.issue();
        if peer.transport.is_reliable() && !self.flows.contains_key(&peer.flow) {
            self.out.events.push_back(EndpointEvent::FlowLost { txn });
            return txn;
        }
        self.ask(now, txn, peer, outgoing, false);
        txn
    }

    /// Hands requests of this dialog on from now on, and repeats its 2xx until the ACK.
    pub fn register_dialog(&mut self, key: DialogKey) {
        self.dialogs.insert(key);
    }

    /// The call is over: later requests of this dialog get 481, and so do those that it left without an answer, such as a BYE
    /// that crossed ours.
    pub fn forget_dialog(&mut self, key: &DialogKey) {
        self.dialogs.remove(key);
        let left = self.unanswered.extract_if(|_, asked| asked.dialog == *key);
        let left: Vec<(TxnKey, Unanswered)> = left.collect();
        for (txn, asked) in left {
            self.respond(asked.at, txn, asked.refusal);
        }
    }

    /// While draining, new calls and OPTIONS get 503 with Retry-After; calls that are up go on.
    pub fn set_draining(&mut self, draining: bool) {
        self.draining = draining;
    }

    /// New calls that got 503, since the start.
    #[must_use]
    pub fn turned_away(&self) -> u64 {
        self.turned_away
    }

    /// Whether what comes in now is a stranger's: no answer says which software gives it, and an INVITE gets no 100, after
    /// which a caller would wait for [`Self::refuse_and_forget`]'s answer although it was lost.
    pub fn set_discreet(&mut self, discreet: bool) {
        self.discreet = discreet;
    }

    /// Refuses an INVITE and keeps nothing of it (RFC 3261 section 8.2.7): if the answer is lost, the INVITE that comes again
    /// is a new one. A flood of strangers costs no memory.
    pub fn refuse_and_forget(&mut self, txn: TxnKey, response: Response) {
        let response = self.signed(response);
        if let Some(Machine::InviteServer(server)) = self.table.machine(txn) {
            self.out.send(server.source(), emit_response(&response));
            self.settle(txn, Next::Ends);
        }
    }

    /// How much is held right now.
    #[must_use]
    pub fn load(&self) -> Load {
        Load {
            transactions: self.table.len(),
            ringing: self.ringing.len(),
            dialogs: self.dialogs.len(),
            timers: self.out.timers.len(),
            flows: self.flows.len(),
        }
    }

    fn handle(&mut self, now: Instant, source: Source, bytes: &[u8], framing: Framing) {
        match parse(bytes, framing) {
            Ok(inbound) => match inbound.msg {
                SipMessage::Request(request) => {
                    self.handle_request(now, source, request, inbound.raw_uri);
                }
                SipMessage::Response(response) => self.handle_response(now, response),
            },
            Err(WireError::Refused {
                status,
                reason,
                mut echo,
            }) => {
                let Some(top) = value::find(&echo, "Via").and_then(via::Via::parse) else {
                    return;
                };
                let tag = self.signer.tag(&echo, top.branch());
                let stamped = top.stamped(source.from);
                reply::stamp(&mut echo, stamped);
                self.answer(&source, reply::refusal(*echo, status, reason, &tag));
            }
            Err(WireError::Ignored(_)) => {}
        }
    }

    fn handle_response(&mut self, now: Instant, response: Response) {
        // More than one Via: meant for somebody else (RFC 3261 section 8.1.3.3).
        let is_ours = value::all(&response.headers, "Via").count() == 1;
        let top = value::find(&response.headers, "Via").and_then(via::Via::parse);
        let method = value::find(&response.headers, "CSeq").and_then(value::cseq);
        let branch = top.and_then(|top| top.branch()).filter(|_| is_ours);
        let name = branch.zip(method);
        let name = name.map(|(branch, (_, method))| client_name(branch, method));
        let Some(txn) = name.and_then(|name| self.table.client(&name)) else {
            return;
        };
        match self.table.machine(txn) {
            Some(Machine::Client(client)) => {
                let next = client.answered(now, response, &mut self.out);
                self.settle(txn, next);
            }
            Some(Machine::InviteClient(_)) => self.handle_invite_response(now, txn, response),
            Some(Machine::InviteServer(_) | Machine::Server(_)) | None => {}
        }
    }

    /// Answers without a transaction.
    fn answer(&mut self, source: &Source, response: Response) {
        let response = self.signed(response);
        self.out.send(source, emit_response(&response));
    }

    fn signed(&self, response: Response) -> Response {
        match self.discreet {
            true => response,
            false => reply::with(response, "Server", self.config.user_agent.as_str()),
        }
    }

    fn settle(&mut self, txn: TxnKey, next: Next) {
        if next == Next::Ends {
            self.table.remove(txn);
            self.ringing.remove(&txn);
            self.unanswered.remove(&txn);
            if self.out.timers.len() > STALE_TIMERS_MAX.max(4 * self.table.len()) {
                let table = &self.table;
                self.out.timers.retain(|txn| table.has(txn));
            }
        }
    }
}

/// What the ACK of this 2xx will say.
fn ack_name(response: &Response) -> AckName {
    let find = |name| value::find(&response.headers, name);
    AckName {
        dialog: DialogKey {
            call_id: find("Call-ID").unwrap_or_default().to_owned(),
            local_tag: tag(find("To")).to_owned(),
            remote_tag: tag(find("From")).to_owned(),
        },
        cseq: find("CSeq")
            .and_then(value::cseq)
            .map_or(0, |(number, _)| number),
    }
}
