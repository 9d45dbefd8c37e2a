//! The switch under load, beside those who do the like: what a caller costs, how long sound takes, what is lost.
//!
//! ```text
//! core 1: telephones (SIP), a packet every 20 ms each, one clicks ──> core 0: audioroad | Janus | rtpengine | Kamailio | sipp
//!         the others hear the click, packets are counted      <──    CPU by /proc/PID/task/*/schedstat
//! ```
//! `make load` runs all of it but the soak; `make load ARGS="mix hold --seconds 20"` some. Rounds take turns: ours, theirs, ours,
//! theirs. A step is void and taken again when the generator was late or busy itself, or others loaded the machine.
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and owns its threads"
)]

#[path = "answer/caller.rs"]
#[expect(dead_code, reason = "the other half of it is for benches/answer.rs")]
mod answer_caller;
#[path = "load/bare.rs"]
mod bare;
#[path = "load/child.rs"]
mod child;
#[path = "load/crowd.rs"]
mod crowd;
#[path = "load/janus.rs"]
mod janus;
#[path = "../tests/common/livekit.rs"]
#[expect(dead_code, reason = "the other half of it is for tests")]
mod livekit;
#[path = "load/livekit_sip.rs"]
mod livekit_sip;
#[path = "load/machine.rs"]
mod machine;
#[path = "load/network.rs"]
mod network;
#[path = "load/ours.rs"]
mod ours;
#[path = "answer/peers.rs"]
mod peers;
#[path = "load/phone.rs"]
mod phone;
#[path = "load/record.rs"]
mod record;
#[path = "load/rooms.rs"]
mod rooms;
#[path = "load/rtpengine.rs"]
mod rtpengine;
#[path = "load/setup.rs"]
mod setup;
#[path = "../tests/common/switch.rs"]
#[expect(dead_code, reason = "the other half of it is for tests")]
mod switch;
#[path = "load/table.rs"]
mod table;
#[path = "load/whole.rs"]
mod whole;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Parser;

use record::Record;
use rooms::Pace;

/// The switch under load, beside those who do the like.
#[derive(Parser)]
struct Settings {
    /// mix, hold, livekit-sip, browsers, relay, network, setup, burst, show, idle, footprint, soak [all but soak]
    scenarios: Vec<String>,
    /// Seconds of each step
    #[arg(long, env = "SECONDS", default_value_t = 10)]
    seconds: u64,
    /// Rounds, ours and theirs in turn
    #[arg(long, env = "ROUNDS", default_value_t = 3)]
    rounds: usize,
    /// Minutes of the soak
    #[arg(long, env = "MINUTES", default_value_t = 60)]
    minutes: u64,
    /// Cores that others may keep busy before a step is void
    #[arg(long, env = "OTHERS_MAX", default_value_t = 1.0)]
    others_max: f64,
    /// Where load.json and load.md go
    #[arg(long, env = "LOAD_OUT", default_value = "build/load")]
    out: PathBuf,
    /// The floor under so many far ends, see `bare`
    #[arg(long, hide = true)]
    bare: Option<usize>,
    /// How many frames it lets packets wait
    #[arg(long, hide = true, default_value_t = 1)]
    reads_every: usize,
    /// What cargo says to each benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

const ALL: [&str; 11] = [
    "mix",
    "hold",
    "livekit-sip",
    "browsers",
    "relay",
    "network",
    "setup",
    "burst",
    "show",
    "idle",
    "footprint",
];

fn main() -> Result<()> {
    let settings = Settings::parse();
    if let Some(callers) = settings.bare {
        return bare::run(callers, settings.reads_every);
    }
    let pace = Pace {
        step: Duration::from_secs(settings.seconds),
        rounds: settings.rounds,
    };
    let mut scenarios: Vec<&str> = settings.scenarios.iter().map(String::as_str).collect();
    if scenarios.is_empty() {
        scenarios.extend(ALL);
    }
    machine::pin(std::process::id(), machine::OWN_CORE)?;
    let mut record = Record::new(&settings.out, settings.seconds, settings.others_max);
    for scenario in scenarios {
        match scenario {
            "mix" => rooms::mix(&mut record, pace)?,
            "hold" => rooms::hold(&mut record, pace)?,
            "livekit-sip" => rooms::livekit_sip(&mut record, pace)?,
            "browsers" => whole::browsers(&mut record, pace)?,
            "relay" => rooms::relay(&mut record, pace)?,
            "network" => rooms::poor_network(&mut record, pace)?,
            "setup" => setup::rate(&mut record, pace)?,
            "burst" => setup::burst(&mut record, pace)?,
            "show" => whole::show(&mut record, pace)?,
            "idle" => whole::idle(&mut record, pace)?,
            "footprint" => whole::footprint(&mut record, pace)?,
            "soak" => setup::soak(&mut record, settings.minutes)?,
            other => bail!(
                "there is no scenario {other}; there are {} and soak",
                ALL.join(", ")
            ),
        }
        record.write()?;
    }
    Ok(())
}
