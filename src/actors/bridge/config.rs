//! What the bridge is told at its start, and what it counts from then on.

use std::net::SocketAddr;

use crate::config::{LiveKitUrl, PublicIp};
use crate::livekit::{EndpointCounters, EndpointLimits};

/// What the bridge needs to know at its start.
#[derive(Debug, Clone)]
pub struct BridgeConfig {
    /// Where the rooms live.
    pub mode: BridgeMode,
    /// Random; session ids, track ids and back-off are drawn from it.
    pub seed: u64,
}

/// Where the rooms live.
#[derive(Debug, Clone)]
pub enum BridgeMode {
    /// In the switch itself.
    Embedded {
        /// The UDP address to bind, port 7882 by default.
        udp: SocketAddr,
        /// The address browsers reach it at, when that is not the one it is bound to.
        public_ip: PublicIp,
        /// Key that tokens name as their issuer.
        api_key: String,
        /// Secret that tokens are signed with.
        api_secret: String,
        /// What to take on at most.
        limits: EndpointLimits,
    },
    /// On a LiveKit server.
    Server(ServerConfig),
}

/// A LiveKit server.
#[derive(Clone)]
pub struct ServerConfig {
    /// Where it is.
    pub url: LiveKitUrl,
    /// Its API key.
    pub api_key: String,
    /// The secret of that key.
    pub api_secret: String,
    /// The name of this switch among all that use the server, the same after a restart: the attribute `switch.node`.
    pub node: String,
}

impl std::fmt::Debug for ServerConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerConfig")
            .field("url", &self.url)
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}

/// Counters for metrics; a quarter of a second old at most while anything happens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BridgeStats {
    /// What the embedded endpoint counts.
    pub endpoint: EndpointCounters,
    /// What the links to a LiveKit server count.
    pub links: LinkStats,
    /// Browser packets dropped because the media tick did not take them in time.
    pub ring_drops: u64,
    /// Datagrams the socket did not take.
    pub send_drops: u64,
    /// Browsers cut off because they did not read what we signalled.
    pub slow_signals: u64,
    /// How often the endpoint, or a link, panicked and was made anew.
    pub restarts: u64,
    /// Commands dropped because too many were waiting.
    pub command_drops: u64,
}

/// What the links to a LiveKit server count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LinkStats {
    /// Links that there should be now.
    pub wanted: u64,
    /// Links that are there now.
    pub up: u64,
    /// Attempts to join, first ones included.
    pub joins: u64,
    /// Attempts to resume a session after its signalling was lost.
    pub resumes: u64,
    /// Times that a link was lost.
    pub losses: u64,
    /// Audio packets received from browsers.
    pub packets_in: u64,
    /// Audio packets of callers that were sent.
    pub packets_out: u64,
    /// Audio packets of callers that nobody could be sent.
    pub packets_unsent: u64,
}
