//! Packet loss concealment for one voice. It begins where ITU-T G.711 Appendix I does, with 10 ms at full volume
//! that then fade to silence within 60 ms, and goes on from there:
//!
//! ```text
//! the sound after is not there yet   the sound before goes on by linear prediction, and fades
//! it is there                        the gap is interpolated between both; its ends meet them without a seam
//! ```
//! A voice that comes back while it was made up without it is overlapped with what stood in for it. What is made up stays
//! within ±1.0. Unlike Appendix I nothing is delayed by 3.75 ms.
//!
//! Lengths are in ticks of 1/8 ms: a sample each at 8 kHz, two at 16.

mod bridge;
mod extend;

use bridge::{AFTER_MIN, GAP_MAX, bridge};
use extend::{Extension, HEARD};

use super::resample::dot;

/// Full volume up to here ...
const FLAT: usize = 80;
/// ... and silence from here on, since the loss began.
pub(super) const FADED: usize = 480;
/// Overlap when the voice returns: a quarter period, and 4 ms more for each 10 ms lost.
const OVERLAP_MIN: usize = 20;
const OVERLAP_PER_LOST: f32 = 0.4;
const OVERLAP_MAX: usize = 80;
/// As much of the sound after a gap is of use.
pub const AFTER_MAX: usize = bridge::AFTER;

/// Concealment for one voice, with `W` samples to a tick of 1/8 ms: one at 8 kHz, two at 16.
#[derive(Debug, Clone)]
pub struct Plc<const W: usize = 1> {
    /// The last samples that were heard, oldest first.
    history: [[f32; W]; HEARD],
    /// How the sound goes on by itself, once that is needed, and how much was lost by then.
    extension: Extension<W, FADED>,
    extended_from: Option<usize>,
    /// What fills a gap of which the end is known, and how much of it is still to come.
    bridge: [[f32; W]; GAP_MAX],
    bridged: std::ops::Range<usize>,
    /// Samples concealed since the last true one.
    lost: usize,
}

impl<const W: usize> Plc<W> {
    /// A voice that has been silent so far: its first samples are faded in.
    #[must_use]
    pub fn new() -> Self {
        Self {
            history: [[0.0; W]; HEARD],
            extension: Extension::silent(),
            extended_from: None,
            bridge: [[0.0; W]; GAP_MAX],
            bridged: 0..0,
            lost: FADED * W,
        }
    }

    /// Takes true samples, and smooths their beginning when they follow a loss.
    pub fn heard(&mut self, samples: &mut [f32]) {
        if self.lost > 0 {
            let has_landed = self.bridged.end > 0 && self.bridged.is_empty();
            if !has_landed {
                self.overlap(samples);
            }
            self.lost = 0;
        }
        self.remember(samples);
    }

    fn overlap(&mut self, samples: &mut [f32]) {
        let overlap = OVERLAP_MIN * W + (self.lost as f32 * OVERLAP_PER_LOST) as usize;
        let overlap = overlap.min(OVERLAP_MAX * W).min(samples.len());
        for (n, sample) in samples.iter_mut().take(overlap).enumerate() {
            let share = (n + 1) as f32 / (overlap + 1) as f32;
            *sample = self.next() * (1.0 - share) + *sample * share;
        }
    }

    /// Makes up samples in place of lost ones.
    pub fn conceal(&mut self, samples: &mut [f32]) {
        self.begin();
        self.fill(samples);
    }

    /// Makes up the first samples of a gap of `gap` ticks, behind which lies `after` (up to [`AFTER_MAX`] ticks are of use).
    /// When they do not fill it, the next call goes on where this one ends.
    pub fn conceal_until(&mut self, samples: &mut [f32], gap: usize, after: &[f32]) {
        self.begin();
        if self.bridged.is_empty() && gap <= GAP_MAX && after.len() >= AFTER_MIN * W {
            let filled = self.bridge[..gap].as_flattened_mut();
            bridge(self.history.as_flattened(), after, filled);
            self.bridged = 0..gap * W;
        }
        self.fill(samples);
    }

