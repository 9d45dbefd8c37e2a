//! Five hundred joins and leaves on a LiveKit server: nobody is left there, and the switch does not grow.

use std::fs;
use std::time::Duration;

use audioroad::actors::clock;

use crate::livekit_server::LiveKitServer;
use crate::say;
use crate::show::{Caller, Show, wait_for_callers, wait_until_empty};
use crate::switch::Switch;

const CALLERS: usize = 10;
const ROUNDS: usize = 50;
/// Rounds after which everything has its size.
const WARM: usize = 15;
/// What may be added afterwards, in KiB: an allocator's odds and ends.
const GROWTH_KIB_MAX: u64 = 6 * 1024;
/// All rounds together.
const ALL_MAX: Duration = Duration::from_secs(150);

#[test]
#[ignore = "needs livekit-server: make test"]
fn five_hundred_joins_and_leaves() {
    let server = LiveKitServer::start();
    let show = Show::live(server.switch(&[("LOG", "info")]));
    let room = show.room();
    let callers: Vec<Caller> = (0..CALLERS)
        .map(|n| show.rings(&format!("+155501001{n:02}"), 300.0 + 60.0 * n as f32))
        .collect();
    let all: Vec<&Caller> = callers.iter().collect();
    all.iter().for_each(|caller| show.hold(caller));

    let started = clock::now();
    let mut warm_kib = 0;
    for round in 0..ROUNDS {
        all.iter()
            .for_each(|caller| show.step(caller, "move-to-live"));
        wait_for_callers(&server, &room, &all);
        all.iter()
            .for_each(|caller| show.step(caller, "move-to-hold"));
        wait_for_callers(&server, &room, &[]);
        if round + 1 == WARM {
            warm_kib = resident_kib(&show.switch);
        }
    }
    let (took, kib) = (
        clock::now().duration_since(started),
        resident_kib(&show.switch),
    );
    let joins = CALLERS * ROUNDS;
    let report = format!(
        "{joins} joins and leaves in {took:?}; resident: {warm_kib} KiB after {WARM} of {ROUNDS} rounds, {kib} KiB after all"
    );
    say(&report);
    assert!(took <= ALL_MAX, "{report}");
    assert!(kib <= warm_kib + GROWTH_KIB_MAX, "{report}");
    show.end(&callers);
    wait_until_empty(&server);
}

/// What the switch's process has in memory.
fn resident_kib(switch: &Switch) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", switch.pid()));
    let status = status.expect("a running process");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let resident = resident.and_then(|rest| rest.split_whitespace().next());
    resident.expect("a size").parse().expect("a number")
}
