#![expect(
    clippy::disallowed_methods,
    reason = "the scripts' time begins now and is moved by hand"
)]

use super::*;
use crate::livekit::link::LinkRole;

const ANSWER: [u8; 2] = [0x01, 0x01];
const REQUEST: [u8; 2] = [0x00, 0x01];
const MS: Duration = Duration::from_millis(1);

fn open() -> (Instant, Transport, LinkTimings) {
    let (now, timings) = (Instant::now(), LinkTimings::of(LinkRole::Listener));
    let mut transport = Transport::new(now, TransportId(1), true, 0, &timings);
    transport
        .open(now, &["192.0.2.7:1".parse().unwrap()])
        .unwrap();
    (now, transport, timings)
}

#[test]
fn an_answered_check_is_not_yet_media() {
    let (mut now, mut transport, timings) = open();
    transport.connected();
    assert!(transport.fall_silent(now) && !transport.fall_silent(now));
    transport.heard(now, &ANSWER);
    assert!(!transport.is_live());
    now += MS * 499;
    assert_eq!(transport.handle_timeout(now, &timings), None);
    now += MS;
    assert_eq!(
        transport.handle_timeout(now, &timings),
        Some(Verdict::PathBack)
    );
    transport.restarted();
    transport.heard(now, &ANSWER);
    now += MS * 1000;
    assert_eq!(
        transport.handle_timeout(now, &timings),
        None,
        "once per silence"
    );
    transport.heard(now, &REQUEST);
    assert!(transport.is_live());
}

#[test]
fn a_server_that_only_answers_is_believed() {
    let (now, mut transport, _) = open();
    assert!(transport.knows_far_end("v=0\r\na=ice-lite\r\na=fingerprint:sha-256 AA\r\n"));
    transport.connected();
    transport.fall_silent(now);
    transport.heard(now, &ANSWER);
    assert!(transport.is_live());
    assert!(!transport.knows_far_end("v=0\r\na=fingerprint:sha-256 BB\r\n"));
}

#[test]
fn a_server_that_gave_up_before_it_was_connected_is_not_waited_for() {
    let (mut now, mut transport, timings) = open();
    now += MS * 100;
    transport.heard(now, &ANSWER);
    now += HANDSHAKE_MAX;
    assert_eq!(
        transport.handle_timeout(now, &timings),
        Some(Verdict::Stuck)
    );
    let (now, mut transport, timings) = open();
    let late = now + timings.connect_max;
    assert_eq!(
        transport.handle_timeout(late, &timings),
        Some(Verdict::NeverConnected)
    );
}

#[test]
fn each_further_attempt_has_twice_the_time() {
    let timings = LinkTimings::of(LinkRole::Listener);
    let waits = [0, 1, 2, 3, 9].map(|stuck| {
        let now = Instant::now();
        let mut transport = Transport::new(now, TransportId(1), true, stuck, &timings);
        transport.heard(now, &ANSWER);
        let due = transport.deadline(&timings).unwrap();
        assert!(
            due == now + timings.connect_max
                || transport.handle_timeout(due, &timings) == Some(Verdict::Stuck)
        );
        (due - now).as_millis()
    });
    assert_eq!(waits, [1250, 2500, 5000, 8000, 8000]);
}
