//! Callers at 16 kHz among callers at 8 kHz and browsers: who hears how much of whom, and that no change of place or codec
//! can be heard itself.

use super::studio::*;
use crate::media::codec::Codec;
use crate::media::feed::Playlist;
use crate::media::g711::Law;
use crate::media::table::{LegChange, MediaEvent, Place};
use crate::media::tone::{ClickDetector, GapDetector, Tone, ToneDetector};

/// Beyond the telephone's band, within that of G.722 and Opus at 16 kHz.
const HISS: f32 = 5000.0;

/// Level of a frequency in the last 200 ms that a phone has heard.
fn level_dbfs(s: &Studio, phone: usize, hz: f32) -> f32 {
    let phone = &s.phones[phone];
    let from = phone.heard.len() - 200 * phone.per_ms();
    let detector = ToneDetector::new(phone.codec.band().sample_rate_hz(), &[hz]);
    detector.levels_dbfs(&phone.heard[from..])[0]
}

fn settings() -> crate::media::MediaSettings {
    crate::media::MediaSettings {
        agc: false,
        gate: false,
        ..Default::default()
    }
}

fn studio() -> Studio {
    let mut s = Studio::with(settings());
    s.codecs = MIXED;
    s
}

#[test]
fn a_wide_voice_reaches_browsers_and_wide_callers_in_full() {
    for speaker in [0, 2] {
        let mut s = studio();
        let live = s.table.add_live_room();
        // G.722, mu-law, Opus, A-law; then the same on hold.
        let seated: Vec<usize> = (0..4).map(|_| s.phone(A)).collect();
        let held: Vec<usize> = (0..4).map(|_| s.phone(A)).collect();
        for phone in 0..8 {
            s.phones[phone].talking = phone == speaker;
        }
        s.phones[speaker].say(HISS);
        for (&on_air, &on_hold) in seated.iter().zip(&held) {
            s.place(on_air, Place::Seat(live));
            s.place(on_hold, Place::Listen(live));
        }
        let ear = s.earpiece(speaker, live);
        s.run(3000);
        for phone in (0..8).filter(|phone| *phone != speaker) {
            let level = level_dbfs(&s, phone, HISS);
            let expected = if phone % 2 == 0 {
                -21.0..-14.0
            } else {
                -96.1..-60.0
            };
            assert!(
                expected.contains(&level),
                "phone {phone} hears {speaker} at {level} dBFS"
            );
        }
        let own = level_dbfs(&s, speaker, HISS);
        assert!(own < -60.0, "{speaker} hears itself at {own} dBFS");
        let heard = &s.earpieces[ear].heard;
        let levels = ToneDetector::new(48_000, &[HISS]).levels_dbfs(&heard[heard.len() - 9600..]);
        assert!((-21.0..-14.0).contains(&levels[0]), "{levels:?}");
        let program = s.table.take_program_level(live).unwrap();
        assert!(program.rms_dbfs > -21.0, "{program:?}");
    }
}

#[test]
fn a_browser_is_heard_in_full_by_wide_callers() {
    let mut s = studio();
    let live = s.table.add_room();
    let phones: Vec<usize> = (0..8).map(|_| s.phone(A)).collect();
    for &phone in &phones {
        s.phones[phone].talking = false;
        let place = if phone < 4 {
            Place::Seat(live)
        } else {
            Place::Listen(live)
        };
        s.place(phone, place);
    }
    s.browser(live, HISS);
    s.run(2000);
    for phone in phones {
        let level = level_dbfs(&s, phone, HISS);
        let expected = if phone % 2 == 0 {
            -20.0..-14.0
        } else {
            -96.1..-60.0
        };
        assert!(expected.contains(&level), "phone {phone}: {level} dBFS");
    }
}

/// All codecs hear and are heard alike where all of them can.
#[test]
fn codecs_hear_one_another() {
    let mut s = studio();
    let live = s.table.add_room();
    let [a, b, c, d] = [A, B, C, D].map(|hz| s.phone(hz));
    for (phone, hz) in [(a, A), (b, B), (c, C), (d, D)] {
        s.place(phone, Place::Seat(live));
        // Not so loud that the limiter works.
        let rate_hz = s.phones[phone].codec.band().sample_rate_hz();
        s.phones[phone].set_voice(Tone::new(rate_hz, hz, 0.1));
    }
    s.browser(live, HOST);
    s.expect(
        "on air",
        &[
            (a, &[B, C, D, HOST]),
            (b, &[A, C, D, HOST]),
            (c, &[A, B, D, HOST]),
            (d, &[A, B, C, HOST]),
        ],
    );
    let level = level_dbfs(&s, c, A);
    assert!((level + 23.0).abs() < 1.5, "{level} dBFS");
    s.check_streams();
}

