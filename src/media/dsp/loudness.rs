//! Loudness by EBU R 128 and ITU-R BS.1770: momentary (400 ms), short-term (3 s), integrated (gated), and the true peak.
//!
//! The programme is mono and goes to both loudspeakers, so it is measured as two equal channels: a sine of 1 kHz at -23 dBFS
//! reads -23 LUFS, as EBU Tech 3341 wants it of a stereo signal.

use ebur128::{Channel, EbuR128, Error, Mode};

/// What is as good as silence: the absolute gate of BS.1770.
pub const SILENCE_LUFS: f32 = -70.0;

/// A reading of [`Loudness`]. Nothing is below [`SILENCE_LUFS`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoudnessReading {
    /// Of the last 400 ms, in LUFS.
    pub momentary_lufs: f32,
    /// Of the last 3 s, in LUFS.
    pub short_term_lufs: f32,
    /// Since the reset, silences left out, in LUFS.
    pub integrated_lufs: f32,
    /// The highest since the reset, in dB of full scale, four times oversampled.
    pub true_peak_dbtp: f32,
}

impl LoudnessReading {
    /// Of a meter that has heard nothing.
    pub const SILENCE: Self = Self {
        momentary_lufs: SILENCE_LUFS,
        short_term_lufs: SILENCE_LUFS,
        integrated_lufs: SILENCE_LUFS,
        true_peak_dbtp: super::SILENCE_DBFS,
    };
}

/// Measures 48 kHz mono. Its memory is of one size, however long it measures.
pub struct Loudness {
    meter: EbuR128,
}

impl Loudness {
    /// A meter that has heard nothing.
    ///
    /// # Errors
    /// None that one channel at 48 kHz could have.
    pub fn new() -> Result<Self, Error> {
        // The histogram is what keeps the integrated loudness from growing, and from allocating.
        let mode = Mode::I | Mode::S | Mode::TRUE_PEAK | Mode::HISTOGRAM;
        let mut meter = EbuR128::new(1, 48_000, mode)?;
        meter.set_channel(0, Channel::DualMono)?;
        Ok(Self { meter })
    }

    /// Hears samples without changing them.
    pub fn hear(&mut self, samples: &[f32]) {
        // Whole frames of the one channel: there is nothing to refuse.
        let _ = self.meter.add_frames_f32(samples);
    }

    /// Reads all four; goes over three seconds of sound, so not in every frame.
    #[must_use]
    pub fn read(&self) -> LoudnessReading {
        let lufs = |value: Result<f64, Error>| {
            value.map_or(SILENCE_LUFS, |lufs| (lufs as f32).max(SILENCE_LUFS))
        };
        let peak = self.meter.true_peak(0).unwrap_or_default() as f32;
        LoudnessReading {
            momentary_lufs: lufs(self.meter.loudness_momentary()),
            short_term_lufs: lufs(self.meter.loudness_shortterm()),
            integrated_lufs: lufs(self.meter.loudness_global()),
            true_peak_dbtp: super::power_dbfs(peak * peak),
        }
    }

    /// Begins anew.
    pub fn reset(&mut self) {
        self.meter.reset();
    }
}

impl std::fmt::Debug for Loudness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loudness").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::tone::Tone;

    fn hear_tone(meter: &mut Loudness, hz: f32, dbfs: f32, seconds: usize) {
        let mut samples = vec![0.0; seconds * 48_000];
        Tone::new(48_000, hz, 10.0_f32.powf(dbfs / 20.0)).add(&mut samples);
        samples.chunks(960).for_each(|frame| meter.hear(frame));
    }

    fn assert_near(value: f32, expected: f32, tolerance: f32) {
        assert!(
            (value - expected).abs() <= tolerance,
            "{value}, not {expected}"
        );
    }

    /// EBU Tech 3341, cases 1 and 2.
    #[test]
    fn a_sine_reads_its_level() {
        for dbfs in [-23.0, -33.0] {
            let mut meter = Loudness::new().unwrap();
            hear_tone(&mut meter, 1000.0, dbfs, 20);
            let reading = meter.read();
            assert_near(reading.momentary_lufs, dbfs, 0.1);
            assert_near(reading.short_term_lufs, dbfs, 0.1);
            assert_near(reading.integrated_lufs, dbfs, 0.1);
            assert_near(reading.true_peak_dbtp, dbfs, 0.2);
        }
    }

    /// EBU Tech 3341, case 3: what is 10 LU below the rest does not count. Case 4: nor does silence.
    #[test]
    fn quiet_passages_are_gated() {
        let mut meter = Loudness::new().unwrap();
        for (dbfs, seconds) in [
            (-72.0, 10),
            (-36.0, 10),
            (-23.0, 60),
            (-36.0, 10),
            (-72.0, 10),
        ] {
            hear_tone(&mut meter, 1000.0, dbfs, seconds);
        }
        assert_near(meter.read().integrated_lufs, -23.0, 0.1);
    }

    /// EBU Tech 3341, case 16: a sine of a quarter of the sample rate, off its samples by 45 degrees, at half scale.
    #[test]
    fn a_peak_between_samples_is_found() {
        let mut meter = Loudness::new().unwrap();
        let samples: Vec<f32> = (0..48_000)
            .map(|n| {
                0.5 * (std::f32::consts::FRAC_PI_2 * n as f32 + std::f32::consts::FRAC_PI_4).sin()
            })
            .collect();
        samples.chunks(960).for_each(|frame| meter.hear(frame));
        let peak = meter.read().true_peak_dbtp;
        assert!((-6.4..=-5.8).contains(&peak), "{peak}");
    }

    #[test]
    fn who_has_heard_nothing_reads_silence() {
        assert_eq!(Loudness::new().unwrap().read(), LoudnessReading::SILENCE);
    }

    #[test]
    fn a_reset_forgets_the_show_so_far() {
        let mut meter = Loudness::new().unwrap();
        hear_tone(&mut meter, 1000.0, -10.0, 5);
        meter.reset();
        assert_near(meter.read().integrated_lufs, SILENCE_LUFS, 0.0);
        hear_tone(&mut meter, 1000.0, -30.0, 5);
        assert_near(meter.read().integrated_lufs, -30.0, 0.1);
        assert_near(meter.read().true_peak_dbtp, -30.0, 0.2);
    }
}
