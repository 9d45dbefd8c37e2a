//! The switch as these tests need it: the endpoint with one session for each call.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Instant;

use crate::sip::sdp::Codec;
use crate::sip::*;

pub(super) const FLOW: FlowId = FlowId(1);

/// Some instant to count from.
#[expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]
pub(super) fn epoch() -> Instant {
    Instant::now()
}

pub(super) fn local() -> SocketAddr {
    "203.0.113.9:5060".parse().unwrap()
}

pub(super) fn peer() -> SocketAddr {
    "192.0.2.10:5060".parse().unwrap()
}

pub(super) fn config() -> EndpointConfig {
    EndpointConfig {
        host_v4: None,
        host_v6: None,
        udp_port: 5060,
        tcp_port: 5060,
        tls_port: 5061,
        user_agent: "audioroad".to_owned(),
        secret: [7; 32],
        timings: Timings::default(),
        limits: Limits::default(),
    }
}

/// A request of call `call`; `to_tag` is empty outside of a dialog.
pub(super) fn request(method: &str, call: u64, cseq: u32, branch: &str, to_tag: &str) -> String {
    let tag = if to_tag.is_empty() {
        String::new()
    } else {
        format!(";tag={to_tag}")
    };
    let body = if method == "INVITE" { SDP } else { "" };
    format!(
        "{method} sip:lobby@203.0.113.9 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK{branch}\r\n\
         From: <sip:+15550123@192.0.2.10>;tag=f{call}\r\n\
         To: <sip:lobby@203.0.113.9>{tag}\r\n\
         Call-ID: call-{call}@192.0.2.10\r\n\
         CSeq: {cseq} {}\r\n\
         Contact: <sip:+15550123@192.0.2.10:5060>\r\n\
         Max-Forwards: 70\r\n\
         {}Content-Length: {}\r\n\r\n{body}",
        method,
        if body.is_empty() {
            ""
        } else {
            "Content-Type: application/sdp\r\n"
        },
        body.len(),
    )
}

pub(super) const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\n\
t=0 0\r\nm=audio 12692 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";

pub(super) fn text(transmit: &Transmit) -> String {
    String::from_utf8(transmit.bytes.to_vec()).unwrap()
}

/// The first header `name` of a message.
pub(super) fn field<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let fields = message.lines().filter_map(|line| line.split_once(": "));
    fields
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value)
        .next()
}

/// The endpoint, and a session for each call that answers at once.
pub(super) struct Switch {
    pub(super) endpoint: Endpoint,
    pub(super) sessions: HashMap<DialogKey, InviteSession>,
    hanging_up: HashMap<TxnKey, DialogKey>,
    invites: HashMap<TxnKey, DialogKey>,
    pub(super) answered: u64,
    pub(super) unacked: u64,
    /// Our requests that nobody answered.
    pub(super) unheard: u64,
}

impl Switch {
    pub(super) fn new(config: EndpointConfig) -> Self {
        Self {
            endpoint: Endpoint::new(config),
            sessions: HashMap::new(),
            hanging_up: HashMap::new(),
            invites: HashMap::new(),
            answered: 0,
            unacked: 0,
            unheard: 0,
        }
    }

    pub(super) fn datagram(&mut self, now: Instant, text: &str) {
        self.octets(now, FLOW, (local(), peer()), text.as_bytes());
    }

    /// Octets between our address and the peer's; every flow but [`FLOW`] is a stream.
    pub(super) fn octets(
        &mut self,
        now: Instant,
        flow: FlowId,
        (local, peer): (SocketAddr, SocketAddr),
        octets: &[u8],
    ) {
        let endpoint = &mut self.endpoint;
        match flow {
            FLOW => endpoint.handle_datagram(now, flow, local, peer, octets),
            _ => endpoint.handle_stream_message(now, flow, local, peer, octets),
        }
        self.settle(now);
    }

    pub(super) fn timeout(&mut self, now: Instant) {
        self.endpoint.handle_timeout(now);
        self.settle(now);
    }

