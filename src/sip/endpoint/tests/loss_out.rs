//! Calls that we place over a network that loses a tenth of everything, in virtual time: to far ends that answer, ring on, or
//! are busy, hung up from either side or given up.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::loss::Dice;
use super::switch::*;
use crate::sip::sdp::Codec;
use crate::sip::*;

const DELAY: Duration = Duration::from_millis(20);
const CALLS: u64 = 2_400;

/// What a call was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum End {
    HungUpByUs,
    HungUpByThem,
    GivenUp,
    Busy,
    Silence,
}

/// Our side: an endpoint, the calls that it places, and those that are up.
struct Caller {
    endpoint: Endpoint,
    placed: HashMap<TxnKey, OutgoingCall>,
    up: HashMap<DialogKey, InviteSession>,
    byes: HashMap<TxnKey, DialogKey>,
    ends: HashMap<End, u64>,
}

impl Caller {
    fn new() -> Self {
        Self {
            endpoint: Endpoint::new(config()),
            placed: HashMap::new(),
            up: HashMap::new(),
            byes: HashMap::new(),
            ends: HashMap::new(),
        }
    }

    fn call(&mut self, now: Instant, user: &str, number: u64) -> TxnKey {
        let parties = Parties {
            target: format!("sip:{user}@192.0.2.10"),
            from: "<sip:+15550100@203.0.113.9>".to_owned(),
            headers: Vec::new(),
            login: None,
        };
        let names = CallNames {
            call_id: format!("out-{number}"),
            tag: format!("f{number}"),
            client_nonce: String::new(),
        };
        let source = Source {
            flow: FLOW,
            transport: Transport::Udp,
            local: local(),
            from: peer(),
        };
        let media = MediaAddress {
            addr: local().ip(),
            port: 10_000,
            session_id: 1,
            prefer: vec![Codec::Pcmu],
            srtp: CallSrtp::OFF,
        };
        let way = (source, self.endpoint.contact_on(&source));
        let mut call = OutgoingCall::new(parties, names, way, media);
        let invite = call.invite();
        let txn = self.endpoint.invite(now, source, invite);
        self.placed.insert(txn, call);
        txn
    }

    fn hang_up(&mut self, now: Instant, key: &DialogKey) {
        let Some(session) = self.up.get_mut(key) else {
            return;
        };
        if let HangUp::Bye(bye) = session.hang_up(Reason::q850(16, "done")) {
            let txn = self.endpoint.request(now, session.peer(), *bye);
            self.byes.insert(txn, key.clone());
        }
    }

    fn ended(&mut self, end: End) {
        *self.ends.entry(end).or_default() += 1;
    }

    fn over(&mut self, txn: TxnKey, end: End) {
        let mut call = self.placed.remove(&txn).unwrap();
        for key in call.forget_early() {
            self.endpoint.forget_dialog(&key);
        }
        self.ended(end);
    }

    fn left(&mut self, key: &DialogKey, end: End) {
        self.endpoint.forget_dialog(key);
        if self.up.remove(key).is_some() {
            self.ended(end);
        }
    }

    fn settle(&mut self, now: Instant) {
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                EndpointEvent::Progressed { txn, response } => {
                    let heard = self.placed.get_mut(&txn).unwrap().heard(&response);
                    if let Some(key) = heard.dialog {
                        self.endpoint.register_dialog(key);
                    }
                }
                EndpointEvent::Accepted { txn, response } => {
                    let mut call = self.placed.remove(&txn).unwrap();
                    let answered = call.answered(now, &response).unwrap();
                    assert!(answered.agreed.is_ok());
                    let key = answered.session.dialog_key().clone();
                    self.endpoint.register_dialog(key.clone());
                    self.up.insert(key, *answered.session);
                }
                EndpointEvent::Answered { txn, response } => {
                    if let Some(key) = self.byes.remove(&txn) {
                        self.left(&key, End::HungUpByUs);
                    } else {
                        assert_eq!(response.status_code.code(), 488);
                        self.over(txn, End::Busy);
                    }
                }
                EndpointEvent::GivenUp { txn } => self.over(txn, End::GivenUp),
                EndpointEvent::InDialog {
                    dialog,
                    txn,
                    request,
                } => {
                    let session = self.up.get_mut(&dialog).unwrap();
                    let action = session.handle_request(now, &request);
                    self.endpoint.respond(now, txn, action.response);
                    if matches!(action.event, Some(SessionEvent::HungUp { .. })) {
                        self.left(&dialog, End::HungUpByThem);
                    }
                }
                EndpointEvent::TimedOut { txn, .. } => match self.byes.remove(&txn) {
                    Some(key) => self.left(&key, End::Silence),
                    None => self.over(txn, End::Silence),
                },
                other @ (EndpointEvent::Invited { .. }
                | EndpointEvent::Cancelled { .. }
                | EndpointEvent::Acked { .. }
                | EndpointEvent::AckTimedOut { .. }
                | EndpointEvent::FlowLost { .. }) => panic!("{other:?}"),
            }
        }
    }
}

/// Both ends and the wire between them.
struct World {
    caller: Caller,
    far: Switch,
    /// Messages under way: due, to the far end or not, text.
    wire: Vec<(Instant, bool, String)>,
    dice: Dice,
}