#[test]
fn wide_callers_are_moved_without_a_gap_or_a_click() {
    for at_ms in [0, 5, 10, 15] {
        for first_phase in 0..4 {
            let mut s = Studio::of(MIXED);
            let (screening, live) = (s.table.add_room(), s.table.add_room());
            let phones: Vec<usize> = (0..4 + first_phase).map(|_| s.phone(A)).collect();
            for &phone in &phones {
                s.phones[phone].talking = false;
            }
            s.browser(screening, SCREENER);
            s.browser(live, HOST);
            s.run(500 + at_ms);
            let places = [
                Place::Waiting(Playlist::again()),
                Place::Seat(screening),
                Place::Listen(live),
                Place::Seat(live),
                Place::Listen(live),
                Place::Waiting(Playlist::again()),
                Place::Listen(live),
            ];
            phones.iter().for_each(|phone| s.place(*phone, places[0]));
            s.run(500);
            let from_ms = s.ms;
            for place in places {
                for &phone in &phones {
                    s.place(phone, place);
                }
                // Long enough for a shared stream to be joined, or not.
                s.run(if at_ms < 10 { 100 } else { 1500 });
            }
            for &phone in &phones {
                let gap = s.longest_gap_ms(phone, from_ms);
                assert!(
                    gap <= 20.0,
                    "{gap} ms, phone {phone}, {at_ms} ms into a frame"
                );
            }
            s.check_streams();
        }
    }
}

#[test]
fn whoever_hears_the_same_in_the_same_codec_gets_the_same_octets() {
    let mut s = Studio::of(&[Codec::G722, Codec::Opus]);
    let live = s.table.add_room();
    s.browser(live, HOST);
    let phones: Vec<usize> = (0..8).map(|_| s.phone(A)).collect();
    for &phone in &phones {
        s.phones[phone].talking = false;
        let place = if phone < 4 {
            Place::Listen(live)
        } else {
            Place::Waiting(Playlist::again())
        };
        s.place(phone, place);
    }
    s.run(4000);
    let tail = |phone: usize| -> Vec<&[u8]> {
        let got = &s.phones[phone].got;
        let last = got[got.len() - 20..].iter();
        last.map(|got| got.payload.as_slice()).collect()
    };
    for (one, other) in [(0, 2), (1, 3), (4, 6), (5, 7)] {
        assert_eq!(tail(one), tail(other), "phones {one} and {other}");
    }
    assert_ne!(tail(0), tail(4));
    s.check_streams();
}

#[test]
fn a_far_end_that_wants_fewer_bits_gets_them() {
    let mut s = Studio::of(&[Codec::Opus]);
    let live = s.table.add_room();
    s.browser(live, HOST);
    let (rich, poor) = (s.phone(A), s.phone(B));
    let change = LegChange {
        bitrate_max: Some(16_000),
        ..LegChange::from(&s.spec(poor, Codec::Opus))
    };
    s.table.renegotiate(s.now(), s.phones[poor].leg, change);
    for phone in [rich, poor] {
        s.phones[phone].talking = false;
        s.place(phone, Place::Listen(live));
    }
    s.run(2000);
    let bits = |phone: usize| -> usize {
        let got = &s.phones[phone].got;
        got[got.len() - 50..]
            .iter()
            .map(|got| got.payload.len() * 8)
            .sum()
    };
    assert!(bits(poor) <= 17_500, "{} bit/s", bits(poor));
    assert!(
        (20_000..44_000).contains(&bits(rich)),
        "{} bit/s",
        bits(rich)
    );
    s.expect("still heard", &[(poor, &[HOST]), (rich, &[HOST])]);
}

/// From each codec to each other, with packets of the old one still under way.
#[test]
fn a_codec_is_changed_in_mid_call() {
    for from in MIXED {
        for to in MIXED.iter().filter(|to| *to != from) {
            change_codec(*from, *to);
        }
    }
}