    pub(super) fn sent(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.endpoint.poll_transmit())
            .map(|t| text(&t))
            .collect()
    }

    pub(super) fn hang_up(&mut self, now: Instant, key: &DialogKey) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        if let HangUp::Bye(bye) = session.hang_up(Reason::q850(16, "dropped by host")) {
            self.bye(now, key.clone(), *bye);
        }
    }

    fn bye(&mut self, now: Instant, key: DialogKey, bye: Outgoing) {
        let txn = self.endpoint.request(now, self.sessions[&key].peer(), bye);
        self.hanging_up.insert(txn, key);
    }

    fn over(&mut self, key: &DialogKey) {
        self.endpoint.forget_dialog(key);
        self.sessions.remove(key);
        self.invites.retain(|_, dialog| dialog != key);
    }

    fn settle(&mut self, now: Instant) {
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                EndpointEvent::Invited { txn, request } => self.invited(now, txn, request),
                EndpointEvent::InDialog {
                    dialog,
                    txn,
                    request,
                } => {
                    let session = self.sessions.get_mut(&dialog).unwrap();
                    let action = session.handle_request(now, &request);
                    self.endpoint.respond(now, txn, action.response);
                    if let Some(SessionEvent::HungUp { .. }) = action.event {
                        self.over(&dialog);
                    }
                }
                EndpointEvent::Cancelled { txn, .. } => {
                    let key = self.invites[&txn].clone();
                    let response = self.sessions.get_mut(&key).unwrap().cancelled();
                    if let Ok(response) = response {
                        self.endpoint.respond(now, txn, response);
                        self.over(&key);
                    }
                }
                EndpointEvent::Acked { dialog, body } => {
                    let Some(session) = self.sessions.get_mut(&dialog) else {
                        continue;
                    };
                    if let Some(bye) = session.handle_ack(&body).bye {
                        self.bye(now, dialog, bye);
                    }
                }
                EndpointEvent::AckTimedOut { dialog } => {
                    self.unacked += 1;
                    // Its BYE may have timed out at the same moment, which ended the call.
                    let session = self.sessions.get_mut(&dialog);
                    if let Some(bye) = session.and_then(InviteSession::ack_timed_out) {
                        self.bye(now, dialog, bye);
                    }
                }
                EndpointEvent::Answered { txn, .. } => {
                    let key = self.hanging_up.remove(&txn).unwrap();
                    self.over(&key);
                }
                EndpointEvent::Progressed { .. }
                | EndpointEvent::Accepted { .. }
                | EndpointEvent::GivenUp { .. } => panic!("this switch invites nobody"),
                EndpointEvent::TimedOut { txn, .. } | EndpointEvent::FlowLost { txn } => {
                    self.unheard += 1;
                    if let Some(key) = self.hanging_up.remove(&txn) {
                        self.over(&key);
                    }
                }
            }
        }
    }

    fn invited(&mut self, now: Instant, txn: TxnKey, request: Box<Incoming>) {
        let local = request.source().local;
        let rings = request.request_user().as_deref() == Some("ring");
        let mut session = match InviteSession::new(request) {
            Ok(session) => session,
            Err(response) => return self.endpoint.respond(now, txn, *response),
        };
        let key = session.dialog_key().clone();
        self.endpoint.register_dialog(key.clone());
        let response = if rings {
            session.ringing().unwrap()
        } else {
            let media = MediaAddress {
                addr: local.ip(),
                port: 10_000,
                session_id: 1,
                prefer: vec![Codec::Pcmu, Codec::Pcma],
                srtp: CallSrtp::OFF,
            };
            match session.answer(now, media, &[]) {
                Ok(answer) => {
                    self.answered += 1;
                    answer.response
                }
                Err(_) => {
                    let refusal = session.reject(488, None, &[]).unwrap();
                    self.endpoint.respond(now, txn, refusal);
                    return self.endpoint.forget_dialog(&key);
                }
            }
        };
        self.endpoint.respond(now, txn, response);
        self.invites.insert(txn, key.clone());
        self.sessions.insert(key, session);
    }
}
