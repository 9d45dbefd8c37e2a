//! Every timer, by hand.

use std::time::{Duration, Instant};

use super::switch::*;
use crate::sip::*;

/// Lets virtual time pass until nothing is due any more or `limit_s` is over; what was sent, and
/// when in milliseconds.
fn run(switch: &mut Switch, start: Instant, limit_s: u64) -> Vec<(u128, String)> {
    let mut log = Vec::new();
    while let Some((at, _)) = switch.endpoint.poll_timeout() {
        if at > start + Duration::from_secs(limit_s) {
            break;
        }
        switch.timeout(at);
        let passed = at.duration_since(start).as_millis();
        log.extend(switch.sent().into_iter().map(|text| (passed, text)));
    }
    log
}

fn times(log: &[(u128, String)], start: &str) -> Vec<u128> {
    log.iter()
        .filter(|(_, text)| text.starts_with(start))
        .map(|(at, _)| *at)
        .collect()
}

const DOUBLING_TO_T2: [u128; 10] = [
    500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500,
];

#[test]
fn an_answer_is_repeated_until_the_ack() {
    let (mut switch, start) = (Switch::new(config()), epoch());
    switch.datagram(start, &request("INVITE", 1, 1, "a", ""));
    let answered = switch.sent();
    let tag = field(&answered[1], "To")
        .unwrap()
        .split_once("tag=")
        .unwrap()
        .1
        .to_owned();
    let at = start + Duration::from_millis(1_500);
    switch.timeout(start + Duration::from_millis(500));
    switch.timeout(at);
    assert_eq!(switch.sent(), [answered[1].clone(), answered[1].clone()]);
    switch.datagram(at, &request("ACK", 1, 1, "other", &tag));
    switch.datagram(at, &request("ACK", 1, 1, "other", &tag));
    switch.datagram(at, &request("INVITE", 1, 1, "a", ""));
    assert_eq!(run(&mut switch, start, 300), []);
    assert_eq!(
        switch.endpoint.load(),
        Load {
            dialogs: 1,
            ..Load::default()
        }
    );
}

#[test]
fn an_answer_nobody_acknowledges_ends_in_a_bye() {
    let (mut switch, start) = (Switch::new(config()), epoch());
    switch.datagram(start, &request("INVITE", 1, 1, "a", ""));
    switch.sent();
    let log = run(&mut switch, start, 300);
    assert_eq!(times(&log, "SIP/2.0 200"), DOUBLING_TO_T2);
    let byes = times(&log, "BYE sip:+15550123@192.0.2.10:5060 SIP/2.0");
    assert_eq!(byes[0], 32_000);
    // Timer E doubles to T2 as well, and timer F ends it 32 s later.
    assert_eq!(byes[1..], DOUBLING_TO_T2.map(|at| at + 32_000));
    assert_eq!((switch.unacked, switch.unheard), (1, 1));
    assert_eq!(switch.endpoint.load(), Load::default());
}

#[test]
fn a_refusal_is_repeated_until_its_ack_over_datagrams() {
    let (mut switch, start) = (Switch::new(config()), epoch());
    switch.datagram(
        start,
        &request("INVITE", 1, 1, "a", "").replace("Contact", "X"),
    );
    assert!(switch.sent()[1].starts_with("SIP/2.0 400 Missing Contact"));
    switch.datagram(
        start,
        &request("INVITE", 1, 1, "a", "").replace("Contact", "X"),
    );
    assert!(switch.sent()[0].starts_with("SIP/2.0 400"));
    let at = start + Duration::from_millis(600);
    switch.timeout(at);
    assert_eq!(switch.sent().len(), 1);
    switch.datagram(at, &request("ACK", 1, 1, "a", "x"));
    assert_eq!(run(&mut switch, start, 300), []);
    assert_eq!(switch.endpoint.load(), Load::default());

    switch.datagram(
        start,
        &request("INVITE", 2, 1, "b", "").replace("Contact", "X"),
    );
    switch.sent();
    assert_eq!(
        times(&run(&mut switch, start, 300), "SIP/2.0 400"),
        DOUBLING_TO_T2
    );
    assert_eq!(switch.endpoint.load(), Load::default());
}

