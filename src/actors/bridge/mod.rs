//! The bridge to browsers, on a thread of its own: the embedded LiveKit-compatible endpoint, or links to a LiveKit server.
//!
//! ```text
//! room actors, http → RoomTransport → commands ─┬→ embedded: Driver (one UDP socket, Endpoint)
//!                                               └→ server:   remote (a task per Link: WebSocket, UDP sockets)
//! caller's Opus     → ring → wake() → either → browsers
//! browser's Opus    → either → ring → media tick
//! what happened     → either → BridgeEvent → switchboard
//! ```
//!
//! Packets never pass through a mailbox: they go by rings, and a full ring drops. Nothing on the
//! handle blocks. Limits: 4096 commands waiting, [`EndpointLimits`] or those of [`remote`] for the rest.

mod address;
mod calls;
mod config;
mod driver;
mod message;
mod present;
mod remote;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, mpsc, oneshot};

pub use self::config::{BridgeConfig, BridgeMode, BridgeStats, LinkStats, ServerConfig};
pub use self::message::{BridgeEvent, CallTrack, JoinRequest, Joined, TransportState};
pub use self::remote::rooms::{RoomError, RoomKeeper, Swept};
pub use crate::livekit::{
    EndpointCounters, EndpointLimits, JoinQuery, JoinRefusal, LeaveCause, RoomLimit, SessionId,
    TokenKeys, WEBHOOK_LEN_MAX, WebhookError, WebhookEvent, WebhookKind,
};

use self::driver::Driver;
use self::message::{Command, Tell};
use crate::actors::clock;
use crate::livekit::{EndpointConfig, RoomPass};
use crate::net;

/// Commands that may wait for the driver; it takes them within milliseconds.
const COMMANDS_MAX: usize = 4096;
/// How long everybody of ours has to leave the rooms when the switch goes down.
const STOP_MAX: Duration = Duration::from_millis(1500);

/// What the handles and the driver share besides the commands.
#[derive(Debug, Default)]
struct Shared {
    wake: Notify,
    stats: Mutex<BridgeStats>,
}

/// The way to the bridge, for everybody. When the last clone is dropped, the bridge ends.
#[derive(Debug, Clone)]
pub struct RoomTransport {
    commands: mpsc::Sender<Command>,
    shared: Arc<Shared>,
    keys: TokenKeys,
    is_embedded: bool,
}

impl RoomTransport {
    /// Starts the bridge's thread: binds the UDP port of the embedded endpoint, or keeps ready for rooms on a LiveKit
    /// server, which need not be there yet. `events` is called on that thread and must not block.
    ///
    /// # Errors
    /// When the port cannot be bound or the thread cannot be started.
    pub fn start(
        config: BridgeConfig,
        events: impl Fn(BridgeEvent) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        let shared = Arc::new(Shared::default());
        let tell: Tell = Arc::new(events);
        let (keys, is_embedded) = match config.mode {
            BridgeMode::Embedded {
                udp,
                public_ip,
                api_key,
                api_secret,
                limits,
            } => {
                let socket = net::udp::bind(udp)?;
                let keys = TokenKeys::new(&api_key, &api_secret);
                let endpoint = EndpointConfig {
                    candidates: address::candidates(socket.local_addr()?, public_ip),
                    keys: keys.clone(),
                    limits,
                    seed: config.seed,
                };
                let driver = Driver::new(endpoint, inbox, Arc::clone(&shared), tell);
                driver::start(driver, socket)?;
                (keys, true)
            }
            BridgeMode::Server(server) => {
                let keys = TokenKeys::new(&server.api_key, &server.api_secret);
                remote::start(server, config.seed, inbox, Arc::clone(&shared), tell)?;
                (keys, false)
            }
        };
        Ok(Self {
            commands,
            shared,
            keys,
            is_embedded,
        })
    }

    /// Whether browsers are served by the switch itself.
    pub fn is_embedded(&self) -> bool {
        self.is_embedded
    }

    /// A room that browsers may join is open from now on. On a LiveKit server it is made and listened to.
    pub fn open_room(&self, room: &str, limit: RoomLimit) {
        self.command(Command::OpenRoom {
            room: room.to_owned(),
            limit,
        });
    }

