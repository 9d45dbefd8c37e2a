//! The wire to the LiveKit server is cut in mid-show, wholly or by halves, without anybody being told: callers do not notice,
//! and everybody hears everybody again once it is mended.
//!
//! The host sits beside the server, at the far end of the wire, and loses nothing: what comes back late is the switch's.
//! Needs root and iproute2 for network namespaces.

use std::thread::park_timeout;
use std::time::Duration;

use audioroad::actors::clock;

use crate::cast::{Cast, HOST, Loss, judge};
use crate::livekit::LiveKitPerson;
use crate::livekit_server::{LiveKitServer, Start};
use crate::say;
use crate::show::{Show, wait_until_empty};
use crate::wire::{Cut, Wire};

/// What is cut, and for how many seconds.
const CUTS: [(Cut, u64); 9] = [
    (Cut::Everything, 3),
    (Cut::Media, 3),
    (Cut::Signalling, 3),
    (Cut::Everything, 8),
    (Cut::Media, 8),
    (Cut::Signalling, 8),
    (Cut::Everything, 30),
    (Cut::Media, 20),
    (Cut::Signalling, 30),
];
/// Longer ones are listened to: by then everybody has noticed.
const LISTENED_S_MIN: u64 = 8;

#[test]
#[ignore = "needs livekit-server and root: make test"]
fn a_cut_wire_harms_no_call_and_heals() {
    let wire = match Wire::lay() {
        Ok(wire) => wire,
        Err(why) => {
            let what = "NOT PROVEN: what a cut wire to LiveKit does";
            say(&format!("{what}: no network namespaces here ({why})"));
            return;
        }
    };
    let server = LiveKitServer::start_with(Start {
        ip: wire.address(),
        namespace: Some(wire.namespace().to_owned()),
        ..Start::default()
    });
    let show = Show::live(server.switch(&[]));
    let pass = (server.url(), server.token(&show.room(), "host:h"));
    let beside = Some(wire.namespace());
    let host = LiveKitPerson::enter(beside, (&pass.0, &pass.1), "host:h", HOST);
    let cast = Cast::on_air(show, host);
    let losses = CUTS.map(|(cut, seconds)| suffer(&cast, &server, (&wire, cut), seconds));
    judge(&losses);
    cast.show.end(&cast.callers);
    wait_until_empty(&server);
}

/// Cuts the wire and mends it.
fn suffer(cast: &Cast, server: &LiveKitServer, (wire, cut): (&Wire, Cut), seconds: u64) -> Loss {
    let what = format!("{cut:?} cut for {seconds} s");
    cast.begin();
    wire.cut(cut);
    park_timeout(Duration::from_secs(seconds));
    if seconds >= LISTENED_S_MIN {
        let media_flows = matches!(cut, Cut::Signalling);
        cast.check(&what, if media_flows { &[HOST] } else { &[] });
    }
    wire.mend(cut);
    let loss = cast.recover((&what, back_max(cut)), server, clock::now());
    say(&loss.to_string());
    loss
}

/// From the mending until callers and the host hear each other.
fn back_max(cut: Cut) -> Duration {
    Duration::from_secs(match cut {
        Cut::Everything | Cut::Media => 5,
        Cut::Signalling => 1,
    })
}
