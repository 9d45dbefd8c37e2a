//! The one connection type that every query takes.

use diesel::{PgConnection, sqlite::SqliteConnection};

/// A connection to either database; every query works on both.
#[derive(diesel::MultiConnection)]
pub enum AnyConnection {
    /// PostgreSQL.
    Postgres(PgConnection),
    /// SQLite.
    Sqlite(SqliteConnection),
}
