//! The ladder: which messages of a call went which way and when, kept for as long as somebody may ask why it went wrong.
//!
//! ```text
//! octets in, let in by the gate ┬─> Call-ID of a ladder: one more rung, or a repeat of one
//! octets out ───────────────────┘   INVITE of a new call: a new ladder        others: nothing
//! accepted | tied | over ──> trunk, call, cause                 read ──> rungs, drawing, pcap
//! ```
//! Memory is bounded in ladders, in rungs and in octets. A stranger begins a ladder only when its call is accepted, so a flood
//! pushes nobody's ladder out. What is secret is struck out before a rung is kept ([`mask`]).

mod draw;
mod head;
mod mask;
mod pcap;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{Source, Transmit, Transport};
use head::Head;

/// Ladders of calls that are not over, on top of those that are.
const LIVE_MAX: usize = 2_000;
/// Rungs of one ladder; beyond, those after the first [`FIRST_KEPT`] make room.
const RUNGS_MAX: usize = 200;
/// Octets of one ladder.
const LADDER_BYTES_MAX: usize = 256 * 1024;
/// Octets of all ladders.
const BYTES_MAX: usize = 16 * 1024 * 1024;
/// The first rungs of a ladder, which are kept whatever comes later: how the call began.
const FIRST_KEPT: usize = 20;
/// Octets of one message that are kept.
const MESSAGE_BYTES_MAX: usize = 16 * 1024;
/// Instants of repeats that are kept of one message; all are counted.
const REPEATS_KEPT: usize = 16;
/// Rungs that are looked through for the message that is repeated.
const REPEATS_WITHIN: usize = 16;
/// Longest Call-ID of a ladder, in octets.
const CALL_ID_MAX: usize = 256;
/// Longest text of From, To and other words, in characters.
const WORDS_MAX: usize = 200;

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To us.
    In,
    /// From us.
    Out,
}

/// A message as it was on the wire, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Which way it went.
    pub way: Way,
    /// What carried it.
    pub transport: Transport,
    /// Our address.
    pub ours: SocketAddr,
    /// The peer's address.
    pub theirs: SocketAddr,
    /// Its octets; secrets are `*`.
    pub octets: Bytes,
    /// In a few words: `200 OK to INVITE (SDP)`.
    pub summary: String,
}

impl Message {
    /// The message as text that can be shown anywhere; with `hide_numbers`, telephone numbers are masked.
    #[must_use]
    pub fn text(&self, hide_numbers: bool) -> String {
        if hide_numbers {
            printable(&mask::numbers(&self.octets))
        } else {
            printable(&self.octets)
        }
    }
}

/// Octets as text without what a terminal or a reader's eye would be led astray by.
fn printable(octets: &[u8]) -> String {
    let is_plain = |c: char| {
        let is_break = matches!(c, '\r' | '\n' | '\t');
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        is_break || !(c.is_control() || turns)
    };
    String::from_utf8_lossy(octets)
        .chars()
        .map(|c| if is_plain(c) { c } else { '.' })
        .collect()
}

/// One step of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rung {
    /// When, from the beginning of the ladder.
    pub at: Duration,
    /// What.
    pub step: Step,
    /// When the same octets went the same way again, for the first [`REPEATS_KEPT`] times.
    pub again: Vec<Duration>,
    /// How often they did.
    pub repeats: u32,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A message.
    Message(Message),
    /// Something that no message tells: a timer that ran out.
    Note(String),
}

/// One call's messages.
#[derive(Debug, Clone)]
pub struct Ladder {
    /// Names the ladder in this run of the switch.
    pub number: u64,
    /// Call-ID.
    pub call_id: String,
    /// Whether we placed the call.
    pub placed: bool,
    /// The far end's address.
    pub peer: SocketAddr,
    /// What carried the first message.
    pub transport: Transport,
    parties: (String, String),
    /// When it began.
    pub began: Instant,
    /// When something last happened, from the beginning on.
    pub last: Duration,
    /// The trunk, once it is known.
    pub trunk: Option<String>,
    /// The call's id, once there is a call.
    pub call: Option<u128>,
    /// Why the call ended or was refused.
    pub cause: Option<String>,
    /// The last final answer to an INVITE that began or changed the call.
    pub status: Option<u16>,
    /// Whether the call is over or was refused.
    pub over: bool,
    /// In order of time.
    pub rungs: VecDeque<Rung>,
    /// Rungs that had to make room, after the first ones.
    pub left_out: u32,
    octets: usize,
    over_at: Option<Instant>,
}

