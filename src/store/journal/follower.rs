//! The follower: a thread that carries the journal into the database, and goes on trying.
//!
//! ```text
//! wait for lines → read a batch → connect (migrate once) → one transaction → move the mark → empty the file when all is in
//!                       ↑ pause, twice as long each time ← database in trouble
//! ```

use std::{
    fs::File,
    io,
    rc::Rc,
    sync::{Arc, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{
    Journal, Shared,
    apply::{BATCH_RECORDS_MAX, apply},
    file::read_chunk,
    line,
    rejected::set_aside,
};
use crate::{
    domain::UnixMs,
    priority,
    store::{
        connection::{Pool, make_durable},
        migrate::{MigrationError, migrate},
    },
};

/// How long the follower waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// After the first failure; twice as long after each further one.
    pub retry_first: Duration,
    /// Never longer than this.
    pub retry_longest: Duration,
    /// Appended bytes are synced to the disk about this often.
    pub sync_every: Duration,
    /// Records that come one after the other are written together: the first of them waits this long for the others.
    pub gather: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            retry_first: Duration::from_millis(200),
            retry_longest: Duration::from_secs(5),
            sync_every: Duration::from_secs(1),
            gather: Duration::from_millis(20),
        }
    }
}

/// The running thread; dropped, it ends by itself after the batch in hand.
#[derive(Debug)]
pub struct Follower {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    /// Starts the one follower of `journal`. `clock` tells the time of day.
    ///
    /// The database need not be there yet: once it is, it is migrated and what waits is written.
    pub fn start(
        journal: &Journal,
        pool: Pool,
        pace: Pace,
        clock: impl Fn() -> UnixMs + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::clone(&journal.shared);
        let file = shared.lock().file.reader();
        let synced_at = clock();
        let for_thread = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                // A batch is some 20 ms of work. Whoever is being called should not wait for it.
                priority::give_way();
                let clock: Clock = Rc::new(clock);
                let _ending = Ending {
                    shared: Arc::clone(&for_thread),
                    clock: Rc::clone(&clock),
                };
                Run {
                    shared: for_thread,
                    file,
                    pool,
                    pace,
                    clock,
                    migrated: false,
                    synced_at,
                }
                .run();
            })?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Writes what waits, for at most `patience`, then ends the thread, which may take as long
    /// again. `false`: something waits still, for the next process. A thread that the database
    /// holds up is left to itself.
    pub fn stop(mut self, patience: Duration) -> bool {
        let flushed = Journal {
            shared: Arc::clone(&self.shared),
        }
        .flush(patience);
        self.close();
        let book = self.shared.lock();
        let (book, waited) = self
            .shared
            .changed
            .wait_timeout_while(book, patience, |book| !book.follower_ended)
            .unwrap_or_else(PoisonError::into_inner);
        drop(book);
        if let Some(thread) = self.thread.take()
            && !waited.timed_out()
            && thread.join().is_err()
        {
            tracing::error!("the journal's follower had failed");
        }
        flushed
    }

    fn close(&self) {
        self.shared.lock().closing = true;
        self.shared.changed.notify_all();
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.close();
    }
}

