//! Floods of 20,000 messages a second for a minute each, with twenty calls up: what the calls hear, what a carrier's calls take,
//! what the switch holds in memory. `cargo bench --bench flood -- 10` makes them ten seconds long.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark says by a panic what went wrong"
)]

#[path = "../tests/sip_live/flood.rs"]
mod flood;
#[path = "../tests/sip_live/line.rs"]
#[expect(dead_code, reason = "the other half of it is for tests/sip_live")]
mod line;
#[path = "../tests/common/switch.rs"]
#[expect(dead_code, reason = "the other half of it is for tests/phones.rs")]
mod switch;

use std::io::{self, Write as _};

use flood::{Kind, Siege, head};

const SECONDS: u64 = 60;

fn main() -> io::Result<()> {
    let seconds = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .next()
        .unwrap_or(SECONDS);
    let mut out = io::stdout();
    let load = || std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    writeln!(out, "{seconds} s each, load {}", load().trim())?;
    writeln!(out, "{}", head())?;
    for (anywhere, kinds) in [
        (
            false,
            &[Kind::Invites, Kind::Scans, Kind::Tokens, Kind::Trunk][..],
        ),
        (true, &[Kind::Invites][..]),
    ] {
        let mut siege = Siege::lay(anywhere);
        if anywhere {
            writeln!(out, "where strangers may log in:")?;
        }
        for kind in [None].into_iter().chain(kinds.iter().copied().map(Some)) {
            let report = siege.endure(kind, seconds);
            let void = if report.is_valid() {
                ""
            } else {
                "  void: the generator was late"
            };
            writeln!(out, "{}{void}", report.line())?;
        }
    }
    writeln!(out, "load {}", load().trim())
}
