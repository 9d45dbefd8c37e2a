//! The running switch with its rooms on a real LiveKit server: the server dies, its wire is cut, its administrators act, and
//! hundreds come and go.
//!
//! `scripts/livekit-server` and `scripts/python-venv` install what is needed, so `make test` runs it. Each test prints what
//! it measured.

#[path = "e2e_livekit/admin.rs"]
mod admin;
#[path = "e2e_livekit/cast.rs"]
mod cast;
#[path = "e2e_livekit/crowd.rs"]
mod crowd;
#[path = "e2e_livekit/cut.rs"]
mod cut;
#[path = "common/ear.rs"]
#[expect(dead_code, reason = "the other half of it is for who_hears_whom.rs")]
mod ear;
#[path = "e2e_livekit/hearing.rs"]
mod hearing;
#[path = "common/livekit.rs"]
#[expect(dead_code, reason = "the other half of it is for who_hears_whom.rs")]
mod livekit;
#[path = "common/livekit_server.rs"]
#[expect(dead_code, reason = "the other half of it is for who_hears_whom.rs")]
mod livekit_server;
#[path = "e2e_livekit/outage.rs"]
mod outage;
#[path = "e2e_livekit/rooms.rs"]
mod rooms;
#[path = "e2e_livekit/server.rs"]
mod server;
#[path = "e2e_livekit/show.rs"]
mod show;
#[path = "common/switch.rs"]
#[expect(dead_code, reason = "the other half of it is for phones.rs")]
mod switch;
#[path = "e2e_livekit/wire.rs"]
mod wire;

use std::io::Write as _;

/// Past the harness, which keeps what a passing test prints to itself.
fn say(report: &str) {
    writeln!(std::io::stdout(), "{report}").expect("a place to write to");
}
