//! The ledger of consents: rows are added and never changed.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use super::{BadRow, key, parse, text};
use crate::{
    domain::{
        CallId, ConsentEntry, UnixMs,
        call::{Consent, HeldBy},
    },
    store::schema::consents,
};

/// A row of `consents`.
#[derive(
    Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Queryable, Selectable, Insertable,
)]
#[diesel(table_name = consents)]
pub struct ConsentRow {
    /// The entry's own id, made by the shell.
    pub id: String,
    /// On which call.
    pub call_id: String,
    /// Of whom.
    pub caller_id: String,
    /// When, in milliseconds since 1970 UTC.
    pub recorded_at: i64,
    /// Given; else taken back.
    pub given: bool,
    /// Who recorded it.
    pub operator_id: String,
    /// Their name then.
    pub operator_name: String,
    /// What the caller was told.
    pub notice: String,
}

impl ConsentRow {
    /// The row of `entry` under an `id` that is never used again: it is what makes a second write of the entry harmless.
    pub fn of(id: &str, entry: &ConsentEntry) -> Self {
        Self {
            id: key(id),
            call_id: entry.call.to_string(),
            caller_id: entry.caller.to_string(),
            recorded_at: entry.at.0,
            given: entry.given,
            operator_id: entry.by.id.to_string(),
            operator_name: key(&entry.by.name),
            notice: text(&entry.notice),
        }
    }

    /// The call, and what the row says about it: a consent, or none any more.
    ///
    /// # Errors
    /// [`BadRow`] when it was written by another hand.
    pub(in crate::store) fn read(self) -> Result<(CallId, Option<Consent>), BadRow> {
        let call = parse(&self.call_id, &self.id, "call_id")?;
        let by = HeldBy {
            id: parse(&self.operator_id, &self.id, "operator_id")?,
            name: self.operator_name,
        };
        let at = UnixMs(self.recorded_at);
        Ok((call, self.given.then_some(Consent { at, by })))
    }
}
