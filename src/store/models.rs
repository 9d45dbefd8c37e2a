//! Rows and domain types, both ways: what was written reads back the same.
//!
//! One exception, on purpose: a text may come from the network, so it is cut at a length that an
//! index and a page can take, and U+0000, which PostgreSQL cannot store, becomes U+FFFD. A row that
//! the database must refuse would hold up the books.

mod call;
mod caller;
mod cause;
mod consent;
mod episode;
mod event;
mod operator;
mod show;

use std::str::FromStr;

pub use call::CallRow;
pub use caller::CallerRow;
pub use consent::ConsentRow;
pub use episode::EpisodeRow;
pub use event::EventRow;
pub(super) use operator::folded;
pub use operator::{Account, OperatorRow};
pub use show::{ShowNumberRow, ShowRow};

/// Characters of a name, a number, an address: anything that may stand in an index.
const KEY_CHARS: usize = 255;
/// Characters of a text for people.
const TEXT_CHARS: usize = 8_000;

/// A row that says nothing the domain knows: written by another hand or a later version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("row {id}: {column} cannot be read")]
pub struct BadRow {
    /// The row's key.
    pub id: String,
    /// The column at fault.
    pub column: &'static str,
}

impl From<BadRow> for diesel::result::Error {
    fn from(bad: BadRow) -> Self {
        Self::DeserializationError(Box::new(bad))
    }
}

/// The domain's form of every row that can be read. One bad row must not keep a station off the
/// air, so it is logged and left out.
pub(super) fn readable<R, D>(rows: Vec<R>) -> Vec<D>
where
    D: TryFrom<R, Error = BadRow>,
{
    rows.into_iter()
        .filter_map(|row| {
            D::try_from(row)
                .inspect_err(|bad| tracing::error!(%bad, "row left out"))
                .ok()
        })
        .collect()
}

fn parse<T: FromStr>(text: &str, row: &str, column: &'static str) -> Result<T, BadRow> {
    text.parse().map_err(|_| BadRow {
        id: row.to_owned(),
        column,
    })
}

fn known<T>(value: Option<T>, row: &str, column: &'static str) -> Result<T, BadRow> {
    value.ok_or_else(|| BadRow {
        id: row.to_owned(),
        column,
    })
}

fn key(text: &str) -> String {
    storable(text, KEY_CHARS)
}

fn text(text: &str) -> String {
    storable(text, TEXT_CHARS)
}

fn storable(text: &str, chars: usize) -> String {
    text.chars()
        .take(chars)
        .map(|c| {
            if c == '\0' {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_and_lose_their_zeros() {
        assert_eq!(key("a\0b"), "a\u{fffd}b");
        assert_eq!(key(&"é".repeat(300)), "é".repeat(KEY_CHARS));
        assert_eq!(text(&"x".repeat(TEXT_CHARS + 1)).len(), TEXT_CHARS);
    }
}
