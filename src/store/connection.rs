//! Connections to either database, and the pool of them.
//!
//! Every wait has a limit: libpq connects within 5 s, a statement takes at most 10 s, a pool that
//! has nothing to give says so after 2 s, SQLite waits 5 s for another writer.

mod any;

use std::{fs, path::Path, time::Duration};

use diesel::{
    Connection as _, ConnectionError, ConnectionResult, PgConnection, QueryResult, RunQueryDsl,
    connection::SimpleConnection,
    r2d2::{self, HandleError, ManageConnection, R2D2Connection},
    sql_query, sql_types,
    sqlite::SqliteConnection,
};

use super::url::{DatabaseUrl, PostgresUrl};

pub use any::AnyConnection;

/// A pool of connections that checks each one before it hands it out.
pub type Pool = r2d2::Pool<Opener>;

/// Most connections at once.
const POOL_SIZE: u32 = 8;
/// How long a caller waits for one.
const POOL_PATIENCE: Duration = Duration::from_secs(2);

pub(super) const POSTGRES_SETTINGS: &str = "\
    SET statement_timeout = '10s'; \
    SET lock_timeout = '5s'; \
    SET idle_in_transaction_session_timeout = '30s';";

/// `busy_timeout` stands first: changing the journal mode needs a lock itself.
const SQLITE_SETTINGS: &str = "\
    PRAGMA busy_timeout = 5000; \
    PRAGMA journal_mode = WAL; \
    PRAGMA synchronous = NORMAL; \
    PRAGMA foreign_keys = ON;";

/// Makes the pool. It connects in the background: a database that is down is found out by the first
/// `get`.
pub fn open_pool(url: DatabaseUrl) -> Pool {
    if let DatabaseUrl::SqliteFile(path) = &url {
        // A new file is put into WAL mode by one connection alone: two at once would lock each other out. An error shows
        // at the first `get`.
        drop(open_sqlite_file(path));
    }
    let builder = r2d2::Pool::builder()
        .connection_timeout(POOL_PATIENCE)
        .error_handler(Box::new(LogErrors))
        .test_on_check_out(true);
    // Made here and not with each connection: a folder that goes away later was taken away.
    if let DatabaseUrl::SqliteFile(path) = &url
        && let Some(folder) = path.parent()
        && let Err(error) = fs::create_dir_all(folder)
    {
        tracing::warn!(folder = %folder.display(), %error, "no folder for the SQLite file");
    }
    // A database in memory is its one connection: it must neither be doubled nor renewed.
    let builder = if url == DatabaseUrl::SqliteMemory {
        builder.max_size(1).idle_timeout(None).max_lifetime(None)
    } else {
        builder.max_size(POOL_SIZE).min_idle(Some(1))
    };
    builder.build_unchecked(Opener { url })
}

/// Opens and checks the pool's connections.
#[derive(Debug)]
pub struct Opener {
    url: DatabaseUrl,
}

impl ManageConnection for Opener {
    type Connection = AnyConnection;
    type Error = r2d2::Error;

    fn connect(&self) -> Result<AnyConnection, r2d2::Error> {
        let opened = match &self.url {
            DatabaseUrl::Postgres(url) => open_postgres(url).map(AnyConnection::Postgres),
            DatabaseUrl::SqliteFile(path) => open_sqlite_file(path).map(AnyConnection::Sqlite),
            DatabaseUrl::SqliteMemory => open_sqlite(":memory:").map(AnyConnection::Sqlite),
        };
        opened.map_err(r2d2::Error::ConnectionError)
    }

    fn is_valid(&self, connection: &mut AnyConnection) -> Result<(), r2d2::Error> {
        connection.ping().map_err(r2d2::Error::QueryError)
    }

    fn has_broken(&self, connection: &mut AnyConnection) -> bool {
        connection.is_broken()
    }
}

fn open_postgres(url: &PostgresUrl) -> ConnectionResult<PgConnection> {
    let mut connection = PgConnection::establish(&url.with_limits())
        .map_err(|error| ConnectionError::BadConnection(url.blot(&error.to_string())))?;
    set(&mut connection, POSTGRES_SETTINGS)?;
    Ok(connection)
}

fn open_sqlite_file(path: &Path) -> ConnectionResult<SqliteConnection> {
    let name = path.to_str().ok_or_else(|| {
        ConnectionError::BadConnection("the path of the SQLite file is not UTF-8".to_owned())
    })?;
    open_sqlite(name)
}

fn open_sqlite(name: &str) -> ConnectionResult<SqliteConnection> {
    let mut connection = SqliteConnection::establish(name)?;
    set(&mut connection, SQLITE_SETTINGS)?;
    Ok(connection)
}

fn set(connection: &mut impl SimpleConnection, settings: &str) -> ConnectionResult<()> {
    connection
        .batch_execute(settings)
        .map_err(ConnectionError::CouldntSetupConfiguration)
}

/// Makes what was committed survive a power cut; `false` when that cannot be had just now.
/// PostgreSQL's commit does it already; SQLite's does once the write-ahead log has been copied into
/// the file, which readers can hold up.
pub(super) fn make_durable(connection: &mut AnyConnection) -> QueryResult<bool> {
    match connection {
        AnyConnection::Postgres(_) => Ok(true),
        AnyConnection::Sqlite(sqlite) => {
            let checkpoint: Checkpoint =
                sql_query("PRAGMA wal_checkpoint(FULL)").get_result(sqlite)?;
            Ok(checkpoint.busy == 0)
        }
    }
}

#[derive(diesel::QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = sql_types::Integer)]
    busy: i32,
}

/// Runs a query on whichever database it is: what diesel cannot say for both at once (`ON
/// CONFLICT`).
macro_rules! on_either {
    ($connection:expr, |$one:ident| $query:expr) => {
        match $connection {
            $crate::store::AnyConnection::Postgres($one) => $query,
            $crate::store::AnyConnection::Sqlite($one) => $query,
        }
    };
}
pub(super) use on_either;

#[derive(Debug)]
struct LogErrors;

impl HandleError<r2d2::Error> for LogErrors {
    fn handle_error(&self, error: r2d2::Error) {
        tracing::warn!(%error, "no connection to the database");
    }
}
