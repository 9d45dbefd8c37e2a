//! Rows: what was written reads back the same, twice is once, and the queries say what they should.

use audioroad::{
    domain::{
        Call, CallId, Caller, CallerId, Cause, Direction, Episode, EpisodeId, EpisodeStatus,
        Operator, OperatorId, Role, Show, ShowId, Stage, UnixMs,
        call::{Consent, Times},
    },
    store::{
        AnyConnection,
        migrate::migrate,
        models::{Account, CallRow, CallerRow, ConsentRow, EpisodeRow, EventRow, ShowRow},
        queries::{self, CallFilter},
    },
};
use diesel::{
    RunQueryDsl as _,
    result::{DatabaseErrorKind, Error},
};

use crate::{Database, on_both, postgres::Postgres, sample};

on_both!(
    migrations_run_once,
    the_station_reads_back,
    every_writing_is_idempotent,
    a_number_moves_to_the_show_that_claims_it,
    calls_read_back_in_every_state,
    a_completed_call_stays_completed,
    withheld_numbers_are_callers_of_their_own,
    callers_come_in_batches,
    calls_are_listed_newest_first,
    events_are_written_once,
    the_latest_consent_counts_and_all_are_kept,
    a_crash_closes_open_calls,
    operators_have_one_name_each,
    a_row_that_cannot_be_read_is_left_out,
    statuses_are_checked,
);

fn write_show(connection: &mut AnyConnection, show: &Show) {
    let (row, numbers) = ShowRow::of(show);
    queries::upsert_show(connection, &row, &numbers).unwrap();
}

fn write_episode(connection: &mut AnyConnection, episode: &Episode) {
    queries::upsert_episode(connection, &EpisodeRow::from(episode)).unwrap();
}

fn write_caller(connection: &mut AnyConnection, caller: &Caller) {
    queries::upsert_caller(connection, &CallerRow::from(caller)).unwrap();
}

fn write_call(connection: &mut AnyConnection, call: &Call) {
    queries::upsert_call(connection, &CallRow::of(call, true)).unwrap();
}

fn write_station(connection: &mut AnyConnection) {
    write_show(connection, &sample::show());
    write_episode(connection, &sample::episode());
    write_caller(connection, &sample::caller());
}

fn callers(connection: &mut AnyConnection) -> Vec<Caller> {
    let mut found = Vec::new();
    queries::each_caller(connection, 2, |caller| found.push(caller)).unwrap();
    found
}

fn read_call(connection: &mut AnyConnection, id: CallId) -> Call {
    queries::call_by_id(connection, id).unwrap().unwrap().call
}

fn sql(connection: &mut AnyConnection, statement: &str) -> diesel::QueryResult<usize> {
    diesel::sql_query(statement).execute(connection)
}

fn migrations_run_once(database: &Database) {
    let pool = database.pool();
    assert_eq!(migrate(&mut pool.get().unwrap()).unwrap().len(), 2);
    assert_eq!(migrate(&mut pool.get().unwrap()).unwrap().len(), 0);
}

fn the_station_reads_back(database: &Database) {
    let pool = database.migrated();
    let connection = &mut *pool.get().unwrap();
    assert_eq!(
        queries::load_opening(connection).unwrap(),
        queries::Opening::default()
    );

    let second = Show {
        id: ShowId(11),
        slug: "b".into(),
        phone_numbers: vec![],
        first: false,
        ..sample::show()
    };
    let ended = Episode {
        id: EpisodeId(12),
        number: 77,
        status: EpisodeStatus::Ended,
        ended_at: Some(sample::NOON),
        hold_order: vec![],
        next: None,
        ..sample::episode()
    };
    write_station(connection);
    write_show(connection, &second);
    write_episode(connection, &ended);
    write_call(connection, &sample::call());

    let opening = queries::load_opening(connection).unwrap();
    assert_eq!(opening.shows, [sample::show(), second]);
    assert_eq!(opening.episodes, [sample::episode()]);
    assert_eq!(opening.last_numbers, [(ShowId(1), 77)].into());
    assert_eq!(opening.open_calls, [sample::call()]);
    assert_eq!(callers(connection), [sample::caller()]);
    assert_eq!(
        queries::list_episodes(connection, None, 10).unwrap(),
        [ended.clone(), sample::episode()]
    );
    assert_eq!(
        queries::list_episodes(connection, Some(ShowId(1)), 1).unwrap(),
        [ended]
    );
    assert_eq!(
        queries::list_episodes(connection, Some(ShowId(11)), 10).unwrap(),
        []
    );
}

