//! The quadrature mirror filters (G.722 sections 3.1 and 4.4): one band into two at half the rate, and back.

/// Every other value of the symmetric impulse response, table 11, in 1/8192; backwards they are those in between.
const COEFFICIENTS: [i32; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];

/// The delay line of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Qmf {
    /// What the two halves of the response are laid over, oldest first.
    odd: [i16; 12],
    even: [i16; 12],
}

impl Qmf {
    pub(super) fn new() -> Self {
        Self {
            odd: [0; 12],
            even: [0; 12],
        }
    }

    /// Two samples at 16 kHz into one of the lower and one of the higher band, 15 bits each.
    pub(super) fn split(&mut self, [first, second]: [i16; 2]) -> (i32, i32) {
        push(&mut self.even, first);
        push(&mut self.odd, second);
        let (even, odd) = self.filtered();
        // Both are scaled by 2 on top of the response's 1/8192, since the bands have 15 bits.
        (limit15((odd + even) >> 14), limit15((odd - even) >> 14))
    }

    /// One sample of each band into two at 16 kHz.
    pub(super) fn join(&mut self, low: i32, high: i32) -> [i16; 2] {
        push(&mut self.even, limit16(low + high));
        push(&mut self.odd, limit16(low - high));
        let (even, odd) = self.filtered();
        [limit16(odd >> 11), limit16(even >> 11)]
    }

    /// The response over the even samples runs backwards from that over the odd ones.
    fn filtered(&self) -> (i32, i32) {
        let mut sums = (0, 0);
        for ((even, odd), (forth, back)) in self
            .even
            .iter()
            .zip(&self.odd)
            .zip(COEFFICIENTS.iter().zip(COEFFICIENTS.iter().rev()))
        {
            sums.0 += i32::from(*even) * forth;
            sums.1 += i32::from(*odd) * back;
        }
        sums
    }
}

fn push(line: &mut [i16; 12], sample: i16) {
    line.copy_within(1.., 0);
    line[11] = sample;
}

fn limit15(sample: i32) -> i32 {
    sample.clamp(-16_384, 16_383)
}

fn limit16(sample: i32) -> i16 {
    sample.clamp(i16::MIN.into(), i16::MAX.into()) as i16
}
