//! What can be lost, one by one and together.

use std::time::Duration;

use livekit_protocol as proto;
use proto::signal_request::Message as Said;

use super::rooms::brief;
use super::world::*;
use crate::livekit::link::*;

const SECOND: Duration = Duration::from_secs(1);

/// A listener, a browser that speaks, a caller; all of it up.
pub(super) fn show() -> (World, usize, usize, usize) {
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

pub(super) fn told(world: &mut World, seat: usize) -> Vec<String> {
    world.events(seat).iter().map(brief).collect()
}

/// The troubles among the events of a link since the last time.
pub(super) fn troubles(world: &mut World, seat: usize) -> Vec<LinkTrouble> {
    let events = world.events(seat).into_iter();
    events
        .filter_map(|event| {
            if let LinkEvent::Down { trouble } = event {
                Some(trouble)
            } else {
                None
            }
        })
        .collect()
}

pub(super) fn leaves(world: &World, seat: usize) -> usize {
    let said = world.seats[seat].said.iter();
    said.filter(|said| matches!(said, Said::Leave(_))).count()
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
    let story = ["Down", "Down", "Up"];
    assert_eq!(
        told(&mut world, ears),
        story,
        "lost, then out of reach, then back"
    );
    assert_eq!((world.seats[ears].joins, world.seats[caller].joins), (1, 1));
    assert!(world.seats[ears].resumptions > 4 && world.seats[caller].resumptions > 2);
}

#[test]
fn a_short_loss_of_signalling_is_resumed_at_once() {
    let (mut world, ears, _, caller) = show();
    world.drop_signal(ears);
    world.drop_signal(caller);
    assert!(
        world.is_up(caller),
        "the server answered the restart of ICE"
    );
    world.pass(SECOND * 4);
    for seat in [ears, caller] {
        assert_eq!(told(&mut world, seat), ["Down", "Up"]);
        assert_eq!(
            (world.seats[seat].joins, world.seats[seat].resumptions),
            (1, 1)
        );
    }
    let syncs = |seat: usize| {
        let said = world.seats[seat].said.iter();
        said.filter_map(|said| {
            if let Said::SyncState(state) = said {
                Some(state.clone())
            } else {
                None
            }
        })
        .collect::<Vec<_>>()
    };
    let (heard, spoken) = (&syncs(ears)[0], &syncs(caller)[0]);
    assert_eq!(
        heard.subscription.as_ref().unwrap().track_sids.len(),
        1,
        "anna's, not our caller's"
    );
    assert!(heard.offer.is_some() && heard.answer.is_some() && heard.publish_tracks.is_empty());
    assert!(
        !spoken.publish_tracks[0]
            .track
            .as_ref()
            .unwrap()
            .sid
            .is_empty()
    );
}

#[test]
fn a_refused_resume_becomes_a_join_and_only_differences_are_told() {
    let (mut world, ears, anna, caller) = show();
    world.resumes = false;
    world.drop_signal(ears);
    world.drop_signal(caller);
    world.pass(SECOND * 2);
    assert_eq!(
        told(&mut world, ears),
        ["Down", "down anna", "up anna", "Up"]
    );
    assert_eq!(told(&mut world, caller), ["Down", "Up"]);
    for seat in [ears, caller] {
        assert_eq!(
            (world.seats[seat].joins, world.seats[seat].resumptions),
            (2, 1)
        );
        assert_eq!(
            (world.seats[seat].binds, world.seats[seat].unbinds),
            (2, 1),
            "new sockets"
        );
    }
    world.speak(anna, 7, SECOND);
    assert!(world.take_heard(ears).len() >= 49);
    world.server_heard.clear();
    assert_eq!(world.speak(caller, 9, SECOND), 50);
    assert_eq!(world.server_heard.len(), 50);
}

#[test]
fn dead_media_leaves_the_mix_and_a_short_loss_heals_in_place() {
    let (mut world, ears, anna, _) = show();
    world.seats[ears].media_cut = true;
    world.pass(SECOND * 6);
    let events = world.events(ears);
    assert!(
        events.contains(&LinkEvent::Down {
            trouble: LinkTrouble::Media
        }),
        "{events:?}"
    );
    assert!(events.iter().map(brief).any(|told| told == "down anna"));
    world.seats[ears].media_cut = false;
    world.speak(anna, 7, SECOND * 4);
    assert!(world.is_up(ears));
    assert_eq!(told(&mut world, ears), ["up anna", "Up"]);
    assert!(world.take_heard(ears).len() > 100);
    assert_eq!(
        (world.seats[ears].joins, world.seats[ears].resumptions),
        (1, 1)
    );
}

#[test]
fn media_that_stays_dead_is_left_politely_and_joined_anew() {
    let (mut world, ears, anna, caller) = show();
    for seat in [ears, caller] {
        world.seats[seat].media_cut = true;
    }
    world.pass(SECOND * 15);
    for seat in [ears, caller] {
        assert_eq!(leaves(&world, seat), 1);
        assert_eq!(world.seats[seat].joins, 2);
        world.seats[seat].media_cut = false;
    }
    world.pass(SECOND * 20);
    assert!(world.is_up(ears) && world.is_up(caller));
    world.speak(anna, 7, SECOND);
    assert!(world.take_heard(ears).len() >= 48);
}

#[test]
fn a_server_that_died_is_found_again() {
    let (mut world, ears, anna, caller) = show();
    world.kill_server();
    world.pass(SECOND * 3);
    world.start_server();
    world.pass(SECOND * 9);
    for seat in [ears, anna, caller] {
        assert!(world.is_up(seat), "{seat}");
    }
    let events = told(&mut world, ears);
    assert_eq!(events.first().map(String::as_str), Some("Down"));
    let last = |word: &str| events.iter().rposition(|told| told == word);
    assert!(last("left anna") < last("joined anna") && last("down anna") < last("up anna"));
    world.speak(anna, 7, SECOND);
    assert!(world.take_heard(ears).len() >= 48);
    world.server_heard.clear();
    assert_eq!(world.speak(caller, 9, SECOND), 50);
    assert_eq!(world.server_heard.len(), 50);
}

#[test]
fn a_cut_line_is_both_lost_and_comes_back_with_a_join() {
    let (mut world, ears, anna, caller) = show();
    for seat in [ears, caller] {
        world.seats[seat].media_cut = true;
        world.cut_signal(seat);
    }
    world.pass(SECOND * 30);
    assert!(told(&mut world, ears).contains(&"down anna".to_owned()));
    for seat in [ears, caller] {
        assert!(!world.is_up(seat));
        world.seats[seat].media_cut = false;
        world.seats[seat].signal_cut = false;
    }
    world.pass(SECOND * 9);
    assert!(world.is_up(ears) && world.is_up(caller));
    world.speak(anna, 7, SECOND);
    assert!(world.take_heard(ears).len() >= 48);
}

#[test]
fn what_was_wanted_while_away_is_told_on_return() {
    let (mut world, _, _, caller) = show();
    world.cut_signal(caller);
    let now = world.now;
    world.seats[caller].link.set_muted(now, true);
    world.settle();
    let mutes = |world: &World| {
        let said = world.seats[caller].said.iter();
        said.filter(|said| matches!(said, Said::Mute(mute) if mute.muted))
            .count()
    };
    assert_eq!(mutes(&world), 0);
    world.seats[caller].signal_cut = false;
    world.pass(SECOND * 5);
    assert!(world.is_up(caller));
    assert_eq!(mutes(&world), 1);

    world.kill_server();
    world.start_server();
    world.pass(SECOND * 8);
    let said = &world.seats[caller].said;
    let added = said.iter().filter_map(|said| {
        if let Said::AddTrack(request) = said {
            Some(request.muted)
        } else {
            None
        }
    });
    assert_eq!(
        added.collect::<Vec<_>>(),
        [false, true],
        "muted from its first packet on"
    );
    assert_eq!(world.speak(caller, 9, SECOND), 0);
}
