//! Noise gate: turns the line down while nobody speaks.
//!
//! It learns the noise floor of the line and opens when a block stands out from it. The decision
//! is made on a whole 5 ms block before any of it is heard, and a closed gate still lets -12 dB
//! through, so the start of a word is never cut off; a hold time keeps its end.

use super::{amplitude, mean_square, power_dbfs, ramp};

/// How far above the floor a voice must stand.
const OPEN_ABOVE_FLOOR_DB: f32 = 9.0;
/// The floor is believed to lie in this range; nothing louder than its top plus
/// [`OPEN_ABOVE_FLOOR_DB`] is ever turned down, however long it lasts.
const FLOOR_DBFS: std::ops::RangeInclusive<f32> = -70.0..=-42.0;
/// Per block: a pause shows the floor at once, speech lifts it by 4 dB a second at most.
const FLOOR_FALL_SHARE: f32 = 0.2;
const FLOOR_RISE_DB: f32 = 0.02;
const CLOSED_DB: f32 = -12.0;
const BLOCKS_PER_SECOND: u32 = 200;
/// 250 ms: longer than the pause before a plosive, shorter than a breath.
const HOLD_BLOCKS: u32 = 50;
/// 150 ms from open to closed.
const CLOSE_BLOCKS: f32 = 30.0;

/// Turns down what is no louder than the line's own noise. Starts open.
#[derive(Debug, Clone)]
pub struct Gate {
    block: usize,
    closed: f32,
    floor_dbfs: f32,
    gain: f32,
    hold_blocks: u32,
}

impl Gate {
    /// An open gate for samples at `sample_rate_hz`.
    #[must_use]
    pub fn new(sample_rate_hz: u32) -> Self {
        Self {
            block: (sample_rate_hz / BLOCKS_PER_SECOND).max(1) as usize,
            closed: amplitude(CLOSED_DB),
            // The first pause, however short, brings it down to the truth.
            floor_dbfs: *FLOOR_DBFS.end(),
            gain: 1.0,
            hold_blocks: HOLD_BLOCKS,
        }
    }

    /// The samples have another rate from now on; the line is the same.
    pub fn retune(&mut self, sample_rate_hz: u32) {
        self.block = (sample_rate_hz / BLOCKS_PER_SECOND).max(1) as usize;
    }

    /// Gates in place. Whole 20 ms frames keep the times exact.
    pub fn process(&mut self, samples: &mut [f32]) {
        for block in samples.chunks_mut(self.block) {
            let level_dbfs = power_dbfs(mean_square(block));
            self.learn_floor(level_dbfs);
            if level_dbfs > self.floor_dbfs + OPEN_ABOVE_FLOOR_DB {
                self.hold_blocks = HOLD_BLOCKS;
            } else {
                self.hold_blocks = self.hold_blocks.saturating_sub(1);
            }
            let gain = if self.hold_blocks > 0 {
                1.0
            } else {
                (self.gain - (1.0 - self.closed) / CLOSE_BLOCKS).max(self.closed)
            };
            ramp(block, self.gain, gain);
            self.gain = gain;
        }
    }

    fn learn_floor(&mut self, level_dbfs: f32) {
        let above = level_dbfs - self.floor_dbfs;
        let step = if above < 0.0 {
            above * FLOOR_FALL_SHARE
        } else {
            FLOOR_RISE_DB
        };
        self.floor_dbfs = (self.floor_dbfs + step).clamp(*FLOOR_DBFS.start(), *FLOOR_DBFS.end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::tone::Tone;

    /// White noise with the given RMS, the same every time.
    fn noise(seconds: usize, rms_dbfs: f32) -> Vec<f32> {
        let mut state = 12_345_u32;
        let scale = amplitude(rms_dbfs) * 3.0_f32.sqrt();
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state as f32 / u32::MAX as f32 - 0.5) * 2.0 * scale
        };
        (0..seconds * 8000).map(|_| next()).collect()
    }

    fn rms_dbfs(samples: &[f32]) -> f32 {
        power_dbfs(mean_square(samples))
    }

    #[test]
    fn line_noise_is_turned_down() {
        let mut samples = noise(12, -52.0);
        Gate::new(8000).process(&mut samples);
        let end = rms_dbfs(&samples[11 * 8000..]);
        assert!((end + 64.0).abs() < 1.0, "{end}");
    }

    #[test]
    fn the_first_block_of_a_word_is_already_heard() {
        let mut gate = Gate::new(8000);
        gate.process(&mut noise(12, -52.0));
        let mut word = vec![0.0; 160];
        Tone::new(8000, 400.0, 0.05).add(&mut word);
        let spoken = word.clone();
        gate.process(&mut word);
        let lost_db = rms_dbfs(&spoken[..40]) - rms_dbfs(&word[..40]);
        assert!(lost_db < 5.0, "first 5 ms lost {lost_db} dB");
        assert_eq!(word[40..], spoken[40..]);
    }

    #[test]
    fn a_pause_between_words_does_not_close_it() {
        let mut gate = Gate::new(8000);
        let mut word = vec![0.0; 1600];
        Tone::new(8000, 400.0, 0.1).add(&mut word);
        gate.process(&mut word);
        let mut pause = noise(1, -55.0);
        let quiet = pause.clone();
        gate.process(&mut pause);
        assert_eq!(pause[..1900], quiet[..1900]);
        assert!(rms_dbfs(&pause[6000..]) < -66.0);
    }

    #[test]
    fn a_steady_loud_sound_is_never_taken_for_noise() {
        let mut gate = Gate::new(8000);
        let mut tone = Tone::new(8000, 1000.0, 0.1);
        for second in 0..60 {
            let mut samples = vec![0.0; 8000];
            tone.add(&mut samples);
            gate.process(&mut samples);
            assert!(rms_dbfs(&samples) > -23.1, "second {second}");
        }
    }
}
