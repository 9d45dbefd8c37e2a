//! Telephones that behave, and lines, networks and processes that do not: real calls over UDP on a running switch.

#[path = "common/ear.rs"]
#[expect(
    dead_code,
    reason = "the other half of it is for tests/who_hears_whom.rs"
)]
mod ear;
#[path = "common/switch.rs"]
#[expect(dead_code, reason = "the other half of it is for tests/e2e_livekit")]
mod switch;

use std::collections::HashSet;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::time::Duration;

use audioroad::actors::clock;
use audioroad::phone::{Call, End, Format, Hum, Phone, PhoneError, Stage};
use audioroad::sip::sdp::Direction;
use serde_json::{Value, json};

use ear::level_dbfs;
use switch::{SOON, Switch, eventually, text};

/// One second of frames.
const SECOND: usize = 50;

fn phone() -> Phone {
    Phone::new(Ipv4Addr::LOCALHOST.into())
}

fn ring(switch: &Switch, phone: &Phone) -> Call {
    phone
        .call(switch.sip(), "lobby", Hum::new(539.0, 0.2))
        .expect("a phone")
}

fn answered(switch: &Switch, phone: &Phone) -> Call {
    let call = ring(switch, phone);
    call.wait_answered(SOON).expect("the switch answers");
    call.listen(1, SOON).expect("the switch sends audio");
    call
}

/// The cause in the row of a call that is over.
fn cause(switch: &Switch, call: &Call) -> Value {
    switch.call_once(call.sip_call_id(), |row| row["status"] == "completed")["cause"].clone()
}

fn refused(call: &Call) -> u16 {
    match call.wait_answered(SOON) {
        Err(PhoneError::Ended(End::Refused { status })) => status,
        other => panic!("not refused: {other:?}"),
    }
}

fn far_end_reason(call: &Call, within: Duration) -> String {
    match call.wait_ended(within) {
        Ok(End::FarEndHungUp { reason }) => reason.unwrap_or_default(),
        other => panic!("not hung up by the switch: {other:?}"),
    }
}

/// Its audio threads rest while nobody is there; that is no reason to refuse whoever comes.
#[test]
fn a_switch_that_has_been_idle_takes_the_next_call() {
    let switch = Switch::start(&[("OVERLOAD_LATENESS_MS", "2000")]);
    switch.go_live();
    // Longer than the time over which late audio is judged.
    let idle_since = clock::now();
    eventually("seven idle seconds", || {
        let idle = clock::now().saturating_duration_since(idle_since);
        (idle.as_secs() >= 7)
            .then_some(())
            .ok_or_else(|| format!("{idle:?}"))
    });
    let metrics = switch.metrics();
    let late = "audioroad_overload{reason=\"audio-late\"} 0";
    assert!(metrics.lines().any(|line| line == late), "{metrics}");
    answered(&switch, &phone());
}

#[test]
fn a_caller_who_hangs_up_is_gone_at_once() {
    let switch = Switch::start(&[]);
    switch.go_live();
    let call = answered(&switch, &phone().number("+15550100200").name("Ann"));
    let row = switch.call_once(call.sip_call_id(), |row| row["ringing"] == false);
    assert_eq!(
        (&row["from"], &row["name"]),
        (&json!("+15550100200"), &json!("Ann"))
    );
    assert_eq!(
        (&row["status"], &row["roomName"]),
        (&json!("queued"), &json!("lobby"))
    );
    call.hang_up();
    assert_eq!(call.wait_ended(SOON), Ok(End::HungUp));
    assert_eq!(cause(&switch, &call), "caller-hung-up");
}

#[test]
fn a_line_that_goes_dead_is_hung_up() {
    let switch = Switch::start(&[("RTP_TIMEOUT_SECONDS", "2")]);
    switch.go_live();
    let (dead, alive) = (answered(&switch, &phone()), answered(&switch, &phone()));
    dead.listen(SECOND, SOON).expect("both ways work");
    dead.set_sending(false);
    assert!(far_end_reason(&dead, SOON).contains("RTP timeout"));
    assert_eq!(cause(&switch, &dead), "rtp-timeout");
    alive.listen(SECOND, SOON).expect("the other line goes on");
}

