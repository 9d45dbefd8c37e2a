//! Calls over a network that loses a tenth of everything, and calls by the thousand, in virtual
//! time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::switch::*;
use crate::sip::*;

const DELAY: Duration = Duration::from_millis(20);

/// A small generator of our own, so that a failure comes back with its seed.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Inviting,
    Talking,
    Leaving,
    Gone,
    Failed,
}

/// A phone that calls, talks and hangs up, or waits to be hung up on.
struct Phone {
    call: u64,
    phase: Phase,
    tag: String,
    repeat: Option<(Instant, Duration)>,
    gives_up: Instant,
    hangs_up: Option<Instant>,
}

impl Phone {
    fn invite(&self) -> String {
        request("INVITE", self.call, 1, &format!("i{}", self.call), "")
    }

    fn bye(&self) -> String {
        request("BYE", self.call, 2, &format!("b{}", self.call), &self.tag)
    }

    /// What a message from the switch makes the phone send.
    fn hear(&mut self, message: &str) -> Option<String> {
        let cseq = field(message, "CSeq").unwrap();
        if message.starts_with("BYE ") {
            self.phase = Phase::Gone;
            let rest = message.split_once("\r\n").unwrap().1;
            return Some(format!("SIP/2.0 200 OK\r\n{rest}"));
        }
        if message.starts_with("SIP/2.0 200") && cseq.ends_with("INVITE") {
            self.tag = field(message, "To")
                .unwrap()
                .split_once("tag=")
                .unwrap()
                .1
                .to_owned();
            if self.phase == Phase::Inviting {
                self.phase = Phase::Talking;
                self.repeat = None;
            }
            return Some(request(
                "ACK",
                self.call,
                1,
                &format!("a{}", self.call),
                &self.tag,
            ));
        }
        if message.starts_with("SIP/2.0 100") {
            self.repeat = None;
        }
        let answers_bye = message.starts_with("SIP/2.0 200") || message.starts_with("SIP/2.0 481");
        if answers_bye && cseq.ends_with("BYE") {
            self.phase = Phase::Gone;
        }
        None
    }

    fn wake(&mut self, now: Instant) -> Option<String> {
        if matches!(self.phase, Phase::Inviting | Phase::Leaving) && now >= self.gives_up {
            self.phase = Phase::Failed;
        }
        if self.phase == Phase::Talking && self.hangs_up.is_some_and(|at| now >= at) {
            self.phase = Phase::Leaving;
            self.repeat = Some((now, Duration::from_millis(250)));
            self.gives_up = now + Duration::from_secs(32);
        }
        let (at, interval) = self.repeat.filter(|(at, _)| now >= *at)?;
        let interval = (interval * 2).min(Duration::from_secs(4));
        self.repeat = Some((at + interval, interval));
        match self.phase {
            Phase::Inviting => Some(self.invite()),
            Phase::Leaving => Some(self.bye()),
            Phase::Talking | Phase::Gone | Phase::Failed => None,
        }
    }
}

struct World {
    switch: Switch,
    phones: BTreeMap<u64, Phone>,
    /// Messages under way: due, to the switch or not, text.
    wire: Vec<(Instant, bool, String)>,
    dice: Dice,
    lost_in_100: u64,
}

impl World {
    fn carry(&mut self, now: Instant, to_switch: bool, text: String) {
        if self.dice.below(100) >= self.lost_in_100 {
            self.wire.push((now + DELAY, to_switch, text));
        }
    }

