//! Five people who want to talk on the radio: `phone -> SIP, RTP -> the switch`, each a call of its own.
//!
//! They ring one after the other. Whoever is hung up, or is not let in, rings again a minute later.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use crate::{
    actors::clock,
    media::asset::Prompt,
    phone::{Call, Monologue, Phone, Stage},
};

/// Who they are: the number each calls from, and the name its network gives.
const PEOPLE: [(&str, &str); 5] = [
    ("+15550101201", "Maria Lopez"),
    ("+15550101202", "Ben Carter"),
    ("+15550101203", "Aisha Khan"),
    ("+15550101204", "Tom Becker"),
    ("+15550101205", "Grace Wu"),
];
/// Between one caller's first call and the next one's.
const APART: Duration = Duration::from_secs(4);
/// How long somebody who was hung up waits before ringing again.
const RINGS_AGAIN_AFTER: Duration = Duration::from_secs(60);
/// Silence between two rounds of a monologue.
const PAUSE_MS: u64 = 2500;
/// How often the callers are looked after.
const EVERY: Duration = Duration::from_millis(500);

/// One of the callers.
struct Person {
    phone: Phone,
    speech: Prompt,
    line: Line,
}

/// Whether a caller is on the line.
enum Line {
    RingsAt(Instant),
    On(Call),
}

/// Lets the callers ring `user` at `switch` until the process ends.
pub(super) fn start(
    switch: SocketAddr,
    user: &'static str,
    speeches: Vec<Prompt>,
) -> io::Result<()> {
    let home = if switch.ip().is_unspecified() {
        Ipv4Addr::LOCALHOST.into()
    } else {
        switch.ip()
    };
    let switch = SocketAddr::new(home, switch.port());
    let now = clock::now();
    let mut due = now;
    let mut people = Vec::new();
    for ((number, name), speech) in PEOPLE.into_iter().zip(speeches) {
        due += APART;
        let phone = Phone::new(home).number(number).name(name);
        people.push(Person {
            phone,
            speech,
            line: Line::RingsAt(due),
        });
    }
    std::thread::Builder::new()
        .name("demo".to_owned())
        .spawn(move || {
            loop {
                for person in &mut people {
                    person.look_after(clock::now(), switch, user);
                }
                std::thread::park_timeout(EVERY);
            }
        })?;
    Ok(())
}

impl Person {
    fn look_after(&mut self, now: Instant, switch: SocketAddr, user: &str) {
        match &self.line {
            Line::RingsAt(due) if now >= *due => {
                let voice = Monologue::new(self.speech.clone(), PAUSE_MS);
                self.line = match self.phone.call(switch, user, voice) {
                    Ok(call) => Line::On(call),
                    Err(_) => Line::RingsAt(now + RINGS_AGAIN_AFTER),
                };
            }
            Line::On(call) if matches!(call.stage(), Stage::Ended(_)) => {
                self.line = Line::RingsAt(now + RINGS_AGAIN_AFTER);
            }
            Line::RingsAt(_) | Line::On(_) => {}
        }
    }
}
