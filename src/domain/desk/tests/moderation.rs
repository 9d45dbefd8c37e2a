//! What LiveKit's own side does to a call, and news of it that come too late.

use super::*;

fn live(station: &Station) -> RoomName {
    RoomName::Live(station.episode)
}

#[test]
fn a_call_removed_from_its_room_is_hung_up() {
    let mut station = Station::on_air();
    let call = station.aired();
    station.desk.drain();
    station.desk.removed_from_room(at(70), live(&station), call);
    let drained = station.desk.drain();
    let cause = Cause::RemovedFromRoom;
    assert_eq!(
        drained.effects,
        [Effect::HangUp {
            call,
            cause: cause.clone()
        }]
    );
    assert_eq!(drained.calls[0].cause, Some(cause));
    assert_eq!(
        station.views(&drained)[0].cause_text.as_deref(),
        Some("Removed from the room in LiveKit.")
    );
    assert_eq!(
        (drained.events[0].what, &*drained.events[0].detail),
        ("ended", "removed-from-room")
    );
}

#[test]
fn an_older_removal_leaves_a_call_alone_that_has_moved_on() {
    let mut station = Station::on_air();
    let call = station.aired();
    let screening = RoomName::Screening(station.episode, call);
    station.desk.drain();
    station.desk.removed_from_room(at(70), screening, call);
    station
        .desk
        .removed_from_room(at(70), RoomName::Lobby(None), call);
    assert_eq!(station.stage(call), Stage::OnAir);

    let hal = station.hal.clone();
    station
        .press(&hal, Command::PutOnHold { call_id: call })
        .unwrap();
    station.desk.removed_from_room(at(71), live(&station), call);
    assert_eq!(station.stage(call), Stage::OnHold);
}

#[test]
fn a_mute_in_livekit_is_the_hosts_to_see_and_to_undo() {
    let mut station = Station::on_air();
    let call = station.aired();
    station.desk.drain();
    station
        .desk
        .muted_from_room(at(70), live(&station), call, true);
    let drained = station.desk.drain();
    assert_eq!(drained.effects, [Effect::SetMuted { call, muted: true }]);
    assert!(station.views(&drained)[0].muted);
    let event = &drained.events[0];
    assert_eq!(
        (event.what, event.by, &*event.detail),
        ("muted", None, "LiveKit")
    );

    let hal = station.hal.clone();
    let unmute = Command::SetMuted {
        call_id: call,
        muted: false,
    };
    station.press(&hal, unmute).unwrap();
    assert!(!station.desk.call(call).unwrap().muted);
}

#[test]
fn the_echo_of_a_mute_goes_nowhere() {
    let mut station = Station::on_air();
    let call = station.aired();
    let hal = station.hal.clone();
    let mute = Command::SetMuted {
        call_id: call,
        muted: true,
    };
    station.press(&hal, mute).unwrap();
    station.desk.drain();
    station
        .desk
        .muted_from_room(at(70), live(&station), call, true);
    let drained = station.desk.drain();
    assert!(drained.effects.is_empty() && drained.events.is_empty());
}

#[test]
fn a_mute_where_nobody_can_undo_it_is_undone() {
    let mut station = Station::on_air();
    let call = station.caller();
    let ada = station.ada.clone();
    station
        .press(&ada, Command::PickUp { call_id: call })
        .unwrap();
    station.desk.drain();
    let screening = RoomName::Screening(station.episode, call);
    station.desk.muted_from_room(at(70), screening, call, true);
    let drained = station.desk.drain();
    assert_eq!(drained.effects, [Effect::SetMuted { call, muted: false }]);
    assert!(drained.events.is_empty() && !station.desk.call(call).unwrap().muted);

    station
        .desk
        .muted_from_room(at(71), live(&station), call, true);
    assert!(station.desk.drain().effects.is_empty());
}
