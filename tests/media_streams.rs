//! Callers who come by Twilio Media Streams, on a running switch: the whole way from the webhook to the end of the row, what
//! is heard at a move, and what a far end may do that no far end should.

#[path = "common/ear.rs"]
#[expect(dead_code, reason = "the other half of it is for tests/e2e_livekit.rs")]
mod ear;
#[path = "common/media_stream.rs"]
#[expect(
    dead_code,
    reason = "the other half of it is for tests/who_hears_whom.rs"
)]
mod media_stream;
#[path = "common/switch.rs"]
#[expect(dead_code, reason = "the other half of it is for tests/phones.rs")]
mod switch;
#[path = "e2e_peers/twiml.rs"]
#[expect(dead_code, reason = "the other half of it is for tests/e2e_peers.rs")]
mod twiml;

use std::net::Ipv4Addr;
use std::time::Duration;

use audioroad::actors::clock;
use audioroad::phone::{Call, Hum, Phone, Silence};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio_tungstenite::MaybeTlsStream;
use tokio_tungstenite::tungstenite::Message;

use ear::{Ears, level_dbfs};
use media_stream::{
    AUTH_TOKEN, SETTINGS, STREAM, Socket, StreamCall, StreamEnd, ask, connected, media, new_sid,
    open, runtime, signature, start, stream_of,
};
use switch::{SOON, Switch, eventually, text};

const CALLER_HZ: f32 = 427.5;
const PHONE_HZ: f32 = 641.0;
const FRAME: Duration = Duration::from_millis(20);

fn switch(further: &[(&str, &str)]) -> Switch {
    Switch::start(&[&SETTINGS[..], further].concat())
}

/// The row of a call, once it satisfies `fits`.
fn row(switch: &Switch, call_sid: &str, fits: impl Fn(&Value) -> bool) -> Value {
    eventually("the call's row", || {
        let calls = switch.ask("GET", "/api/calls", Value::Null);
        let mut calls = calls.as_array().into_iter().flatten();
        let ours = calls.find(|call| call["twilioCallSid"] == call_sid);
        ours.filter(|call| fits(call))
            .cloned()
            .ok_or_else(|| format!("{ours:?}"))
    })
}

fn is_up(call: &Value) -> bool {
    call["ringing"] == false
}

fn is_over(call: &Value) -> bool {
    call["status"] == "completed"
}

fn step(switch: &Switch, call: &str, step: &str) {
    let path = format!("/api/twilio-sip/{step}");
    switch.ask("POST", &path, json!({"callId": call}));
}

/// Puts a caller on air.
fn on_air(switch: &Switch, call: &str) {
    for to in ["move-to-screening", "move-to-hold", "move-to-live"] {
        step(switch, call, to);
    }
}

/// A telephone on air that hums.
fn phone_on_air(switch: &Switch) -> (Call, String) {
    let phone = Phone::new(Ipv4Addr::LOCALHOST.into()).number("+15550100999");
    let call = phone
        .call(switch.sip(), "lobby", Hum::new(PHONE_HZ, 0.2))
        .expect("a phone");
    call.wait_answered(SOON).expect("the switch answers");
    let row = switch.call_once(call.sip_call_id(), is_up);
    let id = text(&row["id"]);
    on_air(switch, &id);
    (call, id)
}

