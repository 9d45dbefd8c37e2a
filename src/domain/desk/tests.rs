//! Scripts: these presses, this picture.

use super::*;
use crate::domain::{
    command::{Card, Command},
    effect::Verdict,
    operator::{Operator, Role},
    show::NextPolicy,
};

const T0: UnixMs = UnixMs(1_790_000_000_000);

fn at(seconds: i64) -> UnixMs {
    T0.plus_ms(seconds * 1000)
}

fn person(id: u128, name: &str, role: Role) -> Operator {
    Operator {
        id: OperatorId(id),
        name: name.into(),
        role,
    }
}

struct Station {
    desk: Desk,
    episode: EpisodeId,
    calls: u128,
    ada: Operator,
    ben: Operator,
    hal: Operator,
}

impl Station {
    /// One show on air with its lines open, two screeners and a host.
    fn on_air() -> Self {
        Self::with(DeskSettings::default())
    }

    fn with(settings: DeskSettings) -> Self {
        let mut desk = Desk::new(settings);
        let plan = ShowPlan {
            name: Some("Road Talk".into()),
            slug: Some("road-talk".into()),
            phone_numbers: Some(vec!["+15550100000".into()]),
            next_policy: None,
        };
        desk.create_show(T0, ShowId(1), plan).unwrap();
        let plan = EpisodePlan {
            show_id: ShowId(1),
            title: "Tolls".into(),
            scheduled_at: None,
        };
        let episode = desk.create_episode(EpisodeId(1), plan).unwrap().id;
        let mut station = Self {
            desk,
            episode,
            calls: 100,
            ada: person(1, "Ada", Role::Screener),
            ben: person(2, "Ben", Role::Screener),
            hal: person(3, "Hal", Role::Host),
        };
        let hal = station.hal.clone();
        station
            .press(
                &hal,
                Command::StartShow {
                    episode_id: episode,
                },
            )
            .unwrap();
        station
            .press(
                &hal,
                Command::OpenLines {
                    episode_id: episode,
                },
            )
            .unwrap();
        station.desk.drain();
        station
    }

    fn press(&mut self, by: &Operator, command: Command) -> Result<Reply, Refusal> {
        self.desk.command(at(60), by, &command)
    }

    fn arrival(&mut self, from: Option<&str>) -> Arrival {
        self.calls += 1;
        Arrival {
            new_call: CallId(self.calls),
            new_caller: CallerId(self.calls),
            known: None,
            from: from.map(str::to_owned),
            dialled: "+15550100000".into(),
            display_name: String::new(),
            twilio_call_sid: None,
            sip_call_id: Some(format!("{}@trunk", self.calls)),
        }
    }

    fn ring(&mut self, from: Option<&str>) -> Verdict {
        let arrival = self.arrival(from);
        self.desk.arrive(at(1), arrival)
    }

    fn caller(&mut self) -> CallId {
        let Verdict::Admit { call, .. } = self.ring(None) else {
            panic!("not admitted")
        };
        self.desk.answered(at(1), call);
        call
    }

    fn held(&mut self) -> CallId {
        let call = self.caller();
        let ada = self.ada.clone();
        self.press(&ada, Command::PickUp { call_id: call }).unwrap();
        self.press(
            &ada,
            Command::Approve {
                call_id: call,
                next: false,
            },
        )
        .unwrap();
        call
    }

    fn aired(&mut self) -> CallId {
        let call = self.held();
        let hal = self.hal.clone();
        self.press(&hal, Command::PutOnAir { call_id: call })
            .unwrap();
        call
    }

    fn stage(&self, call: CallId) -> Stage {
        self.desk.call(call).unwrap().stage
    }
}

#[test]
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
    assert!(drained.effects.is_empty() && drained.views.is_empty() && drained.events.is_empty());
}

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

#[test]
fn withheld_numbers_are_separate_callers_and_known_numbers_the_same() {
    let mut station = Station::on_air();
    let (a, b) = (station.caller(), station.caller());
    let caller = |station: &Station, call| station.desk.call(call).unwrap().caller_id;
    assert_ne!(caller(&station, a), caller(&station, b));
    let Verdict::Admit { call: c, .. } = station.ring(Some("+15551112222")) else {
        panic!()
    };
    let Verdict::Admit { call: d, .. } = station.ring(Some("+15551112222")) else {
        panic!()
    };
    assert_eq!(caller(&station, c), caller(&station, d));
    assert_eq!(
        station
            .desk
            .caller(caller(&station, c))
            .unwrap()
            .total_calls,
        2
    );
    assert_ne!(c, d);
}

