//! Rooms on a real LiveKit server: how long a click takes from a telephone to LiveKit's own client and back, and what a caller
//! on air costs the switch. Everything is on this machine, so the network adds nothing.
//!
//! What the client itself adds is measured too: the same client hears another of its kind through the same server.
//! Needs `scripts/livekit-server` and `scripts/python-venv`; says so and passes when they have not been run.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

#[path = "livekit/clicks.rs"]
mod clicks;
#[path = "../tests/common/livekit_server.rs"]
#[expect(dead_code, reason = "the other half of it is for tests/e2e_livekit.rs")]
mod livekit_server;
#[path = "../tests/e2e_livekit/show.rs"]
#[expect(dead_code, reason = "the other half of it is for tests/e2e_livekit.rs")]
mod show;
#[path = "../tests/common/switch.rs"]
#[expect(dead_code, reason = "the other half of it is for tests/phones.rs")]
mod switch;

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use livekit_server::{LiveKitServer, Rooms};
use show::{Caller, Show};
use switch::Switch;

/// Callers of the CPU measurement.
const CALLERS: usize = 10;
/// For how long each state is watched.
const WATCHED: Duration = Duration::from_secs(20);
/// Kernel ticks a second, of which `/proc/PID/stat` counts CPU time (`USER_HZ`, 100 on every Linux).
const TICKS: f64 = 100.0;

fn main() -> io::Result<()> {
    let mut out = io::stdout();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    for needed in ["build/livekit/livekit-server", "build/venv/bin/python"] {
        if !here.join(needed).exists() {
            return writeln!(
                out,
                "livekit: there is no {needed}: run scripts/livekit-server and scripts/python-venv"
            );
        }
    }
    let load = fs::read_to_string("/proc/loadavg")?;
    writeln!(out, "livekit: load {}", load.trim())?;
    latency(&mut out)?;
    writeln!(
        out,
        "\n| CPU of the switch per caller, % of a core | mean of {CALLERS} callers over {WATCHED:?} |\n|---|---|"
    )?;
    cost(&mut out, "embedded", &Rooms::Embedded)?;
    cost(&mut out, "LiveKit server", &Rooms::on_livekit())
}

/// Prints how long clicks take.
fn latency(out: &mut impl io::Write) -> io::Result<()> {
    let server = LiveKitServer::start();
    let show = Show::live(server.switch(&[("LOG", "info")]));
    writeln!(
        out,
        "\n| click, ms | clicks | p50 | p99 |\n|---|---|---|---|"
    )?;
    for way in clicks::measure(&server, &show) {
        let [p50, p99] = [50, 99].map(|p| way.percentile_ms(p));
        writeln!(
            out,
            "| {} | {} | {p50:.0} | {p99:.0} |",
            way.what,
            way.clicks()
        )?;
    }
    Ok(())
}

/// Prints what callers cost on hold and on air.
fn cost(out: &mut impl io::Write, name: &str, rooms: &Rooms) -> io::Result<()> {
    let show = Show::live(rooms.switch());
    let callers: Vec<Caller> = (0..CALLERS)
        .map(|n| show.rings(&format!("+155501001{n:02}"), 300.0 + 60.0 * n as f32))
        .collect();
    callers.iter().for_each(|caller| show.hold(caller));
    let hold = per_caller(&show.switch)?;
    callers
        .iter()
        .for_each(|caller| show.step(caller, "move-to-live"));
    let air = per_caller(&show.switch)?;
    writeln!(
        out,
        "| {name}: on hold | {hold:.2} |\n| {name}: on air | {air:.2} |"
    )
}

/// Per cent of a core that the switch spends on each caller.
fn per_caller(switch: &Switch) -> io::Result<f64> {
    sleep(Duration::from_secs(3));
    let before = cpu_s(switch.pid())?;
    sleep(WATCHED);
    let spent = cpu_s(switch.pid())? - before;
    Ok(100.0 * spent / WATCHED.as_secs_f64() / CALLERS as f64)
}

/// Seconds of CPU that a process has had.
fn cpu_s(pid: u32) -> io::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name may have spaces in it; utime and stime are the 12th and 13th fields after it.
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let ticks = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok());
    Ok(ticks.sum::<f64>() / TICKS)
}