impl Ladder {
    fn new(number: u64, now: Instant, head: &Head<'_>, message: &Message) -> Self {
        Self {
            number,
            call_id: head.call_id.to_owned(),
            placed: message.way == Way::Out,
            peer: message.theirs,
            transport: message.transport,
            parties: (words(head.parties.0), words(head.parties.1)),
            began: now,
            last: Duration::ZERO,
            trunk: None,
            call: None,
            cause: None,
            status: None,
            over: false,
            rungs: VecDeque::new(),
            left_out: 0,
            octets: 0,
            over_at: None,
        }
    }

    /// From and To as the first INVITE had them; with `hide_numbers`, telephone numbers are masked.
    #[must_use]
    pub fn parties(&self, hide_numbers: bool) -> (String, String) {
        let shown = |party: &str| {
            if hide_numbers {
                printable(&mask::numbers(party.as_bytes()))
            } else {
                party.to_owned()
            }
        };
        (shown(&self.parties.0), shown(&self.parties.1))
    }

    /// The drawing, then every message. `began_unix_ms` is the time of day at which it began.
    #[must_use]
    pub fn draw(&self, began_unix_ms: u64, call: Option<&str>, hide_numbers: bool) -> String {
        draw::draw(self, began_unix_ms, call, hide_numbers)
    }

    /// A capture file of all messages, repeats included, for Wireshark, tshark and sngrep.
    #[must_use]
    pub fn pcap(&self, began_unix_ms: u64, hide_numbers: bool) -> Vec<u8> {
        pcap::capture(self, began_unix_ms, hide_numbers)
    }

    fn add(&mut self, now: Instant, step: Step) {
        let at = now.saturating_duration_since(self.began);
        self.last = at;
        if let Step::Message(message) = &step {
            let same = self.rungs.iter_mut().rev().take(REPEATS_WITHIN);
            let same = same.into_iter().find(|rung| match &rung.step {
                Step::Message(earlier) => {
                    earlier.way == message.way && earlier.octets == message.octets
                }
                Step::Note(_) => false,
            });
            if let Some(rung) = same {
                rung.repeats = rung.repeats.saturating_add(1);
                if rung.again.len() < REPEATS_KEPT {
                    rung.again.push(at);
                }
                return;
            }
        }
        self.octets += weight(&step);
        self.rungs.push_back(Rung {
            at,
            step,
            again: Vec::new(),
            repeats: 0,
        });
        while self.rungs.len() > RUNGS_MAX
            || (self.octets > LADDER_BYTES_MAX && self.rungs.len() > 2)
        {
            let middle = FIRST_KEPT.min(self.rungs.len() - 2);
            if let Some(rung) = self.rungs.remove(middle) {
                self.octets -= weight(&rung.step);
                self.left_out = self.left_out.saturating_add(1);
            }
        }
    }
}

fn weight(step: &Step) -> usize {
    const OVERHEAD: usize = 200;
    OVERHEAD
        + match step {
            Step::Message(message) => message.octets.len() + message.summary.len(),
            Step::Note(note) => note.len(),
        }
}

fn words(text: &str) -> String {
    let text: String = text.chars().take(WORDS_MAX).collect();
    printable(text.as_bytes())
}

/// All ladders.
#[derive(Debug)]
pub struct Ladders {
    over_max: usize,
    last: u64,
    ladders: BTreeMap<u64, Ladder>,
    by_call_id: HashMap<String, u64>,
    by_call: HashMap<u128, u64>,
    /// Those that are over, the oldest first.
    over: BTreeSet<(Instant, u64)>,
    octets: usize,
    /// The last INVITE of somebody whom no trunk lists: it begins a ladder if its call is accepted.
    candidate: Option<(Instant, Message)>,
}

impl Ladders {
    /// Ladders of calls that are up, and of the last `over_max` that are over.
    #[must_use]
    pub fn new(over_max: usize) -> Self {
        Self {
            over_max,
            last: 0,
            ladders: BTreeMap::new(),
            by_call_id: HashMap::new(),
            by_call: HashMap::new(),
            over: BTreeSet::new(),
            octets: 0,
            candidate: None,
        }
    }

