//! The telephone's signalling: SIP over UDP, TCP and TLS without a socket or a clock.
//!
//! ```text
//! datagram ─────────────┐
//! stream ─> wire::Framer ┴> Endpoint: wire::parse -> transaction -> dialog table -> EndpointEvent
//! EndpointEvent -> call actor: InviteSession (dialog, offer/answer) -> Response | Outgoing
//! OutgoingCall: INVITE, 1xx, 401, 2xx -> InviteSession ────────────────────────────┐
//!                                          Endpoint: transaction -> wire::emit -> Transmit
//! ```
//!
//! One [`Endpoint`] serves the whole switch and is the only part that sees bytes; each call owns
//! one [`InviteSession`]. Both take `now` and give back values, so that minutes of retransmissions
//! run in a test of milliseconds. `rsip` gives the message model; its parser and its typed headers
//! are never used on what the network sent.
//!
//! The layer answers calls, places them where an operator says so, and ends them. Nothing that comes from the network makes it
//! invite anybody, and it sends no re-INVITE.

pub mod digest;
pub mod ladder;
pub mod sdp;
pub mod trunk;

mod dialog;
mod endpoint;
mod error;
mod incoming;
mod outgoing;
mod reply;
mod session;
mod timer;
#[cfg(test)]
mod torture;
mod transaction;
mod value;
mod wire;

use std::net::SocketAddr;

pub use dialog::{Dialog, DialogKey, NextHop, Outgoing};
pub use endpoint::{Endpoint, EndpointConfig, EndpointEvent, Limits, Load, Transmit};
pub use error::{FramingLost, SessionError};
pub use incoming::Incoming;
pub use outgoing::{Answered, CallNames, Heard, OutgoingCall, Parties, Refusal};
pub use reply::{ALLOW, SUPPORTED, answers, warning};
pub use session::{
    AckOutcome, Answer, CallSrtp, HangUp, InviteSession, KeyPath, MediaAddress, Reason, Refresh,
    SessionAction, SessionEvent, Transfer, TransferError,
};
pub use timer::{TimerReason, Timings};
pub use transaction::TxnKey;
pub use wire::{
    BODY_BYTES_MAX, Framer, Framing, HEAD_BYTES_MAX, HEADERS_MAX, Inbound, WireError, emit, parse,
};

/// One UDP socket or one stream connection, numbered by whoever owns the sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowId(pub u64);

/// What carries a message (RFC 3261 section 18).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Datagrams: lost ones are sent again by the transaction.
    Udp,
    /// A stream, cut into messages by [`Framer`].
    Tcp,
    /// A stream over TLS.
    Tls,
}

impl Transport {
    /// Whether the transport itself repeats what is lost, so that transactions need not.
    #[must_use]
    pub fn is_reliable(self) -> bool {
        matches!(self, Self::Tcp | Self::Tls)
    }

    /// The token of a Via header.
    #[must_use]
    pub fn token(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }
}

/// Where a message came from, and so where its answer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Source {
    /// The socket or connection.
    pub flow: FlowId,
    /// What carried it.
    pub transport: Transport,
    /// Our address on that flow.
    pub local: SocketAddr,
    /// The peer's address on that flow.
    pub from: SocketAddr,
}
