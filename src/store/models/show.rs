//! Shows and the numbers that ring at them.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use super::{BadRow, key, known, parse};
use crate::{
    domain::{NextPolicy, Show, UnixMs},
    store::schema::{show_numbers, shows},
};

/// A row of `shows`.
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
#[diesel(table_name = shows, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct ShowRow {
    id: String,
    name: String,
    slug: String,
    next_policy: String,
    is_first: bool,
    created_at: i64,
}

/// A row of `show_numbers`: a number rings at one show.
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
#[diesel(table_name = show_numbers, treat_none_as_default_value = false)]
pub struct ShowNumberRow {
    number: String,
    show_id: String,
    position: i32,
}

impl ShowRow {
    /// The row and those of its numbers, in the show's order.
    pub fn of(show: &Show) -> (Self, Vec<ShowNumberRow>) {
        let row = Self {
            id: show.id.to_string(),
            name: key(&show.name),
            slug: key(&show.slug),
            next_policy: show.next_policy.label().to_owned(),
            is_first: show.first,
            created_at: show.created_at.0,
        };
        let numbers = show
            .phone_numbers
            .iter()
            .zip(0..)
            .map(|(number, position)| ShowNumberRow {
                number: key(number),
                show_id: row.id.clone(),
                position,
            });
        let numbers = numbers.collect();
        (row, numbers)
    }

    /// The row's key.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The same show under a slug that nobody else can have.
    pub(in crate::store) fn with_own_slug(mut self) -> Self {
        self.slug = format!("{}-{}", self.slug, self.id);
        self
    }
}

impl ShowNumberRow {
    /// The show it rings at.
    pub fn show_id(&self) -> &str {
        &self.show_id
    }
}

/// A show from its row and the rows of its numbers, in order.
impl TryFrom<(ShowRow, Vec<ShowNumberRow>)> for Show {
    type Error = BadRow;

    fn try_from((row, numbers): (ShowRow, Vec<ShowNumberRow>)) -> Result<Self, BadRow> {
        Ok(Self {
            id: parse(&row.id, &row.id, "id")?,
            next_policy: known(
                NextPolicy::from_label(&row.next_policy),
                &row.id,
                "next_policy",
            )?,
            name: row.name,
            slug: row.slug,
            phone_numbers: numbers.into_iter().map(|row| row.number).collect(),
            first: row.is_first,
            created_at: UnixMs(row.created_at),
        })
    }
}
