//! A switch in small for the bodies: the endpoint, who may call, and one session for each call, which answers at once.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use audioroad::sip::sdp::{Codec, SrtpRule};
use audioroad::sip::trunk::{Admission, Ruling, Trunks};
use audioroad::sip::{
    CallSrtp, DialogKey, Endpoint, EndpointConfig, EndpointEvent, FlowId, Framing, HangUp,
    Incoming, InviteSession, Limits, MediaAddress, Outgoing, Reason, Refresh, SessionEvent,
    Timings, Transport, TxnKey, parse,
};
use bytes::Bytes;

/// The socket of datagrams.
pub(crate) const UDP: FlowId = FlowId(1);
/// A connection.
pub(crate) const TCP: FlowId = FlowId(2);
/// Messages that one message may bring about at once: a 100 and a final answer, a BYE for a call that cannot go on.
const ANSWERS_MAX: usize = 4;

/// The endpoint with its calls.
pub(crate) struct Answering {
    endpoint: Endpoint,
    admission: Admission,
    sessions: HashMap<DialogKey, InviteSession>,
    invites: HashMap<TxnKey, DialogKey>,
    /// Our requests that wait for an answer, and whether it ends the call.
    asked: HashMap<TxnKey, (DialogKey, bool)>,
    /// The tag of the last answer, and the branch of our last request, for messages that go on from them.
    pub(crate) tag: Vec<u8>,
    pub(crate) branch: Vec<u8>,
}

pub(crate) fn local() -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 9], 5060))
}

pub(crate) fn peer() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 10], 5060))
}

impl Answering {
    pub(crate) fn new(now: Instant) -> Self {
        let config = EndpointConfig {
            host_v4: None,
            host_v6: None,
            udp_port: 5060,
            tcp_port: 5060,
            tls_port: 5061,
            user_agent: "audioroad".to_owned(),
            secret: [7; 32],
            timings: Timings::default(),
            limits: Limits::default(),
        };
        let trunks = Trunks::new("192.0.2.0/24", Vec::new(), None).expect("a list of one range");
        let mut endpoint = Endpoint::new(config);
        endpoint.flow_opened(TCP, Transport::Tcp);
        Self {
            endpoint,
            admission: Admission::new(now, trunks, &[9; 32]),
            sessions: HashMap::new(),
            invites: HashMap::new(),
            asked: HashMap::new(),
            tag: b"none".to_vec(),
            branch: b"none".to_vec(),
        }
    }

    /// A datagram, or one message of a stream; what is sent in answer.
    pub(crate) fn hear(&mut self, now: Instant, flow: FlowId, octets: &[u8]) -> Vec<Bytes> {
        match flow {
            UDP => self
                .endpoint
                .handle_datagram(now, flow, local(), peer(), octets),
            _ => self
                .endpoint
                .handle_stream_message(now, flow, local(), peer(), octets),
        }
        self.settle(now);
        let sent = self.drain();
        assert!(sent.len() <= ANSWERS_MAX, "{} messages for one", sent.len());
        sent
    }

