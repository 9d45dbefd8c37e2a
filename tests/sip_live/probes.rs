//! What peers ask of a switch, and what they must get: each line a probe by UDP and by TCP, on the running switch.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use audioroad::sip::{ALLOW, SUPPORTED};

use crate::line::{By, Line, Message, SDP};
use crate::switch::Switch;

/// A probe: its name, what it does with a peer, what must come of it.
type Probe = (&'static str, fn(&mut Line) -> String, &'static str);

const PROBES: &[Probe] = &[
    (
        "INVITE with an offer",
        |line| outside(line, "INVITE", "", SDP),
        "200",
    ),
    (
        "INVITE without an offer is answered with one",
        offerless,
        "200 sendrecv, then 200",
    ),
    (
        "a 200 says Allow and Supported",
        says_what_it_speaks,
        "200 Allow Supported",
    ),
    ("a caller's name in Latin-1", latin_1, "200"),
    (
        "two callers who withhold their numbers",
        two_anonymous,
        "200 200, then 200 200",
    ),
    (
        "a sendonly hold",
        |line| reoffered(line, "sendonly"),
        "200 recvonly, then 200 sendrecv",
    ),
    (
        "an inactive hold",
        |line| reoffered(line, "inactive"),
        "200 inactive, then 200 sendrecv",
    ),
    (
        "a recvonly offer",
        |line| reoffered(line, "recvonly"),
        "200 sendonly, then 200 sendrecv",
    ),
    (
        "a hold with c=0.0.0.0 (RFC 2543)",
        old_hold,
        "200 recvonly, then 200 sendrecv",
    ),
    (
        "UPDATE with an offer",
        |line| {
            inside(
                line,
                "UPDATE",
                "",
                &SDP.replace("m=audio", "a=sendonly\r\nm=audio"),
            )
        },
        "200",
    ),
    (
        "UPDATE without one",
        |line| inside(line, "UPDATE", "", ""),
        "200",
    ),
    (
        "INFO with a key",
        |line| {
            inside(
                line,
                "INFO",
                "Content-Type: application/dtmf-relay\r\n",
                "Signal=5\r\nDuration=160\r\n",
            )
        },
        "200",
    ),
    (
        "PRACK of no 180",
        |line| inside(line, "PRACK", "RAck: 1 1 INVITE\r\n", ""),
        "481",
    ),
    (
        "OPTIONS within a call",
        |line| inside(line, "OPTIONS", "", ""),
        "200",
    ),
    (
        "Require: 100rel",
        |line| outside(line, "INVITE", "Require: 100rel\r\n", SDP),
        "200",
    ),
    (
        "Require: an extension nobody knows",
        |line| outside(line, "INVITE", "Require: foobar\r\n", SDP),
        "420 Unsupported: foobar",
    ),
    ("Session-Expires", session_timer, "200 1800;refresher=uac"),
    (
        "Session-Expires below 90",
        |line| {
            outside(
                line,
                "INVITE",
                "Supported: timer\r\nSession-Expires: 60\r\n",
                SDP,
            )
        },
        "422 Min-SE: 90",
    ),
    (
        "an offer of UDP/TLS/RTP/SAVPF",
        |line| {
            outside(
                line,
                "INVITE",
                "",
                &SDP.replace("RTP/AVP", "UDP/TLS/RTP/SAVPF"),
            )
        },
        "488",
    ),
    (
        "an offer without a codec of ours",
        |line| outside(line, "INVITE", "", &SDP.replace("0 8 101", "18 101")),
        "488",
    ),
    (
        "a re-INVITE that cannot be taken leaves the call",
        bad_reoffer,
        "488, then 200",
    ),
    (
        "REFER",
        |line| outside(line, "REFER", "Refer-To: <sip:a@example.com>\r\n", ""),
        "405 Allow",
    ),
    (
        "REFER within a call",
        |line| inside(line, "REFER", "Refer-To: <sip:a@example.com>\r\n", ""),
        "405 Allow",
    ),
    (
        "MESSAGE",
        |line| outside(line, "MESSAGE", "Content-Type: text/plain\r\n", "hello"),
        "405 Allow",
    ),
    (
        "SUBSCRIBE",
        |line| outside(line, "SUBSCRIBE", "Event: presence\r\n", ""),
        "405 Allow",
    ),
    (
        "REGISTER",
        |line| outside(line, "REGISTER", "", ""),
        "405 Allow",
    ),
    (
        "a method nobody knows",
        |line| outside(line, "DANCE", "", ""),
        "501",
    ),
    (
        "a method nobody knows within a call",
        |line| inside(line, "DANCE", "", ""),
        "501",
    ),
    (
        "SIP/7.0",
        |line| altered(line, "SIP/2.0\r\nVia", "SIP/7.0\r\nVia"),
        "505",
    ),
    (
        "a scheme nobody knows",
        |line| altered(line, "INVITE sip:", "INVITE nobody:"),
        "416",
    ),
    (
        "CSeq of another method",
        |line| altered(line, "1 INVITE\r\n", "1 BYE\r\n"),
        "400",
    ),
    (
        "CSeq too large",
        |line| altered(line, "CSeq: 1 ", "CSeq: 4294967296 "),
        "400",
    ),
    ("no From", |line| altered(line, "From:", "X-From:"), "400"),
    (
        "no Call-ID",
        |line| altered(line, "Call-ID:", "X-Call-ID:"),
        "400",
    ),
    (
        "no Contact",
        |line| altered(line, "Contact:", "X-Contact:"),
        "400",
    ),
    (
        "a body of another type",
        |line| outside(line, "INVITE", "Content-Type: application/isup\r\n", "x"),
        "415 Accept",
    ),
    (
        "a body in a coding",
        |line| outside(line, "INVITE", "Content-Encoding: gzip\r\n", SDP),
        "415 Accept",
    ),
    (
        "no description wanted",
        |line| outside(line, "INVITE", "Accept: text/html\r\n", SDP),
        "406",
    ),
    (
        "Content-Length : 4 after compact names",
        spaced_length,
        "200",
    ),
    ("BYE of no call", |line| stray(line, "BYE"), "481"),
    ("re-INVITE of no call", |line| stray(line, "INVITE"), "481"),
    (
        "CANCEL of nothing",
        |line| outside(line, "CANCEL", "", ""),
        "481",
    ),
    (
        "CANCEL of a call that is answered",
        late_cancel,
        "200, then 200",
    ),
    ("a call by two ways", merged, "200 482"),
    (
        "the same INVITE again is the same call",
        repeated_invite,
        "200, the same tag",
    ),
    (
        "a 200 without its ACK comes again and again",
        unacknowledged,
        "again after 0.5 s and 1.0 s",
    ),
    ("the same BYE again", repeated_bye, "as it must"),
    ("a number that runs backwards", backwards, "500"),
    (
        "Max-Forwards: 0",
        |line| altered(line, "Forwards: 70", "Forwards: 0"),
        "200",
    ),
];

