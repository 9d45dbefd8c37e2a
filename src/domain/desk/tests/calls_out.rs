//! Calls out: who may make them, what becomes of them, and who may be put on air.

use super::*;
use crate::domain::{
    calls_out::{HelpLine, Transfers},
    command::NewIds,
};

const GUEST: &str = "+15557654321";

fn rules() -> CallsOut {
    CallsOut {
        has_way: true,
        allow: "+1".parse().unwrap(),
        calls_max: 2,
        ring_ms_max: 60_000,
        transfers: Transfers {
            by_line: true,
            by_carrier: false,
        },
        help_lines: vec![HelpLine::new("Lifeline", "988").unwrap()],
        ..CallsOut::default()
    }
}

fn station() -> Station {
    let mut station = Station::on_air();
    station.desk.set_calls_out(rules());
    station
}

fn ids(n: u128) -> NewIds {
    NewIds {
        call: CallId(n),
        caller: CallerId(n),
    }
}

fn pia() -> Operator {
    person(7, "Pia", Role::Producer)
}

impl Station {
    fn dial(&mut self, by: &Operator, number: &str) -> Result<CallId, Refusal> {
        self.calls += 1;
        let command = Command::Dial {
            episode_id: self.episode,
            number: number.into(),
            name: Some(" Maria ".into()),
            point: Some("Her book".into()),
            ids: ids(self.calls),
        };
        self.press(by, command)
            .map(|reply| reply.call_id.expect("a call"))
    }

    /// Somebody was called and has answered.
    fn guest(&mut self) -> CallId {
        let call = self.dial(&pia(), GUEST).unwrap();
        self.desk.answered(at(70), call);
        self.desk.drain();
        call
    }

    fn detail(&mut self, by: &Operator, command: Command) -> String {
        self.press(by, command).unwrap_err().detail().to_owned()
    }

    fn cause(&self, call: CallId) -> Option<Cause> {
        self.desk.call(call).unwrap().cause.clone()
    }

    fn told(&mut self) -> Vec<String> {
        let effects = self.desk.drain().effects;
        let told = effects.into_iter().filter_map(|effect| {
            if let Effect::Notify { operator, text } = effect
                && operator == pia().id
            {
                Some(text)
            } else {
                None
            }
        });
        told.collect()
    }
}

#[test]
fn a_guest_is_called_and_rings_in_the_hands_of_who_dialled() {
    let mut station = station();
    let call = station.dial(&pia(), "+1 (555) 765-4321").unwrap();
    let drained = station.desk.drain();
    let room = RoomName::Screening(station.episode, call);
    assert_eq!(
        drained.effects,
        [
            Effect::OpenRoom(room),
            Effect::Dial {
                call,
                number: GUEST.into()
            }
        ]
    );
    let view = &station.views(&drained)[0];
    assert_eq!(
        (view.direction, view.status, view.ringing, view.answered_at),
        ("outbound", Stage::Screening, true, None)
    );
    assert_eq!(
        (view.from.as_deref(), &*view.name, &*view.point),
        (Some(GUEST), "Maria", "Her book")
    );
    assert_eq!(view.held_by, Some(pia().id));
    assert_eq!(view.times_called, 0, "they have not called us");
    assert_eq!(station.desk.call(call).unwrap().dialled, "+15550100000");

    let approve = Command::Approve {
        call_id: call,
        next: false,
    };
    assert!(station.detail(&pia(), approve.clone()).contains("answered"));
    station.desk.answered(at(70), call);
    let drained = station.desk.drain();
    let view = &station.views(&drained)[0];
    assert_eq!((view.ringing, view.answered_at), (false, Some(at(70))));
    station.press(&pia(), approve).unwrap();
    assert_eq!(station.stage(call), Stage::OnHold);
}

