//! The database.

use std::{fmt, path::Path};

use crate::config::source::Source;

/// The database.
#[derive(Clone)]
pub struct BooksConfig {
    /// `postgres://...` or `sqlite://PATH` (`DATABASE_URL`). May hold a password: never print it.
    pub database_url: String,
}

impl BooksConfig {
    pub(super) fn read(source: &Source, data_dir: &Path) -> Self {
        let embedded = || format!("sqlite://{}", data_dir.join("audioroad.db").display());
        Self {
            database_url: source.text("DATABASE_URL").unwrap_or_else(embedded),
        }
    }

    /// The address without user, password and parameters.
    pub fn shown(&self) -> String {
        let Some((scheme, rest)) = self.database_url.split_once("://") else {
            return "(unreadable)".into();
        };
        if scheme == "sqlite" {
            return self.database_url.clone();
        }
        let place = rest.split_once('?').map_or(rest, |(place, _)| place);
        let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
        format!("{scheme}://{place}")
    }
}

impl fmt::Debug for BooksConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BooksConfig")
            .field("database_url", &self.shown())
            .finish()
    }
}
