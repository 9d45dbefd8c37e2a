//! The ledger of consents.

use std::collections::HashMap;

use diesel::prelude::*;

use super::LIST_ROWS_MAX;
use crate::{
    domain::{CallId, CallerId, call::Consent},
    store::{
        connection::{AnyConnection, on_either},
        models::ConsentRow,
        schema::consents,
    },
};

/// Ids in one question: fewer than the parameters that SQLite takes.
const IDS_MAX: usize = 500;

/// Adds an entry, once however often it is written.
pub fn insert_consent(connection: &mut AnyConnection, row: &ConsentRow) -> QueryResult<()> {
    on_either!(connection, |c| diesel::insert_into(consents::table)
        .values(row)
        .on_conflict((consents::call_id, consents::entry))
        .do_nothing()
        .execute(c))?;
    Ok(())
}

/// All that a caller was told and agreed to, oldest first.
pub fn consents_of_caller(
    connection: &mut AnyConnection,
    caller: CallerId,
) -> QueryResult<Vec<ConsentRow>> {
    consents::table
        .filter(consents::caller_id.eq(caller.to_string()))
        .order((consents::recorded_at, consents::call_id, consents::entry))
        .limit(LIST_ROWS_MAX)
        .select(ConsentRow::as_select())
        .load(connection)
}

/// The consents that hold of these calls: each call's latest entry counts.
pub(super) fn standing(
    connection: &mut AnyConnection,
    calls: &[CallId],
) -> QueryResult<HashMap<CallId, Consent>> {
    let mut standing = HashMap::new();
    for ids in calls.chunks(IDS_MAX) {
        let ids: Vec<String> = ids.iter().map(CallId::to_string).collect();
        let rows: Vec<ConsentRow> = consents::table
            .filter(consents::call_id.eq_any(ids))
            .order((consents::call_id, consents::entry))
            .select(ConsentRow::as_select())
            .load(connection)?;
        for row in rows {
            match row.read() {
                Ok((call, Some(consent))) => standing.insert(call, consent),
                Ok((call, None)) => standing.remove(&call),
                Err(bad) => {
                    tracing::error!(%bad, "row left out");
                    None
                }
            };
        }
    }
    Ok(standing)
}
