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
        Self { database_url: source.text("DATABASE_URL").unwrap_or_else(embedded) }
    }

    /// The address without user and password.
    pub fn shown(&self) -> String {
        match url::Url::parse(&self.database_url) {
            Ok(url) if url.host_str().is_some_and(|host| !host.is_empty()) && url.scheme() != "sqlite" => {
                format!("{}://{}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
            }
            Ok(_) | Err(_) => self.database_url.split('@').next_back().unwrap_or_default().to_owned(),
        }
    }
}

impl fmt::Debug for BooksConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BooksConfig").field("database_url", &self.shown()).finish()
    }
}
