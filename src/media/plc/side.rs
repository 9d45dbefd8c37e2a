//! One side of a gap, and how the sound there goes on into it.
//!
//! A voiced sound repeats its last pitch period; an unvoiced one is mirrored at the edge, which keeps its spectrum and
//! has no pitch of its own. Both sides of a gap are alike when time is counted away from the sound.

use super::likeness;

/// Shortest and longest pitch period, in samples: 200 Hz down to 66 Hz. A higher voice repeats several of its periods.
pub(super) const PITCH_MIN: usize = 40;
pub(super) const PITCH_MAX: usize = 120;
/// The stretch over which two periods are compared: 20 ms, or what there is.
const COMPARED: usize = 160;
const COMPARED_MIN: usize = 40;
/// As much as is looked at of one side.
pub(super) const SIDE_MAX: usize = COMPARED + PITCH_MAX;
/// From this likeness of two periods on, a sound is voiced.
const VOICED: f32 = 0.5;

/// The sound on one side, the sample next to the gap first.
#[derive(Debug, Clone)]
pub(super) struct Side {
    near: [f32; SIDE_MAX],
    len: usize,
    /// Pitch period in samples, and whether there is a pitch.
    pub(super) period: usize,
    pub(super) is_voiced: bool,
    /// What the first period made up would begin with is that much off the edge.
    seam: f32,
}

impl Side {
    /// A side of silence.
    pub(super) fn silent() -> Self {
        Self {
            near: [0.0; SIDE_MAX],
            len: SIDE_MAX,
            period: PITCH_MIN,
            is_voiced: false,
            seam: 0.0,
        }
    }

    /// Takes samples in the order away from the gap; a pitch is looked for among `periods`.
    pub(super) fn new(
        samples: impl Iterator<Item = f32>,
        periods: std::ops::RangeInclusive<usize>,
    ) -> Self {
        let mut side = Self::silent();
        side.len = 0;
        for (place, sample) in side.near.iter_mut().zip(samples) {
            *place = sample;
            side.len += 1;
        }
        let (period, likeness) = side.pitch(periods);
        side.period = period;
        side.is_voiced = likeness >= VOICED && side.len > period + period / 4;
        side.seam = side.near(1) - side.near(period + 1);
        side
    }

    /// The lag at which the sound is most like itself, and how much.
    fn pitch(&self, lags: std::ops::RangeInclusive<usize>) -> (usize, f32) {
        let mut best = (*lags.end(), 0.0);
        for lag in lags {
            let compared = self.len.saturating_sub(lag).min(COMPARED);
            if compared < COMPARED_MIN {
                break;
            }
            let likeness = likeness(&self.near[..compared], &self.near[lag..lag + compared]);
            if likeness > best.1 {
                best = (lag, likeness);
            }
        }
        best
    }

    /// The sample `n` places away from the gap, 1 being next to it; beyond what there is, it is mirrored.
    fn near(&self, n: usize) -> f32 {
        let turn = 2 * self.len.max(2) - 2;
        let at = (n - 1) % turn;
        self.near[at.min(turn - at)]
    }

    /// Sample `m` of the period that is repeated; it runs on into itself.
    fn cycle(&self, m: usize) -> f32 {
        let m = m % self.period;
        let quarter = self.period / 4;
        let share = (m + 1).saturating_sub(self.period - quarter) as f32 / quarter as f32;
        let now = self.near(self.period - m);
        if share > 0.0 {
            now + (self.near(2 * self.period - m) - now) * share
        } else {
            now
        }
    }

    /// The sound `t` samples into the gap; a voice has come `phase` samples far by then.
    pub(super) fn extended(&self, t: usize, phase: f32) -> f32 {
        if !self.is_voiced {
            return self.near(t + 2);
        }
        let quarter = self.period / 4;
        let seam = self.seam * quarter.saturating_sub(t) as f32 / quarter as f32;
        self.cycle_at(phase) + seam
    }

    /// Between the samples of a period: a cubic through the four around.
    pub(super) fn cycle_at(&self, phase: f32) -> f32 {
        let whole = phase.floor();
        let x = phase - whole;
        let at = (whole as i64).rem_euclid(self.period as i64) as usize;
        if x == 0.0 {
            return self.cycle(at);
        }
        let [a, b, c, d] = [self.period - 1, 0, 1, 2].map(|step| self.cycle(at + step));
        let cubic = (d - a) / 6.0 + (b - c) / 2.0;
        let square = (a + c) / 2.0 - b;
        let slope = c - a / 3.0 - b / 2.0 - d / 6.0;
        ((cubic * x + square) * x + slope) * x + b
    }
}
