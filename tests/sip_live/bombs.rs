//! Messages that are too large in every way, again and again: the running switch refuses them and is as it was.

use std::net::Ipv4Addr;

use crate::flood::resident_mib;
use crate::line::{By, Line, Message, SDP};
use crate::switch::{SOON, Switch};

/// Of each bomb in a round.
const TIMES: usize = 33;
/// After the one that gives buffers their size.
const ROUNDS: usize = 5;
/// What every round leaves in memory when something is kept of it. Each is half a thousand messages, 50 MB by TCP alone. A single round
/// may leave more: the memory of a process grows in steps.
const MEMORY_MIB_MAX: f64 = 1.0;

/// An INVITE with further headers and another body.
fn invite(line: &Line, headers: &str, body: &str) -> String {
    let call = line.name();
    line.request(("INVITE", 1), (&call, ""), headers, body)
}

/// Bombs with what a stream makes of them: the answer, or the end of the connection.
fn bombs(line: &Line) -> Vec<(&'static str, String, &'static str)> {
    let lines = |text: &str, count: usize| format!("{SDP}{}", text.repeat(count));
    vec![
        (
            "a header of 60 KB",
            invite(line, &format!("Subject: {}\r\n", "a".repeat(60_000)), ""),
            "closed",
        ),
        (
            "20,000 headers",
            invite(line, &"a:\r\n".repeat(20_000), ""),
            "closed",
        ),
        (
            "3,000 headers in 16 KiB",
            invite(line, &"a:\r\n".repeat(3_000), ""),
            "400",
        ),
        (
            "a body of 60 KB",
            invite(line, "", &"a".repeat(60_000)),
            "488",
        ),
        (
            "a body of 1 MB",
            invite(line, "", &"a".repeat(1_000_000)),
            "413",
        ),
        (
            "2,500 m= lines",
            invite(line, "", &lines("m=audio 9 RTP/AVP 0\r\n", 2_500)),
            "488",
        ),
        (
            "10,000 m= lines",
            invite(line, "", &lines("m=audio 9 RTP/AVP 0\r\n", 10_000)),
            "413",
        ),
        (
            "1,000 candidates",
            invite(
                line,
                "",
                &lines("a=candidate:1 1 UDP 1 192.0.2.1 9 typ host\r\n", 1_000),
            ),
            "488",
        ),
        (
            "a type of multipart",
            invite(
                line,
                "Content-Type: multipart/mixed;boundary=0\r\n",
                &"--0\r\n".repeat(100),
            ),
            "415",
        ),
    ]
}

/// What comes of it. A refusal is acknowledged, so that nothing of it has to be kept (RFC 3261 section 17.2.1).
fn fate(line: &mut Line, text: &str) -> String {
    let sent = Message(text.to_owned());
    line.send(text.as_bytes());
    loop {
        match line.next(SOON) {
            Ok(Some(answer))
                if answer.status() >= 200 && answer.header("Call-ID") == sent.header("Call-ID") =>
            {
                line.send(acknowledgement(&sent, &answer).as_bytes());
                return answer.status().to_string();
            }
            Ok(Some(_)) => {}
            Ok(None) => return "silence".to_owned(),
            Err(closed) => return closed.to_owned(),
        }
    }
}

/// The ACK of a refusal: it has the branch of the INVITE (RFC 3261 section 17.1.1.3).
fn acknowledgement(invite: &Message, refusal: &Message) -> String {
    let header = |of: &Message, name: &str| of.header(name).expect("a header that all have");
    let (line, _) = invite.0.split_once("\r\n").expect("a request line");
    format!(
        "{}\r\nVia: {}\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: 1 ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
        line.replacen("INVITE", "ACK", 1),
        header(invite, "Via"),
        header(invite, "From"),
        header(refusal, "To"),
        header(invite, "Call-ID"),
    )
}

#[test]
fn bombs_leave_the_running_switch_as_it_was() {
    // A port rests for half a minute, whatever became of its call. Ladders are kept on purpose, up to a limit of their own.
    let further = [
        ("LOG", "warn"),
        ("RTP_PORT_RANGE", "26000-29999"),
        ("SIP_LADDERS", "0"),
    ];
    let switch = Switch::start(&further);
    switch.go_live();
    let here = Ipv4Addr::LOCALHOST.into();
    let mut caller = Line::new(By::Udp, here, switch.sip());
    let mut held_mib = Vec::new();
    for round in 0..=ROUNDS {
        for (at, (name, text, in_a_stream)) in bombs(&caller).into_iter().enumerate() {
            for _ in 0..TIMES {
                let mut line = Line::new(By::Tcp, here, switch.sip());
                let text = bombs(&line).swap_remove(at).1;
                assert_eq!(fate(&mut line, &text), in_a_stream, "{name}, round {round}");
            }
            // A datagram is no larger than this.
            if text.len() < 65_000 {
                for _ in 0..TIMES {
                    let text = bombs(&caller).swap_remove(at).1;
                    let code = fate(&mut caller, &text);
                    assert!(
                        ["400", "413", "415", "488", "513"].contains(&code.as_str()),
                        "{name}: {code}"
                    );
                }
            }
        }
        caller.a_call_works();
        held_mib.push(resident_mib(switch.pid()));
    }
    println!("{held_mib:.1?} MiB after each round");
    let grown = held_mib.windows(2).map(|pair| pair[1] - pair[0]);
    let least = grown.fold(f64::INFINITY, f64::min);
    assert!(least <= MEMORY_MIB_MAX, "{held_mib:?}");
}
