//! The journal: nothing lost, nothing doubled, whatever ends the process.

use std::{
    fs::{self, OpenOptions},
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use audioroad::{
    domain::{Call, CallId, Caller, CallerId, Cause, Show, ShowId, UnixMs},
    store::{
        Follower, Journal, Pool, Record,
        journal::{JournalError, Limits, Pace, Progress},
        queries::{self, CallFilter},
    },
};
use diesel::{QueryableByName, RunQueryDsl as _, sql_types::BigInt};

use crate::{Database, on_both, sample};

on_both!(
    what_is_appended_gets_written,
    records_of_a_dead_process_are_written_by_the_next,
    a_replay_changes_nothing,
    a_torn_end_is_cut_off,
    a_damaged_line_holds_up_nobody,
    a_record_at_fault_holds_up_nobody,
    a_claimed_value_costs_the_value_not_the_record,
    ten_thousand_records,
);

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn open(folder: &Path) -> Journal {
    Journal::open(folder, Limits::default()).unwrap()
}

pub(crate) fn follow(journal: &Journal, pool: Pool) -> Follower {
    let pace = Pace {
        gather: Duration::from_millis(20),
        retry_first: Duration::from_millis(5),
        retry_longest: Duration::from_millis(50),
        sync_every: Duration::from_millis(20),
    };
    Follower::start(journal, pool, pace, || sample::NOON).unwrap()
}

pub(crate) fn file_length(folder: &Path) -> u64 {
    fs::metadata(folder.join("journal.jsonl")).unwrap().len()
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

pub(crate) fn count(pool: &Pool, table: &str) -> i64 {
    let query = diesel::sql_query(format!("SELECT count(*) AS rows FROM {table}"));
    let count: Count = query.get_result(&mut *pool.get().unwrap()).unwrap();
    count.rows
}

fn what_is_appended_gets_written(database: &Database) {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    let follower = follow(&journal, database.pool());
    // In any order: what others refer to is written first.
    let mut records = station_and_call();
    records.reverse();
    journal.append(&records).unwrap();
    assert!(journal.flush(PATIENCE));

    let pool = database.pool();
    let opening = queries::load_opening(&mut pool.get().unwrap()).unwrap();
    assert_eq!(opening.shows, [sample::show()]);
    assert_eq!(opening.episodes, [sample::episode()]);
    assert_eq!(opening.open_calls, [sample::call()]);
    let events = queries::events_of_call(&mut pool.get().unwrap(), CallId(4)).unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(journal.health().progress, Progress::Ok);

    assert!(follower.stop(PATIENCE));
    assert_eq!(file_length(folder.path()), 0);
}

fn station_and_call() -> Vec<Record> {
    let mut records = sample::station();
    records.push(Record::call(&sample::call(), true));
    records.push(Record::event("e1", &sample::event("arrived")));
    records
}

fn records_of_a_dead_process_are_written_by_the_next(database: &Database) {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    first.append(&sample::station()).unwrap();
    first.append(&sample::short_call(1)).unwrap();
    drop(first);

    let second = open(folder.path());
    second.append(&sample::short_call(2)).unwrap();
    let follower = follow(&second, database.pool());
    assert!(second.flush(PATIENCE));
    assert_eq!(count(&database.pool(), "calls"), 2);
    assert_eq!(count(&database.pool(), "call_events"), 4);
    assert!(follower.stop(PATIENCE));
}

fn a_replay_changes_nothing(database: &Database) {
    let folder = tempfile::tempdir().unwrap();
    let (file, saved) = (
        folder.path().join("journal.jsonl"),
        folder.path().join("saved"),
    );
    let journal = open(folder.path());
    journal.append(&station_and_call()).unwrap();
    journal
        .append(&[Record::call(
            &sample::completed(sample::call(), Cause::BusyAll),
            true,
        )])
        .unwrap();
    fs::copy(&file, &saved).unwrap();
    assert!(follow(&journal, database.pool()).stop(PATIENCE));
    drop(journal);

    // As if the process had died after the database's commit and before it noted so.
    fs::copy(&saved, &file).unwrap();
    let journal = open(folder.path());
    assert!(follow(&journal, database.pool()).stop(PATIENCE));
    assert_eq!(count(&database.pool(), "call_events"), 1);
    let calls =
        queries::list_calls(&mut database.pool().get().unwrap(), &CallFilter::default()).unwrap();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].call.cause, Some(Cause::BusyAll));
}

