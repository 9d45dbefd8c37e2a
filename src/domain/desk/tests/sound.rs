//! How callers and shows sound: who may change it, when, and what follows.

use super::*;
use crate::domain::sound::Mixing;

fn gain(call_id: CallId, gain_db: i8) -> Command {
    Command::SetGain { call_id, gain_db }
}

fn denoise(call_id: CallId, denoise: bool) -> Command {
    Command::SetDenoise { call_id, denoise }
}

fn ducking(station: &Station, ducking: bool) -> Command {
    Command::SetDucking {
        episode_id: station.episode,
        ducking,
    }
}

#[test]
fn the_sound_is_for_hosts_co_hosts_and_producers() {
    let mut station = Station::on_air();
    let call = station.aired();
    let commands = [
        gain(call, 3),
        denoise(call, true),
        ducking(&station, false),
        Command::ResetLoudness {
            episode_id: station.episode,
        },
    ];
    for role in [Role::Admin, Role::Host, Role::CoHost, Role::Producer] {
        for command in &commands {
            let done = station.press(&person(9, "Kim", role), command.clone());
            assert!(done.is_ok(), "{role:?}: {command:?}");
        }
    }
    for role in [Role::Screener, Role::Viewer] {
        for command in &commands {
            let refusal = station.press(&person(9, "Kim", role), command.clone());
            assert!(
                matches!(refusal, Err(Refusal::Forbidden(_))),
                "{role:?}: {command:?}"
            );
        }
    }
}

#[test]
fn gain_is_shown_carried_out_and_kept_from_hold_to_air() {
    let mut station = Station::on_air();
    let (hal, call) = (station.hal.clone(), station.aired());
    station.desk.drain();
    station.press(&hal, gain(call, -4)).unwrap();
    let drained = station.desk.drain();
    assert_eq!(drained.effects, [Effect::SetGain { call, gain_db: -4 }]);
    assert_eq!(station.views(&drained)[0].gain_db, -4);
    for command in [
        Command::PutOnHold { call_id: call },
        Command::PutOnAir { call_id: call },
    ] {
        station.press(&hal, command).unwrap();
    }
    assert_eq!(station.desk.call(call).unwrap().sound.gain_db, -4);
    for far in [21, -21, i8::MIN] {
        let refusal = station.press(&hal, gain(call, far));
        assert!(matches!(refusal, Err(Refusal::Invalid(_))), "{far}");
    }
}

#[test]
fn noise_is_taken_out_while_the_caller_is_on_air_and_no_longer() {
    let mut station = Station::on_air();
    let (hal, call) = (station.hal.clone(), station.aired());
    station
        .press(&hal, Command::PutOnHold { call_id: call })
        .unwrap();
    station.desk.drain();
    station.press(&hal, denoise(call, true)).unwrap();
    let drained = station.desk.drain();
    assert!(station.views(&drained)[0].denoise && drained.effects.is_empty());
    let denoised = |denoised| Effect::SetDenoised { call, denoised };
    for (command, expected) in [
        (Command::PutOnAir { call_id: call }, true),
        (Command::PutOnHold { call_id: call }, false),
        (Command::PutOnAir { call_id: call }, true),
        (denoise(call, false), false),
    ] {
        station.press(&hal, command).unwrap();
        let effects = station.desk.drain().effects;
        assert_eq!(effects.last(), Some(&denoised(expected)));
    }
    station
        .press(&hal, Command::PutOnHold { call_id: call })
        .unwrap();
    let effects = station.desk.drain().effects;
    assert!(!effects.contains(&denoised(false)), "{effects:?}");
}

#[test]
fn a_station_may_take_noise_out_of_everybodys_line() {
    let mixing = Mixing {
        denoise: true,
        ..Mixing::default()
    };
    let mut station = Station::with(DeskSettings {
        mixing,
        ..DeskSettings::default()
    });
    station.desk.drain();
    let call = station.aired();
    let effects = station.desk.drain().effects;
    let denoised = true;
    assert!(effects.contains(&Effect::SetDenoised { call, denoised }));
}

#[test]
fn a_caller_in_the_lobby_has_no_sound_to_change() {
    let mut station = Station::on_air();
    let hal = station.hal.clone();
    let call = station.caller();
    for command in [gain(call, 1), denoise(call, true)] {
        let refusal = station.press(&hal, command);
        assert!(matches!(refusal, Err(Refusal::Conflict(_))));
    }
}

#[test]
fn ducking_is_switched_for_an_episode_where_the_station_has_it() {
    let mut station = Station::on_air();
    let hal = station.hal.clone();
    station.desk.drain();
    let off = ducking(&station, false);
    station.press(&hal, off).unwrap();
    let drained = station.desk.drain();
    let expected = Effect::SetDucking {
        episode: station.episode,
        ducking: false,
    };
    assert_eq!(drained.effects, [expected]);
    assert!(!drained.episodes[0].ducking);

    let duck_db = 0;
    let mixing = Mixing {
        duck_db,
        ..Mixing::default()
    };
    let mut without = Station::with(DeskSettings {
        mixing,
        ..DeskSettings::default()
    });
    let on = ducking(&without, true);
    let refusal = without.press(&hal, on).unwrap_err();
    assert!(refusal.detail().contains("DUCK_DB"));
}
