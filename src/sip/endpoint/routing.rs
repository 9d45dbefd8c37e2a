//! Where a request goes: to its transaction, to its dialog, to a new call, or back with an answer.

use std::time::Instant;

use bytes::Bytes;
use rsip::{Method, Request, Response, StatusCode};

use super::{Endpoint, EndpointEvent, Unanswered};
use crate::sip::incoming::{Incoming, tag};
use crate::sip::reply::{self, ALLOW, SUPPORTED};
use crate::sip::transaction::{
    AckName, InviteServer, Machine, Names, Origin, Server, TxnKey, server_name,
};
use crate::sip::value::uri::Uri;
use crate::sip::value::via::Via;
use crate::sip::wire::emit_response;
use crate::sip::{Reason, Source, value};

impl Endpoint {
    pub(super) fn handle_request(
        &mut self,
        now: Instant,
        source: Source,
        mut request: Request,
        raw_uri: String,
    ) {
        let Some(via) = value::find(&request.headers, "Via").and_then(Via::parse) else {
            return;
        };
        let name = server_name(&request, &raw_uri, &via);
        let new_tag = self.signer.tag(&request.headers, via.branch());
        let stamped = via.stamped(source.from);
        reply::stamp(&mut request.headers, stamped);
        let to_tag = tag(value::find(&request.headers, "To")).to_owned();
        let has_to_tag = !to_tag.is_empty();
        let secure = Uri::parse(&raw_uri).is_some_and(|uri| uri.is_sips());
        let incoming = Incoming {
            local_tag: if has_to_tag { to_tag } else { new_tag },
            local_contact: self.contact(&source, secure),
            request,
            raw_uri,
            source,
        };
        match (incoming.method(), self.table.server(&name)) {
            (Method::Ack, known) => self.handle_ack(now, known, incoming),
            (Method::Cancel, known) => self.handle_cancel(known, &incoming),
            (_, Some(txn)) => self.repeat(txn),
            (_, None) => self.handle_new(now, name, incoming, has_to_tag),
        }
    }

    fn repeat(&mut self, txn: TxnKey) {
        match self.table.machine(txn) {
            Some(Machine::InviteServer(server)) => server.repeated(&mut self.out),
            Some(Machine::Server(server)) => server.repeated(&mut self.out),
            Some(Machine::Client(_) | Machine::InviteClient(_)) | None => {}
        }
    }

    /// An ACK belongs to a refusal by its branch or to a 2xx by its dialog; any other is dropped.
    fn handle_ack(&mut self, now: Instant, known: Option<TxnKey>, ack: Incoming) {
        if let Some(txn) = known
            && let Some(Machine::InviteServer(server)) = self.table.machine(txn)
            && server.awaits_ack().is_none()
        {
            let next = server.refusal_acked(now, &mut self.out);
            return self.settle(txn, next);
        }
        let dialog = ack.dialog_key();
        let name = AckName {
            dialog,
            cseq: ack.cseq(),
        };
        let Some(txn) = self.table.ack(&name) else {
            return;
        };
        if let Some(Machine::InviteServer(server)) = self.table.machine(txn)
            && server.accepted_settled()
        {
            let body = Bytes::from(ack.request.body);
            self.out.events.push_back(EndpointEvent::Acked {
                dialog: name.dialog,
                body,
            });
        }
    }

    /// Answered at once; the INVITE's own answer is the call's (RFC 3261 section 9.2).
    fn handle_cancel(&mut self, known: Option<TxnKey>, cancel: &Incoming) {
        let given_up = match known.and_then(|txn| self.table.machine(txn)) {
            Some(Machine::InviteServer(server)) => server.cancel(),
            Some(Machine::Server(_) | Machine::Client(_) | Machine::InviteClient(_)) | None => {
                return self.refuse(cancel, 481);
            }
        };
        self.refuse(cancel, 200);
        if let Some(txn) = known.filter(|_| given_up) {
            let reason = cancel.headers("Reason").find_map(Reason::parse);
            self.out
                .events
                .push_back(EndpointEvent::Cancelled { txn, reason });
        }
    }

    fn handle_new(&mut self, now: Instant, name: String, request: Incoming, has_to_tag: bool) {
        // Method, then extensions, then all else (RFC 3261 section 8.2).
        if !is_allowed(request.method()) {
            return self.answer(&request.source, reply::with_allow(base(&request, 405)));
        }
        if let Some(unsupported) = unsupported_extensions(&request) {
            let response = reply::with(base(&request, 420), "Unsupported", unsupported);
            return self.answer(&request.source, response);
        }
        if has_to_tag && self.dialogs.contains(&request.dialog_key()) {
            return self.handle_in_dialog(now, name, request);
        }
        let method = Some(request.method()).filter(|_| !has_to_tag);
        if method == Some(Method::Invite) {
            self.handle_invite(now, name, request);
        } else if method != Some(Method::Options) {
            self.refuse(&request, 481);
        } else if self.draining {
            self.refuse_busy(&request);
        } else {
            self.answer(&request.source, capabilities(&request));
        }
    }

    fn handle_in_dialog(&mut self, now: Instant, name: String, request: Incoming) {
        if request.method() == Method::Options {
            return self.answer(&request.source, capabilities(&request));
        }
        if request.method() == Method::PRack {
            return self.handle_prack(&request);
        }
        if self.table.len() >= self.config.limits.transactions_max {
            return self.refuse_busy(&request);
        }
        let names = Names {
            server: Some(name),
            ..Names::default()
        };
        let txn = self.begin(now, &request, names);
        let dialog = request.dialog_key();
        let asked = Unanswered {
            dialog: dialog.clone(),
            at: now,
            refusal: base(&request, 481),
        };
        self.unanswered.insert(txn, asked);
        let request = Box::new(request);
        self.out.events.push_back(EndpointEvent::InDialog {
            dialog,
            txn,
            request,
        });
    }

