//! Whole calls as text: what a peer sends, what it must get. One file for each in
//! `tests/sip_transcripts`, read from top to bottom in virtual time.
//!
//! ```text
//! > INVITE ...       a message in; Content-Length is added, `{name}` is filled in
//! < SIP/2.0 200 OK   the next message out: its first line, then some of its others in any order
//!                    (those with one header name in theirs); `*` stands for anything, `{name}` for
//!                    anything the first time and for the same later
//! < -Require         a header it may not have
//! ! answer           what the call does, see `Stage::direct`; `! invite` is a call of ours
//! # ...              a remark
//! ```

#![expect(clippy::unwrap_used, reason = "a test says by a panic what went wrong")]

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rsip::Method;

use audioroad::sip::digest::Login;
use audioroad::sip::sdp::{Codec, Negotiated};
use audioroad::sip::{
    CallNames, CallSrtp, Endpoint, EndpointConfig, EndpointEvent, FlowId, Framer, HangUp, Incoming,
    InviteSession, Limits, Load, MediaAddress, Outgoing, OutgoingCall, Parties, Reason, Refresh,
    Refusal, SessionEvent, Source, Timings, Transport, TxnKey, answers,
};

const LOCAL: &str = "203.0.113.9:5060";
const PEER: &str = "192.0.2.10:5060";
const UDP: FlowId = FlowId(1);
const TCP: FlowId = FlowId(2);

#[test]
fn every_transcript_plays_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sip_transcripts");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() > 20, "only {} transcripts found", files.len());
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        Stage::new(name).play(&fs::read_to_string(&file).unwrap());
    }
}

struct Stage {
    name: String,
    line: usize,
    now: Instant,
    endpoint: Endpoint,
    framer: Option<Framer>,
    /// The call of the transcript, and the key of its INVITE.
    call: Option<(TxnKey, InviteSession)>,
    /// The call that we place, and the key of its INVITE.
    out: Option<(TxnKey, OutgoingCall)>,
    /// What answers a challenge.
    login: Option<Login>,
    /// Our UPDATEs that wait for their answer.
    refreshes: HashSet<TxnKey>,
    events: VecDeque<String>,
    names: HashMap<String, String>,
}

impl Stage {
    #[expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]
    fn new(name: String) -> Self {
        let config = EndpointConfig {
            host_v4: None,
            host_v6: None,
            udp_port: 5060,
            tcp_port: 5060,
            tls_port: 5061,
            user_agent: "audioroad".to_owned(),
            secret: [1; 32],
            timings: Timings::default(),
            limits: Limits::default(),
        };
        Self {
            name,
            line: 0,
            now: Instant::now(),
            endpoint: Endpoint::new(config),
            framer: None,
            call: None,
            out: None,
            login: None,
            refreshes: HashSet::new(),
            events: VecDeque::new(),
            names: HashMap::new(),
        }
    }

    fn play(&mut self, script: &str) {
        let mut lines = script.lines().enumerate().peekable();
        while let Some((at, line)) = lines.next() {
            self.line = at + 1;
            let Some(mark) = line.chars().next() else {
                continue;
            };
            let mut block = vec![content(line)];
            while let Some((_, next)) =
                lines.next_if(|(_, next)| mark != '!' && next.starts_with(mark))
            {
                block.push(content(next));
            }
            match mark {
                '>' => self.send(&block),
                '<' => self.expect(&block),
                '!' => self.direct(block[0]),
                '#' => {}
                _ => self.fail("a line begins with none of > < ! #"),
            }
        }
        self.nothing_left();
        let call_over = self.call.is_none() && self.out.is_none();
        self.wait(400_000);
        while self.endpoint.poll_transmit().is_some() {}
        if call_over {
            let load = Load {
                flows: self.endpoint.load().flows,
                ..Load::default()
            };
            assert_eq!(
                self.endpoint.load(),
                load,
                "{}: something is left over",
                self.name
            );
        }
    }

    /// A message in.
    fn send(&mut self, block: &[&str]) {
        self.nothing_left();
        let mut text: Vec<String> = block.iter().map(|line| self.filled(line)).collect();
        let end = text.iter().position(String::is_empty).unwrap_or(text.len());
        let body: usize = text.iter().skip(end + 1).map(|line| line.len() + 2).sum();
        if !text.iter().any(|line| line.starts_with("Content-Length")) {
            text.insert(end, format!("Content-Length: {body}"));
        }
        let mut text = text.join("\r\n") + "\r\n";
        if body == 0 && !text.ends_with("\r\n\r\n") {
            text += "\r\n";
        }
        self.push(text.as_bytes());
    }

