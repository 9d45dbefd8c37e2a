//! Hostile and unlucky networks, seen through the whole table.

use std::net::SocketAddr;

use super::phone::rtp;
use super::studio::*;
use crate::media::g711::Law;
use crate::media::table::{LegChange, MediaEvent, MediaSettings, MediaTable, Place, VoiceKey};
use crate::media::tone::Tone;

/// Two phones on air; what the second hears is judged.
fn on_air() -> Studio {
    let mut s = Studio::new();
    let room = s.table.add_room();
    let (a, b) = (s.phone(A), s.phone(B));
    s.place(a, Place::Seat(room));
    s.place(b, Place::Seat(room));
    s.expect("on air", &[(a, &[B]), (b, &[A])]);
    s
}

#[test]
fn a_stranger_is_neither_heard_nor_answered() {
    let mut s = on_air();
    let stranger: SocketAddr = "192.0.2.66:4000".parse().unwrap();
    s.phones[0].talking = false;
    let attacker = s.phone(C);
    s.phones[attacker].talking = false;
    for _ in 0..100 {
        let packet = s.phones[attacker].packet();
        s.deliver(0, stranger, packet);
        s.run(20);
    }
    assert!(s.phone_hears(1).is_empty());
    assert!(
        s.phones[0]
            .got
            .iter()
            .all(|got| got.to == s.phones[0].address)
    );
    assert_eq!(s.table.report(s.phones[0].leg).unwrap().foreign, 100);
}

#[test]
fn a_caller_behind_a_nat_is_found_and_kept() {
    let mut s = Studio::new();
    let room = s.table.add_room();
    let (a, b) = (s.phone(A), s.phone(B));
    let nat: SocketAddr = "203.0.113.9:51000".parse().unwrap();
    s.phones[a].address = nat;
    s.place(a, Place::Seat(room));
    s.place(b, Place::Seat(room));
    s.expect("latched", &[(a, &[B]), (b, &[A])]);
    let leg = s.phones[a].leg;
    assert!(s.events.contains(&MediaEvent::Latched { leg, from: nat }));
    assert!(s.phones[a].got.iter().skip(10).all(|got| got.to == nat));

    // The NAT gives the phone another port: that is a stranger now.
    s.phones[a].address = "203.0.113.9:51001".parse().unwrap();
    s.run(500);
    s.expect("not followed", &[(b, &[])]);
    assert!(s.phones[a].got.iter().skip(10).all(|got| got.to == nat));

    // Unless a re-INVITE says so.
    let remote = s.phones[a].address;
    let change = LegChange {
        remote,
        ..LegChange::from(&s.spec(a, Law::Mu))
    };
    s.table.renegotiate(s.now(), leg, change);
    s.expect("signalled", &[(a, &[B]), (b, &[A])]);
    s.check_streams();
}

#[test]
fn losses_are_concealed_without_shifting_time() {
    let mut s = on_air();
    for n in 0..100 {
        if n % 10 == 0 {
            s.phones[0].packet();
            s.phones[0].talking = false;
        }
        s.run(20);
        s.phones[0].talking = true;
    }
    s.expect("still on air", &[(1, &[A])]);
    let report = s.table.report(s.phones[0].leg).unwrap();
    assert_eq!(report.lost, 10);
    let concealed = report.playout.concealed_samples;
    assert!(
        (1500..=2100).contains(&concealed),
        "{concealed} samples for 1600"
    );
    assert_eq!(report.playout.late, 0);
}

#[test]
fn any_packet_time_will_do() {
    for packet_ms in [10, 20, 30, 40, 60] {
        let mut s = Studio::new();
        let room = s.table.add_room();
        let (a, b) = (s.phone(A), s.phone(B));
        s.phones[a].packet_ms = packet_ms;
        s.place(a, Place::Seat(room));
        s.place(b, Place::Seat(room));
        s.run(1000);
        let settled = s
            .table
            .report(s.phones[a].leg)
            .unwrap()
            .playout
            .concealed_samples;
        s.expect("on air", &[(b, &[A])]);
        s.run(3000);
        let report = s.table.report(s.phones[a].leg).unwrap();
        assert_eq!(report.playout.concealed_samples, settled, "{packet_ms} ms");
    }
}

#[test]
fn keys_are_reported_once_and_not_heard() {
    let mut s = on_air();
    s.phones[0].talking = false;
    let from = s.phones[0].address;
    for (n, ended) in [0, 0, 0, 0x80, 0x80, 0x80].into_iter().enumerate() {
        let event = [9, ended | 10, 0, n as u8 * 40];
        s.deliver(0, from, rtp(101, 100 + n as u16, 5000, 77, &event));
        s.run(20);
    }
    let leg = s.phones[0].leg;
    let keys = s
        .events
        .iter()
        .filter(|event| matches!(event, MediaEvent::Dtmf { .. }));
    assert_eq!(
        keys.collect::<Vec<_>>(),
        [&MediaEvent::Dtmf { leg, digit: '9' }]
    );
}

