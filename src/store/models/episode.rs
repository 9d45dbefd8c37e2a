//! Episodes.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use super::{BadRow, key, known, parse};
use crate::{
    domain::{CallId, Episode, EpisodeStatus, UnixMs},
    store::schema::episodes,
};

/// A row of `episodes`.
#[derive(
    Clone,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    Queryable,
    Selectable,
    Insertable,
    AsChangeset,
)]
#[diesel(table_name = episodes, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct EpisodeRow {
    id: String,
    show_id: String,
    number: i32,
    title: String,
    status: String,
    lines_open: bool,
    busy_all: bool,
    scheduled_at: Option<i64>,
    started_at: Option<i64>,
    ended_at: Option<i64>,
    hold_order: String,
    next_call: Option<String>,
}

impl From<&Episode> for EpisodeRow {
    fn from(episode: &Episode) -> Self {
        // An array of ids is letters, digits and quotes: nothing to escape.
        let order: Vec<String> = episode
            .hold_order
            .iter()
            .map(|call| format!("\"{call}\""))
            .collect();
        Self {
            id: episode.id.to_string(),
            show_id: episode.show_id.to_string(),
            number: episode.number,
            title: key(&episode.title),
            status: episode.status.label().to_owned(),
            lines_open: episode.lines_open,
            busy_all: episode.busy_all,
            scheduled_at: episode.scheduled_at.map(|at| at.0),
            started_at: episode.started_at.map(|at| at.0),
            ended_at: episode.ended_at.map(|at| at.0),
            hold_order: format!("[{}]", order.join(",")),
            next_call: episode.next.map(|call| call.to_string()),
        }
    }
}

impl EpisodeRow {
    /// The row's key.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl TryFrom<EpisodeRow> for Episode {
    type Error = BadRow;

    fn try_from(row: EpisodeRow) -> Result<Self, BadRow> {
        let hold_order: Option<Vec<CallId>> = serde_json::from_str(&row.hold_order).ok();
        let next = row
            .next_call
            .map(|call| parse(&call, &row.id, "next_call"))
            .transpose()?;
        Ok(Self {
            id: parse(&row.id, &row.id, "id")?,
            show_id: parse(&row.show_id, &row.id, "show_id")?,
            number: row.number,
            title: row.title,
            status: known(EpisodeStatus::from_label(&row.status), &row.id, "status")?,
            lines_open: row.lines_open,
            busy_all: row.busy_all,
            ducking: true,
            scheduled_at: row.scheduled_at.map(UnixMs),
            started_at: row.started_at.map(UnixMs),
            ended_at: row.ended_at.map(UnixMs),
            hold_order: known(hold_order, &row.id, "hold_order")?,
            next,
        })
    }
}
