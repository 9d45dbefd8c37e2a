//! Reading and writing.

mod torture;

use std::sync::OnceLock;

use bytes::Bytes;
use proptest::prelude::*;
use rsip::SipMessage;

use super::start::URI_BYTES_MAX;
use super::*;
use crate::sip::FramingLost;
use crate::sip::torture::{Case, cases as cases_of_the_rfcs};

/// An INVITE as Twilio's trunks send it.
pub(crate) const TWILIO_INVITE: &str = "INVITE sip:+15550100@203.0.113.9:5060 SIP/2.0\r\n\
Record-Route: <sip:54.172.60.0:5060;lr;ftag=08601002_c3356d0b_658b>\r\n\
Record-Route: <sip:172.18.30.7;r2=on;lr;twnat=sip:203.0.113.9:51830>\r\n\
From: \"Ada\" <sip:+15550123@station.pstn.twilio.com:5060>;tag=08601002_c3356d0b_658b\r\n\
To: <sip:+15550100@203.0.113.9:5060>\r\n\
CSeq: 29044 INVITE\r\n\
Max-Forwards: 60\r\n\
P-Asserted-Identity: <sip:+15550123@198.51.100.12:5060>\r\n\
Call-ID: fb3e0b1f3d@0.0.0.0\r\n\
Via: SIP/2.0/UDP 54.172.60.0:5060;branch=z9hG4bK1dc3.f8228f7.0\r\n\
Via: SIP/2.0/UDP 172.25.75.240:5060;rport=5060;branch=z9hG4bK658b\r\n\
Contact: <sip:+15550123@172.25.75.240:5060;transport=udp>\r\n\
Allow: INVITE,ACK,CANCEL,OPTIONS,BYE,REFER,NOTIFY\r\n\
User-Agent: Twilio Gateway\r\n\
X-Twilio-AccountSid: AC0123\r\n\
X-Twilio-CallSid: CA0123\r\n\
Content-Type: application/sdp\r\n\
Content-Length: 21\r\n\
\r\n\
v=0\r\no=- 1 1 IN IP4\r\n";

fn read(text: &str) -> Result<Inbound, WireError> {
    parse(text.as_bytes(), Framing::Datagram)
}

fn request(text: &str) -> Request {
    match read(text).unwrap().msg {
        SipMessage::Request(request) => request,
        SipMessage::Response(response) => panic!("{response:?}"),
    }
}

#[test]
fn a_trunk_invite_reads_and_writes_the_same() {
    let inbound = read(TWILIO_INVITE).unwrap();
    let SipMessage::Request(request) = &inbound.msg else {
        panic!()
    };
    assert_eq!(inbound.raw_uri, "sip:+15550100@203.0.113.9:5060");
    let routes: Vec<&str> = value::all(&request.headers, "record-route").collect();
    assert_eq!(
        routes[1],
        "<sip:172.18.30.7;r2=on;lr;twnat=sip:203.0.113.9:51830>"
    );
    assert_eq!(request.body, b"v=0\r\no=- 1 1 IN IP4\r\n");
    let moved = TWILIO_INVITE.replace("Content-Length: 21\r\n", "");
    let moved = moved.replace("\r\n\r\n", "\r\nContent-Length: 21\r\n\r\n");
    assert_eq!(emit(&inbound), moved.as_bytes());
}

#[test]
fn octets_that_are_not_utf_8_survive() {
    let mut bytes = TWILIO_INVITE.as_bytes().to_vec();
    let at = TWILIO_INVITE.find("Ada").unwrap();
    bytes[at] = 0xc4;
    let inbound = parse(&bytes, Framing::Datagram).unwrap();
    let SipMessage::Request(request) = inbound.msg else {
        panic!()
    };
    let from = value::find(&request.headers, "From").unwrap();
    assert_eq!(value::display(from).as_deref(), Some("Äda"));
}

#[test]
fn nobody_adds_a_header_with_a_line_break() {
    let mut request = request(TWILIO_INVITE);
    request
        .headers
        .push(header("X-Name", "a\r\nX-Evil: 1\nY: 2".to_owned()));
    request
        .headers
        .push(header("Bad Name\r\nX-Evil", "1".to_owned()));
    let out = emit_request(&request, "sip:a@h\r\nX-Evil: 1");
    let out = std::str::from_utf8(&out).unwrap();
    assert!(out.contains("X-Name: a  X-Evil: 1 Y: 2\r\n"));
    assert!(!out.contains("\nX-Evil") && !out.contains("\nY"));
}

#[test]
fn a_reason_phrase_is_written_as_given_or_as_in_the_rfc() {
    let response = |status_code| Response {
        status_code,
        ..Response::default()
    };
    let line = |status| {
        let bytes = emit_response(&response(status));
        String::from_utf8(bytes.to_vec())
            .unwrap()
            .lines()
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        line(StatusCode::NotAcceptableHere),
        "SIP/2.0 488 Not Acceptable Here"
    );
    assert_eq!(
        line(StatusCode::Other(486, "Lines full\r\nX: 1".into())),
        "SIP/2.0 486 Lines full  X: 1"
    );
}

#[test]
fn limits_are_refused_with_their_code() {
    let with = |extra: &str| TWILIO_INVITE.replace("X-Twilio-AccountSid: AC0123\r\n", extra);
    let refused = |text: &str| match read(text) {
        Err(WireError::Refused { status, .. }) => Some(status),
        Ok(_) | Err(WireError::Ignored(_)) => None,
    };
    let many = "X: y\r\n".repeat(HEADERS_MAX);
    assert_eq!(refused(&with(&many)), Some(400));
    let long_uri = TWILIO_INVITE.replacen("+15550100", &"1".repeat(URI_BYTES_MAX), 1);
    assert_eq!(refused(&long_uri), Some(414));
    let huge = TWILIO_INVITE.replace("Content-Length: 21", "Content-Length: 65537");
    assert_eq!(refused(&huge), Some(413));
    let long = with(&format!("X: {}\r\n", "y".repeat(HEAD_BYTES_MAX)));
    assert_eq!(refused(&long), Some(513));
    let unending = TWILIO_INVITE.split("\r\n\r\n").next().unwrap();
    assert_eq!(refused(unending), Some(400));
}

