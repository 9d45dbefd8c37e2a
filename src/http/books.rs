//! Questions to the database. They block, so they run on threads made for that; calls never wait for one.

use std::{fmt, time::Duration};

use actix_web::web::block;

use crate::{
    http::{Web, problem::Problem},
    store::AnyConnection,
};

/// How long a list waits for rows that are on their way into the database.
const FLUSH_PATIENCE: Duration = Duration::from_millis(300);

/// Entries of a list when the query says nothing of it, and at most.
const LIMIT: (i64, i64) = (200, 1000);

impl Web {
    /// Runs a query once what the journal holds is written, or after a short while without that. The rows may be older than what the
    /// desk knows: lay its views over them.
    ///
    /// # Errors
    /// 503 when the database does not answer.
    pub(super) async fn at_books<R, E>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<R, E> + Send + 'static,
    ) -> Result<R, Problem>
    where
        R: Send + 'static,
        E: fmt::Display + 'static,
    {
        let (books, journal) = (self.books.clone(), self.journal.clone());
        block(move || {
            journal.flush(FLUSH_PATIENCE);
            let mut connection = books.get().map_err(|error| down(&error))?;
            work(&mut connection).map_err(|error| down(&error))
        })
        .await?
    }
}

fn down(error: &dyn fmt::Display) -> Problem {
    tracing::warn!(%error, "the database does not answer");
    Problem::unavailable("The database does not answer. Calls go on; try again.")
}

/// How many entries a list has when `asked` is what its query says.
///
/// # Errors
/// 400 for what is not a number of entries.
pub(super) fn limit(asked: Option<i64>) -> Result<i64, Problem> {
    let (default, most) = LIMIT;
    match asked {
        None => Ok(default),
        Some(asked) if (1..=most).contains(&asked) => Ok(asked),
        Some(_) => Err(Problem::bad_request(format!("limit must be 1 to {most}."))),
    }
}