#[test]
fn a_session_that_nobody_keeps_alive_ends_within_its_interval() {
    let switch = Switch::start(&[]);
    switch.go_live();
    let phone = |refresher| {
        phone()
            .header("Supported", "timer")
            .header("Allow", "INVITE, ACK, BYE, CANCEL, UPDATE")
            .header("Session-Expires", &format!("90;refresher={refresher}"))
    };
    // One was to refresh and does not; the other is refreshed by the switch.
    let (silent, kept) = (
        answered(&switch, &phone("uac")),
        answered(&switch, &phone("uas")),
    );
    let reason = far_end_reason(&silent, Duration::from_secs(70));
    assert!(reason.contains("Session expired"), "{reason}");
    assert_eq!(cause(&switch, &silent), "session-expired");
    kept.listen(SECOND, SOON).expect("the other call goes on");
}

#[test]
fn hold_by_the_caller_s_telephone_is_mirrored() {
    let switch = Switch::start(&[("RTP_TIMEOUT_SECONDS", "2")]);
    switch.go_live();
    let call = answered(&switch, &phone());
    for (offered, answer) in [
        (Direction::SendOnly, Direction::RecvOnly),
        (Direction::Inactive, Direction::Inactive),
        (Direction::RecvOnly, Direction::SendOnly),
        (Direction::SendRecv, Direction::SendRecv),
    ] {
        assert_eq!(call.offer(offered, SOON), Ok(answer));
        // What was under way when the direction changed.
        let _ = call.listen(3, Duration::from_millis(200));
        let heard = call.listen(SECOND, Duration::from_secs(3));
        assert_eq!(heard.is_ok(), offered.receives(), "{offered:?}");
    }
    call.hang_up();
    assert_eq!(
        call.wait_ended(SOON),
        Ok(End::HungUp),
        "a held line is no dead line"
    );
}

#[test]
fn who_gives_up_before_the_answer_leaves_nothing_behind() {
    let switch = Switch::start(&[]);
    switch.go_live();
    let call = ring(&switch, &phone());
    call.hang_up();
    // The switch answers at once, so its 200 may cross the CANCEL: then the telephone sends BYE.
    let end = call.wait_ended(SOON);
    assert!(matches!(end, Ok(End::Cancelled | End::HungUp)), "{end:?}");
    let cause = cause(&switch, &call);
    assert!(cause == "cancelled" || cause == "caller-hung-up", "{cause}");
}

#[test]
fn a_telephone_without_a_codec_of_ours_gets_488() {
    let switch = Switch::start(&[]);
    switch.go_live();
    let call = ring(&switch, &phone().formats(&[Format::G729]));
    assert_eq!(refused(&call), 488);
    assert_eq!(cause(&switch, &call), "no-common-codec");
    let call = answered(&switch, &phone().formats(&[Format::G729, Format::Pcma]));
    let frames = call.listen(2 * SECOND, SOON).expect("A-law is heard");
    assert!(level_dbfs(&frames) > -45.0);
}

#[test]
fn ten_withheld_numbers_are_ten_callers() {
    let switch = Switch::start(&[]);
    switch.go_live();
    let calls: Vec<Call> = (0..10).map(|_| answered(&switch, &phone())).collect();
    let rows = calls
        .iter()
        .map(|call| switch.call_once(call.sip_call_id(), |row| row["ringing"] == false));
    let rows: Vec<Value> = rows.collect();
    assert!(
        rows.iter()
            .all(|row| row["from"].is_null() && row["status"] == "queued"),
        "{rows:?}"
    );
    for field in ["id", "callerId"] {
        let ids: HashSet<String> = rows.iter().map(|row| text(&row[field])).collect();
        assert_eq!(ids.len(), 10, "{field}");
    }
    for call in &calls {
        call.listen(SECOND, SOON)
            .expect("every one of them hears the lobby");
    }
}

#[test]
fn a_full_lobby_is_busy() {
    let switch = Switch::start(&[("LOBBY_LIMIT", "2")]);
    switch.go_live();
    let waiting = [answered(&switch, &phone()), answered(&switch, &phone())];
    let third = ring(&switch, &phone());
    assert_eq!(refused(&third), 486);
    assert_eq!(cause(&switch, &third), "lobby-full");
    waiting[0].hang_up();
    waiting[0].wait_ended(SOON).expect("the end");
    cause(&switch, &waiting[0]);
    answered(&switch, &phone());
}

