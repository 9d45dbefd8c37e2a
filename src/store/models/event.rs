//! What happened to calls, line by line.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use super::{key, text};
use crate::{domain::CallEvent, store::schema::call_events};

/// A row of `call_events`. It is read as it is: what happened then may have a name that this
/// version no longer uses.
#[derive(
    Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Queryable, Selectable, Insertable,
)]
#[diesel(table_name = call_events, treat_none_as_default_value = false)]
pub struct EventRow {
    /// The event's own id, made by the shell.
    pub id: String,
    /// Which call.
    pub call_id: String,
    /// When, in milliseconds since 1970 UTC.
    pub happened_at: i64,
    /// What: see [`CallEvent::what`].
    pub what: String,
    /// Who pressed, where somebody did.
    pub operator_id: Option<String>,
    /// Anything more.
    pub detail: String,
}

impl EventRow {
    /// The row of `event` under an `id` that is never used again: it is what makes a second write
    /// of the event harmless.
    pub fn of(id: &str, event: &CallEvent) -> Self {
        Self {
            id: key(id),
            call_id: event.call.to_string(),
            happened_at: event.at.0,
            what: event.what.to_owned(),
            operator_id: event.by.map(|operator| operator.to_string()),
            detail: text(&event.detail),
        }
    }
}
