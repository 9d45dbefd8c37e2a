//! Between the rates of a room: `8 ⇄ Up2, Down2 ⇄ 16 ⇄ Up3, Down3 ⇄ 48 kHz`, and at once `8 ⇄ Up6, Down6 ⇄ 48 kHz`.
//!
//! The ratios are fixed integers, so a polyphase FIR does it with 1.5 ms of delay seen from 8 kHz, 0.75 ms from 16 kHz
//! (general resamplers add 10 ms). Flat to 3 kHz, -1 dB at 3.4 kHz, aliases and images of speech below -60 dB; twice that
//! from 16 kHz. State is kept between frames; one resampler serves one stream.

use std::sync::LazyLock;

use super::{CUTOFF, KAISER_BETA, design_low_pass, dot};
use crate::media::{FB_FRAME, NB_FRAME, WB_FRAME};

/// Filter length seen from the slower side.
const TAPS_PER_PHASE: usize = 24;

/// A low-pass and the same cut in phases: row `p` makes the samples at `ratio * n + p`.
struct Filter {
    low_pass: Vec<f32>,
    phases: Vec<[f32; TAPS_PER_PHASE]>,
}

impl Filter {
    fn new(ratio: usize) -> Self {
        let mut low_pass = vec![0.0; TAPS_PER_PHASE * ratio];
        design_low_pass(&mut low_pass, CUTOFF / (2.0 * ratio as f64), KAISER_BETA);
        let phase = |p: usize| {
            let mut row = [0.0; TAPS_PER_PHASE];
            let taps = low_pass.iter().skip(p).step_by(ratio);
            // Newest sample last, in the order of time.
            for (tap, low_pass) in row.iter_mut().rev().zip(taps) {
                *tap = low_pass * ratio as f32;
            }
            row
        };
        Self {
            phases: (0..ratio).map(phase).collect(),
            low_pass,
        }
    }

    fn of(ratio: usize) -> &'static Self {
        static BY_2: LazyLock<Filter> = LazyLock::new(|| Filter::new(2));
        static BY_3: LazyLock<Filter> = LazyLock::new(|| Filter::new(3));
        static BY_6: LazyLock<Filter> = LazyLock::new(|| Filter::new(6));
        match ratio {
            2 => &BY_2,
            3 => &BY_3,
            _ => &BY_6,
        }
    }
}

const UP_HISTORY: usize = TAPS_PER_PHASE - 1;

/// One frame of `IN` samples to `RATIO` times as many.
#[derive(Debug, Clone)]
pub struct Up<const RATIO: usize, const IN: usize> {
    history: [f32; UP_HISTORY],
}

/// 8 to 16 kHz.
pub type Up2 = Up<2, NB_FRAME>;
/// 16 to 48 kHz.
pub type Up3 = Up<3, WB_FRAME>;
/// 8 to 48 kHz.
pub type Up6 = Up<6, NB_FRAME>;

impl<const RATIO: usize, const IN: usize> Up<RATIO, IN> {
    /// A resampler that has heard silence so far.
    #[must_use]
    pub fn new() -> Self {
        // Designed here and not on the tick.
        Filter::of(RATIO);
        Self {
            history: [0.0; UP_HISTORY],
        }
    }

    /// Turns one frame into one frame of `RATIO` times `IN` samples.
    pub fn process(&mut self, input: &[f32; IN], output: &mut [f32]) {
        output.fill(0.0);
        self.add(input, output);
    }

    /// Turns one frame into one frame, and adds it to what is in `output`, of `RATIO` times `IN` samples.
    pub fn add(&mut self, input: &[f32; IN], output: &mut [f32]) {
        // The first samples need what came before, the others do not.
        let mut seam = [0.0; 2 * UP_HISTORY];
        seam[..UP_HISTORY].copy_from_slice(&self.history);
        seam[UP_HISTORY..].copy_from_slice(&input[..UP_HISTORY]);
        let windows = seam
            .windows(TAPS_PER_PHASE)
            .chain(input.windows(TAPS_PER_PHASE));
        let phases = &Filter::of(RATIO).phases;
        for (group, window) in output.chunks_exact_mut(RATIO).zip(windows) {
            for (out, phase) in group.iter_mut().zip(phases) {
                *out += dot(window, phase);
            }
        }
        self.pass(input);
    }

    /// Hears a frame without making anything of it.
    pub fn pass(&mut self, input: &[f32; IN]) {
        self.history.copy_from_slice(&input[IN - UP_HISTORY..]);
    }
}

impl<const RATIO: usize, const IN: usize> Default for Up<RATIO, IN> {
    fn default() -> Self {
        Self::new()
    }
}

/// One frame of `IN` samples to a `RATIO`th of them.
#[derive(Debug, Clone)]
pub struct Down<const RATIO: usize, const IN: usize> {
    history: [[f32; RATIO]; TAPS_PER_PHASE],
}

/// 16 to 8 kHz.
pub type Down2 = Down<2, WB_FRAME>;
/// 48 to 16 kHz.
pub type Down3 = Down<3, FB_FRAME>;
/// 48 to 8 kHz.
pub type Down6 = Down<6, FB_FRAME>;

impl<const RATIO: usize, const IN: usize> Down<RATIO, IN> {
    const TAPS: usize = TAPS_PER_PHASE * RATIO;
    const HISTORY: usize = Self::TAPS - RATIO;

    /// A resampler that has heard silence so far.
    #[must_use]
    pub fn new() -> Self {
        // Designed here and not on the tick.
        Filter::of(RATIO);
        Self {
            history: [[0.0; RATIO]; TAPS_PER_PHASE],
        }
    }

    /// Turns one frame into one frame of a `RATIO`th of `IN` samples.
    pub fn process(&mut self, input: &[f32; IN], output: &mut [f32]) {
        output.fill(0.0);
        self.add(input, output);
    }

    /// Turns one frame into one frame, and adds it to what is in `output`, of a `RATIO`th of `IN` samples.
    pub fn add(&mut self, input: &[f32; IN], output: &mut [f32]) {
        let taps = Filter::of(RATIO).low_pass.as_slice();
        let history = &mut self.history.as_flattened_mut()[..Self::HISTORY];
        // The first samples need what came before, the others do not.
        let mut seam = [[0.0; RATIO]; 2 * TAPS_PER_PHASE];
        let seam = &mut seam.as_flattened_mut()[..2 * Self::HISTORY];
        seam[..Self::HISTORY].copy_from_slice(history);
        seam[Self::HISTORY..].copy_from_slice(&input[..Self::HISTORY]);
        let first = seam.windows(Self::TAPS).step_by(RATIO);
        let windows = first.chain(input.windows(Self::TAPS).step_by(RATIO));
        for (out, window) in output.iter_mut().zip(windows) {
            *out += dot(window, taps);
        }
        history.copy_from_slice(&input[IN - Self::HISTORY..]);
    }
}

impl<const RATIO: usize, const IN: usize> Default for Down<RATIO, IN> {
    fn default() -> Self {
        Self::new()
    }
}