    /// A message that the gate has let in. `listed`: a trunk lists its sender.
    pub fn received(&mut self, now: Instant, source: &Source, octets: &[u8], listed: bool) {
        let Some(head) = Head::read(octets) else {
            return;
        };
        let known = self.by_call_id.get(head.call_id).copied();
        let message = || message(Way::In, source.transport, source.local, source.from, octets);
        match known {
            Some(number) => {
                let peer = self.ladders.get(&number).map(|ladder| ladder.peer.ip());
                if listed || peer == Some(source.from.ip()) {
                    self.add(number, now, &head, message());
                }
            }
            None if head.method == Some("INVITE") && !head.in_dialog => {
                if listed {
                    self.begin(now, &head, message());
                } else {
                    self.candidate = Some((now, message()));
                }
            }
            None => {}
        }
    }

    /// A message of ours on its way out; `ours` says our address where no earlier message of the ladder does.
    /// `closed` says why all new calls are sent away just now.
    pub fn sent(
        &mut self,
        now: Instant,
        out: &Transmit,
        closed: Option<&str>,
        ours: impl FnOnce() -> SocketAddr,
    ) {
        let Some(head) = Head::read(&out.bytes) else {
            return;
        };
        let message = |ours| message(Way::Out, out.transport, ours, out.to, &out.bytes);
        if let Some(&number) = self.by_call_id.get(head.call_id) {
            let known = self.ladders.get(&number).and_then(|ladder| {
                ladder.rungs.iter().rev().find_map(|rung| match &rung.step {
                    Step::Message(earlier)
                        if (earlier.theirs, earlier.transport) == (out.to, out.transport) =>
                    {
                        Some(earlier.ours)
                    }
                    Step::Message(_) | Step::Note(_) => None,
                })
            });
            self.add(number, now, &head, message(known.unwrap_or_else(ours)));
            if let Some(why) = closed.filter(|_| head.status == Some(503) && head.of == "INVITE") {
                self.turned_away(head.call_id, why);
            }
        } else if head.method == Some("INVITE") && !head.in_dialog {
            self.begin(now, &head, message(ours()));
        }
    }

    /// The INVITE that was just received is taken, as a call of this trunk.
    pub fn accepted(&mut self, call_id: &str, trunk: &str) {
        if !self.by_call_id.contains_key(call_id)
            && let Some((at, message)) = self.candidate.take()
        {
            let octets = message.octets.clone();
            if let Some(head) = Head::read(&octets).filter(|head| head.call_id == call_id) {
                self.begin(at, &head, message);
            }
        }
        if let Some(ladder) = self.at_call_id(call_id) {
            ladder.trunk = Some(words(trunk));
        }
    }

    /// The INVITE that was just received is refused at the gate.
    pub fn refused(&mut self, now: Instant, call_id: &str, trunk: &str, cause: &str) {
        if let Some(ladder) = self.at_call_id(call_id) {
            ladder.trunk = Some(words(trunk));
            ladder.cause = Some(words(cause));
            let number = ladder.number;
            self.finish(now, number);
        }
    }

    /// The call is sent away for this reason.
    pub fn turned_away(&mut self, call_id: &str, why: &str) {
        if let Some(ladder) = self.at_call_id(call_id) {
            ladder.cause.get_or_insert_with(|| words(why));
        }
    }

    /// Something happened that no message tells.
    pub fn noted(&mut self, now: Instant, call_id: &str, note: String) {
        if let Some(ladder) = self.at_call_id(call_id) {
            let (before, number) = (ladder.octets, ladder.number);
            ladder.add(now, Step::Note(note));
            let after = ladder.octets;
            self.weigh(before, after);
            self.make_room(number);
        }
    }

    /// The call of this Call-ID is the one with this id.
    pub fn tie(&mut self, call_id: &str, call: u128) {
        if let Some(ladder) = self.at_call_id(call_id) {
            ladder.call = Some(call);
            let number = ladder.number;
            self.by_call.insert(call, number);
        }
    }

    /// The call has ended.
    pub fn ended(&mut self, now: Instant, call: u128, cause: &str) {
        if let Some(&number) = self.by_call.get(&call) {
            if let Some(ladder) = self.ladders.get_mut(&number) {
                ladder.cause = Some(words(cause));
            }
            self.finish(now, number);
        }
    }