/// The code of an answer, with what it must say besides.
fn told(answer: &Message) -> String {
    let code = answer.status().to_string();
    let value = |name: &str| format!("{code} {name}: {}", answer.header(name).unwrap_or_default());
    match answer.status() {
        405 if answer.header("Allow").as_deref() == Some(ALLOW) => format!("{code} Allow"),
        415 if answer.header("Accept").is_some() => format!("{code} Accept"),
        420 => value("Unsupported"),
        422 => value("Min-SE"),
        _ => code,
    }
}

/// A request outside of any call; a call that it brings up is ended.
fn outside(line: &mut Line, method: &str, headers: &str, body: &str) -> String {
    let call = line.name();
    let request = line.request((method, 1), (&call, ""), headers, body);
    finish(line, &request)
}

/// An INVITE with one thing changed.
fn altered(line: &mut Line, from: &str, to: &str) -> String {
    let call = line.name();
    let request = line.request(("INVITE", 1), (&call, ""), "", SDP);
    assert!(request.contains(from), "{from}");
    let request = request.replacen(from, to, 1);
    line.send(request.as_bytes());
    let answer = line.until(&request, |message| message.status() >= 200);
    end(line, &request, &answer);
    told(&answer)
}

/// The answer to `request`; a call that it brings up is ended.
fn finish(line: &mut Line, request: &str) -> String {
    let answer = line.final_of(request);
    end(line, request, &answer);
    told(&answer)
}

