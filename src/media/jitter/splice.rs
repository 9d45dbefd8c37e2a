//! A frame made of a little more, or a little less, than its time: how a delay changes unheard.

use crate::media::plc::likeness;
use crate::media::resample::dot;
use crate::media::{NB_FRAME, NbFrame};

/// What a pause gains or loses at a time.
pub(super) const STEP: usize = 80;
/// What a running voice loses: one pitch period.
const PERIOD: std::ops::RangeInclusive<usize> = 40..=NB_FRAME;

/// Plays one frame of a pause with its end crossed over to its beginning, so that it can go on
/// [`STEP`] samples earlier. Gives the samples consumed.
pub(super) fn lengthen(span: &[f32; 2 * NB_FRAME], frame: &mut NbFrame) -> usize {
    frame.copy_from_slice(&span[..NB_FRAME]);
    cross_over(&mut frame[STEP..], &span[..STEP]);
    NB_FRAME - STEP
}

/// Plays one frame that leaves something out: so many samples of a pause, up to a frame, or of a
/// voice what lies between two places most like each other. Gives the samples consumed.
pub(super) fn shorten(
    span: &[f32; 2 * NB_FRAME],
    frame: &mut NbFrame,
    of_pause: Option<usize>,
) -> usize {
    let cut = of_pause.unwrap_or_else(|| best_cut(span)).min(NB_FRAME);
    frame.copy_from_slice(&span[cut..cut + NB_FRAME]);
    frame[..STEP].copy_from_slice(&span[..STEP]);
    cross_over(&mut frame[..STEP], &span[cut..cut + STEP]);
    NB_FRAME + cut
}

/// Mean square.
pub(super) fn power(samples: &[f32]) -> f32 {
    dot(samples, samples) / samples.len().max(1) as f32
}

/// Fades from `samples` to `to` over their length.
fn cross_over(samples: &mut [f32], to: &[f32]) {
    let steps = (samples.len() + 1) as f32;
    for (n, (sample, to)) in samples.iter_mut().zip(to).enumerate() {
        let share = (n + 1) as f32 / steps;
        *sample += (to - *sample) * share;
    }
}

/// How many samples to leave out so that the seam is heard least.
fn best_cut(span: &[f32; 2 * NB_FRAME]) -> usize {
    let mut best = (STEP, f32::MIN);
    for cut in PERIOD {
        let likeness = likeness(&span[..STEP], &span[cut..cut + STEP]);
        if likeness > best.1 {
            best = (cut, likeness);
        }
    }
    best.0
}
