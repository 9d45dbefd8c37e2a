//! What the endpoint is told once, and how much it holds.

use std::fmt;

use crate::sip::Timings;

/// What the endpoint is told once.
#[derive(Clone)]
pub struct EndpointConfig {
    /// Host name or address that peers reach us at over IPv4; without it, the local address of the
    /// flow is written into Contact and Via.
    pub host_v4: Option<String>,
    /// The same over IPv6, without brackets.
    pub host_v6: Option<String>,
    /// Port that peers reach us at over UDP.
    pub udp_port: u16,
    /// Port that peers reach us at over TCP.
    pub tcp_port: u16,
    /// Port that peers reach us at over TLS.
    pub tls_port: u16,
    /// Text of the Server and User-Agent headers.
    pub user_agent: String,
    /// Random octets, new for each process: tags and branches are made from them.
    pub secret: [u8; 32],
    /// Base intervals of all timers.
    pub timings: Timings,
    /// Limits.
    pub limits: Limits,
}

impl fmt::Debug for EndpointConfig {
    /// All but the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointConfig")
            .field("host_v4", &self.host_v4)
            .field("host_v6", &self.host_v6)
            .field("udp_port", &self.udp_port)
            .field("tcp_port", &self.tcp_port)
            .field("tls_port", &self.tls_port)
            .field("user_agent", &self.user_agent)
            .field("timings", &self.timings)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// How much the endpoint holds before it refuses with 503.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Transactions, those included that only wait for late repeats (32 s each).
    pub transactions_max: usize,
    /// INVITEs that have no final response yet.
    pub ringing_max: usize,
    /// New calls a second, and as many at once; as good as none where nothing else is said.
    pub calls_per_second: u32,
    /// Seconds after which a refused caller may try again, at least.
    pub retry_after_s: u16,
    /// Seconds that are added to that, fewer for one caller than for another, so that they don't come back in one wave.
    pub retry_after_spread_s: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            transactions_max: 100_000,
            ringing_max: 1_000,
            calls_per_second: 1_000_000,
            retry_after_s: 5,
            retry_after_spread_s: 10,
        }
    }
}

/// How much the endpoint holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Transactions.
    pub transactions: usize,
    /// INVITEs without a final response.
    pub ringing: usize,
    /// Registered dialogs.
    pub dialogs: usize,
    /// Timers in the heap.
    pub timers: usize,
    /// Open connections.
    pub flows: usize,
}