fn end(line: &mut Line, request: &str, answer: &Message) {
    if answer.status() == 200 && request.starts_with("INVITE") {
        let dialog = crate::line::Dialog {
            call: answer.header("Call-ID").unwrap(),
            to: answer.header("To").unwrap(),
            cseq: 1,
        };
        line.acknowledge(&dialog, "");
        assert_eq!(line.hang_up(dialog).status(), 200);
    }
}

/// A request within a call, which goes on and is ended then.
fn inside(line: &mut Line, method: &str, headers: &str, body: &str) -> String {
    let (mut dialog, _) = line.call("", SDP);
    let told = told(&line.within(&mut dialog, method, headers, body));
    assert_eq!(line.hang_up(dialog).status(), 200);
    told
}

fn offerless(line: &mut Line) -> String {
    let call = line.name();
    let invite = line.request(("INVITE", 1), (&call, ""), "", "");
    let ok = line.final_of(&invite);
    let dialog = crate::line::Dialog {
        call,
        to: ok.header("To").unwrap(),
        cseq: 1,
    };
    line.acknowledge(&dialog, &SDP.replace("0 8 101", "0 101"));
    format!(
        "{} {}, then {}",
        ok.status(),
        ok.direction(),
        line.hang_up(dialog).status()
    )
}

fn says_what_it_speaks(line: &mut Line) -> String {
    let (dialog, ok) = line.call("", SDP);
    line.hang_up(dialog);
    let says = |name: &str, value: &str| match ok.header(name).as_deref() == Some(value) {
        true => format!(" {name}"),
        false => format!(" no {name}"),
    };
    format!(
        "{}{}{}",
        ok.status(),
        says("Allow", ALLOW),
        says("Supported", SUPPORTED)
    )
}

fn latin_1(line: &mut Line) -> String {
    let call = line.name();
    let request = line.request(("INVITE", 1), (&call, ""), "", SDP);
    let (before, after) = request.split_once("From: ").unwrap();
    let octets = [before.as_bytes(), b"From: \"J\xfcrgen\" ", after.as_bytes()].concat();
    line.send(&octets);
    let answer = line.until("an answer", |message| message.status() >= 200);
    end(line, "INVITE", &answer);
    told(&answer)
}

fn two_anonymous(line: &mut Line) -> String {
    let privacy = "Privacy: id\r\n";
    let (first, one) = line.call(privacy, SDP);
    let (second, two) = line.call(privacy, SDP);
    // Neither takes the other's place.
    let here = [first, second].map(|dialog| line.hang_up(dialog).status());
    format!(
        "{} {}, then {} {}",
        one.status(),
        two.status(),
        here[0],
        here[1]
    )
}

fn reoffered(line: &mut Line, direction: &str) -> String {
    let (mut dialog, _) = line.call("", SDP);
    let holding = format!("{SDP}a={direction}\r\n");
    let held = line.within(&mut dialog, "INVITE", "", &holding);
    let resumed = line.within(&mut dialog, "INVITE", "", SDP);
    assert_eq!(line.hang_up(dialog).status(), 200);
    let said = |message: &Message| format!("{} {}", message.status(), message.direction());
    format!("{}, then {}", said(&held), said(&resumed))
}

fn old_hold(line: &mut Line) -> String {
    let (mut dialog, _) = line.call("", SDP);
    let holding = SDP.replace("c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0");
    let held = line.within(&mut dialog, "INVITE", "", &holding);
    let resumed = line.within(&mut dialog, "INVITE", "", SDP);
    assert_eq!(line.hang_up(dialog).status(), 200);
    let said = |message: &Message| format!("{} {}", message.status(), message.direction());
    format!("{}, then {}", said(&held), said(&resumed))
}

