//! Nothing goes wrong: who is there, who hears whom, mute, attributes, leaving.

use std::collections::BTreeMap;
use std::time::Duration;

use super::world::*;
use crate::livekit::LeaveCause;
use crate::livekit::link::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_listener_hears_a_browser_and_a_browser_hears_a_caller() {
    let mut world = World::new();
    let ears = world.listener();
    assert!(world.is_up(ears));
    assert_eq!(world.events(ears), [LinkEvent::Up]);

    let anna = world.speaker("anna");
    assert!(world.is_up(anna));
    assert_eq!(world.speak(anna, 7, SECOND), 50);
    let heard = world.take_heard(ears);
    assert!(
        heard.len() >= 48 && heard.iter().all(|byte| *byte == 7),
        "{}",
        heard.len()
    );

    let caller = world.caller("call:1");
    world.server_heard.clear();
    assert_eq!(world.speak(caller, 9, SECOND), 50);
    assert_eq!(world.server_heard, [9; 50]);
    assert!(
        world.take_heard(ears).is_empty(),
        "our own callers are mixed here"
    );

    let told: Vec<String> = world.events(ears).iter().map(brief).collect();
    assert_eq!(told, ["joined anna", "up anna"]);
}

#[test]
fn a_browser_mutes_unmutes_and_leaves() {
    let mut world = World::new();
    let ears = world.listener();
    let anna = world.speaker("anna");
    let now = world.now;
    world.seats[anna].link.set_muted(now, true);
    world.settle();
    assert_eq!(world.speak(anna, 7, SECOND), 0, "nobody can hear it");
    let now = world.now;
    world.seats[anna].link.set_muted(now, false);
    world.settle();
    world.speak(anna, 7, SECOND);
    assert!(world.take_heard(ears).len() >= 48);
    let now = world.now;
    world.seats[anna].link.close(now);
    world.settle();
    world.pass(SECOND);
    let told: Vec<String> = world.events(ears).iter().map(brief).collect();
    assert_eq!(
        told,
        [
            "Up",
            "joined anna",
            "up anna",
            "muted anna",
            "unmuted anna",
            "down anna",
            "left anna"
        ]
    );
    assert_eq!(world.events(anna).last(), Some(&LinkEvent::Closed));
    assert_eq!(world.seats[anna].link.poll_timeout(), None);
    assert_eq!(world.seats[anna].unbinds, 1);
    assert_eq!(world.endpoint.counters().browsers, 1);
}

#[test]
fn a_closed_link_lets_go_of_all_it_told() {
    let mut world = World::new();
    world.speaker("anna");
    let ears = world.listener();
    let now = world.now;
    world.seats[ears].link.close(now);
    world.settle();
    let told: Vec<String> = world.events(ears).iter().map(brief).collect();
    assert_eq!(
        told,
        [
            "joined anna",
            "up anna",
            "Up",
            "down anna",
            "left anna",
            "Closed"
        ]
    );
}

#[test]
fn who_is_removed_does_not_come_back() {
    let mut world = World::new();
    let caller = world.caller("call:1");
    let now = world.now;
    world.endpoint.remove_participant(now, "live", "call:1");
    world.pass(Duration::from_secs(60));
    let told: Vec<String> = world.events(caller).iter().map(brief).collect();
    assert_eq!(told, ["Up", "Removed"]);
    assert_eq!(world.seats[caller].joins, 1);
    assert_eq!(world.seats[caller].link.poll_timeout(), None);
}

#[test]
fn a_deleted_room_is_joined_again() {
    let mut world = World::new();
    let ears = world.listener();
    let now = world.now;
    world
        .endpoint
        .close_room(now, "live", LeaveCause::RoomClosed);
    world.pass(SECOND);
    assert!(world.is_up(ears));
    assert_eq!(world.seats[ears].joins, 2);
    let told: Vec<String> = world.events(ears).iter().map(brief).collect();
    assert_eq!(told, ["Up", "Down", "Up"]);
}

#[test]
fn the_thief_of_an_identity_is_not_fought() {
    let mut world = World::new();
    let first = world.caller("call:1");
    let second = world.caller("call:1");
    let now = world.now;
    world.seats[first].link.retry_now(now);
    world.pass(Duration::from_secs(5));
    assert!(!world.is_up(first) && world.is_up(second));
    assert_eq!(world.seats[first].joins, 1);
}

#[test]
fn attributes_are_sent_at_once_and_with_every_join() {
    let mut world = World::new();
    let caller = world.caller("call:1");
    let now = world.now;
    let attributes = BTreeMap::from([("sip.callStatus".to_owned(), "active".to_owned())]);
    world.seats[caller].link.set_attributes(now, attributes);
    world.settle();
    world.kill_server();
    world.start_server();
    world.pass(Duration::from_secs(3));
    assert!(world.is_up(caller));
    let sent = world.seats[caller].said.iter().filter(|said| {
        matches!(said, proto::signal_request::Message::UpdateMetadata(update)
            if update.attributes.get("sip.callStatus").is_some_and(|v| v == "active"))
    });
    assert_eq!(sent.count(), 2);
}

#[test]
fn five_hundred_come_and_go_and_nothing_stays() {
    let mut world = World::new();
    let ears = world.listener();
    for round in 0..500 {
        let guest = world.start(LinkRole::Caller, pass(&format!("guest-{round}")));
        world.pass(Duration::from_millis(300));
        assert!(world.is_up(guest), "round {round}");
        let now = world.now;
        world.seats[guest].link.close(now);
        world.settle();
        assert_eq!(world.seats.pop().map(|seat| seat.binds), Some(1));
    }
    world.pass(SECOND);
    assert_eq!(world.seats[ears].link.room.size(), (0, 0, 0));
    assert!(world.is_up(ears));
    assert_eq!(world.seats[ears].joins, 1);
    let events = world.events(ears);
    let count = |start: &str| {
        events
            .iter()
            .filter(|e| brief(e).starts_with(start))
            .count()
    };
    assert_eq!((count("joined"), count("left")), (500, 500));
    assert_eq!((count("up "), count("down ")), (500, 500));
}

/// An event in two words.
pub(super) fn brief(event: &LinkEvent) -> String {
    match event {
        LinkEvent::Up => "Up".into(),
        LinkEvent::Down { .. } => "Down".into(),
        LinkEvent::Removed => "Removed".into(),
        LinkEvent::Closed => "Closed".into(),
        LinkEvent::Muted { muted } => format!("Muted {muted}"),
        LinkEvent::ParticipantJoined { identity, .. } => format!("joined {identity}"),
        LinkEvent::ParticipantLeft { identity, .. } => format!("left {identity}"),
        LinkEvent::TrackUp { identity, .. } => format!("up {identity}"),
        LinkEvent::TrackMuted {
            identity,
            muted: true,
            ..
        } => format!("muted {identity}"),
        LinkEvent::TrackMuted { identity, .. } => format!("unmuted {identity}"),
        LinkEvent::TrackDown { identity, .. } => format!("down {identity}"),
        LinkEvent::TrackAudio { .. } => "audio".into(),
    }
}