fn every_writing_is_idempotent(database: &Database) {
    let pool = database.migrated();
    let connection = &mut *pool.get().unwrap();
    for _ in 0..2 {
        write_station(connection);
        write_call(connection, &sample::call());
    }
    let changed = Caller {
        name: "Beatrice".into(),
        number: None,
        ..sample::caller()
    };
    write_caller(connection, &changed);

    let opening = queries::load_opening(connection).unwrap();
    assert_eq!(opening.shows, [sample::show()]);
    assert_eq!(opening.episodes, [sample::episode()]);
    assert_eq!(opening.open_calls, [sample::call()]);
    assert_eq!(callers(connection), [changed]);
}

fn a_number_moves_to_the_show_that_claims_it(database: &Database) {
    let pool = database.migrated();
    let connection = &mut *pool.get().unwrap();
    let other = Show {
        id: ShowId(11),
        slug: "b".into(),
        phone_numbers: vec!["+15550001".into()],
        ..sample::show()
    };
    write_show(connection, &sample::show());
    write_show(connection, &other);

    let shows = queries::load_opening(connection).unwrap().shows;
    assert_eq!(shows[0].phone_numbers, ["+15550002"]);
    assert_eq!(shows[1].phone_numbers, ["+15550001"]);
}

fn calls_read_back_in_every_state(database: &Database) {
    let pool = database.migrated();
    let connection = &mut *pool.get().unwrap();
    write_station(connection);
    let bare = Call {
        id: CallId(40),
        show_id: None,
        episode_id: None,
        from: None,
        stage: Stage::Queued,
        direction: Direction::Outbound,
        screener: None,
        muted: false,
        times: Times {
            queued: sample::NOON,
            ..Times::default()
        },
        twilio_call_sid: None,
        sip_call_id: None,
        ..sample::call()
    };
    let on_air = Call {
        id: CallId(41),
        stage: Stage::OnAir,
        times: Times {
            on_air: Some(UnixMs(1_790_000_100_000)),
            ..sample::call().times
        },
        twilio_call_sid: None,
        ..sample::call()
    };
    let screening = Call {
        id: CallId(42),
        stage: Stage::Screening,
        twilio_call_sid: None,
        ..sample::call()
    };
    let dropped = completed(43, Cause::Dropped { by: "Zoë".into() });
    let failed = completed(44, Cause::SipError(503));
    let carrier = completed(45, Cause::Carrier("no-answer".into()));
    for call in [
        sample::call(),
        bare,
        on_air,
        screening,
        dropped,
        failed,
        carrier,
    ] {
        write_call(connection, &call);
        let entry = queries::call_by_id(connection, call.id).unwrap().unwrap();
        assert_eq!(entry.call, call);
        assert_eq!(entry.caller, sample::caller());
    }
    assert_eq!(queries::call_by_id(connection, CallId(99)).unwrap(), None);
}

fn completed(id: u128, cause: Cause) -> Call {
    let call = Call {
        id: CallId(id),
        twilio_call_sid: None,
        ..sample::call()
    };
    sample::completed(call, cause)
}

fn a_completed_call_stays_completed(database: &Database) {
    let pool = database.migrated();
    let connection = &mut *pool.get().unwrap();
    write_station(connection);
    let ended = sample::completed(sample::call(), Cause::CallerHungUp);
    write_call(connection, &ended);

    write_call(connection, &sample::call());
    assert_eq!(read_call(connection, ended.id), ended);

    let noted = Call {
        notes: "rang off".into(),
        ..ended
    };
    write_call(connection, &noted);
    assert_eq!(read_call(connection, noted.id), noted);
}

fn withheld_numbers_are_callers_of_their_own(database: &Database) {
    let pool = database.migrated();
    let connection = &mut *pool.get().unwrap();
    for id in [3, 4] {
        write_caller(
            connection,
            &Caller {
                id: CallerId(id),
                number: None,
                ..sample::caller()
            },
        );
    }
    assert_eq!(callers(connection).len(), 2);

    write_caller(
        connection,
        &Caller {
            id: CallerId(5),
            ..sample::caller()
        },
    );
    let same_number = CallerRow::from(&Caller {
        id: CallerId(6),
        ..sample::caller()
    });
    let refused = queries::upsert_caller(connection, &same_number).unwrap_err();
    assert!(
        matches!(
            refused,
            Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _)
        ),
        "{refused}"
    );
}

fn callers_come_in_batches(database: &Database) {
    let pool = database.migrated();
    let connection = &mut *pool.get().unwrap();
    let all: Vec<Caller> = (0..7)
        .map(|id| Caller {
            id: CallerId(id),
            number: None,
            ..sample::caller()
        })
        .collect();
    for caller in all.iter().rev() {
        write_caller(connection, caller);
    }
    for batch_rows in [1, 3, 7, 100] {
        let mut found = Vec::new();
        queries::each_caller(connection, batch_rows, |caller| found.push(caller)).unwrap();
        assert_eq!(found, all, "{batch_rows} at a time");
    }
}

