//! Every number that `/metrics` shows, by its name. Counting is an atomic add: the media tick may do it.

mod capacity;
mod lines;
mod streams;
mod transports;
mod trunks;

use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

pub use capacity::CapacityMetrics;
pub use lines::LineMetrics;
pub use streams::StreamMetrics;
pub use transports::TransportMetrics;
pub use trunks::TrunkMetrics;

/// The switch's counters and gauges.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    /// `audioroad_calls{stage}`.
    pub calls: IntGaugeVec,
    /// `audioroad_calls_ended_total{cause}`.
    pub calls_ended: IntCounterVec,
    /// `audioroad_dashboards`.
    pub dashboards: IntGauge,
    /// `audioroad_commands_total{outcome}`.
    pub commands: IntCounterVec,
    /// `audioroad_tick_lateness_seconds`.
    pub tick_lateness: Histogram,
    /// `audioroad_ticks_skipped_total`.
    pub ticks_skipped: IntCounter,
    /// `audioroad_rtp_packets_total{direction}`.
    pub rtp_packets: IntCounterVec,
    /// `audioroad_rtp_damage_total{kind}`.
    pub rtp_damage: IntCounterVec,
    /// `audioroad_rtp_jitter_seconds`: of each call, at its end.
    pub rtp_jitter: Histogram,
    /// `audioroad_sip_dropped_total{reason}`.
    pub sip_dropped: IntCounterVec,
    /// Of connections.
    pub transports: TransportMetrics,
    /// Of the trunks.
    pub trunks: TrunkMetrics,
    /// Of callers' lines.
    pub lines: LineMetrics,
    /// Of Media Streams.
    pub streams: StreamMetrics,
    /// Of overload and drain.
    pub capacity: CapacityMetrics,
    /// `audioroad_sip_messages_total{direction}`.
    pub sip_messages: IntCounterVec,
    /// `audioroad_invite_to_answer_seconds`.
    pub invite_to_answer: Histogram,
    /// `audioroad_rtp_ports_taken`.
    pub rtp_ports: IntGauge,
    /// `audioroad_dashboard_dropped_total`: dashboards cut off because they did not read.
    pub dashboards_dropped: IntCounter,
    /// `audioroad_rtc{what}`: browsers' transport, as last reported.
    pub rtc: IntGaugeVec,
    /// `audioroad_livekit_webhooks_total{event}`: of a LiveKit server, `refused` for those that were not believed.
    pub webhooks: IntCounterVec,
    /// `audioroad_livekit{what}`: links to a LiveKit server, as last reported.
    pub livekit: IntGaugeVec,
}

/// Upper bounds of the buckets of the tick, in seconds.
const LATENESS: [f64; 9] = [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16];

/// Upper bounds of the buckets of a call, in seconds.
const JITTER: [f64; 8] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16];

/// Upper bounds of the buckets to an INVITE, in seconds.
const ANSWER: [f64; 8] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5];

fn seconds(name: &str, help: &str, buckets: &[f64]) -> prometheus::Result<Histogram> {
    Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()))
}

fn gauge(name: &str, help: &str) -> prometheus::Result<IntGauge> {
    IntGauge::new(name, help)
}

fn counter(name: &str, help: &str) -> prometheus::Result<IntCounter> {
    IntCounter::new(name, help)
}

fn gauges(name: &str, help: &str, label: &str) -> prometheus::Result<IntGaugeVec> {
    IntGaugeVec::new(Opts::new(name, help), &[label])
}

fn counters(name: &str, help: &str, label: &str) -> prometheus::Result<IntCounterVec> {
    IntCounterVec::new(Opts::new(name, help), &[label])
}

impl Metrics {
    /// Registers everything once.
    ///
    /// # Errors
    /// Two metrics of the same name: a fault of ours, found at the first start.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let metrics = Self {
            calls: gauges("audioroad_calls", "Calls that are up, by stage", "stage")?,
            calls_ended: counters(
                "audioroad_calls_ended_total",
                "Ended calls, by cause",
                "cause",
            )?,
            dashboards: gauge("audioroad_dashboards", "Dashboards connected")?,
            commands: counters(
                "audioroad_commands_total",
                "Operators' commands, by outcome",
                "outcome",
            )?,
            tick_lateness: seconds(
                "audioroad_tick_lateness_seconds",
                "How late the media tick woke",
                &LATENESS,
            )?,
            ticks_skipped: counter("audioroad_ticks_skipped_total", "Frames jumped over")?,
            rtp_packets: counters(
                "audioroad_rtp_packets_total",
                "RTP packets of ended calls",
                "direction",
            )?,
            rtp_damage: counters(
                "audioroad_rtp_damage_total",
                "Lost, late, concealed, foreign, forged RTP of ended calls",
                "kind",
            )?,
            rtp_jitter: seconds(
                "audioroad_rtp_jitter_seconds",
                "Jitter of each ended call (RFC 3550)",
                &JITTER,
            )?,
            sip_dropped: counters(
                "audioroad_sip_dropped_total",
                "SIP traffic dropped unanswered, by reason",
                "reason",
            )?,
            transports: TransportMetrics::register(&registry)?,
            trunks: TrunkMetrics::register(&registry)?,
            lines: LineMetrics::register(&registry)?,
            streams: StreamMetrics::register(&registry)?,
            capacity: CapacityMetrics::register(&registry)?,
            sip_messages: counters(
                "audioroad_sip_messages_total",
                "SIP messages, by direction",
                "direction",
            )?,
            invite_to_answer: seconds(
                "audioroad_invite_to_answer_seconds",
                "INVITE to our 200",
                &ANSWER,
            )?,
            rtp_ports: gauge("audioroad_rtp_ports_taken", "RTP ports in use")?,
            dashboards_dropped: IntCounter::new(
                "audioroad_dashboards_dropped_total",
                "Dashboards cut off for not reading",
            )?,
            rtc: gauges("audioroad_rtc", "Browsers' transport", "what")?,
            webhooks: counters(
                "audioroad_livekit_webhooks_total",
                "Webhooks of the LiveKit server, by event",
                "event",
            )?,
            livekit: gauges("audioroad_livekit", "Links to a LiveKit server", "what")?,
            registry,
        };
        metrics.register().map(|()| metrics)
    }

    fn register(&self) -> prometheus::Result<()> {
        let all: [Box<dyn prometheus::core::Collector>; 17] = [
            Box::new(self.calls.clone()),
            Box::new(self.calls_ended.clone()),
            Box::new(self.dashboards.clone()),
            Box::new(self.commands.clone()),
            Box::new(self.tick_lateness.clone()),
            Box::new(self.ticks_skipped.clone()),
            Box::new(self.rtp_packets.clone()),
            Box::new(self.rtp_damage.clone()),
            Box::new(self.rtp_jitter.clone()),
            Box::new(self.sip_dropped.clone()),
            Box::new(self.sip_messages.clone()),
            Box::new(self.invite_to_answer.clone()),
            Box::new(self.rtp_ports.clone()),
            Box::new(self.dashboards_dropped.clone()),
            Box::new(self.rtc.clone()),
            Box::new(self.webhooks.clone()),
            Box::new(self.livekit.clone()),
        ];
        all.into_iter()
            .try_for_each(|collector| self.registry.register(collector))
    }

    /// The text exposition format of Prometheus.
    pub fn text(&self) -> String {
        let mut text = Vec::new();
        // Writing into memory fails only on an invalid metric, which `new` has ruled out.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        String::from_utf8(text).unwrap_or_default()
    }
}
