//! Numbers of the gate: calls by trunk, and those that were turned away.

use prometheus::{IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry};

/// Counters and gauges by trunk.
#[derive(Clone)]
pub struct TrunkMetrics {
    /// `audioroad_trunk_calls{trunk}`.
    pub calls: IntGaugeVec,
    /// `audioroad_sip_refused_total{trunk,cause}`: INVITEs that no call was made of.
    pub refused: IntCounterVec,
    /// `audioroad_sip_bans_total`.
    pub bans: IntCounter,
}

impl TrunkMetrics {
    /// Registers everything once.
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let metrics = Self {
            calls: IntGaugeVec::new(
                Opts::new("audioroad_trunk_calls", "Calls that are up, by trunk"),
                &["trunk"],
            )?,
            refused: IntCounterVec::new(
                Opts::new(
                    "audioroad_sip_refused_total",
                    "INVITEs refused at the gate, by trunk and cause",
                ),
                &["trunk", "cause"],
            )?,
            bans: IntCounter::new(
                "audioroad_sip_bans_total",
                "Bans of sources for wrong logins",
            )?,
        };
        registry.register(Box::new(metrics.calls.clone()))?;
        registry.register(Box::new(metrics.refused.clone()))?;
        registry.register(Box::new(metrics.bans.clone()))?;
        Ok(metrics)
    }
}
