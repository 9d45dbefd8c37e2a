//! The books are opened: an earlier process's journal is written first, calls it left open are closed, the desk is set.

use std::time::Duration;

use anyhow::Context as _;

use crate::{
    actors::clock,
    config::Config,
    domain::{Cause, Desk, DeskSettings, Mixing},
    store::{
        Follower, Journal, Pool,
        journal::{Limits, Pace},
        migrate::migrate,
        open_pool, queries,
    },
};

/// How long an earlier process's rows may take to be written before the switch starts without them.
const REPLAY_MAX: Duration = Duration::from_secs(30);
const BATCH_ROWS: i64 = 1000;

/// The open books.
pub(super) struct Books {
    /// Connections.
    pub pool: Pool,
    /// Where rows go first.
    pub journal: Journal,
    /// Who writes them on.
    pub follower: Follower,
}

impl Books {
    pub(super) fn open(config: &Config) -> anyhow::Result<(Self, Desk)> {
        let shown = config.books.shown();
        let url = config.books.database_url.parse()?;
        let pool = open_pool(url);
        let unreachable = || format!("cannot open the database {shown}");
        {
            let mut connection = pool.get().with_context(unreachable)?;
            let migrated = migrate(&mut connection).with_context(unreachable)?;
            if !migrated.is_empty() {
                tracing::info!(
                    database = shown,
                    migrations = migrated.len(),
                    "database brought up to date"
                );
            }
        }
        let journal = Journal::open(&config.data_dir.join("journal"), Limits::default())
            .context("the journal")?;
        let follower = Follower::start(&journal, pool.clone(), Pace::default(), clock::utc)?;
        if !journal.flush(REPLAY_MAX) {
            anyhow::bail!("rows of an earlier run cannot be written to {shown}; see the log");
        }
        let desk = load(config, &pool).with_context(unreachable)?;
        Ok((
            Self {
                pool,
                journal,
                follower,
            },
            desk,
        ))
    }
}

fn load(config: &Config, pool: &Pool) -> anyhow::Result<Desk> {
    let mut connection = pool.get()?;
    let closed = queries::close_open_calls(&mut connection, clock::utc(), &Cause::SwitchRestarted)?;
    if !closed.is_empty() {
        tracing::warn!(
            calls = closed.len(),
            "the switch did not end well: open calls were closed in the books"
        );
    }
    let opening = queries::load_opening(&mut connection)?;
    let mut callers = Vec::new();
    queries::each_caller(&mut connection, BATCH_ROWS, |caller| callers.push(caller))?;
    let mut desk = Desk::new(DeskSettings {
        limits: config.station.limits,
        mixing: Mixing {
            loudness_target: config.media.loudness_target,
            duck_db: config.media.ducking.depth_db,
            denoise: config.media.denoise,
            ..Mixing::default()
        },
        ..DeskSettings::default()
    });
    tracing::info!(
        shows = opening.shows.len(),
        callers = callers.len(),
        "books opened"
    );
    desk.set_calls_out(super::calls_out::rules(config));
    desk.restore(
        opening.shows,
        opening.episodes,
        callers,
        opening.last_numbers,
    );
    Ok(desk)
}
