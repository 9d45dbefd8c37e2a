//! Orders of waiting and full rooms.

use super::*;

#[test]
fn next_takes_the_designated_else_the_first_and_follows_the_policy() {
    let mut station = Station::on_air();
    let (hal, episode_id) = (station.hal.clone(), station.episode);
    let (first, second, third) = (station.held(), station.held(), station.held());
    station
        .press(
            &hal,
            Command::SetNext {
                call_id: third,
                next: true,
            },
        )
        .unwrap();
    assert_eq!(
        station
            .press(&hal, Command::Next { episode_id })
            .unwrap()
            .call_id,
        Some(third)
    );
    assert_eq!(
        station
            .press(&hal, Command::Next { episode_id })
            .unwrap()
            .call_id,
        Some(first)
    );
    assert_eq!(station.stage(third), Stage::Completed);
    let hold = ShowPlan {
        next_policy: Some(NextPolicy::Hold),
        ..ShowPlan::default()
    };
    station.desk.change_show(ShowId(1), hold).unwrap();
    assert_eq!(
        station
            .press(&hal, Command::Next { episode_id })
            .unwrap()
            .call_id,
        Some(second)
    );
    assert_eq!(station.stage(first), Stage::OnHold);
    station
        .press(&hal, Command::Drop { call_id: first })
        .unwrap();
    let refused = station
        .press(&hal, Command::Next { episode_id })
        .unwrap_err();
    assert_eq!(refused, Refusal::Conflict("Nobody is on hold.".into()));
    assert_eq!(station.stage(second), Stage::OnAir);
}

#[test]
fn the_hold_queue_is_put_in_order() {
    let mut station = Station::on_air();
    let ada = station.ada.clone();
    let (a, b, c) = (station.held(), station.held(), station.held());
    station.desk.drain();
    station
        .press(
            &ada,
            Command::Reorder {
                call_id: c,
                before: Some(a),
            },
        )
        .unwrap();
    station
        .press(
            &ada,
            Command::Reorder {
                call_id: a,
                before: None,
            },
        )
        .unwrap();
    assert_eq!(
        station.desk.episode(station.episode).unwrap().hold_order,
        [c, b, a]
    );
    let refused = station
        .press(
            &ada,
            Command::Reorder {
                call_id: a,
                before: Some(a),
            },
        )
        .unwrap_err();
    assert_eq!(refused.status(), 409);
    assert_eq!(
        station.desk.drain().places,
        [(a, 3), (c, 1)],
        "the one between stays where it was"
    );
}

#[test]
fn places_in_line_are_told_when_they_change() {
    let mut station = Station::on_air();
    let (a, b) = (station.caller(), station.caller());
    let told = |drained: &Drained| -> Vec<(CallId, u16)> {
        let places = |effect: &Effect| {
            if let Effect::SetPlaces { places, .. } = effect {
                places.clone()
            } else {
                Vec::new()
            }
        };
        drained.effects.iter().flat_map(places).collect()
    };
    let drained = station.desk.drain();
    assert_eq!(told(&drained), [(a, 1), (b, 2)]);
    assert!(drained.places.is_empty(), "new calls are published whole");
    station.desk.gone(at(5), a, Cause::CallerHungUp, None);
    let drained = station.desk.drain();
    assert_eq!(told(&drained), [(b, 1)]);
    assert_eq!(drained.places, [(b, 1)]);
    assert!(!drained.published.contains(&b));
    assert!(told(&station.desk.drain()).is_empty());
}

#[test]
fn full_rooms_refuse_and_the_caller_stays() {
    let limits = Limits {
        lobby: 2,
        hold: 1,
        live: 2,
    };
    let mut station = Station::with(DeskSettings {
        limits,
        ..DeskSettings::default()
    });
    let (ada, hal) = (station.ada.clone(), station.hal.clone());
    let waiting = station.caller();
    let held = station.held();
    station
        .press(&ada, Command::PickUp { call_id: waiting })
        .unwrap();
    let refused = station
        .press(
            &ada,
            Command::Approve {
                call_id: waiting,
                next: false,
            },
        )
        .unwrap_err();
    assert!(
        refused.detail().contains("hold room is full (1)"),
        "{refused}"
    );
    assert_eq!(station.stage(waiting), Stage::Screening);

    let live = RoomName::Live(station.episode);
    station.desk.browser_joined(live, "PA_1", "host:hal");
    station.desk.browser_joined(live, "PA_2", "co-host:cat");
    assert_eq!(
        station
            .press(&hal, Command::PutOnAir { call_id: held })
            .unwrap_err()
            .status(),
        409
    );
    station.desk.browser_left(live, "PA_2");
    station
        .press(&hal, Command::PutOnAir { call_id: held })
        .unwrap();

    station.caller();
    station.caller();
    let Verdict::Refuse { status, cause, .. } = station.ring(None) else {
        panic!()
    };
    assert_eq!((status, cause), (486, Cause::LobbyFull));
}
