//! Packet loss concealment after ITU-T G.711 Appendix I: the last pitch period goes on and fades.
//!
//! The first 10 ms of a loss repeat the voice as it was, then it fades, and 60 ms after the last
//! sample there is silence. The voice that comes back is overlapped with what stood in for it.
//! Unlike Appendix I nothing is delayed by 3.75 ms: the seam at the start of a loss is closed by
//! letting its step decay.

use super::resample::dot;

/// Shortest and longest pitch period: 200 Hz down to 66 Hz. All lengths here are in ticks of 1/8 ms.
const PITCH_MIN: usize = 40;
const PITCH_MAX: usize = 120;
/// The stretch over which two periods are compared: 20 ms.
const COMPARED: usize = 160;
/// Enough history to compare the last 20 ms with those one longest period before.
const HISTORY: usize = COMPARED + PITCH_MAX;
/// Full volume up to here ...
const FLAT: usize = 80;
/// ... and silence from here on, since the loss began.
const FADED: usize = 480;
/// Overlap when the voice returns: a quarter period, and 4 ms more for each 10 ms lost.
const OVERLAP_PER_LOST: f32 = 0.4;
const OVERLAP_MAX: usize = 80;

/// Concealment for one voice, with `W` samples to a tick of 1/8 ms: at 8 kHz, or at 16.
#[derive(Debug, Clone)]
pub struct Plc<const W: usize = 1> {
    /// The last samples that were heard, oldest first.
    history: [[f32; W]; HISTORY],
    /// The pitch period that is being repeated.
    cycle: [[f32; W]; PITCH_MAX],
    /// Its length, and where in it we are, in samples.
    period: usize,
    phase: usize,
    /// Step between the last true sample and the first repeated one.
    seam: f32,
    /// Samples concealed since the last true one.
    lost: usize,
}

impl<const W: usize> Plc<W> {
    /// A voice that has been silent so far: its first samples are faded in.
    #[must_use]
    pub fn new() -> Self {
        Self {
            history: [[0.0; W]; HISTORY],
            cycle: [[0.0; W]; PITCH_MAX],
            period: PITCH_MIN * W,
            phase: 0,
            seam: 0.0,
            lost: FADED * W,
        }
    }

    /// Takes true samples, and smooths their beginning when they follow a loss.
    pub fn heard(&mut self, samples: &mut [f32]) {
        if self.lost > 0 {
            let overlap = self.period / 4 + (self.lost as f32 * OVERLAP_PER_LOST) as usize;
            let overlap = overlap.min(OVERLAP_MAX * W).min(samples.len());
            for (n, sample) in samples.iter_mut().take(overlap).enumerate() {
                let share = (n + 1) as f32 / (overlap + 1) as f32;
                *sample = self.next() * (1.0 - share) + *sample * share;
            }
            self.lost = 0;
        }
        self.remember(samples);
    }

    /// Makes up samples in place of lost ones.
    pub fn conceal(&mut self, samples: &mut [f32]) {
        if self.lost == 0 {
            self.begin();
        }
        for sample in samples.iter_mut() {
            *sample = self.next();
        }
        self.remember(samples);
    }

    /// Finds the pitch and prepares a cycle that can be repeated without a seam of its own.
    fn begin(&mut self) {
        self.period = self.pitch();
        self.phase = 0;
        let history = self.history.as_flattened();
        let start = history.len() - self.period;
        let quarter = self.period / 4;
        let plain = self.period - quarter;
        let cycle = self.cycle.as_flattened_mut().iter_mut();
        for (n, sample) in cycle.take(self.period).enumerate() {
            let now = history[start + n];
            let before = history[start + n - self.period];
            let share = (n + 1).saturating_sub(plain) as f32 / quarter as f32;
            *sample = now * (1.0 - share) + before * share;
        }
        self.seam = history[history.len() - 1] - history[start - 1];
    }

    fn next(&mut self) -> f32 {
        let (flat, faded) = (FLAT * W, FADED * W);
        let gain = if self.lost < flat {
            1.0
        } else if self.lost < faded {
            (faded - self.lost) as f32 / (faded - flat) as f32
        } else {
            return 0.0;
        };
        let quarter = self.period / 4;
        let seam = self.seam * quarter.saturating_sub(self.lost) as f32 / quarter as f32;
        let sample = (self.cycle.as_flattened()[self.phase] + seam) * gain;
        self.phase = (self.phase + 1) % self.period;
        self.lost += 1;
        sample
    }