    fn step(&mut self, now: Instant) {
        let (due, later) = std::mem::take(&mut self.wire)
            .into_iter()
            .partition(|w| w.0 <= now);
        self.wire = later;
        for (_, to_switch, text) in Vec::from_iter::<Vec<(Instant, bool, String)>>(due) {
            if to_switch {
                self.switch.datagram(now, &text);
            } else {
                let id = field(&text, "Call-ID").unwrap();
                let call: u64 = id[5..].split('@').next().unwrap().parse().unwrap();
                let reply = self
                    .phones
                    .get_mut(&call)
                    .and_then(|phone| phone.hear(&text));
                reply
                    .into_iter()
                    .for_each(|text| self.carry(now, true, text));
            }
        }
        let woken: Vec<String> = self
            .phones
            .values_mut()
            .filter_map(|p| p.wake(now))
            .collect();
        woken
            .into_iter()
            .for_each(|text| self.carry(now, true, text));
        self.switch.timeout(now);
        for text in self.switch.sent() {
            self.carry(now, false, text);
        }
    }
}

#[test]
fn calls_come_up_and_go_down_with_a_tenth_of_everything_lost() {
    let (start, calls) = (epoch(), 2_400_u64);
    let mut world = World {
        switch: Switch::new(config()),
        phones: BTreeMap::new(),
        wire: Vec::new(),
        dice: Dice(0x5eed),
        lost_in_100: 10,
    };
    let step = Duration::from_millis(10);
    let mut hung_up = 0;
    for tick in 0..31_000_u32 {
        let now = start + step * tick;
        if u64::from(tick) < calls * 5 && tick % 5 == 0 {
            let call = u64::from(tick / 5);
            let hangs_up = (call % 2 == 0).then_some(now + Duration::from_secs(40));
            let phone = Phone {
                call,
                phase: Phase::Inviting,
                tag: String::new(),
                repeat: Some((now, Duration::from_millis(250))),
                gives_up: now + Duration::from_secs(32),
                hangs_up,
            };
            world.phones.insert(call, phone);
        }
        if tick == 17_000 {
            // The switch hangs up on everybody who waits for it.
            let keys: Vec<DialogKey> = world.switch.sessions.keys().cloned().collect();
            for key in keys {
                let call: u64 = key.remote_tag[1..].parse().unwrap();
                if call % 2 == 1 {
                    hung_up += 1;
                    world.switch.hang_up(now, &key);
                }
            }
        }
        world.step(now);
    }
    let failed: Vec<u64> = world
        .phones
        .values()
        .filter(|p| p.phase != Phase::Gone)
        .map(|p| p.call)
        .collect();
    assert_eq!(failed, [0_u64; 0], "calls that did not end well");
    assert_eq!((world.switch.answered, hung_up), (calls, calls / 2));
    assert_eq!((world.switch.unacked, world.switch.unheard), (0, 0));
    assert_eq!(world.switch.sessions.len(), 0);
    assert_eq!(world.switch.endpoint.load(), Load::default());
    assert_eq!(world.switch.endpoint.table.names_len(), 0);
}

#[test]
fn twenty_thousand_calls_leave_nothing_over() {
    let (mut switch, start) = (Switch::new(config()), epoch());
    let mut most = Load::default();
    for call in 0..20_000_u64 {
        let now = start + Duration::from_millis(10 * call);
        let tags = |switch: &mut Switch| {
            let sent = switch.sent();
            field(&sent[1], "To")
                .unwrap()
                .split_once("tag=")
                .unwrap()
                .1
                .to_owned()
        };
        switch.datagram(now, &request("INVITE", call, 1, &format!("i{call}"), ""));
        let tag = tags(&mut switch);
        switch.datagram(now, &request("ACK", call, 1, &format!("a{call}"), &tag));
        switch.datagram(now, &request("BYE", call, 2, &format!("b{call}"), &tag));
        switch.sent();
        switch.timeout(now);
        let load = switch.endpoint.load();
        most.transactions = most.transactions.max(load.transactions);
        most.timers = most.timers.max(load.timers);
    }
    assert_eq!(switch.answered, 20_000);
    // Two transactions of each call wait out 32 s.
    assert!(most.transactions <= 2 * 3_201, "{most:?}");
    switch.timeout(start + Duration::from_secs(1_000));
    assert_eq!(switch.endpoint.load(), Load::default());
    assert_eq!(switch.endpoint.table.names_len(), 0);
    assert!(switch.sessions.is_empty() && switch.sent().is_empty());
}