#[test]
fn a_call_says_when_its_caller_called_before() {
    let mut station = Station::on_air();
    let mut ring = |seconds| {
        let arrival = station.arrival(Some("+15551112222"));
        let Verdict::Admit { call, .. } = station.desk.arrive(at(seconds), arrival) else {
            panic!()
        };
        call
    };
    let (first, second, third) = (ring(10), ring(20), ring(30));
    let before = |call| {
        station
            .desk
            .view(station.desk.call(call).unwrap())
            .last_called_at
    };
    assert_eq!(
        [first, second, third].map(before),
        [None, Some(at(10)), Some(at(20))]
    );
}

#[test]
fn blocked_callers_are_refused_before_they_ring() {
    let mut station = Station::on_air();
    let ada = station.ada.clone();
    let Verdict::Admit { call, .. } = station.ring(Some("+15551112222")) else {
        panic!()
    };
    station.desk.answered(at(2), call);
    station
        .press(&ada, Command::BlockCaller { call_id: call })
        .unwrap();
    let verdict = station.ring(Some("+15551112222"));
    assert!(
        matches!(
            verdict,
            Verdict::Refuse {
                status: 603,
                cause: Cause::Blocked,
                ..
            }
        ),
        "{verdict:?}"
    );
    let withheld = station.caller();
    assert_eq!(
        station
            .press(&ada, Command::BlockCaller { call_id: withheld })
            .unwrap_err()
            .status(),
        409
    );
}

#[test]
fn without_a_show_the_caller_is_told_so() {
    let mut station = Station::on_air();
    let hal = station.hal.clone();
    let episode_id = station.episode;
    station
        .press(&hal, Command::CloseLines { episode_id })
        .unwrap();
    let Verdict::Announce {
        call,
        lines_closed: true,
    } = station.ring(None)
    else {
        panic!()
    };
    station.desk.announcement_ended(at(9), call);
    let drained = station.desk.drain();
    assert!(drained.effects.contains(&Effect::HangUp {
        call,
        cause: Cause::NoShow
    }));
    assert!(
        drained.views.iter().all(|view| view.id != call),
        "dashboards do not see it"
    );
    assert!(
        drained
            .calls
            .iter()
            .any(|row| row.id == call && row.cause == Some(Cause::NoShow))
    );
}

#[test]
fn busy_all_refuses_new_calls_and_keeps_those_who_are_in() {
    let mut station = Station::on_air();
    let (hal, episode_id) = (station.hal.clone(), station.episode);
    let call = station.caller();
    station
        .press(
            &hal,
            Command::BusyAll {
                episode_id,
                busy: true,
            },
        )
        .unwrap();
    assert!(matches!(
        station.ring(None),
        Verdict::Refuse {
            status: 486,
            cause: Cause::BusyAll,
            ..
        }
    ));
    assert_eq!(station.stage(call), Stage::Queued);
}

#[test]
fn a_webhook_and_its_sip_leg_are_one_call() {
    let mut station = Station::on_air();
    let sid = Some("CA123".to_owned());
    let announced = Arrival {
        sip_call_id: None,
        twilio_call_sid: sid.clone(),
        ..station.arrival(Some("+15557654321"))
    };
    let Verdict::Admit { call, .. } = station.desk.arrive(at(0), announced.clone()) else {
        panic!()
    };
    station.desk.drain();
    let again = Arrival {
        new_call: CallId(999),
        ..announced
    };
    let verdict = station.desk.arrive(at(1), again);
    assert!(matches!(verdict, Verdict::Admit { call: same, .. } if same == call));
    let leg = Arrival {
        known: Some(call),
        ..station.arrival(Some("+15550100000"))
    };
    assert!(
        matches!(station.desk.arrive(at(2), leg), Verdict::Admit { call: same, .. } if same == call)
    );
    let call = station.desk.call(call).unwrap();
    assert_eq!(
        (call.from.as_deref(), call.twilio_call_sid.clone()),
        (Some("+15557654321"), sid)
    );
    assert!(call.sip_call_id.is_some());
    let second = Arrival {
        known: Some(call.id),
        ..station.arrival(None)
    };
    assert!(matches!(
        station.desk.arrive(at(3), second),
        Verdict::Refuse { status: 482, .. }
    ));
}

