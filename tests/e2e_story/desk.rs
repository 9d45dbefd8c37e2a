//! Operators at their dashboards in Chromium, by `tests/browser/story.mjs`: a tone for a microphone each, and ears.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

/// How long a verb may take: longer than the driver's own patience, so that the driver says what is missing.
const VERB_MAX: Duration = Duration::from_secs(60);
/// How often, and how long at a time, a page is listened to before an operator should hear what it should.
const LOOKS: u32 = 25;
const LISTEN_MS: u32 = 700;
/// A tone below is not heard; nor is one so far below the loudest.
const PRESENT_DBFS: f64 = -50.0;
const BELOW_LOUDEST_DB: f64 = 26.0;

/// The program that drives the browsers.
pub(crate) struct Browsers {
    process: Child,
    orders: Option<ChildStdin>,
    answers: Receiver<Value>,
}

impl Browsers {
    pub(crate) fn start() -> Rc<RefCell<Self>> {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/story.mjs");
        let mut command = Command::new("node");
        command
            .arg(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = command.spawn().expect("Node.js runs");
        let orders = process.stdin.take();
        let lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        let (sender, answers) = channel();
        let read = move || {
            let answers = lines
                .map_while(Result::ok)
                .filter_map(|line| serde_json::from_str(&line).ok());
            // Nobody listens any more when the test is over.
            answers
                .map_while(|answer| sender.send(answer).ok())
                .for_each(drop);
        };
        std::thread::Builder::new().spawn(read).expect("a thread");
        Rc::new(RefCell::new(Self {
            process,
            orders,
            answers,
        }))
    }

    fn tell(&mut self, order: &Value) -> Value {
        let pipe = self.orders.as_mut().expect("a pipe");
        writeln!(pipe, "{order}").expect("the browsers' driver listens");
        self.answers
            .recv_timeout(VERB_MAX)
            .unwrap_or_else(|_| panic!("{order}: no answer"))
    }
}

impl Drop for Browsers {
    fn drop(&mut self) {
        // The end of its input is the end of its browsers.
        drop(self.orders.take());
        let _ = self.process.wait();
    }
}

/// One operator's browser.
pub(crate) struct Desk {
    name: String,
    browsers: Rc<RefCell<Browsers>>,
    tones: Vec<u32>,
}

impl Desk {
    /// Opens a browser whose microphone is a tone; its ears know `tones`.
    pub(crate) fn arrive(
        browsers: &Rc<RefCell<Browsers>>,
        name: &str,
        tone_hz: u32,
        tones: &[u32],
    ) -> Self {
        let order = json!({
            "id": 0, "desk": name, "do": "arrive", "microphoneHz": tone_hz, "width": 1366, "height": 768,
        });
        let answer = browsers.borrow_mut().tell(&order);
        assert_eq!(answer["ok"], true, "{name} arrives: {answer}");
        Self {
            name: name.to_owned(),
            browsers: Rc::clone(browsers),
            tones: tones.to_vec(),
        }
    }

    /// Does what `verb` says; gives what it gives, or why not.
    pub(crate) fn tries(&self, verb: &str, with: Value) -> Result<Value, String> {
        let order = json!({"id": 0, "desk": self.name, "do": verb, "with": with});
        let answer = self.browsers.borrow_mut().tell(&order);
        match answer["ok"].as_bool() {
            Some(true) => Ok(answer["result"].clone()),
            _ => Err(answer["error"].to_string()),
        }
    }

    /// Does what `verb` says, which must succeed.
    pub(crate) fn does(&self, verb: &str, with: Value) -> Value {
        self.tries(verb, with.clone())
            .unwrap_or_else(|error| panic!("{}: {verb} {with}: {error}", self.name))
    }

    /// Waits until exactly these tones are heard from the page's loudspeakers, and hears them once more.
    pub(crate) fn hears(&self, expected: &[u32]) {
        let (mut heard, mut twice) = (Vec::new(), false);
        for _ in 0..LOOKS {
            heard = self.heard();
            if heard == expected && twice {
                return;
            }
            twice = heard == expected;
        }
        panic!("{} hears {heard:?} instead of {expected:?} Hz", self.name);
    }

    fn heard(&self) -> Vec<u32> {
        let ears = self.does("hear", json!([self.tones, LISTEN_MS]));
        let level = |hz: &u32| ears["tones"][hz.to_string()].as_f64().unwrap_or(-90.0);
        let loudest = self.tones.iter().map(level).fold(-90.0, f64::max);
        let least = PRESENT_DBFS.max(loudest - BELOW_LOUDEST_DB);
        let plays = ears["playing"].as_u64().unwrap_or(0) > 0;
        self.tones
            .iter()
            .filter(|hz| plays && level(hz) >= least)
            .copied()
            .collect()
    }
}