fn a_torn_end_is_cut_off(database: &Database) {
    for torn in [
        &b"7"[..],
        b"deadbeef {\"call\":",
        b"00000000 {}\n",
        b"\0\0\0\0",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path());
        journal.append(&sample::station()).unwrap();
        drop(journal);
        let whole = file_length(folder.path());
        append_bytes(folder.path(), torn);

        let journal = open(folder.path());
        assert_eq!(file_length(folder.path()), whole);
        journal.append(&sample::short_call(1)).unwrap();
        assert!(follow(&journal, database.pool()).stop(PATIENCE));
        assert_eq!(journal.health().rejected, 0);
        assert_eq!(count(&database.pool(), "calls"), 1);
    }
}

fn append_bytes(folder: &Path, bytes: &[u8]) {
    let mut file = OpenOptions::new()
        .append(true)
        .open(folder.join("journal.jsonl"))
        .unwrap();
    file.write_all(bytes).unwrap();
}

fn a_damaged_line_holds_up_nobody(database: &Database) {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    journal.append(&sample::station()).unwrap();
    drop(journal);
    let sound = fs::read(folder.path().join("journal.jsonl")).unwrap();
    append_bytes(folder.path(), b"00000000 {\"scratched\n");
    // A sound line behind it: not a torn end.
    append_bytes(
        folder.path(),
        sound.split_inclusive(|&byte| byte == b'\n').next().unwrap(),
    );

    let journal = open(folder.path());
    journal.append(&sample::short_call(1)).unwrap();
    assert!(follow(&journal, database.pool()).stop(PATIENCE));
    assert_eq!(count(&database.pool(), "calls"), 1);
    assert_eq!(journal.health().rejected, 1);
    let rejected = fs::read_to_string(folder.path().join("journal-rejected.jsonl")).unwrap();
    assert!(rejected.contains("scratched"), "{rejected}");
}

fn a_record_at_fault_holds_up_nobody(database: &Database) {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    let follower = follow(&journal, database.pool());
    journal.append(&sample::station()).unwrap();
    let orphan = Call {
        id: CallId(66),
        caller_id: CallerId(404),
        twilio_call_sid: None,
        ..sample::call()
    };
    journal.append(&[Record::call(&orphan, true)]).unwrap();
    journal.append(&sample::short_call(1)).unwrap();
    assert!(journal.flush(PATIENCE));

    assert_eq!(count(&database.pool(), "calls"), 1);
    assert_eq!(journal.health().rejected, 1);
    let rejected = fs::read_to_string(folder.path().join("journal-rejected.jsonl")).unwrap();
    assert!(rejected.contains(&orphan.id.to_string()), "{rejected}");
    assert!(follower.stop(PATIENCE));
}

fn a_claimed_value_costs_the_value_not_the_record(database: &Database) {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    let follower = follow(&journal, database.pool());
    journal.append(&station_and_call()).unwrap();
    let show = Show {
        id: ShowId(11),
        phone_numbers: vec![],
        ..sample::show()
    };
    let caller = Caller {
        id: CallerId(33),
        ..sample::caller()
    };
    let call = Call {
        id: CallId(44),
        caller_id: caller.id,
        ..sample::call()
    };
    journal
        .append(&[
            Record::show(&show),
            Record::caller(&caller),
            Record::call(&call, true),
        ])
        .unwrap();
    assert!(follower.stop(PATIENCE));

    assert_eq!(journal.health().rejected, 0);
    let entry = queries::call_by_id(&mut database.pool().get().unwrap(), call.id)
        .unwrap()
        .unwrap();
    assert_eq!(
        entry.call,
        Call {
            twilio_call_sid: None,
            ..call
        }
    );
    assert_eq!(
        entry.caller,
        Caller {
            number: None,
            ..caller
        }
    );
    let shows = queries::load_opening(&mut database.pool().get().unwrap())
        .unwrap()
        .shows;
    assert_eq!(shows[1].slug, format!("overnight-{}", show.id));
}

fn ten_thousand_records(database: &Database) {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        idle_bytes_max: 0,
        ..Limits::default()
    };
    let journal = Journal::open(folder.path(), limits).unwrap();
    let follower = follow(&journal, database.pool());
    journal.append(&sample::station()).unwrap();
    for n in 0..2500 {
        journal.append(&sample::short_call(n)).unwrap();
    }
    assert!(journal.flush(PATIENCE));
    assert_eq!(
        count(&database.pool(), "calls WHERE status = 'completed'"),
        2500
    );
    assert_eq!(count(&database.pool(), "call_events"), 5000);
    assert!(follower.stop(PATIENCE));
    assert_eq!(file_length(folder.path()), 0);
}

