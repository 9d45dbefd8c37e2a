//! What no attempt of ours can mend: a wrong key, blocked UDP, a server that is away.

use std::time::Duration;

use super::losses::{leaves, show, told, troubles};
use super::world::*;
use crate::livekit::link::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn udp_that_was_never_open_is_named_and_tried_slowly() {
    let mut world = World::new();
    world.server_down = true;
    let ears = world.start(LinkRole::Listener, listener_pass("switch"));
    world.seats[ears].media_cut = true;
    world.start_server();
    let before = world.seats[ears].joins;
    world.pass(SECOND * 120);
    let named = troubles(&mut world, ears);
    assert_eq!(
        named[named.len() - 2..],
        [LinkTrouble::Media, LinkTrouble::UdpBlocked]
    );
    let joins = world.seats[ears].joins - before;
    assert!((5..=10).contains(&joins), "{joins}");
    assert!(leaves(&world, ears) >= joins - 1);
    world.seats[ears].media_cut = false;
    world.pass(SECOND * 30);
    assert!(world.is_up(ears));
    assert_eq!(told(&mut world, ears), ["Up"]);
}

#[test]
fn udp_that_was_open_once_is_tried_at_the_usual_pace() {
    let mut world = World::new();
    let ears = world.listener();
    world.seats[ears].media_cut = true;
    world.pass(SECOND * 120);
    let named = troubles(&mut world, ears);
    assert_eq!(named, [LinkTrouble::Media, LinkTrouble::UdpBlocked]);
    let joins = world.seats[ears].joins;
    assert!((11..=16).contains(&joins), "{joins}");
    world.seats[ears].media_cut = false;
    world.pass(SECOND * 10);
    assert!(world.is_up(ears));
}

#[test]
fn a_refused_key_is_named_and_tried_slowly() {
    let mut world = World::new();
    world.refuses = Some(401);
    let ears = world.start(LinkRole::Listener, listener_pass("switch"));
    world.pass(SECOND * 60);
    assert_eq!(
        troubles(&mut world, ears),
        [LinkTrouble::Refused("401 no".to_owned())]
    );
    let joins = world.seats[ears].joins;
    assert!((5..=9).contains(&joins), "{joins}");
    world.refuses = None;
    let now = world.now;
    world.seats[ears].link.retry_now(now);
    world.pass(SECOND);
    assert!(world.is_up(ears));
}

#[test]
fn a_server_that_is_busy_is_not_a_refused_key() {
    let mut world = World::new();
    world.refuses = Some(503);
    let ears = world.start(LinkRole::Listener, listener_pass("switch"));
    world.pass(SECOND * 10);
    let trouble = LinkTrouble::Unreachable("503 no".to_owned());
    assert_eq!(troubles(&mut world, ears), [trouble]);
    world.refuses = None;
    world.pass(SECOND * 2);
    assert!(world.is_up(ears));
}

#[test]
fn the_scout_calls_the_others_back() {
    let (mut world, ears, _, caller) = show();
    world.kill_server();
    world.pass(SECOND * 60);
    let tries = world.seats[ears].joins;
    assert!(
        (30..400).contains(&tries),
        "the scout looks often, and not madly: {tries}"
    );
    assert!(world.seats[caller].joins < tries / 2);
    world.start_server();
    world.pass(SECOND * 2);
    assert!(world.is_up(ears));
    let now = world.now;
    world.seats[caller].link.retry_now(now);
    world.settle();
    world.pass(SECOND);
    assert!(world.is_up(caller));
    assert_eq!(
        troubles(&mut world, caller).last(),
        Some(&LinkTrouble::Unreachable("nobody answers".to_owned()))
    );
}