impl World {
    fn step(&mut self, now: Instant) {
        let wire = std::mem::take(&mut self.wire);
        let (due, later) = wire.into_iter().partition(|(at, ..)| *at <= now);
        self.wire = later;
        for (_, to_far, text) in Vec::from_iter::<Vec<(Instant, bool, String)>>(due) {
            if to_far {
                let way = (peer(), local());
                self.far.octets(now, FLOW, way, text.as_bytes());
            } else {
                let endpoint = &mut self.caller.endpoint;
                endpoint.handle_datagram(now, FLOW, local(), peer(), text.as_bytes());
                self.caller.settle(now);
            }
        }
        self.caller.endpoint.handle_timeout(now);
        self.caller.settle(now);
        self.far.timeout(now);
        let mut sent = Vec::new();
        while let Some(transmit) = self.caller.endpoint.poll_transmit() {
            sent.push((now + DELAY, true, text(&transmit)));
        }
        let answers = self.far.sent();
        sent.extend(answers.into_iter().map(|text| (now + DELAY, false, text)));
        sent.retain(|_| self.dice.below(100) >= 10);
        self.wire.extend(sent);
    }
}

#[test]
fn calls_out_come_up_and_go_down_with_a_tenth_of_everything_lost() {
    let start = epoch();
    let mut world = World {
        caller: Caller::new(),
        far: Switch::new(config()),
        wire: Vec::new(),
        dice: Dice(0x0ddba11),
    };
    let step = Duration::from_millis(10);
    let mut to_give_up: Vec<(Instant, TxnKey)> = Vec::new();
    for tick in 0..31_000_u32 {
        let now = start + step * tick;
        if u64::from(tick) < CALLS * 5 && tick % 5 == 0 {
            let number = u64::from(tick / 5);
            match number % 8 {
                0 => {
                    let txn = world.caller.call(now, "ring", number);
                    // At once, or when it rings.
                    let patience = Duration::from_millis(number % 3 * 900);
                    to_give_up.push((now + patience, txn));
                }
                _ => {
                    world.caller.call(now, "lobby", number);
                }
            }
        }
        to_give_up.retain(|(at, txn)| {
            let waits = *at > now;
            if !waits {
                world.caller.endpoint.cancel(now, *txn, None);
            }
            waits
        });
        if tick == 17_000 {
            let ours: Vec<DialogKey> = world.caller.up.keys().cloned().collect();
            for key in ours {
                let number: u64 = key.local_tag[1..].parse().unwrap();
                if number.is_multiple_of(2) {
                    world.caller.hang_up(now, &key);
                } else {
                    let theirs = DialogKey {
                        local_tag: key.remote_tag,
                        remote_tag: key.local_tag,
                        ..key
                    };
                    world.far.hang_up(now, &theirs);
                }
            }
        }
        world.step(now);
    }
    let count = |end| world.caller.ends.get(&end).copied().unwrap_or(0);
    assert_eq!(count(End::GivenUp), CALLS / 8);
    assert_eq!(count(End::HungUpByUs), CALLS * 3 / 8);
    assert_eq!(count(End::HungUpByThem), CALLS / 2);
    assert_eq!((count(End::Busy), count(End::Silence)), (0, 0));
    assert_eq!((world.far.answered, world.far.unacked), (CALLS * 7 / 8, 0));
    assert!(world.caller.placed.is_empty() && world.caller.up.is_empty());
    assert!(world.far.sessions.is_empty());
    for endpoint in [&world.caller.endpoint, &world.far.endpoint] {
        assert_eq!(endpoint.load(), Load::default());
        assert_eq!(endpoint.table.names_len(), 0);
    }
}

#[test]
fn twenty_thousand_calls_out_leave_nothing_over() {
    let start = epoch();
    let (mut caller, mut far) = (Caller::new(), Switch::new(config()));
    let mut most = Load::default();
    let carry = |now: Instant, caller: &mut Caller, far: &mut Switch| loop {
        let mut moved = false;
        while let Some(transmit) = caller.endpoint.poll_transmit() {
            moved = true;
            far.octets(now, FLOW, (peer(), local()), &transmit.bytes);
        }
        for text in far.sent() {
            moved = true;
            let endpoint = &mut caller.endpoint;
            endpoint.handle_datagram(now, FLOW, local(), peer(), text.as_bytes());
            caller.settle(now);
        }
        if !moved {
            break;
        }
    };
    for number in 0..20_000_u64 {
        let now = start + Duration::from_millis(10 * number);
        caller.call(now, "lobby", number);
        carry(now, &mut caller, &mut far);
        let key = caller.up.keys().next().cloned().unwrap();
        caller.hang_up(now, &key);
        carry(now, &mut caller, &mut far);
        caller.endpoint.handle_timeout(now);
        far.timeout(now);
        let load = caller.endpoint.load();
        most.transactions = most.transactions.max(load.transactions);
    }
    assert_eq!(caller.ends.get(&End::HungUpByUs), Some(&20_000));
    // The INVITE waits 32 s for late repeats of the 200, the BYE 5 s.
    assert!(most.transactions <= 3_201 + 502, "{most:?}");
    let end = start + Duration::from_secs(1_000);
    caller.endpoint.handle_timeout(end);
    far.timeout(end);
    assert_eq!(caller.endpoint.load(), Load::default());
    assert_eq!(caller.endpoint.table.names_len(), 0);
    assert!(caller.up.is_empty() && far.sessions.is_empty());
}
