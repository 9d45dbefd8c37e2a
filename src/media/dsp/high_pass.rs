//! Second-order Butterworth high-pass: takes away DC, mains hum and handling noise.

/// Samples that are filtered at once.
const BLOCK: usize = 160;
/// Samples before them that each needs.
const TAIL: usize = 4;

/// Removes what lies below a cut-off frequency, 12 dB per octave.
///
/// `(b0 + b1 z⁻¹ + b2 z⁻²) / (1 + a1 z⁻¹ + a2 z⁻²)`, above and below times `1 - a1 z⁻¹ + a2 z⁻²`: so each sample needs the second
/// and the fourth before it and never the one before (scattered look-ahead, Parhi and Messerschmitt 1989), and a processor
/// works on two at a time instead of waiting for each. The poles that this adds are the first ones' mirror images, as stable as they.
#[derive(Debug, Clone)]
pub struct HighPass {
    forward: [f32; 5],
    back: [f32; 2],
    /// The last samples before and behind the filter, oldest first.
    before: [f32; TAIL],
    behind: [f32; TAIL],
}

impl HighPass {
    /// A filter with -3 dB at `cutoff_hz`, for samples at `sample_rate_hz`.
    #[must_use]
    pub fn new(sample_rate_hz: u32, cutoff_hz: f32) -> Self {
        let w = 2.0 * std::f32::consts::PI * cutoff_hz / sample_rate_hz as f32;
        let alpha = w.sin() * std::f32::consts::FRAC_1_SQRT_2;
        let a0 = 1.0 + alpha;
        let b = (1.0 + w.cos()) / 2.0 / a0;
        let (a1, a2) = (-2.0 * w.cos() / a0, (1.0 - alpha) / a0);
        Self {
            // b (1 - z⁻¹)² times the mirror image.
            forward: [1.0, -2.0 - a1, 1.0 + 2.0 * a1 + a2, -a1 - 2.0 * a2, a2].map(|f| f * b),
            back: [a1 * a1 - 2.0 * a2, -a2 * a2],
            before: [0.0; TAIL],
            behind: [0.0; TAIL],
        }
    }

    /// Filters in place.
    pub fn process(&mut self, samples: &mut [f32]) {
        for block in samples.chunks_mut(BLOCK) {
            self.process_block(block);
        }
        // What is too small to hear would decay through denormals, which are slow.
        self.behind = self.behind.map(|y| if y.abs() < 1e-15 { 0.0 } else { y });
    }

    fn process_block(&mut self, block: &mut [f32]) {
        let (end, [f0, f1, f2, f3, f4]) = (block.len(), self.forward);
        let mut before = [0.0; BLOCK + TAIL];
        before[..TAIL].copy_from_slice(&self.before);
        before[TAIL..TAIL + end].copy_from_slice(block);
        for (y, x) in block.iter_mut().zip(before.windows(TAIL + 1)) {
            let [x4, x3, x2, x1, x0] = *x else { break };
            *y = f0 * x0 + f1 * x1 + f2 * x2 + f3 * x3 + f4 * x4;
        }
        self.before.copy_from_slice(&before[end..end + TAIL]);
        let [g2, g4] = self.back;
        let [mut y4, mut y3, mut y2, mut y1] = self.behind;
        let (pairs, last) = block.as_chunks_mut();
        for [even, odd] in pairs {
            *even = (*even + g4 * y4) + g2 * y2;
            *odd = (*odd + g4 * y3) + g2 * y1;
            [y4, y3, y2, y1] = [y2, y1, *even, *odd];
        }
        for y in last {
            *y = (*y + g4 * y4) + g2 * y2;
            [y4, y3, y2, y1] = [y3, y2, y1, *y];
        }
        self.behind = [y4, y3, y2, y1];
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
