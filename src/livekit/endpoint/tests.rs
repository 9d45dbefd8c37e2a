//! Scripts: browsers and calls come, speak, hear and go.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a script looks for one message among many"
)]

mod house;
mod rooms;
mod tracks;

use std::time::Duration;

use crate::livekit::token::RoomPass;

const SECOND: Duration = Duration::from_secs(1);

fn pass(identity: &str) -> RoomPass {
    RoomPass::new("live", identity, identity)
}
