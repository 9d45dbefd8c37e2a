//! Requests of our own: INVITE and its ACK and CANCEL, and whatever is asked within a dialog.

use std::time::Instant;

use rsip::{Header, Method, Response};

use super::Endpoint;
use crate::sip::dialog::{Dialog, Outgoing};
use crate::sip::transaction::{Client, Heard, InviteClient, Machine, Names, TxnKey, client_name};
use crate::sip::wire::{emit_request, field, header};
use crate::sip::{Reason, Source};

impl Endpoint {
    /// A key that no transaction has or will have: names a call out before its INVITE is sent.
    pub fn reserve(&mut self) -> TxnKey {
        self.table.issue()
    }

    /// Our Contact on the flow of `source`.
    #[must_use]
    pub fn contact_on(&self, source: &Source) -> String {
        self.contact(source, false)
    }

    /// Invites outside of a dialog. What comes of it has the key returned: any number of
    /// [`EndpointEvent::Progressed`](super::EndpointEvent), then one of `Accepted`, `Answered` (a
    /// refusal), `TimedOut`, `FlowLost`, and `GivenUp` after [`Self::cancel`].
    pub fn invite(&mut self, now: Instant, peer: Source, outgoing: Outgoing) -> TxnKey {
        let txn = self.table.issue();
        if peer.transport.is_reliable() && !self.flows.contains_key(&peer.flow) {
            let lost = super::EndpointEvent::FlowLost { txn };
            self.out.events.push_back(lost);
            return txn;
        }
        let branch = self.signer.branch(txn);
        let invite = self.addressed(peer, outgoing, &branch);
        let client = InviteClient::new(now, txn, peer, invite, &mut self.out);
        let names = Names {
            branch: Some(client_name(&branch, "INVITE")),
            ..Names::default()
        };
        let machine = Machine::InviteClient(Box::new(client));
        self.table.insert(txn, machine, names);
        txn
    }

    /// Gives an INVITE of ours up: CANCEL as soon as it may be sent, and a 2xx that crosses it is hung up at once. The end
    /// is told as `GivenUp`. Nothing happens to an INVITE that has its final response.
    pub fn cancel(&mut self, now: Instant, txn: TxnKey, reason: Option<Reason>) {
        let Some(Machine::InviteClient(client)) = self.table.machine(txn) else {
            return;
        };
        let peer = client.peer();
        if let Some(cancel) = client.cancel(now, reason, &mut self.out) {
            self.send_cancel(now, peer, cancel);
        }
    }

    /// Whether an INVITE of ours waits for its final response.
    #[must_use]
    pub fn is_open(&mut self, txn: TxnKey) -> bool {
        match self.table.machine(txn) {
            Some(Machine::InviteClient(client)) => client.is_open(),
            Some(Machine::InviteServer(_) | Machine::Server(_) | Machine::Client(_)) | None => {
                false
            }
        }
    }

    pub(super) fn handle_invite_response(&mut self, now: Instant, txn: TxnKey, response: Response) {
        let Some(Machine::InviteClient(client)) = self.table.machine(txn) else {
            return;
        };
        let peer = client.peer();
        let dialog = Dialog::from_answer(client.invite(), &response);
        match client.answered(now, response, &mut self.out) {
            Heard::Settled(next) => self.settle(txn, next),
            Heard::Cancel(cancel) => self.send_cancel(now, peer, *cancel),
            Heard::Accepted { tag, wins } => {
                let credentials = credentials(client.invite());
                self.acknowledge(txn, peer, (&dialog, tag), credentials);
                if !wins {
                    let reason = Reason::q850(31, "Another line answered, or none is wanted");
                    self.hang_up_surplus(now, peer, dialog, &reason);
                }
            }
        }
    }

    /// The ACK of a 2xx (RFC 3261 section 13.2.2.4): end to end, a transaction of its own, with the credentials of the INVITE.
    fn acknowledge(
        &mut self,
        txn: TxnKey,
        peer: Source,
        (dialog, tag): (&Dialog, String),
        credentials: Vec<Header>,
    ) {
        let branch = self.table.issue();
        let branch = self.signer.branch(branch);
        let ack = self.addressed(peer, dialog.ack(credentials), &branch);
        let bytes = emit_request(&ack.request, &ack.target);
        self.out.send(&peer, bytes.clone());
        if let Some(Machine::InviteClient(client)) = self.table.machine(txn) {
            client.acknowledged(tag, bytes);
        }
    }

    fn hang_up_surplus(&mut self, now: Instant, peer: Source, mut dialog: Dialog, reason: &Reason) {
        let reason = header("Reason", reason.to_string());
        let bye = dialog.request(Method::Bye, vec![reason]);
        let txn = self.table.issue();
        self.ask(now, txn, peer, bye, true);
    }

    /// A CANCEL is a transaction of its own with the branch of its INVITE (RFC 3261 section 9.1).
    fn send_cancel(&mut self, now: Instant, peer: Source, cancel: Outgoing) {
        let txn = self.table.issue();
        let via = crate::sip::value::find(&cancel.request.headers, "Via");
        let branch = via
            .and_then(crate::sip::value::via::Via::parse)
            .and_then(|via| via.branch())
            .unwrap_or_default()
            .to_owned();
        self.start(now, (txn, &branch), peer, cancel, true);
    }

    /// Begins a transaction that asks anything but INVITE; of a quiet one nobody is told.
    pub(super) fn ask(
        &mut self,
        now: Instant,
        txn: TxnKey,
        peer: Source,
        outgoing: Outgoing,
        is_quiet: bool,
    ) {
        let branch = self.signer.branch(txn);
        let outgoing = self.addressed(peer, outgoing, &branch);
        self.start(now, (txn, &branch), peer, outgoing, is_quiet);
    }

    fn start(
        &mut self,
        now: Instant,
        (txn, branch): (TxnKey, &str),
        peer: Source,
        outgoing: Outgoing,
        is_quiet: bool,
    ) {
        let Outgoing { request, target } = outgoing;
        let method = request.method;
        let bytes = emit_request(&request, &target);
        let client = Client::new(now, txn, peer, (method, bytes), &mut self.out);
        let client = if is_quiet { client.quiet() } else { client };
        let names = Names {
            branch: Some(client_name(branch, &method.to_string())),
            ..Names::default()
        };
        self.table.insert(txn, Machine::Client(client), names);
    }

    /// The request with our Via on top and our name at the end.
    fn addressed(&self, peer: Source, outgoing: Outgoing, branch: &str) -> Outgoing {
        let Outgoing {
            mut request,
            target,
        } = outgoing;
        let via = format!(
            "SIP/2.0/{} {};rport;branch={branch}",
            peer.transport.token(),
            self.sent_by(&peer)
        );
        let mut headers: Vec<Header> = vec![header("Via", via)];
        headers.extend(std::mem::take(&mut request.headers));
        headers.push(header("User-Agent", self.config.user_agent.clone()));
        request.headers = headers.into();
        Outgoing { request, target }
    }
}

/// The credentials that an INVITE was sent with.
fn credentials(invite: &Outgoing) -> Vec<Header> {
    let is_one = |one: &&Header| matches!(field(one).0, "Authorization" | "Proxy-Authorization");
    let headers = invite.request.headers.iter();
    headers.filter(is_one).cloned().collect()
}
