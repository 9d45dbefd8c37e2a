//! Test tones and the ears for them: `Tone → whatever is tested → ToneDetector, GapDetector,
//! ClickDetector`. Used by the tests, the demonstration and the self-check.
//!
//! Levels are RMS dBFS as a [`Meter`](super::dsp::Meter) shows them: a full-scale sine is -3.

use std::f64::consts::TAU;

use super::dsp::SILENCE_DBFS;

/// A sine whose phase runs on from call to call.
#[derive(Debug, Clone)]
pub struct Tone {
    turns: f64,
    turns_per_sample: f64,
    amplitude: f32,
}

impl Tone {
    /// A tone at `frequency_hz` with the given peak amplitude (1.0 is full scale).
    #[must_use]
    pub fn new(sample_rate_hz: u32, frequency_hz: f32, amplitude: f32) -> Self {
        let turns_per_sample = f64::from(frequency_hz) / f64::from(sample_rate_hz.max(1));
        Self {
            turns: 0.0,
            turns_per_sample,
            amplitude,
        }
    }

    /// Adds the next samples of the tone to what is there.
    pub fn add(&mut self, samples: &mut [f32]) {
        for sample in samples {
            *sample += self.amplitude * (self.turns * TAU).sin() as f32;
            self.turns = (self.turns + self.turns_per_sample).fract();
        }
    }
}

/// Tells which of a list of frequencies sound, and how loud.
///
/// Looks at each frequency through a Hann window, so frequencies `4 / seconds` Hz apart do not
/// disturb each other: 200 ms resolve 20 Hz.
#[derive(Debug, Clone)]
pub struct ToneDetector {
    sample_rate_hz: f64,
    frequencies_hz: Vec<f32>,
}

impl ToneDetector {
    /// Quieter tones are not present at all.
    pub const PRESENT_DBFS: f32 = -50.0;
    /// A tone that far below the loudest one is its distortion, not a voice of its own.
    pub const PRESENT_BELOW_LOUDEST_DB: f32 = 26.0;

    /// A bank of detectors for samples at `sample_rate_hz`.
    #[must_use]
    pub fn new(sample_rate_hz: u32, frequencies_hz: &[f32]) -> Self {
        Self {
            sample_rate_hz: sample_rate_hz.into(),
            frequencies_hz: frequencies_hz.to_vec(),
        }
    }

    /// The level of each frequency in `window`, in RMS dBFS and in the order given to `new`.
    #[must_use]
    pub fn levels_dbfs(&self, window: &[f32]) -> Vec<f32> {
        self.frequencies_hz
            .iter()
            .map(|&hz| self.level_dbfs(window, hz))
            .collect()
    }

    /// The frequencies that are present in `window`, in the order given to `new`.
    #[must_use]
    pub fn present_hz(&self, window: &[f32]) -> Vec<f32> {
        let levels = self.levels_dbfs(window);
        let loudest = levels.iter().copied().fold(SILENCE_DBFS, f32::max);
        let least = Self::PRESENT_DBFS.max(loudest - Self::PRESENT_BELOW_LOUDEST_DB);
        let present = self
            .frequencies_hz
            .iter()
            .zip(levels)
            .filter(|(_, level)| *level >= least);
        present.map(|(&hz, _)| hz).collect()
    }

    /// Goertzel's recursion over the windowed samples.
    fn level_dbfs(&self, window: &[f32], frequency_hz: f32) -> f32 {
        let step = 2.0 * (TAU * f64::from(frequency_hz) / self.sample_rate_hz).cos();
        let turn = TAU / window.len().max(1) as f64;
        let (mut s1, mut s2, mut weight) = (0.0, 0.0, 0.0);
        for (n, &sample) in window.iter().enumerate() {
            let hann = 0.5 - 0.5 * (turn * (n as f64 + 0.5)).cos();
            weight += hann;
            (s1, s2) = (f64::from(sample) * hann + step * s1 - s2, s1);
        }
        let power = (s1 * s1 + s2 * s2 - step * s1 * s2).max(0.0);
        let amplitude = 2.0 * power.sqrt() / weight.max(1.0);
        (20.0
            * (amplitude * std::f64::consts::FRAC_1_SQRT_2)
                .max(1e-9)
                .log10() as f32)
            .max(SILENCE_DBFS)
    }
}

