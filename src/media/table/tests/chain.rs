//! The chain of a caller on air: what is changed by hand and what changes by itself, heard at every ear.

use super::studio::*;
use crate::media::dsp::Ducking;
use crate::media::table::{MediaEvent, MediaSettings, Place, RoomKey, VoiceKey};
use crate::media::tone::{Tone, ToneDetector};

/// Without gate and gain control, so that levels are what they are.
fn plain() -> MediaSettings {
    MediaSettings {
        gate: false,
        agc: false,
        ..MediaSettings::default()
    }
}

/// A live room with A and B on air and C on hold.
fn live(settings: MediaSettings) -> (Studio, RoomKey, [usize; 3]) {
    let mut s = Studio::with(settings);
    let room = s.table.add_live_room();
    let phones = [A, B, C].map(|hz| s.phone(hz));
    let [a, b, c] = phones;
    s.place(a, Place::Seat(room));
    s.place(b, Place::Seat(room));
    s.place(c, Place::Listen(room));
    (s, room, phones)
}

/// The level of a tone in what a phone has heard in its last 200 ms.
fn level(s: &Studio, phone: usize, hz: f32) -> f32 {
    let heard = &s.phones[phone].heard;
    ToneDetector::new(8000, &[hz]).levels_dbfs(&heard[heard.len() - 1600..])[0]
}

fn assert_near(value: f32, expected: f32, tolerance: f32, what: &str) {
    assert!(
        (value - expected).abs() <= tolerance,
        "{what}: {value}, not {expected}"
    );
}

/// The host begins to speak, pauses, and stops for good.
#[test]
fn callers_go_down_under_the_host_and_come_back() {
    let (mut s, room, [a, b, c]) = live(plain());
    let ear = s.earpiece(a, room);
    s.run(1000);
    let alone = [level(&s, c, A), level(&s, b, A)];
    let host = s.browser(room, HOST);
    s.table.set_source_leads(s.browsers[host].source, true);
    s.run(500);
    let ducked = [level(&s, c, A), level(&s, b, A)];
    for (alone, ducked) in alone.iter().zip(ducked) {
        assert_near(alone - ducked, 9.0, 0.5, "depth after the attack");
    }
    assert_near(s.table.program(room).unwrap().ducked_db, 9.0, 0.01, "told");
    assert!(level(&s, c, HOST) > -20.0, "the host is as loud as ever");
    let heard = &s.earpieces[ear].heard;
    let track = ToneDetector::new(48_000, &[A]).levels_dbfs(&heard[heard.len() - 9600..])[0];
    assert_near(
        track,
        alone[0],
        1.0,
        "the host hears the caller at full level",
    );

    s.browsers[host].talking = false;
    s.run(400);
    assert_near(alone[0] - level(&s, c, A), 9.0, 0.5, "held in a pause");
    s.run(1500);
    for (alone, back) in alone.iter().zip([level(&s, c, A), level(&s, b, A)]) {
        assert_near(back, *alone, 0.2, "back after the release");
    }
    s.check_streams();
}

#[test]
fn breath_noise_and_other_browsers_duck_nobody() {
    let (mut s, room, [_, _, c]) = live(plain());
    let host = s.browser(room, HOST);
    s.table.set_source_leads(s.browsers[host].source, true);
    s.browsers[host].set_voice(Tone::new(48_000, HOST, 0.001));
    s.browser(room, GUEST);
    s.run(2000);
    assert_near(s.table.program(room).unwrap().ducked_db, 0.0, 0.0, "ducked");
    assert!(s.phone_hears(c).contains(&GUEST));
}

/// On, off and on again while the host speaks all the time.
#[test]
fn the_switch_is_heard_as_a_ramp() {
    let (mut s, room, [_, _, c]) = live(plain());
    let host = s.browser(room, HOST);
    s.table.set_source_leads(s.browsers[host].source, true);
    s.run(1000);
    let down = level(&s, c, A);
    s.table.set_ducking(room, false);
    s.run(1100);
    let up = level(&s, c, A);
    assert_near(up - down, 9.0, 0.5, "off");
    s.table.set_ducking(room, true);
    s.run(400);
    assert_near(level(&s, c, A), down, 0.2, "on again");
    s.check_streams();
}

#[test]
fn a_depth_of_nothing_is_no_ducking() {
    let depth_db = 0;
    let ducking = Ducking {
        depth_db,
        ..Ducking::default()
    };
    let (mut s, room, [_, _, c]) = live(MediaSettings { ducking, ..plain() });
    s.run(1000);
    let alone = level(&s, c, A);
    let host = s.browser(room, HOST);
    s.table.set_source_leads(s.browsers[host].source, true);
    s.run(1000);
    assert_near(level(&s, c, A), alone, 0.2, "level");
}

/// Gain, mute and noise suppression, again and again, on a caller whom all others hear.
#[test]
fn nothing_that_a_desk_changes_clicks() {
    let (mut s, _, [a, ..]) = live(plain());
    let leg = s.phones[a].leg;
    s.run(500);
    for n in 0..24_u16 {
        match n % 6 {
            0 => s.table.set_gain(leg, 8.0),
            1 => s.table.set_denoised(leg, true),
            2 => s.table.set_muted(leg, true),
            3 => s.table.set_gain(leg, -12.0),
            4 => s.table.set_muted(leg, false),
            _ => s.table.set_denoised(leg, false),
        }
        s.run(215);
    }
    s.check_streams();
}

