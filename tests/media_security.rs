//! Attacks on the audio of a running switch: bleed, injection, forged and replayed SRTP, floods of keys.
//!
//! The attacker sends from a foreign address of this machine, or, where a forger could take the caller's own address,
//! from the very socket of the caller. Every ear knows its tones: one foreign frame in a mix fails the test.

#[path = "common/ear.rs"]
#[expect(
    dead_code,
    reason = "the other half of it is for tests/who_hears_whom.rs"
)]
mod ear;
#[path = "common/switch.rs"]
#[expect(dead_code, reason = "the other half of it is for tests/e2e_livekit")]
mod switch;

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use audioroad::actors::clock;
use audioroad::media::g711::Law;
use audioroad::media::rtp::RtpOut;
use audioroad::media::tone::Tone;
use audioroad::phone::{Call, Encryption, End, Hum, Phone, PhoneError, Stage};
use audioroad::sip::sdp::Direction;
use serde_json::json;

use ear::Ears;
use switch::{SOON, Switch, eventually};

/// Tones of two callers and of the attacker, each between two notes.
const ANN: f32 = 539.0;
const BEN: f32 = 719.0;
const EVE: f32 = 1013.0;
/// Quieter than the callers' is not needed: one frame of it is one too many.
const LOUD: f32 = 0.2;
/// Where the attacker is.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);
/// A second of frames.
const SECOND: usize = 50;

fn phone() -> Phone {
    Phone::new(Ipv4Addr::LOCALHOST.into())
}

fn ears() -> Ears {
    Ears::new(&[ANN, BEN, EVE])
}

/// A switch with a live show that trusts one address alone.
fn studio() -> Switch {
    let switch = Switch::start(&[("SIP_ALLOW", "127.0.0.1")]);
    switch.go_live();
    switch
}

fn on_air(switch: &Switch, phone: &Phone, hz: f32) -> Call {
    let call = phone
        .call(switch.sip(), "lobby", Hum::new(hz, LOUD))
        .expect("a phone");
    put_on_air(switch, &call);
    call
}

fn put_on_air(switch: &Switch, call: &Call) {
    call.wait_answered(SOON).expect("the switch answers");
    let row = switch.call_once(call.sip_call_id(), |row| row["ringing"] == false);
    for step in ["move-to-screening", "move-to-hold", "move-to-live"] {
        let path = format!("/api/twilio-sip/{step}");
        switch.ask("POST", &path, json!({"callId": row["id"]}));
    }
}

fn both_hear_each_other(ann: &Call, ben: &Call) {
    ears().hears("Ann", ann, &[BEN]);
    ears().hears("Ben", ben, &[ANN]);
}

/// What the switch counted of calls that are over, of one kind.
fn damage(switch: &Switch, kind: &str) -> u64 {
    let wanted = format!("audioroad_rtp_damage_total{{kind=\"{kind}\"}} ");
    let metrics = switch.metrics();
    let value = metrics.lines().find_map(|line| line.strip_prefix(&wanted));
    value.and_then(|value| value.parse().ok()).unwrap_or(0)
}

/// Hangs up and waits until the switch has counted the call.
fn end(switch: &Switch, call: &Call) {
    call.hang_up();
    call.wait_ended(SOON).expect("the end");
    switch.call_once(call.sip_call_id(), |row| row["status"] == "completed");
}

/// Packets of the attacker's own stream, with a loud tone in them.
struct Forger {
    stream: RtpOut,
    tone: Tone,
}

impl Forger {
    fn new(ssrc: u32) -> Self {
        Self {
            stream: RtpOut::new(ssrc, 1, 0),
            tone: Tone::new(8000, EVE, LOUD),
        }
    }

    fn packet(&mut self, payload_type: u8) -> Vec<u8> {
        let mut frame = [0.0; 160];
        self.tone.add(&mut frame);
        let mut buf = [0; 172];
        let packet = self
            .stream
            .packet(payload_type, &Law::Mu.encode_frame(&frame), &mut buf);
        let packet = packet.expect("room for it").to_vec();
        self.stream.advance(160);
        packet
    }
}

/// Calls `send` with the number of each try until it is dropped, `per_second` times at most.
struct Flood {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<u64>>,
}

impl Flood {
    fn start(per_second: u32, mut send: impl FnMut(u64) + Send + 'static) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&over);
        let run = move || {
            let (began, mut sent) = (clock::now(), 0);
            while !told.load(Ordering::Relaxed) {
                let due = clock::now().saturating_duration_since(began).as_secs_f64()
                    * f64::from(per_second);
                while sent < due as u64 {
                    send(sent);
                    sent += 1;
                }
                std::thread::park_timeout(Duration::from_millis(1));
            }
            sent
        };
        let thread = std::thread::Builder::new().spawn(run).expect("a thread");
        Self {
            over,
            thread: Some(thread),
        }
    }