#[test]
fn an_announced_call_that_never_comes_is_closed() {
    let mut station = Station::on_air();
    let announced = Arrival {
        sip_call_id: None,
        twilio_call_sid: Some("CA9".into()),
        ..station.arrival(None)
    };
    let Verdict::Admit { call, .. } = station.desk.arrive(at(0), announced) else {
        panic!()
    };
    assert_eq!(station.desk.poll_timeout().unwrap().0, at(60));
    station.desk.handle_timeout(at(59));
    assert_eq!(station.stage(call), Stage::Queued);
    station.desk.handle_timeout(at(60));
    assert_eq!(
        station.desk.drain().calls[0].cause,
        Some(Cause::NeverArrived)
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

#[test]
fn shows_are_checked() {
    let mut desk = Desk::new(DeskSettings::default());
    let plan = |name: &str, slug: &str, number: &str| ShowPlan {
        name: Some(name.into()),
        slug: Some(slug.into()),
        phone_numbers: Some(vec![number.into()]),
        next_policy: None,
    };
    assert_eq!(
        desk.create_show(T0, ShowId(1), plan(" ", "a", "+15550100000"))
            .unwrap_err()
            .status(),
        400
    );
    assert_eq!(
        desk.create_show(T0, ShowId(1), plan("A", "A b", "+15550100000"))
            .unwrap_err()
            .status(),
        400
    );
    assert_eq!(
        desk.create_show(T0, ShowId(1), plan("A", "a", "5550100"))
            .unwrap_err()
            .status(),
        400
    );
    desk.create_show(T0, ShowId(1), plan("A", "a", "+15550100000"))
        .unwrap();
    assert_eq!(
        desk.create_show(T0, ShowId(2), plan("B", "a", "+15550100001"))
            .unwrap_err()
            .status(),
        409
    );
    assert_eq!(
        desk.create_show(T0, ShowId(2), plan("B", "b", "+15550100000"))
            .unwrap_err()
            .status(),
        409
    );
    assert!(
        !desk
            .create_show(T0, ShowId(2), plan("B", "b", "+15550100001"))
            .unwrap()
            .first
    );
}

/// Ten thousand random presses by random people on forty calls: whatever they do, the picture stays whole.
#[test]
fn random_presses_keep_the_picture_whole() {
    let mut station = Station::on_air();
    let mut seed = 0x5eed_u64;
    let mut roll = move |below: u64| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let people = [
        Role::Admin,
        Role::Host,
        Role::CoHost,
        Role::Producer,
        Role::Screener,
        Role::Screener,
        Role::Viewer,
    ];
    let mut calls: Vec<CallId> = Vec::new();
    let episode_id = station.episode;
    for turn in 0..10_000 {
        let who = roll(people.len() as u64);
        let by = person(u128::from(who), "Somebody", people[who as usize]);
        if (calls.len() < 40 || roll(20) == 0)
            && let Verdict::Admit { call, .. } = station.ring(None)
        {
            station.desk.answered(at(1), call);
            calls.push(call);
        }
        let call_id = calls[roll(calls.len() as u64) as usize];
        let other = calls[roll(calls.len() as u64) as usize];
        let command = match roll(12) {
            0 | 1 => Command::PickUp { call_id },
            2 => Command::PickUpNext { episode_id },
            3 => Command::Approve {
                call_id,
                next: roll(2) == 0,
            },
            4 => Command::BackToLobby { call_id },
            5 => Command::PutOnAir { call_id },
            6 => Command::PutOnHold { call_id },
            7 => Command::Next { episode_id },
            8 => Command::SetMuted {
                call_id,
                muted: roll(2) == 0,
            },
            9 => Command::Drop { call_id },
            10 => Command::Reorder {
                call_id,
                before: Some(other),
            },
            _ => Command::SetNext {
                call_id,
                next: roll(2) == 0,
            },
        };
        let before: Vec<(CallId, Stage)> = station
            .desk
            .calls
            .values()
            .map(|c| (c.id, c.stage))
            .collect();
        let done = station.desk.command(at(turn), &by, &command);
        if done.is_err() {
            let after: Vec<(CallId, Stage)> = station
                .desk
                .calls
                .values()
                .map(|c| (c.id, c.stage))
                .collect();
            assert_eq!(before, after, "a refused command changes nothing");
        }
        let drained = station.desk.drain();
        for call in &drained.calls {
            assert_eq!(call.stage == Stage::Completed, call.cause.is_some());
            assert_eq!(call.stage == Stage::OnAir, call.times.on_air.is_some());
        }
        calls.retain(|id| {
            station
                .desk
                .call(*id)
                .is_some_and(|call| call.stage != Stage::Completed)
        });
        let episode = station.desk.episode(episode_id).unwrap();
        let mut queue = episode.hold_order.clone();
        queue.sort_unstable();
        let held: Vec<CallId> = station
            .desk
            .open_calls()
            .filter(|c| c.stage == Stage::OnHold)
            .map(|c| c.id)
            .collect();
        assert_eq!(queue, held, "the queue is exactly who is on hold");
        assert!(episode.next.is_none_or(|next| held.contains(&next)));
        let limits = station.desk.settings.limits;
        assert!(held.len() <= limits.hold);
        assert!(
            station
                .desk
                .open_calls()
                .filter(|c| c.stage == Stage::OnAir)
                .count()
                <= limits.live
        );
    }
}
