//! What the endpoint answers to the torture messages, as datagrams and in a stream.

use std::net::SocketAddr;

use super::switch::*;
use crate::sip::torture::{self, Case};
use crate::sip::*;

const STREAM: FlowId = FlowId(2);

fn codes(sent: &[String]) -> String {
    let codes: Vec<&str> = sent
        .iter()
        .map(|text| text.split(' ').nth(1).unwrap())
        .collect();
    match codes.is_empty() {
        true => "silence".to_owned(),
        false => codes.join(" "),
    }
}

/// Our address and the peer's.
fn ends(case: &Case) -> (SocketAddr, SocketAddr) {
    if case.over_ipv6 {
        let address = |text: &str| text.parse().unwrap();
        return (
            address("[2001:db8::10]:5060"),
            address("[2001:db8::20]:5060"),
        );
    }
    (local(), peer())
}

fn by_datagram(case: &Case) -> Vec<String> {
    let mut switch = Switch::new(config());
    switch.octets(epoch(), FLOW, ends(case), &case.octets);
    switch.sent()
}

/// What is answered, and what becomes of a request that follows in the stream.
fn by_stream(case: &Case) -> String {
    let mut switch = Switch::new(config());
    let mut framer = Framer::new();
    switch.endpoint.flow_opened(STREAM, Transport::Tcp);
    let mut push = |octets: &[u8]| {
        framer.push(octets);
        loop {
            match framer.next_message() {
                Ok(Some(message)) => switch.octets(epoch(), STREAM, ends(case), &message),
                Ok(None) => return Ok(switch.sent()),
                Err(lost) => return Err((lost, switch.sent())),
            }
        }
    };
    let first = match push(&case.octets) {
        Ok(sent) => sent,
        Err((_, sent)) => return codes(&sent) + ", closed",
    };
    let next = request("OPTIONS", 9, 1, "next", "").replace("/UDP", "/TCP");
    match push(next.as_bytes()) {
        Ok(sent) if codes(&sent) == "200" => codes(&first),
        Ok(_) | Err(_) => codes(&first) + ", stuck",
    }
}

#[test]
fn every_torture_message_gets_its_answer() {
    for case in torture::cases() {
        let sent = by_datagram(&case);
        assert_eq!(codes(&sent), case.udp, "{}: {sent:#?}", case.name);
        for header in &case.says {
            let last = sent.last().unwrap();
            assert!(last.contains(&format!("\r\n{header}\r\n")), "{last}");
        }
        assert_eq!(by_stream(&case), case.tcp, "{} in a stream", case.name);
    }
}

#[test]
fn no_torture_message_adds_a_header_to_its_answer() {
    let ours = "Via From To Call-ID CSeq Record-Route Contact Allow Supported Unsupported Accept \
                Accept-Encoding Accept-Language Server Content-Type Content-Length";
    for case in torture::cases() {
        for answer in by_datagram(&case) {
            let (head, _) = answer.split_once("\r\n\r\n").unwrap();
            for line in head.lines().skip(1) {
                let name = line.split(':').next().unwrap();
                assert!(
                    ours.split(' ').any(|own| own == name),
                    "{}: {line}",
                    case.name
                );
            }
        }
    }
}