    /// The ladder with this number.
    #[must_use]
    pub fn get(&self, number: u64) -> Option<&Ladder> {
        self.ladders.get(&number)
    }

    /// The ladder of this call.
    #[must_use]
    pub fn of_call(&self, call: u128) -> Option<&Ladder> {
        self.get(*self.by_call.get(&call)?)
    }

    /// All, the youngest first.
    pub fn recent(&self) -> impl Iterator<Item = &Ladder> {
        self.ladders.values().rev()
    }

    fn at_call_id(&mut self, call_id: &str) -> Option<&mut Ladder> {
        let number = self.by_call_id.get(call_id)?;
        self.ladders.get_mut(number)
    }

    fn begin(&mut self, now: Instant, head: &Head<'_>, message: Message) {
        if head.call_id.len() > CALL_ID_MAX {
            return;
        }
        self.last += 1;
        let number = self.last;
        let ladder = Ladder::new(number, now, head, &message);
        self.by_call_id.insert(ladder.call_id.clone(), number);
        self.ladders.insert(number, ladder);
        self.add(number, now, head, message);
    }

    fn add(&mut self, number: u64, now: Instant, head: &Head<'_>, message: Message) {
        let Some(ladder) = self.ladders.get_mut(&number) else {
            return;
        };
        let before = ladder.octets;
        let is_new_try = head.method == Some("INVITE") && !head.in_dialog;
        if is_new_try && let Some(over) = ladder.over_at.take() {
            // Asked for a login, it comes again under the same Call-ID.
            ladder.over = false;
            self.over.remove(&(over, number));
        }
        ladder.add(now, Step::Message(message));
        let after = ladder.octets;
        let final_answer = head
            .status
            .filter(|code| *code >= 200 && head.of == "INVITE");
        let mut is_refused = false;
        if let Some(code) = final_answer {
            // A re-INVITE that is refused leaves the call as it was.
            is_refused = code >= 300 && ladder.status.is_none_or(|before| before >= 300);
            if code < 300 || is_refused {
                ladder.status = Some(code);
            }
        }
        self.weigh(before, after);
        if is_refused {
            self.finish(now, number);
        }
        self.make_room(number);
    }

    fn weigh(&mut self, before: usize, after: usize) {
        self.octets = (self.octets + after).saturating_sub(before);
    }

    fn finish(&mut self, now: Instant, number: u64) {
        let Some(ladder) = self.ladders.get_mut(&number) else {
            return;
        };
        ladder.over = true;
        if ladder.over_at.is_none() {
            ladder.over_at = Some(now);
            self.over.insert((now, number));
        }
        while self.over.len() > self.over_max
            && let Some(&(_, oldest)) = self.over.first()
        {
            self.remove(oldest);
        }
    }

    /// Takes ladders away, those that are over first, never the one that grows.
    fn make_room(&mut self, growing: u64) {
        while self.octets > BYTES_MAX || self.ladders.len() > self.over_max + LIVE_MAX {
            let oldest_over = self.over.iter().map(|(_, number)| *number);
            let mut oldest = oldest_over.chain(self.ladders.keys().copied());
            let Some(number) = oldest.find(|number| *number != growing) else {
                return;
            };
            self.remove(number);
        }
    }

    fn remove(&mut self, number: u64) {
        let Some(ladder) = self.ladders.remove(&number) else {
            return;
        };
        self.octets = self.octets.saturating_sub(ladder.octets);
        if let Some(over) = ladder.over_at {
            self.over.remove(&(over, number));
        }
        if self.by_call_id.get(&ladder.call_id) == Some(&number) {
            self.by_call_id.remove(&ladder.call_id);
        }
        if let Some(call) = ladder.call
            && self.by_call.get(&call) == Some(&number)
        {
            self.by_call.remove(&call);
        }
    }
}

fn message(
    way: Way,
    transport: Transport,
    ours: SocketAddr,
    theirs: SocketAddr,
    octets: &[u8],
) -> Message {
    let kept = octets.get(..MESSAGE_BYTES_MAX).unwrap_or(octets);
    let octets: Bytes = mask::secrets(kept).into();
    let summary = Head::read(&octets).map(|head| words(&head.summary(&octets)));
    Message {
        way,
        transport,
        ours,
        theirs,
        summary: summary.unwrap_or_default(),
        octets,
    }
}
