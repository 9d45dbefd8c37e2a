//! From mouth to ear: telephones on air click in turn, and one of them listens.
//!
//! A click is the beginning of a packet, so it was made one packet time before that packet left. It is heard when its packet
//! has come and, where it is not the first of it, so much later.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use audioroad::actors::clock;
use audioroad::media::{FRAME_MS, NB_FRAME, NbFrame};
use audioroad::phone::{Call, Phone, Silence};
use serde_json::json;

use super::switch::{SOON, Switch, text};

/// Telephones that click; their packets leave at different times within the switch's frame.
const CLICKERS: u64 = 10;
/// Each clicks once in a second, a tenth after the one before.
const ROUND_FRAMES: u64 = 50;
/// A new line is trusted after five seconds, and then shortened in pauses.
const SETTLING: Duration = Duration::from_secs(8);
const CLICK_SAMPLES: usize = 40;
const AUDIBLE: f32 = 0.05;
/// The goal: the median is a packet's time and this.
const BEYOND_PACKET_MS: f64 = 15.0;
/// A telephone whose packets leave farther apart than this, in ms (p99.5), is no clean line: the round says nothing.
const APART_MAX_MS: f64 = 23.0;
/// A switch that is slow is slow three times, of so many tries.
const ROUNDS: usize = 3;
const TRIES: usize = 9;

/// When each click's packet left, and how far apart the packets of a telephone were.
#[derive(Default)]
struct Sent {
    clicks: Vec<Instant>,
    apart: Vec<Duration>,
}

fn clicker(number: u64, sent: Arc<Mutex<Sent>>) -> impl FnMut() -> NbFrame + Send {
    let (mut frames, mut last) = (0_u64, None);
    move || {
        let now = clock::now();
        let mut sent = sent.lock().expect("what was sent");
        sent.apart.extend(last.map(|last| now - last));
        last = Some(now);
        let mut frame = [0.0; NB_FRAME];
        frames += 1;
        if frames % ROUND_FRAMES == number * ROUND_FRAMES / CLICKERS {
            for (n, sample) in frame.iter_mut().take(CLICK_SAMPLES).enumerate() {
                *sample = if n / 4 % 2 == 0 { 0.6 } else { -0.6 };
            }
            sent.clicks.push(now);
        }
        frame
    }
}

fn on_air(switch: &Switch, phone: Call) -> Call {
    phone.wait_answered(SOON).expect("the switch answers");
    let row = switch.call_once(phone.sip_call_id(), |call| call["ringing"] == false);
    for step in ["screening", "hold", "live"] {
        let path = format!("/api/twilio-sip/move-to-{step}");
        switch.ask("POST", &path, json!({"callId": text(&row["id"])}));
    }
    phone
}

/// From mouth to ear, in ms, the shortest first.
fn delays_ms(clicks: &[Instant], ear: &Call) -> Vec<f64> {
    let frame = Duration::from_millis(FRAME_MS);
    let mut last = None;
    let mut delays: Vec<f64> = Vec::new();
    for heard in ear.take_heard() {
        let Some(at) = heard.samples.iter().position(|x| x.abs() >= AUDIBLE) else {
            continue;
        };
        let heard_at = heard.at + Duration::from_secs_f64(at as f64 / 8000.0);
        // The rest of a click that was heard already.
        if last.is_some_and(|last| heard_at < last + 2 * frame) {
            continue;
        }
        last = Some(heard_at);
        let made = clicks.iter().filter(|click| **click <= heard_at).max();
        delays.extend(made.map(|left| (heard_at - *left + frame).as_secs_f64() * 1000.0));
    }
    delays.sort_by(f64::total_cmp);
    delays
}

/// The delays, and what 99.5 % of the telephones' packets were apart at most, in ms.
fn measure(seconds: u64) -> (Vec<f64>, f64) {
    let switch = Switch::start(&[]);
    switch.go_live();
    let sent = Arc::new(Mutex::new(Sent::default()));
    let phone = |number: u64| {
        Phone::new(Ipv4Addr::LOCALHOST.into()).number(&format!("+155501002{number:02}"))
    };
    let ear = phone(99)
        .call(switch.sip(), "lobby", Silence)
        .expect("a phone");
    let ear = on_air(&switch, ear);
    let clickers: Vec<Call> = (0..CLICKERS)
        .map(|number| {
            let call = phone(number).call(switch.sip(), "lobby", clicker(number, sent.clone()));
            on_air(&switch, call.expect("a phone"))
        })
        .collect();
    ear.listen(
        (SETTLING.as_millis() as u64 / FRAME_MS) as usize,
        2 * SETTLING,
    )
    .expect("audio");
    let _ = ear.take_heard();
    *sent.lock().expect("what was sent") = Sent::default();
    ear.listen(
        (seconds * 1000 / FRAME_MS) as usize,
        Duration::from_secs(2 * seconds),
    )
    .expect("audio");
    drop(clickers);
    let mut sent = sent.lock().expect("what was sent");
    sent.apart.sort();
    let apart = sent.apart[sent.apart.len() * 995 / 1000];
    (delays_ms(&sent.clicks, &ear), apart.as_secs_f64() * 1000.0)
}

#[test]
#[ignore = "measures: make sound"]
fn from_mouth_to_ear() {
    let goal = FRAME_MS as f64 + BEYOND_PACKET_MS;
    let mut medians = Vec::new();
    for _ in 0..TRIES {
        let (delays, apart_ms) = measure(20);
        assert!(delays.len() > 100, "{} clicks heard", delays.len());
        let is_void = apart_ms > APART_MAX_MS;
        let of = |share: f64| delays[((delays.len() - 1) as f64 * share) as usize];
        eprintln!(
            "from mouth to ear, {} clicks of {CLICKERS} telephones: p50 {:.1} ms, p95 {:.1} ms, least {:.1}, most {:.1} ms; their packets left {apart_ms:.1} ms apart (p99.5){}",
            delays.len(),
            of(0.5),
            of(0.95),
            of(0.0),
            of(1.0),
            if is_void { ": void" } else { "" }
        );
        if is_void {
            continue;
        }
        medians.push(of(0.5));
        if of(0.5) <= goal {
            return;
        }
        assert!(medians.len() < ROUNDS, "{medians:?}, above {goal} ms");
    }
    panic!("the telephones kept no time: {medians:?}");
}
