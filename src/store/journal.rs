//! The journal: what happened, kept in a local file at once and written to the database behind it.
//!
//! ```text
//! Show's effects → Record → Journal::append → journal.jsonl → [follower thread] → one transaction per batch → database
//! ```
//!
//! `append` costs one write to the operating system and waits for nothing else: no database, no
//! fsync. So a `kill -9` loses nothing that was appended; a power cut may lose the last second (the
//! follower syncs the file). The database may be slow, away or not there yet: the [`Follower`]
//! tries for ever, in order, and a record that is written twice changes nothing. What an earlier
//! process left in the file is written first.
//!
//! Limits: the file grows to [`Limits::file_bytes_max`] while the database is away; beyond that,
//! and when the disk is full, `append` refuses and [`Health::refused`] counts. One process per
//! folder.

mod apply;
mod file;
mod follower;
mod line;
mod record;
mod rejected;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::domain::UnixMs;
use file::JournalFile;

pub use file::JournalError;
pub use follower::{Follower, Pace};
pub use record::Record;

/// How much the journal may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The file never grows beyond this.
    pub file_bytes_max: u64,
    /// Once everything is in the database, a file longer than this is emptied.
    pub idle_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes_max: 1 << 30,
            idle_bytes_max: 1 << 20,
        }
    }
}

/// How far the database is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing waits but what is being written now.
    Ok,
    /// More waits than fits one transaction.
    Behind {
        /// How many.
        records: u64,
    },
    /// The database cannot be written; it is tried again and again.
    Down {
        /// Since the first failure in a row.
        since: UnixMs,
        /// How many wait.
        records: u64,
    },
}

/// What an operator should know of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// How far the database is behind.
    pub progress: Progress,
    /// The last `append` was refused: the disk or the journal is full. Calls go on, their records
    /// do not.
    pub refusing: bool,
    /// Records that `append` refused since the start.
    pub refused: u64,
    /// Records that the database refused for what they say; they are in `journal-rejected.jsonl`.
    pub rejected: u64,
}

/// The handle with which records are appended; clones share the file.
#[derive(Clone, Debug)]
pub struct Journal {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    limits: Limits,
    book: Mutex<Book>,
    /// Something in the book changed: records came, were written, or the end is near.
    changed: Condvar,
}

/// Where the two ends of the journal are.
#[derive(Debug)]
struct Book {
    file: JournalFile,
    /// Bytes of the file that are in the database.
    applied_bytes: u64,
    /// Records in the file that are in the database, and all of them, counted from the start of the
    /// process.
    applied: u64,
    appended: u64,
    /// The follower is woken when this many were appended: it need not hear of each.
    wake_at: u64,
    down_since: Option<UnixMs>,
    refusing: bool,
    refused: u64,
    rejected: u64,
    /// The file has bytes that were not synced.
    dirty: bool,
    closing: bool,
    /// Those who wait until everything is written.
    flushing: u32,
    follower_ended: bool,
}

impl Journal {
    /// Opens or makes the journal in `folder` and repairs what a crash left: a last line that was
    /// not written whole is cut off.
    pub fn open(folder: &Path, limits: Limits) -> Result<Self, JournalError> {
        let (file, left) = JournalFile::open(folder)?;
        if left > 0 {
            tracing::info!(
                records = left,
                "an earlier process left records in the journal"
            );
        }
        let book = Book {
            file,
            applied_bytes: 0,
            applied: 0,
            appended: left,
            wake_at: 0,
            down_since: None,
            refusing: false,
            refused: 0,
            rejected: 0,
            dirty: false,
            closing: false,
            flushing: 0,
            follower_ended: false,
        };
        let shared = Shared {
            folder: folder.to_owned(),
            limits,
            book: Mutex::new(book),
            changed: Condvar::new(),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Keeps the records, all or none. Within one call their order is free: what others refer to is
    /// written first.
    ///
    /// Returns once the operating system has them: some microseconds, unless the disk is drowning.
    pub fn append(&self, records: &[Record]) -> Result<(), JournalError> {
        if records.is_empty() {
            return Ok(());
        }
        let mut sorted: Vec<&Record> = records.iter().collect();
        sorted.sort_by_key(|record| record.rank());
        let count = sorted.len() as u64;

        let lines = line::encode(&sorted);
        let mut book = self.shared.lock();
        let kept =
            lines.and_then(|lines| book.file.append(&lines, self.shared.limits.file_bytes_max));
        book.refusing = kept.is_err();
        match &kept {
            Ok(()) => {
                book.appended += count;
                book.dirty = true;
            }
            Err(_) => book.refused += count,
        }
        let enough = book.appended >= book.wake_at;
        drop(book);
        if enough {
            self.shared.changed.notify_all();
        }
        kept
    }

    /// Waits until everything appended so far is in the database; `false` when `patience` ends
    /// first.
    pub fn flush(&self, patience: Duration) -> bool {
        let mut book = self.shared.lock();
        let target = book.appended;
        book.flushing += 1;
        self.shared.changed.notify_all();
        let (mut book, _) = self
            .shared
            .changed
            .wait_timeout_while(book, patience, |book| {
                book.applied < target && !book.follower_ended
            })
            .unwrap_or_else(PoisonError::into_inner);
        book.flushing -= 1;
        book.applied >= target
    }

    /// How it is doing.
    pub fn health(&self) -> Health {
        let book = self.shared.lock();
        let records = book.appended - book.applied;
        let progress = match book.down_since {
            Some(since) => Progress::Down { since, records },
            None if records > apply::BATCH_RECORDS_MAX as u64 => Progress::Behind { records },
            None => Progress::Ok,
        };
        Health {
            progress,
            refusing: book.refusing,
            refused: book.refused,
            rejected: book.rejected,
        }
    }
}

impl Shared {
    /// A thread that panicked with the book open left it whole: every change is one assignment.
    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
