//! A gap of which both ends are known: the sound before goes on, the sound after reaches back, and one fades into the
//! other. Where both are voiced, the pitch is bent a little so that they meet in phase.

use super::side::{PITCH_MAX, PITCH_MIN, Side};
use crate::media::resample::dot;

/// Shortest stretch of sound after a gap that says anything.
pub(super) const AFTER_MIN: usize = 60;
/// What a bend of the pitch costs beside the likeness that it brings, per share of the period.
const BEND_COST: f32 = 1.0;
/// A longer gap fades in its middle: there is no telling what was said.
const FLAT: usize = 320;

/// Fills `gap` between the sound `before` it and the samples `after`.
pub(super) fn bridge(before: &Side, after: &[f32], gap: &mut [f32]) {
    let behind = behind(before, after);
    let bend = Bend::new(before, &behind, after, gap.len());
    let mut back = [0.0; super::BRIDGE_MAX];
    let back = &mut back[..gap.len()];
    let mut phase = 0.0;
    for t in 0..gap.len() {
        gap[t] = before.extended(t, phase * before.period as f32);
        let rest = gap.len() - 1 - t;
        phase += bend.step(t);
        back[t] = behind.extended(rest, (bend.turns - phase) * behind.period as f32);
    }
    cross(gap, back);
}

/// Lets what goes on already, `gap`, end in the samples `after`.
pub(super) fn land(before: &Side, after: &[f32], gap: &mut [f32]) {
    let behind = behind(before, after);
    let mut back = [0.0; super::BRIDGE_MAX];
    let back = &mut back[..gap.len()];
    for (rest, sample) in back.iter_mut().rev().enumerate() {
        *sample = behind.extended(rest, rest as f32);
    }
    cross(gap, back);
}

/// The far side. A voice does not change its pitch much within a gap.
fn behind(before: &Side, after: &[f32]) -> Side {
    let periods = if before.is_voiced {
        let (low, high) = (before.period * 4 / 5, before.period * 5 / 4);
        low.max(PITCH_MIN / 2)..=high.min(PITCH_MAX)
    } else {
        PITCH_MIN..=PITCH_MAX
    };
    Side::new(after.iter().copied(), periods)
}

/// Fades from `gap` to `back` at even loudness: sounds that are alike add up, others need more of each.
fn cross(gap: &mut [f32], back: &[f32]) {
    let (own, others) = (dot(gap, gap), dot(back, back));
    let alike = dot(gap, back) / (own * others).sqrt().max(f32::MIN_POSITIVE);
    let alike = alike.clamp(0.0, 1.0);
    let steps = (gap.len() + 1) as f32;
    let fade = (FLAT as f32 / gap.len() as f32).min(1.0);
    for (t, (sample, back)) in gap.iter_mut().zip(back).enumerate() {
        let share = (t + 1) as f32 / steps;
        let rest = 1.0 - share;
        let power = share * share + rest * rest + 2.0 * alike * share * rest;
        let middle = 1.0 - (1.0 - fade) * (1.0 - (2.0 * share - 1.0).abs());
        *sample = (*sample * rest + back * share) * middle / power.sqrt();
    }
}

/// How the pitch runs through the gap, in turns of the period.
struct Bend {
    first: f32,
    slope: f32,
    turns: f32,
}

impl Bend {
    fn new(before: &Side, behind: &Side, after: &[f32], gap: usize) -> Self {
        let (first, last) = (1.0 / before.period as f32, 1.0 / behind.period as f32);
        let plain = (first + last) / 2.0 * gap as f32;
        let turns = if before.is_voiced && behind.is_voiced {
            Self::meeting(before, behind, after, plain)
        } else {
            plain
        };
        let scale = turns / plain;
        Self {
            first: first * scale,
            slope: (last - first) * scale / gap as f32,
            turns,
        }
    }

    /// The number of turns near `plain` after which the sound before is most like the one behind.
    fn meeting(before: &Side, behind: &Side, after: &[f32], plain: f32) -> f32 {
        let period = behind.period.min(after.len());
        let stretch = before.period as f32 / behind.period as f32;
        let mut best = (plain, f32::MIN);
        for lag in 0..before.period {
            let offset = lag as f32 / before.period as f32;
            let turns = offset + (plain - offset).round();
            if turns <= 0.0 {
                continue;
            }
            let mut likeness = [0.0; 3];
            for (n, there) in after[..period].iter().enumerate() {
                let here = before.cycle_at((lag as f32 + n as f32 * stretch).round());
                likeness[0] += here * there;
                likeness[1] += here * here;
                likeness[2] += there * there;
            }
            let [both, here, there] = likeness;
            let alike = both / (here * there).sqrt().max(f32::MIN_POSITIVE);
            let score = alike - BEND_COST * (turns - plain).abs() / plain.max(1.0);
            if score > best.1 {
                best = (turns, score);
            }
        }
        best.0
    }

    fn step(&self, t: usize) -> f32 {
        self.first + self.slope * (t as f32 + 0.5)
    }
}
