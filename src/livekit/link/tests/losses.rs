//! What can be lost, one by one and together.

use std::time::Duration;

use super::rooms::brief;
use super::world::*;
use crate::livekit::link::*;

const SECOND: Duration = Duration::from_secs(1);

/// A listener, a browser that speaks, a caller; all of it up.
fn show() -> (World, usize, usize, usize) {
    let mut world = World::new();
    let ears = world.listener();
    let anna = world.speaker("anna");
    let caller = world.caller("call:1");
    for seat in [ears, anna, caller] {
        assert!(world.is_up(seat));
        world.events(seat);
    }
    (world, ears, anna, caller)
}

fn told(world: &mut World, seat: usize) -> Vec<String> {
    world.events(seat).iter().map(brief).collect()
}

#[test]
fn audio_goes_on_while_signalling_is_away() {
    let (mut world, ears, anna, caller) = show();
    world.cut_signal(ears);
    world.cut_signal(caller);
    assert_eq!(world.speak(anna, 7, SECOND * 10), 500);
    assert_eq!(world.take_heard(ears).len(), 500);
    world.server_heard.clear();
    assert_eq!(world.speak(caller, 9, SECOND), 50);
    assert_eq!(world.server_heard.len(), 50);
    for seat in [ears, caller] {
        assert!(!world.is_up(seat));
        world.seats[seat].signal_cut = false;
    }
    world.pass(SECOND * 10);
    assert!(world.is_up(ears) && world.is_up(caller));
    assert_eq!(
        told(&mut world, ears),
        ["Down", "Down", "Up"],
        "lost, then out of reach, then back"
    );
    assert_eq!((world.seats[ears].joins, world.seats[caller].joins), (1, 1));
    assert!(world.seats[ears].resumptions > 4 && world.seats[caller].resumptions > 2);
}
