//! What goes to the bridge and what comes from it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use rtrb::Consumer;
use tokio::sync::{mpsc, oneshot};

use crate::livekit::{JoinQuery, JoinRefusal, LeaveCause, RoomLimit, SessionId};
use crate::media::opus::OpusPacket;

/// A call to be shown in a room.
pub struct CallTrack {
    /// `call:ID`, unique per call.
    pub identity: String,
    /// For people to read.
    pub name: String,
    /// `sip.callID`, `sip.phoneNumber`, ...
    pub attributes: BTreeMap<String, String>,
    /// The caller's voice; the media tick pushes and calls [`super::RoomTransport::wake`].
    pub audio: Consumer<OpusPacket>,
    /// Whether any browser may hear it. The bridge says so where it knows, and leaves it as it is where it does not.
    pub heard: Arc<AtomicBool>,
}

impl fmt::Debug for CallTrack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallTrack")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

/// A browser at the door.
#[derive(Debug)]
pub struct JoinRequest {
    /// From the `Authorization` header, or [`JoinQuery::access_token`].
    pub token: String,
    /// The query of `GET /rtc`.
    pub query: JoinQuery,
    /// Takes the binary frames for its WebSocket, some dozens without blocking. When the other
    /// end gives `None`, close the WebSocket.
    pub reply: mpsc::Sender<Vec<u8>>,
}

/// A browser that is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Joined {
    /// Names it from now on.
    pub session: SessionId,
}

/// What the switchboard ought to know. What we do with calls ourselves makes no events.
pub enum BridgeEvent {
    /// A browser joined.
    ParticipantJoined {
        /// Room name.
        room: String,
        /// Identity from its token.
        identity: String,
        /// Name from its token.
        name: String,
        /// Participant sid.
        sid: String,
    },
    /// A browser is gone; its tracks went down before.
    ParticipantLeft {
        /// Room name.
        room: String,
        /// Identity from its token.
        identity: String,
        /// Participant sid: an evicted one differs from its successor's.
        sid: String,
    },
    /// A browser's microphone.
    TrackUp {
        /// Room name.
        room: String,
        /// Identity of its publisher.
        identity: String,
        /// Track sid.
        track_sid: String,
        /// Its packets; what is not taken in time is dropped.
        audio: Consumer<OpusPacket>,
        /// Published muted.
        muted: bool,
    },
    /// A browser muted or unmuted its microphone.
    TrackMuted {
        /// Room name.
        room: String,
        /// Identity of its publisher.
        identity: String,
        /// Track sid.
        track_sid: String,
        /// Now muted.
        muted: bool,
    },
    /// A browser's microphone is gone.
    TrackDown {
        /// Room name.
        room: String,
        /// Identity of its publisher.
        identity: String,
        /// Track sid.
        track_sid: String,
    },
    /// Somebody on the LiveKit side threw a call out of a room.
    CallRemoved {
        /// Room name.
        room: String,
        /// The call's identity.
        identity: String,
    },
    /// Somebody on the LiveKit side muted or unmuted a call.
    CallMuted {
        /// Room name.
        room: String,
        /// The call's identity.
        identity: String,
        /// Now muted.
        muted: bool,
    },
    /// The way to the LiveKit server was lost, or is back.
    Transport(TransportState),
}

/// The way to the LiveKit server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransportState {
    /// Every link that is wanted is there.
    Up,
    /// Rooms are cut off.
    Lost {
        /// A sentence for a person.
        why: String,
        /// Since when, in milliseconds since 1970 UTC.
        since_unix_ms: u64,
    },
}

/// Takes events to the switch; called on the bridge's thread, must not block.
pub(super) type Tell = Arc<dyn Fn(BridgeEvent) + Send + Sync>;

/// What the bridge's thread is told.
#[derive(Debug)]
pub(super) enum Command {
    OpenRoom {
        room: String,
        limit: RoomLimit,
    },
    RoomFinished {
        room: String,
    },
    PublishCall {
        room: String,
        call: CallTrack,
    },
    SetCallAttributes {
        room: String,
        identity: String,
        attributes: BTreeMap<String, String>,
    },
    SetCallMuted {
        room: String,
        identity: String,
        muted: bool,
    },
    Remove {
        room: String,
        identity: String,
    },
    CloseRoom {
        room: String,
        cause: LeaveCause,
    },
    Join {
        request: JoinRequest,
        answer: oneshot::Sender<Result<Joined, JoinRefusal>>,
    },
    Signal {
        session: SessionId,
        frame: Bytes,
    },
    SignalClosed {
        session: SessionId,
    },
    Stop {
        done: oneshot::Sender<()>,
    },
}