    fn stop(mut self) -> u64 {
        self.over.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("it runs");
        thread.join().expect("the flood did not fail")
    }
}

/// Resident memory of the switch in KiB.
fn memory_kib(switch: &Switch) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", switch.pid()));
    let status = status.expect("the process is there");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let words = line.and_then(|line| line.split_ascii_whitespace().nth(1));
    words.and_then(|word| word.parse().ok()).expect("a number")
}

/// R10: a sprayer over the whole port range before, during and after set-up gets no audio and is not heard.
#[test]
fn rtp_neither_bleeds_to_a_stranger_nor_lets_one_in() {
    let switch = studio();
    let (first, last) = switch.rtp_ports();
    let socket = Arc::new(UdpSocket::bind((ELSEWHERE, 0)).expect("another address"));
    socket.set_nonblocking(true).expect("a socket");
    let sending = Arc::clone(&socket);
    let mut streams: Vec<(u16, Forger)> = (first..=last)
        .map(|port| (port, Forger::new(u32::from(port))))
        .collect();
    let count = streams.len() as u64;
    // 50 packets a second to each port, as a phone would; and short RTCP, and what is hardly RTP.
    let sprayer = Flood::start(50 * u32::from(last - first + 1), move |n| {
        let (port, stream) = &mut streams[(n % count) as usize];
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
        let _ = sending.send_to(&stream.packet(0), to);
        if n.is_multiple_of(7) {
            let _ = sending.send_to(&[0x80, 0xC9, 0, 1, 0, 0, 0, 1], to);
            let _ = sending.send_to(&[0x80, 0], to);
        }
    });
    let (ann, ben) = (
        on_air(&switch, &phone(), ANN),
        on_air(&switch, &phone(), BEN),
    );
    both_hear_each_other(&ann, &ben);
    // One whose own audio never comes, so that nobody is latched.
    let mute = phone()
        .call(switch.sip(), "lobby", Hum::new(EVE, LOUD))
        .expect("a phone");
    mute.set_sending(false);
    put_on_air(&switch, &mute);
    mute.listen(SECOND, SOON).expect("it hears the show");
    both_hear_each_other(&ann, &ben);
    end(&switch, &ann);
    assert!(sprayer.stop() > 10_000);
    assert!(damage(&switch, "foreign") > 100, "{}", switch.metrics());
    let mut answer = [0; 2048];
    assert!(
        socket.recv_from(&mut answer).is_err(),
        "a stranger was answered"
    );
}

/// R11: a forger of the caller's own address and port, who does not know its stream.
#[test]
fn a_forged_stream_is_not_heard_while_the_caller_speaks() {
    let switch = studio();
    let ann = Arc::new(on_air(&switch, &phone(), ANN));
    let ben = on_air(&switch, &phone(), BEN);
    both_hear_each_other(&ann, &ben);
    let before_kib = memory_kib(&switch);
    let forge = |mut packet: Box<dyn FnMut(u64) -> Vec<u8> + Send>| {
        let victim = Arc::clone(&ann);
        let flood = Flood::start(2000, move |n| victim.send_raw(&packet(n)));
        both_hear_each_other(&ann, &ben);
        flood.stop()
    };
    let mut one = Forger::new(0xBAD);
    forge(Box::new(move |_| one.packet(0)));
    let mut jumping = Forger::new(0xBAD);
    forge(Box::new(move |n| {
        let mut packet = jumping.packet(0);
        packet[2..4].copy_from_slice(&(n.wrapping_mul(7919) as u16).to_be_bytes());
        packet
    }));
    let mut kinds = Forger::new(0xBAD);
    forge(Box::new(move |n| kinds.packet((n % 128) as u8)));
    let mut sent = 0;
    while sent < 20_000 {
        sent += forge(Box::new(move |n| {
            Forger::new((sent + n) as u32 | 0x8000_0000).packet(0)
        }));
    }
    let grown_kib = memory_kib(&switch).saturating_sub(before_kib);
    assert!(grown_kib < 1024, "{grown_kib} KiB for {sent} streams");
    assert_eq!(ann.stage(), Stage::Up);
}

