//! What comes out of an endpoint.

use std::net::SocketAddr;
use std::sync::Arc;

use super::{SessionId, TrackKey};

/// What the driver has to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Send a datagram from the shared UDP port.
    Transmit {
        /// Where to.
        to: SocketAddr,
        /// The whole datagram.
        bytes: Vec<u8>,
    },
    /// Send a binary frame on a browser's WebSocket.
    Signal {
        /// Whose WebSocket.
        session: SessionId,
        /// An encoded `SignalResponse`.
        frame: Vec<u8>,
    },
    /// Close a browser's WebSocket after the frames before.
    CloseSignal {
        /// Whose WebSocket.
        session: SessionId,
    },
    /// Something happened that the switch wants to know.
    Event(Event),
}

/// What happened. Calls are ours and make no events.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
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
    /// A browser is gone. Its tracks went down before.
    ParticipantLeft {
        /// Room name.
        room: String,
        /// Identity from its token.
        identity: String,
        /// Participant sid: an evicted one differs from its successor's.
        sid: String,
    },
    /// A browser's microphone is there; [`Event::TrackAudio`] follows.
    TrackUp {
        /// Names the track in the other events.
        track: TrackKey,
        /// Room name.
        room: String,
        /// Identity of its publisher.
        identity: String,
        /// Track sid.
        track_sid: String,
        /// Published muted.
        muted: bool,
    },
    /// One Opus packet of a browser's track that is not muted.
    TrackAudio {
        /// The track.
        track: TrackKey,
        /// Extended RTP sequence number.
        seq: u64,
        /// RTP timestamp, 48 kHz.
        timestamp: u32,
        /// Level, 0 to -127 dBov, if the browser told.
        level_dbov: Option<i8>,
        /// The Opus packet.
        payload: Arc<[u8]>,
    },
    /// A browser muted or unmuted its track.
    TrackMuted {
        /// The track.
        track: TrackKey,
        /// Room name.
        room: String,
        /// Identity of its publisher.
        identity: String,
        /// Track sid.
        track_sid: String,
        /// Now muted.
        muted: bool,
    },
    /// A browser's track ended.
    TrackDown {
        /// The track.
        track: TrackKey,
        /// Room name.
        room: String,
        /// Identity of its publisher.
        identity: String,
        /// Track sid.
        track_sid: String,
    },
}