    fn push(&mut self, bytes: &[u8]) {
        let (local, peer) = (LOCAL.parse().unwrap(), PEER.parse().unwrap());
        match &mut self.framer {
            None => self
                .endpoint
                .handle_datagram(self.now, UDP, local, peer, bytes),
            Some(framer) => {
                framer.push(bytes);
                while let Some(message) = framer.next_message().unwrap() {
                    self.endpoint
                        .handle_stream_message(self.now, TCP, local, peer, &message);
                }
            }
        }
        self.settle();
    }

    /// The next message out.
    fn expect(&mut self, block: &[&str]) {
        let Some(transmit) = self.endpoint.poll_transmit() else {
            return self.fail("nothing was sent");
        };
        let stream = self.framer.is_some();
        assert_eq!(
            transmit.transport,
            if stream {
                Transport::Tcp
            } else {
                Transport::Udp
            }
        );
        assert_eq!(transmit.to, PEER.parse().unwrap());
        let sent = String::from_utf8(transmit.bytes.to_vec()).unwrap();
        let lines: Vec<&str> = sent.lines().collect();
        let mut found = 0;
        for (index, wanted) in block.iter().enumerate() {
            if let Some(name) = wanted.strip_prefix('-') {
                let start = format!("{name}:");
                if lines.iter().any(|line| line.starts_with(&start)) {
                    self.fail(&format!("{name} may not be in\n{sent}"));
                }
                continue;
            }
            let name = |line: &str| line.split(':').next().map(str::to_owned);
            let from = match index {
                0 => 0,
                _ if name(wanted) == name(block[index - 1]) => found + 1,
                _ => 1,
            };
            let to = if index == 0 { 1 } else { lines.len() };
            match (from..to).find(|at| self.matches(wanted, lines[*at])) {
                Some(at) => found = at,
                None => self.fail(&format!("no line `{}` in\n{sent}", self.filled(wanted))),
            }
        }
    }

    /// What the call or the clock does.
    fn direct(&mut self, text: &str) {
        let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
        match verb {
            "ring" => self.respond(|call| call.ringing().unwrap()),
            "answer" => self.answer(),
            "reject" => {
                let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
                let reason = (!reason.is_empty()).then_some(reason);
                let code = code.parse().unwrap();
                self.respond(|call| call.reject(code, reason, &[]).unwrap());
                self.over();
            }
            "hang-up" => {
                let (_, call) = self.call.as_mut().unwrap();
                match call.hang_up(Reason::q850(16, rest)) {
                    HangUp::Bye(bye) => {
                        self.request(*bye);
                    }
                    not_yet @ (HangUp::AfterAck | HangUp::Unanswered | HangUp::Over) => {
                        self.events.push_back(format!("{not_yet:?}"));
                    }
                }
            }
            "invite" => self.invite(rest),
            "give-up" => {
                let (txn, _) = self.out.as_ref().unwrap();
                let reason = (!rest.is_empty()).then(|| Reason::q850(16, rest));
                self.endpoint.cancel(self.now, *txn, reason);
                self.settle();
            }
            "login" => {
                let (user, password) = rest.split_once(' ').unwrap();
                self.login = Some(Login {
                    user: user.to_owned(),
                    password: password.to_owned(),
                });
            }
            "transfer" => match self.call.as_mut().unwrap().1.transfer(rest) {
                Ok(refer) => {
                    self.request(refer);
                }
                Err(error) => self.events.push_back(error.to_string()),
            },
            "lose-connection" => {
                self.endpoint.flow_closed(TCP);
                self.settle();
            }
            "wait-ms" => self.wait(rest.parse().unwrap()),
            "event" => {
                let event = self.events.pop_front().unwrap_or_default();
                if event != rest {
                    self.fail(&format!("expected event `{rest}`, got `{event}`"));
                }
            }
            "silence" => self.nothing_left(),
            "drain" => self.endpoint.set_draining(true),
            "tcp" => {
                self.endpoint.flow_opened(TCP, Transport::Tcp);
                self.framer = Some(Framer::new());
            }
            "ping" => self.push(b"\r\n\r\n"),
            "octets" => self.push(&rest.replace("\\r", "\r").replace("\\n", "\n").into_bytes()),
            _ => self.fail("no such direction"),
        }
    }

