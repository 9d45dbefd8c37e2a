//! Numbers about SIP's connections.

use prometheus::{IntCounterVec, IntGaugeVec, Registry};

use super::{counters, gauges};

/// Counters and gauges of SIP over TCP and TLS.
#[derive(Clone)]
pub struct TransportMetrics {
    /// `audioroad_sip_connections{transport}`.
    pub open: IntGaugeVec,
    /// `audioroad_sip_connections_closed_total{reason}`.
    pub closed: IntCounterVec,
    /// `audioroad_sip_handshakes_failed_total{reason}`.
    pub handshakes_failed: IntCounterVec,
    /// `audioroad_sip_tls_certificate_expires_seconds{key}`: since 1970; of several, the first to expire.
    pub certificate_expires: IntGaugeVec,
}

impl TransportMetrics {
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let metrics = Self {
            open: gauges(
                "audioroad_sip_connections",
                "SIP connections that are open, by transport",
                "transport",
            )?,
            closed: counters(
                "audioroad_sip_connections_closed_total",
                "SIP connections that ended, by reason",
                "reason",
            )?,
            handshakes_failed: counters(
                "audioroad_sip_handshakes_failed_total",
                "TLS handshakes that failed, by reason",
                "reason",
            )?,
            certificate_expires: gauges(
                "audioroad_sip_tls_certificate_expires_seconds",
                "When the certificate of SIP over TLS expires, since 1970, by kind of key",
                "key",
            )?,
        };
        registry.register(Box::new(metrics.open.clone()))?;
        registry.register(Box::new(metrics.closed.clone()))?;
        registry.register(Box::new(metrics.handshakes_failed.clone()))?;
        registry.register(Box::new(metrics.certificate_expires.clone()))?;
        Ok(metrics)
    }
}