    /// When the next timer of the endpoint is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.endpoint.poll_timeout().map(|(due, _)| due)
    }

    /// The timers of the endpoint that are due; what is sent then.
    pub(crate) fn wake(&mut self, now: Instant) -> Vec<Bytes> {
        self.endpoint.handle_timeout(now);
        self.settle(now);
        self.drain()
    }

    /// Time passes: every deadline until `until` comes in its turn.
    pub(crate) fn wait(&mut self, now: Instant, until: Instant) {
        let mut at = now;
        while let Some(due) = self.next_due().filter(|due| *due <= until) {
            at = at.max(due);
            self.wake(at);
        }
        let keys: Vec<DialogKey> = self.sessions.keys().cloned().collect();
        for key in keys {
            let session = self.sessions.get_mut(&key);
            let due = session.and_then(|session| session.handle_timeout(until));
            self.refresh(until, key, due);
        }
        self.settle(until);
        self.drain();
    }

    /// Every call is hung up; what is sent then.
    pub(crate) fn hang_up(&mut self, now: Instant) -> Vec<Bytes> {
        let keys: Vec<DialogKey> = self.sessions.keys().cloned().collect();
        for key in keys {
            let session = self.sessions.get_mut(&key);
            if let Some(HangUp::Bye(bye)) =
                session.map(|session| session.hang_up(Reason::q850(16, "over")))
            {
                self.request(now, key, *bye, true);
            }
        }
        self.settle(now);
        self.drain()
    }

    /// All calls forgotten and all timers run: nothing may be left.
    pub(crate) fn end(mut self, now: Instant) {
        let keys: Vec<DialogKey> = self.sessions.keys().cloned().collect();
        keys.iter().for_each(|key| self.over(key));
        self.wait(now, now + Duration::from_secs(1_000));
        assert_eq!(self.left(), (0, 0, 0, 0, 0), "something is left over");
    }

    /// Transactions, calls that ring, dialogs, timers and sessions that are still there.
    pub(crate) fn left(&self) -> (usize, usize, usize, usize, usize) {
        let load = self.endpoint.load();
        let names = self.invites.len() + self.asked.len() + self.sessions.len();
        (
            load.transactions,
            load.ringing,
            load.dialogs,
            load.timers,
            names,
        )
    }

    fn over(&mut self, key: &DialogKey) {
        self.endpoint.forget_dialog(key);
        self.sessions.remove(key);
        self.invites.retain(|_, dialog| dialog != key);
    }

    fn request(&mut self, now: Instant, key: DialogKey, outgoing: Outgoing, ends: bool) {
        if let Some(session) = self.sessions.get(&key) {
            let txn = self.endpoint.request(now, session.peer(), outgoing);
            self.asked.insert(txn, (key, ends));
        }
    }

    fn refresh(&mut self, now: Instant, key: DialogKey, due: Option<Refresh>) {
        match due {
            Some(Refresh::Ask(update)) => self.request(now, key, *update, false),
            Some(Refresh::Expired(bye)) => self.request(now, key, *bye, true),
            None => {}
        }
    }

    /// What was sent, each of it checked.
    fn drain(&mut self) -> Vec<Bytes> {
        let mut sent = Vec::new();
        while let Some(transmit) = self.endpoint.poll_transmit() {
            sent.push(transmit.bytes.clone());
            let bytes = &transmit.bytes[..];
            if bytes == b"\r\n" {
                continue;
            }
            is_well_formed(bytes);
            let head = bytes.split(|octet| *octet == b'\n');
            let keep = |name: &[u8], mark: &[u8]| {
                let line = head.clone().find(|line| line.starts_with(name))?;
                let at = line.windows(mark.len()).position(|at| at == mark)?;
                let end = |octet: &u8| matches!(octet, b';' | b'\r' | b' ' | b',' | b'>');
                let value = line.get(at + mark.len()..)?;
                value.split(end).next().map(<[u8]>::to_vec)
            };
            if bytes.starts_with(b"SIP/2.0") {
                self.tag = keep(b"To:", b"tag=").unwrap_or_default();
            } else {
                self.branch = keep(b"Via:", b"branch=").unwrap_or_default();
            }
        }
        sent
    }

    fn settle(&mut self, now: Instant) {
        while let Some(event) = self.endpoint.poll_event() {
            if let EndpointEvent::Invited { txn, request } = event {
                self.invited(now, txn, request);
            } else if let EndpointEvent::InDialog {
                dialog,
                txn,
                request,
            } = event
            {
                let session = self.sessions.get_mut(&dialog).expect("a known dialog");
                let action = session.handle_request(now, &request);
                self.endpoint.respond(now, txn, action.response);
                if let Some(SessionEvent::HungUp { unanswered, .. }) = action.event {
                    let invite = self.invites.iter().find(|(_, key)| **key == dialog);
                    if let Some((invite, response)) = invite.map(|(txn, _)| *txn).zip(unanswered) {
                        self.endpoint.respond(now, invite, response);
                    }
                    self.over(&dialog);
                }
            } else if let EndpointEvent::Cancelled { txn, .. } = event {
                self.cancelled(now, txn);
            } else if let EndpointEvent::Acked { dialog, body } = event {
                let session = self.sessions.get_mut(&dialog);
                if let Some(bye) = session.and_then(|session| session.handle_ack(&body).bye) {
                    self.request(now, dialog, bye, true);
                }
            } else if let EndpointEvent::AckTimedOut { dialog } = event {
                let session = self.sessions.get_mut(&dialog);
                if let Some(bye) = session.and_then(InviteSession::ack_timed_out) {
                    self.request(now, dialog, bye, true);
                }
            } else if let EndpointEvent::Answered { txn, response } = event {
                self.answered(now, txn, Some(&response));
            } else if let EndpointEvent::TimedOut { txn, .. }
            | EndpointEvent::FlowLost { txn, .. } = event
            {
                self.answered(now, txn, None);
            }
        }
    }

    fn answered(&mut self, now: Instant, txn: TxnKey, response: Option<&rsip::Response>) {
        let Some((key, ends)) = self.asked.remove(&txn) else {
            return;
        };
        if ends {
            return self.over(&key);
        }
        let session = self.sessions.get_mut(&key);
        let due = session.and_then(|session| session.handle_answer(now, response));
        self.refresh(now, key, due);
    }

    fn cancelled(&mut self, now: Instant, txn: TxnKey) {
        let Some(key) = self.invites.get(&txn).cloned() else {
            return;
        };
        let session = self.sessions.get_mut(&key);
        if let Some(Ok(response)) = session.map(InviteSession::cancelled) {
            self.endpoint.respond(now, txn, response);
            self.over(&key);
        }
    }

    fn invited(&mut self, now: Instant, txn: TxnKey, request: Box<Incoming>) {
        let Ruling::Accepted(_) = self.admission.rule(now, txn, &request, false) else {
            panic!("a listed address without a login is let in");
        };
        self.admission.call_over(txn);
        let rings = request.request_user().as_deref() == Some("ring");
        let mut session = match InviteSession::new(request) {
            Ok(session) => session,
            Err(response) => return self.endpoint.respond(now, txn, *response),
        };
        let key = session.dialog_key().clone();
        self.endpoint.register_dialog(key.clone());
        let media = MediaAddress {
            addr: local().ip(),
            port: 10_000,
            session_id: 1,
            prefer: vec![Codec::Pcmu, Codec::Pcma],
            srtp: CallSrtp {
                rule: SrtpRule::Offered,
                needs_tls: false,
                secret: [7; 32],
            },
        };
        let response = if rings {
            session.ringing().expect("a call that rings")
        } else if let Ok(answer) = session.answer(now, media, &[]) {
            answer.response
        } else {
            let refusal = session.reject(488, None, &[]).expect("a call that rings");
            self.endpoint.respond(now, txn, refusal);
            return self.endpoint.forget_dialog(&key);
        };
        self.endpoint.respond(now, txn, response);
        self.invites.insert(txn, key.clone());
        self.sessions.insert(key, session);
    }
}

