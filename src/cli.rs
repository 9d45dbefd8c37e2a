//! The command line: `serve` (the default), `demo`, `check`, `migrate`. Every setting comes from the environment or the file.

use std::{fmt::Write as _, io, path::PathBuf, process::ExitCode};

use actix::System;
use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::{
    actors::clock,
    app::{self, Running},
    check,
    config::{Config, SETTINGS, Source},
    demo, net, store, telemetry,
};

const FILE: &str = "audioroad.toml";

/// A telephony switch for radio call-in shows.
#[derive(Debug, Parser)]
#[command(name = "audioroad", version, about)]
struct Line {
    /// Settings file [default: audioroad.toml, where there is one]
    #[arg(long, short, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    task: Option<Task>,
}

#[derive(Debug, Subcommand, Clone, Copy, PartialEq, Eq)]
enum Task {
    /// Answer the telephone and serve the dashboards (the default)
    Serve,
    /// The same, with a show on air and five callers who phone in and speak
    Demo,
    /// Say what is wrong with the settings, the ports, the database, the clock
    Check,
    /// Bring the database up to date and stop
    Migrate,
}

fn settings_help() -> String {
    let mut help =
        String::from("Settings (environment, or lower-case in audioroad.toml) [default]:\n");
    for (name, what) in SETTINGS {
        // Writing into a string does not fail.
        let _ = writeln!(help, "  {name:<22} {what}");
    }
    help
}

/// Runs the program.
pub fn run() -> ExitCode {
    let command = Line::command().after_help(settings_help());
    let line = match command
        .try_get_matches()
        .and_then(|matches| Line::from_arg_matches(&matches))
    {
        Ok(line) => line,
        Err(error) => error.exit(),
    };
    match carry_out(line) {
        Ok(code) => code,
        Err(error) => {
            say(&mut io::stderr(), &format!("audioroad: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn carry_out(line: Line) -> anyhow::Result<ExitCode> {
    // One provider for all of rustls, chosen before anything can ask for it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let source = source(line.config)?;
    let task = line.task.unwrap_or(Task::Serve);
    let read = Config::read(&source);
    if task == Task::Check {
        return Ok(check::run(read, &mut io::stdout()));
    }
    let config = read?;
    let json = source
        .text("LOG_FORMAT")
        .is_some_and(|format| format.eq_ignore_ascii_case("json"));
    telemetry::start(&source.text("LOG").unwrap_or_else(|| "info".into()), json).context("LOG")?;
    match task {
        Task::Migrate => migrate(&config),
        Task::Serve | Task::Demo | Task::Check => serve(config, task == Task::Demo),
    }
}

fn source(file: Option<PathBuf>) -> anyhow::Result<Source> {
    let text = match file {
        Some(path) => std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?,
        None => std::fs::read_to_string(FILE).unwrap_or_default(),
    };
    Ok(Source::new(&text, |name| std::env::var(name).ok())?)
}

fn serve(config: Config, with_callers: bool) -> anyhow::Result<ExitCode> {
    net::files::take_all();
    let system = System::new();
    system.block_on(async move {
        let running = app::start(config)?;
        welcome(&running);
        if with_callers {
            demo::start(&running.switchboard, running.sip).await?;
            say(
                &mut io::stdout(),
                "Five callers are phoning in. Sign in above, pick one up, put them on air.",
            );
        }
        let mut signals = Signals::new()?;
        let signal = signals.next().await;
        tracing::info!(signal, "going down");
        // Ctrl-C is somebody who waits, and the demonstration's callers never hang up.
        if signal == TERM && !with_callers {
            running.drain(async { _ = signals.next().await }).await;
        }
        running.stop().await;
        Ok(ExitCode::SUCCESS)
    })
}

fn welcome(running: &Running) {
    let link = running.accounts.issue_link(clock::utc());
    let url = &running.url;
    let mut out = io::stdout();
    say(&mut out, &format!("audioroad is up: {url}"));
    say(
        &mut out,
        &format!("Sign in once with this link (30 minutes): {url}/sign-in?token={link}"),
    );
}

const TERM: &str = "SIGTERM";

/// What the operating system, or whoever sits at the terminal, asks for.
struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.term.recv() => TERM,
            _ = self.int.recv() => "SIGINT",
        }
    }
}

fn migrate(config: &Config) -> anyhow::Result<ExitCode> {
    if let Some(dir) = std::path::Path::new(&config.data_dir).to_str() {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {dir}"))?;
    }
    let pool = store::open_pool(config.books.database_url.parse()?);
    let mut connection = pool
        .get()
        .with_context(|| format!("cannot open the database {}", config.books.shown()))?;
    let done = store::migrate::migrate(&mut connection)?;
    let text = if done.is_empty() {
        "The database is up to date.".to_owned()
    } else {
        format!("Done: {}.", done.join(", "))
    };
    say(&mut io::stdout(), &text);
    Ok(ExitCode::SUCCESS)
}

fn say(out: &mut impl io::Write, text: &str) {
    // A closed pipe is no reason to stop a switch.
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Line::command().debug_assert();
    }

    #[test]
    fn help_teaches_every_setting() {
        let help = settings_help();
        assert!(SETTINGS.iter().all(|(name, _)| help.contains(name)));
    }
}
