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
    let places: Vec<_> = station
        .desk
        .drain()
        .views
        .iter()
        .map(|view| (view.id, view.position))
        .collect();
    assert!(
        places.contains(&(c, Some(1)))
            && places.contains(&(b, Some(2)))
            && places.contains(&(a, Some(3)))
    );
}

#[test]
fn places_in_line_are_told_when_they_change() {
    let mut station = Station::on_air();
    let (a, b) = (station.caller(), station.caller());
    let told = |drained: Drained| -> Vec<(CallId, u16)> {
        let position = |effect: &Effect| {
            if let Effect::SetPosition { call, position } = effect {
                Some((*call, *position))
            } else {
                None
            }
        };
        drained.effects.iter().filter_map(position).collect()
    };
    assert_eq!(told(station.desk.drain()), [(a, 1), (b, 2)]);
    station.desk.gone(at(5), a, Cause::CallerHungUp, None);
    assert_eq!(told(station.desk.drain()), [(b, 1)]);
    assert_eq!(told(station.desk.drain()), []);
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
