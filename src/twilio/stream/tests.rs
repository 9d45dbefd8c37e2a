//! Frames as Twilio documents them, frames that nobody should send, and a stream from its start to its stop.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const SID: &str = "MZ18ad3ab5a668481ce02b83e7395059f0";

fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    Instant::now()
}

fn connected() -> Value {
    json!({"event": "connected", "protocol": "Call", "version": "1.0.0"})
}

fn start() -> Value {
    json!({"event": "start", "sequenceNumber": "1", "streamSid": SID, "start": {
        "accountSid": "AC1", "streamSid": SID, "callSid": "CA1", "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"callId": "0199", "token": "secret"}}})
}

fn media(chunk: u64, timestamp: u64, payload: &[u8]) -> Value {
    json!({"event": "media", "sequenceNumber": (chunk + 1).to_string(), "streamSid": SID, "media": {
        "track": "inbound", "chunk": chunk.to_string(), "timestamp": timestamp.to_string(),
        "payload": STANDARD.encode(payload)}})
}

/// A session that takes frames and says in short what came of each.
struct Bench {
    session: Session,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let now = now();
        Self {
            session: Session::new(now),
            now,
        }
    }

    fn started() -> Self {
        let mut bench = Self::new();
        bench.takes(&connected());
        assert!(bench.takes(&start()).starts_with("Start"));
        bench
    }

    fn takes(&mut self, frame: &Value) -> String {
        self.takes_text(&frame.to_string())
    }

    fn takes_text(&mut self, frame: &str) -> String {
        let mut payload = [0; PAYLOAD_LEN_MAX];
        match self.session.receive(self.now, frame, &mut payload) {
            Ok(Event::Audio(Audio {
                chunk,
                timestamp,
                payload,
            })) => format!("{chunk} {timestamp} {}", payload.len()),
            Ok(event) => format!("{event:?}"),
            Err(error) => error.to_string(),
        }
    }
}

#[test]
fn a_stream_from_start_to_stop() {
    let mut bench = Bench::new();
    assert_eq!(bench.takes(&connected()), "Nothing");
    let mut payload = [0; PAYLOAD_LEN_MAX];
    let Ok(Event::Start(told)) =
        bench
            .session
            .receive(bench.now, &start().to_string(), &mut payload)
    else {
        panic!("no start");
    };
    assert_eq!(
        (&*told.stream_sid, &*told.account_sid, &*told.call_sid),
        (SID, "AC1", "CA1")
    );
    assert_eq!(told.parameter(CALL_PARAMETER), Some("0199"));
    assert_eq!(told.parameter(TOKEN_PARAMETER), Some("secret"));
    assert!(!format!("{told:?}").contains("secret"));

    assert_eq!(bench.takes(&media(1, 5, &[0xff; 160])), "1 40 160");
    assert_eq!(bench.takes(&media(2, 25, &[0xff; 160])), "2 200 160");
    let dtmf = json!({"event": "dtmf", "streamSid": SID, "sequenceNumber": "5",
                      "dtmf": {"track": "inbound_track", "digit": "#"}});
    assert_eq!(bench.takes(&dtmf), "Key('#')");
    let mark = |name: &str| json!({"event": "mark", "streamSid": SID, "mark": {"name": name}});
    assert_eq!(bench.takes(&mark("17")), "Played(17)");
    assert_eq!(bench.takes(&mark("theirs")), "Nothing");
    assert_eq!(
        bench.takes(&json!({"event": "whatever", "media": 5})),
        "Nothing"
    );
    let stop =
        json!({"event": "stop", "streamSid": SID, "stop": {"accountSid": "AC1", "callSid": "CA1"}});
    assert_eq!(bench.takes(&stop), "Stop");
    assert!(
        bench
            .takes(&media(3, 45, &[0xff; 160]))
            .contains("out of order")
    );
}

#[test]
fn our_own_audio_sent_back_is_not_heard() {
    let mut bench = Bench::started();
    let mut echo = media(1, 0, &[0xff; 160]);
    echo["media"]["track"] = json!("outbound");
    assert_eq!(bench.takes(&echo), "Nothing");
}

#[test]
fn numbers_may_be_numbers() {
    let mut bench = Bench::started();
    let mut frame = media(1, 0, &[0xff; 160]);
    frame["media"]["chunk"] = json!(7);
    frame["media"]["timestamp"] = json!(100);
    assert_eq!(bench.takes(&frame), "7 800 160");
    frame["media"]["timestamp"] = json!(-1);
    assert!(
        bench
            .takes(&frame)
            .contains("documents for the event `media`")
    );
}

#[test]
fn what_comes_out_of_order_is_refused() {
    for (frames, event) in [
        (vec![start()], "start"),
        (vec![media(1, 0, &[0xff; 160])], "media"),
        (vec![connected(), connected()], "connected"),
        (vec![connected(), start(), start()], "start"),
        (vec![connected(), json!({"event": "stop"})], "stop"),
        (vec![connected(), media(1, 0, &[0xff; 160])], "media"),
    ] {
        let mut bench = Bench::new();
        let last = frames.iter().map(|frame| bench.takes(frame)).last();
        assert_eq!(
            last.unwrap(),
            format!("the event `{event}` came out of order")
        );
    }
}

#[test]
fn another_format_stream_or_shape_is_refused() {
    for (path, value, said) in [
        ("/start/mediaFormat/encoding", json!("audio/l16"), "format"),
        ("/start/mediaFormat/sampleRate", json!(16_000), "format"),
        ("/start/mediaFormat/channels", json!(2), "format"),
        ("/start/streamSid", json!("MZ\"}"), "start.streamSid"),
        ("/start/callSid", json!("x".repeat(65)), "start.callSid"),
        ("/start/accountSid", json!(""), "start.accountSid"),
        (
            "/start/customParameters",
            json!({"callId": "x".repeat(501)}),
            "start.customParameters",
        ),
        (
            "/start/customParameters",
            json!({"callId": 5}),
            "for the event `start`",
        ),
        ("/start", json!(null), "for the event `start`"),
    ] {
        let mut bench = Bench::new();
        bench.takes(&connected());
        let mut frame = start();
        *frame.pointer_mut(path).unwrap() = value;
        let told = bench.takes(&frame);
        assert!(told.contains(said), "{path}: {told}");
    }
    let parameters: serde_json::Map<String, Value> =
        (0..17).map(|n| (n.to_string(), json!(""))).collect();
    let mut many = start();
    many["start"]["customParameters"] = parameters.into();
    let mut bench = Bench::new();
    bench.takes(&connected());
    assert!(bench.takes(&many).contains("start.customParameters"));

    let mut bench = Bench::started();
    let mut frame = media(1, 0, &[0xff; 160]);
    frame["streamSid"] = json!("MZ2");
    assert_eq!(bench.takes(&frame), "a frame belongs to another stream");
}

#[test]
fn audio_has_its_limits() {
    for (payload, said) in [
        (json!(""), "media.payload"),
        (json!("%%%%"), "media.payload"),
        (json!("AAA"), "media.payload"),
        (json!(STANDARD.encode([0; 801])), "media.payload"),
        (json!("A".repeat(8000)), "media.payload"),
        (json!(5), "for the event `media`"),
    ] {
        let mut frame = media(1, 0, &[]);
        frame["media"]["payload"] = payload;
        let told = Bench::started().takes(&frame);
        assert!(told.contains(said), "{frame}: {told}");
    }
    let longest = media(1, 0, &[0xff; PAYLOAD_LEN_MAX]);
    assert_eq!(Bench::started().takes(&longest), "1 0 800");
}

#[test]
fn what_is_no_frame_is_refused() {
    let long = format!(
        "{{\"event\":\"x\",\"y\":\"{}\"}}",
        "z".repeat(FRAME_LEN_MAX)
    );
    let deep = format!("{{\"event\":\"x\",\"y\":{}", "[".repeat(4000));
    for (text, said) in [
        ("", "no JSON object"),
        ("null", "no JSON object"),
        ("[]", "no JSON object"),
        ("{\"event\":5}", "no JSON object"),
        ("{\"event\":\"media\"", "no JSON object"),
        ("{\"event\":\"media\"} {}", "no JSON object"),
        (
            "{\"event\":\"connected\",\"event\":\"x\"}",
            "no JSON object",
        ),
        (&long, "too long"),
        (&deep, "nested too deeply"),
    ] {
        let told = Bench::new().takes_text(text);
        assert!(told.contains(said), "{:.60}: {told}", text);
    }
    let quoted = "{\"event\":\"x\",\"y\":\"[[[[[[[[[[[[\\\"{{{{{{\"}";
    assert_eq!(Bench::new().takes_text(quoted), "Nothing");
}

#[test]
fn a_stall_is_forgiven_and_a_flood_is_not() {
    let mut bench = Bench::started();
    let mut heard = 0;
    // Three seconds at once, and then on time.
    for chunk in 0..400 {
        if chunk > 150 {
            bench.now += Duration::from_millis(20);
        }
        heard += u32::from(bench.takes(&media(chunk, chunk * 20, &[0xff; 160])) != "OverRate");
    }
    assert_eq!(heard, 399, "one more than 150 came at once");

    let mut bench = Bench::started();
    let mut over = 0;
    let told = (0..2000).map(|chunk| bench.takes(&media(chunk, chunk * 20, &[0xff; 160])));
    let end = told
        .take_while(|told| told != "too many frames came")
        .filter(|told| told == "OverRate")
        .count();
    over += end;
    assert_eq!(over, 1000 - 2 - 150);
}

#[test]
fn what_we_write_is_what_twilio_documents() {
    let read = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    let payload = [0x7f; 160];
    assert_eq!(
        read(super::media(SID, &payload)),
        json!({"event": "media", "streamSid": SID, "media": {"payload": STANDARD.encode(payload)}})
    );
    assert_eq!(
        read(mark(SID, 42)),
        json!({"event": "mark", "streamSid": SID, "mark": {"name": "42"}})
    );
    assert_eq!(
        read(clear(SID)),
        json!({"event": "clear", "streamSid": SID})
    );
    let frame = super::media(SID, &payload);
    assert_eq!(frame.len(), frame.capacity(), "written without growing");
}

proptest! {
    #[test]
    fn audio_survives(payload in proptest::collection::vec(any::<u8>(), 1..=PAYLOAD_LEN_MAX), timestamp in any::<u64>()) {
        let mut session = Session::new(now());
        let mut buf = [0; PAYLOAD_LEN_MAX];
        for frame in [connected(), start()] {
            session.receive(now(), &frame.to_string(), &mut buf).unwrap();
        }
        let frame = media(1, timestamp, &payload).to_string();
        let Ok(Event::Audio(audio)) = session.receive(now(), &frame, &mut buf) else {
            return Err(TestCaseError::fail("no audio"));
        };
        prop_assert_eq!(audio.payload, &payload[..]);
    }
}
