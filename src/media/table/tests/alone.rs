//! A caller whose browsers are gone hears music instead of silence, and goes on being heard.

use std::sync::atomic::Ordering;

use super::studio::*;
use crate::media::table::Place;

#[test]
fn a_caller_left_alone_in_screening_hears_music_until_the_screener_is_back() {
    for first_phase in 0..4 {
        let mut s = Studio::new();
        let screening = s.table.add_room();
        for _ in 0..first_phase {
            s.phone(D);
        }
        let a = s.phone(A);
        let ear = s.earpiece(a, screening);
        let screener = s.browser(screening, SCREENER);
        s.place(a, Place::Seat(screening));
        s.expect("screened", &[(a, &[SCREENER])]);

        let screener = s.browsers[screener].source;
        s.table.remove_source(screener);
        s.expect("the screener is gone", &[(a, &[])]);
        s.run(1300);
        s.expect("not yet two seconds, then music", &[(a, &[MUSIC])]);
        assert_eq!(s.browser_hears(ear), [A], "the voice goes where it went");

        let back = s.browser(screening, SCREENER);
        s.expect("the screener is back", &[(a, &[SCREENER])]);
        let back = s.browsers[back].source;
        s.table.set_source_muted(back, true);
        s.run(3000);
        s.expect("a muted screener is there", &[(a, &[])]);
        s.check_streams();
    }
}

#[test]
fn the_wait_is_two_seconds() {
    let mut s = Studio::new();
    let live = s.table.add_room();
    let a = s.phone(A);
    let host = s.browser(live, HOST);
    s.place(a, Place::Seat(live));
    s.run(500);
    let host = s.browsers[host].source;
    let from_ms = s.ms;
    s.table.remove_source(host);
    s.run(4000);
    let gap = s.longest_gap_ms(a, from_ms);
    assert!((1950.0..2050.0).contains(&gap), "{gap} ms of silence");
    s.check_streams();
}

#[test]
fn hold_hears_the_lonely_caller_and_the_lonely_caller_hears_music() {
    let mut s = Studio::new();
    let live = s.table.add_room();
    let [a, b, c] = [A, B, C].map(|hz| s.phone(hz));
    let host = s.browser(live, HOST);
    for phone in [a, b] {
        s.place(phone, Place::Seat(live));
    }
    s.place(c, Place::Listen(live));
    s.expect("on air", &[(a, &[HOST, B]), (b, &[HOST, A])]);

    let host = s.browsers[host].source;
    s.table.remove_source(host);
    s.run(3000);
    s.expect("two hear each other", &[(a, &[B]), (b, &[A]), (c, &[A, B])]);

    s.place(b, Place::Listen(live));
    s.run(3000);
    s.expect("alone", &[(a, &[MUSIC]), (b, &[A]), (c, &[A])]);

    s.place(c, Place::Seat(live));
    s.expect("another caller", &[(a, &[C]), (c, &[A]), (b, &[A, C])]);
    s.check_streams();
}

/// Music into music: whoever comes from an empty room's feed, or goes to it, hears no seam.
#[test]
fn into_a_deserted_room_and_out_of_it_the_music_runs_on() {
    for at_ms in [0, 5, 10, 15] {
        for first_phase in 0..4 {
            let mut s = Studio::new();
            let live = s.table.add_room();
            for _ in 0..first_phase {
                s.phone(D);
            }
            let a = s.phone(A);
            s.place(a, Place::Listen(live));
            s.run(3000 + at_ms);
            let from_ms = s.ms - 500;
            for _ in 0..2 {
                s.place(a, Place::Seat(live));
                s.expect("alone on air", &[(a, &[MUSIC])]);
                s.place(a, Place::Listen(live));
                s.expect("on hold", &[(a, &[MUSIC])]);
            }
            assert!(s.longest_gap_ms(a, from_ms) < 1.0);
            let loudest = s.phones[a]
                .heard
                .iter()
                .fold(0.0_f32, |loudest, x| loudest.max(x.abs()));
            assert!(loudest < 0.32, "a bump of {loudest} at a seam");
            s.check_streams();
        }
    }
}

#[test]
fn whoever_comes_to_a_lonely_caller_hears_that_caller_at_once() {
    for first_phase in 0..4 {
        let mut s = Studio::new();
        let live = s.table.add_room();
        for _ in 0..first_phase {
            s.phone(D);
        }
        let (a, b) = (s.phone(A), s.phone(B));
        s.place(a, Place::Seat(live));
        s.place(b, Place::Listen(live));
        s.run(3000);
        s.expect("alone", &[(a, &[MUSIC]), (b, &[A])]);
        let frames = s.phones[b].got.len();
        s.place(b, Place::Seat(live));
        s.run(500);
        let fresh = &s.phones[b].heard[frames * 160..];
        for frame in fresh.chunks(160 * 5) {
            let music = crate::media::tone::ToneDetector::new(8000, &[MUSIC]);
            assert!(music.present_hz(frame).is_empty(), "music on air");
        }
        s.expect("together", &[(a, &[B]), (b, &[A])]);
        s.check_streams();
    }
}

#[test]
fn a_voice_that_no_browser_hears_is_not_encoded_and_time_passes_all_the_same() {
    const SECOND: usize = 48_000;
    let mut s = Studio::new();
    let live = s.table.add_room();
    let a = s.phone(A);
    s.place(a, Place::Seat(live));
    let ear = s.earpiece(a, live);
    s.run(1000);
    let before = s.earpieces[ear].heard.len();
    assert_eq!(before, SECOND);
    s.heard.store(false, Ordering::Relaxed);
    s.run(1000);
    assert_eq!(s.earpieces[ear].heard.len(), before);
    s.heard.store(true, Ordering::Relaxed);
    s.run(1000);
    assert_eq!(s.earpieces[ear].heard.len(), 3 * SECOND);
    assert_eq!(s.browser_hears(ear), [A]);
}

#[test]
fn a_table_is_idle_when_nobody_is_there() {
    let mut s = Studio::new();
    let live = s.table.add_room();
    assert!(s.table.is_idle());
    let a = s.phone(A);
    assert!(!s.table.is_idle());
    s.table.remove_leg(s.phones[a].leg);
    assert!(s.table.is_idle());
    s.table.remove_room(live);
    assert!(!s.table.is_idle(), "the room has frames to fade");
    s.run(100);
    assert!(s.table.is_idle());
}