#[test]
fn an_answered_bye_stays_for_late_repeats_only() {
    let (mut switch, start) = (Switch::new(config()), epoch());
    switch.datagram(start, &request("INVITE", 1, 1, "a", ""));
    let tag = field(&switch.sent()[1], "To")
        .unwrap()
        .split_once("tag=")
        .unwrap()
        .1
        .to_owned();
    switch.datagram(start, &request("ACK", 1, 1, "b", &tag));
    for _ in 0..3 {
        switch.datagram(start, &request("BYE", 1, 2, "c", &tag));
        assert!(switch.sent()[0].starts_with("SIP/2.0 200"));
    }
    switch.datagram(start, &request("INFO", 1, 3, "d", &tag));
    assert!(switch.sent()[0].starts_with("SIP/2.0 481"));
    assert_eq!(run(&mut switch, start, 300), []);
    assert_eq!(switch.endpoint.load(), Load::default());
}

#[test]
fn a_caller_who_hangs_up_without_ack_stops_the_repeats() {
    let (mut switch, start) = (Switch::new(config()), epoch());
    switch.datagram(start, &request("INVITE", 1, 1, "a", ""));
    let tag = field(&switch.sent()[1], "To")
        .unwrap()
        .split_once("tag=")
        .unwrap()
        .1
        .to_owned();
    switch.datagram(start, &request("BYE", 1, 2, "c", &tag));
    switch.sent();
    assert_eq!(run(&mut switch, start, 300), []);
    assert_eq!(switch.unacked, 0);
}

#[test]
fn our_bye_is_repeated_every_t2_once_somebody_works_on_it() {
    let (mut switch, start) = (Switch::new(config()), epoch());
    switch.datagram(start, &request("INVITE", 1, 1, "a", ""));
    let tag = field(&switch.sent()[1], "To")
        .unwrap()
        .split_once("tag=")
        .unwrap()
        .1
        .to_owned();
    switch.datagram(start, &request("ACK", 1, 1, "b", &tag));
    let key = switch.sessions.keys().next().unwrap().clone();
    switch.hang_up(start, &key);
    let bye = switch.sent().remove(0);
    assert_eq!(
        field(&bye, "Reason"),
        Some(r#"Q.850;cause=16;text="dropped by host""#)
    );
    let answer = |code: &str| {
        let rest = bye.split_once("\r\n").unwrap().1;
        format!("SIP/2.0 {code}\r\n{}", rest.replace("Max-Forwards", "X"))
    };
    let not_for_us = answer("200 OK").replacen("\r\nX:", "\r\nVia: SIP/2.0/UDP other\r\nX:", 1);
    switch.datagram(start, &not_for_us);
    switch.datagram(start, &answer("100 Trying"));
    let log = run(&mut switch, start, 10);
    assert_eq!(times(&log, "BYE"), [500, 4_500, 8_500]);
    switch.datagram(start + Duration::from_secs(10), &answer("200 OK"));
    assert_eq!(run(&mut switch, start, 300), []);
    assert_eq!(switch.endpoint.load(), Load::default());
    assert_eq!(switch.unheard, 0);
}

#[test]
fn a_call_that_nobody_answers_is_given_up() {
    let (mut switch, start) = (Switch::new(config()), epoch());
    switch.datagram(
        start,
        &request("INVITE", 1, 1, "a", "").replacen("lobby", "ring", 1),
    );
    assert_eq!(switch.endpoint.load().ringing, 1);
    assert_eq!(
        switch.endpoint.poll_timeout().unwrap().1,
        TimerReason::AnswerDue
    );
    let log = run(&mut switch, start, 181);
    assert_eq!(times(&log, "SIP/2.0 504"), [180_000, 180_500]);
    assert_eq!((switch.endpoint.load().ringing, switch.unheard), (0, 1));
}
