//! Rooms on a LiveKit server.
//!
//! ```text
//! commands, wake → Driver ─┬→ LinkTask (one per published call, one per room that is listened to) → WebSocket, UDP
//!                          ├→ RoomKeeper → LiveKit's API
//!                          └→ Health → BridgeEvent::Transport
//! ```
//!
//! All on one thread, so that nothing here is locked; whatever may take time is a task of its own. The server need not be
//! there: nothing waits for it, links try until they are told to leave, rings that nobody empties drop.

mod driver;
mod health;
mod link;
mod pass;
mod room;
pub(super) mod rooms;
mod signal;
mod site;
mod sockets;
mod sweep;
mod task;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::LocalSet;

use self::driver::Driver;
use super::Shared;
use super::config::ServerConfig;
use super::message::{Command, Tell};

/// How long look-ups that are under way may hold up the end of the thread.
const LOOK_UPS_MAX: Duration = Duration::from_millis(50);

/// Starts the thread.
pub(super) fn start(
    config: ServerConfig,
    seed: u64,
    inbox: mpsc::Receiver<Command>,
    shared: Arc<Shared>,
    tell: Tell,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::Builder::new()
        .name("bridge".to_owned())
        .spawn(move || {
            let driver = async { Driver::new(config, seed, inbox, shared, tell).run().await };
            LocalSet::new().block_on(&runtime, driver);
            runtime.shutdown_timeout(LOOK_UPS_MAX);
        })?;
    Ok(())
}
