//! LiveKit's protocol, without sockets.
//!
//! [`Endpoint`] is the embedded default: it serves rooms to unmodified LiveKit client SDKs when no
//! LiveKit server is configured. [`TokenKeys`] makes and checks the access tokens that both modes
//! use.

mod endpoint;
mod token;

pub use endpoint::{
    CallParticipant, Endpoint, EndpointConfig, EndpointCounters, EndpointLimits, Event, JoinQuery,
    JoinRefusal, LeaveCause, Output, SessionId, TrackKey,
};
pub use token::{RoomPass, TokenError, TokenKeys};