#[test]
fn a_blocked_number_is_declined_before_it_rings() {
    let switch = Switch::start(&[]);
    switch.go_live();
    let pest = phone().number("+15550100666");
    let first = answered(&switch, &pest);
    let row = switch.call_once(first.sip_call_id(), |row| row["ringing"] == false);
    switch.press(json!({"command": "block-caller", "callId": row["id"]}));
    first.wait_ended(SOON).expect("a blocked caller is hung up");
    assert_eq!(cause(&switch, &first), "blocked");
    let again = ring(&switch, &pest);
    assert_eq!(refused(&again), 603);
    answered(&switch, &phone().number("+15550100667"));
}

#[test]
fn without_a_show_callers_are_told_so_and_hung_up() {
    let switch = Switch::start(&[]);
    let early = answered(&switch, &phone());
    let frames = early.listen(2 * SECOND, SOON).expect("an announcement");
    assert!(level_dbfs(&frames) > -45.0, "the announcement is silent");
    assert!(far_end_reason(&early, Duration::from_secs(30)).contains("cause=16"));
    assert_eq!(cause(&switch, &early), "no-show");

    let episode = switch.go_live();
    switch.ask(
        "POST",
        &format!("/api/episodes/{episode}/close-lines"),
        Value::Null,
    );
    let late = answered(&switch, &phone());
    assert!(far_end_reason(&late, Duration::from_secs(30)).contains("cause=16"));
    assert_eq!(cause(&switch, &late), "no-show");
}

#[test]
fn a_telephone_that_never_acknowledges_is_hung_up() {
    let switch = Switch::start(&[]);
    switch.go_live();
    let call = ring(&switch, &phone().without_ack());
    call.wait_answered(SOON).expect("the switch answers");
    // 64 * T1 = 32 s (RFC 3261 section 13.3.1.4).
    far_end_reason(&call, Duration::from_secs(45));
    assert_eq!(cause(&switch, &call), "no-ack");
}

/// A PBX on this machine with a login and one line, and whoever knows the other login from elsewhere.
const TRUNKS: &str = r#"
[[trunk]]
name = "studio"
profile = "pbx"
allow = "127.0.0.1"
user = "studio"
password = "correct horse battery"
max_calls = 1
number = "+15550100000"
"#;

#[test]
fn a_trunk_with_a_login_takes_as_many_calls_as_it_may_from_those_who_know_it() {
    let switch = Switch::start_with_file(TRUNKS, &[]);
    switch.go_live();
    assert_eq!(refused(&ring(&switch, &phone())), 401);
    for (user, password) in [("studio", "wrong"), ("admin", "correct horse battery")] {
        let call = ring(&switch, &phone().login(user, password));
        assert_eq!(refused(&call), 401);
    }
    let studio = phone().login("studio", "correct horse battery");
    let first = answered(&switch, &studio);
    let second = ring(&switch, &studio);
    assert_eq!(refused(&second), 486);
    first.hang_up();
    assert_eq!(first.wait_ended(SOON), Ok(End::HungUp));
    cause(&switch, &first);
    answered(&switch, &studio);
}

#[test]
fn who_guesses_five_times_is_not_heard_any_more() {
    let home = TRUNKS.replace("127.0.0.1", "any");
    let switch = Switch::start_with_file(&home, &[]);
    switch.go_live();
    for _ in 0..5 {
        let guess = ring(&switch, &phone().login("studio", "1234"));
        assert_eq!(refused(&guess), 401);
    }
    switch.said("banned for wrong logins");
    let right = ring(&switch, &phone().login("studio", "correct horse battery"));
    let answer = right.wait_answered(Duration::from_secs(2));
    assert_eq!(answer, Err(PhoneError::TooLate(Stage::Calling)));
}

/// No request of the network makes the switch call anybody: not REFER, not a Contact or Route elsewhere, not Refer-To.
#[test]
fn nothing_from_the_network_causes_a_call_out() {
    let switch = Switch::start(&[]);
    switch.go_live();
    let victim = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let at = victim.local_addr().expect("its address");
    let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let from = udp.local_addr().expect("its address");
    let there = format!(
        "Refer-To: <sip:+19005550100@{at}>\r\nContact: <sip:+19005550100@{at}>\r\nRoute: <sip:{at};lr>\r\n"
    );
    for (branch, method) in [
        "REFER",
        "INVITE",
        "SUBSCRIBE",
        "NOTIFY",
        "MESSAGE",
        "REGISTER",
        "OPTIONS",
    ]
    .into_iter()
    .enumerate()
    {
        let request = format!(
            "{method} sip:+19005550100@{at} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bKo{branch};rport\r\n\
             From: <sip:a@b>;tag=1\r\nTo: <sip:+19005550100@{at}>\r\nCall-ID: out{branch}\r\nCSeq: 1 {method}\r\n{there}\
             Content-Length: 0\r\n\r\n"
        );
        udp.send_to(request.as_bytes(), switch.sip())
            .expect("a datagram is sent");
    }
    let mut answer = [0; 4096];
    udp.set_read_timeout(Some(SOON)).expect("a timeout");
    udp.recv(&mut answer)
        .expect("the switch answers the sender");
    victim
        .set_read_timeout(Some(Duration::from_millis(1500)))
        .expect("a timeout");
    assert!(victim.recv(&mut answer).is_err(), "somebody was called");
}