/// In the order of their ids: 1 is another caller's, 2 of no episode, 3 completed.
fn write_four_calls(connection: &mut AnyConnection) {
    write_station(connection);
    write_caller(
        connection,
        &Caller {
            id: CallerId(30),
            number: None,
            ..sample::caller()
        },
    );
    for n in 0..4 {
        let call = Call {
            id: CallId(n),
            caller_id: CallerId(if n == 1 { 30 } else { 3 }),
            episode_id: (n != 2).then_some(EpisodeId(2)),
            times: Times {
                queued: UnixMs(n as i64),
                ..Times::default()
            },
            twilio_call_sid: None,
            ..sample::call()
        };
        write_call(
            connection,
            &if n == 3 {
                sample::completed(call, Cause::Shutdown)
            } else {
                call
            },
        );
    }
}

fn calls_are_listed_newest_first(database: &Database) {
    let pool = database.migrated();
    let connection = &mut *pool.get().unwrap();
    write_four_calls(connection);
    let mut ids = |filter: CallFilter| -> Vec<u128> {
        queries::list_calls(connection, &filter)
            .unwrap()
            .iter()
            .map(|entry| entry.call.id.0)
            .collect()
    };
    let all = CallFilter::default();
    let completed = CallFilter {
        stage: Some(Stage::Completed),
        ..all
    };
    assert_eq!(ids(all), [3, 2, 1, 0]);
    assert_eq!(ids(completed), [3]);
    assert_eq!(
        ids(CallFilter {
            rows_max: Some(2),
            ..all
        }),
        [3, 2]
    );
    assert_eq!(
        ids(CallFilter {
            episode: Some(EpisodeId(2)),
            ..all
        }),
        [3, 1, 0]
    );
    assert_eq!(
        ids(CallFilter {
            caller: Some(CallerId(30)),
            ..all
        }),
        [1]
    );
    assert_eq!(
        ids(CallFilter {
            caller: Some(CallerId(30)),
            ..completed
        }),
        []
    );
}

fn events_are_written_once(database: &Database) {
    let pool = database.migrated();
    let connection = &mut *pool.get().unwrap();
    write_station(connection);
    write_call(connection, &sample::call());
    let rows = [
        EventRow::of("e1", &sample::event("arrived")),
        EventRow::of("e2", &sample::event("picked-up")),
    ];
    for row in rows.iter().chain(&rows) {
        queries::insert_event(connection, row).unwrap();
    }
    assert_eq!(
        queries::events_of_call(connection, CallId(4)).unwrap(),
        rows
    );
    assert_eq!(queries::events_of_call(connection, CallId(5)).unwrap(), []);
}

fn the_latest_consent_counts_and_all_are_kept(database: &Database) {
    let pool = database.migrated();
    let connection = &mut *pool.get().unwrap();
    write_station(connection);
    write_call(connection, &sample::call());
    let rows = [
        ConsentRow::of(&sample::consent(true, 1)),
        ConsentRow::of(&sample::consent(false, 2)),
        ConsentRow::of(&sample::consent(true, 3)),
    ];
    let given = Consent {
        at: sample::NOON.plus_ms(3),
        by: sample::consent(true, 3).by,
    };
    for (written, standing) in [(1, Some(1)), (2, None), (3, Some(3))] {
        for row in rows[..written].iter().chain(&rows[..written]) {
            queries::insert_consent(connection, row).unwrap();
        }
        let consent = read_call(connection, CallId(4)).consent;
        let at = consent.as_ref().map(|consent| consent.at);
        assert_eq!(at, standing.map(|ms| sample::NOON.plus_ms(ms)));
    }
    let listed = queries::list_calls(connection, &CallFilter::default()).unwrap();
    assert_eq!(listed[0].call.consent, Some(given));
    assert_eq!(
        queries::consents_of_caller(connection, CallerId(3)).unwrap(),
        rows
    );
    let refused = sql(connection, "DELETE FROM calls").unwrap_err();
    assert!(
        matches!(
            refused,
            Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _)
        ),
        "a call with a consent on record stays: {refused}"
    );
}

