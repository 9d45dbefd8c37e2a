//! Clicks: a telephone in the show and two clients at the server, all with the same clock.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use audioroad::phone::{HeardFrame, Phone};
use serde_json::Value;

use crate::livekit_server::LiveKitServer;
use crate::show::{Caller, Show};
use crate::switch::{SOON, eventually, text};

/// Clicks that are measured each way.
const CLICKS: usize = 220;
/// From click to click: longer than any of them takes.
const EVERY: Duration = Duration::from_millis(400);
/// Frames of 20 ms from click to click.
const EVERY_FRAMES: usize = 20;
/// What takes longer was another click.
const LATE: f64 = 0.39;
/// A sample as loud as this belongs to a click.
const LOUD: f32 = 0.05;
/// Quiet frames before a click.
const PAUSE_FRAMES: usize = 7;

/// One way of a click, and how long it took, in seconds, the shortest first.
pub(crate) struct Way {
    pub(crate) what: &'static str,
    took_s: Vec<f64>,
}

impl Way {
    fn new(what: &'static str, sent: &[f64], heard: &[f64]) -> Self {
        let took = heard.iter().filter_map(|heard| {
            let last = sent.iter().rev().find(|sent| *sent <= heard)?;
            Some(heard - last).filter(|took| *took < LATE)
        });
        let mut took_s: Vec<f64> = took.collect();
        took_s.sort_by(f64::total_cmp);
        Self { what, took_s }
    }

    pub(crate) fn clicks(&self) -> usize {
        self.took_s.len()
    }

    pub(crate) fn percentile_ms(&self, percent: usize) -> f64 {
        let place = (self.took_s.len() * percent / 100).min(self.took_s.len().saturating_sub(1));
        self.took_s
            .get(place)
            .map_or(f64::NAN, |took| 1000.0 * took)
    }
}

/// Clicks from a caller to a client, from a client to the caller, and from client to client.
pub(crate) fn measure(server: &LiveKitServer, show: &Show) -> Vec<Way> {
    let room = show.room();
    let listener = Client::join(server, &room, "host:listener", false);
    let (caller, sent) = clicking_caller(show);
    show.air(&caller);
    let identity = caller.identity();
    let from_phone = listener.heard_from(&identity);
    let to_client = Way::new(
        "telephone to client",
        &sent.lock().expect("times"),
        &from_phone,
    );

    let speaker = Client::join(server, &room, "host:speaker", true);
    listener.heard_from("host:speaker");
    let mut onsets = Vec::new();
    while onsets.len() < CLICKS {
        let frames = caller.call.listen(50 * 20, 2 * SOON).expect("audio comes");
        onsets = clicks_in(&frames, onsets);
    }
    let sent = speaker.times("clicked", |_| true);
    let to_phone = Way::new("client to telephone", &sent, &onsets);
    let heard = listener.times("heard", |said| said["identity"] == "host:speaker");
    let between = Way::new("client to client, without the switch", &sent, &heard);
    vec![to_client, to_phone, between]
}

/// A caller who clicks, and when each click left the telephone.
fn clicking_caller(show: &Show) -> (Caller, Arc<Mutex<Vec<f64>>>) {
    let sent = Arc::<Mutex<Vec<f64>>>::default();
    let (times, mut frames) = (Arc::clone(&sent), 0_usize);
    let voice = move || {
        let is_click = frames.is_multiple_of(EVERY_FRAMES);
        frames += 1;
        if is_click {
            times.lock().expect("times").push(now_s());
        }
        std::array::from_fn(|n| {
            let wave = (std::f32::consts::TAU * n as f32 / 8.0).sin();
            if is_click { 0.5 * wave } else { 0.0 }
        })
    };
    let phone = Phone::new(Ipv4Addr::LOCALHOST.into()).number("+15550100199");
    let call = phone
        .call(show.switch.sip(), "lobby", voice)
        .expect("a phone");
    call.wait_answered(SOON).expect("the switch answers");
    let fits = |row: &Value| row["ringing"] == false;
    let row = show.switch.call_once(call.sip_call_id(), fits);
    let caller = Caller {
        tone: 1000.0,
        call,
        id: text(&row["id"]),
    };
    (caller, sent)
}

/// Adds the times of the clicks in these frames that are later than those known.
fn clicks_in(frames: &[HeardFrame], mut known: Vec<f64>) -> Vec<f64> {
    let (now, now_instant) = (now_s(), Instant::now());
    let mut quiet = VecDeque::from([false; PAUSE_FRAMES]);
    for frame in frames {
        let onset = frame.samples.iter().position(|sample| sample.abs() > LOUD);
        let after_pause = quiet.iter().all(|is_quiet| *is_quiet);
        quiet.pop_front();
        quiet.push_back(onset.is_none());
        if let Some(onset) = onset.filter(|_| after_pause) {
            // A telephone plays a packet from its arrival on.
            let played_s = onset as f64 / 8000.0;
            let at = now - now_instant.duration_since(frame.at).as_secs_f64() + played_s;
            if known.last().is_none_or(|last| at > last + LATE / 2.0) {
                known.push(at);
            }
        }
    }
    known
}

/// `tests/peers/livekit_clicks.py`.
struct Client {
    process: Child,
    /// The client leaves when its input ends.
    _input: ChildStdin,
    said: Arc<Mutex<Vec<Value>>>,
}

impl Client {
    fn join(server: &LiveKitServer, room: &str, name: &str, sends: bool) -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new(here.join("build/venv/bin/python"));
        command.arg(here.join("tests/peers/livekit_clicks.py"));
        command.args([server.url(), server.token(room, name)]);
        command.args(["--every", &EVERY.as_secs_f64().to_string()]);
        if sends {
            command.arg("--send");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.stderr(Stdio::null()).spawn().expect("Python runs");
        let lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        let said = Arc::<Mutex<Vec<Value>>>::default();
        let kept = Arc::clone(&said);
        let keep = move || {
            for line in lines.map_while(Result::ok) {
                let said = serde_json::from_str(&line).unwrap_or(Value::Null);
                kept.lock().expect("what it said").push(said);
            }
        };
        std::thread::Builder::new().spawn(keep).expect("a thread");
        let input = process.stdin.take().expect("a pipe");
        let client = Self {
            process,
            _input: input,
            said,
        };
        eventually("the client is in", || {
            let is_in = !client.times("connected", |_| true).is_empty();
            is_in.then_some(()).ok_or_else(|| "not yet".to_owned())
        });
        client
    }

    /// The times of what it said so far.
    fn times(&self, event: &str, fits: impl Fn(&Value) -> bool) -> Vec<f64> {
        let said = self.said.lock().expect("what it said");
        let fitting = said
            .iter()
            .filter(|said| said["event"] == event && fits(said));
        fitting
            .map(|said| said["at"].as_f64().unwrap_or_default())
            .collect()
    }

    /// Waits for enough clicks of this participant.
    fn heard_from(&self, identity: &str) -> Vec<f64> {
        let patience = EVERY * u32::try_from(CLICKS).unwrap_or(u32::MAX) + 2 * SOON;
        let deadline = Instant::now() + patience;
        loop {
            let heard = self.times("heard", |said| said["identity"] == identity);
            if heard.len() >= CLICKS {
                return heard;
            }
            assert!(
                Instant::now() < deadline,
                "{} clicks of {identity}",
                heard.len()
            );
            std::thread::sleep(EVERY);
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It may have gone by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Seconds since 1970: the clock that all processes share.
fn now_s() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}