#[test]
fn whom_nobody_hears_is_looked_after_every_80_ms() {
    let mut s = Studio::new();
    let room = s.table.add_room();
    let (a, b) = (s.phone(A), s.phone(B));
    s.place(a, Place::Listen(room));
    s.place(b, Place::Seat(room));
    s.run(1000);
    let (held, heard) = (s.phones[a].leg, s.phones[b].leg);
    s.net.looks.insert(held, 0);
    s.net.looks.insert(heard, 0);
    s.run(4000);
    // A packet each 20 ms, and once a turn nothing more.
    assert_eq!(s.net.looks[held], 200 + 50);
    assert_eq!(s.net.looks[heard], 200 + 200);
    let from = s.phones[a].address;
    s.phones[a].talking = false;
    s.deliver(a, from, rtp(101, 400, 5000, 77, &[9, 0x80, 0, 160]));
    s.run(80);
    let key = MediaEvent::Dtmf {
        leg: held,
        digit: '9',
    };
    assert!(s.events.contains(&key));
}

#[test]
fn few_legs_share_a_phase_and_many_are_spread() {
    let mut table = MediaTable::new(ASSETS.clone(), MediaSettings::default());
    let s = Studio::new();
    let busy = |table: &MediaTable| [0, 1, 2, 3].map(|phase| !table.is_empty_phase(phase));
    assert_eq!(busy(&table), [true, false, false, false]);
    let legs: Vec<_> = (0..320)
        .map(|n| {
            let leg = table.add_leg(s.now(), s.spec(0, Law::Mu));
            let wanted = [true, n >= 64, n >= 128, n >= 192];
            assert_eq!(busy(&table), wanted, "{n} legs");
            leg
        })
        .collect();
    assert_eq!(table.phases.each_ref().map(Vec::len), [80; 4]);
    for leg in legs {
        table.remove_leg(leg);
    }
    assert_eq!(busy(&table), [true, false, false, false]);
}

#[test]
fn who_comes_on_air_brings_nothing_said_before() {
    for wait_ms in [1000, 1020, 1040, 1060] {
        let mut s = Studio::new();
        let room = s.table.add_room();
        let [a, b, c] = [A, B, C].map(|hz| s.phone(hz));
        let silence = Tone::new(8000, C, 0.0);
        s.phones[c].set_voice(silence.clone());
        s.place(a, Place::Listen(room));
        s.place(b, Place::Seat(room));
        s.place(c, Place::Seat(room));
        s.run(wait_ms);
        s.phones[a].set_voice(silence);
        s.phones[b].heard.clear();
        s.place(a, Place::Seat(room));
        s.run(500);
        let heard = s.phones[b].heard.iter();
        let loud = heard.filter(|sample| sample.abs() > 0.01).count();
        // A packet, and the slope in which it goes.
        assert!(loud <= 200, "after {wait_ms} ms: {loud} samples");
    }
}

#[test]
fn silence_of_the_line_is_reported_once() {
    let mut s = Studio::new();
    let a = s.phone(A);
    let leg = s.phones[a].leg;
    let timeouts = |s: &Studio| {
        s.events
            .iter()
            .filter(|event| **event == MediaEvent::RtpTimeout { leg })
            .count()
    };
    s.phones[a].talking = false;
    s.run(29_000);
    assert_eq!(timeouts(&s), 0);
    s.run(2000);
    assert_eq!(timeouts(&s), 1, "nothing ever came");
    s.phones[a].talking = true;
    s.run(100);
    s.phones[a].talking = false;
    s.run(14_000);
    assert_eq!(timeouts(&s), 1);
    s.run(20_000);
    assert_eq!(timeouts(&s), 2, "nothing came any more");

    // The far end puts us on hold: its silence is announced.
    s.phones[a].talking = true;
    s.run(100);
    s.phones[a].talking = false;
    let spec = s.spec(a, Law::Mu);
    let held = LegChange {
        receive: false,
        ..LegChange::from(&spec)
    };
    s.table.renegotiate(s.now(), leg, held);
    s.run(60_000);
    assert_eq!(timeouts(&s), 2);
    s.table.renegotiate(s.now(), leg, LegChange::from(&spec));
    s.run(14_000);
    assert_eq!(timeouts(&s), 2);
    s.run(2000);
    assert_eq!(timeouts(&s), 3);
}

