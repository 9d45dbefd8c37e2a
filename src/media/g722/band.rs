//! Adaptive differential PCM of one band (G.722 sections 3.2 to 3.6 and 6.2): `sample - prediction → quantiser → code`,
//! where the prediction and the quantiser's step follow from the codes before.
//!
//! Arithmetic is that of the Recommendation, bit by bit: 16-bit words, saturating sums, products of Q15 cut downwards.

/// Decision levels of the 60 steps of the lower band, table 14 (Q6).
const Q6: [i32; 30] = [
    0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940,
    1023, 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
];
/// Codes of the 30 intervals above and below zero, table 15 (IL).
const IL_POSITIVE: [u8; 30] = [
    61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39, 38,
    37, 36, 35, 34, 33, 32,
];
const IL_NEGATIVE: [u8; 30] = [
    63, 62, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10,
    9, 8, 7, 6, 5, 4,
];
/// Output values of the quantisers of 4 bits, table 17, and of 6 bits, table 19, for the lower band.
const QM4: [i32; 16] = [
    0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584,
    1200, 0,
];
const QM6: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232,
    -9360, -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776,
    -2400, -2032, -1688, -1360, -1040, -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280,
    11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776,
    2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
];
/// What each code of the lower band, without its last two bits, does to the logarithm of the step: WL by way of RL42.
const STEP_LOW: [i32; 16] = [
    -60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60,
];
/// The same of the upper band: WH by way of RH2.
const STEP_HIGH: [i32; 4] = [798, -214, 798, -214];
/// Output values of the quantiser of 2 bits of the upper band, table 18.
const QM2: [i32; 4] = [-7408, -1616, 7408, 1616];
/// The one decision level of the upper band beside zero.
const Q2: i32 = 564;
/// 2048 times 2 to the power of n/32, table 20 (ILB).
const ILB: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
    2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];

/// What both bands do alike.
pub(super) trait Band {
    /// A code that was wished for is taken up to this part of the step beside the best one.
    const LENIENCE: i32;

    /// What a code stands for now: a sample of 15 bits.
    fn value(&self, code: u8) -> i32;

    /// The code of a sample of 15 bits.
    fn quantised(&self, sample: i32) -> u8;

    /// Width of a quantiser step.
    fn step(&self) -> i32;

    /// Goes on after a code.
    fn adapt(&mut self, code: u8);

    /// A sample of 15 bits as a code.
    fn encode(&mut self, sample: i32) -> u8 {
        let code = self.quantised(sample);
        self.adapt(code);
        code
    }

    /// The same, but takes the code `wish` instead where that is hardly worse.
    fn steer(&mut self, sample: i32, wish: u8) -> u8 {
        let own = self.quantised(sample);
        let error = |code| (self.value(code) - sample).abs();
        let code = if error(wish) <= error(own) + self.step() / Self::LENIENCE {
            wish
        } else {
            own
        };
        self.adapt(code);
        code
    }

    /// A code as a sample of 15 bits.
    fn decode(&mut self, code: u8) -> i32 {
        let sample = self.value(code);
        self.adapt(code);
        sample
    }
}

/// The lower band, 0 to 4 kHz.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Low {
    step: Step,
    predictor: Predictor,
}

impl Low {
    pub(super) fn new() -> Self {
        Self {
            step: Step { log: 0, det: 32 },
            predictor: Predictor::new(),
        }
    }
}

impl Band for Low {
    const LENIENCE: i32 = 16;

    fn value(&self, code: u8) -> i32 {
        let difference = q15(self.step.det, QM6[usize::from(code & 0x3F)]);
        limit15(self.predictor.sum + difference)
    }

    fn step(&self) -> i32 {
        self.step.det
    }

    /// SUBTRA, QUANTL.
    fn quantised(&self, sample: i32) -> u8 {
        let error = saturate(sample - self.predictor.sum);
        let size = magnitude(error);
        let reached = Q6
            .iter()
            .skip(1)
            .take_while(|level| size >= (*level * self.step.det) >> 12)
            .count();
        if error < 0 {
            IL_NEGATIVE[reached]
        } else {
            IL_POSITIVE[reached]
        }
    }

    /// INVQAL, LOGSCL, SCALEL and the predictor: the last two bits of a code steer nothing.
    fn adapt(&mut self, code: u8) {
        let coarse = usize::from(code >> 2 & 0x0F);
        let difference = q15(self.step.det, QM4[coarse]);
        self.step.adapt(STEP_LOW[coarse], 18_432, 8);
        self.predictor.adapt(difference);
    }
}

/// The upper band, 4 to 8 kHz.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct High {
    step: Step,
    predictor: Predictor,
}

impl High {
    pub(super) fn new() -> Self {
        Self {
            step: Step { log: 0, det: 8 },
            predictor: Predictor::new(),
        }
    }
}

impl Band for High {
    const LENIENCE: i32 = 4;

    fn value(&self, code: u8) -> i32 {
        let difference = q15(self.step.det, QM2[usize::from(code & 3)]);
        limit15(self.predictor.sum + difference)
    }

