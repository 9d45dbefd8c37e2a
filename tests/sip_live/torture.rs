//! Every torture message by UDP and in a stream, each followed by a call that works.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::line::{By, Dialog, Line, Message, SDP};
use crate::switch::Switch;
use crate::texts::{Case, cases};

/// A switch on all addresses of both families, with a show that takes calls.
fn switch() -> Switch {
    let switch = Switch::start(&[("BIND", "::")]);
    switch.go_live();
    switch
}

fn loopback(ipv6: bool) -> IpAddr {
    match ipv6 {
        true => Ipv6Addr::LOCALHOST.into(),
        false => Ipv4Addr::LOCALHOST.into(),
    }
}

/// A peer of the family that the message wants.
fn peer(switch: &Switch, by: By, ipv6: bool) -> Line {
    let target = SocketAddr::new(loopback(ipv6), switch.sip().port());
    Line::new(by, loopback(ipv6), target)
}

/// Some messages of the RFCs share branch and Call-ID, by which one would be the repetition of the other.
fn under_a_name_of_its_own(case: &Case, number: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(case.octets.len() + 8);
    let mut rest = &case.octets[..];
    while let Some((octet, after)) = rest.split_first() {
        let is_branch = out.ends_with(b"z9hG4bK") && octet.is_ascii_alphanumeric();
        if is_branch || (out.ends_with(b"Call-ID: ") && *octet != b' ') {
            out.extend(format!("n{number}").into_bytes());
        }
        out.push(*octet);
        rest = after;
    }
    out
}

/// The codes that came, and how the stream fares.
fn answers(line: &mut Line, case: &Case, number: usize, expected: &str) -> String {
    line.send(&under_a_name_of_its_own(case, number));
    let (codes, fate) = expected.split_once(", ").unwrap_or((expected, ""));
    let wanted = match codes {
        "silence" => 0,
        codes => codes.split(' ').count(),
    };
    let mut came: Vec<Message> = Vec::new();
    while came.len() < wanted {
        came.push(line.until(&case.name, |_| true));
    }
    let fared = match fate {
        // What is left of the message waits for more; what would follow it is taken for its body.
        "stuck" => Ok(Vec::new()),
        _ => line.so_far(),
    };
    let fared = match fared {
        Ok(more) => {
            came.extend(more);
            fate.to_owned()
        }
        Err(fate) => fate.to_owned(),
    };
    for ok in came.iter().filter(|message| message.status() == 200) {
        if fate != "stuck" {
            let offered = case
                .octets
                .windows(7)
                .any(|window| window == b"\r\n\r\nv=0");
            hang_up(line, ok, if offered { "" } else { SDP });
        }
    }
    let codes: Vec<String> = came
        .iter()
        .map(|message| message.status().to_string())
        .collect();
    let codes = match codes.is_empty() {
        true => "silence".to_owned(),
        false => codes.join(" "),
    };
    match fared.as_str() {
        "" => codes,
        fared => format!("{codes}, {fared}"),
    }
}

/// Acknowledges and ends a call that a message brought up; `answer` is that to an offer of the switch.
fn hang_up(line: &mut Line, ok: &Message, answer: &str) {
    let cseq = ok.header("CSeq").unwrap();
    let Some(number) = cseq.strip_suffix("INVITE") else {
        return;
    };
    let cseq: u32 = number.trim().parse().unwrap();
    let from = format!("From: {}\r\n", ok.header("From").unwrap());
    let dialog = Dialog {
        call: ok.header("Call-ID").unwrap(),
        to: ok.header("To").unwrap(),
        cseq,
    };
    for (method, cseq, body) in [("ACK", cseq, answer), ("BYE", cseq + 1, "")] {
        let request = line.request((method, cseq), (&dialog.call, &dialog.to), "", body);
        let ours = request.find("From:").zip(request.find("To:")).unwrap();
        let request = format!("{}{from}{}", &request[..ours.0], &request[ours.1..]);
        if method == "ACK" {
            line.send(request.as_bytes());
        } else {
            assert_eq!(line.final_of(&request).status(), 200, "{}", ok.0);
        }
    }
}

fn play(by: By, expected: impl Fn(&Case) -> &str) -> Vec<(String, String, String)> {
    let switch = switch();
    let mut caller = peer(&switch, by, false);
    let mut rows = Vec::new();
    for (number, case) in cases().into_iter().enumerate() {
        let mut line = peer(&switch, by, case.over_ipv6);
        let got = answers(&mut line, &case, number, expected(&case));
        rows.push((case.name.clone(), expected(&case).to_owned(), got));
        caller.a_call_works();
    }
    rows
}

fn judge(by: By, rows: &[(String, String, String)]) {
    println!(
        "{by:?}, {} messages, each followed by a call that works",
        rows.len()
    );
    for (name, expected, got) in rows {
        let mark = if expected == got { "right" } else { "WRONG" };
        println!("  {mark} {name:44} {got}");
    }
    let wrong: Vec<_> = rows
        .iter()
        .filter(|(_, expected, got)| expected != got)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let of = |rfc: &str| {
        rows.iter()
            .filter(|(name, ..)| name.starts_with(rfc))
            .count()
    };
    // 13 valid ones, 19 invalid ones, 17 for the layers above; then those of IPv6.
    let valid = of("rfc4475-3.1.1.");
    assert_eq!((valid, of("rfc4475-"), of("rfc5118-")), (13, 49, 12));
}

#[test]
fn every_torture_message_is_answered_by_the_running_switch_over_udp() {
    judge(By::Udp, &play(By::Udp, |case| &case.udp));
}

#[test]
fn every_torture_message_is_answered_by_the_running_switch_in_a_stream() {
    judge(By::Tcp, &play(By::Tcp, |case| &case.tcp));
}
