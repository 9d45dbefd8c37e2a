//! Numbers of callers' lines, without a call's name in them.

use prometheus::{Histogram, HistogramOpts, IntCounterVec, IntGaugeVec, Opts, Registry};

use crate::media::{quality::Level, stats::LegReport};

/// Upper bounds of the buckets of a score: those of ratings 50, 60, 70, 80 and 90 (G.107 annex B) and one below.
const MOS: [f64; 6] = [2.0, 2.58, 3.1, 3.6, 4.03, 4.34];
/// Upper bounds of the buckets of loss, as a share of 1.
const LOSS: [f64; 8] = [0.0, 0.001, 0.005, 0.01, 0.03, 0.05, 0.1, 0.2];
/// Upper bounds of the buckets of a round trip, in seconds.
const ROUND_TRIP: [f64; 8] = [0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0];

/// Histograms of ended calls, and how lines are now.
#[derive(Clone)]
pub struct LineMetrics {
    now: IntGaugeVec,
    mos: Histogram,
    loss: Histogram,
    far_loss: Histogram,
    round_trip: Histogram,
    rtcp: IntCounterVec,
}

impl LineMetrics {
    /// Registers everything once.
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let histogram = |name: &str, help: &str, buckets: &[f64]| {
            Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()))
        };
        let metrics = Self {
            now: IntGaugeVec::new(
                Opts::new(
                    "audioroad_lines",
                    "Lines that are up, by what they are like",
                ),
                &["level"],
            )?,
            mos: histogram(
                "audioroad_call_mos",
                "Mean opinion score of what was heard of each ended call (G.107)",
                &MOS,
            )?,
            loss: histogram(
                "audioroad_call_loss_ratio",
                "Packets of each ended call that were lost or too late",
                &LOSS,
            )?,
            far_loss: histogram(
                "audioroad_call_far_loss_ratio",
                "Packets of ours that the far end of each ended call lost",
                &LOSS,
            )?,
            round_trip: histogram(
                "audioroad_call_round_trip_seconds",
                "Last round trip of each ended call (RFC 3550)",
                &ROUND_TRIP,
            )?,
            rtcp: IntCounterVec::new(
                Opts::new(
                    "audioroad_rtcp_packets_total",
                    "RTCP of ended calls, by what became of it",
                ),
                &["kind"],
            )?,
        };
        registry.register(Box::new(metrics.now.clone()))?;
        registry.register(Box::new(metrics.mos.clone()))?;
        registry.register(Box::new(metrics.loss.clone()))?;
        registry.register(Box::new(metrics.far_loss.clone()))?;
        registry.register(Box::new(metrics.round_trip.clone()))?;
        registry.register(Box::new(metrics.rtcp.clone()))?;
        Ok(metrics)
    }

    /// So many lines are of each level now.
    pub fn show(&self, levels: impl Iterator<Item = Level>) {
        let mut counts = [(Level::Good, 0), (Level::Fair, 0), (Level::Bad, 0)];
        for level in levels {
            for (of, count) in &mut counts {
                *count += i64::from(*of == level);
            }
        }
        for (level, count) in counts {
            self.now.with_label_values(&[level.label()]).set(count);
        }
    }

    /// A call has ended.
    pub fn count(&self, report: &LegReport) {
        if let Some(mos) = report.line.mos_mean {
            self.mos.observe(mos.into());
            self.loss
                .observe(f64::from(report.line.loss_percent) / 100.0);
        }
        if let Some(ms) = report.line.rtt_ms {
            self.round_trip.observe(f64::from(ms) / 1000.0);
        }
        if let Some(far) = report.far.filter(|_| report.sent > 0) {
            let lost = f64::from(far.lost.max(0));
            self.far_loss.observe(lost / report.sent as f64);
        }
        let rtcp = &report.rtcp;
        for (kind, count) in [
            ("sent", rtcp.sent),
            ("received", rtcp.received),
            ("foreign", rtcp.foreign),
            ("malformed", rtcp.malformed),
            ("over-rate", rtcp.over_rate),
            ("forged", rtcp.forged),
        ] {
            self.rtcp.with_label_values(&[kind]).inc_by(count);
        }
    }
}
