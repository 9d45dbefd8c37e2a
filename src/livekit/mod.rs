//! LiveKit's protocol, without sockets.
//!
//! [`Endpoint`] is the embedded default: it serves rooms to unmodified LiveKit client SDKs when no
//! LiveKit server is configured. [`Link`] is the other side: one participant's stay in a room on a
//! LiveKit server. [`TokenKeys`] makes and checks the access tokens that both modes use.

mod endpoint;
mod link;
mod token;

pub use endpoint::{
    CallParticipant, Endpoint, EndpointConfig, EndpointCounters, EndpointLimits, Event, JoinQuery,
    JoinRefusal, LeaveCause, Output, SessionId, TrackKey,
};
pub use link::{
    LeaveAction, Link, LinkConfig, LinkEvent, LinkOutput, LinkRole, LinkTimings, LinkTrouble,
    NODE_ATTRIBUTE, RemoteTrack, SignalFailure, TransportId,
};
pub use token::{RoomPass, TokenError, TokenKeys};
