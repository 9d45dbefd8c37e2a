//! Changes that make no click: gains that move in a straight line, sounds that cross over.
//! Both take exactly one frame.

use std::f32::consts::FRAC_PI_2;

use super::dsp::saturate;

/// A gain that reaches its target within the next frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ramp {
    gain: f32,
}

impl Ramp {
    /// A gain that stands.
    pub(super) fn at(gain: f32) -> Self {
        Self { gain }
    }

    /// True when neither this frame nor what is before it lets anything through.
    pub(super) fn is_closed(self, target: f32) -> bool {
        self.gain == 0.0 && target == 0.0
    }

    /// Multiplies a frame of any length, moving from the present gain to `target`.
    pub(super) fn apply(&mut self, samples: &mut [f32], target: f32) {
        let from = std::mem::replace(&mut self.gain, target);
        if from == 1.0 && target == 1.0 {
            return;
        }
        let step = (target - from) / samples.len().max(1) as f32;
        for (n, sample) in samples.iter_mut().enumerate() {
            *sample *= from + step * (n + 1) as f32;
        }
    }
}

/// How two sounds are crossed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fade {
    /// Gains add up to one: for two versions of the same sound.
    Linear,
    /// Powers add up to one: for sounds that have nothing to do with each other.
    Power,
}

/// Turns `from` into `to` within the frame.
pub(super) fn cross_fade<const N: usize>(fade: Fade, from: &[f32; N], to: &[f32; N]) -> [f32; N] {
    let mut frame = [0.0; N];
    for (n, sample) in frame.iter_mut().enumerate() {
        let share = (n + 1) as f32 / N as f32;
        let (falling, rising) = match fade {
            Fade::Linear => (1.0 - share, share),
            Fade::Power => ((share * FRAC_PI_2).cos(), (share * FRAC_PI_2).sin()),
        };
        // Two full sounds may meet above full scale where they cross.
        *sample = saturate(from[n] * falling + to[n] * rising);
    }
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::NB_FRAME;

    #[test]
    fn a_ramp_ends_at_its_target_and_takes_small_steps() {
        let mut ramp = Ramp::at(0.0);
        let mut frame = [1.0; NB_FRAME];
        ramp.apply(&mut frame, 1.0);
        assert_eq!(frame[NB_FRAME - 1], 1.0);
        assert!(frame[0] > 0.0 && frame.windows(2).all(|w| w[1] - w[0] < 0.007));
        assert!(!ramp.is_closed(0.0) && Ramp::at(0.0).is_closed(0.0));
    }

    #[test]
    fn a_linear_fade_of_a_sound_into_itself_changes_nothing() {
        let sound = [0.5; NB_FRAME];
        let faded = cross_fade(Fade::Linear, &sound, &sound);
        assert!(faded.iter().all(|x| (x - 0.5).abs() < 1e-6));
    }

    #[test]
    fn two_full_sounds_cross_below_full_scale() {
        for fade in [Fade::Linear, Fade::Power] {
            let faded = cross_fade(fade, &[0.87; NB_FRAME], &[0.87; NB_FRAME]);
            assert!(faded.iter().all(|x| *x < 1.0), "{fade:?}");
            assert!(
                faded.windows(2).all(|w| (w[1] - w[0]).abs() < 0.02),
                "{fade:?}"
            );
        }
    }

    #[test]
    fn a_power_fade_begins_with_the_one_and_ends_with_the_other() {
        let faded = cross_fade(Fade::Power, &[0.5; NB_FRAME], &[-0.25; NB_FRAME]);
        assert!((faded[0] - 0.5).abs() < 0.01);
        assert!((faded[NB_FRAME - 1] + 0.25).abs() < 1e-6);
    }
}
