//! Too many calls, too little of something, and an orderly end: the running switch sends new calls away and keeps those that are up.

#[path = "common/switch.rs"]
#[expect(dead_code, reason = "the other half of it is for tests/e2e_livekit")]
mod switch;

use std::collections::HashSet;
use std::net::{Ipv4Addr, UdpSocket};
use std::process::Command;

use audioroad::phone::{Call, End, Hum, Phone, PhoneError};
use serde_json::{Value, json};

use switch::{SOON, Switch, eventually};

/// One second of frames.
const SECOND: usize = 50;
/// An offer without audio.
const VIDEO_ONLY: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 4000 RTP/AVP 96\r\n";

fn ring(switch: &Switch) -> Call {
    let phone = Phone::new(Ipv4Addr::LOCALHOST.into());
    let called = phone.call(switch.sip(), "lobby", Hum::new(539.0, 0.2));
    called.expect("a phone")
}

fn answered(switch: &Switch) -> Call {
    let call = ring(switch);
    call.wait_answered(SOON).expect("the switch answers");
    call.listen(1, SOON).expect("the switch sends audio");
    call
}

fn refused(switch: &Switch) -> u16 {
    match ring(switch).wait_answered(SOON) {
        Err(PhoneError::Ended(End::Refused { status })) => status,
        other => panic!("not refused: {other:?}"),
    }
}

fn cause(switch: &Switch, call: &Call) -> Value {
    switch.call_once(call.sip_call_id(), |row| row["status"] == "completed")["cause"].clone()
}

/// The call goes on as if nothing were.
fn unharmed(call: &Call) {
    call.listen(SECOND, SOON).expect("the call goes on");
    let reception = call.reception();
    assert_eq!(
        (reception.sequence_breaks, reception.time_breaks),
        (0, 0),
        "{reception:?}"
    );
}

/// The final answer to a request outside of any dialog.
fn answer_to(switch: &Switch, method: &str) -> String {
    answer_with(switch, method, "")
}

/// The same with an offer.
fn answer_with(switch: &Switch, method: &str, sdp: &str) -> String {
    let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let from = udp.local_addr().expect("its address");
    let request = format!(
        "{method} sip:lobby@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{0};rport\r\nFrom: <sip:a@b>;tag={0}\r\n\
         To: <sip:lobby@b>\r\nCall-ID: raw-{0}\r\nCSeq: 1 {method}\r\nContact: <sip:a@{from}>\r\n\
         Content-Type: application/sdp\r\nContent-Length: {1}\r\n\r\n{sdp}",
        from.port(),
        sdp.len()
    );
    udp.set_read_timeout(Some(SOON)).expect("a timeout");
    udp.send_to(request.as_bytes(), switch.sip())
        .expect("a datagram is sent");
    let mut answer = [0; 4096];
    loop {
        let len = udp.recv(&mut answer).expect("the switch answers");
        let answer = String::from_utf8_lossy(&answer[..len]);
        if !answer.starts_with("SIP/2.0 1") {
            return answer.into_owned();
        }
    }
}

fn assert_sent_away(answer: &str) {
    assert!(answer.starts_with("SIP/2.0 503 "), "{answer}");
    let after = answer
        .lines()
        .find_map(|line| line.strip_prefix("Retry-After: "));
    let after: u16 = after
        .and_then(|after| after.parse().ok())
        .expect("Retry-After");
    assert!((5..=15).contains(&after), "{answer}");
}

fn why(switch: &Switch) -> Value {
    let (_, health) = switch.api("GET", "/health", Value::Null);
    health["refusing"]["why"].clone()
}

/// Waits until `/health` says so: the switch looks at itself twice a second.
fn once_refusing(switch: &Switch, wanted: &Value) {
    eventually(&format!("/health says {wanted}"), || {
        let why = why(switch);
        (why == *wanted)
            .then_some(())
            .ok_or_else(|| why.to_string())
    });
}

#[test]
fn a_deploy_in_mid_show_cuts_nobody() {
    let mut switch = Switch::start(&[("DRAIN_SECONDS", "300")]);
    switch.go_live();
    let call = answered(&switch);
    switch.signal("TERM");
    once_refusing(&switch, &json!("shutting-down"));
    assert_eq!(refused(&switch), 503);
    assert_sent_away(&answer_to(&switch, "INVITE"));
    assert_sent_away(&answer_to(&switch, "OPTIONS"));
    let (status, health) = switch.api("GET", "/health", Value::Null);
    assert_eq!((status, &health["sip"]), (503, &json!("draining")));
    assert!(health["refusing"]["until"].is_i64(), "{health}");
    let (status, _) = switch.api("DELETE", "/api/drain", Value::Null);
    assert_eq!(status, 409);
    unharmed(&call);
    call.hang_up();
    assert_eq!(call.wait_ended(SOON), Ok(End::HungUp));
    assert!(switch.gone().success());
    switch.run();
    assert_eq!(cause(&switch, &call), "caller-hung-up");
}

#[test]
fn a_drain_ends_at_its_deadline() {
    let mut switch = Switch::start(&[("DRAIN_SECONDS", "2")]);
    switch.go_live();
    let call = answered(&switch);
    switch.signal("TERM");
    let end = call.wait_ended(SOON);
    assert!(
        matches!(&end, Ok(End::FarEndHungUp { reason: Some(reason) }) if reason.contains("cause=16")),
        "{end:?}"
    );
    assert!(switch.gone().success());
    switch.run();
    assert_eq!(cause(&switch, &call), "shutdown");
}

