//! Whether somebody speaks, judged by the power of 20 ms frames: for a decision that others are to hear, so rather late than
//! wrong.
//!
//! What counts stands out from the learned noise, is louder than a breath and lasts longer than a click of the mouse.

use super::power_dbfs;

/// Breath, paper and a quiet room are below, a voice in front of a microphone is above.
const VOICE_DBFS: f32 = -45.0;
const ABOVE_FLOOR_DB: f32 = 12.0;
/// The noise is believed to lie here: nothing above -33 dBFS is ever taken for noise.
const FLOOR_DBFS: std::ops::RangeInclusive<f32> = -75.0..=-45.0;
/// Per frame: a pause shows the floor at once, a voice lifts it by 2 dB a second at most.
const FLOOR_FALL_SHARE: f32 = 0.4;
const FLOOR_RISE_DB: f32 = 0.04;
/// 60 ms.
const FRAMES_MIN: u32 = 3;

/// Tells a voice from noise. Starts with nobody speaking, in a noisy room.
#[derive(Debug, Clone)]
pub struct SpeechDetector {
    floor_dbfs: f32,
    loud_frames: u32,
}

impl SpeechDetector {
    /// A detector that has heard nothing.
    #[must_use]
    pub fn new() -> Self {
        Self {
            floor_dbfs: *FLOOR_DBFS.end(),
            loud_frames: 0,
        }
    }

    /// Judges the next 20 ms by their mean square.
    pub fn hear(&mut self, power: f32) -> bool {
        let level_dbfs = power_dbfs(power);
        let above = level_dbfs - self.floor_dbfs;
        let step = if above < 0.0 {
            above * FLOOR_FALL_SHARE
        } else {
            FLOOR_RISE_DB
        };
        let is_loud = level_dbfs > VOICE_DBFS.max(self.floor_dbfs + ABOVE_FLOOR_DB);
        self.floor_dbfs = (self.floor_dbfs + step).clamp(*FLOOR_DBFS.start(), *FLOOR_DBFS.end());
        self.loud_frames = if is_loud {
            self.loud_frames.saturating_add(1)
        } else {
            0
        };
        self.loud_frames >= FRAMES_MIN
    }
}

impl Default for SpeechDetector {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn power(dbfs: f32) -> f32 {
        10.0_f32.powf(dbfs / 10.0)
    }

    /// How many of `frames` frames of this level are taken for a voice.
    fn voiced(detector: &mut SpeechDetector, dbfs: f32, frames: usize) -> usize {
        (0..frames).filter(|_| detector.hear(power(dbfs))).count()
    }

    #[test]
    fn a_voice_is_a_voice_for_as_long_as_it_lasts() {
        let mut detector = SpeechDetector::new();
        voiced(&mut detector, -65.0, 50);
        assert_eq!(voiced(&mut detector, -40.0, 100), 98);
        // A minute without a pause, louder.
        assert_eq!(voiced(&mut detector, -25.0, 3000), 3000);
    }

    #[test]
    fn breath_and_steady_noise_are_none() {
        for dbfs in [-90.0, -60.0, -50.0, -40.0, -34.0] {
            assert_eq!(voiced(&mut SpeechDetector::new(), dbfs, 3000), 0, "{dbfs}");
        }
        // A fan that is switched on in a quiet room is noise at last.
        let mut detector = SpeechDetector::new();
        voiced(&mut detector, -80.0, 100);
        voiced(&mut detector, -42.0, 1500);
        assert_eq!(voiced(&mut detector, -42.0, 1500), 0);
    }

    #[test]
    fn a_click_is_too_short() {
        let mut detector = SpeechDetector::new();
        for _ in 0..20 {
            assert_eq!(voiced(&mut detector, -10.0, 2), 0);
            assert_eq!(voiced(&mut detector, -70.0, 20), 0);
        }
    }
}