    fn answer(&mut self) {
        let (txn, call) = self.call.as_mut().unwrap();
        let (txn, answer) = (*txn, call.answer(self.now, media(), &[]));
        match answer {
            Ok(answer) => {
                self.events
                    .extend(answer.negotiated.iter().map(media_event));
                self.endpoint.respond(self.now, txn, answer.response);
            }
            Err(error) => self.events.push_back(error.to_string()),
        }
    }

    /// Calls this number at the peer, by way of nobody.
    fn invite(&mut self, number: &str) {
        let parties = Parties {
            target: format!("sip:{number}@192.0.2.10;user=phone"),
            from: "<sip:+15550100@192.0.2.10>".to_owned(),
            headers: vec![(
                "P-Asserted-Identity".to_owned(),
                "<sip:+15550100@192.0.2.10>".to_owned(),
            )],
            login: self.login.clone(),
        };
        let names = CallNames {
            call_id: "out@203.0.113.9".to_owned(),
            tag: "ours".to_owned(),
            client_nonce: "0a4f113b".to_owned(),
        };
        let (flow, transport) = match self.framer {
            Some(_) => (TCP, Transport::Tcp),
            None => (UDP, Transport::Udp),
        };
        let peer = Source {
            flow,
            transport,
            local: LOCAL.parse().unwrap(),
            from: PEER.parse().unwrap(),
        };
        let way = (peer, self.endpoint.contact_on(&peer));
        let mut call = OutgoingCall::new(parties, names, way, media());
        let invite = call.invite();
        let txn = self.endpoint.invite(self.now, peer, invite);
        self.out = Some((txn, call));
        self.settle();
    }

    /// Something about the INVITE that we sent; false when it is about something else.
    fn happened_out(&mut self, event: &EndpointEvent) -> bool {
        let Some((txn, call)) = self.out.take() else {
            return false;
        };
        match event {
            EndpointEvent::Progressed { txn: of, response } if *of == txn => {
                self.progressed(txn, call, response);
            }
            EndpointEvent::Accepted { txn: of, response } if *of == txn => {
                self.accepted(txn, call, response);
            }
            EndpointEvent::Answered { txn: of, response } if *of == txn => {
                self.refused(call, response);
            }
            EndpointEvent::InDialog {
                txn: of, request, ..
            } if self.call.is_none() => {
                let mut call = call;
                let (response, media) = call.handle_request(self.now, request).unwrap();
                self.early(media.as_ref());
                self.endpoint.respond(self.now, *of, response);
                self.out = Some((txn, call));
            }
            EndpointEvent::TimedOut { txn: of, .. } if *of == txn => self.gone(call, "timed out"),
            EndpointEvent::FlowLost { txn: of } if *of == txn => self.gone(call, "flow lost"),
            EndpointEvent::GivenUp { txn: of } if *of == txn => self.gone(call, "given up"),
            EndpointEvent::Invited { .. }
            | EndpointEvent::InDialog { .. }
            | EndpointEvent::Cancelled { .. }
            | EndpointEvent::Acked { .. }
            | EndpointEvent::AckTimedOut { .. }
            | EndpointEvent::Progressed { .. }
            | EndpointEvent::Accepted { .. }
            | EndpointEvent::Answered { .. }
            | EndpointEvent::TimedOut { .. }
            | EndpointEvent::FlowLost { .. }
            | EndpointEvent::GivenUp { .. } => {
                self.out = Some((txn, call));
                return false;
            }
        }
        true
    }

    fn progressed(&mut self, txn: TxnKey, mut call: OutgoingCall, response: &rsip::Response) {
        let heard = call.heard(response);
        if heard.rings {
            self.events.push_back("ringing".to_owned());
        }
        self.early(heard.media.as_ref());
        if let Some(key) = heard.dialog {
            self.endpoint.register_dialog(key);
        }
        self.out = Some((txn, call));
    }

    fn early(&mut self, media: Option<&Negotiated>) {
        let early = media.map(|agreed| format!("early {}", media_event(agreed)));
        self.events.extend(early);
    }

    fn accepted(&mut self, txn: TxnKey, mut call: OutgoingCall, response: &rsip::Response) {
        let answered = call.answered(self.now, response).unwrap();
        self.forget(&answered.lost);
        self.events.push_back(match &answered.agreed {
            Ok(agreed) => media_event(agreed),
            Err(error) => error.to_string(),
        });
        let key = answered.session.dialog_key().clone();
        self.endpoint.register_dialog(key);
        self.call = Some((txn, *answered.session));
    }

