//! Automatic gain control: brings every telephone to about the same loudness.
//!
//! It measures the RMS of speech only (pauses and line noise say nothing about the talker), is
//! quick to turn a loud voice down and slow to turn a quiet one up, by 0.25 to 8 times.

use super::{amplitude, mean_square, power_dbfs, ramp};

/// Where a voice ends up, RMS while it speaks.
const TARGET_DBFS: f32 = -18.0;
const GAIN: std::ops::RangeInclusive<f32> = 0.25..=8.0;
/// Quieter than this is not a voice.
const VOICE_DBFS: f32 = -50.0;
/// A block that far below the voice is a pause ...
const PAUSE_BELOW_VOICE_DB: f32 = 15.0;
/// ... unless it lasts 2 s: then it is perhaps somebody speaking softly.
const PAUSE_BLOCKS_MAX: u32 = 200;
const BLOCKS_PER_SECOND: u32 = 100;
/// Shares of the difference by which the measured level follows a block of 10 ms: about 50 ms
/// upwards, 500 ms downwards.
const LEVEL_RISE_SHARE: f32 = 0.18;
const LEVEL_FALL_SHARE: f32 = 0.02;
/// After a long pause the level sinks by 10 dB a second until something is a voice again.
const LEVEL_SINK_DB: f32 = 0.1;
/// Gain falls by this share of the difference per block, and grows by at most 6 dB a second.
const GAIN_FALL_SHARE: f32 = 0.3;
const GAIN_RISE_FACTOR: f32 = 1.006_93;

/// RMS-based gain control for one voice. Starts at gain 1.
#[derive(Debug, Clone)]
pub struct Agc {
    block: usize,
    /// Mean square of the voice, once one was heard.
    level: Option<f32>,
    pause_blocks: u32,
    gain: f32,
}

impl Agc {
    /// A control that has heard nobody, for samples at `sample_rate_hz`.
    #[must_use]
    pub fn new(sample_rate_hz: u32) -> Self {
        Self {
            block: (sample_rate_hz / BLOCKS_PER_SECOND).max(1) as usize,
            level: None,
            pause_blocks: 0,
            gain: 1.0,
        }
    }

    /// The samples have another rate from now on; the voice is the same.
    pub fn retune(&mut self, sample_rate_hz: u32) {
        self.block = (sample_rate_hz / BLOCKS_PER_SECOND).max(1) as usize;
    }

    /// Adjusts in place. Whole 20 ms frames keep the times exact. Peaks may exceed full scale:
    /// a [`Limiter`](super::Limiter) stands behind.
    pub fn process(&mut self, samples: &mut [f32]) {
        for block in samples.chunks_mut(self.block) {
            self.measure(mean_square(block));
            let gain = self.next_gain();
            ramp(block, self.gain, gain);
            self.gain = gain;
        }
    }

    /// The present gain, as a factor.
    #[must_use]
    pub fn gain(&self) -> f32 {
        self.gain
    }

    fn measure(&mut self, power: f32) {
        let power_db = power_dbfs(power);
        if power_db < VOICE_DBFS || !power.is_finite() {
            self.pause_blocks = self.pause_blocks.saturating_add(1);
            return;
        }
        let Some(level) = self.level else {
            self.level = Some(power);
            return;
        };
        if power_db > power_dbfs(level) - PAUSE_BELOW_VOICE_DB {
            let share = if power > level {
                LEVEL_RISE_SHARE
            } else {
                LEVEL_FALL_SHARE
            };
            self.level = Some(level + (power - level) * share);
            self.pause_blocks = 0;
        } else if self.pause_blocks < PAUSE_BLOCKS_MAX {
            self.pause_blocks += 1;
        } else {
            self.level = Some(level * amplitude(-2.0 * LEVEL_SINK_DB));
        }
    }

    fn next_gain(&self) -> f32 {
        let Some(level) = self.level else {
            return self.gain;
        };
        let wanted = amplitude(TARGET_DBFS - power_dbfs(level)).clamp(*GAIN.start(), *GAIN.end());
        if wanted < self.gain {
            self.gain + (wanted - self.gain) * GAIN_FALL_SHARE
        } else {
            wanted.min(self.gain * GAIN_RISE_FACTOR)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::tone::Tone;

    /// Level after the control has listened to `seconds` of a tone of this RMS.
    fn settled_dbfs(agc: &mut Agc, tone_dbfs: f32, seconds: usize) -> f32 {
        let mut tone = Tone::new(8000, 440.0, amplitude(tone_dbfs) * std::f32::consts::SQRT_2);
        let mut samples = vec![0.0; seconds * 8000];
        tone.add(&mut samples);
        agc.process(&mut samples);
        power_dbfs(mean_square(&samples[samples.len() - 800..]))
    }

    #[test]
    fn loud_and_quiet_talkers_end_up_alike() {
        for talker_dbfs in [-8.0, -18.0, -26.0, -34.0] {
            let heard = settled_dbfs(&mut Agc::new(8000), talker_dbfs, 5);
            assert!(
                (heard - TARGET_DBFS).abs() < 0.5,
                "{talker_dbfs} became {heard}"
            );
        }
    }

    #[test]
    fn gain_has_its_limits() {
        let faint = settled_dbfs(&mut Agc::new(8000), -46.0, 8);
        assert!((faint + 46.0 - 18.06).abs() < 0.1, "{faint}");
        let mut shouting = vec![0.0; 16_000];
        Tone::new(8000, 440.0, 8.0).add(&mut shouting);
        let mut agc = Agc::new(8000);
        agc.process(&mut shouting);
        assert!((agc.gain() - 0.25).abs() < 0.001, "{}", agc.gain());
    }

    #[test]
    fn a_pause_does_not_turn_the_noise_up() {
        let mut agc = Agc::new(8000);
        settled_dbfs(&mut agc, -20.0, 3);
        let gain = agc.gain();
        settled_dbfs(&mut agc, -55.0, 30);
        assert!(
            (agc.gain() - gain).abs() < 0.02,
            "{gain} became {}",
            agc.gain()
        );
    }

    #[test]
    fn a_sudden_shout_is_caught_within_a_fifth_of_a_second() {
        let mut agc = Agc::new(8000);
        settled_dbfs(&mut agc, -34.0, 5);
        let mut shout = vec![0.0; 1600];
        Tone::new(8000, 440.0, 0.5).add(&mut shout);
        agc.process(&mut shout);
        let heard = power_dbfs(mean_square(&shout[1440..]));
        assert!(heard < TARGET_DBFS + 2.0, "{heard}");
    }

    #[test]
    fn a_softer_second_talker_is_brought_up_too() {
        let mut agc = Agc::new(8000);
        settled_dbfs(&mut agc, -14.0, 3);
        let heard = settled_dbfs(&mut agc, -34.0, 10);
        assert!((heard - TARGET_DBFS).abs() < 0.5, "{heard}");
    }
}