/// R12: forged, replayed and plain packets from the caller's own address.
#[test]
fn an_encrypted_call_hears_nobody_but_its_caller() {
    let switch = studio();
    let ann = phone().encrypted(Encryption::Required);
    let ann = Arc::new(on_air(&switch, &ann, ANN));
    let ben = on_air(&switch, &phone().encrypted(Encryption::Offered), BEN);
    both_hear_each_other(&ann, &ben);
    assert_eq!(ann.last_sent().len(), 182, "audio is encrypted");
    assert_eq!(ben.last_sent().len(), 182, "audio is encrypted");

    let forge = |packets: u32, mut packet: Box<dyn FnMut(u64, Vec<u8>) -> Vec<u8> + Send>| {
        let victim = Arc::clone(&ann);
        let flood = Flood::start(packets, move |n| {
            let octets = packet(n, victim.last_sent());
            victim.send_raw(&octets);
        });
        both_hear_each_other(&ann, &ben);
        flood.stop()
    };
    // Plain RTP, in the caller's own stream.
    let mut plain = Forger::new(1);
    let in_clear = forge(
        1000,
        Box::new(move |_, sent| {
            let mut packet = plain.packet(0);
            packet[2..12].copy_from_slice(&sent[2..12]);
            packet
        }),
    );
    let replayed = forge(1000, Box::new(|_, sent| sent));
    // The next packets, with tags that are not theirs.
    let bad_tag = |n: u64, mut sent: Vec<u8>| {
        let next = u16::from_be_bytes([sent[2], sent[3]]).wrapping_add(n as u16 % 50);
        sent[2..4].copy_from_slice(&next.to_be_bytes());
        sent
    };
    forge(1000, Box::new(bad_tag));
    assert!(in_clear > 1000 && replayed > 1000);

    // A hundred thousand at once: they end nothing.
    let last = ann.last_sent();
    for n in 0..100_000_u64 {
        ann.send_raw(&bad_tag(n, last.clone()));
    }
    both_hear_each_other(&ann, &ben);
    assert_eq!(
        ann.offer(Direction::SendOnly, SOON),
        Ok(Direction::RecvOnly)
    );
    assert_eq!(
        ann.offer(Direction::SendRecv, SOON),
        Ok(Direction::SendRecv)
    );
    both_hear_each_other(&ann, &ben);
    assert_eq!(ann.rekey(SOON), Ok(Direction::SendRecv));
    both_hear_each_other(&ann, &ben);

    end(&switch, &ann);
    assert!(
        damage(&switch, "unauthentic") > 2000,
        "{}",
        switch.metrics()
    );
    assert!(damage(&switch, "replayed") > 500, "{}", switch.metrics());
}

/// R13: keys faster than anybody presses them.
#[test]
fn a_flood_of_keys_is_twenty_a_second() {
    let switch = studio();
    let ann = Arc::new(on_air(&switch, &phone(), ANN));
    let ben = on_air(&switch, &phone(), BEN);
    both_hear_each_other(&ann, &ben);
    let keys = || {
        let is_key = |line: &&str| line.contains("digit");
        switch.log().lines().filter(|line| is_key(line)).count()
    };
    assert_eq!(keys(), 0);
    let key = |sent: &[u8], code: u8, flags: u8, ms: u32| {
        let mut packet = sent[..12].to_vec();
        packet[1] = 101;
        packet[4..8].copy_from_slice(&(ms * 8).to_be_bytes());
        packet.extend([code, flags, 3, 32]);
        packet
    };
    // One key: its start twice, its end three times, and another key that claims the same time.
    let sent = ann.last_sent();
    for (code, flags) in [(5, 10), (5, 10), (5, 0x8A), (5, 0x8A), (5, 0x8A), (6, 10)] {
        ann.send_raw(&key(&sent, code, flags, 100));
    }
    eventually("the key is told", || {
        (keys() > 0).then_some(()).ok_or_else(|| "none".to_owned())
    });
    let began = clock::now();
    for n in 0..100_000_u32 {
        ann.send_raw(&key(&sent, (n % 16) as u8, 0x8A, 1000 + n));
    }
    both_hear_each_other(&ann, &ben);
    let seconds = clock::now().saturating_duration_since(began).as_secs() as usize;
    let told = keys();
    assert!(told > 1, "the flood was not heard at all");
    assert!(told <= 1 + 20 * (seconds + 2), "{told} keys in {seconds} s");
}

/// A trunk that demands encryption takes no plain call, and none whose keys everybody can read.
#[test]
fn a_trunk_that_demands_encryption_takes_nothing_else() {
    let file = "[[trunk]]\nname = \"studio\"\nprofile = \"pbx\"\nallow = \"127.0.0.1\"\nsrtp = \"required\"\n";
    let refusals = |file: &str, phone: &Phone| {
        let switch = Switch::start_with_file(file, &[]);
        switch.go_live();
        let call = phone
            .call(switch.sip(), "lobby", Hum::new(ANN, LOUD))
            .expect("a phone");
        let answer = call.wait_answered(SOON);
        if answer.is_ok() {
            call.listen(SECOND, SOON).expect("audio comes");
        }
        answer
    };
    let refused = Err(PhoneError::Ended(End::Refused { status: 488 }));
    let encrypted = phone().encrypted(Encryption::Required);
    assert_eq!(refusals(file, &phone()), refused);
    assert_eq!(refusals(file, &encrypted), refused, "keys over UDP");
    let relaxed = format!("{file}srtp_needs_tls = false\n");
    assert_eq!(refusals(&relaxed, &phone()), refused);
    assert_eq!(refusals(&relaxed, &encrypted), Ok(()));
    let off = file.replace("required", "off");
    assert_eq!(refusals(&off, &encrypted), refused);
}