    fn refused(&mut self, mut call: OutgoingCall, response: &rsip::Response) {
        match call.refused(response) {
            Refusal::Again { lost } => {
                self.forget(&lost);
                let (peer, invite) = (call.peer(), call.invite());
                let txn = self.endpoint.invite(self.now, peer, invite);
                self.out = Some((txn, call));
            }
            Refusal::Over { code, reason, lost } => {
                self.forget(&lost);
                let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
                self.events.push_back(format!("refused {code}{reason}"));
            }
        }
    }

    fn gone(&mut self, mut call: OutgoingCall, event: &str) {
        let lost = call.forget_early();
        self.forget(&lost);
        self.events.push_back(event.to_owned());
    }

    fn forget(&mut self, lost: &[audioroad::sip::DialogKey]) {
        for key in lost {
            self.endpoint.forget_dialog(key);
        }
    }

    fn respond(&mut self, make: impl FnOnce(&mut InviteSession) -> rsip::Response) {
        let (txn, call) = self.call.as_mut().unwrap();
        let (txn, response) = (*txn, make(call));
        self.endpoint.respond(self.now, txn, response);
    }

    fn request(&mut self, outgoing: Outgoing) -> TxnKey {
        let peer = self.call.as_ref().unwrap().1.peer();
        self.endpoint.request(self.now, peer, outgoing)
    }

    fn refresh(&mut self, due: Option<Refresh>) {
        match due {
            Some(Refresh::Ask(update)) => {
                let txn = self.request(*update);
                self.refreshes.insert(txn);
            }
            Some(Refresh::Expired(bye)) => {
                self.events.push_back("session expired".to_owned());
                self.request(*bye);
            }
            None => {}
        }
    }

    fn refresh_answered(&mut self, answer: Option<&rsip::Response>) {
        let call = &mut self.call.as_mut().unwrap().1;
        let due = call.handle_answer(self.now, answer);
        self.refresh(due);
    }

    fn in_dialog(&mut self, txn: TxnKey, request: &Incoming) {
        let (_, call) = self.call.as_mut().unwrap();
        let action = call.handle_request(self.now, request);
        self.endpoint.respond(self.now, txn, action.response);
        match action.event {
            Some(SessionEvent::Reoffered(agreed)) => {
                self.events.push_back(media_event(&agreed));
            }
            Some(SessionEvent::Dtmf { digit, duration_ms }) => {
                self.events
                    .push_back(format!("key {digit} {duration_ms} ms"));
            }
            Some(SessionEvent::Transfer(news)) => {
                self.events.push_back(format!("transfer {news:?}"));
            }
            Some(SessionEvent::HungUp { reason, unanswered }) => {
                let reason = reason.map_or("no reason".to_owned(), |r| r.to_string());
                self.events.push_back(format!("hung up: {reason}"));
                if let Some(response) = unanswered {
                    self.respond(|_| response);
                }
                self.over();
            }
            None => {}
        }
    }

    fn transfer_answered(&mut self, answer: Option<&rsip::Response>) {
        let news = self.call.as_mut().unwrap().1.transfer_answered(answer);
        self.events
            .extend(news.map(|news| format!("transfer {news:?}")));
    }

    fn over(&mut self) {
        if let Some((_, call)) = self.call.take() {
            self.endpoint.forget_dialog(call.dialog_key());
        }
    }

    fn wait(&mut self, ms: u64) {
        let until = self.now + Duration::from_millis(ms);
        loop {
            let messages = self.endpoint.poll_timeout().map(|(at, _)| at);
            let session = self.call.as_ref().and_then(|(_, call)| call.poll_timeout());
            let due = messages.into_iter().chain(session).min();
            let Some(at) = due.filter(|at| *at <= until) else {
                break;
            };
            self.now = at;
            self.endpoint.handle_timeout(at);
            self.settle();
            let call = self.call.as_mut();
            let due = call.and_then(|(_, call)| call.handle_timeout(at));
            self.refresh(due);
        }
        self.now = until;
    }

    fn settle(&mut self) {
        while let Some(event) = self.endpoint.poll_event() {
            self.happened(event);
        }
    }