#[test]
fn a_call_that_comes_back_by_sip_goes_into_its_screening_room() {
    let mut station = station();
    let call = station.dial(&pia(), GUEST).unwrap();
    station.desk.carrier_dials(call, "CA9");
    let arrival = Arrival {
        known: Some(call),
        from: Some("+15550100000".into()),
        ..station.arrival(None)
    };
    let room = RoomName::Screening(station.episode, call);
    let episode = station.episode;
    let admit = Verdict::Admit {
        call,
        room,
        episode,
    };
    assert_eq!(station.desk.arrive(at(70), arrival.clone()), admit);
    let known = station.desk.call(call).unwrap();
    assert_eq!(known.from.as_deref(), Some(GUEST), "not who dials us");
    let twice = Arrival {
        sip_call_id: Some("another".into()),
        ..arrival.clone()
    };
    assert!(matches!(
        station.desk.arrive(at(70), twice),
        Verdict::Refuse { status: 482, .. }
    ));
    station
        .press(&pia(), Command::Drop { call_id: call })
        .unwrap();
    assert!(matches!(
        station.desk.arrive(at(71), arrival),
        Verdict::Refuse { .. }
    ));
}

#[test]
fn roles_decide_who_may_call() {
    for (role, may_dial, may_call_back) in [
        (Role::Admin, true, true),
        (Role::Producer, true, true),
        (Role::Host, true, true),
        (Role::Screener, false, true),
        (Role::CoHost, false, false),
        (Role::Viewer, false, false),
    ] {
        let mut station = station();
        let over = station.ring_off("+15551112222");
        let by = person(9, "Somebody", role);
        let dialled = station.dial(&by, GUEST);
        assert_eq!(dialled.is_ok(), may_dial, "{role:?}: {dialled:?}");
        let back = Command::CallBack {
            call_id: over,
            ids: ids(900),
        };
        let called_back = station.press(&by, back);
        assert_eq!(called_back.is_ok(), may_call_back, "{role:?}");
        for refused in [dialled.err(), called_back.err()].into_iter().flatten() {
            assert_eq!(refused.status(), 403);
        }
    }
}

impl Station {
    /// A caller who is gone again.
    fn ring_off(&mut self, from: &str) -> CallId {
        let Verdict::Admit { call, .. } = self.ring(Some(from)) else {
            panic!("not admitted");
        };
        self.desk.answered(at(1), call);
        let card = Card {
            point: Some("Tolls are too high".into()),
            ..Card::default()
        };
        let ada = self.ada.clone();
        self.press(
            &ada,
            Command::UpdateCard {
                call_id: call,
                card,
            },
        )
        .unwrap();
        self.desk.gone(at(2), call, Cause::CallerHungUp, None);
        call
    }
}

#[test]
fn a_caller_is_called_back_with_their_card() {
    let mut station = station();
    let over = station.ring_off("+15551112222");
    let ada = station.ada.clone();
    let back = |n| Command::CallBack {
        call_id: over,
        ids: ids(n),
    };
    let call = station.press(&ada, back(900)).unwrap().call_id.unwrap();
    let made = station.desk.call(call).unwrap();
    let past = station.desk.call(over).unwrap();
    assert_eq!(made.caller_id, past.caller_id);
    assert_eq!(made.point, "Tolls are too high");
    let caller = station.desk.caller(made.caller_id).unwrap();
    assert_eq!(caller.total_calls, 1, "theirs alone are counted");
    assert!(
        station
            .detail(&ada, back(901))
            .contains("being called already")
    );
    station.desk.answered(at(61), call);
    assert!(station.detail(&ada, back(901)).contains("here already"));
}

#[test]
fn who_cannot_be_called_back_is_said() {
    let mut station = station();
    let ada = station.ada.clone();
    let withheld = station.caller();
    let back = |call_id| Command::CallBack {
        call_id,
        ids: ids(900),
    };
    assert!(station.detail(&ada, back(withheld)).contains("still here"));
    station
        .desk
        .gone(at(2), withheld, Cause::CallerHungUp, None);
    assert!(station.detail(&ada, back(withheld)).contains("withheld"));
    let blocked = station.ring_off("+15551112222");
    let caller = station.desk.call(blocked).unwrap().caller_id;
    station
        .desk
        .change_caller(caller, |caller| caller.blocked = true)
        .unwrap();
    assert!(station.detail(&ada, back(blocked)).contains("blocked"));
    let foreign = station.ring_off("+442071234567");
    assert!(station.detail(&ada, back(foreign)).contains("+1"));
    let inside = station.ring_off("201");
    assert!(station.detail(&ada, back(inside)).contains("short number"));
    let past = station.desk.call(blocked).unwrap().clone();
    let viewer = person(9, "Vic", Role::Viewer);
    let refused = station
        .desk
        .call_back_from_books(at(60), &viewer, &past, ids(900));
    assert_eq!(refused.unwrap_err().status(), 403);
}