    fn step(&self) -> i32 {
        self.step.det
    }

    /// SUBTRA, QUANTH.
    fn quantised(&self, sample: i32) -> u8 {
        let error = saturate(sample - self.predictor.sum);
        let is_large = magnitude(error) >= (Q2 * self.step.det) >> 12;
        match (error < 0, is_large) {
            (true, true) => 0,
            (true, false) => 1,
            (false, true) => 2,
            (false, false) => 3,
        }
    }

    /// INVQAH, LOGSCH, SCALEH and the predictor.
    fn adapt(&mut self, code: u8) {
        let code = usize::from(code & 3);
        let difference = q15(self.step.det, QM2[code]);
        self.step.adapt(STEP_HIGH[code], 22_528, 10);
        self.predictor.adapt(difference);
    }
}

/// The quantiser's step and its logarithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    /// In 1/2048 of an octave.
    log: i32,
    det: i32,
}

impl Step {
    /// LOGSCL and SCALEL, or LOGSCH and SCALEH: `octaves` are those of the band's step range.
    fn adapt(&mut self, change: i32, log_max: i32, octaves: i32) {
        self.log = (((self.log * 127) >> 7) + change).clamp(0, log_max);
        let mantissa = ILB[(self.log >> 6 & 31) as usize];
        let shift = octaves - (self.log >> 11);
        let step = if shift < 0 {
            mantissa << -shift
        } else {
            mantissa >> shift
        };
        self.det = step << 2;
    }
}

/// Two poles, six zeros, adapted by the signs of what comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Predictor {
    /// Coefficients of the poles, Q14, and of the zeros.
    poles: [i32; 2],
    zeros: [i32; 6],
    /// The last reconstructed samples, and those without the poles' part; newest first.
    reconstructed: [i32; 2],
    partial: [i32; 2],
    /// The last differences, newest first.
    differences: [i32; 6],
    zeros_sum: i32,
    /// What comes next, as far as one can tell.
    sum: i32,
}

impl Predictor {
    fn new() -> Self {
        Self {
            poles: [0; 2],
            zeros: [0; 6],
            reconstructed: [0; 2],
            partial: [0; 2],
            differences: [0; 6],
            zeros_sum: 0,
            sum: 0,
        }
    }

    fn adapt(&mut self, difference: i32) {
        // RECONS, PARREC.
        let reconstructed = saturate(self.sum + difference);
        let partial = saturate(self.zeros_sum + difference);
        self.adapt_poles(partial);
        self.adapt_zeros(difference);
        // DELAYA.
        self.reconstructed = [reconstructed, self.reconstructed[0]];
        self.partial = [partial, self.partial[0]];
        self.differences.copy_within(..5, 1);
        self.differences[0] = difference;
        self.predict();
    }

    /// UPPOL2, then UPPOL1 within the limits that it leaves.
    fn adapt_poles(&mut self, partial: i32) {
        let [first, second] = self.poles;
        let is_like = |before: i32| (partial < 0) == (before < 0);
        let slope = saturate(first << 2);
        let slope = if is_like(self.partial[0]) {
            saturate(-slope)
        } else {
            slope
        };
        let push = if is_like(self.partial[1]) { 128 } else { -128 };
        let second = (push + (slope >> 7) + q15(second, 32_512)).clamp(-12_288, 12_288);
        let push = if is_like(self.partial[0]) { 192 } else { -192 };
        let bound = 15_360 - second;
        let first = saturate(push + q15(first, 32_640)).clamp(-bound, bound);
        self.poles = [first, second];
    }

    /// UPZERO.
    fn adapt_zeros(&mut self, difference: i32) {
        let size = if difference == 0 { 0 } else { 128 };
        for (zero, before) in self.zeros.iter_mut().zip(self.differences) {
            let push = if (before < 0) == (difference < 0) {
                size
            } else {
                -size
            };
            *zero = saturate(push + q15(*zero, 32_640));
        }
    }

    /// FILTEP, FILTEZ, PREDIC.
    fn predict(&mut self) {
        let twice = |sample: i32| saturate(sample * 2);
        let poles = self.poles.iter().zip(self.reconstructed);
        let poles = saturate(poles.map(|(pole, r)| q15(*pole, twice(r))).sum());
        let zeros = self.zeros.iter().zip(self.differences);
        self.zeros_sum = saturate(zeros.map(|(zero, d)| q15(*zero, twice(d))).sum());
        self.sum = saturate(poles + self.zeros_sum);
    }
}

fn q15(a: i32, b: i32) -> i32 {
    (a * b) >> 15
}

fn saturate(word: i32) -> i32 {
    word.clamp(i16::MIN.into(), i16::MAX.into())
}

fn limit15(sample: i32) -> i32 {
    sample.clamp(-16_384, 16_383)
}

/// The size of a difference, as the quantisers' tables take it: one's complement below zero.
fn magnitude(error: i32) -> i32 {
    if error < 0 { -(error + 1) } else { error }
}
