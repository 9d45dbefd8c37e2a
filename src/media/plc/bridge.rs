//! A gap of which both ends are known, filled with what a linear predictor of the sound around it is least surprised by.
//!
//! Least-squares autoregressive interpolation after Janssen, Veldhuis and Vries (IEEE Trans. ASSP 34-2, 1986): the
//! predictor is fitted to both sides, the gap is what makes its error smallest, and once more with the gap filled. Its
//! order reaches back over a pitch period, so that a voice keeps its pitch. Both systems are symmetric and Toeplitz, and
//! Levinson's recursion solves them: some 150,000 multiplications a turn for 20 ms.

use super::extend::{HEARD, ORDER};

/// What is listened to after the gap.
pub(super) const AFTER: usize = 160;
/// Shortest stretch of sound after a gap that says anything.
pub(super) const AFTER_MIN: usize = 40;
/// The longest gap.
pub(super) const GAP_MAX: usize = 480;
/// The predictor is fitted so often.
const TURNS: usize = 2;
/// Noise that is added to the sound as far as the predictor knows: its share, and its least power.
const FLOOR_SHARE: f64 = 1e-4;
const FLOOR_POWER: f64 = 1e-9;

const SPAN_MAX: usize = HEARD + GAP_MAX + AFTER;

/// Fills `gap`, which lies between `before` (its newest [`HEARD`] samples) and `after`.
pub(super) fn bridge(before: &[f32; HEARD], after: &[f32], gap: &mut [f32]) {
    let after = &after[..after.len().min(AFTER)];
    let end = HEARD + gap.len();
    let len = end + after.len();
    let mut span = [0.0; SPAN_MAX];
    let span = &mut span[..len];
    span[..HEARD].copy_from_slice(before);
    span[HEARD..end].fill(0.0);
    span[end..].copy_from_slice(after);
    for _ in 0..TURNS {
        let predictor = predictor(span);
        interpolate(&predictor, span, HEARD..end);
    }
    gap.copy_from_slice(&span[HEARD..end]);
}

/// The prediction error filter of a sound: 1 and [`ORDER`] coefficients.
fn predictor(span: &[f32]) -> [f64; ORDER + 1] {
    let mut windowed = [0.0; SPAN_MAX];
    let windowed = &mut windowed[..span.len()];
    let step = std::f32::consts::PI / (span.len() + 1) as f32;
    for (n, (windowed, sample)) in windowed.iter_mut().zip(span).enumerate() {
        let sine = (step * (n + 1) as f32).sin();
        *windowed = sample * sine * sine;
    }
    let mut likeness = [0.0; ORDER + 1];
    for (lag, likeness) in likeness.iter_mut().enumerate() {
        *likeness = f64::from(dot(&windowed[lag..], windowed));
    }
    likeness[0] += likeness[0] * FLOOR_SHARE + FLOOR_POWER;
    let mut filter = [0.0; ORDER + 1];
    filter[0] = 1.0;
    let mut target = [0.0; ORDER];
    for (target, likeness) in target.iter_mut().zip(&likeness[1..]) {
        *target = -likeness;
    }
    solve(&likeness[..ORDER], &mut target);
    filter[1..].copy_from_slice(&target);
    filter
}

/// Gives the samples in `gap` the values at which the filter's output over all of `span` is least.
fn interpolate(filter: &[f64; ORDER + 1], span: &mut [f32], gap: std::ops::Range<usize>) {
    // What a sample has to do with one `lag` away.
    let mut weight = [0.0; ORDER + 1];
    for (lag, weight) in weight.iter_mut().enumerate() {
        *weight = filter.iter().zip(&filter[lag..]).map(|(a, b)| a * b).sum();
    }
    let mut target = [0.0; GAP_MAX];
    let target = &mut target[..gap.len()];
    for (n, target) in target.iter_mut().enumerate() {
        let at = gap.start + n;
        for lag in n + 1..=ORDER {
            *target -= weight[lag] * f64::from(span[at - lag]);
        }
        for lag in gap.len() - n..=ORDER {
            let there = span.get(at + lag).copied().unwrap_or(0.0);
            *target -= weight[lag] * f64::from(there);
        }
    }
    let mut row = [0.0; GAP_MAX];
    let row = &mut row[..gap.len()];
    let near = row.len().min(ORDER + 1);
    row[..near].copy_from_slice(&weight[..near]);
    solve(row, target);
    for (sample, solved) in span[gap].iter_mut().zip(target) {
        *sample = *solved as f32;
    }
}

/// Levinson's recursion: replaces `target` by the `x` for which the symmetric Toeplitz matrix with this first `row` gives
/// it. The matrix must be positive definite.
fn solve(row: &[f64], target: &mut [f64]) {
    let mut forward = [0.0; GAP_MAX];
    let mut solved = [0.0; GAP_MAX];
    let size = target.len();
    let (forward, solved) = (&mut forward[..size], &mut solved[..size]);
    let mut error = row[0];
    forward[0] = 1.0;
    solved[0] = target[0] / error;
    for n in 1..size {
        // The filter of order n: its reflection, and the filter turned round added to it.
        let missed: f64 = dot_back(&forward[..n], &row[1..=n]);
        let reflection = -missed / error;
        for k in 1..=n / 2 {
            let (low, high) = (forward[k], forward[n - k]);
            forward[k] = low + reflection * high;
            forward[n - k] = high + reflection * low;
        }
        forward[n] = reflection;
        error *= 1.0 - reflection * reflection;
        let rest = target[n] - dot_back(&solved[..n], &row[1..=n]);
        let share = rest / error;
        for k in 0..=n {
            solved[k] += share * forward[n - k];
        }
    }
    target.copy_from_slice(solved);
}

/// The sum of products, one of the two read backwards.
fn dot_back(samples: &[f64], backwards: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (mine, theirs) = (samples.chunks_exact(8), backwards.rchunks_exact(8));
    let rest: f64 = mine
        .remainder()
        .iter()
        .zip(theirs.remainder().iter().rev())
        .map(|(a, b)| a * b)
        .sum();
    for (mine, theirs) in mine.zip(theirs) {
        for (sum, (a, b)) in sums.iter_mut().zip(mine.iter().zip(theirs.iter().rev())) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// The sum of products of what both have.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let len = a.len().min(b.len());
    crate::media::resample::dot(&a[..len], &b[..len])
}