#[test]
fn calls_out_have_a_limit_and_need_a_live_episode() {
    let mut station = station();
    for number in ["+15550000001", "+15550000002"] {
        station.dial(&pia(), number).unwrap();
    }
    let full = station.dial(&pia(), GUEST).unwrap_err();
    assert!(full.detail().contains("DIAL_LIMIT"), "{full}");
    let end = Command::EndShow {
        episode_id: station.episode,
    };
    station.press(&pia(), end).unwrap();
    let over = station.dial(&pia(), GUEST).unwrap_err();
    assert!(over.detail().contains("Go live"), "{over}");
}

#[test]
fn without_rules_nobody_is_called() {
    let mut station = Station::on_air();
    let refused = station.dial(&pia(), GUEST).unwrap_err();
    assert_eq!(refused.status(), 409);
    station.desk.set_calls_out(CallsOut {
        needs_own_number: true,
        ..rules()
    });
    let plan = ShowPlan {
        phone_numbers: Some(Vec::new()),
        ..ShowPlan::default()
    };
    station.desk.change_show(ShowId(1), plan).unwrap();
    let refused = station.dial(&pia(), GUEST).unwrap_err();
    assert!(refused.detail().contains("TWILIO_CALLER_ID"), "{refused}");
}

#[test]
fn every_end_of_an_unanswered_call_has_its_cause_and_is_told() {
    for (status, cause) in [
        ("busy", Cause::Busy),
        ("no-answer", Cause::NoAnswer),
        ("failed", Cause::Unreachable),
        ("completed", Cause::CallerHungUp),
        (LEG_FAILED, Cause::NeverArrived),
        ("canceled", Cause::Carrier("canceled".into())),
    ] {
        let mut station = station();
        let call = station.dial(&pia(), GUEST).unwrap();
        station.desk.carrier_ended(at(65), call, status);
        assert_eq!(station.cause(call).as_ref(), Some(&cause));
        let told = station.told();
        assert_eq!(told, [format!("Maria: {}", cause.in_words())]);
    }
    let mut station = station();
    let call = station.dial(&pia(), GUEST).unwrap();
    station.desk.not_dialled(
        at(61),
        call,
        Cause::Carrier("21219".into()),
        "It is not verified.",
    );
    assert_eq!(
        station.told(),
        ["Maria was not called: It is not verified."]
    );
    assert_eq!(station.cause(call), Some(Cause::Carrier("21219".into())));
}

#[test]
fn who_dialled_may_give_up_and_is_not_told_so() {
    let mut station = station();
    let hal = station.hal.clone();
    let call = station.dial(&hal, GUEST).unwrap();
    let ben = station.ben.clone();
    let drop = Command::Drop { call_id: call };
    assert!(station.detail(&ben, drop.clone()).contains("Hal has"));
    station.desk.drain();
    station.press(&hal, drop).unwrap();
    let cause = Cause::Dropped { by: "Hal".into() };
    let effects = station.desk.drain().effects;
    assert_eq!(effects[0], Effect::HangUp { call, cause });
    assert_eq!(
        effects.len(),
        2,
        "the room is closed, nobody is told: {effects:?}"
    );
}

#[test]
fn nobody_answers_for_ever() {
    let mut station = station();
    let call = station.dial(&pia(), GUEST).unwrap();
    assert_eq!(
        station.desk.poll_timeout().map(|(due, _)| due),
        Some(at(120))
    );
    station.desk.handle_timeout(at(119));
    assert_eq!(station.cause(call), None);
    station.desk.handle_timeout(at(120));
    assert_eq!(station.cause(call), Some(Cause::NoAnswer));
    let effects = station.desk.drain().effects;
    let cause = Cause::NoAnswer;
    assert!(effects.contains(&Effect::HangUp { call, cause }));
    assert_eq!(station.desk.poll_timeout(), None);
}

