//! What calls out may say, and what nobody may make them say.

use std::time::Instant;

use proptest::prelude::*;

use super::*;
use crate::sip::sdp::Codec;
use crate::sip::trunk::{Trunk, TrunkTable};
use crate::sip::{
    CallSrtp, Endpoint, EndpointConfig, EndpointEvent, FlowId, Framing, Limits, Timings, Transport,
    parse,
};

const PEER: &str = "192.0.2.10:5060";
const LOCAL: &str = "203.0.113.9:5060";
const FLOW: FlowId = FlowId(1);

#[expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]
fn epoch() -> Instant {
    Instant::now()
}

fn endpoint() -> Endpoint {
    Endpoint::new(EndpointConfig {
        host_v4: None,
        host_v6: None,
        udp_port: 5060,
        tcp_port: 5060,
        tls_port: 5061,
        user_agent: "audioroad".to_owned(),
        secret: [7; 32],
        timings: Timings::default(),
        limits: Limits::default(),
    })
}

fn source() -> Source {
    Source {
        flow: FLOW,
        transport: Transport::Udp,
        local: LOCAL.parse().unwrap(),
        from: PEER.parse().unwrap(),
    }
}

fn media() -> MediaAddress {
    MediaAddress {
        addr: source().local.ip(),
        port: 10_000,
        session_id: 1,
        prefer: vec![Codec::Pcmu, Codec::Pcma],
        srtp: CallSrtp::OFF,
    }
}

fn call(parties: Parties) -> OutgoingCall {
    let names = CallNames {
        call_id: "c".into(),
        tag: "t".into(),
        client_nonce: "n".into(),
    };
    let contact = "<sip:203.0.113.9:5060>".to_owned();
    OutgoingCall::new(parties, names, (source(), contact), media())
}

fn trunk() -> Trunk {
    let table = TrunkTable {
        name: "acme".into(),
        profile: "carrier".into(),
        allow: Some("none".into()),
        dial: Some("sip:192.0.2.10".into()),
        caller_id: Some("+15550100".into()),
        ..TrunkTable::default()
    };
    Trunk::new(table).unwrap()
}

/// What goes out when this number is dialled.
fn sent(parties: Parties) -> String {
    let mut endpoint = endpoint();
    let invite = call(parties).invite();
    endpoint.invite(epoch(), source(), invite);
    let transmit = endpoint.poll_transmit().unwrap();
    String::from_utf8(transmit.bytes.to_vec()).unwrap()
}

proptest! {
    /// Whatever an operator types, the INVITE has the same headers, and its first line one more number.
    #[test]
    fn no_typing_adds_a_line_or_a_header(text in "\\PC{0,30}|[+0-9]{0,6}[\r\n;@<>?:%, a-zA-Z+0-9]{0,20}") {
        let Some(parties) = trunk().parties(&text) else {
            return Ok(());
        };
        let plain = sent(trunk().parties("1").unwrap());
        let names = |message: &str| -> Vec<String> {
            let lines = message.lines().skip(1);
            lines.map(|line| line.split(':').next().unwrap().to_owned()).collect()
        };
        let message = sent(parties);
        prop_assert_eq!(names(&message), names(&plain));
        prop_assert!(parse(message.as_bytes(), Framing::Datagram).is_ok());
    }

    /// Whatever a far end answers, nothing panics and no more than the allowed tries follow.
    #[test]
    fn no_answer_makes_us_ask_for_ever(
        codes in proptest::collection::vec((300_u16..700, "\\PC{0,40}", any::<bool>()), 1..40),
    ) {
        let mut parties = trunk().parties("1").unwrap();
        parties.login = Some(Login { user: "u".into(), password: "p".into() });
        let mut call = call(parties);
        let mut tries = 1;
        call.invite();
        for (code, junk, is_challenge) in codes {
            let code = if is_challenge { 401 + code % 2 * 6 } else { code };
            let challenge = format!("Digest realm=\"r\", nonce=\"{junk}\", stale=true");
            let headers = vec![
                header("WWW-Authenticate", challenge.clone()),
                header("Proxy-Authenticate", challenge),
                header("Min-SE", junk.clone()),
                header("Contact", junk.clone()),
                header("Reason", junk),
            ];
            let response = Response {
                status_code: code.into(),
                version: Version::V2,
                headers: headers.into(),
                body: Vec::new(),
            };
            match call.refused(&response) {
                Refusal::Again { .. } => {
                    call.invite();
                    tries += 1;
                }
                Refusal::Over { .. } => break,
            }
        }
        prop_assert!(tries <= 6, "{tries}");
    }
}

fn out(endpoint: &mut Endpoint) -> Vec<String> {
    std::iter::from_fn(|| endpoint.poll_transmit())
        .map(|transmit| String::from_utf8(transmit.bytes.to_vec()).unwrap())
        .collect()
}

