//! Nothing that is done to a leg leaves a gap, a click or a hole in its stream.

use super::studio::*;
use crate::media::feed::Playlist;
use crate::media::g711::Law;
use crate::media::table::{MediaSettings, Place};

/// A caller is moved at any time within a frame; the sound around it never stops.
#[test]
fn no_move_makes_a_gap() {
    for at_ms in [0, 5, 10, 15] {
        for (first_phase, is_stream) in (0..4).flat_map(|phase| [(phase, false), (phase, true)]) {
            let mut s = Studio::new();
            let (screening, live) = (s.table.add_room(), s.table.add_room());
            for _ in 0..first_phase {
                s.phone(B);
            }
            let a = if is_stream {
                s.stream_phone(A)
            } else {
                s.phone(A)
            };
            s.browser(screening, SCREENER);
            s.browser(live, HOST);
            s.run(500 + at_ms);
            let places = [
                Place::Waiting(Playlist::again()),
                Place::Seat(screening),
                Place::Listen(live),
                Place::Seat(live),
                Place::Listen(live),
                Place::Seat(live),
                Place::Seat(screening),
                Place::Waiting(Playlist::again()),
                Place::Listen(live),
            ];
            s.place(a, places[0]);
            s.run(100);
            let from_ms = s.ms;
            for place in places {
                s.place(a, place);
                s.run(100);
            }
            let gap = s.longest_gap_ms(a, from_ms);
            assert!(gap <= 20.0, "{gap} ms when moved {at_ms} ms into a frame");
            s.check_streams();
        }
    }
}

#[test]
fn a_move_is_heard_in_the_next_frame() {
    let mut s = Studio::new();
    let live = s.table.add_room();
    let a = s.phone(A);
    s.browser(live, HOST);
    s.run(505);
    let frames = s.phones[a].got.len();
    s.place(a, Place::Listen(live));
    s.run(20);
    let fresh = &s.phones[a].heard[frames * 160..];
    assert!(
        fresh.iter().any(|x| x.abs() > 0.1),
        "nothing was heard within 20 ms"
    );
}

/// The voice of a caller who is put on air is there within two frames and a packet.
#[test]
fn the_room_hears_a_new_caller_at_once() {
    for at_ms in [0, 5, 10, 15] {
        let mut s = Studio::new();
        let live = s.table.add_room();
        let (a, c) = (s.phone(A), s.phone(C));
        s.phones[c].talking = false;
        s.place(c, Place::Seat(live));
        s.run(500 + at_ms);
        s.place(a, Place::Seat(live));
        let frames = s.phones[c].got.len();
        s.run(100);
        let heard = &s.phones[c].heard[frames * 160..];
        let silent = heard.iter().take_while(|x| x.abs() < 0.02).count();
        assert!(silent <= 60 * 8, "{} ms of silence", silent / 8);
    }
}

#[test]
fn mutes_and_leaving_browsers_do_not_click() {
    let mut s = Studio::new();
    let live = s.table.add_room();
    let [a, b, c] = [A, B, C].map(|hz| s.phone(hz));
    let host = s.browser(live, HOST);
    for phone in [a, b] {
        s.place(phone, Place::Seat(live));
    }
    s.place(c, Place::Listen(live));
    let host = s.browsers[host].source;
    for n in 0..20 {
        s.table.set_muted(s.phones[a].leg, n % 2 == 0);
        s.table.set_source_muted(host, n % 3 == 0);
        s.run(95);
    }
    s.table.remove_source(host);
    s.run(300);
    s.check_streams();
}

#[test]
fn a_late_clock_catches_up_and_then_jumps() {
    let mut s = Studio::new();
    let live = s.table.add_room();
    let (a, b) = (s.phone(A), s.phone(B));
    s.place(a, Place::Seat(live));
    s.place(b, Place::Listen(live));
    s.expect("on air", &[(b, &[A])]);

    // Three frames late: packets have piled up, twelve ticks run in one go.
    for _ in 0..12 {
        s.talk();
        s.ms += 5;
    }
    let (now, frames) = (s.now(), s.phones[b].got.len());
    for phase in 0..12 {
        s.table.tick(now, phase % 4, &mut s.net);
    }
    s.run(20);
    assert_eq!(s.phones[b].got.len(), frames + 4, "nothing was left out");
    s.expect("caught up", &[(b, &[A]), (a, &[])]);
    let before = s.table.report(s.phones[a].leg).unwrap().playout;

    // Ten frames late: the table is told, timestamps go on, the sequence has no hole.
    for _ in 0..40 {
        s.talk();
        s.ms += 5;
    }
    s.table.skip_frames(10);
    let last = s.phones[b].got.last().cloned().unwrap();
    s.run(20);
    let next = s.phones[b].got.last().cloned().unwrap();
    assert_eq!(next.sequence, last.sequence.wrapping_add(1));
    assert_eq!(next.timestamp, last.timestamp.wrapping_add(11 * 160));
    s.expect("on air again", &[(b, &[A]), (a, &[])]);
    let after = s.table.report(s.phones[a].leg).unwrap().playout;
    assert_eq!(
        (before.concealed_samples, before.late),
        (after.concealed_samples, after.late),
        "nothing was missing"
    );
}

#[test]
fn who_was_muted_stays_unheard_where_that_was() {
    let mut s = Studio::new();
    let (live, next) = (s.table.add_room(), s.table.add_room());
    let (a, b) = (s.phone(A), s.phone(B));
    s.place(a, Place::Seat(live));
    s.place(b, Place::Seat(live));
    s.table.set_muted(s.phones[a].leg, true);
    s.expect("muted", &[(b, &[])]);
    let from = s.phones[b].got.len();
    let law = if s.phones[b].got[0].payload_type == 8 {
        Law::A
    } else {
        Law::Mu
    };
    s.table.set_muted(s.phones[a].leg, false);
    s.place(a, Place::Seat(next));
    s.run(200);
    let loudest = s.phones[b].got[from..]
        .iter()
        .flat_map(|got| got.payload.iter().map(|octet| law.decode(*octet).abs()))
        .fold(0.0_f32, f32::max);
    assert!(loudest < 0.001, "{loudest}");
}

/// Everybody sends 50 packets a second, spread over the phases, whatever happens.
#[test]
fn every_leg_sends_one_packet_per_frame() {
    let mut s = Studio::with(MediaSettings::default());
    let live = s.table.add_room();
    for n in 0..12 {
        let phone = s.phone(300.0 + 10.0 * n as f32);
        s.place(phone, Place::Listen(live));
    }
    s.run(1000);
    for (n, phone) in s.phones.iter().enumerate() {
        assert_eq!(phone.got.len(), 50);
        assert_eq!(phone.got[0].at_ms, n as u64 % 4 * 5);
    }
}

#[test]
fn the_same_feed_is_the_same_bytes() {
    let mut s = Studio::new();
    let live = s.table.add_room();
    s.browser(live, HOST);
    let phones: Vec<usize> = (0..6).map(|_| s.phone(A)).collect();
    for &phone in &phones {
        s.phones[phone].talking = false;
        s.place(phone, Place::Listen(live));
    }
    s.run(1000);
    let tail = |phone: usize| &s.phones[phone].heard[40 * 160..48 * 160];
    assert_eq!(tail(0), tail(2));
    assert_eq!(tail(0), tail(4));
    assert_eq!(tail(1), tail(3));
}
