//! Calls that come in, shows they come to, callers who are known.

use super::*;

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
        station.views(&drained).iter().all(|view| view.id != call),
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
