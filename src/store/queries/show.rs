//! Shows and episodes.

use diesel::{prelude::*, upsert::excluded};

use super::LIST_ROWS_MAX;
use crate::{
    domain::{Episode, ShowId},
    store::{
        connection::{AnyConnection, on_either},
        models::{EpisodeRow, ShowNumberRow, ShowRow, readable},
        schema::{episodes, show_numbers, shows},
    },
};

/// Writes a show and its numbers whole. A number that rang at another show rings at this one from
/// now on.
pub fn upsert_show(
    connection: &mut AnyConnection,
    row: &ShowRow,
    numbers: &[ShowNumberRow],
) -> QueryResult<()> {
    connection.transaction(|connection| {
        on_either!(connection, |c| diesel::insert_into(shows::table)
            .values(row)
            .on_conflict(shows::id)
            .do_update()
            .set(row)
            .execute(c))?;
        diesel::delete(show_numbers::table.filter(show_numbers::show_id.eq(row.id())))
            .execute(connection)?;
        for number in numbers {
            on_either!(connection, |c| diesel::insert_into(show_numbers::table)
                .values(number)
                .on_conflict(show_numbers::number)
                .do_update()
                .set((
                    show_numbers::show_id.eq(excluded(show_numbers::show_id)),
                    show_numbers::position.eq(excluded(show_numbers::position)),
                ))
                .execute(c))?;
        }
        Ok(())
    })
}

/// Writes an episode whole.
pub fn upsert_episode(connection: &mut AnyConnection, row: &EpisodeRow) -> QueryResult<()> {
    on_either!(connection, |c| diesel::insert_into(episodes::table)
        .values(row)
        .on_conflict(episodes::id)
        .do_update()
        .set(row)
        .execute(c))?;
    Ok(())
}

/// Episodes of one show or of all, ended ones too, newest first.
pub fn list_episodes(
    connection: &mut AnyConnection,
    show: Option<ShowId>,
    rows_max: i64,
) -> QueryResult<Vec<Episode>> {
    let mut query = episodes::table.select(EpisodeRow::as_select()).into_boxed();
    if let Some(show) = show {
        query = query.filter(episodes::show_id.eq(show.to_string()));
    }
    let rows: Vec<EpisodeRow> = query
        .order(episodes::id.desc())
        .limit(rows_max.clamp(0, LIST_ROWS_MAX))
        .load(connection)?;
    Ok(readable(rows))
}
