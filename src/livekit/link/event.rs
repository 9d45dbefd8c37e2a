//! What comes out of a link, and the names used in it.

use std::fmt;
use std::net::SocketAddr;

use livekit_protocol as proto;
pub use proto::leave_request::Action as LeaveAction;

use crate::rtc::AudioPacket;

/// One generation of the media transport: new sockets, new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransportId(pub(super) u64);

/// One stretch of a track being heard. A track that comes back after a loss has a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RemoteTrack(pub(super) u64);

/// Why signalling could not be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignalFailure {
    /// Nobody answered at that address.
    Unreachable(String),
    /// The server answered with an HTTP error.
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it said.
        detail: String,
    },
    /// The server answered with a `Leave` instead.
    Left {
        /// What it tells us to do.
        action: LeaveAction,
    },
    /// No answer in time.
    TimedOut,
}

/// What the driver has to do.
#[derive(Debug)]
pub enum LinkOutput {
    /// Drop any former signalling after what was sent on it, mint a token and connect anew.
    /// Answer: `joined` or `join_failed`.
    Join,
    /// Connect again within the same session. Answer: `resumed` or `resume_failed`.
    Resume {
        /// What to tell the server.
        reason: proto::ReconnectReason,
    },
    /// Send on the signalling connection.
    Send(Box<proto::signal_request::Message>),
    /// The resume is complete: what was held back meanwhile may go out.
    Reconnected,
    /// Close the signalling connection after what was sent before.
    Disconnect,
    /// Open sockets of its own for this transport. Answer: `bound` or `bind_failed`.
    Bind {
        /// Whose sockets.
        transport: TransportId,
    },
    /// Close the sockets of this transport; nobody asks for them again.
    Unbind {
        /// Whose sockets.
        transport: TransportId,
    },
    /// Send a datagram.
    Transmit {
        /// From whose socket of this address's family.
        transport: TransportId,
        /// Where to.
        to: SocketAddr,
        /// The whole datagram.
        bytes: Vec<u8>,
    },
    /// Something happened that the room wants to know.
    Event(LinkEvent),
}

/// What happened. Participants and tracks are told by a listener alone, and only of browsers and
/// foreign participants: never of this node's callers, never of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEvent {
    /// Signalling and media are both there.
    Up,
    /// They are not. Told once per loss, and again when the trouble turns out to be another one.
    /// A link that was never up tells it too.
    Down {
        /// What is wrong.
        trouble: LinkTrouble,
    },
    /// Removed from the room by somebody. The link is closed and does not come back.
    Removed,
    /// Closed as asked. The link can be dropped.
    Closed,
    /// The server muted or unmuted our track; not an echo of our own wish.
    Muted {
        /// Now muted.
        muted: bool,
    },
    /// Somebody is in the room.
    ParticipantJoined {
        /// Identity from its token.
        identity: String,
        /// Its name.
        name: String,
        /// Participant sid: new with each stay.
        sid: String,
    },
    /// Somebody is gone. Its tracks went down before.
    ParticipantLeft {
        /// Identity from its token.
        identity: String,
        /// Participant sid.
        sid: String,
    },
    /// A track can be heard; [`LinkEvent::TrackAudio`] follows.
    TrackUp {
        /// Names the track in the other events.
        track: RemoteTrack,
        /// Identity of its publisher.
        identity: String,
        /// Track sid.
        track_sid: String,
        /// It is muted.
        muted: bool,
    },
    /// A track that is up was muted or unmuted.
    TrackMuted {
        /// The track.
        track: RemoteTrack,
        /// Identity of its publisher.
        identity: String,
        /// Track sid.
        track_sid: String,
        /// Now muted.
        muted: bool,
    },
    /// A track can be heard no longer: it ended, or media was lost.
    TrackDown {
        /// The track.
        track: RemoteTrack,
        /// Identity of its publisher.
        identity: String,
        /// Track sid.
        track_sid: String,
    },
    /// One Opus packet of a track that is up and not muted.
    TrackAudio {
        /// The track.
        track: RemoteTrack,
        /// The packet.
        packet: AudioPacket,
    },
}

/// What is wrong with a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkTrouble {
    /// The signalling connection was lost; media may go on.
    Signalling(String),
    /// Media is silent although signalling lives.
    Media,
    /// The server cannot be reached.
    Unreachable(String),
    /// The server refuses our key or token.
    Refused(String),
    /// Signalling works and media never connects: only a relay (TURN) would.
    UdpBlocked,
    /// The server demands a relay (TURN) and does not let us in without.
    RelayForced,
}

impl fmt::Display for LinkTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signalling(reason) => write!(f, "the connection was lost: {reason}"),
            Self::Media => f.write_str("no audio arrives although the server answers"),
            Self::Unreachable(reason) => write!(f, "the server cannot be reached: {reason}"),
            Self::Refused(reason) => write!(f, "the server refuses us: {reason}"),
            Self::UdpBlocked => f.write_str("audio never connects: UDP seems to be blocked"),
            Self::RelayForced => f.write_str("the server demands a TURN relay, which is not here"),
        }
    }
}
