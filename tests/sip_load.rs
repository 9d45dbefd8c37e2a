//! Twenty thousand calls over a network that loses a tenth of everything both ways, in virtual time: each comes up and goes
//! down, nothing is left over, and the last of them need no more memory than the first.
//!
//! ```text
//! phones ── 20 ms, one in ten lost ──> endpoint, sessions;   both send again what nobody answered
//! ```

#[path = "fuzz/bodies/answering.rs"]
#[expect(dead_code, reason = "the other half of it is for tests/fuzz")]
mod answering;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::{Duration, Instant};

use answering::{Answering, UDP};
use audioroad::actors::clock;

/// Rounds, and calls of each.
const ROUNDS: u32 = 5;
const CALLS: u32 = 4_000;
/// Every so often one begins.
const EVERY: Duration = Duration::from_millis(10);
const DELAY: Duration = Duration::from_millis(20);
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
/// How long a phone talks; every second one waits to be hung up on.
const TALKS: Duration = Duration::from_secs(5);
const LOST_IN_100: u64 = 10;
/// Pages that a process may gain for reasons of its own.
const GROWTH_KIB_MAX: u64 = 2_048;

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    ToSwitch(String),
    ToPhone(u32, String),
    /// It calls, and again while nobody answers.
    Phone(u32),
    HangUp(u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Inviting,
    Talking,
    Leaving,
    Gone,
    /// Nobody answered for 64 * T1.
    Failed,
}

struct Phone {
    phase: Phase,
    tag: String,
    sent_at: Instant,
    interval: Duration,
}

