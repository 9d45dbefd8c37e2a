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
#[diesel(table_name = consents, treat_none_as_default_value = false)]
pub struct ConsentRow {
    /// On which call.
    pub call_id: String,
    /// Counts the entries of the call, from 1.
    pub entry: i32,
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
    /// The row of `entry`; written a second time it changes nothing.
    pub fn of(entry: &ConsentEntry) -> Self {
        Self {
            call_id: entry.call.to_string(),
            entry: entry.number,
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
        let call = parse(&self.call_id, &self.call_id, "call_id")?;
        let by = HeldBy {
            id: parse(&self.operator_id, &self.call_id, "operator_id")?,
            name: self.operator_name,
        };
        let at = UnixMs(self.recorded_at);
        Ok((call, self.given.then_some(Consent { at, by })))
    }
}