#[test]
fn hold_by_the_far_end_stops_our_packets_and_resumes_in_time() {
    let mut s = on_air();
    let leg = s.phones[0].leg;
    let spec = s.spec(0, Law::Mu);
    let last = s.phones[0].got.last().cloned().unwrap();
    s.table.renegotiate(
        s.now(),
        leg,
        LegChange {
            send: false,
            ..LegChange::from(&spec)
        },
    );
    s.run(1000);
    assert_eq!(s.phones[0].got.last(), Some(&last));
    s.table.renegotiate(s.now(), leg, LegChange::from(&spec));
    s.run(20);
    let next = s.phones[0].got.last().cloned().unwrap();
    assert_eq!(next.sequence, last.sequence.wrapping_add(1));
    assert_eq!(next.timestamp, last.timestamp.wrapping_add(51 * 160));
}

#[test]
fn a_change_of_codec_is_heard_in_the_new_one() {
    let mut s = on_air();
    let leg = s.phones[0].leg;
    s.table
        .renegotiate(s.now(), leg, LegChange::from(&s.spec(0, Law::A)));
    s.expect("on air", &[(0, &[B])]);
    assert_eq!(s.phones[0].got.last().unwrap().payload_type, 8);
    assert_eq!(s.table.report(leg).unwrap().unknown_payload, 0, "not yet");
    s.run(2000);
    assert!(
        s.table.report(leg).unwrap().unknown_payload > 0,
        "the phone still sends PCMU"
    );
}

#[test]
fn lost_browser_packets_are_made_up() {
    let mut s = Studio::new();
    let room = s.table.add_room();
    let a = s.phone(A);
    let host = s.browser(room, HOST);
    s.place(a, Place::Seat(room));
    s.run(500);
    for _ in 0..20 {
        s.browsers[host].lose_next = 1;
        s.run(100);
    }
    s.expect("on air", &[(a, &[HOST])]);
    assert!(s.longest_gap_ms(a, 500) < 20.0);
    let counts = s.table.source_report(s.browsers[host].source).unwrap();
    assert!((20..=24).contains(&counts.concealed_frames), "{counts:?}");
    assert_eq!(counts.dropped, 0);
    let source = VoiceKey::Source(s.browsers[host].source);
    assert!(
        s.events
            .iter()
            .any(|e| matches!(e, MediaEvent::Level { of, .. } if *of == source))
    );
}

#[test]
fn levels_come_ten_times_a_second() {
    let mut s = on_air();
    s.events.clear();
    s.run(1000);
    for phone in &s.phones {
        let levels = s.events.iter().filter_map(|event| {
            let MediaEvent::Level { of, level } = event else {
                return None;
            };
            (*of == VoiceKey::Leg(phone.leg)).then_some(level.rms_dbfs)
        });
        let levels: Vec<f32> = levels.collect();
        assert_eq!(levels.len(), 10);
        assert!(
            levels.iter().all(|rms| (-22.0..-14.0).contains(rms)),
            "{levels:?}"
        );
    }
}

#[test]
fn a_new_stream_from_the_same_phone_is_heard_within_a_quarter_of_a_second() {
    let mut s = on_air();
    // Another SSRC, another time line, no pause in between: a transfer behind the trunk.
    s.phones[0].ssrc = 78;
    s.phones[0].timestamp = 7000;
    s.run(250);
    let frames = s.phones[1].got.len();
    s.run(200);
    let heard = &s.phones[1].heard[frames * 160..];
    assert!(
        heard
            .chunks(80)
            .all(|part| part.iter().any(|x| x.abs() > 0.05))
    );
    s.expect("on air", &[(1, &[A])]);
}

#[test]
fn reports_on_the_same_port_are_not_a_second_voice() {
    let mut s = Studio::new();
    let room = s.table.add_room();
    let (a, b) = (s.phone(A), s.phone(B));
    let from = s.phones[a].address;
    // A sender report: packet type 200 where RTP has marker and payload type.
    s.deliver(a, from, rtp(200, 6, 5, 4, &[0; 16]));
    s.place(a, Place::Seat(room));
    s.place(b, Place::Seat(room));
    s.expect("on air", &[(b, &[A])]);
    let report = s.table.report(s.phones[a].leg).unwrap();
    assert_eq!((report.rtcp.received, report.received > 0), (1, true));
    assert_eq!((report.malformed, report.probation), (0, 0));
}

#[test]
fn garbage_is_counted_and_survived() {
    let mut s = on_air();
    let from = s.phones[0].address;
    for n in 0..2000_u32 {
        let len = n as usize % 200;
        let garbage: Vec<u8> = (0..len)
            .map(|i| (n.wrapping_mul(2_654_435_761) >> (i % 24)) as u8)
            .collect();
        s.deliver(0, from, garbage);
        if n % 10 == 0 {
            s.run(5);
        }
    }
    s.run(2000);
    s.expect("still on air", &[(1, &[A])]);
    assert!(s.table.report(s.phones[0].leg).unwrap().malformed > 100);
}