    /// The lag at which the last 20 ms are most like themselves.
    fn pitch(&self) -> usize {
        let recent = self.history[HISTORY - COMPARED..].as_flattened();
        let mut best = (PITCH_MAX, 0.0);
        for lag in PITCH_MIN..=PITCH_MAX {
            let earlier = &self.history[HISTORY - COMPARED - lag..HISTORY - lag];
            let likeness = likeness(recent, earlier.as_flattened());
            if likeness > best.1 {
                best = (lag, likeness);
            }
        }
        best.0 * W
    }

    fn remember(&mut self, samples: &[f32]) {
        let history = self.history.as_flattened_mut();
        let newest = &samples[samples.len().saturating_sub(history.len())..];
        history.copy_within(newest.len().., 0);
        let old = history.len() - newest.len();
        history[old..].copy_from_slice(newest);
    }
}

impl<const W: usize> Default for Plc<W> {
    fn default() -> Self {
        Self::new()
    }
}

/// Normalised cross-correlation; 0 when either side is silent.
pub(super) fn likeness(a: &[f32], b: &[f32]) -> f32 {
    let energy = dot(a, a) * dot(b, b);
    if energy > 0.0 {
        dot(a, b) / energy.sqrt()
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A vowel-like tone: two harmonics of `hz`.
    fn voice(from: usize, len: usize, hz: f32) -> Vec<f32> {
        (from..from + len)
            .map(|n| {
                let turn = n as f32 * hz / 8000.0 * std::f32::consts::TAU;
                0.3 * turn.sin() + 0.1 * (2.0 * turn).sin()
            })
            .collect()
    }

    fn largest_step(samples: &[f32]) -> f32 {
        samples
            .windows(2)
            .map(|w| (w[1] - w[0]).abs())
            .fold(0.0, f32::max)
    }

    #[test]
    fn a_lost_frame_of_a_vowel_is_hardly_heard() {
        for hz in [70.0, 100.0, 137.0, 190.0, 400.0] {
            let mut all = voice(0, 800, hz);
            let smooth = largest_step(&all);
            let mut plc = Plc::<1>::new();
            let mut out = Vec::new();
            for (n, frame) in all.chunks_mut(160).enumerate() {
                if n == 3 {
                    plc.conceal(frame)
                } else {
                    plc.heard(frame)
                }
                out.extend_from_slice(frame);
            }
            assert!(largest_step(&out[80..]) < 1.6 * smooth, "{hz} Hz clicks");
            let truth = voice(0, 800, hz);
            assert!(
                likeness(&out[480..560], &truth[480..560]) > 0.9,
                "{hz} Hz changed"
            );
        }
    }

    #[test]
    fn a_long_loss_fades_to_silence_within_60_ms() {
        let mut plc = Plc::<1>::new();
        plc.heard(&mut voice(0, 480, 120.0));
        let mut lost = vec![9.0; 800];
        lost.chunks_mut(160).for_each(|frame| plc.conceal(frame));
        let peak = |part: &[f32]| part.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
        assert!(peak(&lost[..80]) > 0.3);
        assert!(peak(&lost[400..480]) < 0.1);
        assert_eq!(peak(&lost[480..]), 0.0);
    }

    #[test]
    fn a_voice_that_returns_or_begins_does_not_click() {
        let mut plc = Plc::<1>::new();
        let mut begin = voice(17, 160, 100.0);
        plc.heard(&mut begin);
        assert!(begin[0].abs() < 0.02);
        plc.conceal(&mut vec![0.0; 960]);
        let mut back = voice(17, 160, 100.0);
        plc.heard(&mut back);
        assert!(back[0].abs() < 0.02);
        assert_eq!(back[80..], voice(17, 160, 100.0)[80..]);
    }

    #[test]
    fn any_lengths_will_do() {
        let mut plc = Plc::<1>::new();
        for len in [0, 1, 7, 80, 159, 480, 2000] {
            plc.heard(&mut vec![0.1; len]);
            plc.conceal(&mut vec![0.0; len]);
        }
    }
}