/// The database's trouble, or the disk's.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("no connection: {0}")]
    Connection(#[from] diesel::r2d2::PoolError),
    #[error(transparent)]
    Migration(#[from] MigrationError),
    #[error(transparent)]
    Query(#[from] diesel::result::Error),
    #[error("the journal cannot be read: {0}")]
    File(#[from] io::Error),
}

/// With nothing to do, look up this often.
const IDLE_LONGEST: Duration = Duration::from_secs(3600);

type Clock = Rc<dyn Fn() -> UnixMs>;

struct Run {
    shared: Arc<Shared>,
    file: Arc<File>,
    pool: Pool,
    pace: Pace,
    clock: Clock,
    migrated: bool,
    synced_at: UnixMs,
}

impl Run {
    fn run(mut self) {
        let mut pause = self.pace.retry_first;
        while let Some((from, end)) = self.wait_for_lines() {
            match self.carry(from, end) {
                Ok(()) => pause = self.pace.retry_first,
                Err(trouble) => {
                    self.report(&trouble);
                    self.rest(pause);
                    pause = (pause * 2).min(self.pace.retry_longest);
                }
            }
            self.sync_when_due();
        }
        self.empty_file(0);
        self.sync();
    }

    /// Where unwritten lines begin and end; `None` when the follower is to end.
    fn wait_for_lines(&mut self) -> Option<(u64, u64)> {
        loop {
            let mut book = self.shared.lock();
            book.wake_at = book.appended + 1;
            let idle =
                |book: &mut super::Book| !book.closing && book.applied_bytes == book.file.length();
            let patience = if book.dirty {
                self.pace.sync_every
            } else {
                IDLE_LONGEST
            };
            let (book, waited) = self
                .shared
                .changed
                .wait_timeout_while(book, patience, idle)
                .unwrap_or_else(PoisonError::into_inner);
            if book.closing {
                return None;
            }
            if !waited.timed_out() {
                return Some(self.gather(book));
            }
            drop(book);
            self.sync();
        }
    }

    /// Lets more lines come, unless there is a batch of them already.
    fn gather(&self, mut book: MutexGuard<'_, super::Book>) -> (u64, u64) {
        book.wake_at = book.applied + BATCH_RECORDS_MAX as u64;
        let wants_more = |book: &mut super::Book| {
            let waiting = book.appended - book.applied;
            !book.closing && book.flushing == 0 && waiting < BATCH_RECORDS_MAX as u64
        };
        let gathered = self
            .shared
            .changed
            .wait_timeout_while(book, self.pace.gather, wants_more);
        let (book, _) = gathered.unwrap_or_else(PoisonError::into_inner);
        (book.applied_bytes, book.file.length())
    }

    fn carry(&mut self, from: u64, end: u64) -> Result<(), Trouble> {
        let chunk = read_chunk(&self.file, from, end, BATCH_RECORDS_MAX)?;
        let mut records = Vec::new();
        let mut damaged = Vec::new();
        for line in chunk.lines() {
            match line::decode(line) {
                Some(record) => records.push(record),
                None => damaged.push(line),
            }
        }
        let mut connection = self.pool.get()?;
        if !self.migrated {
            migrate(&mut connection)?;
            self.migrated = true;
        }
        let rejected = apply(&mut connection, &records)?;
        drop(connection);
        set_aside(&self.shared.folder, &rejected, &damaged);

        let mut book = self.shared.lock();
        book.applied_bytes += chunk.length;
        book.applied += chunk.lines().count() as u64;
        book.rejected += (rejected.len() + damaged.len()) as u64;
        let was_down = book.down_since.take().is_some();
        let waiting = book.appended - book.applied;
        drop(book);
        self.shared.changed.notify_all();
        if was_down {
            tracing::info!(waiting, "the database is written again");
        }
        self.empty_file(self.shared.limits.idle_bytes_max);
        Ok(())
    }

    /// Empties the file when it is longer than `bytes` and all of it is in the database for good.
    /// Appends never wait for that: when one comes in between, or it fails, the next batch tries
    /// again. Until then the file repeats what is in the database, which changes nothing.
    fn empty_file(&self, bytes: u64) {
        if let Err(trouble) = self.try_to_empty_file(bytes) {
            tracing::warn!(%trouble, "the journal keeps what is in the database already");
        }
    }

    fn try_to_empty_file(&self, bytes: u64) -> Result<(), Trouble> {
        let done = |book: &super::Book| {
            book.applied_bytes == book.file.length() && book.applied_bytes > bytes
        };
        // The book must be closed again before the database is asked.
        let worth_it = done(&self.shared.lock());
        if !worth_it || !make_durable(&mut *self.pool.get()?)? {
            return Ok(());
        }
        let mut book = self.shared.lock();
        if done(&book) {
            book.file.clear()?;
            book.applied_bytes = 0;
        }
        Ok(())
    }

    fn report(&self, trouble: &Trouble) {
        let mut book = self.shared.lock();
        if book.down_since.is_none() {
            book.down_since = Some((self.clock)());
            tracing::error!(%trouble, "the database cannot be written; the journal keeps everything and tries again");
        } else {
            tracing::debug!(%trouble, "the database cannot be written still");
        }
    }

    fn rest(&self, pause: Duration) {
        let book = self.shared.lock();
        let rested = self
            .shared
            .changed
            .wait_timeout_while(book, pause, |book| !book.closing);
        drop(rested.unwrap_or_else(PoisonError::into_inner));
    }

    fn sync_when_due(&mut self) {
        let due = (self.clock)().since(self.synced_at) >= self.pace.sync_every.as_millis() as i64;
        let dirty = self.shared.lock().dirty;
        if due && dirty {
            self.sync();
        }
    }

    fn sync(&mut self) {
        self.shared.lock().dirty = false;
        self.synced_at = (self.clock)();
        if let Err(error) = self.file.sync_data() {
            tracing::error!(%error, "the journal cannot be synced to the disk");
        }
    }
}

/// Says that the thread is over, however it ended.
struct Ending {
    shared: Arc<Shared>,
    clock: Clock,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let mut book = self.shared.lock();
        book.follower_ended = true;
        if thread::panicking() {
            book.down_since = book.down_since.or_else(|| Some((self.clock)()));
        }
        drop(book);
        self.shared.changed.notify_all();
    }
}
