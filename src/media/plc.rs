//! Packet loss concealment, beginning with ITU-T G.711 Appendix I: the last pitch period goes on and fades.
//!
//! ```text
//! nothing newer is there     the voice goes on; it fades from 10 ms on, and is silent after 60 ms
//! the sound after is there   it reaches back into the gap, in phase, and both fade into each other
//! ```
//! A voice that comes back while it was made up without it is overlapped with what stood in for it. Unlike Appendix I
//! nothing is delayed by 3.75 ms: the seam at the start of a loss is closed by letting its step decay. What is made up
//! stays within ±1.0.

mod bridge;
mod side;

use super::resample::dot;
use bridge::AFTER_MIN;
use side::{PITCH_MAX, PITCH_MIN, SIDE_MAX, Side};

/// Full volume up to here ...
const FLAT: usize = 80;
/// ... and silence from here on, in samples since the loss began.
pub(super) const FADED: usize = 480;
/// Overlap when the voice returns: a quarter period, and 4 ms more for each 10 ms lost.
const OVERLAP_PER_LOST: f32 = 0.4;
const OVERLAP_MAX: usize = 80;
/// The longest gap that is bridged.
const BRIDGE_MAX: usize = FADED;
/// As much of the sound after a gap is of use.
pub(super) const AFTER_MAX: usize = SIDE_MAX;

/// Concealment for one voice at 8 kHz.
#[derive(Debug, Clone)]
pub struct Plc {
    /// The last samples that were heard, oldest first.
    history: [f32; SIDE_MAX],
    /// The sound before the gap.
    before: Side,
    /// What fills the rest of a gap of which the end is known.
    bridge: [f32; BRIDGE_MAX],
    bridged: std::ops::Range<usize>,
    /// Samples concealed since the last true one.
    lost: usize,
}

impl Plc {
    /// A voice that has been silent so far: its first samples are faded in.
    #[must_use]
    pub fn new() -> Self {
        Self {
            history: [0.0; SIDE_MAX],
            before: Side::silent(),
            bridge: [0.0; BRIDGE_MAX],
            bridged: 0..0,
            lost: FADED,
        }
    }

    /// Takes true samples, and smooths their beginning when they follow a loss.
    pub fn heard(&mut self, samples: &mut [f32]) {
        if self.lost > 0 {
            // The end of a bridge meets them already.
            if self.bridged.end == 0 || !self.bridged.is_empty() {
                self.overlap(samples);
            }
            self.lost = 0;
            self.bridged = 0..0;
        }
        self.remember(samples);
    }

    fn overlap(&mut self, samples: &mut [f32]) {
        let overlap = self.before.period / 4 + (self.lost as f32 * OVERLAP_PER_LOST) as usize;
        let overlap = overlap.min(OVERLAP_MAX).min(samples.len());
        for (n, sample) in samples.iter_mut().take(overlap).enumerate() {
            let share = (n + 1) as f32 / (overlap + 1) as f32;
            *sample = self.next() * (1.0 - share) + *sample * share;
        }
    }

    /// Makes up samples in place of lost ones.
    pub fn conceal(&mut self, samples: &mut [f32]) {
        self.begin();
        for sample in samples.iter_mut() {
            *sample = self.next();
        }
        self.remember(samples);
    }

    /// Makes up the first samples of a gap of `gap` samples, behind which lies `after`. When they do not fill it, the next
    /// call goes on where this one ends.
    pub fn conceal_until(&mut self, samples: &mut [f32], gap: usize, after: &[f32]) {
        self.begin();
        if self.bridged.is_empty() && gap <= BRIDGE_MAX && after.len() >= AFTER_MIN {
            self.build(gap, after);
        }
        self.conceal(samples);
    }

    fn build(&mut self, gap: usize, after: &[f32]) {
        let mut filled = [0.0; BRIDGE_MAX];
        let filled = &mut filled[..gap];
        if self.lost == 0 {
            bridge::bridge(&self.before, after, filled);
        } else {
            let lost = self.lost;
            filled.fill_with(|| self.next());
            self.lost = lost;
            bridge::land(&self.before, after, filled);
        }
        self.bridge[..gap].copy_from_slice(filled);
        self.bridged = 0..gap;
    }

    fn begin(&mut self) {
        if self.lost == 0 {
            let away = self.history.iter().rev().copied();
            self.before = Side::new(away, PITCH_MIN..=PITCH_MAX);
            self.bridged = 0..0;
        }
    }

    fn next(&mut self) -> f32 {
        let sample = if let Some(at) = self.bridged.next() {
            self.bridge[at]
        } else {
            let gain = match self.lost {
                ..FLAT => 1.0,
                FLAT..FADED => (FADED - self.lost) as f32 / (FADED - FLAT) as f32,
                _ => 0.0,
            };
            self.before.extended(self.lost, self.lost as f32) * gain
        };
        self.lost = self.lost.saturating_add(1);
        sample.clamp(-1.0, 1.0)
    }

    fn remember(&mut self, samples: &[f32]) {
        let newest = &samples[samples.len().saturating_sub(SIDE_MAX)..];
        self.history.copy_within(newest.len().., 0);
        self.history[SIDE_MAX - newest.len()..].copy_from_slice(newest);
    }
}

impl Default for Plc {
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
            let mut plc = Plc::new();
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
        let mut plc = Plc::new();
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
        let mut plc = Plc::new();
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
        let mut plc = Plc::new();
        for len in [0, 1, 7, 80, 159, 480, 2000] {
            plc.heard(&mut vec![0.1; len]);
            plc.conceal(&mut vec![0.0; len]);
        }
    }
}