/// A message of ours: every line ends as it must and carries one header, the length is right, and we read it ourselves.
pub(crate) fn is_well_formed(bytes: &[u8]) {
    let end = bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("a blank line");
    let (head, body) = (&bytes[..end], &bytes[end + 4..]);
    let shown = || String::from_utf8_lossy(bytes).into_owned();
    let mut length = None;
    for (index, line) in head.split(|octet| *octet == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        assert!(!line.contains(&b'\r'), "a bare CR in\n{}", shown());
        assert!(!line.starts_with(b" "), "a folded line in\n{}", shown());
        let colon = line.iter().position(|octet| *octet == b':');
        assert!(index == 0 || colon.is_some(), "no header in\n{}", shown());
        if let Some(value) = line.strip_prefix(b"Content-Length: ") {
            assert!(length.is_none(), "two lengths in\n{}", shown());
            length = std::str::from_utf8(value)
                .ok()
                .and_then(|text| text.parse().ok());
        }
    }
    let line_feeds = head.iter().filter(|octet| **octet == b'\n').count();
    let breaks = head.windows(2).filter(|pair| pair == b"\r\n").count();
    assert_eq!(line_feeds, breaks, "a bare LF in\n{}", shown());
    assert_eq!(length, Some(body.len()), "{}", shown());
    // A refusal copies of a bad request what there was, a request of ours goes wherever they said.
    let is_answer = bytes.starts_with(b"SIP/2.0 ") && bytes.get(8) <= Some(&b'2');
    assert!(
        !is_answer || parse(bytes, Framing::Stream).is_ok(),
        "{}",
        shown()
    );
}
