//! The books: shows, episodes, callers, calls and their events, operators, in PostgreSQL or SQLite.
//!
//! Two ways in. What happens during a show goes through [`journal`]: appended to a local file at
//! once, written to the database behind it, so that no call waits for a database and none is lost
//! with one. What people ask for goes through [`queries`]: plain functions on an [`AnyConnection`],
//! which may block and must not run on a media thread.
//!
//! [`models`] turns domain types into rows and back; the two databases share every model and every
//! query.

pub mod connection;
pub mod journal;
pub mod migrate;
pub mod models;
pub mod queries;
#[rustfmt::skip]
mod schema;
mod url;

pub use connection::{AnyConnection, Pool, open_pool};
pub use journal::{Follower, Journal, Record};
pub use url::{BadDatabaseUrl, DatabaseUrl};