fn a_crash_closes_open_calls(database: &Database) {
    let pool = database.migrated();
    let connection = &mut *pool.get().unwrap();
    write_station(connection);
    let on_air = Call {
        stage: Stage::OnAir,
        times: Times {
            on_air: Some(UnixMs(sample::NOON.0 + 60_000)),
            ..sample::call().times
        },
        ..sample::call()
    };
    let ended = completed(43, Cause::CallerHungUp);
    write_call(connection, &on_air);
    write_call(connection, &ended);

    let now = sample::NOON.plus_ms(70_000);
    assert_eq!(
        queries::close_open_calls(connection, now, &Cause::SwitchRestarted).unwrap(),
        [on_air.id]
    );
    assert_eq!(
        queries::close_open_calls(connection, now, &Cause::SwitchRestarted).unwrap(),
        []
    );

    let closed = read_call(connection, on_air.id);
    assert_eq!(
        (closed.stage, closed.cause.as_ref()),
        (Stage::Completed, Some(&Cause::SwitchRestarted))
    );
    assert_eq!(
        (closed.on_air_seconds(now), closed.duration_seconds(now)),
        (71, 70)
    );
    assert_eq!((closed.times.on_air, closed.times.ended), (None, Some(now)));
    assert_eq!(read_call(connection, ended.id), ended);
}

fn operators_have_one_name_each(database: &Database) {
    let pool = database.migrated();
    let connection = &mut *pool.get().unwrap();
    let roles = [
        Role::Admin,
        Role::Host,
        Role::CoHost,
        Role::Producer,
        Role::Screener,
        Role::Viewer,
    ];
    let mut accounts: Vec<Account> = roles
        .into_iter()
        .zip(0..)
        .map(|(role, n)| Account {
            operator: Operator {
                id: OperatorId(n),
                name: format!("Örjan {n}"),
                role,
            },
            password_hash: (n > 0).then(|| "$argon2id$…".to_owned()),
            disabled: n == 2,
            created_at: sample::NOON,
        })
        .collect();
    for account in &accounts {
        queries::insert_account(connection, account).unwrap();
    }
    assert_eq!(queries::list_accounts(connection).unwrap(), accounts);
    assert_eq!(
        queries::operator_by_name(connection, " öRJAN 3")
            .unwrap()
            .as_ref(),
        Some(&accounts[3])
    );
    assert_eq!(
        queries::operator_by_name(connection, "nobody").unwrap(),
        None
    );

    let mut double = accounts[3].clone();
    double.operator = Operator {
        id: OperatorId(99),
        name: "ÖRJAN 3".into(),
        role: Role::Host,
    };
    let refused = queries::insert_account(connection, &double).unwrap_err();
    assert!(
        matches!(
            refused,
            Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _)
        ),
        "{refused}"
    );
    assert!(!queries::update_account(connection, &double).unwrap());

    accounts[3].disabled = true;
    accounts[3].password_hash = None;
    assert!(queries::update_account(connection, &accounts[3]).unwrap());
    assert_eq!(queries::list_accounts(connection).unwrap(), accounts);
}

fn a_row_that_cannot_be_read_is_left_out(database: &Database) {
    let pool = database.migrated();
    let connection = &mut *pool.get().unwrap();
    write_station(connection);
    write_call(connection, &sample::call());
    sql(connection, "UPDATE episodes SET hold_order = 'soon'").unwrap();
    sql(connection, "UPDATE calls SET cause = 'weather'").unwrap();

    let opening = queries::load_opening(connection).unwrap();
    assert_eq!(opening.shows, [sample::show()]);
    assert_eq!((opening.episodes, opening.open_calls), (vec![], vec![]));
    let refused = queries::call_by_id(connection, CallId(4)).unwrap_err();
    assert!(refused.to_string().contains("cause"), "{refused}");
}

fn statuses_are_checked(database: &Database) {
    let pool = database.migrated();
    let connection = &mut *pool.get().unwrap();
    write_station(connection);
    write_call(connection, &sample::call());
    for statement in [
        "UPDATE calls SET status = 'away'",
        "UPDATE calls SET direction = 'sideways'",
        "UPDATE episodes SET status = 'on'",
        "UPDATE shows SET next_policy = 'never'",
    ] {
        let refused = sql(connection, statement).unwrap_err();
        assert!(
            matches!(
                refused,
                Error::DatabaseError(DatabaseErrorKind::CheckViolation, _)
            ),
            "{statement}: {refused}"
        );
    }
    let refused = sql(connection, "UPDATE calls SET caller_id = 'nobody'").unwrap_err();
    assert!(
        matches!(
            refused,
            Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _)
        ),
        "{refused}"
    );
}

#[test]
fn on_postgres_another_role_sees_no_caller() {
    let server = Postgres::shared();
    let text = server.database();
    let name = text.split(['/', '?']).nth(3).unwrap();
    let database = Database {
        url: text.parse().unwrap(),
        _folder: None,
    };
    write_station(&mut database.migrated().get().unwrap());

    let count = "SELECT count(*) FROM callers";
    assert_eq!(server.sql(name, count), "1");
    let as_other = format!(
        "CREATE ROLE other_{name}; GRANT SELECT ON ALL TABLES IN SCHEMA public TO other_{name}; SET ROLE other_{name}; {count}"
    );
    assert_eq!(server.sql(name, &as_other), "0");
}
