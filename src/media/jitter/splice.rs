//! A frame made of a little more, or a little less, than its time: how a delay changes unheard.

use crate::media::NB_FRAME;
use crate::media::plc::likeness;

/// 20 ms in ticks of 1/8 ms, `W` samples each.
pub(super) type Frame<const W: usize> = [[f32; W]; NB_FRAME];
/// Two frames that follow on one another.
type Span<const W: usize> = [[f32; W]; 2 * NB_FRAME];

/// What a pause gains or loses at a time, in ticks.
pub(super) const STEP: usize = 80;
/// What a running voice loses: one pitch period, in ticks.
const PERIOD: std::ops::RangeInclusive<usize> = 40..=NB_FRAME;

/// Plays one frame of a pause with its end crossed over to its beginning, so that it can go on
/// [`STEP`] ticks earlier. Gives the ticks consumed.
pub(super) fn lengthen<const W: usize>(span: &Span<W>, frame: &mut Frame<W>) -> usize {
    frame.copy_from_slice(&span[..NB_FRAME]);
    cross_over(&mut frame[STEP..], &span[..STEP]);
    NB_FRAME - STEP
}

/// Plays one frame that leaves something out: so many ticks of a pause, up to a frame, or of a
/// voice what lies between two places most like each other. Gives the ticks consumed.
pub(super) fn shorten<const W: usize>(
    span: &Span<W>,
    frame: &mut Frame<W>,
    of_pause: Option<usize>,
) -> usize {
    let cut = of_pause.unwrap_or_else(|| best_cut(span)).min(NB_FRAME);
    frame.copy_from_slice(&span[cut..cut + NB_FRAME]);
    frame[..STEP].copy_from_slice(&span[..STEP]);
    cross_over(&mut frame[..STEP], &span[cut..cut + STEP]);
    NB_FRAME + cut
}

/// Fades from `ticks` to `to` over their length.
fn cross_over<const W: usize>(ticks: &mut [[f32; W]], to: &[[f32; W]]) {
    let (samples, to) = (ticks.as_flattened_mut(), to.as_flattened());
    let steps = (samples.len() + 1) as f32;
    for (n, (sample, to)) in samples.iter_mut().zip(to).enumerate() {
        let share = (n + 1) as f32 / steps;
        *sample += (to - *sample) * share;
    }
}

/// How many ticks to leave out so that the seam is heard least.
fn best_cut<const W: usize>(span: &Span<W>) -> usize {
    let mut best = (STEP, f32::MIN);
    for cut in PERIOD {
        let likeness = likeness(
            span[..STEP].as_flattened(),
            span[cut..cut + STEP].as_flattened(),
        );
        if likeness > best.1 {
            best = (cut, likeness);
        }
    }
    best.0
}