    /// The LiveKit server says that a room of ours is no more: whoever has lost it joins anew at once.
    pub fn room_finished(&self, room: &str) {
        self.command(Command::RoomFinished {
            room: room.to_owned(),
        });
    }

    /// Shows a call in a room: a participant of kind SIP with one microphone track. One with the
    /// same identity is replaced.
    pub fn publish_call(&self, room: &str, call: CallTrack) {
        self.command(Command::PublishCall {
            room: room.to_owned(),
            call,
        });
    }

    /// Replaces a call's `sip.*` attributes.
    pub fn set_call_attributes(
        &self,
        room: &str,
        identity: &str,
        attributes: BTreeMap<String, String>,
    ) {
        let (room, identity) = (room.to_owned(), identity.to_owned());
        self.command(Command::SetCallAttributes {
            room,
            identity,
            attributes,
        });
    }

    /// Shows a call as muted and stops its audio, or undoes that.
    pub fn set_call_muted(&self, room: &str, identity: &str, muted: bool) {
        let (room, identity) = (room.to_owned(), identity.to_owned());
        self.command(Command::SetCallMuted {
            room,
            identity,
            muted,
        });
    }

    /// Takes a call out of a room.
    pub fn unpublish_call(&self, room: &str, identity: &str) {
        self.remove_participant(room, identity);
    }

    /// Takes anybody out of a room; a browser is told that it was removed.
    pub fn remove_participant(&self, room: &str, identity: &str) {
        let (room, identity) = (room.to_owned(), identity.to_owned());
        self.command(Command::Remove { room, identity });
    }

    /// Empties a room; its browsers are told why.
    pub fn close_room(&self, room: &str, cause: LeaveCause) {
        self.command(Command::CloseRoom {
            room: room.to_owned(),
            cause,
        });
    }

    /// Everybody of ours leaves the rooms; returns when that is done, after 1.5 seconds at the latest. Rooms stay: who is on
    /// the LiveKit server's side of them comes back when the switch does.
    pub async fn stop(&self) {
        let (done, stopped) = oneshot::channel();
        self.command(Command::Stop { done });
        if tokio::time::timeout(STOP_MAX, stopped).await.is_err() {
            tracing::warn!("not everybody has left the rooms in time");
        }
    }

    /// There is something in the callers' rings: called once a frame by the media tick. Takes no
    /// memory and no lock that is held for long.
    pub fn wake(&self) {
        self.shared.wake.notify_one();
    }

    /// Lets a browser in whose WebSocket is about to be accepted.
    ///
    /// # Errors
    /// The refusal, with the HTTP status to answer instead of the upgrade. [`JoinRefusal::Unavailable`] when the rooms live
    /// on a LiveKit server.
    pub async fn join(&self, request: JoinRequest) -> Result<Joined, JoinRefusal> {
        let (answer, answered) = oneshot::channel();
        let command = Command::Join { request, answer };
        self.commands
            .try_send(command)
            .map_err(|_| JoinRefusal::Unavailable)?;
        answered.await.unwrap_or(Err(JoinRefusal::Unavailable))
    }

    /// A binary frame came on a browser's WebSocket.
    pub fn signal(&self, session: SessionId, frame: Bytes) {
        self.command(Command::Signal { session, frame });
    }

    /// A browser's WebSocket closed.
    pub fn signal_closed(&self, session: SessionId) {
        self.command(Command::SignalClosed { session });
    }

    /// Would this token open a room? For `GET /rtc/validate`.
    ///
    /// # Errors
    /// [`JoinRefusal::Token`]; [`JoinRefusal::Unavailable`] when the rooms live on a LiveKit server.
    pub fn validate(&self, token: &str) -> Result<RoomPass, JoinRefusal> {
        if !self.is_embedded {
            return Err(JoinRefusal::Unavailable);
        }
        Ok(self.keys.verify(token, clock::unix_ms() / 1000)?)
    }

    /// Counters for metrics.
    pub fn stats(&self) -> BridgeStats {
        *self
            .shared
            .stats
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn command(&self, command: Command) {
        if self.commands.try_send(command).is_err() {
            tracing::error!("the bridge is gone or overloaded: a command was dropped");
            let mut stats = self
                .shared
                .stats
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            stats.command_drops += 1;
        }
    }
}