#[test]
fn a_caller_comes_by_websocket_and_is_a_caller_like_any_other() {
    let switch = switch(&[("LOG", "audioroad=debug")]);
    switch.go_live();
    let ears = Ears::new(&[CALLER_HZ, PHONE_HZ]);
    let caller = StreamCall::place(&switch, "+15550100100", Hum::new(CALLER_HZ, 0.2));
    let shown = row(&switch, &caller.call_sid, is_up);
    assert_eq!(shown["sipCallId"], *caller.stream_sid, "{shown}");
    assert_eq!(shown["from"], "+15550100100", "{shown}");
    ears.waits("the caller in the lobby", &caller);

    let id = text(&shown["id"]);
    on_air(&switch, &id);
    let (phone, _) = phone_on_air(&switch);
    ears.hears("the caller on air", &caller, &[PHONE_HZ]);
    ears.hears("the phone on air", &phone, &[CALLER_HZ]);
    switch.press(json!({"command": "set-muted", "callId": id, "muted": true}));
    ears.hears("the phone, the caller being muted", &phone, &[]);
    caller.press('7');
    switch.said("digit=7");

    assert!(switch.metrics().contains("audioroad_streams 1"));
    caller.hang_up();
    assert_eq!(caller.wait_ended(SOON), Ok(StreamEnd::Caller));
    let over = row(&switch, &caller.call_sid, is_over);
    assert_eq!(over["cause"], "caller-hung-up", "{over}");
    let metrics = eventually("the socket closes", || {
        let metrics = switch.metrics();
        let is_closed = metrics.contains("audioroad_streams 0");
        is_closed.then_some(metrics).ok_or_else(String::new)
    });
    for line in [
        "audioroad_streams_ended_total{end=\"stopped\"} 1",
        "audioroad_stream_playout_seconds_count 1",
        "audioroad_stream_frames_total{kind=\"unread\"} 0",
        "audioroad_stream_frames_total{kind=\"over-rate\"} 0",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
}

#[test]
fn every_end_of_a_stream_has_its_cause() {
    let mut switch = switch(&[("RTP_TIMEOUT_SECONDS", "2")]);
    switch.go_live();
    let place = |n: u8| {
        let caller = StreamCall::place(&switch, &format!("+1555010020{n}"), Silence);
        let id = text(&row(&switch, &caller.call_sid, is_up)["id"]);
        (caller, id)
    };
    let hung_up = Ok(StreamEnd::Switch { code: 1000 });
    let (dropped, dropped_id) = place(0);
    let (silent, _) = place(1);
    let (lost, _) = place(2);
    let (last, _) = place(3);

    step(&switch, &dropped_id, "end-call");
    assert_eq!(dropped.wait_ended(SOON), hung_up);
    silent.set_sending(false);
    assert_eq!(silent.wait_ended(SOON), hung_up);
    lost.break_connection();
    for (caller, cause) in [
        (&dropped, "dropped"),
        (&silent, "rtp-timeout"),
        (&lost, "stream-lost"),
    ] {
        let over = row(&switch, &caller.call_sid, is_over);
        assert_eq!(over["cause"], cause, "{over}");
    }
    assert_eq!(last.wait_ended(Duration::ZERO).ok(), None, "still up");
    assert!(switch.terminate().success());
    assert_eq!(last.wait_ended(SOON), hung_up);
}

/// The far end has 200 ms of the lobby's music buffered when its caller is picked up. It is not heard, and nothing is missing.
///
/// A fault of the switch comes with every move. One of a machine that is too busy to send a frame in time does not.
#[test]
fn a_move_is_heard_at_once_and_without_a_gap() {
    let switch = switch(&[]);
    switch.go_live();
    let ears = Ears::new(&[CALLER_HZ]);
    let mut wrong = Vec::new();
    let mut old_room = 0;
    for n in 0..3 {
        let from = format!("+1555010030{n}");
        let caller = StreamCall::place_buffered(&switch, &from, Silence, 10);
        let id = text(&row(&switch, &caller.call_sid, is_up)["id"]);
        ears.waits("the caller in the lobby", &caller);
        let clears = caller.clears();
        step(&switch, &id, "move-to-screening");
        let moved = clock::now();
        caller.listen(50, SOON).expect("audio");
        assert_eq!(caller.clears(), clears + 1);

        // Alone with no screener yet: silence for two seconds.
        let heard = caller.take_heard();
        let sounds = heard
            .iter()
            .filter(|frame| level_dbfs(std::slice::from_ref(frame)) > -45.0);
        let sounded: Vec<_> = sounds.map(|frame| frame.at).collect();
        old_room += sounded.iter().filter(|at| **at < moved).count();
        let last = sounded.into_iter().max();
        let late = last.map_or(Duration::ZERO, |at| at.saturating_duration_since(moved));
        let starts = heard
            .windows(2)
            .map(|two| two[1].at.duration_since(two[0].at));
        let gap = starts.max().expect("audio").saturating_sub(FRAME);
        if late > 2 * FRAME || gap > FRAME {
            wrong.push((late, gap));
        }
    }
    assert!(
        old_room > 100,
        "the lobby is heard before: {old_room} frames"
    );
    assert!(wrong.len() < 3, "old audio played on, or a gap: {wrong:?}");
}

#[test]
fn a_far_end_that_does_not_read_loses_audio_and_nobody_else_does() {
    let switch = switch(&[]);
    switch.go_live();
    let (phone, _) = phone_on_air(&switch);
    let ears = Ears::new(&[CALLER_HZ, PHONE_HZ]);
    let caller = StreamCall::place(&switch, "+15550100400", Hum::new(CALLER_HZ, 0.2));
    let id = text(&row(&switch, &caller.call_sid, is_up)["id"]);
    on_air(&switch, &id);
    // Two marks have come back, so the switch knows that this far end echoes.
    caller.listen(120, SOON).expect("audio");
    ears.hears("the phone", &phone, &[CALLER_HZ]);
    let before = phone.reception();
    caller.set_reading(false);
    let heard = phone.listen(250, SOON).expect("5 s of audio");
    assert_eq!(heard.len(), 250);
    let breaks = phone.reception().sequence_breaks - before.sequence_breaks;
    assert_eq!(breaks, 0, "the others' audio goes on");
    caller.set_reading(true);
    ears.hears("the caller who reads again", &caller, &[PHONE_HZ]);
    caller.hang_up();
    row(&switch, &caller.call_sid, is_over);
    let unsent = eventually("the count", || {
        let metrics = switch.metrics();
        let line = metrics
            .lines()
            .find_map(|line| line.strip_prefix("audioroad_stream_frames_total{kind=\"unsent\"} "));
        let unsent = line.and_then(|count| count.parse::<u64>().ok());
        unsent
            .filter(|count| *count > 0)
            .ok_or_else(|| metrics.clone())
    });
    assert!(
        (25..=250).contains(&unsent),
        "{unsent} frames were kept back"
    );
}

#[test]
fn a_stream_is_let_in_once_with_what_the_twiml_says() {
    let switch = switch(&[]);
    switch.go_live();
    let (sid, stream_sid) = (new_sid("CA"), new_sid("MZ"));
    runtime().block_on(async {
        let twiml = ask(&switch.url(""), &sid, "+15550100500").await;
        let (url, _, parameters) = stream_of(&twiml);
        assert_eq!(url, switch.url(STREAM).replace("http", "ws"));
        let right = signature(AUTH_TOKEN, &url, &[]);
        let https = signature(AUTH_TOKEN, &switch.url(STREAM), &[]);
        for wrong in [signature("another", &url, &[]), https, String::new()] {
            assert_eq!(open(&url, &wrong).await.err(), Some(403), "{wrong}");
        }
        let no_call = "no call waits for this stream";
        let mut forged = parameters.clone();
        forged[1].1.replace_range(..1, "9");
        let refused = start(&stream_sid, &sid, &forged);
        assert_eq!(
            told(&url, &[connected(), refused]).await,
            (1008, no_call.into())
        );
        let of_another = start(&stream_sid, "CA9", &parameters);
        assert_eq!(
            told(&url, &[connected(), of_another]).await,
            (1008, no_call.into())
        );

        let begun = [connected(), start(&stream_sid, &sid, &parameters)];
        let mut first = open(&url, &right).await.expect("a socket");
        say(&mut first, &begun).await;
        hear(&mut first).await;
        let second = [connected(), start("MZ2", &sid, &parameters)];
        for replayed in [&begun, &second] {
            assert_eq!(told(&url, replayed).await, (1008, no_call.into()));
        }
        hear(&mut first).await;
        say(
            &mut first,
            &[json!({"event": "stop", "streamSid": stream_sid})],
        )
        .await;
        assert_eq!(close_of(&mut first).await.0, 1000);
        assert_eq!(told(&url, &begun).await, (1008, no_call.into()));
    });
    assert_eq!(row(&switch, &sid, is_over)["cause"], "caller-hung-up");
}

#[test]
fn what_is_no_stream_is_told_so_and_ends_the_call() {
    let switch = switch(&[]);
    switch.go_live();
    for (n, wrong, said) in [
        (0, Message::text("{\"event\":"), "no JSON object"),
        (1, Message::binary(vec![0; 10]), "no JSON object"),
        (2, Message::text(connected().to_string()), "out of order"),
        (3, Message::text("x".repeat(20_000)), "too long"),
        (4, Message::text("[".repeat(9000)), "nested too deeply"),
        (
            5,
            Message::text(media("MZ9", 1, &[0xff; 160]).to_string()),
            "another stream",
        ),
    ] {
        let (sid, stream_sid) = (new_sid("CA"), new_sid("MZ"));
        runtime().block_on(async {
            let mut socket = begin(&switch, &sid, &stream_sid, n).await;
            socket.send(wrong).await.expect("it is sent");
            let (code, reason) = close_of(&mut socket).await;
            assert_eq!((code, reason.contains(said)), (1008, true), "{reason}");
        });
        assert_eq!(
            row(&switch, &sid, is_over)["cause"],
            "stream-error",
            "{said}"
        );
    }

    // A frame of 1 GB is announced. Nobody waits for it.
    let (sid, stream_sid) = (new_sid("CA"), new_sid("MZ"));
    runtime().block_on(async {
        let mut socket = begin(&switch, &sid, &stream_sid, 8).await;
        let mut header = vec![0x81, 0xff];
        header.extend((1_u64 << 30).to_be_bytes());
        header.extend([0; 4]);
        let MaybeTlsStream::Plain(tcp) = socket.get_mut() else {
            panic!("no TLS here");
        };
        tcp.write_all(&header).await.expect("it is sent");
        assert_eq!(close_of(&mut socket).await.0, 1008);
    });
    assert_eq!(row(&switch, &sid, is_over)["cause"], "stream-error");

    // More frames than any stream sends, at once.
    let (sid, stream_sid) = (new_sid("CA"), new_sid("MZ"));
    runtime().block_on(async {
        let mut socket = begin(&switch, &sid, &stream_sid, 9).await;
        for chunk in 1..2000 {
            let frame = media(&stream_sid, chunk, &[0xff; 160]);
            if socket.send(Message::text(frame.to_string())).await.is_err() {
                break;
            }
        }
    });
    assert_eq!(row(&switch, &sid, is_over)["cause"], "stream-error");
}

#[test]
fn a_socket_that_never_says_which_call_it_is_is_closed() {
    let switch = switch(&[]);
    let url = switch.url(STREAM).replace("http", "ws");
    runtime().block_on(async {
        assert_eq!(
            told(&url, &[connected()]).await,
            (1008, "no start came".into())
        );
    });
}

#[test]
fn where_callers_come_by_sip_there_is_no_stream() {
    let switch = Switch::start(&[("TWILIO_AUTH_TOKEN", AUTH_TOKEN)]);
    let url = switch.url(STREAM).replace("http", "ws");
    let status = runtime().block_on(open(&url, &signature(AUTH_TOKEN, &url, &[])));
    assert_eq!(status.err(), Some(404));
}

/// Calls and begins a stream that the switch takes.
async fn begin(switch: &Switch, sid: &str, stream_sid: &str, n: u8) -> Socket {
    let twiml = ask(&switch.url(""), sid, &format!("+1555010060{n}")).await;
    let (url, _, parameters) = stream_of(&twiml);
    let opened = open(&url, &signature(AUTH_TOKEN, &url, &[])).await;
    let mut socket = opened.expect("a socket");
    say(
        &mut socket,
        &[connected(), start(stream_sid, sid, &parameters)],
    )
    .await;
    hear(&mut socket).await;
    socket
}

async fn say(socket: &mut Socket, frames: &[Value]) {
    for frame in frames {
        let text = Message::text(frame.to_string());
        socket.send(text).await.expect("the frame is sent");
    }
}

/// Waits for audio that was sent after this.
async fn hear(socket: &mut Socket) {
    let listen = async {
        for _ in 0..20 {
            while !is_media(socket.next().await.expect("open").expect("a frame")) {}
        }
    };
    tokio::time::timeout(SOON, listen).await.expect("audio");
}

fn is_media(message: Message) -> bool {
    matches!(message, Message::Text(text) if text.contains("\"media\""))
}

/// Waits for the close frame; its code and reason.
async fn close_of(socket: &mut Socket) -> (u16, String) {
    let closed = async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Close(Some(frame)))) => {
                    return (frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(_)) => {}
                end => panic!("no close frame: {end:?}"),
            }
        }
    };
    tokio::time::timeout(SOON, closed).await.expect("the end")
}

/// Says these frames on a socket with the right signature; how that is closed.
async fn told(url: &str, frames: &[Value]) -> (u16, String) {
    let opened = open(url, &signature(AUTH_TOKEN, url, &[])).await;
    let mut socket = opened.expect("a socket");
    say(&mut socket, frames).await;
    close_of(&mut socket).await
}
