//! The database goes away during the show: calls go on, and nothing is lost or doubled.

use std::{fs, time::Duration};

use audioroad::store::journal::{Journal, Progress};

use crate::{
    Database, Postgres,
    journal::{PATIENCE, count, follow, open},
    sample,
};

/// Until the follower has noticed.
fn wait_until_down(journal: &Journal) {
    while !matches!(
        journal.health().progress,
        Progress::Down {
            since: sample::NOON,
            ..
        }
    ) {
        assert!(!journal.flush(Duration::from_millis(1)));
    }
}

#[test]
fn postgres_stops_and_comes_back() {
    let server = Postgres::new();
    let database = Database {
        url: server.database().parse().unwrap(),
        _folder: None,
    };
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    let follower = follow(&journal, database.pool());
    journal.append(&sample::station()).unwrap();
    journal.append(&sample::short_call(0)).unwrap();
    assert!(journal.flush(PATIENCE));

    for outage in 0..2 {
        server.stop();
        for n in 1..=100 {
            journal
                .append(&sample::short_call(outage * 100 + n))
                .unwrap();
        }
        wait_until_down(&journal);
        assert_eq!(
            journal.health().progress,
            Progress::Down {
                since: sample::NOON,
                records: 400
            }
        );
        server.start();
        assert!(journal.flush(PATIENCE));
        assert_eq!(journal.health().progress, Progress::Ok);
    }
    assert_eq!(count(&database.pool(), "calls"), 201);
    assert_eq!(count(&database.pool(), "call_events"), 402);
    assert!(follower.stop(PATIENCE));
}

#[test]
fn postgres_is_torn_down_while_batches_are_under_way() {
    let server = Postgres::new();
    let database = Database {
        url: server.database().parse().unwrap(),
        _folder: None,
    };
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    journal.append(&sample::station()).unwrap();
    let follower = follow(&journal, database.pool());
    for n in 0..1000 {
        journal.append(&sample::short_call(n)).unwrap();
        if n % 400 == 399 {
            server.stop();
            server.start();
        }
    }
    assert!(journal.flush(PATIENCE));
    assert_eq!(
        count(&database.pool(), "calls WHERE status = 'completed'"),
        1000
    );
    assert_eq!(count(&database.pool(), "call_events"), 2000);
    assert_eq!(journal.health().rejected, 0);
    assert!(follower.stop(PATIENCE));
}

#[test]
fn a_sqlite_file_that_cannot_be_opened_yet() {
    let folder = tempfile::tempdir().unwrap();
    // Where the database is to be, a folder stands in the way.
    let path = folder.path().join("books.db");
    fs::create_dir(&path).unwrap();
    let url = format!("sqlite://{}", path.display());
    let database = Database {
        url: url.parse().unwrap(),
        _folder: None,
    };

    let journal = open(&folder.path().join("journal"));
    let follower = follow(&journal, database.pool());
    journal.append(&sample::station()).unwrap();
    for n in 0..100 {
        journal.append(&sample::short_call(n)).unwrap();
    }
    wait_until_down(&journal);
    fs::remove_dir(&path).unwrap();
    assert!(journal.flush(PATIENCE));
    assert_eq!(journal.health().progress, Progress::Ok);
    assert_eq!(count(&database.pool(), "calls"), 100);
    assert!(follower.stop(PATIENCE));
}

#[test]
fn stopping_without_a_database_ends_in_time_and_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("books.db");
    fs::create_dir(&path).unwrap();
    let database = Database {
        url: format!("sqlite://{}", path.display()).parse().unwrap(),
        _folder: None,
    };
    let journal_folder = folder.path().join("journal");
    let journal = open(&journal_folder);
    let follower = follow(&journal, database.pool());
    journal.append(&sample::station()).unwrap();
    journal.append(&sample::short_call(1)).unwrap();
    assert!(!follower.stop(Duration::from_millis(50)));
    drop(journal);
    fs::remove_dir(&path).unwrap();

    // The old thread may hold the folder until its connection attempt ends.
    let journal = loop {
        match Journal::open(&journal_folder, Default::default()) {
            Ok(journal) => break journal,
            Err(error) => assert!(matches!(
                error,
                audioroad::store::journal::JournalError::InUse
            )),
        }
    };
    assert!(follow(&journal, database.pool()).stop(PATIENCE));
    assert_eq!(count(&database.pool(), "calls"), 1);
}
