//! Callers.

use diesel::prelude::*;

use crate::{
    domain::Caller,
    store::{
        connection::{AnyConnection, on_either},
        models::{CallerRow, readable},
        schema::callers,
    },
};

/// Writes a caller whole.
pub fn upsert_caller(connection: &mut AnyConnection, row: &CallerRow) -> QueryResult<()> {
    // In two statements, as a call is.
    let is_new = on_either!(connection, |c| diesel::insert_into(callers::table)
        .values(row)
        .on_conflict(callers::id)
        .do_nothing()
        .execute(c))?;
    if is_new == 0 {
        diesel::update(callers::table.find(row.id()))
            .set(row)
            .execute(connection)?;
    }
    Ok(())
}

/// Hands over every caller in the order of their ids, `batch_rows` at a time, so that a station
/// with a million of them needs no room for a million rows beside them.
pub fn each_caller(
    connection: &mut AnyConnection,
    batch_rows: i64,
    mut take: impl FnMut(Caller),
) -> QueryResult<()> {
    let mut after = String::new();
    loop {
        let rows: Vec<CallerRow> = callers::table
            .filter(callers::id.gt(&after))
            .order(callers::id)
            .limit(batch_rows.max(1))
            .select(CallerRow::as_select())
            .load(connection)?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = last.id().to_owned();
        readable(rows).into_iter().for_each(&mut take);
    }
}