#[test]
fn noise_on_the_sip_ports_harms_nobody() {
    let switch = Switch::start(&[]);
    switch.go_live();
    let call = answered(&switch, &phone());
    let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    for noise in noise() {
        udp.send_to(&noise, switch.sip())
            .expect("a datagram is sent");
        let mut tcp = TcpStream::connect(switch.sip()).expect("a connection");
        // The switch may hang up while it is being shouted at.
        let _ = tcp.write_all(&noise);
        let _ = tcp.write_all(b"\r\n\r\n\r\n\r\n");
    }
    let heard = call.listen(SECOND, SOON).expect("the call goes on");
    assert!(level_dbfs(&heard) > -96.0);
    let reception = call.reception();
    assert_eq!(
        (reception.sequence_breaks, reception.time_breaks),
        (0, 0),
        "{reception:?}"
    );
    answered(&switch, &phone());
    call.hang_up();
    assert_eq!(call.wait_ended(SOON), Ok(End::HungUp));
}

/// What a SIP port gets to see in its life, and worse.
fn noise() -> Vec<Vec<u8>> {
    let invite = "INVITE sip:lobby@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK1\r\n\
                  From: <sip:a@b>;tag=1\r\nTo: <sip:lobby@b>\r\nCall-ID: noise\r\nCSeq: 1 INVITE\r\n";
    let mut noise: Vec<Vec<u8>> = [
        "",
        "\r\n\r\n",
        "\0",
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "INVITE",
        "SIP/2.0 200 OK\r\n\r\n",
        "SIP/2.0 99999 \r\nVia: x\r\n\r\n",
        "BYE sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK2\r\n\r\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec();
    for tail in [
        "Content-Length: 99999999999999999999\r\n\r\n",
        "Content-Length: -1\r\n\r\n",
        "Contact: <sip:a@127.0.0.1:9>\r\nContent-Type: application/sdp\r\n\r\nm=audio 99999 RTP/AVP 0\r\n",
        "Contact: <<<>>>\r\n\r\n",
        "Via: \u{0}\r\n\r\n",
    ] {
        noise.push(format!("{invite}{tail}").into_bytes());
    }
    noise.push(vec![0xFF; 60_000]);
    noise.push([invite.as_bytes(), &b"X: y\r\n".repeat(2000)].concat());
    let mut state = 1_u32;
    for len in 1..200 {
        let random = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        });
        noise.push(random.take(len).collect());
    }
    noise
}

#[test]
fn a_killed_switch_takes_calls_again_and_closes_its_rows() {
    let mut switch = Switch::start(&[]);
    let episode = switch.go_live();
    let call = answered(&switch, &phone());
    let row = switch.call_once(call.sip_call_id(), |row| row["ringing"] == false);
    switch.kill();
    switch.run();
    assert_eq!(cause(&switch, &call), "switch-restarted");
    let again = answered(&switch, &phone());
    let next = switch.call_once(again.sip_call_id(), |row| row["ringing"] == false);
    assert_eq!(next["episodeId"], episode.as_str(), "the show goes on");
    assert_ne!(next["id"], row["id"]);
}

#[test]
fn a_switch_that_is_told_to_go_says_good_bye() {
    let mut switch = Switch::start(&[]);
    switch.go_live();
    let calls = [answered(&switch, &phone()), answered(&switch, &phone())];
    let ended = std::thread::scope(|scope| {
        let ended = scope.spawn(|| calls.each_ref().map(|call| call.wait_ended(SOON)));
        assert!(switch.terminate().success());
        ended.join().expect("both calls are watched")
    });
    for end in ended {
        assert!(matches!(end, Ok(End::FarEndHungUp { .. })), "{end:?}");
    }
    switch.run();
    for call in &calls {
        assert_eq!(cause(&switch, call), "shutdown");
    }
}