fn change_codec(from: Codec, to: Codec) {
    let what = format!("{} to {}", from.name(), to.name());
    let mut s = Studio::with(settings());
    let live = s.table.add_room();
    s.codecs = match from {
        Codec::G711(Law::Mu) => &[Codec::G711(Law::Mu)],
        Codec::G711(Law::A) => &[Codec::G711(Law::A)],
        Codec::G722 => &[Codec::G722],
        Codec::Opus => &[Codec::Opus],
    };
    let a = s.phone(A);
    s.codecs = &[Codec::G711(Law::Mu)];
    let b = s.phone(B);
    s.place(a, Place::Seat(live));
    s.place(b, Place::Seat(live));
    let ear = s.earpiece(a, live);
    s.expect(&what, &[(a, &[B]), (b, &[A])]);
    s.run(1000);
    s.check_streams();

    // We answer, and hear the old codec for 60 ms more.
    let change = LegChange::from(&s.spec(a, to));
    s.table.renegotiate(s.now(), s.phones[a].leg, change);
    let heard = s.phones[b].heard.len();
    let former = s.phones[a].codec;
    for _ in 0..12 {
        s.talk();
        // The phone listens with the new codec at once.
        s.phones[a].got.clear();
        s.tick_deaf(a);
        s.ms += 5;
    }
    assert_eq!(s.phones[a].codec, former);
    s.phones[a].change(to, payload_type(to));
    s.run(1500);
    assert_eq!(s.phone_hears(b), [A], "{what}");
    assert_eq!(s.phone_hears(a), [B], "{what}");
    assert_eq!(s.browser_hears(ear), [A], "{what}");

    let since = &s.phones[b].heard[heard..];
    let mut gaps = GapDetector::new(8000, 0.004);
    gaps.hear(since);
    assert!(
        gaps.longest_ms() <= 20.0,
        "{what}: {} ms",
        gaps.longest_ms()
    );
    let loudest = since.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
    assert!(loudest < 0.3, "{what}: something as loud as {loudest}");
    let mut clicks = ClickDetector::new(8000);
    clicks.hear(&s.phones[b].heard[heard - 800..]);
    let worst = clicks.worst_ratio();
    assert!(worst < ClickDetector::CLICK_RATIO, "{what}: {worst}");
    s.phones[a].check_continuity(a);
    s.phones[a].check_no_click(a);
}

#[test]
fn keys_are_heard_at_either_clock() {
    for (codec, step) in [(Codec::G722, 160_u16), (Codec::Opus, 960)] {
        let mut s = Studio::new();
        s.codecs = match codec {
            Codec::Opus => &[Codec::Opus],
            Codec::G711(_) | Codec::G722 => &[Codec::G722],
        };
        let a = s.phone(A);
        s.run(200);
        for (n, code) in [5_u8, 11].into_iter().enumerate() {
            let (ssrc, timestamp) = (s.phones[a].ssrc, 5000 + n as u32 * 100_000);
            for packet in 0..5_u16 {
                let [high, low] = (step * (packet + 1)).to_be_bytes();
                let payload = [code, if packet < 3 { 10 } else { 0x8A }, high, low];
                let sequence = 1000 + n as u16 * 10 + packet;
                let datagram = super::phone::rtp(101, sequence, timestamp, ssrc, &payload);
                s.deliver(a, s.phones[a].address, datagram);
                s.run(20);
            }
        }
        let keys: Vec<char> = s
            .events
            .iter()
            .filter_map(|event| {
                if let MediaEvent::Dtmf { digit, .. } = event {
                    Some(*digit)
                } else {
                    None
                }
            })
            .collect();
        assert_eq!(keys, ['5', '#'], "{}", codec.name());
    }
}

/// Losses of a wide caller: the tone goes on, in time.
#[test]
fn what_a_wide_caller_loses_is_made_up() {
    for codecs in [&[Codec::G722, Codec::G722][..], &[Codec::Opus, Codec::Opus]] {
        let mut s = Studio::with(settings());
        s.codecs = if codecs[0] == Codec::Opus {
            &[Codec::Opus]
        } else {
            &[Codec::G722]
        };
        let live = s.table.add_room();
        let (a, b) = (s.phone(A), s.phone(B));
        s.place(a, Place::Seat(live));
        s.place(b, Place::Seat(live));
        s.expect("on air", &[(a, &[B]), (b, &[A])]);
        let from_ms = s.ms;
        for n in 0..100 {
            let offset = s.phones[a].heard.len();
            assert!(offset > 0);
            if n % 10 == 0 {
                s.phones[a].packet();
                s.phones[a].talking = false;
            }
            s.run(20);
            s.phones[a].talking = true;
        }
        s.expect("still on air", &[(b, &[A])]);
        let report = s.table.report(s.phones[a].leg).unwrap();
        assert_eq!(report.lost, 10);
        let concealed = report.playout.concealed_samples;
        assert!((1500..=2100).contains(&concealed), "{concealed} for 1600");
        assert!(s.longest_gap_ms(b, from_ms) <= 10.0);
        let level = level_dbfs(&s, b, A);
        assert!((level + 17.0).abs() < 1.5, "{level} dBFS");
    }
}