#[test]
fn a_dialler_who_is_away_is_waited_for_only_once_somebody_answered() {
    let mut station = station();
    let ringing = station.dial(&pia(), GUEST).unwrap();
    let talking = station.dial(&pia(), "+15550000001").unwrap();
    station.desk.answered(at(61), talking);
    station.desk.operator_connected(at(62), pia().id, false);
    station.desk.handle_timeout(at(92));
    assert_eq!(station.cause(ringing), Some(Cause::DiallerLeft));
    assert_eq!(station.stage(talking), Stage::Queued);
}

#[test]
fn whom_we_called_is_not_aired_before_they_were_told() {
    let mut station = station();
    let (hal, ada) = (station.hal.clone(), station.ada.clone());
    let call = station.guest();
    let approve = Command::Approve {
        call_id: call,
        next: false,
    };
    station.press(&pia(), approve).unwrap();
    let air = Command::PutOnAir { call_id: call };
    let refused = station.press(&hal, air.clone()).unwrap_err();
    assert_eq!(refused.status(), 409);
    assert!(
        refused.detail().contains("Maria") && refused.detail().contains("47 CFR 73.1206"),
        "{refused}"
    );

    station.desk.drain();
    station
        .press(&ada, Command::RecordConsent { call_id: call })
        .unwrap();
    let drained = station.desk.drain();
    let [entry] = &drained.consents[..] else {
        panic!("{:?}", drained.consents);
    };
    assert!(entry.given && entry.call == call && entry.by.name == "Ada");
    assert!(entry.notice.contains("Road Talk"));
    let view = &station.views(&drained)[0];
    assert_eq!(
        (view.consent_at, view.consent_by.as_deref()),
        (Some(at(60)), Some("Ada"))
    );
    station.press(&hal, air.clone()).unwrap();

    let withdraw = Command::WithdrawConsent { call_id: call };
    assert!(station.detail(&ada, withdraw.clone()).contains("on air"));
    station
        .press(&hal, Command::PutOnHold { call_id: call })
        .unwrap();
    station.press(&ada, withdraw.clone()).unwrap();
    assert!(!station.desk.drain().consents[0].given);
    assert_eq!(station.press(&hal, air).unwrap_err().status(), 409);
    assert!(station.detail(&ada, withdraw).contains("No consent"));
}

#[test]
fn who_calls_us_needs_no_consent_and_viewers_record_none() {
    let mut station = station();
    let call = station.aired();
    assert_eq!(station.stage(call), Stage::OnAir);
    let guest = station.guest();
    for role in [Role::Viewer, Role::CoHost] {
        let command = Command::RecordConsent { call_id: guest };
        let refused = station.press(&person(9, "X", role), command).unwrap_err();
        assert_eq!(refused.status(), 403);
    }
    let unanswered = station.dial(&pia(), "+15550000001").unwrap();
    let command = Command::RecordConsent {
        call_id: unanswered,
    };
    assert!(station.detail(&pia(), command).contains("answered"));
}

#[test]
fn next_passes_over_who_was_not_told_and_names_them_when_designated() {
    let mut station = station();
    let hal = station.hal.clone();
    let episode_id = station.episode;
    let guest = station.guest();
    let approve = Command::Approve {
        call_id: guest,
        next: false,
    };
    station.press(&pia(), approve).unwrap();
    let next = Command::Next { episode_id };
    let refused = station.press(&hal, next.clone()).unwrap_err();
    assert!(refused.detail().contains("Maria"), "{refused}");

    let first = station.held();
    let second = station.held();
    let taken = station.press(&hal, next.clone()).unwrap().call_id;
    assert_eq!(taken, Some(first));

    let designate = Command::SetNext {
        call_id: guest,
        next: true,
    };
    station.press(&pia(), designate).unwrap();
    let refused = station.press(&hal, next.clone()).unwrap_err();
    assert!(refused.detail().contains("Maria"), "{refused}");
    assert_eq!(station.stage(first), Stage::OnAir, "nothing has happened");
    station
        .press(&pia(), Command::RecordConsent { call_id: guest })
        .unwrap();
    assert_eq!(station.press(&hal, next).unwrap().call_id, Some(guest));
    assert_eq!(station.stage(second), Stage::OnHold);
}

fn pass_on(call_id: CallId, target: &str) -> Command {
    Command::Transfer {
        call_id,
        target: target.into(),
    }
}