fn session_timer(line: &mut Line) -> String {
    let timer = "Supported: timer\r\nSession-Expires: 1800;refresher=uac\r\n";
    let (dialog, ok) = line.call(timer, SDP);
    line.hang_up(dialog);
    format!(
        "{} {}",
        ok.status(),
        ok.header("Session-Expires").unwrap_or_default()
    )
}

fn bad_reoffer(line: &mut Line) -> String {
    let (mut dialog, _) = line.call("", SDP);
    let refused = line.within(&mut dialog, "INVITE", "", &SDP.replace("0 8 101", "18"));
    format!("{}, then {}", told(&refused), line.hang_up(dialog).status())
}

fn spaced_length(line: &mut Line) -> String {
    let call = line.name();
    let request = line.request(
        ("OPTIONS", 1),
        (&call, ""),
        "Content-Type: text/plain\r\n",
        "four",
    );
    let request = request
        .replace("Content-Length: 4", "l : 4")
        .replace("Call-ID:", "i:");
    line.send(request.as_bytes());
    told(&line.until(&request, |message| message.status() >= 200))
}

fn stray(line: &mut Line, method: &str) -> String {
    let call = line.name();
    let to = format!("<sip:lobby@{}>;tag=nobody", line.target);
    let body = if method == "INVITE" { SDP } else { "" };
    let request = line.request((method, 2), (&call, &to), "", body);
    told(&line.final_of(&request))
}

/// The INVITE of a call, its dialog and its tag, not acknowledged.
fn answered(line: &mut Line) -> (String, crate::line::Dialog) {
    let call = line.name();
    let invite = line.request(("INVITE", 1), (&call, ""), "", SDP);
    let ok = line.final_of(&invite);
    let to = ok.header("To").unwrap();
    (invite, crate::line::Dialog { call, to, cseq: 1 })
}

fn late_cancel(line: &mut Line) -> String {
    let (invite, dialog) = answered(line);
    let head = invite.split("\r\nContent-Type").next().unwrap();
    let cancel = head.replace("INVITE", "CANCEL") + "\r\nContent-Length: 0\r\n\r\n";
    let answer = line.final_of(&cancel);
    line.acknowledge(&dialog, "");
    format!("{}, then {}", told(&answer), line.hang_up(dialog).status())
}

fn merged(line: &mut Line) -> String {
    let (invite, dialog) = answered(line);
    line.acknowledge(&dialog, "");
    let other = invite.replacen("branch=z9hG4bK", "branch=z9hG4bKother", 1);
    line.send(other.as_bytes());
    let answer = line.until("an answer to the second", |message| {
        message.status() >= 200
            && message
                .header("Via")
                .is_some_and(|via| via.contains("Kother"))
    });
    line.hang_up(dialog);
    format!("200 {}", told(&answer))
}

fn repeated_invite(line: &mut Line) -> String {
    let (invite, dialog) = answered(line);
    let again = line.final_of(&invite);
    line.acknowledge(&dialog, "");
    let same = again.header("To").as_ref() == Some(&dialog.to);
    line.hang_up(dialog);
    format!(
        "{}, {} tag",
        told(&again),
        if same { "the same" } else { "another" }
    )
}

fn unacknowledged(line: &mut Line) -> String {
    let (_, dialog) = answered(line);
    let mut at = vec![audioroad::actors::clock::now()];
    for _ in 0..2 {
        line.until("the 200 again", |message| {
            message.status() == 200 && message.header("Call-ID").as_ref() == Some(&dialog.call)
        });
        at.push(audioroad::actors::clock::now());
    }
    line.acknowledge(&dialog, "");
    line.hang_up(dialog);
    let gaps: Vec<Duration> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let near = |gap: Duration, ms: u64| {
        gap.abs_diff(Duration::from_millis(ms)) < Duration::from_millis(250)
    };
    match near(gaps[0], 500) && near(gaps[1], 1000) {
        true => "again after 0.5 s and 1.0 s".to_owned(),
        false => format!("again after {gaps:?}"),
    }
}

