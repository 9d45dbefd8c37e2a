//! The last stage before an encoder: nothing leaves above full scale.
//!
//! The gain follows a soft curve of the recent peak, caught at once and let go over some 80 ms.
//! Since the followed peak is never below the sample itself, no input can pass the ceiling, and
//! no look-ahead (that is: no delay) is needed.

/// Below this peak the limiter is a wire (-6 dBFS).
const KNEE: f32 = 0.5;
/// Approached, never reached (-0.5 dBFS).
const CEILING: f32 = 0.944;
const RELEASE_SECONDS: f32 = 0.08;

/// Soft-knee peak limiter without delay. Output stays below 0 dBFS for any input.
#[derive(Debug, Clone)]
pub struct Limiter {
    peak: f32,
    release: f32,
}

impl Limiter {
    /// A limiter at rest, for samples at `sample_rate_hz`.
    #[must_use]
    pub fn new(sample_rate_hz: u32) -> Self {
        let release = (-1.0 / (RELEASE_SECONDS * sample_rate_hz.max(1) as f32)).exp();
        Self { peak: 0.0, release }
    }

    /// Limits in place. A sample that is not a number becomes silence.
    pub fn process(&mut self, samples: &mut [f32]) {
        for sample in samples {
            if !sample.is_finite() {
                *sample = 0.0;
            }
            self.peak = sample.abs().max(self.peak * self.release);
            if self.peak > KNEE {
                *sample *= curve(self.peak) / self.peak;
            }
        }
    }
}

/// Identity at the knee with the same slope, then bending towards the ceiling.
fn curve(peak: f32) -> f32 {
    let room = CEILING - KNEE;
    KNEE + room * ((peak - KNEE) / room).tanh()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::media::tone::{Tone, ToneDetector};

    proptest! {
        #[test]
        fn nothing_passes_full_scale(
            mut samples in prop::collection::vec(prop::num::f32::ANY, 0..700),
        ) {
            Limiter::new(8000).process(&mut samples);
            prop_assert!(samples.iter().all(|x| x.abs() < 0.95));
        }

        #[test]
        fn quiet_sound_passes_untouched(
            samples in prop::collection::vec(-KNEE..KNEE, 0..700),
        ) {
            let mut limited = samples.clone();
            Limiter::new(8000).process(&mut limited);
            prop_assert_eq!(limited, samples);
        }
    }

    #[test]
    fn a_loud_tone_is_turned_down_rather_than_cut() {
        let mut samples = vec![0.0; 8000];
        Tone::new(8000, 500.0, 3.0).add(&mut samples);
        Limiter::new(8000).process(&mut samples);
        let levels = ToneDetector::new(8000, &[500.0, 1500.0]).levels_dbfs(&samples[4000..]);
        let (tone, third) = (levels[0], levels[1]);
        assert!(tone > -4.5, "tone {tone}");
        assert!(third < tone - 34.0, "third harmonic {third} beside {tone}");
    }

    #[test]
    fn quiet_speech_after_a_bang_is_back_within_half_a_second() {
        let mut limiter = Limiter::new(8000);
        limiter.process(&mut [8.0]);
        let mut later = vec![0.1; 4000];
        limiter.process(&mut later);
        assert_eq!(later[3999], 0.1);
    }
}