fn request(method: &str, call: u32, cseq: u32, tag: &str) -> String {
    let to = if tag.is_empty() {
        String::new()
    } else {
        format!(";tag={tag}")
    };
    let (kind, body) = match method {
        "INVITE" => ("Content-Type: application/sdp\r\n", SDP),
        _ => ("", ""),
    };
    format!(
        "{method} sip:lobby@203.0.113.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK{method}{call}\r\n\
         From: <sip:a@192.0.2.10>;tag=f{call}\r\nTo: <sip:lobby@203.0.113.9>{to}\r\nCall-ID: {call}\r\nCSeq: {cseq} {method}\r\n\
         Contact: <sip:a@192.0.2.10>\r\nMax-Forwards: 70\r\n{kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn field<'a>(message: &'a str, name: &str) -> &'a str {
    let mut lines = message.lines();
    lines
        .find_map(|line| line.strip_prefix(name))
        .unwrap_or_default()
        .trim()
}

/// The network, its phones, and what is under way.
struct World {
    switch: Answering,
    phones: BTreeMap<u32, Phone>,
    queue: BinaryHeap<Reverse<(Instant, u64, Event)>>,
    events: u64,
    dice: u64,
}

impl World {
    fn at(&mut self, when: Instant, event: Event) {
        self.events += 1;
        self.queue.push(Reverse((when, self.events, event)));
    }

    fn carry(&mut self, now: Instant, event: Event) {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        if self.dice % 100 >= LOST_IN_100 {
            self.at(now + DELAY, event);
        }
    }

    fn sent(&mut self, now: Instant, sent: Vec<bytes::Bytes>) {
        for bytes in sent {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let call = field(&text, "Call-ID:").parse().expect("a call of ours");
            self.carry(now, Event::ToPhone(call, text));
        }
    }

    /// Whatever comes next, until nothing does.
    fn run(&mut self, mut now: Instant) -> Instant {
        loop {
            let due = self.switch.next_due();
            let next = self.queue.peek().map(|Reverse((at, ..))| *at);
            match (due, next) {
                (Some(due), next) if next.is_none_or(|next| due <= next) => {
                    now = now.max(due);
                    let sent = self.switch.wake(now);
                    self.sent(now, sent);
                }
                (_, Some(_)) => {
                    let Some(Reverse((at, _, event))) = self.queue.pop() else {
                        return now;
                    };
                    now = now.max(at);
                    self.happens(now, event);
                }
                (_, None) => return now,
            }
        }
    }

    fn happens(&mut self, now: Instant, event: Event) {
        match event {
            Event::ToSwitch(text) => {
                let sent = self.switch.hear(now, UDP, text.as_bytes());
                self.sent(now, sent);
            }
            Event::ToPhone(call, text) => self.hears(now, call, &text),
            Event::Phone(call) => self.wakes(now, call),
            Event::HangUp(call) => {
                if let Some(phone) = self.phones.get_mut(&call) {
                    phone.phase = Phase::Leaving;
                    (phone.sent_at, phone.interval) = (now, T1);
                }
                self.wakes(now, call);
            }
        }
    }

    fn hears(&mut self, now: Instant, call: u32, text: &str) {
        let Some(phone) = self.phones.get_mut(&call) else {
            return;
        };
        if text.starts_with("BYE ") {
            phone.phase = Phase::Gone;
            let rest = text.split_once("\r\n").map_or("", |(_, rest)| rest);
            return self.carry(now, Event::ToSwitch(format!("SIP/2.0 200 OK\r\n{rest}")));
        }
        let is_final = text.starts_with("SIP/2.0 200") || text.starts_with("SIP/2.0 481");
        match (is_final, field(text, "CSeq:")) {
            (true, "1 INVITE") => {
                let tag = field(text, "To:")
                    .split_once("tag=")
                    .map_or("", |(_, tag)| tag);
                tag.clone_into(&mut phone.tag);
                if phone.phase == Phase::Inviting {
                    phone.phase = Phase::Talking;
                    if call.is_multiple_of(2) {
                        self.at(now + TALKS, Event::HangUp(call));
                    }
                }
                let ack = request("ACK", call, 1, tag);
                self.carry(now, Event::ToSwitch(ack));
            }
            (true, "2 BYE") => phone.phase = Phase::Gone,
            _ => {}
        }
    }

    /// It sends again what was not answered, or gives up.
    fn wakes(&mut self, now: Instant, call: u32) {
        let phone = self.phones.entry(call).or_insert(Phone {
            phase: Phase::Inviting,
            tag: String::new(),
            sent_at: now,
            interval: T1,
        });
        let text = match phone.phase {
            Phase::Inviting => request("INVITE", call, 1, ""),
            Phase::Leaving => request("BYE", call, 2, &phone.tag),
            Phase::Talking | Phase::Gone | Phase::Failed => return,
        };
        if now.saturating_duration_since(phone.sent_at) >= T1 * 64 {
            phone.phase = Phase::Failed;
            return;
        }
        let again = now + phone.interval;
        phone.interval = match phone.phase {
            Phase::Leaving => (phone.interval * 2).min(T2),
            Phase::Inviting | Phase::Talking | Phase::Gone | Phase::Failed => phone.interval * 2,
        };
        self.carry(now, Event::ToSwitch(text));
        self.at(again, Event::Phone(call));
    }

    /// So many calls from `first` on, half of them ended by their phones, half by the switch; the instant when all is quiet.
    fn calls(&mut self, now: Instant, first: u32) -> Instant {
        for call in 0..CALLS {
            self.at(now + EVERY * call, Event::Phone(first + call));
        }
        let now = self.run(now);
        let sent = self.switch.hang_up(now);
        self.sent(now, sent);
        self.run(now)
    }
}

/// Memory that this process holds, in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the state of a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    kib.and_then(|kib| kib.parse().ok())
        .expect("a number of KiB")
}

#[test]
fn twenty_thousand_calls_over_a_bad_network_leave_nothing_over() {
    let start = clock::now();
    let mut world = World {
        switch: Answering::new(start),
        phones: BTreeMap::new(),
        queue: BinaryHeap::new(),
        events: 0,
        dice: 0x5eed,
    };
    let mut held_kib = Vec::new();
    let mut now = start;
    for round in 0..ROUNDS {
        now = world.calls(now, round * CALLS);
        let ended = world
            .phones
            .values()
            .filter(|phone| phone.phase == Phase::Gone)
            .count();
        assert_eq!(ended, CALLS as usize, "calls that came up and went down");
        world.phones.clear();
        assert_eq!(
            world.switch.left(),
            (0, 0, 0, 0, 0),
            "left over after round {round}"
        );
        held_kib.push(resident_kib());
    }
    println!("{held_kib:?} KiB after each round of {CALLS} calls");
    // The first rounds give tables and allocator the size that they keep.
    let grown = held_kib[4].saturating_sub(held_kib[1]);
    assert!(grown <= GROWTH_KIB_MAX, "{held_kib:?} KiB");
}
