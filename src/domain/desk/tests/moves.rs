//! Moves between rooms, and who may ask for them.

use super::*;

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one story from its beginning to its end"
)]
fn a_caller_gets_on_air_and_back_and_is_hung_up() {
    let mut station = Station::on_air();
    let (ada, hal) = (station.ada.clone(), station.hal.clone());
    let Verdict::Admit {
        call,
        room,
        episode,
    } = station.ring(Some("+15551234567"))
    else {
        panic!()
    };
    assert_eq!((room, episode), (RoomName::Lobby(None), station.episode));
    assert!(station.desk.call(call).unwrap().ringing());
    station.desk.answered(at(2), call);

    let reply = station
        .desk
        .command(at(10), &ada, &Command::PickUp { call_id: call })
        .unwrap();
    assert_eq!(
        reply.room,
        Some(RoomName::Screening(episode, call).to_string())
    );
    station
        .desk
        .command(
            at(20),
            &ada,
            &Command::Approve {
                call_id: call,
                next: true,
            },
        )
        .unwrap();
    station
        .desk
        .command(at(30), &hal, &Command::PutOnAir { call_id: call })
        .unwrap();
    station
        .desk
        .command(at(50), &hal, &Command::PutOnHold { call_id: call })
        .unwrap();
    station
        .desk
        .command(at(60), &hal, &Command::PutOnAir { call_id: call })
        .unwrap();
    station
        .desk
        .command(at(75), &hal, &Command::Drop { call_id: call })
        .unwrap();

    let drained = station.desk.drain();
    let places: Vec<Stage> = drained
        .effects
        .iter()
        .filter_map(|effect| {
            if let Effect::Place { stage, .. } = effect {
                Some(*stage)
            } else {
                None
            }
        })
        .collect();
    assert_eq!(
        places,
        [
            Stage::Screening,
            Stage::OnHold,
            Stage::OnAir,
            Stage::OnHold,
            Stage::OnAir
        ]
    );
    let dropped = Cause::Dropped { by: "Hal".into() };
    assert!(drained.effects.contains(&Effect::HangUp {
        call,
        cause: dropped.clone()
    }));
    assert!(
        drained
            .effects
            .contains(&Effect::CloseRoom(RoomName::Screening(episode, call)))
    );
    let row = &drained.calls[0];
    assert_eq!(
        (row.stage, row.on_air_seconds(at(999)), row.cause.as_ref()),
        (Stage::Completed, 35, Some(&dropped))
    );
    assert_eq!(row.times.first_on_air, Some(at(30)));
    let what: Vec<&str> = drained.events.iter().map(|event| event.what).collect();
    assert_eq!(
        what,
        [
            "arrived",
            "answered",
            "picked-up",
            "approved",
            "on-air",
            "on-hold",
            "on-air",
            "ended"
        ]
    );
}

#[test]
fn a_call_ends_once_with_its_first_cause() {
    let mut station = Station::on_air();
    let call = station.aired();
    station.desk.gone(at(70), call, Cause::CallerHungUp, None);
    station.desk.gone(at(71), call, Cause::RtpTimeout, None);
    let hal = station.hal.clone();
    let refused = station
        .press(&hal, Command::Drop { call_id: call })
        .unwrap_err();
    assert_eq!(refused.status(), 409);
    let drained = station.desk.drain();
    assert_eq!(drained.calls[0].cause, Some(Cause::CallerHungUp));
    assert_eq!(
        drained
            .events
            .iter()
            .filter(|event| event.what == "ended")
            .count(),
        1
    );
    assert!(
        !drained
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::HangUp { .. }))
    );
}

#[test]
fn two_screeners_cannot_take_one_call() {
    let mut station = Station::on_air();
    let call = station.caller();
    let (ada, ben) = (station.ada.clone(), station.ben.clone());
    station
        .press(&ada, Command::PickUp { call_id: call })
        .unwrap();
    for command in [
        Command::PickUp { call_id: call },
        Command::Approve {
            call_id: call,
            next: false,
        },
        Command::BackToLobby { call_id: call },
        Command::Drop { call_id: call },
    ] {
        assert_eq!(
            station.press(&ben, command),
            Err(Refusal::Conflict("Ada has this caller.".into()))
        );
    }
    assert_eq!(station.stage(call), Stage::Screening);
}

