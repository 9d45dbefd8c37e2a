//! One call's line, second by second: what it is like now, and what it was like in all.

use std::time::{Duration, Instant};

use super::burst::{LossCounts, percent};
use super::emodel::{Conditions, Impairment, mos};
use super::judge::{Judge, Level};
use crate::media::rtcp::FarEnd;

/// Seconds that "now" is made of.
const WINDOW: usize = 8;
/// Fewer packets say nothing about a line: one loss of ten is no bad line.
const PACKETS_MIN: u64 = 100;
/// Without news it is told again after this long.
const TELL_EVERY: Duration = Duration::from_secs(4);
/// A far end that has not reported for this long says nothing about now: five intervals of RFC 3550.
const FAR_END_AGE_MAX: Duration = Duration::from_secs(25);
/// What a far end's buffer is taken to hold, in ms; nobody tells.
const FAR_BUFFER_MS: f32 = 40.0;

/// What is measured of a leg, about once a second.
#[derive(Debug, Clone, Copy)]
pub(in crate::media) struct Measured {
    pub(in crate::media) codec: Impairment,
    pub(in crate::media) packets: LossCounts,
    /// Packets that came too late to be played.
    pub(in crate::media) late: u64,
    pub(in crate::media) jitter_ms: f32,
    /// What our buffer holds.
    pub(in crate::media) buffer_ms: f32,
    pub(in crate::media) rtt_ms: Option<f32>,
    /// What the far end says.
    pub(in crate::media) far: Option<FarEnd>,
}

/// What a line is like now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LineQuality {
    /// In a word: of the worse direction.
    pub level: Level,
    /// It has been bad for so long that the caller had better call again.
    pub ask_to_call_back: bool,
    /// Of what we hear, 1 to 4.5.
    pub mos: f32,
    /// Packets lost or too late.
    pub loss_percent: f32,
    /// Interarrival jitter.
    pub jitter_ms: f32,
    /// To the far end and back, where it reports.
    pub rtt_ms: Option<f32>,
    /// Of what the far end hears, where it reports.
    pub far_mos: Option<f32>,
    /// What the far end loses of us.
    pub far_loss_percent: Option<f32>,
    /// Jitter at the far end.
    pub far_jitter_ms: Option<f32>,
}

/// What a line was like in all.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LineSummary {
    /// The worst eight seconds of what we heard; `None` when nothing was heard long enough.
    pub mos_min: Option<f32>,
    /// All of what we heard.
    pub mos_mean: Option<f32>,
    /// Packets lost or too late.
    pub loss_percent: f32,
    /// Losses within bursts.
    pub burst_density_percent: f32,
    /// Packets in the mean burst.
    pub burst_packets_mean: f32,
    /// Highest interarrival jitter.
    pub jitter_ms_max: f32,
    /// Last round trip.
    pub rtt_ms: Option<f32>,
    /// Longest round trip.
    pub rtt_ms_max: Option<f32>,
    /// The worst of what the far end heard.
    pub far_mos_min: Option<f32>,
}

/// One call's line.
#[derive(Debug)]
pub struct Line {
    judge: Judge,
    /// Counts of the last seconds, in a ring, and where the next goes.
    window: [(LossCounts, u64); WINDOW],
    next: usize,
    told_at: Option<Instant>,
    told: Option<(Level, bool)>,
    mos_sum: f64,
    seconds: u32,
    summary: LineSummary,
}

