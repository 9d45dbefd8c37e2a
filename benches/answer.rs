//! From INVITE to 200 on the running switch, over UDP on the loopback, beside two that answer calls and do nothing else: Kamailio
//! with a script of a dozen lines, and sipp (`sipp -sn uas`), where they are installed (`scripts/install-packages bench test`).
//!
//! ```text
//! generator: INVITE when it is due ─> 200 ─> ACK, BYE ─> 200        100 and 1,000 calls a second, whoever answers in turn
//! ```
//! The generator is open: the next call is due whether the last was answered or not. A turn in which it was late itself is void.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

#[path = "answer/caller.rs"]
mod caller;
#[path = "answer/peers.rs"]
mod peers;
#[path = "../tests/common/switch.rs"]
#[expect(dead_code, reason = "the other half of it is for tests/phones.rs")]
mod switch;

use std::io::{self, Write as _};
use std::net::SocketAddr;

use caller::{Caller, Turn};
use switch::Switch;

/// Calls a second, and seconds of each turn.
const RATES: [(u32, u32); 2] = [(100, 3), (1000, 3)];
const TURNS: usize = 5;
/// A turn that was void is taken again, so many times in all.
const VOID_MAX: usize = 10;
/// A generator that was later than this in a hundredth of its calls says nothing about who answers.
const LATE_MS_MAX: f64 = 5.0;

struct Answerer {
    name: &'static str,
    at: SocketAddr,
    pid: Option<u32>,
    turns: Vec<Vec<Turn>>,
}

impl Answerer {
    fn new(name: &'static str, at: SocketAddr, pid: Option<u32>) -> Self {
        Self {
            name,
            at,
            pid,
            turns: RATES.iter().map(|_| Vec::new()).collect(),
        }
    }
}

fn main() -> io::Result<()> {
    // Ports rest for half a minute after a call.
    let further = [
        ("RTP_PORT_RANGE", "10000-32766"),
        ("MAX_CALLS_PER_SECOND", "10000"),
        ("OVERLOAD_LATENESS_MS", "0"),
        ("OVERLOAD_CPU_PERCENT", "0"),
        ("LOG", "warn"),
    ];
    let switch = Switch::start(&further);
    switch.go_live();
    let kamailio = peers::kamailio()?;
    let sipp = peers::sipp()?;
    let mut answerers = vec![Answerer::new("audioroad", switch.sip(), Some(switch.pid()))];
    let peers = [("kamailio, a script", &kamailio), ("sipp -sn uas", &sipp)];
    for (name, peer) in peers {
        match peer {
            Some(peer) => answerers.push(Answerer::new(name, peer.at, peer.pid())),
            None => writeln!(io::stdout(), "{name}: not installed")?,
        }
    }
    let mut void = 0;
    for turn in 0..=TURNS {
        for answerer in &mut answerers {
            for (rate, seconds) in RATES {
                let done = loop {
                    let done = Caller::new(answerer.at)?.call(rate, seconds, answerer.pid)?;
                    if done.late_ms_p99 <= LATE_MS_MAX || void >= VOID_MAX {
                        break done;
                    }
                    void += 1;
                };
                // The first turn warms up.
                let at = RATES.iter().position(|(other, _)| *other == rate);
                if let Some(turns) = at.and_then(|at| answerer.turns.get_mut(at))
                    && turn > 0
                {
                    turns.push(done);
                }
            }
        }
    }
    report(&answerers, void)
}

fn report(answerers: &[Answerer], void: usize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    writeln!(
        out,
        "{TURNS} turns of {} s each, medians of the turns; {void} void; load {}",
        RATES[0].1,
        load.trim()
    )?;
    writeln!(
        out,
        "{:20} {:>8} {:>8} {:>8} {:>8} {:>9} {:>8} {:>9} {:>10}",
        "INVITE to 200, ms",
        "calls/s",
        "p50",
        "p99",
        "most",
        "answered",
        "again",
        "us/call",
        "late p99"
    )?;
    for (at, (rate, _)) in RATES.iter().enumerate() {
        for answerer in answerers {
            let turns = answerer
                .turns
                .get(at)
                .map(Vec::as_slice)
                .unwrap_or_default();
            let median = |of: fn(&Turn) -> f64| caller::median(turns.iter().map(of).collect());
            let placed: usize = turns.iter().map(|turn| turn.placed).sum();
            let answered: usize = turns.iter().map(|turn| turn.answered).sum();
            let again: usize = turns.iter().map(|turn| turn.again).sum();
            writeln!(
                out,
                "{:20} {rate:8} {:8.2} {:8.2} {:8.2} {:>9} {again:8} {:9.0} {:10.2}",
                answerer.name,
                median(|turn| turn.p50_ms),
                median(|turn| turn.p99_ms),
                median(|turn| turn.most_ms),
                format!("{:.2}%", answered as f64 * 100.0 / placed.max(1) as f64),
                median(|turn| turn.cpu_us),
                median(|turn| turn.late_ms_p99),
            )?;
        }
    }
    Ok(())
}