#[test]
fn a_screener_never_puts_anybody_on_air() {
    let mut station = Station::on_air();
    let call = station.held();
    for role in [Role::Screener, Role::Producer, Role::Viewer] {
        let somebody = person(9, "Sam", role);
        let refused = station
            .press(&somebody, Command::PutOnAir { call_id: call })
            .unwrap_err();
        assert_eq!(refused.status(), 403, "{role:?}");
        let next = Command::Next {
            episode_id: station.episode,
        };
        assert_eq!(station.press(&somebody, next).unwrap_err().status(), 403);
    }
    assert_eq!(station.stage(call), Stage::OnHold);
    assert!(station.desk.drain().effects.iter().all(|e| !matches!(
        e,
        Effect::Place {
            stage: Stage::OnAir,
            ..
        }
    )));
}

#[test]
fn a_viewer_changes_nothing() {
    let mut station = Station::on_air();
    let call = station.held();
    let viewer = person(8, "Vic", Role::Viewer);
    let episode_id = station.episode;
    for command in [
        Command::PickUpNext { episode_id },
        Command::UpdateCard {
            call_id: call,
            card: Card::default(),
        },
        Command::SetNext {
            call_id: call,
            next: true,
        },
        Command::Drop { call_id: call },
        Command::EndShow { episode_id },
        Command::CloseLines { episode_id },
    ] {
        assert_eq!(station.press(&viewer, command).unwrap_err().status(), 403);
    }
}

#[test]
fn illegal_moves_are_refused_with_the_reason_and_change_nothing() {
    let mut station = Station::on_air();
    let call = station.caller();
    let hal = station.hal.clone();
    station.desk.drain();
    let refused = station
        .press(&hal, Command::PutOnAir { call_id: call })
        .unwrap_err();
    assert_eq!(
        refused,
        Refusal::Conflict("This caller is waiting in the lobby and cannot be put on air.".into())
    );
    let drained = station.desk.drain();
    assert!(
        drained.effects.is_empty() && drained.published.is_empty() && drained.events.is_empty()
    );
}

#[test]
fn callers_of_a_screener_who_stays_away_go_back_to_the_lobby() {
    let mut station = Station::on_air();
    let ada = station.ada.clone();
    let call = station.caller();
    station
        .press(&ada, Command::PickUp { call_id: call })
        .unwrap();
    station.desk.operator_connected(at(70), ada.id, false);
    station.desk.operator_connected(at(90), ada.id, true);
    station.desk.handle_timeout(at(101));
    assert_eq!(station.stage(call), Stage::Screening);
    station.desk.operator_connected(at(110), ada.id, false);
    station.desk.handle_timeout(at(140));
    assert_eq!(station.stage(call), Stage::Queued);
    assert_eq!(
        station.desk.lobby(station.episode)[0].id,
        call,
        "keeps its place by arrival"
    );
}

#[test]
fn ending_the_show_hangs_everybody_up() {
    let mut station = Station::on_air();
    let (hal, episode_id) = (station.hal.clone(), station.episode);
    let calls = [station.caller(), station.held(), station.aired()];
    station.desk.drain();
    station
        .press(&hal, Command::EndShow { episode_id })
        .unwrap();
    let drained = station.desk.drain();
    for call in calls {
        assert!(drained.effects.contains(&Effect::HangUp {
            call,
            cause: Cause::ShowEnded
        }));
    }
    assert!(drained.effects.contains(&Effect::CloseStudio(episode_id)));
    assert!(drained.removed_calls.is_empty(), "their legs are still up");
    for call in calls {
        station
            .desk
            .gone(at(61), call, Cause::ShowEnded, Some("{}".into()));
    }
    let drained = station.desk.drain();
    assert!(drained.calls.iter().all(|row| row.quality.is_some()));
    assert_eq!(
        (drained.removed_calls.len(), drained.removed_episodes),
        (3, vec![episode_id])
    );
}
