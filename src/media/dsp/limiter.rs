//! The last stage before an encoder: nothing leaves above full scale.
//!
//! The gain follows a soft curve of the recent peak: caught at once, held over half a period of the lowest voice, let go over
//! some 80 ms. Since the followed peak is never below the sample itself, no input can pass the ceiling, and no look-ahead (that
//! is: no delay) is needed. Since it is held, the gain of a steady tone stands still and does not bend the tone's shape.

/// Up to this peak the limiter is a wire (-6 dBFS).
const KNEE: f32 = 0.5;
/// Approached, never reached (-1.2 dBFS).
const CEILING: f32 = 0.87;
/// Half a period of 50 Hz.
const HOLD_SECONDS: f32 = 0.01;
/// Crests of a steady sound reach this share of the highest, wherever the samples fall.
const STEADY: f32 = 0.98;
const RELEASE_SECONDS: f32 = 0.08;
/// Where [`saturate`] begins to bend: above everything that a limiter lets out.
const SATURATION_KNEE: f32 = 0.9;

/// Soft-knee peak limiter without delay. Output stays below -1.2 dBFS for any input.
#[derive(Debug, Clone)]
pub struct Limiter {
    /// Never below the knee: what is below is of no interest.
    peak: f32,
    gain: f32,
    held: u32,
    hold: u32,
    release: f32,
}

impl Limiter {
    /// A limiter at rest, for samples at `sample_rate_hz`.
    #[must_use]
    pub fn new(sample_rate_hz: u32) -> Self {
        let rate = sample_rate_hz.max(1) as f32;
        Self {
            peak: KNEE,
            gain: 1.0,
            held: 0,
            hold: (HOLD_SECONDS * rate) as u32,
            release: (-1.0 / (RELEASE_SECONDS * rate)).exp(),
        }
    }

    /// Limits in place. A sample that is not a number becomes silence.
    pub fn process(&mut self, samples: &mut [f32]) {
        if self.peak <= KNEE && samples.iter().all(|x| x.abs() <= KNEE) {
            return;
        }
        for sample in samples {
            if !sample.is_finite() {
                *sample = 0.0;
            }
            self.follow(sample.abs());
            *sample *= self.gain;
        }
    }

    /// The gain is worked out anew only when the peak moves, which in a sustained sound it seldom does.
    fn follow(&mut self, level: f32) {
        if level > self.peak {
            self.peak = level;
            self.held = self.hold;
        } else if self.peak <= KNEE {
            return;
        } else if level > self.peak * STEADY {
            self.held = self.hold;
            return;
        } else if self.held > 0 {
            self.held -= 1;
            return;
        } else {
            self.peak = (self.peak * self.release).max(KNEE);
        }
        self.gain = bend(self.peak, KNEE, CEILING) / self.peak;
    }
}

/// Bends what the crossing of two limited sounds has put above 0.9 into full scale, sample by sample: no state, so that it can
/// stand where a sound is for one frame alone.
pub(in crate::media) fn saturate(sample: f32) -> f32 {
    if sample.abs() <= SATURATION_KNEE {
        return sample;
    }
    bend(sample.abs(), SATURATION_KNEE, 1.0).copysign(sample)
}

/// Identity at the knee, with the same slope and no curvature there, then towards the ceiling: `1 - 1 / (1 + x + x²)`, which is
/// as smooth as a hyperbolic tangent at the cost of one division.
fn bend(peak: f32, knee: f32, ceiling: f32) -> f32 {
    let room = ceiling - knee;
    let x = (peak - knee) * (1.0 / room);
    knee + room * (1.0 - 1.0 / (1.0 + x + x * x))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::media::tone::{Tone, ToneDetector};

    proptest! {
        #[test]
        fn nothing_passes_the_ceiling(
            mut samples in prop::collection::vec(prop::num::f32::ANY, 0..700),
        ) {
            Limiter::new(8000).process(&mut samples);
            prop_assert!(samples.iter().all(|x| x.abs() <= CEILING + 1e-4));
        }

        #[test]
        fn quiet_sound_passes_untouched(
            samples in prop::collection::vec(-KNEE..KNEE, 0..700),
        ) {
            let mut limited = samples.clone();
            Limiter::new(8000).process(&mut limited);
            prop_assert_eq!(limited, samples);
        }

        #[test]
        fn what_saturates_stays_in_order_and_below_full_scale(a in 0.0_f32..4.0, b in 0.0_f32..4.0) {
            prop_assert!(saturate(a).abs() <= 1.0);
            prop_assert_eq!(saturate(-a), -saturate(a));
            prop_assert!(a > b || saturate(a) <= saturate(b));
        }
    }

    /// A tone of this amplitude through a limiter, settled: its level and that of its third harmonic.
    fn limited(amplitude: f32, hz: f32) -> (f32, f32) {
        let mut samples = vec![0.0; 8000];
        Tone::new(8000, hz, amplitude).add(&mut samples);
        Limiter::new(8000).process(&mut samples);
        let levels = ToneDetector::new(8000, &[hz, 3.0 * hz]).levels_dbfs(&samples[4000..]);
        (levels[0], levels[1])
    }

    #[test]
    fn a_loud_tone_is_turned_down_rather_than_bent() {
        for hz in [60.0, 130.0, 500.0, 1100.0] {
            for (amplitude, least) in [(0.6, -7.7), (1.0, -5.3), (3.0, -4.5)] {
                let (tone, third) = limited(amplitude, hz);
                assert!(tone > least, "{hz} Hz x {amplitude}: {tone}");
                assert!(
                    third < tone - 60.0,
                    "{hz} Hz x {amplitude}: third harmonic {third} beside {tone}"
                );
            }
        }
    }

    #[test]
    fn quiet_speech_after_a_bang_is_back_within_half_a_second() {
        let mut limiter = Limiter::new(8000);
        limiter.process(&mut [8.0]);
        let mut later = vec![0.1; 4000];
        limiter.process(&mut later);
        assert_eq!(later[3999], 0.1);
    }

    #[test]
    fn the_gain_never_jumps_back() {
        let mut limiter = Limiter::new(8000);
        limiter.process(&mut [2.0]);
        let mut later = vec![0.4; 4000];
        limiter.process(&mut later);
        assert!(
            later
                .windows(2)
                .all(|w| (0.0..0.002).contains(&(w[1] - w[0])))
        );
    }
}
