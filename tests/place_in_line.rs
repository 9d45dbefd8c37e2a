//! Who waits hears their place in line, and the new one when somebody before them is gone: a station's own prompts, a tone for each number.

#[path = "common/switch.rs"]
#[expect(dead_code, reason = "the other half of it is for tests/phones.rs")]
mod switch;
#[path = "common/wav.rs"]
mod wav;

use std::net::Ipv4Addr;
use std::time::Duration;

use audioroad::media::tone::{Tone, ToneDetector};
use audioroad::phone::{Call, Hum, Phone};
use tempfile::TempDir;

use switch::{SOON, Switch};
use wav::write_wav;

const RATE: usize = 8000;
/// Packets a second.
const FRAMES_S: usize = 50;
/// Between the notes of music.
const NUMBERS: [f32; 3] = [427.5, 539.0, 641.0];
const GREETING: f32 = 906.0;
const PREFIX: f32 = 1142.3;
/// Time enough for somebody to hang up before the next hears their place.
const GREETING_S: usize = 8;
const NUMBER_S: usize = 2;
/// Until a caller has heard their place.
const TOLD: Duration = Duration::from_secs(20);

fn prompts() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for (name, hz, samples) in [
        ("greeting", GREETING, GREETING_S * RATE),
        ("position", PREFIX, RATE / 5),
        ("number-1", NUMBERS[0], NUMBER_S * RATE),
        ("number-2", NUMBERS[1], NUMBER_S * RATE),
        ("number-3", NUMBERS[2], NUMBER_S * RATE),
    ] {
        let mut tone = vec![0.0; samples];
        Tone::new(RATE as u32, hz, 0.2).add(&mut tone);
        write_wav(&folder.path().join(format!("{name}.wav")), &tone);
    }
    folder
}

fn caller(switch: &Switch, number: &str) -> Call {
    let phone = Phone::new(Ipv4Addr::LOCALHOST.into()).number(number);
    let call = phone.call(switch.sip(), "lobby", Hum::new(761.9, 0.2));
    let call = call.expect("a phone");
    call.wait_answered(SOON).expect("the switch answers");
    call
}

/// The places that a caller has been told, once they have heard greeting and number.
fn places_told(call: &Call) -> Vec<usize> {
    let frames = (GREETING_S + NUMBER_S + 1) * FRAMES_S;
    while call.reception().packets < frames as u64 {
        call.listen(1, TOLD).expect("the switch sends audio");
    }
    let tones = ToneDetector::new(RATE as u32, &NUMBERS);
    let heard = call.take_heard();
    let told = heard.chunks(FRAMES_S / 2).flat_map(|half_second| {
        let samples: Vec<f32> = half_second.iter().flat_map(|f| f.samples).collect();
        tones.present_hz(&samples)
    });
    let told: Vec<f32> = told.collect();
    (1..=NUMBERS.len())
        .filter(|place| told.contains(&NUMBERS[place - 1]))
        .collect()
}

#[test]
fn who_waits_hears_how_many_are_before_them() {
    let prompts = prompts();
    let folder = prompts.path().display().to_string();
    let switch = Switch::start(&[("PROMPTS_DIR", &folder)]);
    switch.go_live();
    let [first, second, third] =
        ["+15550100201", "+15550100202", "+15550100203"].map(|number| caller(&switch, number));
    first.hang_up();
    switch.call_once(first.sip_call_id(), |row| row["status"] == "completed");
    let last = caller(&switch, "+15550100204");
    assert_eq!(places_told(&second), [1], "nobody is before them any more");
    assert_eq!(places_told(&third), [2]);
    assert_eq!(places_told(&last), [3]);
}
