//! Second-order Butterworth high-pass: takes away DC, mains hum and handling noise.

/// Removes what lies below a cut-off frequency, 12 dB per octave.
#[derive(Debug, Clone)]
pub struct HighPass {
    b: [f32; 3],
    a: [f32; 2],
    state: [f32; 2],
}

impl HighPass {
    /// A filter with -3 dB at `cutoff_hz`, for samples at `sample_rate_hz`.
    #[must_use]
    pub fn new(sample_rate_hz: u32, cutoff_hz: f32) -> Self {
        let w = 2.0 * std::f32::consts::PI * cutoff_hz / sample_rate_hz as f32;
        let alpha = w.sin() * std::f32::consts::FRAC_1_SQRT_2;
        let a0 = 1.0 + alpha;
        let b0 = (1.0 + w.cos()) / 2.0 / a0;
        Self {
            b: [b0, -2.0 * b0, b0],
            a: [-2.0 * w.cos() / a0, (1.0 - alpha) / a0],
            state: [0.0; 2],
        }
    }

    /// Filters in place.
    pub fn process(&mut self, samples: &mut [f32]) {
        let [b0, b1, b2] = self.b;
        let [a1, a2] = self.a;
        let [mut s1, mut s2] = self.state;
        for sample in samples {
            let x = *sample;
            let y = b0 * x + s1;
            s1 = b1 * x - a1 * y + s2;
            s2 = b2 * x - a2 * y;
            *sample = y;
        }
        // A state too small to hear would decay through denormals, which are slow.
        self.state = [s1, s2].map(|s| if s.abs() < 1e-15 { 0.0 } else { s });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::tone::Tone;

    fn gain_db(frequency_hz: f32) -> f32 {
        let mut samples = vec![0.0; 8000];
        Tone::new(8000, frequency_hz, 0.5).add(&mut samples);
        HighPass::new(8000, 120.0).process(&mut samples);
        let settled = &samples[4000..];
        let rms = (settled.iter().map(|x| x * x).sum::<f32>() / 4000.0).sqrt();
        20.0 * (rms / (0.5 * std::f32::consts::FRAC_1_SQRT_2)).log10()
    }

    #[test]
    fn hum_goes_and_speech_stays() {
        assert!(gain_db(50.0) < -14.0, "{}", gain_db(50.0));
        assert!((gain_db(120.0) + 3.0).abs() < 0.3, "{}", gain_db(120.0));
        assert!(gain_db(300.0).abs() < 0.3, "{}", gain_db(300.0));
        assert!(gain_db(3000.0).abs() < 0.1, "{}", gain_db(3000.0));
    }

    #[test]
    fn an_offset_dies_away() {
        let mut samples = vec![0.25; 8000];
        HighPass::new(8000, 120.0).process(&mut samples);
        assert!(samples[7999].abs() < 1e-4);
    }
}
