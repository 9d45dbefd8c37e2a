//! What the wire makes of the torture messages.

use rsip::SipMessage;

use super::super::*;
use crate::sip::incoming::tag;
use crate::sip::torture;
use crate::sip::value::via::Via;

/// What was read, in the words of the files.
fn told(read: &Result<Inbound, WireError>) -> String {
    let message = match read {
        Err(WireError::Ignored(_)) => return "silence".to_owned(),
        Err(WireError::Refused { status, .. }) => return status.to_string(),
        Ok(inbound) => &inbound.msg,
    };
    let request = match message {
        SipMessage::Response(response) => {
            let code = response.status_code.code();
            return format!("{code} body={}", response.body.len());
        }
        SipMessage::Request(request) => request,
    };
    let find = |name| value::find(&request.headers, name);
    let via = find("Via").and_then(Via::parse);
    format!(
        "{} branch={} from={} to={} cseq={} body={}",
        request.method,
        via.and_then(|via| via.branch()).unwrap_or_default(),
        tag(find("From")),
        tag(find("To")),
        find("CSeq").and_then(value::cseq).unwrap().0,
        request.body.len()
    )
}

#[test]
fn every_torture_message_reads_as_it_must() {
    let cases = torture::cases();
    assert_eq!(cases.len(), 61);
    for case in cases {
        let read = parse(&case.octets, Framing::Datagram);
        assert_eq!(told(&read), case.wire, "{}: {read:#?}", case.name);
    }
}

#[test]
fn the_tortuous_headers_read_in_full() {
    let cases = torture::cases();
    let wsinv = cases.iter().find(|case| case.name.ends_with("wsinv"));
    let inbound = parse(&wsinv.unwrap().octets, Framing::Datagram).unwrap();
    let SipMessage::Request(request) = inbound.msg else {
        panic!()
    };
    let all = |name| value::all(&request.headers, name).collect::<Vec<_>>();
    assert_eq!(
        all("Via"),
        [
            "SIP/2.0/UDP 192.0.2.2;branch=390skdjuw",
            "SIP/2.0/TCP spindle.example.com;branch=z9hG4bK9ikj8",
            "SIP/2.0/UDP 192.168.255.111;branch=z9hG4bK30239",
        ]
    );
    assert_eq!(all("Subject"), [""]);
    assert_eq!(
        all("NewFangledHeader"),
        ["newfangled value continued newfangled value"]
    );
    assert_eq!(
        all("Contact"),
        [r#""Quoted string \"\"" <sip:jd@example.com>;newparam=newvalue;secondparam;q=0.33"#]
    );
}

#[test]
fn nothing_is_said_where_nothing_may_be_said() {
    for text in [
        "ACK sip:user@example.com SIP/7.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n\r\n",
        "OPTIONS sip:user@example.com SIP/2.0\r\nVia: nonsense\r\n\r\n",
        "\r\n\r\n",
    ] {
        let read = parse(text.as_bytes(), Framing::Datagram);
        assert!(matches!(read, Err(WireError::Ignored(_))), "{text}");
    }
}
