//! Records into the database: a batch in one transaction, and what to do when the database says no.

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
        records
            .iter()
            .try_for_each(|record| write(connection, record))
    });
    match whole {
        Ok(()) => Ok(Vec::new()),
        Err(error) if is_verdict(&error) => apply_one_by_one(connection, records),
        Err(error) => Err(error),
    }
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
