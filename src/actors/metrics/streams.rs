//! Numbers of Media Streams.

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// Upper bounds of the buckets of the way to a caller's ear and back, in seconds.
const PLAYOUT: [f64; 8] = [0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0];

/// Counters and gauges of Media Streams.
#[derive(Clone)]
pub struct StreamMetrics {
    /// `audioroad_streams`: sockets that are open.
    pub open: IntGauge,
    /// `audioroad_streams_ended_total{end}`.
    pub ended: IntCounterVec,
    /// `audioroad_stream_frames_total{kind}`: `heard`, frames of callers.
    pub heard: IntCounter,
    /// `told`: frames for callers.
    pub told: IntCounter,
    /// `over-rate`: of callers, beyond the cap.
    pub over_rate: IntCounter,
    /// `unread`: of callers, which the tick had no room for.
    pub unread: IntCounter,
    /// `overtaken`: of callers, passed over after a stall.
    pub overtaken: IntCounter,
    /// `unsent`: for callers, which the socket did not take.
    pub unsent: IntCounter,
    /// `audioroad_stream_playout_seconds`: of each call, at its end.
    pub playout: Histogram,
}

impl StreamMetrics {
    /// Registers everything once.
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let frames = IntCounterVec::new(
            Opts::new("audioroad_stream_frames_total", "Frames of Media Streams"),
            &["kind"],
        )?;
        let of_kind = |kind: &str| frames.with_label_values(&[kind]);
        let metrics = Self {
            open: IntGauge::new("audioroad_streams", "Media Streams' sockets that are open")?,
            ended: IntCounterVec::new(
                Opts::new(
                    "audioroad_streams_ended_total",
                    "Media Streams that ended, by how",
                ),
                &["end"],
            )?,
            heard: of_kind("heard"),
            told: of_kind("told"),
            over_rate: of_kind("over-rate"),
            unread: of_kind("unread"),
            overtaken: of_kind("overtaken"),
            unsent: of_kind("unsent"),
            playout: Histogram::with_opts(
                HistogramOpts::new(
                    "audioroad_stream_playout_seconds",
                    "From a frame's sending to the echo of the mark behind it, at the end of each call",
                )
                .buckets(PLAYOUT.to_vec()),
            )?,
        };
        registry.register(Box::new(metrics.open.clone()))?;
        registry.register(Box::new(metrics.ended.clone()))?;
        registry.register(Box::new(frames))?;
        registry.register(Box::new(metrics.playout.clone()))?;
        Ok(metrics)
    }
}
