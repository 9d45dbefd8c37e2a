//! Messages that are too large in every way, again and again: the running switch refuses them and is as it was.

use std::net::Ipv4Addr;

use crate::flood::resident_mib;
use crate::line::{By, Line, SDP};
use crate::switch::Switch;

/// Of each bomb.
const TIMES: usize = 100;
/// What a round of half a thousand may leave in memory. It leaves 0.5 to 1.3 MiB, and where that goes is not traced: refusals that
/// nobody acknowledges last for 32 s (RFC 3261 section 17.2.1), which is longer than all rounds together.
const MEMORY_MIB_MAX: f64 = 2.0;

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

/// What comes of it.
fn fate(line: &mut Line, text: &str) -> String {
    line.send(text.as_bytes());
    loop {
        match line.next(crate::switch::SOON) {
            Ok(Some(message)) if message.status() >= 200 => return message.status().to_string(),
            Ok(Some(_)) => {}
            Ok(None) => return "silence".to_owned(),
            Err(closed) => return closed.to_owned(),
        }
    }
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
    for round in 0..3 {
        for (at, (name, text, in_a_stream)) in bombs(&caller).into_iter().enumerate() {
            for _ in 0..TIMES / 3 {
                let mut line = Line::new(By::Tcp, here, switch.sip());
                let text = bombs(&line).swap_remove(at).1;
                assert_eq!(fate(&mut line, &text), in_a_stream, "{name}, round {round}");
            }
            // A datagram is no larger than this.
            if text.len() < 65_000 {
                for _ in 0..TIMES / 3 {
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
    // Each round is half a thousand; the first one gives buffers their size.
    let grown = held_mib[2] - held_mib[1];
    assert!(grown <= MEMORY_MIB_MAX, "{held_mib:?}");
}