/// A call of ours that was answered.
fn talking(now: Instant) -> (Endpoint, OutgoingCall, Box<InviteSession>) {
    let mut endpoint = endpoint();
    let mut call = call(trunk().parties("1").unwrap());
    let invite = call.invite();
    endpoint.invite(now, source(), invite);
    let ours = out(&mut endpoint).remove(0);
    let via = ours.lines().find(|line| line.starts_with("Via")).unwrap();
    let ok = format!(
        "SIP/2.0 200 OK\r\n{via}\r\nFrom: <sip:+15550100@192.0.2.10>;tag=t\r\nTo: <sip:1@192.0.2.10>;tag=theirs\r\n\
         Call-ID: c\r\nCSeq: 1 INVITE\r\nContact: <sip:gw@192.0.2.10>\r\nContent-Length: 0\r\n\r\n"
    );
    let (local, peer) = (source().local, source().from);
    endpoint.handle_datagram(now, FLOW, local, peer, ok.as_bytes());
    let Some(EndpointEvent::Accepted { response, .. }) = endpoint.poll_event() else {
        panic!("no answer");
    };
    let session = call.answered(now, &response).unwrap().session;
    endpoint.register_dialog(session.dialog_key().clone());
    assert!(out(&mut endpoint)[0].starts_with("ACK"));
    (endpoint, call, session)
}

/// Answers whatever has come in: in the call, or as a call that is busy.
fn answer_all(now: Instant, endpoint: &mut Endpoint, session: &mut InviteSession) {
    while let Some(event) = endpoint.poll_event() {
        match event {
            EndpointEvent::InDialog { txn, request, .. } => {
                let action = session.handle_request(now, &request);
                endpoint.respond(now, txn, action.response);
            }
            EndpointEvent::Invited { txn, request } => {
                let mut session = InviteSession::new(request).unwrap();
                let busy = session.reject(486, None, &[]).unwrap();
                endpoint.respond(now, txn, busy);
            }
            EndpointEvent::Cancelled { .. }
            | EndpointEvent::Progressed { .. }
            | EndpointEvent::Accepted { .. }
            | EndpointEvent::GivenUp { .. }
            | EndpointEvent::Acked { .. }
            | EndpointEvent::AckTimedOut { .. }
            | EndpointEvent::Answered { .. }
            | EndpointEvent::TimedOut { .. }
            | EndpointEvent::FlowLost { .. } => {}
        }
    }
}

/// Everything that a peer might hope makes us call somebody, in a call that is up and outside of one.
#[test]
fn nothing_that_comes_in_makes_the_endpoint_invite() {
    let now = epoch();
    let (mut endpoint, mut call, mut session) = talking(now);
    let (local, peer) = (source().local, source().from);
    let methods = [
        "REFER",
        "NOTIFY",
        "SUBSCRIBE",
        "MESSAGE",
        "PUBLISH",
        "REGISTER",
        "INFO",
        "OPTIONS",
        "UPDATE",
        "PRACK",
        "CANCEL",
        "INVITE",
        "DANCE",
    ];
    let bait = "Refer-To: <sip:+19005550000@192.0.2.66>\r\nReplaces: c;to-tag=t;from-tag=theirs\r\n\
         Contact: <sip:+19005550000@192.0.2.66>\r\nRoute: <sip:192.0.2.66;lr>\r\nReply-To: <sip:x@192.0.2.66>\r\n\
         Event: refer\r\nSubscription-State: terminated\r\nReferred-By: <sip:x@192.0.2.66>\r\n";
    for (number, method) in methods.into_iter().enumerate() {
        for tag in [";tag=t", ""] {
            let request = format!(
                "{method} sip:+19005550000@203.0.113.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK{number}{tag}\r\n\
                 From: <sip:1@192.0.2.10>;tag=theirs\r\nTo: <sip:+15550100@192.0.2.10>{tag}\r\nCall-ID: c\r\n\
                 CSeq: {} {method}\r\nMax-Forwards: 70\r\n{bait}Content-Length: 0\r\n\r\n",
                number + 1
            );
            endpoint.handle_datagram(now, FLOW, local, peer, request.as_bytes());
            answer_all(now, &mut endpoint, &mut session);
        }
    }
    // And every redirection and failure of a call of ours.
    for code in [300, 301, 302, 305, 380, 401, 407, 422, 503] {
        let contact = "<sip:+19005550000@192.0.2.66>".to_owned();
        let response = Response {
            status_code: code.into(),
            version: Version::V2,
            headers: vec![header("Contact", contact)].into(),
            body: Vec::new(),
        };
        let refusal = call.refused(&response);
        assert!(matches!(refusal, Refusal::Over { .. }), "{code}");
    }
    let said = out(&mut endpoint);
    assert!(said.len() >= methods.len(), "{}", said.len());
    for message in said {
        assert!(message.starts_with("SIP/2.0 "), "{message}");
        assert!(!message.contains("Refer-To"), "{message}");
    }
}
