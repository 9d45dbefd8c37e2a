//! Between the rates of a room, see [`Up`] and [`Down`], and from sound files to 8 kHz.

mod whole;

pub use whole::{Down, Down2, Down3, Down6, Up, Up2, Up3, Up6};

const KAISER_BETA: f64 = 7.0;
/// -6 dB point as a share of the highest frequency that the slower side can hold.
const CUTOFF: f64 = 0.95;

/// Any rate to 8 kHz, for sound files: exact, long and steep rather than fast.
#[derive(Debug)]
pub struct ToTelephone {
    /// Output time runs in steps of `down / up` input samples.
    up: usize,
    down: usize,
    /// One row per fraction of an input sample, oldest sample first.
    phases: Vec<f32>,
    taps: usize,
    line: Vec<f32>,
    /// Where the next output sample lies behind the start of `line`, in input samples / `up`.
    position: usize,
}

impl ToTelephone {
    /// Zero crossings of the filter on either side, seen at 8 kHz.
    const REACH: usize = 24;
    const RATES_HZ: std::ops::RangeInclusive<u32> = 4_000..=192_000;
    const TARGET_HZ: usize = 8_000;

    /// `None` for a rate outside 4 to 192 kHz.
    #[must_use]
    pub fn new(sample_rate_hz: u32) -> Option<Self> {
        if !Self::RATES_HZ.contains(&sample_rate_hz) {
            return None;
        }
        let rate = sample_rate_hz as usize;
        if rate == Self::TARGET_HZ {
            return Some(Self::wire());
        }
        let common = greatest_common_divisor(rate, Self::TARGET_HZ);
        let (up, down) = (Self::TARGET_HZ / common, rate / common);
        // The slower side decides which band there is.
        let cutoff = CUTOFF / (2.0 * up.max(down) as f64);
        let taps = 2 * (Self::REACH * rate.max(Self::TARGET_HZ)).div_ceil(Self::TARGET_HZ);
        let mut low_pass = vec![0.0; taps * up];
        // An odd length has its middle on a sample, so that the delay can be taken away exactly.
        design_low_pass(&mut low_pass[..taps * up - 1], cutoff, KAISER_BETA);
        let mut phases = vec![0.0; taps * up];
        for (p, phase) in phases.chunks_exact_mut(taps).enumerate() {
            for (tap, value) in phase
                .iter_mut()
                .rev()
                .zip(low_pass.iter().skip(p).step_by(up))
            {
                *tap = value * up as f32;
            }
        }
        Some(Self {
            up,
            down,
            phases,
            taps,
            line: vec![0.0; taps / 2],
            position: up - 1,
        })
    }

    /// 8 kHz to 8 kHz: every sample as it was.
    fn wire() -> Self {
        Self {
            up: 1,
            down: 1,
            phases: vec![1.0],
            taps: 1,
            line: Vec::new(),
            position: 0,
        }
    }

    /// Appends to `output` what `input` completes.
    pub fn process(&mut self, input: &[f32], output: &mut Vec<f32>) {
        self.line.extend_from_slice(input);
        loop {
            let (start, phase) = (self.position / self.up, self.position % self.up);
            let window = self.line.get(start..start + self.taps);
            let row = self.phases.get(phase * self.taps..(phase + 1) * self.taps);
            let (Some(window), Some(row)) = (window, row) else {
                break;
            };
            output.push(dot(window, row));
            self.position += self.down;
        }
        let used = (self.position / self.up).min(self.line.len());
        self.line.drain(..used);
        self.position -= used * self.up;
    }

    /// Appends what was still in the filter.
    pub fn finish(&mut self, output: &mut Vec<f32>) {
        self.process(&vec![0.0; (self.taps / 2).saturating_sub(1)], output);
    }
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
    }
}

/// Scalar product in eight lanes: the compiler may not reorder float sums, we may.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a
        .remainder()
        .iter()
        .zip(b.remainder())
        .map(|(x, y)| x * y)
        .sum();
    for (x, y) in a.zip(b) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// Fills `taps` with a windowed-sinc low-pass of unit gain. `cutoff` is the -6 dB point in
/// cycles per sample of the faster side.
fn design_low_pass(taps: &mut [f32], cutoff: f64, kaiser_beta: f64) {
    let centre = (taps.len().max(1) - 1) as f64 / 2.0;
    let mut sum = 0.0;
    for (n, tap) in taps.iter_mut().enumerate() {
        let t = n as f64 - centre;
        let x = 2.0 * std::f64::consts::PI * cutoff * t;
        let sinc = if x.abs() < 1e-12 { 1.0 } else { x.sin() / x };
        let edge = if centre > 0.0 { t / centre } else { 0.0 };
        let value = sinc * bessel_i0(kaiser_beta * (1.0 - edge * edge).max(0.0).sqrt());
        sum += value;
        *tap = value as f32;
    }
    for tap in taps {
        *tap /= sum as f32;
    }
}

/// Modified Bessel function of the first kind, order zero, by its power series.
fn bessel_i0(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..50 {
        term *= quarter / f64::from(k * k);
        sum += term;
        if term < sum * 1e-12 {
            break;
        }
    }
    sum
}

#[cfg(test)]
mod tests;