    fn happened(&mut self, event: EndpointEvent) {
        if self.happened_out(&event) {
            return;
        }
        match event {
            EndpointEvent::Invited { txn, request } => match InviteSession::new(request) {
                Ok(call) => {
                    self.endpoint.register_dialog(call.dialog_key().clone());
                    self.call = Some((txn, call));
                }
                Err(response) => self.endpoint.respond(self.now, txn, *response),
            },
            EndpointEvent::InDialog { txn, request, .. } => self.in_dialog(txn, &request),
            EndpointEvent::Cancelled { txn, reason } => {
                let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
                self.events.push_back(format!("cancelled{reason}"));
                let response = self.call.as_mut().unwrap().1.cancelled().unwrap();
                self.endpoint.respond(self.now, txn, response);
                self.over();
            }
            EndpointEvent::Acked { body, .. } => {
                let outcome = self.call.as_mut().unwrap().1.handle_ack(&body);
                self.events
                    .extend(outcome.negotiated.iter().map(media_event));
                if let Some(bye) = outcome.bye {
                    self.request(bye);
                }
            }
            EndpointEvent::AckTimedOut { .. } => {
                self.events.push_back("no ACK".to_owned());
                let bye = self.call.as_mut().unwrap().1.ack_timed_out().unwrap();
                self.request(bye);
            }
            EndpointEvent::Answered { txn, response } if self.refreshes.remove(&txn) => {
                self.refresh_answered(Some(&response));
            }
            EndpointEvent::TimedOut { txn, .. } if self.refreshes.remove(&txn) => {
                self.refresh_answered(None);
            }
            EndpointEvent::Answered { response, .. } if answers(&response, Method::Refer) => {
                self.transfer_answered(Some(&response));
            }
            EndpointEvent::TimedOut {
                method: Method::Refer,
                ..
            } => self.transfer_answered(None),
            EndpointEvent::Answered { response, .. } => {
                self.events
                    .push_back(format!("answered {}", response.status_code.code()));
                self.over();
            }
            EndpointEvent::TimedOut { .. } => {
                self.events.push_back("timed out".to_owned());
                self.over();
            }
            EndpointEvent::FlowLost { .. } => self.events.push_back("flow lost".to_owned()),
            EndpointEvent::Progressed { .. }
            | EndpointEvent::Accepted { .. }
            | EndpointEvent::GivenUp { .. } => self.fail("an INVITE that nobody sent"),
        }
    }

    fn filled(&self, line: &str) -> String {
        let mut line = line.to_owned();
        for (name, value) in &self.names {
            line = line.replace(&format!("{{{name}}}"), value);
        }
        line
    }

    /// Whether `line` is as `wanted`; names met for the first time are learned.
    fn matches(&mut self, wanted: &str, line: &str) -> bool {
        let wanted = self.filled(wanted);
        let pattern = match (wanted.find('{'), wanted.find('}')) {
            (Some(open), Some(close)) if open < close => {
                let (before, after) = (&wanted[..open], &wanted[close + 1..]);
                let middle = line
                    .strip_prefix(before)
                    .and_then(|l| l.strip_suffix(after));
                let Some(middle) = middle else { return false };
                self.names
                    .insert(wanted[open + 1..close].to_owned(), middle.to_owned());
                return true;
            }
            _ => wanted,
        };
        let mut parts = pattern.split('*');
        let first = parts.next().unwrap();
        let Some(mut rest) = line.strip_prefix(first) else {
            return false;
        };
        let mut parts: Vec<&str> = parts.collect();
        let Some(last) = parts.pop() else {
            return rest.is_empty();
        };
        for part in parts {
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(last)
    }

    fn nothing_left(&mut self) {
        if let Some(transmit) = self.endpoint.poll_transmit() {
            let text = String::from_utf8_lossy(&transmit.bytes).into_owned();
            self.fail(&format!(
                "this was sent, which is not in the transcript:\n{text}"
            ));
        }
        if let Some(event) = self.events.pop_front() {
            self.fail(&format!("event `{event}` is not in the transcript"));
        }
    }

    fn fail(&self, what: &str) {
        panic!("{}:{}: {what}", self.name, self.line);
    }
}

fn content(line: &str) -> &str {
    let rest = line.get(1..).unwrap_or_default();
    rest.strip_prefix(' ').unwrap_or(rest)
}

fn media() -> MediaAddress {
    MediaAddress {
        addr: "203.0.113.9".parse().unwrap(),
        port: 10_000,
        session_id: 1,
        prefer: vec![Codec::Pcmu, Codec::Pcma],
        srtp: CallSrtp::OFF,
    }
}

fn media_event(agreed: &Negotiated) -> String {
    let hold = if agreed.hold { ", held" } else { "" };
    format!(
        "media {} {} {}{hold}",
        agreed.codec.name(),
        agreed.remote,
        agreed.direction.name()
    )
}