/// Finds the longest silence inside a sound that should go on without one.
#[derive(Debug, Clone)]
pub struct GapDetector {
    sample_rate_hz: u32,
    threshold: f32,
    started: bool,
    silent: u64,
    longest: u64,
}

impl GapDetector {
    /// Samples within ±`threshold` are silence. A sound crosses zero too, but in passing.
    #[must_use]
    pub fn new(sample_rate_hz: u32, threshold: f32) -> Self {
        Self {
            sample_rate_hz,
            threshold,
            started: false,
            silent: 0,
            longest: 0,
        }
    }

    /// Hears the next samples.
    pub fn hear(&mut self, samples: &[f32]) {
        for sample in samples {
            if sample.abs() <= self.threshold {
                self.silent += 1;
                continue;
            }
            if self.started {
                self.longest = self.longest.max(self.silent);
            }
            self.started = true;
            self.silent = 0;
        }
    }

    /// The longest silence so far with sound on both sides, in ms.
    #[must_use]
    pub fn longest_ms(&self) -> f32 {
        self.longest as f32 * 1000.0 / self.sample_rate_hz.max(1) as f32
    }
}

/// Finds discontinuities in a mix of tones.
///
/// A tone is smooth: its third difference is small and steady. A step, a phase jump or a lost
/// sample stands out from the running level of that difference and of the sound itself. Use
/// tones below an eighth of the sample rate; the noise of G.711 and ramps of 10 ms and longer
/// stay below [`ClickDetector::CLICK_RATIO`].
#[derive(Debug, Clone)]
pub struct ClickDetector {
    /// Samples still to be heard before the first judgement: one has to know the sound first.
    settling: u32,
    last: [f32; 3],
    /// Mean squares of the difference over some 5 ms and of the sound over some 20 ms.
    difference: f32,
    sound: f32,
    share: f32,
    worst: f32,
}

impl ClickDetector {
    /// From this [`worst_ratio`](Self::worst_ratio) on, an ear hears a click.
    pub const CLICK_RATIO: f32 = 8.0;
    /// Below -54 dBFS nothing is a click: the last bits of a fade-out.
    const FLOOR: f32 = 0.002;
    /// The grain of G.711 beside the sound it codes, as the third difference shows it.
    const GRAIN: f32 = 0.05;

    /// A detector for samples at `sample_rate_hz`. It listens for 5 ms before it judges.
    #[must_use]
    pub fn new(sample_rate_hz: u32) -> Self {
        let settling = (sample_rate_hz / 200).max(3);
        let share = 1.0 / settling as f32;
        Self {
            settling,
            last: [0.0; 3],
            difference: 0.0,
            sound: 0.0,
            share,
            worst: 0.0,
        }
    }

    /// Hears the next samples.
    pub fn hear(&mut self, samples: &[f32]) {
        for &sample in samples {
            let [a, b, c] = self.last;
            self.last = [b, c, sample];
            let difference = sample - 3.0 * c + 3.0 * b - a;
            if self.settling > 0 {
                self.settling -= 1;
            } else {
                let grain = (self.sound.sqrt() * Self::GRAIN).max(Self::FLOOR);
                let ratio = difference.abs() / self.difference.sqrt().max(grain);
                self.worst = self.worst.max(ratio);
            }
            self.difference += (difference * difference - self.difference) * self.share;
            self.sound += (sample * sample - self.sound) * self.share / 4.0;
        }
    }

    /// The strongest discontinuity so far, against the running level.
    #[must_use]
    pub fn worst_ratio(&self) -> f32 {
        self.worst
    }
}

#[cfg(test)]
mod tests;
