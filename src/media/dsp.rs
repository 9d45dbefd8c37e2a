//! What happens to a voice between the telephone and the mix, in place on slices of samples:
//! `decoded frame → HighPass → Gate → Agc → mix (Duck) → Limiter → encode`, with a [`Meter`] and [`Loudness`] beside it.
//!
//! Samples are f32 in ±1.0. Every stage takes slices of any length, keeps its state between
//! them, allocates nothing and leaves finite numbers finite.

mod agc;
mod duck;
mod gate;
mod high_pass;
mod limiter;
mod loudness;
mod meter;
mod speech;

pub use agc::Agc;
pub use duck::{Duck, Ducking};
pub use gate::Gate;
pub use high_pass::HighPass;
pub use limiter::Limiter;
pub(super) use limiter::saturate;
pub use loudness::{Loudness, LoudnessReading, SILENCE_LUFS};
pub use meter::{Level, Meter, SILENCE_DBFS};
pub use speech::SpeechDetector;

use super::resample::dot;

/// Mean of the squares; 0 for an empty slice.
pub(super) fn mean_square(samples: &[f32]) -> f32 {
    dot(samples, samples) / samples.len().max(1) as f32
}

/// Power (mean square) in dBFS, never below [`SILENCE_DBFS`].
fn power_dbfs(mean_square: f32) -> f32 {
    (10.0 * mean_square.max(1e-12).log10()).max(SILENCE_DBFS)
}

/// Decibels as a factor on amplitudes.
fn amplitude(db: f32) -> f32 {
    10.0_f32.powf(db / 20.0)
}

/// Applies a gain that moves in a straight line from `from` to `to`: no step, so no click.
pub(super) fn ramp(samples: &mut [f32], from: f32, to: f32) {
    let step = (to - from) / samples.len().max(1) as f32;
    for (n, sample) in samples.iter_mut().enumerate() {
        *sample *= from + step * (n + 1) as f32;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_voice_comes_out_of_the_whole_chain_below_full_scale(
            slices in prop::collection::vec(prop::collection::vec(-1.0_f32..=1.0, 0..400), 1..6),
        ) {
            let mut high_pass = HighPass::new(8000, 120.0);
            let mut gate = Gate::new(8000);
            let mut agc = Agc::new(8000);
            let mut limiter = Limiter::new(8000);
            for mut samples in slices {
                high_pass.process(&mut samples);
                gate.process(&mut samples);
                agc.process(&mut samples);
                prop_assert!(samples.iter().all(|x| x.is_finite()));
                limiter.process(&mut samples);
                prop_assert!(samples.iter().all(|x| x.abs() < 1.0));
            }
        }
    }
}