#[test]
fn whoever_cannot_wait_says_so_twice() {
    for second in ["TERM", "INT"] {
        let mut switch = Switch::start(&[("DRAIN_SECONDS", "300")]);
        switch.go_live();
        let call = answered(&switch);
        switch.signal("TERM");
        once_refusing(&switch, &json!("shutting-down"));
        switch.signal(second);
        assert!(matches!(
            call.wait_ended(SOON),
            Ok(End::FarEndHungUp { .. })
        ));
        assert!(switch.gone().success());
    }
}

#[test]
fn an_operator_drains_and_takes_calls_again() {
    let switch = Switch::start(&[]);
    switch.go_live();
    let call = answered(&switch);
    switch.ask("POST", "/api/drain", Value::Null);
    assert_eq!(refused(&switch), 503);
    assert_sent_away(&answer_to(&switch, "OPTIONS"));
    unharmed(&call);
    switch.ask("DELETE", "/api/drain", Value::Null);
    answered(&switch);
    let metrics = switch.metrics();
    let counted = "audioroad_calls_turned_away_total{reason=\"draining\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
    let list = switch.ask("GET", "/api/sip/calls", Value::Null);
    let away = list.as_array().into_iter().flatten();
    let away: Vec<_> = away.filter(|call| call["status"] == 503).collect();
    assert_eq!((away.len(), &away[0]["cause"]), (1, &json!("draining")));
}

#[test]
fn no_more_calls_than_allowed() {
    let switch = Switch::start(&[("MAX_CALLS", "2")]);
    switch.go_live();
    let calls = [answered(&switch), answered(&switch)];
    // At once, before the switch has looked at itself.
    assert_sent_away(&answer_to(&switch, "INVITE"));
    once_refusing(&switch, &json!("overloaded"));
    assert_sent_away(&answer_to(&switch, "INVITE"));
    assert_sent_away(&answer_to(&switch, "OPTIONS"));
    calls.iter().for_each(unharmed);
    calls[0].hang_up();
    once_refusing(&switch, &Value::Null);
    answered(&switch);
    switch.said("new calls are refused: overload");
    switch.said("new calls are taken again");
}

#[test]
fn ports_that_run_out_send_new_calls_away() {
    let switch = Switch::start(&[("RTP_PORT_RANGE", "14310-14313"), ("MEDIA_THREADS", "1")]);
    switch.go_live();
    let calls = [answered(&switch), answered(&switch)];
    assert_sent_away(&answer_to(&switch, "INVITE"));
    once_refusing(&switch, &json!("overloaded"));
    assert_sent_away(&answer_to(&switch, "OPTIONS"));
    calls.iter().for_each(unharmed);
}

#[test]
fn offers_that_cannot_be_taken_use_up_no_ports() {
    let switch = Switch::start(&[("RTP_PORT_RANGE", "14314-14317"), ("MEDIA_THREADS", "1")]);
    switch.go_live();
    for _ in 0..10 {
        let answer = answer_with(&switch, "INVITE", VIDEO_ONLY);
        assert!(answer.starts_with("SIP/2.0 488 "), "{answer}");
    }
    let calls = [answered(&switch), answered(&switch)];
    calls.iter().for_each(unharmed);
}

#[test]
fn files_that_run_out_send_new_calls_away_until_there_are_more() {
    let switch = Switch::start(&[]);
    switch.go_live();
    let call = answered(&switch);
    let (soft, hard) = limits(switch.pid());
    let open = files(switch.pid());
    // A limit is one of numbers, and there are gaps between those in use.
    let with_free = |count| {
        let mut free = (0..u32::MAX).filter(|file| !open.contains(file));
        free.nth(count).unwrap_or_default().to_string()
    };
    set_limit(switch.pid(), &with_free(0), &hard);
    // No socket for its audio can be had.
    assert_sent_away(&answer_to(&switch, "INVITE"));
    set_limit(switch.pid(), &with_free(4), &hard);
    once_refusing(&switch, &json!("overloaded"));
    assert_sent_away(&answer_to(&switch, "OPTIONS"));
    assert_eq!(refused(&switch), 503);
    unharmed(&call);
    set_limit(switch.pid(), &soft, &hard);
    once_refusing(&switch, &Value::Null);
    answered(&switch);
}

/// The numbers of its open files.
fn files(pid: u32) -> HashSet<u32> {
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("its files");
    let names = open.filter_map(|file| file.ok()?.file_name().into_string().ok());
    names.filter_map(|name| name.parse().ok()).collect()
}

fn limits(pid: u32) -> (String, String) {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).expect("its limits");
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let mut words = line.expect("a limit of files").split_whitespace().skip(3);
    let mut next = || words.next().expect("a number").to_owned();
    (next(), next())
}

fn set_limit(pid: u32, soft: &str, hard: &str) {
    let set = Command::new("prlimit")
        .args([format!("--pid={pid}"), format!("--nofile={soft}:{hard}")])
        .status();
    assert!(set.expect("prlimit runs").success());
}

#[test]
fn what_a_call_said_can_be_read_afterwards() {
    let switch = Switch::start(&[]);
    switch.go_live();
    let call = answered(&switch);
    call.hang_up();
    call.wait_ended(SOON).expect("the end");
    let row = switch.call_once(call.sip_call_id(), |row| row["status"] == "completed");
    let path = format!("/api/calls/{}/sip?format=text", switch::text(&row["id"]));
    let text = switch::text(&switch.ask("GET", &path, Value::Null));
    let mut at = 0;
    for wanted in [
        "Ended     caller-hung-up (SIP 200)",
        "INVITE (SDP) -",
        "100 Trying to INVITE -|",
        "200 OK to INVITE (SDP) -|",
        "ACK -",
        "BYE -",
        "200 OK to BYE -|",
        "m=audio",
    ] {
        let found = text[at..].find(wanted);
        at += found.unwrap_or_else(|| panic!("no {wanted} there:\n{text}"));
    }
}
