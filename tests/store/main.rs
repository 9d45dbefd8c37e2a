//! The books on both databases: every test of [`on_both!`] runs on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test says by a panic what went wrong")]

#[path = "../common/postgres.rs"]
mod postgres;

mod journal;
mod outage;
mod rows;
mod sample;

use audioroad::store::{DatabaseUrl, Pool, migrate::migrate, open_pool};
use postgres::Postgres;

/// A database for one test, empty or migrated.
struct Database {
    url: DatabaseUrl,
    _folder: Option<tempfile::TempDir>,
}

impl Database {
    fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/books.db", folder.path().display());
        Self {
            url: url.parse().unwrap(),
            _folder: Some(folder),
        }
    }

    fn postgres() -> Self {
        Self {
            url: Postgres::shared().database().parse().unwrap(),
            _folder: None,
        }
    }

    fn pool(&self) -> Pool {
        open_pool(self.url.clone())
    }

    fn migrated(&self) -> Pool {
        let pool = self.pool();
        migrate(&mut pool.get().unwrap()).unwrap();
        pool
    }
}

/// Each function takes a [`Database`]; each becomes two tests.
macro_rules! on_both {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test] fn $test() { super::$test(&crate::Database::sqlite()); })+
        }
        mod postgres {
            $(#[test] fn $test() { super::$test(&crate::Database::postgres()); })+
        }
    };
}
use on_both;