/// What the next test kills: it appends until then, and says what the journal has taken.
#[test]
#[ignore = "started by a_killed_process_loses_nothing_it_had_appended"]
fn appends_until_it_is_killed() {
    let Some(folder) = std::env::var_os(KILLED_FOLDER) else {
        return;
    };
    let journal = open(Path::new(&folder));
    journal.append(&sample::station()).unwrap();
    for n in 0.. {
        journal.append(&sample::short_call(n)).unwrap();
        println!("taken {n}");
    }
}

const KILLED_FOLDER: &str = "AUDIOROAD_TEST_KILLED_FOLDER";

#[test]
fn a_killed_process_loses_nothing_it_had_appended() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "journal::appends_until_it_is_killed",
            "--ignored",
            "--nocapture",
        ])
        .env(KILLED_FOLDER, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stdout.take().unwrap());
    let taken = said
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| line.split("taken ").nth(1)?.parse::<i64>().ok())
        .inspect(|&n| {
            if n == 500 {
                child.kill().unwrap();
            }
        })
        .last()
        .unwrap();
    child.wait().unwrap();

    let database = Database::sqlite();
    let journal = open(folder.path());
    assert!(follow(&journal, database.pool()).stop(PATIENCE));
    let calls = count(&database.pool(), "calls");
    assert!(
        calls > taken,
        "{calls} calls in the books, {} taken",
        taken + 1
    );
    assert!(count(&database.pool(), "call_events") > taken * 2);
    assert_eq!(journal.health().rejected, 0);
}

#[test]
fn one_process_per_folder() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    let second = Journal::open(folder.path(), Limits::default());
    assert!(matches!(second, Err(JournalError::InUse)));
    drop(journal);
    open(folder.path());
}

#[test]
fn a_full_journal_refuses_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        file_bytes_max: 4000,
        idle_bytes_max: 0,
    };
    let journal = Journal::open(folder.path(), limits).unwrap();
    journal.append(&sample::station()).unwrap();
    let refused = loop {
        if let Err(error) = journal.append(&sample::short_call(1)) {
            break error;
        }
    };
    assert!(matches!(refused, JournalError::Full));
    assert!(file_length(folder.path()) <= 4000);
    let health = journal.health();
    assert_eq!((health.refusing, health.refused), (true, 4));
    assert_eq!(health.progress, Progress::Ok);

    let database = Database::sqlite();
    let follower = follow(&journal, database.pool());
    assert!(journal.flush(PATIENCE));
    // Emptied a moment after the flush.
    while journal.append(&sample::short_call(2)).is_err() {
        std::thread::yield_now();
    }
    assert!(!journal.health().refusing);
    assert!(follower.stop(PATIENCE));
    assert_eq!(count(&database.pool(), "calls"), 2);
}

#[test]
fn without_a_database_flush_gives_up_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    journal.append(&sample::station()).unwrap();
    assert!(!journal.flush(Duration::from_millis(1)));
    assert_eq!(journal.health().progress, Progress::Ok);
    for n in 0..100 {
        journal.append(&sample::short_call(n)).unwrap();
    }
    assert_eq!(journal.health().progress, Progress::Behind { records: 403 });
}

#[test]
fn a_text_of_any_kind_can_be_stored() {
    for database in [Database::sqlite(), Database::postgres()] {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path());
        let loud = "\0é📻".repeat(30_000);
        let caller = Caller {
            number: Some(loud.clone()),
            name: loud.clone(),
            notes: loud.clone(),
            ..sample::caller()
        };
        let call = Call {
            from: Some(loud.clone()),
            dialled: loud.clone(),
            point: loud.clone(),
            notes: loud.clone(),
            twilio_call_sid: Some(loud.clone()),
            sip_call_id: Some(loud.clone()),
            cause: Some(Cause::Carrier(loud)),
            ..sample::call()
        };
        journal.append(&sample::station()).unwrap();
        journal
            .append(&[Record::caller(&caller), Record::call(&call, true)])
            .unwrap();
        assert!(follow(&journal, database.pool()).stop(PATIENCE));
        assert_eq!(journal.health().rejected, 0);
        let entry = queries::call_by_id(&mut database.pool().get().unwrap(), call.id)
            .unwrap()
            .unwrap();
        assert_eq!(entry.call.dialled, "\u{fffd}é📻".repeat(85));
        assert_eq!(entry.call.times.queued, UnixMs(sample::NOON.0));
    }
}