#[test]
fn a_caller_is_passed_on_to_a_help_line() {
    let mut station = station();
    let ada = station.ada.clone();
    let call = station.held();
    station.desk.drain();
    station.press(&ada, pass_on(call, "lifeline")).unwrap();
    let drained = station.desk.drain();
    let target = "988".to_owned();
    assert_eq!(drained.effects, [Effect::Transfer { call, target }]);
    assert_eq!(
        station.views(&drained)[0].transfer_to.as_deref(),
        Some("Lifeline")
    );
    assert!(
        station
            .detail(&ada, pass_on(call, "Lifeline"))
            .contains("already")
    );
    station.desk.transfer_ended(at(62), call, Ok(()));
    assert_eq!(station.cause(call), Some(Cause::Transferred));
}

#[test]
fn a_transfer_that_is_refused_changes_nothing_and_is_told() {
    let mut station = station();
    let call = station.held();
    station.press(&pia(), pass_on(call, GUEST)).unwrap();
    station.desk.drain();
    station
        .desk
        .transfer_ended(at(62), call, Err("the carrier refuses it."));
    assert_eq!(station.stage(call), Stage::OnHold);
    assert_eq!(station.desk.call(call).unwrap().transfer, None);
    let told = station.told();
    assert!(
        told.len() == 1 && told[0].contains("+15557654321: the carrier refuses it."),
        "{told:?}"
    );
    station.press(&pia(), pass_on(call, GUEST)).unwrap();
    let due = at(160);
    assert_eq!(station.desk.poll_timeout().map(|(due, _)| due), Some(due));
    station.desk.handle_timeout(due);
    assert_eq!(station.desk.call(call).unwrap().transfer, None);
    assert_eq!(station.desk.poll_timeout(), None);
}

#[test]
fn who_hangs_up_while_being_passed_on_has_been_passed_on() {
    let mut station = station();
    let (moved, failed) = (station.held(), station.held());
    for call in [moved, failed] {
        station.press(&pia(), pass_on(call, GUEST)).unwrap();
    }
    station.desk.gone(at(61), moved, Cause::CallerHungUp, None);
    assert_eq!(station.cause(moved), Some(Cause::Transferred));
    station.desk.gone(at(61), failed, Cause::RtpTimeout, None);
    assert_eq!(station.cause(failed), Some(Cause::RtpTimeout));
}

#[test]
fn transfers_are_refused_with_a_sentence() {
    let mut station = station();
    let (ada, ben, hal) = (
        station.ada.clone(),
        station.ben.clone(),
        station.hal.clone(),
    );
    let held = station.held();
    let free = station.detail(&ada, pass_on(held, GUEST));
    assert!(
        free.contains("Lifeline") && free.contains("producer"),
        "{free}"
    );
    assert_eq!(
        station
            .press(&hal, pass_on(held, GUEST))
            .unwrap_err()
            .status(),
        403
    );
    assert!(
        station
            .detail(&pia(), pass_on(held, "911"))
            .contains("emergency")
    );
    let on_air = station.aired();
    assert!(
        station
            .detail(&hal, pass_on(on_air, "Lifeline"))
            .contains("on air")
    );
    let screened = station.caller();
    station
        .press(&ada, Command::PickUp { call_id: screened })
        .unwrap();
    assert!(
        station
            .detail(&ben, pass_on(screened, "Lifeline"))
            .contains("Ada has")
    );
    let ringing = station.dial(&pia(), GUEST).unwrap();
    assert!(
        station
            .detail(&pia(), pass_on(ringing, "Lifeline"))
            .contains("answered")
    );
    let viewer = person(9, "Vic", Role::Viewer);
    assert_eq!(
        station
            .press(&viewer, pass_on(held, "Lifeline"))
            .unwrap_err()
            .status(),
        403
    );

    let by_carrier = Transfers {
        by_line: false,
        by_carrier: true,
    };
    station.desk.set_calls_out(CallsOut {
        transfers: by_carrier,
        ..rules()
    });
    let by_sip = station.detail(&ada, pass_on(held, "Lifeline"));
    assert!(by_sip.contains("cannot be passed on"), "{by_sip}");
}
