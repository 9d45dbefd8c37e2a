//! What a switch reads when it starts.

use std::collections::HashMap;

use diesel::{dsl::max, prelude::*};

use super::call::open_calls;
use crate::{
    domain::{Call, Episode, EpisodeStatus, Show, ShowId},
    store::{
        connection::AnyConnection,
        models::{EpisodeRow, ShowNumberRow, ShowRow, readable},
        schema::{episodes, show_numbers, shows},
    },
};

/// The state of the station, but for its callers ([`super::each_caller`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opening {
    /// All of them, oldest first.
    pub shows: Vec<Show>,
    /// Those that have not ended.
    pub episodes: Vec<Episode>,
    /// The highest number of an episode that each show has had; absent for a show without one.
    pub last_numbers: HashMap<ShowId, i32>,
    /// Calls that an earlier process left open, oldest first.
    pub open_calls: Vec<Call>,
}

/// Reads it. The journal of an earlier process must have been applied before
/// ([`crate::store::Journal::flush`]), else this is the state before its last writes.
pub fn load_opening(connection: &mut AnyConnection) -> QueryResult<Opening> {
    Ok(Opening {
        shows: all_shows(connection)?,
        episodes: episodes_not_ended(connection)?,
        last_numbers: last_numbers(connection)?,
        open_calls: open_calls(connection)?,
    })
}

fn all_shows(connection: &mut AnyConnection) -> QueryResult<Vec<Show>> {
    let rows: Vec<ShowRow> = shows::table
        .order((shows::created_at, shows::id))
        .select(ShowRow::as_select())
        .load(connection)?;
    let numbers: Vec<ShowNumberRow> = show_numbers::table
        .order((
            show_numbers::show_id,
            show_numbers::position,
            show_numbers::number,
        ))
        .select(ShowNumberRow::as_select())
        .load(connection)?;
    let mut by_show: HashMap<String, Vec<ShowNumberRow>> = HashMap::new();
    for number in numbers {
        by_show
            .entry(number.show_id().to_owned())
            .or_default()
            .push(number);
    }
    let with_numbers = rows.into_iter().map(|row| {
        let numbers = by_show.remove(row.id()).unwrap_or_default();
        (row, numbers)
    });
    Ok(readable(with_numbers.collect()))
}

fn episodes_not_ended(connection: &mut AnyConnection) -> QueryResult<Vec<Episode>> {
    let rows: Vec<EpisodeRow> = episodes::table
        .filter(episodes::status.ne(EpisodeStatus::Ended.label()))
        .order((episodes::show_id, episodes::number, episodes::id))
        .select(EpisodeRow::as_select())
        .load(connection)?;
    Ok(readable(rows))
}

fn last_numbers(connection: &mut AnyConnection) -> QueryResult<HashMap<ShowId, i32>> {
    let rows: Vec<(String, Option<i32>)> = episodes::table
        .group_by(episodes::show_id)
        .select((episodes::show_id, max(episodes::number)))
        .load(connection)?;
    Ok(rows
        .into_iter()
        .filter_map(|(show, number)| Some((show.parse().ok()?, number?)))
        .collect())
}
