//! Records into the database: a batch in one transaction, and what to do when the database says no.

use std::collections::HashMap;

use diesel::{
    Connection as _, QueryResult,
    result::{DatabaseErrorKind, Error},
};

use super::Record;
use crate::store::{connection::AnyConnection, queries};

/// Records of one transaction.
pub(super) const BATCH_RECORDS_MAX: usize = 256;

/// A record that the database will not take, however often it is tried.
#[derive(Debug)]
pub(super) struct Rejected {
    pub(super) record: Record,
    pub(super) error: Error,
}

/// Writes the records, in order. An error is the database's trouble and nothing of the batch counts
/// as written: try it again. A record at fault itself holds up nobody: it is handed back and the
/// others are written.
pub(super) fn apply(
    connection: &mut AnyConnection,
    records: &[Record],
) -> QueryResult<Vec<Rejected>> {
    let whole = connection.transaction(|connection| {
        last_states(records)
            .into_iter()
            .try_for_each(|record| write(connection, record))
    });
    match whole {
        Ok(()) => Ok(Vec::new()),
        Err(error) if is_verdict(&error) => apply_one_by_one(connection, records),
        Err(error) => Err(error),
    }
}

/// What a batch comes to: a row that it writes several times is written once, as it was in the end, and rows that others refer
/// to are written first. A call that was completed is not reopened by an older state of it that comes later.
fn last_states(records: &[Record]) -> Vec<&Record> {
    let mut last: HashMap<(&str, &str), usize> = HashMap::with_capacity(records.len());
    for (at, record) in records.iter().enumerate().filter(|(_, r)| r.is_state()) {
        let stays = last
            .get(&record.name())
            .and_then(|before| records.get(*before))
            .is_some_and(|before| before.is_completed() && !record.is_completed());
        if !stays {
            last.insert(record.name(), at);
        }
    }
    let is_last = |(at, record): &(usize, &Record)| {
        !record.is_state() || last.get(&record.name()) == Some(at)
    };
    let kept = records.iter().enumerate().filter(is_last);
    let mut kept: Vec<&Record> = kept.map(|(_, record)| record).collect();
    kept.sort_by_key(|record| record.rank());
    kept
}

fn apply_one_by_one(
    connection: &mut AnyConnection,
    records: &[Record],
) -> QueryResult<Vec<Rejected>> {
    let mut rejected = Vec::new();
    for record in records {
        let error = match write(connection, record) {
            Ok(()) => continue,
            Err(error) if is_verdict(&error) => error,
            Err(error) => return Err(error),
        };
        let (kind, id) = record.name();
        match write(connection, &record.clone().without_claim()) {
            Ok(()) => {
                tracing::warn!(kind, id, %error, "written without the value that another row has")
            }
            Err(error) if is_verdict(&error) => rejected.push(Rejected {
                record: record.clone(),
                error,
            }),
            Err(error) => return Err(error),
        }
    }
    Ok(rejected)
}

fn write(connection: &mut AnyConnection, record: &Record) -> QueryResult<()> {
    match record {
        Record::Show(row, numbers) => queries::upsert_show(connection, row, numbers),
        Record::Episode(row) => queries::upsert_episode(connection, row),
        Record::Caller(row) => queries::upsert_caller(connection, row),
        Record::Call(row) => queries::upsert_call(connection, row),
        Record::Event(row) => queries::insert_event(connection, row),
        Record::Consent(row) => queries::insert_consent(connection, row),
    }
}

/// Whether the record is at fault. Everything else, such as a full disk or a lost connection, may
/// pass.
fn is_verdict(error: &Error) -> bool {
    matches!(
        error,
        Error::DatabaseError(
            DatabaseErrorKind::UniqueViolation
                | DatabaseErrorKind::ForeignKeyViolation
                | DatabaseErrorKind::NotNullViolation
                | DatabaseErrorKind::CheckViolation,
            _
        ) | Error::SerializationError(_)
            | Error::QueryBuilderError(_)
            | Error::InvalidCString(_)
    )
}
