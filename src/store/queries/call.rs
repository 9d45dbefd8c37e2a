//! Calls and what happened to them.

use diesel::prelude::*;

use super::{LIST_ROWS_MAX, consent};
use crate::{
    domain::{Call, CallId, Caller, CallerId, Cause, EpisodeId, Stage, UnixMs},
    store::{
        connection::{AnyConnection, on_either},
        models::{BadRow, CallRow, CallerRow, EventRow, readable},
        schema::{call_events, callers, calls},
    },
};

/// A call and who phoned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallEntry {
    /// The call.
    pub call: Call,
    /// Who phoned, as remembered today.
    pub caller: Caller,
}

/// Which calls to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// Those of this episode.
    pub episode: Option<EpisodeId>,
    /// Those in this stage.
    pub stage: Option<Stage>,
    /// Those of this caller.
    pub caller: Option<CallerId>,
    /// At most this many; `None` and more than that mean [`LIST_ROWS_MAX`].
    pub rows_max: Option<i64>,
}

/// Writes a call whole. A completed call stays completed: an older state of it that comes late
/// changes nothing.
pub fn upsert_call(connection: &mut AnyConnection, row: &CallRow) -> QueryResult<()> {
    // Not one statement with both: Diesel would prepare that anew for each row, which takes longer than all the rest.
    let is_new = on_either!(connection, |c| diesel::insert_into(calls::table)
        .values(row)
        .on_conflict(calls::id)
        .do_nothing()
        .execute(c))?;
    if is_new > 0 {
        return Ok(());
    }
    let there = calls::table.find(row.id());
    if row.is_completed() {
        diesel::update(there).set(row).execute(connection)?;
    } else {
        let open = there.filter(calls::status.ne(Stage::Completed.label()));
        diesel::update(open).set(row).execute(connection)?;
    }
    Ok(())
}

/// Writes an event, once however often it is written.
pub fn insert_event(connection: &mut AnyConnection, row: &EventRow) -> QueryResult<()> {
    on_either!(connection, |c| diesel::insert_into(call_events::table)
        .values(row)
        .on_conflict(call_events::id)
        .do_nothing()
        .execute(c))?;
    Ok(())
}

/// Calls, newest first.
pub fn list_calls(
    connection: &mut AnyConnection,
    filter: &CallFilter,
) -> QueryResult<Vec<CallEntry>> {
    let mut query = calls::table
        .inner_join(callers::table)
        .select((CallRow::as_select(), CallerRow::as_select()))
        .into_boxed();
    if let Some(episode) = filter.episode {
        query = query.filter(calls::episode_id.eq(episode.to_string()));
    }
    if let Some(stage) = filter.stage {
        query = query.filter(calls::status.eq(stage.label()));
    }
    if let Some(caller) = filter.caller {
        query = query.filter(calls::caller_id.eq(caller.to_string()));
    }
    let rows: Vec<(CallRow, CallerRow)> = query
        .order((calls::queued_at.desc(), calls::id.desc()))
        .limit(
            filter
                .rows_max
                .unwrap_or(LIST_ROWS_MAX)
                .clamp(0, LIST_ROWS_MAX),
        )
        .load(connection)?;
    with_consents(connection, readable(rows))
}

/// One call.
pub fn call_by_id(connection: &mut AnyConnection, id: CallId) -> QueryResult<Option<CallEntry>> {
    let found: Option<(CallRow, CallerRow)> = calls::table
        .inner_join(callers::table)
        .filter(calls::id.eq(id.to_string()))
        .select((CallRow::as_select(), CallerRow::as_select()))
        .first(connection)
        .optional()?;
    let found = found.map(CallEntry::try_from).transpose()?;
    let entries = with_consents(connection, found.into_iter().collect())?;
    Ok(entries.into_iter().next())
}

fn with_consents(
    connection: &mut AnyConnection,
    mut entries: Vec<CallEntry>,
) -> QueryResult<Vec<CallEntry>> {
    let ids: Vec<CallId> = entries.iter().map(|entry| entry.call.id).collect();
    let mut standing = consent::standing(connection, &ids)?;
    for entry in &mut entries {
        entry.call.consent = standing.remove(&entry.call.id);
    }
    Ok(entries)
}

/// What happened to a call, oldest first.
pub fn events_of_call(connection: &mut AnyConnection, call: CallId) -> QueryResult<Vec<EventRow>> {
    call_events::table
        .filter(call_events::call_id.eq(call.to_string()))
        .order((call_events::happened_at, call_events::id))
        .limit(LIST_ROWS_MAX)
        .select(EventRow::as_select())
        .load(connection)
}

/// Completes every open call: after a crash, when no telephone leg is left. Returns those it
/// closed; after an error, call it again.
pub fn close_open_calls(
    connection: &mut AnyConnection,
    now: UnixMs,
    cause: &Cause,
) -> QueryResult<Vec<CallId>> {
    let mut closed = Vec::new();
    for mut call in open_calls(connection)? {
        call.times.on_air_ms_before += call.times.on_air.map_or(0, |since| now.since(since));
        call.times.on_air = None;
        call.times.ended = Some(now);
        call.stage = Stage::Completed;
        call.cause = Some(cause.clone());
        // A completed call is in no room, so whose lobby is plain does not matter.
        upsert_call(connection, &CallRow::of(&call, false))?;
        closed.push(call.id);
    }
    Ok(closed)
}

/// Every call that is not completed, oldest first.
pub(super) fn open_calls(connection: &mut AnyConnection) -> QueryResult<Vec<Call>> {
    let rows: Vec<CallRow> = calls::table
        .filter(calls::status.ne(Stage::Completed.label()))
        .order((calls::queued_at, calls::id))
        .select(CallRow::as_select())
        .load(connection)?;
    Ok(readable(rows))
}

impl TryFrom<(CallRow, CallerRow)> for CallEntry {
    type Error = BadRow;

    fn try_from((call, caller): (CallRow, CallerRow)) -> Result<Self, BadRow> {
        Ok(Self {
            call: call.try_into()?,
            caller: caller.try_into()?,
        })
    }
}
