//! From mouth to ear in virtual time: telephones on air click in turn, one with each millisecond of the switch's frame, and another listens.
//!
//! A click is the beginning of a packet: it was made a packet's time before that packet left, and is heard when its packet has come.

use super::phone::rtp;
use super::studio::{A, Studio};
use crate::media::codec::Codec;
use crate::media::g711::Law;
use crate::media::table::Place;
use crate::media::{FRAME_MS, NB_FRAME};

/// One for each millisecond of a frame.
const CLICKERS: u64 = FRAME_MS;
/// Each clicks once in so many packets, a tenth of a second after the one before.
const ROUND_PACKETS: u64 = 100;
/// A new line is on trial for five seconds, and then shortened in pauses.
const SETTLED_MS: u64 = 10_000;
const END_MS: u64 = 20_000;
const JITTER_MAX_MS: u64 = 2;
const AUDIBLE: f32 = 0.05;
/// A packet's time and 15 ms.
const GOAL_MS: f64 = FRAME_MS as f64 + 15.0;

fn payload(clicks: bool) -> Vec<u8> {
    let mut samples = [0.0; NB_FRAME];
    if clicks {
        for (n, sample) in samples.iter_mut().take(40).enumerate() {
            *sample = if n / 4 % 2 == 0 { 0.6 } else { -0.6 };
        }
    }
    Law::Mu.encode_frame(&samples).to_vec()
}

/// The clickers click, one more telephone listens. The network is `late_ms` late, by packet. Also gives when each click was made, in ms.
fn clicks(late_ms: impl Fn(u64) -> u64) -> (Studio, Vec<u64>) {
    let mut s = Studio::of(&[Codec::G711(Law::Mu)]);
    let room = s.table.add_room();
    for _ in 0..=CLICKERS {
        let phone = s.phone(A);
        s.place(phone, Place::Seat(room));
    }
    let mut made = Vec::new();
    while s.ms < END_MS {
        for n in 0..=CLICKERS {
            // The packet that comes in this millisecond, if one does.
            let Some(packet) = (0..=JITTER_MAX_MS).find_map(|back| {
                let left = s.ms.checked_sub(n % FRAME_MS + back)?;
                let packet = left / FRAME_MS;
                (left % FRAME_MS == 0 && late_ms(packet) == back).then_some(packet)
            }) else {
                continue;
            };
            let clicks = n < CLICKERS
                && packet > 0
                && packet % ROUND_PACKETS == n * ROUND_PACKETS / CLICKERS;
            if clicks {
                made.push(packet * FRAME_MS + n - FRAME_MS);
            }
            let at = (packet * NB_FRAME as u64) as u32;
            let datagram = rtp(0, packet as u16, at, n as u32, &payload(clicks));
            s.deliver(n as usize, s.phones[n as usize].address, datagram);
        }
        if s.ms.is_multiple_of(5) {
            s.tick();
        }
        s.ms += 1;
    }
    (s, made)
}

/// From mouth to ear, in ms, the shortest first.
fn delays_ms(late_ms: impl Fn(u64) -> u64) -> Vec<f64> {
    let (s, made) = clicks(late_ms);
    let ear = &s.phones[CLICKERS as usize];
    let (mut delays, mut last) = (Vec::new(), 0.0);
    for (got, frame) in ear.got.iter().zip(ear.heard.chunks(NB_FRAME)) {
        let Some(into) = frame.iter().position(|x| x.abs() >= AUDIBLE) else {
            continue;
        };
        let heard_ms = got.at_ms as f64 + into as f64 / 8.0;
        if got.at_ms < SETTLED_MS || heard_ms < last + 50.0 {
            continue;
        }
        last = heard_ms;
        let before = made
            .iter()
            .filter(|made| **made as f64 <= heard_ms - FRAME_MS as f64);
        delays.extend(before.max().map(|made| heard_ms - *made as f64));
    }
    delays.sort_by(f64::total_cmp);
    delays
}

#[test]
fn from_mouth_to_ear_half_of_all_takes_a_packet_and_fifteen_ms_at_most() {
    for jitter_ms in 0..=JITTER_MAX_MS {
        let delays = delays_ms(|packet| packet * 7 % (jitter_ms + 1));
        assert!(delays.len() > 90, "{} clicks heard", delays.len());
        let median = delays[delays.len() / 2];
        assert!(
            median <= GOAL_MS,
            "{jitter_ms} ms of jitter: {median} ms, of {delays:?}"
        );
    }
}
