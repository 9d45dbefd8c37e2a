//! Long runs and random ones: nothing grows, and whatever happened, it heals.

use std::time::Duration;

use proptest::prelude::*;

use super::rooms::brief;
use super::world::*;
use crate::livekit::link::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn eight_hours_with_losses_leave_nothing_behind() {
    let mut world = World::new();
    let ears = world.listener();
    let anna = world.speaker("anna");
    let caller = world.caller("call:1");
    for hour in 0..8 {
        for quarter in 0..4 {
            match quarter {
                0 => world.drop_signal(ears),
                1 => world.drop_signal(caller),
                2 => {
                    world.kill_server();
                    world.pass(SECOND * 2);
                    world.start_server();
                }
                _ => {
                    world.resumes = false;
                    world.drop_signal(ears);
                    world.resumes = true;
                }
            }
            world.pass(SECOND * 15 * 60);
            for seat in [ears, anna, caller] {
                assert!(
                    world.is_up(seat),
                    "hour {hour}, quarter {quarter}, seat {seat}"
                );
            }
            world.take_heard(ears);
            world.speak(anna, 7, SECOND);
            assert!(world.take_heard(ears).len() >= 48);
            world.server_heard.clear();
            assert_eq!(world.speak(caller, 9, SECOND), 50);
            assert_eq!(world.server_heard.len(), 50);
        }
        // One browser, its track; its m-line twice (told, heard); no event untold.
        assert_eq!(world.seats[ears].link.room.size(), (1, 1, 2));
        for seat in [ears, anna, caller] {
            let chair = &mut world.seats[seat];
            assert!(chair.link.outputs.is_empty());
            assert_eq!(chair.binds, chair.unbinds + 1, "one transport at a time");
            assert!(chair.joins <= 2 + 2 * (hour + 1), "{} joins", chair.joins);
            chair.said.clear();
        }
    }
}

#[derive(Debug, Clone)]
enum Blow {
    CutSignal(usize),
    DropSignal(usize),
    CutMedia(usize),
    MendSignal(usize),
    MendMedia(usize),
    KillServer,
    StartServer,
    ForgetSessions,
    Pass(u64),
}

fn blow() -> impl Strategy<Value = Blow> {
    prop_oneof![
        (0..3usize).prop_map(Blow::CutSignal),
        (0..3usize).prop_map(Blow::DropSignal),
        (0..3usize).prop_map(Blow::CutMedia),
        (0..3usize).prop_map(Blow::MendSignal),
        (0..3usize).prop_map(Blow::MendMedia),
        Just(Blow::KillServer),
        Just(Blow::StartServer),
        Just(Blow::ForgetSessions),
        (1..12_000u64).prop_map(Blow::Pass),
        (1..12_000u64).prop_map(Blow::Pass),
    ]
}

fn strike(world: &mut World, blow: &Blow) {
    match *blow {
        Blow::CutSignal(seat) => world.cut_signal(seat),
        Blow::DropSignal(seat) => world.drop_signal(seat),
        Blow::CutMedia(seat) => world.seats[seat].media_cut = true,
        Blow::MendSignal(seat) => world.seats[seat].signal_cut = false,
        Blow::MendMedia(seat) => world.seats[seat].media_cut = false,
        Blow::KillServer => world.kill_server(),
        Blow::StartServer if world.server_down => world.start_server(),
        Blow::StartServer => {}
        Blow::ForgetSessions => world.resumes = !world.resumes,
        Blow::Pass(ms) => world.pass(Duration::from_millis(ms)),
    }
}

/// Up and Down, joined and left, up and down alternate for everybody.
fn assert_in_order(events: &[LinkEvent]) {
    let mut there = Vec::new();
    let mut up = Vec::new();
    for event in events {
        match event {
            LinkEvent::ParticipantJoined { sid, .. } => {
                assert!(!there.contains(sid), "joined twice");
                there.push(sid.clone());
            }
            LinkEvent::ParticipantLeft { sid, .. } => {
                assert!(there.contains(sid), "left without being there");
                there.retain(|known| known != sid);
            }
            LinkEvent::TrackUp { track, .. } => {
                assert!(!up.contains(track), "up twice");
                up.push(*track);
            }
            LinkEvent::TrackDown { track, .. } | LinkEvent::TrackMuted { track, .. } => {
                assert!(up.contains(track), "not up: {event:?}");
                if matches!(event, LinkEvent::TrackDown { .. }) {
                    up.retain(|known| known != track);
                }
            }
            LinkEvent::Up
            | LinkEvent::Down { .. }
            | LinkEvent::Removed
            | LinkEvent::Closed
            | LinkEvent::Muted { .. }
            | LinkEvent::TrackAudio { .. } => {}
        }
    }
    let ups: Vec<String> = events
        .iter()
        .map(brief)
        .filter(|told| told == "Up" || told == "Down")
        .collect();
    assert!(
        !ups.windows(2)
            .any(|pair| pair[0] == "Up" && pair[1] == "Up"),
        "{ups:?}"
    );
    assert!(there.len() <= 1 && up.len() <= 1, "one browser, one track");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn whatever_happens_it_heals(blows in proptest::collection::vec(blow(), 1..30)) {
        let mut world = World::new();
        let ears = world.listener();
        let anna = world.speaker("anna");
        let caller = world.caller("call:1");
        for blow in &blows {
            strike(&mut world, blow);
            for seat in &world.seats {
                prop_assert!(seat.link.poll_timeout().is_some());
                prop_assert!(seat.binds - seat.unbinds <= 1);
            }
        }
        if world.server_down {
            world.start_server();
        }
        for seat in &mut world.seats {
            (seat.signal_cut, seat.media_cut) = (false, false);
        }
        world.pass(SECOND * 40);
        for seat in [ears, anna, caller] {
            prop_assert!(world.is_up(seat), "seat {}", seat);
        }
        let events = world.events(ears);
        assert_in_order(&events);
        world.take_heard(ears);
        world.speak(anna, 7, SECOND);
        prop_assert!(world.take_heard(ears).len() >= 48);
        world.server_heard.clear();
        prop_assert_eq!(world.speak(caller, 9, SECOND), 50);
        prop_assert_eq!(world.server_heard.len(), 50);
    }
}
