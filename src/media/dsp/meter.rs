//! What the needles of a dashboard show: RMS and peak since they were last looked at.

use super::power_dbfs;
use crate::media::resample::dot;

/// The bottom of every level scale, in dBFS. A meter that heard nothing shows this.
pub const SILENCE_DBFS: f32 = -96.0;

/// A reading of a [`Meter`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// RMS in dBFS; a full-scale sine is -3.
    pub rms_dbfs: f32,
    /// Highest sample in dBFS; may exceed 0 before a limiter.
    pub peak_dbfs: f32,
}

/// Collects RMS and peak until it is read.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    square_sum: f32,
    count: u32,
    peak: f32,
}

impl Meter {
    /// A meter that has heard nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Hears samples without changing them.
    pub fn hear(&mut self, samples: &[f32]) {
        self.square_sum += dot(samples, samples);
        self.count = self
            .count
            .saturating_add(u32::try_from(samples.len()).unwrap_or(u32::MAX));
        self.peak = samples.iter().fold(self.peak, |peak, x| peak.max(x.abs()));
    }

    /// The level since the last call, and starts anew.
    pub fn take(&mut self) -> Level {
        let heard = std::mem::take(self);
        Level {
            rms_dbfs: power_dbfs(heard.square_sum / heard.count.max(1) as f32),
            peak_dbfs: power_dbfs(heard.peak * heard.peak),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_wave_has_one_level_and_the_second_look_sees_nothing() {
        let mut meter = Meter::new();
        meter.hear(&[0.5, -0.5, 0.5, -0.5]);
        let level = meter.take();
        assert!((level.rms_dbfs + 6.02).abs() < 0.01);
        assert!((level.peak_dbfs + 6.02).abs() < 0.01);
        assert_eq!(
            meter.take(),
            Level {
                rms_dbfs: SILENCE_DBFS,
                peak_dbfs: SILENCE_DBFS
            }
        );
    }

    #[test]
    fn the_peak_is_held_over_frames() {
        let mut meter = Meter::new();
        meter.hear(&[0.0, -1.0]);
        meter.hear(&[0.0; 318]);
        let level = meter.take();
        assert!(level.peak_dbfs.abs() < 0.01);
        assert!((level.rms_dbfs + 25.05).abs() < 0.01);
    }
}
