//! What an endpoint is told at its start, and what it counts from then on.

use std::net::SocketAddr;

use crate::livekit::token::TokenKeys;

/// How much the endpoint takes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointLimits {
    /// Rooms at the same time.
    pub rooms_max: usize,
    /// Browsers in one room, hidden ones included.
    pub browsers_per_room_max: usize,
    /// Calls in one room.
    pub calls_per_room_max: usize,
    /// Tracks one browser may publish.
    pub tracks_per_browser_max: usize,
}

impl Default for EndpointLimits {
    fn default() -> Self {
        Self {
            rooms_max: 256,
            browsers_per_room_max: 20,
            calls_per_room_max: 20,
            tracks_per_browser_max: 4,
        }
    }
}

/// What an endpoint needs to know at its start.
#[derive(Debug, Clone)]
pub struct EndpointConfig {
    /// The addresses at which browsers reach our UDP port; the first of a family is used inside.
    pub candidates: Vec<SocketAddr>,
    /// The keys that tokens are signed with.
    pub keys: TokenKeys,
    /// What to take on at most.
    pub limits: EndpointLimits,
    /// Seed of the session and track ids.
    pub seed: u64,
}

/// Totals since the start, and how many are there now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EndpointCounters {
    /// Rooms now.
    pub rooms: usize,
    /// Browsers now.
    pub browsers: usize,
    /// Calls published now.
    pub calls: usize,
    /// RTP packets received from browsers.
    pub packets_in: u64,
    /// RTP packets sent to browsers.
    pub packets_out: u64,
    /// Datagrams that belonged to no peer.
    pub datagrams_unknown: u64,
    /// Peers that died of a failure beneath us.
    pub peers_failed: u64,
}
