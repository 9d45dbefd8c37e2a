//! LiveKit's protocol, without sockets.
//!
//! [`Endpoint`] is the embedded default: it serves rooms to unmodified LiveKit client SDKs when no
//! LiveKit server is configured. [`Link`] is the other side: one participant's stay in a room on a
//! LiveKit server. [`TokenKeys`] makes and checks the access tokens that both modes use, and checks
//! what a server tells of its rooms ([`WebhookEvent`]).

mod endpoint;
mod link;
mod room;
mod token;
mod webhook;

pub use endpoint::{
    CallParticipant, Endpoint, EndpointConfig, EndpointCounters, EndpointLimits, Event, JoinQuery,
    JoinRefusal, LeaveCause, Output, SessionId, TrackKey,
};
pub use link::{
    LeaveAction, Link, LinkConfig, LinkEvent, LinkOutput, LinkRole, LinkTimings, LinkTrouble,
    NODE_ATTRIBUTE, RemoteTrack, SignalFailure, TransportId,
};
pub use room::{RoomLimit, RoomPlan};
pub use token::{RoomPass, TokenError, TokenKeys};
pub use webhook::{BODY_LEN_MAX as WEBHOOK_LEN_MAX, WebhookError, WebhookEvent, WebhookKind};