#[test]
fn gain_turns_a_caller_up_and_down_and_keeps_within_its_bounds() {
    let (mut s, _, [a, _, c]) = live(plain());
    s.run(500);
    let before = level(&s, c, A);
    for (asked, got) in [
        (-6.0, -6.0),
        (3.0, 3.0),
        (-90.0, -20.0),
        (f32::NAN, -20.0),
        (0.0, 0.0),
    ] {
        s.table.set_gain(s.phones[a].leg, asked);
        s.run(300);
        assert_near(level(&s, c, A) - before, got, 0.5, "gain");
    }
}

/// A whisper and a shout by telephone.
#[test]
fn the_gain_control_brings_callers_together() {
    let mut levels = [0.0; 2];
    for (level_of, dbfs) in levels.iter_mut().zip([-35.0_f32, -10.0]) {
        let (mut s, _, [a, b, c]) = live(MediaSettings::default());
        s.phones[b].talking = false;
        // The peak of a sine is 3 dB above its level.
        s.phones[a].set_voice(Tone::new(8000, A, 10.0_f32.powf((dbfs + 3.01) / 20.0)));
        s.run(6000);
        *level_of = level(&s, c, A);
        s.check_streams();
    }
    let [quiet, loud] = levels;
    assert!((loud - quiet).abs() < 3.0, "{quiet} and {loud}");
}

/// Eight callers and two browsers at full scale, everything turned up: nothing is cut off on any bus.
#[test]
fn a_room_that_is_far_too_loud_is_limited_everywhere() {
    let mut s = Studio::with(plain());
    let room = s.table.add_live_room();
    let listener = s.phone(C);
    s.place(listener, Place::Listen(room));
    let loud: Vec<usize> = (0..8).map(|n| s.phone(300.0 + 90.0 * n as f32)).collect();
    for &phone in &loud {
        let hz = s.phones[phone].hz;
        s.phones[phone].set_voice(Tone::new(8000, hz, 0.99));
        s.place(phone, Place::Seat(room));
        s.table.set_gain(s.phones[phone].leg, 12.0);
    }
    for hz in [HOST, GUEST] {
        let browser = s.browser(room, hz);
        s.browsers[browser].set_voice(Tone::new(48_000, hz, 0.9));
    }
    let ear = s.earpiece(loud[0], room);
    // On to the air, off it and back: the fades are loud, too.
    for place in [Place::Seat(room), Place::Listen(room), Place::Seat(room)] {
        s.place(loud[1], place);
        s.run(700);
    }
    for phone in [listener, loud[0], loud[1]] {
        let heard = &s.phones[phone].heard[4000..];
        let peak = heard.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
        assert!((0.5..0.93).contains(&peak), "phone {phone} hears {peak}");
    }
    // The codec rings a little beside what it was given.
    let track = &s.earpieces[ear].heard[24_000..];
    let peak = track.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
    assert!((0.5..1.0).contains(&peak), "the track of a caller: {peak}");
    let program = s.table.program(room).unwrap().loudness;
    assert!(program.true_peak_dbtp < -1.0, "{program:?}");
    assert!(program.momentary_lufs > -12.0, "{program:?}");
}

#[test]
fn the_program_is_measured_as_the_listeners_get_it() {
    let (mut s, room, [a, b, _]) = live(plain());
    s.phones[b].talking = false;
    s.phones[a].set_voice(Tone::new(8000, 1000.0, 0.2));
    s.run(10_000);
    // A sine of 0.2 at 1 kHz in both loudspeakers is at -14 LUFS.
    let program = s.table.program(room).unwrap().loudness;
    assert_near(program.momentary_lufs, -14.0, 0.3, "momentary");
    assert_near(program.short_term_lufs, -14.0, 0.3, "short-term");
    assert_near(program.integrated_lufs, -14.0, 0.3, "integrated");
    assert_near(program.true_peak_dbtp, -14.0, 0.5, "peak");
    s.phones[a].talking = false;
    s.run(5000);
    let program = s.table.program(room).unwrap().loudness;
    assert_near(
        program.integrated_lufs,
        -14.0,
        0.3,
        "silence does not count",
    );
    assert!(program.short_term_lufs < -60.0, "{program:?}");
    s.table.reset_loudness(room);
    assert_near(
        s.table.program(room).unwrap().loudness.integrated_lufs,
        -70.0,
        0.0,
        "reset",
    );
}

/// Ten meters a second of everybody who is heard, right to a tenth of a decibel or so.
#[test]
fn meters_tell_level_and_peak_ten_times_a_second() {
    let (mut s, room, [a, ..]) = live(plain());
    let host = s.browser(room, HOST);
    s.run(1000);
    s.events.clear();
    s.run(1000);
    for (of, rms, peak) in [
        (VoiceKey::Leg(s.phones[a].leg), -17.0, -14.0),
        (VoiceKey::Source(s.browsers[host].source), -17.0, -14.0),
    ] {
        let levels: Vec<_> = s
            .events
            .iter()
            .filter_map(|event| {
                let MediaEvent::Level { of: whose, level } = event else {
                    return None;
                };
                (*whose == of).then_some(level)
            })
            .collect();
        assert_eq!(levels.len(), 10, "{of:?}");
        for level in levels {
            assert_near(level.rms_dbfs, rms, 0.5, "level");
            assert_near(level.peak_dbfs, peak, 0.8, "peak");
        }
    }
}
