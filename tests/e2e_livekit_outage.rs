//! A LiveKit server that dies in mid-show, again and again: callers do not notice, browsers are back as soon as it is.
//!
//! `scripts/livekit-server` and `scripts/python-venv` install what is needed, so `make test` runs it.

#[path = "e2e_livekit/cast.rs"]
mod cast;
#[path = "common/ear.rs"]
#[expect(
    dead_code,
    reason = "the other half of it is for tests/who_hears_whom.rs"
)]
mod ear;
#[path = "e2e_livekit/hearing.rs"]
mod hearing;
#[path = "common/livekit.rs"]
#[expect(
    dead_code,
    reason = "the other half of it is for tests/who_hears_whom.rs"
)]
mod livekit;
#[path = "common/livekit_server.rs"]
#[expect(
    dead_code,
    reason = "the other half of it is for the other e2e_livekit tests"
)]
mod livekit_server;
#[path = "e2e_livekit/show.rs"]
#[expect(
    dead_code,
    reason = "the other half of it is for the other e2e_livekit tests"
)]
mod show;
#[path = "common/switch.rs"]
#[expect(dead_code, reason = "the other half of it is for tests/phones.rs")]
mod switch;

use std::io::Write as _;
use std::thread::park_timeout;
use std::time::Duration;

use cast::{Cast, HOST, Loss, judge};
use livekit::LiveKitPerson;
use livekit_server::LiveKitServer;
use show::{Show, wait_until_empty};

/// For how long the server is away, time after time.
const AWAY_MS: [u64; 10] = [0, 200, 500, 1000, 1500, 2000, 3000, 5000, 500, 8000];
/// Longer ones are listened to.
const LISTENED_MS_MIN: u64 = 2000;
/// From the moment when the server takes connections again until callers and browsers hear each other.
const BACK_MAX: Duration = Duration::from_secs(3);

#[test]
#[ignore = "needs livekit-server: make test"]
fn ten_deaths_of_the_server_in_mid_show() {
    let mut server = LiveKitServer::start();
    let show = Show::live(server.switch(&[]));
    let host = LiveKitPerson::stay(&show.switch, &show.room(), "host:h", HOST);
    let cast = Cast::on_air(show, host);
    let losses: Vec<Loss> = AWAY_MS
        .iter()
        .map(|away_ms| death(&cast, &mut server, *away_ms))
        .collect();
    judge(&losses, BACK_MAX);
    cast.show.end(&cast.callers);
    wait_until_empty(&server);
}

/// Kills the server and brings it back.
fn death(cast: &Cast, server: &mut LiveKitServer, away_ms: u64) -> Loss {
    let what = format!("server killed and away for {away_ms} ms");
    cast.begin();
    server.kill();
    park_timeout(Duration::from_millis(away_ms));
    if away_ms >= LISTENED_MS_MIN {
        cast.check(&what, &[]);
    }
    let back = server.run();
    let loss = cast.recover(&what, server, back);
    // Past the harness, which keeps what a passing test prints to itself.
    writeln!(std::io::stdout(), "{loss:?}").expect("a place to write to");
    loss
}
