//! Frames of Twilio's Media Streams, a line each: whatever comes, a call begins once, is heard at its pace, and ends once.
//!
//! The first octet of a line says how much time passes before its frame.

use std::time::{Duration, Instant};

use audioroad::twilio::stream::{Event, PAYLOAD_LEN_MAX, Session, clear, mark, media, read};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::octets::epoch;

/// Time that an octet counts.
const STEP: Duration = Duration::from_millis(5);
/// Audio that may be heard at once, and later, in frames: the caps of a stream, rounded up.
const FRAMES_AT_ONCE_MAX: u64 = 150;
const FRAMES_PER_SECOND_MAX: u64 = 75;

pub(crate) fn run(data: &[u8]) {
    let started = epoch();
    let mut stream = Stream {
        session: Session::new(started),
        sid: None,
        is_over: false,
        heard: 0,
    };
    let mut now = started;
    for line in data.split(|octet| *octet == b'\n') {
        let Some((pause, frame)) = line.split_first() else {
            continue;
        };
        now += STEP * u32::from(*pause);
        let Ok(text) = std::str::from_utf8(frame) else {
            continue;
        };
        if !stream.takes(now, text) {
            return;
        }
        let seconds = now.duration_since(started).as_secs() + 1;
        assert!(stream.heard <= FRAMES_AT_ONCE_MAX + FRAMES_PER_SECOND_MAX * seconds);
    }
}

struct Stream {
    session: Session,
    /// The stream's name, once it has begun.
    sid: Option<String>,
    is_over: bool,
    heard: u64,
}

impl Stream {
    /// Takes a frame; false when the stream is given up.
    fn takes(&mut self, now: Instant, text: &str) -> bool {
        let mut payload = [0; PAYLOAD_LEN_MAX];
        let event = match self.session.receive(now, text, &mut payload) {
            Ok(event) => event,
            Err(error) => {
                assert!(!error.to_string().contains('\n'));
                return false;
            }
        };
        let is_up = self.sid.is_some() && !self.is_over;
        match event {
            Event::Start(start) => {
                assert_eq!(self.sid, None, "a second start");
                let sid = &start.stream_sid;
                let written = [mark(sid, 17), clear(sid)];
                let events = [
                    json!({"event": "mark", "streamSid": sid, "mark": {"name": "17"}}),
                    json!({"event": "clear", "streamSid": sid}),
                ];
                assert_eq!(written.map(|frame| value(&frame)), events);
                self.sid = Some(start.stream_sid);
            }
            Event::Audio(audio) => {
                assert!(is_up, "audio of no stream");
                assert!((1..=PAYLOAD_LEN_MAX).contains(&audio.payload.len()));
                self.heard += 1;
                let sid = self.sid.as_deref().unwrap_or_default();
                let payload = STANDARD.encode(audio.payload);
                let event =
                    json!({"event": "media", "streamSid": sid, "media": {"payload": payload}});
                assert_eq!(value(&media(sid, audio.payload)), event);
            }
            Event::Key(key) => {
                assert!(is_up, "a key of no stream");
                assert!(matches!(key, '0'..='9' | '*' | '#' | 'A'..='D'));
            }
            Event::Played(_) | Event::OverRate => assert!(is_up, "something of no stream"),
            Event::Stop => {
                assert!(is_up, "a second stop");
                self.is_over = true;
            }
            Event::Nothing => {}
        }
        true
    }
}

fn value(frame: &str) -> Value {
    serde_json::from_str(frame).expect("what we write is JSON")
}
