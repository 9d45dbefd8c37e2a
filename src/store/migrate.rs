//! Migrations, embedded in the program and run at start.

use std::error::Error;

use diesel::connection::SimpleConnection;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::connection::{AnyConnection, POSTGRES_SETTINGS};

const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Any number that nobody else locks; two switches that start together must not both migrate.
const ADVISORY_LOCK: i64 = 0x6175_6469_6f72;

/// The database could not be brought up to date.
#[derive(Debug, thiserror::Error)]
#[error("migration failed: {0}")]
pub struct MigrationError(Box<dyn Error + Send + Sync>);

/// Runs the migrations that have not been run; returns their names. Safe to call at any time, by
/// several at once.
pub fn migrate(connection: &mut AnyConnection) -> Result<Vec<String>, MigrationError> {
    let versions = match connection {
        AnyConnection::Postgres(postgres) => {
            // The lock ends with the connection if not before; a big table may take longer than a
            // query may.
            postgres
                .batch_execute(&format!(
                    "SET statement_timeout = 0; SET lock_timeout = 0; SELECT pg_advisory_lock({ADVISORY_LOCK});"
                ))
                .map_err(|error| MigrationError(error.into()))?;
            let done = names(postgres.run_pending_migrations(POSTGRES));
            postgres
                .batch_execute(&format!(
                    "SELECT pg_advisory_unlock({ADVISORY_LOCK}); {POSTGRES_SETTINGS}"
                ))
                .map_err(|error| MigrationError(error.into()))?;
            done
        }
        AnyConnection::Sqlite(sqlite) => names(sqlite.run_pending_migrations(SQLITE)),
    };
    versions.map_err(MigrationError)
}

fn names<V: ToString, E>(versions: Result<Vec<V>, E>) -> Result<Vec<String>, E> {
    versions.map(|versions| versions.iter().map(V::to_string).collect())
}
