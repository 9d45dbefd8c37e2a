//! A person at a browser, played by LiveKit's own Python SDK (`tests/peers/livekit_client.py`): has a tone for a voice,
//! and says of every participant which tone it carries.

use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use audioroad::actors::clock;
use serde_json::{Value, json};

use crate::switch::{Switch, TOKEN, eventually, text};

/// How often the client reports what it hears, in seconds.
const REPORTS_EVERY_S: f64 = 0.25;
/// The reports of so long make a picture.
const PICTURE: Duration = Duration::from_millis(1200);
/// How far a reported tone may be off: the client's windows resolve 4 Hz.
const OFF_HZ_MAX: f64 = 8.0;

/// What the client says, with the time at which it said so.
type Events = Arc<Mutex<Vec<(Instant, Value)>>>;

pub(crate) struct LiveKitPerson {
    name: String,
    process: Child,
    /// The client leaves when its input ends.
    _commands: ChildStdin,
    events: Events,
}

impl LiveKitPerson {
    /// Whether the client can run here: its Python is installed.
    fn python() -> PathBuf {
        let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("build/venv/bin/python");
        let python = env::var_os("AUDIOROAD_PEERS_PYTHON").map_or(built, PathBuf::from);
        assert!(
            python.exists(),
            "no {}: run scripts/python-venv first",
            python.display()
        );
        python
    }

    /// Joins `room` as `name` with the voice `tone_hz`, and waits until the microphone is published.
    pub(crate) fn join(switch: &Switch, room: &str, name: &str, tone_hz: f32) -> Self {
        let ticket = switch.ask(
            "POST",
            &tickets(room),
            json!({"identity": name, "name": name}),
        );
        let pass = [text(&ticket["url"]), text(&ticket["token"])];
        Self::start(None, name, tone_hz, pass.to_vec())
    }

    /// The same, and comes again with a new ticket whenever the SDK has given up, as a dashboard does.
    pub(crate) fn stay(switch: &Switch, room: &str, name: &str, tone_hz: f32) -> Self {
        let tickets = switch.url(&tickets(room));
        let stay = ["--stay", name, "--bearer", TOKEN, &tickets].map(str::to_owned);
        Self::start(None, name, tone_hz, stay.to_vec())
    }

    /// Joins where the token lets it in, without the switch, from a network namespace if one is named.
    pub(crate) fn enter(
        namespace: Option<&str>,
        (url, token): (&str, &str),
        name: &str,
        tone_hz: f32,
    ) -> Self {
        let pass = vec![url.to_owned(), token.to_owned()];
        Self::start(namespace, name, tone_hz, pass)
    }

    fn start(namespace: Option<&str>, name: &str, tone_hz: f32, place: Vec<String>) -> Self {
        let client = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/livekit_client.py");
        let mut command = match namespace {
            None => Command::new(Self::python()),
            Some(namespace) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace]);
                command.arg(Self::python());
                command
            }
        };
        command.arg(client).args(place);
        command.args(["--tone", &tone_hz.to_string(), "--level", "0.2"]);
        command.args(["--interval", &REPORTS_EVERY_S.to_string()]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = command.spawn().expect("the LiveKit client starts");
        let commands = process.stdin.take().expect("a pipe");
        let lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        let events = Events::default();
        let kept = Arc::clone(&events);
        let keep = move || {
            for line in lines.map_while(Result::ok) {
                let event = serde_json::from_str(&line).unwrap_or(Value::String(line));
                kept.lock().expect("the events").push((clock::now(), event));
            }
        };
        std::thread::Builder::new().spawn(keep).expect("a thread");
        let person = Self {
            name: name.to_owned(),
            process,
            _commands: commands,
            events,
        };
        if tone_hz > 0.0 {
            person.wait_for("published");
        } else {
            person.wait_for("connected");
        }
        person
    }

    /// When the client first said something after `from` that `fits`.
    pub(crate) fn first(&self, from: Instant, fits: impl Fn(&Value) -> bool) -> Option<Instant> {
        let events = self.events.lock().expect("the events");
        let mut later = events.iter().filter(|(at, _)| *at >= from);
        later.find(|(_, said)| fits(said)).map(|(at, _)| *at)
    }

    /// When this participant was first heard with this tone after `from`.
    pub(crate) fn first_heard(&self, from: Instant, identity: &str, hz: f32) -> Option<Instant> {
        self.first(from, |said| {
            let is_near = |heard: f64| (heard - f64::from(hz)).abs() <= OFF_HZ_MAX;
            said["event"] == "heard"
                && said["identity"] == identity
                && said["hz"].as_f64().is_some_and(is_near)
        })
    }

    /// Waits until the client says `event`.
    pub(crate) fn wait_for(&self, event: &str) {
        eventually(&format!("{} is {event}", self.name), || {
            let events = self.events.lock().expect("the events");
            let said = events.iter().any(|(_, said)| said["event"] == event);
            said.then_some(())
                .ok_or_else(|| format!("{:?}", events.iter().map(|(_, e)| e).collect::<Vec<_>>()))
        });
    }

    /// Waits until, for more than a second, every expected participant carries exactly its tone and nobody else is heard.
    pub(crate) fn hears(&self, expected: &BTreeMap<String, f32>) {
        let from = clock::now();
        eventually(&format!("{} hears {expected:?}", self.name), || {
            let now = clock::now();
            let heard = self.picture(now);
            let is_settled = now.duration_since(from) >= PICTURE;
            let all_speak = expected.keys().all(|identity| heard.contains_key(identity));
            let all_right = heard.iter().all(|(identity, tones)| {
                let wanted = expected.get(identity).map(|hz| f64::from(*hz));
                tones
                    .iter()
                    .all(|hz| wanted.is_some_and(|wanted| (hz - wanted).abs() <= OFF_HZ_MAX))
            });
            (is_settled && all_speak && all_right)
                .then_some(())
                .ok_or_else(|| format!("heard {heard:?}"))
        });
    }

    /// The tones that each participant carried in the last moments; who was silent is left out.
    fn picture(&self, now: Instant) -> BTreeMap<String, Vec<f64>> {
        let mut heard: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        let events = self.events.lock().expect("the events");
        let recent = events
            .iter()
            .rev()
            .take_while(|(at, _)| now.duration_since(*at) < PICTURE);
        for (_, event) in recent.filter(|(_, event)| event["event"] == "heard") {
            let hz = event["hz"].as_f64().unwrap_or_default();
            if hz > 0.0 {
                heard.entry(text(&event["identity"])).or_default().push(hz);
            }
        }
        heard
    }
}

impl Drop for LiveKitPerson {
    fn drop(&mut self) {
        // It has gone already when it has left.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where the switch gives tickets for a room.
fn tickets(room: &str) -> String {
    format!("/api/rooms/{room}/token")
}
