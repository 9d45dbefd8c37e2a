//! Comfort noise (RFC 3389): what a caller's room sounds like while nobody sends it.
//!
//! The level octet is followed; the spectral coefficients are not. The noise falls off above 1 kHz by 6 dB an octave, as
//! rooms and engines do, whatever they say. It comes and goes within 20 ms.

/// Full level, or none, after so many samples.
const FADE: f32 = 160.0;
/// One-pole low-pass with its corner near 1 kHz at 8 kHz, and what it takes off white noise's mean square.
const POLE: f32 = 0.456;
const PASSED: f32 = (1.0 - POLE) / (1.0 + POLE);

/// A source of noise.
#[derive(Debug, Clone)]
pub(super) struct ComfortNoise {
    /// Peak of the white noise that is filtered.
    peak: f32,
    /// Share of it that is heard.
    gain: f32,
    filtered: f32,
    seed: u32,
}

impl ComfortNoise {
    pub(super) fn silent() -> Self {
        Self {
            peak: 0.0,
            gain: 0.0,
            filtered: 0.0,
            seed: 1,
        }
    }

    /// The level as RFC 3389 3.1 has it: so many dB below the overload point, 0 to 127.
    pub(super) fn set_level(&mut self, below_overload_db: u8) {
        let rms = 10.0_f32.powf(f32::from(below_overload_db & 0x7F) / -20.0);
        // Even noise within ±p has a mean square of p²/3.
        self.peak = rms * (3.0 / PASSED).sqrt();
    }

    /// There is to be none any more.
    pub(super) fn forget(&mut self) {
        self.peak = 0.0;
    }

    pub(super) fn is_heard(&self) -> bool {
        self.gain > 0.0
    }

    /// Adds noise that fades in, or out.
    pub(super) fn add(&mut self, samples: &mut [f32], is_wanted: bool) {
        let step = if is_wanted && self.peak > 0.0 {
            1.0 / FADE
        } else {
            -1.0 / FADE
        };
        if step < 0.0 && self.gain <= 0.0 {
            return;
        }
        for sample in samples {
            self.gain = (self.gain + step).clamp(0.0, 1.0);
            // Numerical Recipes' quick generator.
            self.seed = self
                .seed
                .wrapping_mul(1_664_525)
                .wrapping_add(1_013_904_223);
            let white = self.seed as i32 as f32 / 2_147_483_648.0 * self.peak;
            self.filtered = white + (self.filtered - white) * POLE;
            *sample = (*sample + self.filtered * self.gain).clamp(-1.0, 1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::dsp::mean_square;

    #[test]
    fn the_level_is_the_one_told() {
        for level in [20, 40, 60, 78] {
            let mut noise = ComfortNoise::silent();
            noise.set_level(level);
            let mut heard = [0.0; 16_000];
            noise.add(&mut heard, true);
            let dbov = 10.0 * mean_square(&heard[160..]).log10();
            assert!(
                (dbov + f32::from(level)).abs() < 0.5,
                "{level}: {dbov} dBov"
            );
        }
    }

    #[test]
    fn it_comes_and_goes_without_a_step() {
        let mut noise = ComfortNoise::silent();
        noise.set_level(30);
        let mut heard = [0.0; 960];
        noise.add(&mut heard[..480], true);
        noise.add(&mut heard[480..], false);
        assert!(heard[0].abs() < 0.001 && mean_square(&heard[640..]) == 0.0);
        assert!(!noise.is_heard());
    }
}