fn repeated_bye(line: &mut Line) -> String {
    let (dialog, _) = line.call("", SDP);
    let bye = line.request(("BYE", 2), (&dialog.call, &dialog.to), "", "");
    let codes = [line.final_of(&bye).status(), line.final_of(&bye).status()];
    // Over a stream nothing repeats itself, so nothing is kept for it (timer J is zero).
    match (line.by(), codes) {
        (By::Udp, [200, 200]) | (By::Tcp, [200, 481]) => "as it must".to_owned(),
        (By::Udp | By::Tcp, codes) => format!("{codes:?}"),
    }
}

fn backwards(line: &mut Line) -> String {
    let (mut dialog, _) = line.call("", SDP);
    line.within(&mut dialog, "UPDATE", "", "");
    let old = line.request(("INFO", 1), (&dialog.call, &dialog.to), "", "");
    let answer = line.final_of(&old);
    line.hang_up(dialog);
    told(&answer)
}

fn play(by: By) {
    let switch = Switch::start(&[]);
    switch.go_live();
    let mut wrong = Vec::new();
    println!("{by:?}, {} probes", PROBES.len());
    // One connection bears them all: nothing of this may close it.
    let mut line = Line::new(by, Ipv4Addr::LOCALHOST.into(), switch.sip());
    for (name, probe, expected) in PROBES {
        let got = probe(&mut line);
        let mark = if got == *expected { "right" } else { "WRONG" };
        println!("  {mark} {name:52} {got}");
        if got != *expected {
            wrong.push((name, expected, got));
        }
    }
    line.a_call_works();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_probe_is_answered_over_udp() {
    play(By::Udp);
}

#[test]
fn every_probe_is_answered_over_tcp() {
    play(By::Tcp);
}

#[test]
fn streams_outlive_what_is_wrong_in_them_and_answer_pings() {
    let switch = Switch::start(&[]);
    switch.go_live();
    let mut ping = TcpStream::connect(switch.sip()).unwrap();
    ping.write_all(b"\r\n\r\n").unwrap();
    let mut pong = [0; 2];
    ping.read_exact(&mut pong).unwrap();
    assert_eq!(&pong, b"\r\n");
    let mut line = Line::new(By::Tcp, Ipv4Addr::LOCALHOST.into(), switch.sip());
    for unread in ["Content-Length: -1", "Content-Length: many"] {
        let call = line.name();
        let request = line.request(("OPTIONS", 1), (&call, ""), "", "");
        line.send(request.replace("Content-Length: 0", unread).as_bytes());
        // Where the next message begins nobody can tell, so that is the end of the connection, and of no other.
        assert_eq!(line.until("a refusal", |_| true).status(), 400, "{unread}");
        assert_eq!(line.so_far(), Err("closed"), "{unread}");
        line = Line::new(By::Tcp, Ipv4Addr::LOCALHOST.into(), switch.sip());
        line.a_call_works();
    }
}

#[test]
fn a_source_that_may_not_call_hears_nothing_by_udp_or_tcp() {
    let switch = Switch::start(&[("SIP_ALLOW", "127.0.0.1")]);
    switch.go_live();
    let stranger = Ipv4Addr::new(127, 0, 0, 2);
    let mut line = Line::new(By::Udp, stranger.into(), switch.sip());
    let mut known = Line::new(By::Udp, Ipv4Addr::LOCALHOST.into(), switch.sip());
    for method in ["INVITE", "OPTIONS", "REGISTER", "BYE", "DANCE"] {
        let call = line.name();
        let request = line.request((method, 1), (&call, ""), "", SDP);
        line.send(request.as_bytes());
    }
    // What came before is handled before.
    known.a_call_works();
    assert_eq!(line.next(Duration::from_millis(200)), Ok(None));
}
