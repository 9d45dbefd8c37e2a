//! A station to write down: every field set, and set differently.

use audioroad::{
    domain::{
        Call, CallEvent, CallId, Caller, CallerId, Cause, ConsentEntry, Direction, Episode,
        EpisodeId, EpisodeStatus, NextPolicy, OperatorId, Show, ShowId, Sound, Stage, UnixMs,
        call::{HeldBy, Times},
    },
    store::Record,
};

pub(crate) const NOON: UnixMs = UnixMs(1_790_000_000_123);

pub(crate) fn show() -> Show {
    Show {
        id: ShowId(1),
        name: "Overnight “Ü” 📻".to_owned(),
        slug: "overnight".to_owned(),
        phone_numbers: vec!["+15550002".to_owned(), "+15550001".to_owned()],
        next_policy: NextPolicy::Hold,
        first: true,
        created_at: NOON,
    }
}

pub(crate) fn episode() -> Episode {
    Episode {
        id: EpisodeId(2),
        show_id: ShowId(1),
        number: 41,
        title: "Trains".to_owned(),
        status: EpisodeStatus::Live,
        lines_open: true,
        busy_all: true,
        ducking: true,
        scheduled_at: Some(NOON),
        started_at: Some(NOON.plus_ms(1)),
        ended_at: None,
        hold_order: vec![CallId(9), CallId(u128::MAX)],
        next: Some(CallId(9)),
    }
}

pub(crate) fn caller() -> Caller {
    Caller {
        id: CallerId(3),
        number: Some("+15551234".to_owned()),
        name: "Bea".to_owned(),
        location: "Reno".to_owned(),
        email: "bea@example.org".to_owned(),
        notes: "Drives a train;\n\"laughs\"".to_owned(),
        blocked: true,
        vip: true,
        first_call_at: NOON.plus_ms(-1_000_000),
        last_call_at: NOON,
        total_calls: 7,
    }
}

/// On hold after a first turn of 61.5 s on air.
pub(crate) fn call() -> Call {
    Call {
        id: CallId(4),
        show_id: Some(ShowId(1)),
        episode_id: Some(EpisodeId(2)),
        caller_id: CallerId(3),
        from: Some("+15551234".to_owned()),
        stage: Stage::OnHold,
        dialled: "+15550001".to_owned(),
        direction: Direction::Inbound,
        previous_call_at: None,
        point: "Why trains".to_owned(),
        notes: "calm".to_owned(),
        priority: -2,
        screener: Some(HeldBy {
            id: OperatorId(5),
            name: "Ada".to_owned(),
        }),
        muted: true,
        sound: Sound::default(),
        times: Times {
            queued: NOON,
            answered: Some(NOON.plus_ms(10)),
            screening: Some(NOON.plus_ms(20)),
            held: Some(NOON.plus_ms(30)),
            on_air: None,
            first_on_air: Some(NOON.plus_ms(40)),
            ended: None,
            on_air_ms_before: 61_500,
        },
        cause: None,
        twilio_call_sid: Some("CA1".to_owned()),
        sip_call_id: Some("abc@carrier".to_owned()),
        line_up: false,
        quality: None,
        consent: None,
        consent_entries: 0,
        transfer: None,
        by_voice_api: false,
    }
}

pub(crate) fn completed(call: Call, cause: Cause) -> Call {
    let times = Times {
        ended: Some(call.times.queued.plus_ms(90_999)),
        ..call.times
    };
    Call {
        stage: Stage::Completed,
        cause: Some(cause),
        times,
        ..call
    }
}

/// Ada told the caller, as the `number`th entry and as many milliseconds after the call came in.
pub(crate) fn consent(given: bool, number: i32) -> ConsentEntry {
    ConsentEntry {
        call: CallId(4),
        number,
        caller: CallerId(3),
        at: NOON.plus_ms(number.into()),
        given,
        by: HeldBy {
            id: OperatorId(5),
            name: "Ada".to_owned(),
        },
        notice: "You will be on air.".to_owned(),
    }
}

pub(crate) fn event(what: &'static str) -> CallEvent {
    CallEvent {
        call: CallId(4),
        at: NOON.plus_ms(20),
        what,
        by: Some(OperatorId(5)),
        detail: "from the lobby".to_owned(),
    }
}

/// What a call refers to.
pub(crate) fn station() -> Vec<Record> {
    vec![
        Record::show(&show()),
        Record::episode(&episode()),
        Record::caller(&caller()),
    ]
}

/// The `n`th of many calls, as it arrives and as it ends, with an event for each.
pub(crate) fn short_call(n: u128) -> Vec<Record> {
    let arrived = Call {
        id: CallId(1000 + n),
        stage: Stage::Queued,
        twilio_call_sid: None,
        times: Times {
            queued: NOON.plus_ms(n as i64),
            ..Times::default()
        },
        ..call()
    };
    let about = |what, at| CallEvent {
        call: arrived.id,
        at,
        ..event(what)
    };
    vec![
        Record::call(&arrived, true),
        Record::event(&format!("arrived-{n}"), &about("arrived", NOON)),
        Record::call(&completed(arrived.clone(), Cause::CallerHungUp), true),
        Record::event(&format!("ended-{n}"), &about("ended", NOON.plus_ms(1))),
    ]
}
