//! Callers.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use super::{BadRow, key, parse, text};
use crate::{
    domain::{Caller, UnixMs},
    store::schema::callers,
};

/// A row of `callers`.
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
#[diesel(table_name = callers, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct CallerRow {
    id: String,
    number: Option<String>,
    name: String,
    location: String,
    email: String,
    notes: String,
    blocked: bool,
    vip: bool,
    first_call_at: i64,
    last_call_at: i64,
    total_calls: i32,
}

impl From<&Caller> for CallerRow {
    fn from(caller: &Caller) -> Self {
        Self {
            id: caller.id.to_string(),
            number: caller.number.as_deref().map(key),
            name: key(&caller.name),
            location: key(&caller.location),
            email: key(&caller.email),
            notes: text(&caller.notes),
            blocked: caller.blocked,
            vip: caller.vip,
            first_call_at: caller.first_call_at.0,
            last_call_at: caller.last_call_at.0,
            total_calls: caller.total_calls,
        }
    }
}

impl CallerRow {
    /// The row's key.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The same caller as if the number were withheld.
    pub(in crate::store) fn without_number(mut self) -> Self {
        self.number = None;
        self
    }
}

impl TryFrom<CallerRow> for Caller {
    type Error = BadRow;

    fn try_from(row: CallerRow) -> Result<Self, BadRow> {
        Ok(Self {
            id: parse(&row.id, &row.id, "id")?,
            number: row.number,
            name: row.name,
            location: row.location,
            email: row.email,
            notes: row.notes,
            blocked: row.blocked,
            vip: row.vip,
            first_call_at: UnixMs(row.first_call_at),
            last_call_at: UnixMs(row.last_call_at),
            total_calls: row.total_calls,
        })
    }
}
