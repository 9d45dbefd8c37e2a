//! The bridge to browsers: the embedded LiveKit-compatible endpoint on a thread of its own.
//!
//! ```text
//! room actors, http → RoomTransport → commands → Driver (one thread: UDP socket, Endpoint)
//! caller's Opus     → ring → wake() → Driver → browsers
//! browser's Opus    → Driver → ring → media tick
//! what happened     → Driver → BridgeEvent → room actors
//! ```
//!
//! Packets never pass through a mailbox: they go by rings, and a full ring drops. Nothing on the
//! handle blocks. Limits: 4096 commands waiting, [`EndpointLimits`] for the rest.

mod address;
mod calls;
mod driver;
mod message;
mod present;
mod remote;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::{Notify, mpsc, oneshot};

pub use self::message::{BridgeEvent, CallTrack, JoinRequest, Joined, TransportState};
pub use self::remote::rooms::{RoomError, RoomKeeper, Swept};
pub use crate::livekit::{
    EndpointCounters, EndpointLimits, JoinQuery, JoinRefusal, LeaveCause, RoomLimit, SessionId,
    TokenKeys, WEBHOOK_LEN_MAX, WebhookError, WebhookEvent, WebhookKind,
};

use self::driver::Driver;
use self::message::Command;
use crate::actors::clock;
use crate::livekit::RoomPass;

/// Commands that may wait for the driver; it takes them within milliseconds.
const COMMANDS_MAX: usize = 4096;

/// What the bridge needs to know at its start.
#[derive(Debug, Clone)]
pub struct BridgeConfig {
    /// The UDP address to bind, port 7882 by default.
    pub udp: SocketAddr,
    /// The address browsers reach it at, when that is not the one it is bound to.
    pub public_ip: Option<IpAddr>,
    /// Key that tokens name as their issuer.
    pub api_key: String,
    /// Secret that tokens are signed with.
    pub api_secret: String,
    /// What to take on at most.
    pub limits: EndpointLimits,
    /// Random; session and track ids are drawn from it.
    pub seed: u64,
}

/// Counters for metrics; a quarter of a second old at most while anything happens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BridgeStats {
    /// What the endpoint counts.
    pub endpoint: EndpointCounters,
    /// Browser packets dropped because the media tick did not take them in time.
    pub ring_drops: u64,
    /// Datagrams the socket did not take.
    pub send_drops: u64,
    /// Browsers cut off because they did not read what we signalled.
    pub slow_signals: u64,
    /// How often the endpoint panicked and was made anew.
    pub restarts: u64,
    /// Commands dropped because too many were waiting.
    pub command_drops: u64,
}

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
    local: SocketAddr,
}

impl RoomTransport {
    /// Binds the UDP port and starts the bridge's thread. `events` is called on that thread and
    /// must not block.
    ///
    /// # Errors
    /// When the port cannot be bound or the thread cannot be started.
    pub fn start(
        config: BridgeConfig,
        events: impl Fn(BridgeEvent) + Send + 'static,
    ) -> io::Result<Self> {
        let socket = UdpSocket::bind(config.udp)?;
        socket.set_nonblocking(true)?;
        let local = socket.local_addr()?;
        let keys = TokenKeys::new(&config.api_key, &config.api_secret);
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        let shared = Arc::new(Shared::default());
        let candidates = address::candidates(local, config.public_ip);
        let driver = Driver::new(
            candidates,
            keys.clone(),
            config.limits,
            config.seed,
            inbox,
            Arc::clone(&shared),
            Box::new(events),
        );
        driver::start(driver, socket)?;
        Ok(Self {
            commands,
            shared,
            keys,
            local,
        })
    }

    /// The address the UDP port is bound to.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
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

    /// A LiveKit server told that a room ended there: if it is still wanted, it is joined anew at once. May be told late, twice,
    /// or of rooms that are nobody's; nothing to do for rooms of our own.
    pub fn room_finished(&self, _room: &str) {}

    /// There is something in the callers' rings: called once a frame by the media tick. Takes no
    /// memory and no lock that is held for long.
    pub fn wake(&self) {
        self.shared.wake.notify_one();
    }

    /// Lets a browser in whose WebSocket is about to be accepted.
    ///
    /// # Errors
    /// The refusal, with the HTTP status to answer instead of the upgrade.
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
    /// [`JoinRefusal::Token`].
    pub fn validate(&self, token: &str) -> Result<RoomPass, JoinRefusal> {
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
