//! A LiveKit server that dies in mid-show, again and again: callers do not notice, browsers are back as soon as it is.

use std::thread::park_timeout;
use std::time::Duration;

use crate::cast::{Cast, HOST, Loss, judge};
use crate::livekit::LiveKitPerson;
use crate::livekit_server::LiveKitServer;
use crate::say;
use crate::show::{Show, wait_until_empty};

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
    judge(&losses);
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
    let loss = cast.recover((&what, BACK_MAX), server, back);
    say(&loss.to_string());
    loss
}