    /// A PRACK (RFC 3262 section 3). Its answer is the same for its repeats, so it keeps no state. A
    /// body has no meaning here: no provisional response of ours has one.
    fn handle_prack(&mut self, prack: &Incoming) {
        let rack = prack.header("RAck").and_then(value::rack);
        let acked = rack.is_some_and(|(rseq, cseq)| {
            let origin = Origin {
                call_id: prack.call_id().to_owned(),
                from_tag: tag(prack.header("From")).to_owned(),
                cseq,
            };
            let txn = self.table.origin(&origin);
            match txn.and_then(|txn| self.table.machine(txn)) {
                Some(Machine::InviteServer(server)) => server.provisional_acked(rseq),
                Some(Machine::Server(_) | Machine::Client(_) | Machine::InviteClient(_)) | None => {
                    false
                }
            }
        });
        self.refuse(prack, if acked { 200 } else { 481 });
    }

    fn handle_invite(&mut self, now: Instant, name: String, request: Incoming) {
        let origin = Origin {
            call_id: request.call_id().to_owned(),
            from_tag: tag(request.header("From")).to_owned(),
            cseq: request.cseq(),
        };
        if self.table.origin(&origin).is_some() {
            return self.refuse(&request, 482);
        }
        let limits = self.config.limits;
        let is_full =
            self.table.len() >= limits.transactions_max || self.ringing.len() >= limits.ringing_max;
        // Strangers have a budget of their own before they come here; that of calls is for those who may call.
        let has_budget = self.discreet || self.has_budget(now);
        if self.draining || is_full || !has_budget {
            self.turned_away = self.turned_away.saturating_add(1);
            return self.refuse_busy(&request);
        }
        if request.has_foreign_body() {
            let response = reply::with(base(&request, 415), "Accept", "application/sdp");
            let response = reply::with(response, "Accept-Encoding", "identity");
            return self.answer(&request.source, response);
        }
        if !request.takes_sdp() {
            return self.refuse(&request, 406);
        }
        let names = Names {
            server: Some(name),
            origin: Some(origin),
            ..Names::default()
        };
        let txn = self.begin(now, &request, names);
        self.ringing.insert(txn);
        let request = Box::new(request);
        self.out
            .events
            .push_back(EndpointEvent::Invited { txn, request });
    }

    /// Takes one call out of this second's budget.
    fn has_budget(&mut self, now: Instant) -> bool {
        let taken = self.calls.take(self.calls_full_at, now);
        if taken.is_some() {
            self.calls_full_at = taken;
        }
        taken.is_some()
    }

    fn begin(&mut self, now: Instant, request: &Incoming, names: Names) -> TxnKey {
        let txn = self.table.issue();
        let source = request.source;
        let machine = if request.method() == Method::Invite {
            let trying = reply::response(&request.request, StatusCode::Trying, None);
            let refusal = self.signed(base(request, 504));
            let opening = (emit_response(&trying), emit_response(&refusal));
            let aloud = !self.discreet;
            let mut server = InviteServer::new(now, txn, source, opening, aloud, &mut self.out);
            if request.has_option("Require", "100rel") {
                server.require_reliable();
            }
            Machine::InviteServer(server)
        } else {
            Machine::Server(Server::new(now, txn, source, &mut self.out))
        };
        self.table.insert(txn, machine, names);
        txn
    }

    fn refuse(&mut self, request: &Incoming, code: u16) {
        self.answer(&request.source, base(request, code));
    }

    fn refuse_busy(&mut self, request: &Incoming) {
        let limits = self.config.limits;
        // Our tag is as good as a die, and the same for a request that is repeated.
        let die = request.local_tag.get(..4);
        let die = die.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        let more = die.unwrap_or_default() % limits.retry_after_spread_s.saturating_add(1).max(1);
        let after = limits.retry_after_s.saturating_add(more).to_string();
        let response = reply::with(base(request, 503), "Retry-After", after);
        self.answer(&request.source, response);
    }
}

fn base(request: &Incoming, code: u16) -> Response {
    reply::response(&request.request, code.into(), Some(&request.local_tag))
}

/// The answer to OPTIONS (RFC 3261 section 11.2).
fn capabilities(request: &Incoming) -> Response {
    let response = reply::with_allow(base(request, 200));
    let response = reply::with(response, "Accept", "application/sdp");
    let response = reply::with(response, "Accept-Encoding", "identity");
    let response = reply::with(response, "Accept-Language", "en");
    reply::with(response, "Supported", SUPPORTED)
}

/// Whether a method stands in [`ALLOW`].
fn is_allowed(method: Method) -> bool {
    let name = method.to_string();
    ALLOW.split(", ").any(|allowed| allowed == name)
}

/// The option tags of Require that are not in [`SUPPORTED`].
fn unsupported_extensions(request: &Incoming) -> Option<String> {
    let is_supported = |tag: &str| {
        SUPPORTED
            .split(", ")
            .any(|own| own.eq_ignore_ascii_case(tag))
    };
    let tags: Vec<&str> = request
        .options("Require")
        .filter(|tag| !is_supported(tag))
        .collect();
    (!tags.is_empty()).then(|| tags.join(", "))
}