impl Line {
    /// A line of which nothing is known.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            judge: Judge::new(now),
            window: [Default::default(); WINDOW],
            next: 0,
            told_at: None,
            told: None,
            mos_sum: 0.0,
            seconds: 0,
            summary: LineSummary::default(),
        }
    }

    /// Takes what was measured; what dashboards should be told, if anything.
    pub(in crate::media) fn measure(
        &mut self,
        now: Instant,
        measured: &Measured,
    ) -> Option<LineQuality> {
        let oldest = self.window.get_mut(self.next)?;
        let (before, late_before) = std::mem::replace(oldest, (measured.packets, measured.late));
        self.next = (self.next + 1) % WINDOW;
        let lately = measured.packets.since(&before);
        let late = measured.late.saturating_sub(late_before);
        self.remember(measured);
        if lately.expected < PACKETS_MIN {
            return None;
        }
        let loss_percent = percent(lately.lost.saturating_add(late), lately.expected).min(100.0);
        let half_way_ms = measured.rtt_ms.unwrap_or(0.0) / 2.0;
        let rating = Conditions {
            codec: measured.codec,
            one_way_ms: half_way_ms + measured.buffer_ms,
            loss_percent,
            burst_ratio: lately.burst_ratio(),
        }
        .rating();
        let far = measured
            .far
            .filter(|far| now.saturating_duration_since(far.at) < FAR_END_AGE_MAX);
        let far_rating = far.map(|far| {
            Conditions {
                codec: measured.codec,
                one_way_ms: half_way_ms + FAR_BUFFER_MS,
                loss_percent: far.loss_percent,
                burst_ratio: 1.0,
            }
            .rating()
        });
        self.judge
            .hear(now, far_rating.map_or(rating, |far| far.min(rating)));
        self.score(mos(rating), far_rating.map(mos));
        let quality = LineQuality {
            level: self.judge.level(),
            ask_to_call_back: self.judge.asks_to_call_back(now),
            mos: mos(rating),
            loss_percent,
            jitter_ms: measured.jitter_ms,
            rtt_ms: measured.rtt_ms,
            far_mos: far_rating.map(mos),
            far_loss_percent: far.map(|far| far.loss_percent),
            far_jitter_ms: far.map(|far| far.jitter_ms),
        };
        self.is_news(now, &quality).then_some(quality)
    }

    /// What it was like in all.
    #[must_use]
    pub fn summary(&self) -> LineSummary {
        let mean = self.mos_sum / f64::from(self.seconds.max(1));
        LineSummary {
            mos_mean: (self.seconds > 0).then_some(mean as f32),
            ..self.summary
        }
    }

    fn remember(&mut self, measured: &Measured) {
        let packets = &measured.packets;
        let missing = packets.lost.saturating_add(measured.late);
        let summary = &mut self.summary;
        summary.loss_percent = percent(missing, packets.expected).min(100.0);
        summary.burst_density_percent = packets.burst_density_percent();
        summary.burst_packets_mean = packets.burst_packets_mean();
        summary.jitter_ms_max = summary.jitter_ms_max.max(measured.jitter_ms);
        summary.rtt_ms = measured.rtt_ms.or(summary.rtt_ms);
        summary.rtt_ms_max = larger(summary.rtt_ms_max, measured.rtt_ms);
    }

    fn score(&mut self, mos: f32, far_mos: Option<f32>) {
        self.mos_sum += f64::from(mos);
        self.seconds = self.seconds.saturating_add(1);
        self.summary.mos_min = smaller(self.summary.mos_min, Some(mos));
        self.summary.far_mos_min = smaller(self.summary.far_mos_min, far_mos);
    }

    fn is_news(&mut self, now: Instant, quality: &LineQuality) -> bool {
        let word = (quality.level, quality.ask_to_call_back);
        let is_old = self
            .told_at
            .is_none_or(|at| now.saturating_duration_since(at) >= TELL_EVERY);
        if !is_old && self.told == Some(word) {
            return false;
        }
        self.told_at = Some(now);
        self.told = Some(word);
        true
    }
}

fn smaller(a: Option<f32>, b: Option<f32>) -> Option<f32> {
    a.into_iter().chain(b).reduce(f32::min)
}

fn larger(a: Option<f32>, b: Option<f32>) -> Option<f32> {
    a.into_iter().chain(b).reduce(f32::max)
}