#[test]
fn a_stream_is_cut_where_content_length_says() {
    let mut framer = Framer::new();
    let stream = format!("\r\n{TWILIO_INVITE}\r\n\r\n{TWILIO_INVITE}");
    let mut cut = Vec::new();
    for octet in stream.as_bytes() {
        framer.push(&[*octet]);
        while let Some(message) = framer.next_message().unwrap() {
            cut.push(message);
        }
    }
    let whole = Bytes::from_static(TWILIO_INVITE.as_bytes());
    assert_eq!(cut, [whole.clone(), Bytes::from_static(b"\r\n\r\n"), whole]);
}

#[test]
fn a_stream_goes_on_after_a_message_that_is_refused() {
    let oversized = TWILIO_INVITE.replace("Content-Length: 21", "Content-Length: 70000");
    let (head, _) = oversized.split_once("\r\n\r\n").unwrap();
    let mut framer = Framer::new();
    framer.push(head.as_bytes());
    framer.push(b"\r\n\r\n");
    framer.push(&[b'x'; 30_000]);
    let message = framer.next_message().unwrap().unwrap();
    assert!(matches!(
        parse(&message, Framing::Stream),
        Err(WireError::Refused { status: 413, .. })
    ));
    assert_eq!(framer.next_message(), Ok(None));
    framer.push(&[b'x'; 40_000]);
    framer.push(TWILIO_INVITE.as_bytes());
    assert_eq!(
        framer.next_message().unwrap().unwrap(),
        TWILIO_INVITE.as_bytes()
    );
}

#[test]
fn a_stream_without_a_length_to_trust_is_closed_after_its_last_message() {
    for length in ["x", "-1", "21\r\nl: 20"] {
        let text = TWILIO_INVITE.replace("Length: 21", &format!("Length: {length}"));
        let mut framer = Framer::new();
        framer.push(text.as_bytes());
        let message = framer.next_message().unwrap().unwrap();
        assert!(matches!(
            parse(&message, Framing::Stream),
            Err(WireError::Refused { status: 400, .. })
        ));
        assert_eq!(framer.next_message(), Err(FramingLost::ContentLength));
    }
    let mut framer = Framer::new();
    framer.push(&[b'x'; HEAD_BYTES_MAX + 4]);
    assert_eq!(framer.next_message(), Err(FramingLost::HeadTooLarge));
    let mut framer = Framer::new();
    framer.push(
        TWILIO_INVITE
            .replace("Length: 21", "Length: 2000000")
            .as_bytes(),
    );
    assert!(framer.next_message().unwrap().is_some());
    assert_eq!(framer.next_message(), Err(FramingLost::BodyTooLarge));
}

#[test]
fn over_a_stream_no_length_means_no_body() {
    let text = TWILIO_INVITE.replace("Content-Length: 21\r\n", "");
    let mut framer = Framer::new();
    framer.push(text.as_bytes());
    let message = framer.next_message().unwrap().unwrap();
    assert!(message.ends_with(b"\r\n\r\n"));
    assert!(parse(&message, Framing::Stream).is_ok());
}

/// The torture messages, read once.
fn messages() -> &'static [Case] {
    static MESSAGES: OnceLock<Vec<Case>> = OnceLock::new();
    MESSAGES.get_or_init(cases_of_the_rfcs)
}

/// No file is written beside the sources: a case worth keeping becomes a test.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        cases,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn no_octets_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = parse(&bytes, Framing::Datagram);
        let mut framer = Framer::new();
        framer.push(&bytes);
        for _ in 0..bytes.len() {
            if !matches!(framer.next_message(), Ok(Some(_))) {
                break;
            }
        }
    }

    #[test]
    fn no_mutation_makes_it_panic_and_what_reads_is_stable(
        case in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..8),
    ) {
        let mut bytes = case.get(messages()).octets.clone();
        for (at, octet, kind) in edits {
            let at = at.index(bytes.len().max(1)).min(bytes.len().saturating_sub(1));
            match kind {
                0 if !bytes.is_empty() => bytes[at] = octet,
                1 if !bytes.is_empty() => { bytes.remove(at); }
                _ => bytes.insert(at, octet),
            }
        }
        for framing in [Framing::Datagram, Framing::Stream] {
            if let Ok(inbound) = parse(&bytes, framing) {
                let once = emit(&inbound);
                let again = parse(&once, Framing::Stream);
                prop_assert!(again.is_ok(), "{:?}\n{}", again, String::from_utf8_lossy(&once));
                prop_assert_eq!(emit(&again.unwrap()), once);
            }
        }
    }

    #[test]
    fn a_stream_cut_anywhere_gives_the_same_messages(
        cuts in prop::collection::vec(1..400_usize, 0..12),
    ) {
        let stream = TWILIO_INVITE.repeat(3);
        let mut framer = Framer::new();
        let (mut rest, mut count) = (stream.as_bytes(), 0);
        for cut in cuts.into_iter().chain([usize::MAX]) {
            let (now, later) = rest.split_at(cut.min(rest.len()));
            framer.push(now);
            rest = later;
            while let Some(message) = framer.next_message().unwrap() {
                prop_assert_eq!(&message[..], TWILIO_INVITE.as_bytes());
                count += 1;
            }
        }
        prop_assert_eq!(count, 3);
    }
}
