//! Numbers of what the switch takes on: whether new calls are sent away, why, and how many were.

use prometheus::{IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

/// Gauges and counters of overload and drain.
#[derive(Clone)]
pub struct CapacityMetrics {
    /// `audioroad_overload{reason}`: 1 while this is why new calls are sent away.
    pub overload: IntGaugeVec,
    /// `audioroad_draining`: 1 while the switch drains.
    pub draining: IntGauge,
    /// `audioroad_calls_turned_away_total{reason}`: INVITEs that got 503 before a call was made of them.
    pub turned_away: IntCounterVec,
}

impl CapacityMetrics {
    /// Registers everything once.
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let metrics = Self {
            overload: IntGaugeVec::new(
                Opts::new(
                    "audioroad_overload",
                    "1 while new calls are sent away for this reason",
                ),
                &["reason"],
            )?,
            draining: IntGauge::new("audioroad_draining", "1 while the switch drains")?,
            turned_away: IntCounterVec::new(
                Opts::new(
                    "audioroad_calls_turned_away_total",
                    "INVITEs that got 503 before a call was made of them, by reason",
                ),
                &["reason"],
            )?,
        };
        registry.register(Box::new(metrics.overload.clone()))?;
        registry.register(Box::new(metrics.draining.clone()))?;
        registry.register(Box::new(metrics.turned_away.clone()))?;
        Ok(metrics)
    }
}
