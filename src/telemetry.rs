//! Logs: structured, to standard error, with call ids, never with secrets or whole numbers.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// Crates beneath us whose news our own logs tell better.
const QUIET: &str = "str0m=error,is=warn,dimpl=warn,symphonia=warn,actix_server=warn,\
    livekit_signaling=off,livekit_net=off,livekit_api=warn";

/// Starts logging. `filter` is tracing's directive language; `json` is for machines.
///
/// # Errors
/// The filter cannot be read, or logging was started before.
pub fn start(filter: &str, json: bool) -> anyhow::Result<()> {
    // What `filter` says of the same crates replaces what is said here.
    let filter = EnvFilter::try_new(format!("{QUIET},{filter}"))?;
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let started = if json {
        logs.json().try_init()
    } else {
        logs.try_init()
    };
    started.map_err(|error| anyhow::anyhow!("{error}"))
}