    fn begin(&mut self) {
        if self.lost == 0 {
            self.extended_from = None;
            self.bridged = 0..0;
        }
    }

    fn fill(&mut self, samples: &mut [f32]) {
        for sample in samples.iter_mut() {
            *sample = self.next();
        }
        self.remember(samples);
    }

    fn next(&mut self) -> f32 {
        let sample = if let Some(at) = self.bridged.next() {
            self.bridge.as_flattened()[at]
        } else {
            // A bridge that turned out to be too short has landed nowhere.
            self.bridged = 0..0;
            let (flat, faded) = (FLAT * W, FADED * W);
            if self.lost < flat {
                self.extended()
            } else if self.lost < faded {
                self.extended() * (faded - self.lost) as f32 / (faded - flat) as f32
            } else {
                0.0
            }
        };
        self.lost = self.lost.saturating_add(1);
        sample.clamp(-1.0, 1.0)
    }

    fn extended(&mut self) -> f32 {
        let from = match self.extended_from {
            Some(from) => from,
            None => {
                self.extension = Extension::of(&self.history);
                self.lost
            }
        };
        self.extended_from = Some(from);
        self.extension.sample(self.lost - from)
    }

    fn remember(&mut self, samples: &[f32]) {
        let history = self.history.as_flattened_mut();
        let newest = &samples[samples.len().saturating_sub(history.len())..];
        history.copy_within(newest.len().., 0);
        let kept = history.len() - newest.len();
        history[kept..].copy_from_slice(newest);
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

    type Narrow = Plc<1>;

    /// A vowel-like tone: two harmonics of `hz`.
    fn voice(from: usize, len: usize, hz: f32) -> Vec<f32> {
        voice_at(8000.0, from, len, hz)
    }

    fn voice_at(rate_hz: f32, from: usize, len: usize, hz: f32) -> Vec<f32> {
        (from..from + len)
            .map(|n| {
                let turn = n as f32 * hz / rate_hz * std::f32::consts::TAU;
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

    /// Loses the fourth of five frames; with the sound after it `known`, or not.
    fn loses_a_frame<const W: usize>(hz: f32, known: bool) {
        let (rate_hz, frame_len) = (8000.0 * W as f32, 160 * W);
        let truth = voice_at(rate_hz, 0, 5 * frame_len, hz);
        let smooth = largest_step(&truth);
        let mut plc = Plc::<W>::new();
        let mut out = Vec::new();
        for (n, frame) in truth.chunks(frame_len).enumerate() {
            let mut frame = frame.to_vec();
            match n {
                3 if known => plc.conceal_until(&mut frame, 160, &truth[4 * frame_len..]),
                3 => plc.conceal(&mut frame),
                _ => plc.heard(&mut frame),
            }
            out.extend(frame);
        }
        let place = format!("{hz} Hz, {W} samples to a tick, {known}");
        assert!(
            largest_step(&out[80 * W..]) < 1.6 * smooth,
            "{place}: clicks"
        );
        let begin = 3 * frame_len..3 * frame_len + frame_len / 2;
        assert!(
            likeness(&out[begin.clone()], &truth[begin]) > 0.9,
            "{place}: changed"
        );
    }

    #[test]
    fn a_lost_frame_of_a_vowel_is_hardly_heard() {
        for hz in [70.0, 100.0, 137.0, 190.0, 400.0] {
            for known in [false, true] {
                loses_a_frame::<1>(hz, known);
                loses_a_frame::<2>(hz, known);
            }
        }
    }

    #[test]
    fn a_long_loss_fades_to_silence_within_60_ms() {
        let mut plc = Narrow::new();
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
        let mut plc = Narrow::new();
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
        let mut plc = Narrow::new();
        for len in [0, 1, 7, 80, 159, 480, 2000] {
            plc.heard(&mut vec![0.1; len]);
            plc.conceal(&mut vec![0.0; len]);
        }
    }
}
