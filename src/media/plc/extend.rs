//! How a sound goes on by itself: linear prediction with coefficients after Burg.
//!
//! Burg's method (Modern Spectrum Analysis, 1975) fits a predictor to a stretch of sound without a window, forwards and
//! backwards at once: a vowel or a tone goes on nearly as loud as it was, noise dies away, and nothing grows.

use crate::media::resample::dot;

/// Of the predictor, in samples: 80 Hz and higher voices are within one period.
pub(super) const ORDER: usize = 100;
/// What is listened to.
pub(super) const HEARD: usize = 280;
/// White noise that is added to the sound as far as the predictor knows, as a mean square: -90 dBFS.
const FLOOR: f32 = 1e-9;

/// A sound that goes on.
#[derive(Debug, Clone)]
pub(super) struct Extension<const LEN: usize> {
    /// The newest coefficient last, so that a row lies over the sound in the order of time.
    predictor: [f32; ORDER],
    /// The last of what was heard.
    heard: [f32; ORDER],
    samples: [f32; LEN],
    ready: usize,
}

impl<const LEN: usize> Extension<LEN> {
    /// Nothing goes on as nothing.
    pub(super) fn silent() -> Self {
        Self {
            predictor: [0.0; ORDER],
            heard: [0.0; ORDER],
            samples: [0.0; LEN],
            ready: LEN,
        }
    }

    /// Of these samples, the newest last.
    pub(super) fn of(sound: &[f32; HEARD]) -> Self {
        let mut heard = [0.0; ORDER];
        heard.copy_from_slice(&sound[HEARD - ORDER..]);
        Self {
            predictor: burg(sound),
            heard,
            samples: [0.0; LEN],
            ready: 0,
        }
    }

    /// Sample `at` after the last one heard; silence beyond `LEN`.
    pub(super) fn sample(&mut self, at: usize) -> f32 {
        while self.ready <= at && self.ready < LEN {
            let n = self.ready;
            let own = n.min(ORDER);
            let (older, newer) = self.predictor.split_at(ORDER - own);
            let next = dot(older, &self.heard[own..]) + dot(newer, &self.samples[n - own..n]);
            self.samples[n] = next.clamp(-2.0, 2.0);
            self.ready += 1;
        }
        self.samples.get(at).copied().unwrap_or(0.0)
    }
}

fn burg(sound: &[f32; HEARD]) -> [f32; ORDER] {
    let (mut forward, mut backward) = (*sound, *sound);
    let mut filter = [0.0; ORDER + 1];
    filter[0] = 1.0;
    for order in 1..=ORDER {
        let ahead = &mut forward[order..];
        let behind = &mut backward[order - 1..HEARD - 1];
        let floor = FLOOR * ahead.len() as f32;
        let power = dot(ahead, ahead) + dot(behind, behind) + floor;
        let reflection = -2.0 * dot(ahead, behind) / power;
        for (ahead, behind) in ahead.iter_mut().zip(behind) {
            (*ahead, *behind) = (*ahead + reflection * *behind, *behind + reflection * *ahead);
        }
        // The errors backwards are of one sample earlier each time.
        backward.copy_within(order - 1..HEARD - 1, order);
        for k in 0..=order / 2 {
            let (low, high) = (filter[k], filter[order - k]);
            filter[k] = low + reflection * high;
            filter[order - k] = high + reflection * low;
        }
    }
    let mut predictor = [0.0; ORDER];
    for (place, coefficient) in predictor.iter_mut().rev().zip(&filter[1..]) {
        *place = -coefficient;
    }
    predictor
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goes_on(sound: &[f32; HEARD]) -> Vec<f32> {
        let mut extension = Extension::<480>::of(sound);
        (0..480).map(|at| extension.sample(at)).collect()
    }

    #[test]
    fn a_tone_goes_on_as_loud_as_it_was() {
        let tone = |n: usize| 0.5 * (n as f32 * 0.31).sin();
        let sound = std::array::from_fn(tone);
        let wrong = goes_on(&sound)
            .iter()
            .take(160)
            .enumerate()
            .find_map(|(n, x)| {
                let there = tone(HEARD + n);
                ((x - there).abs() > 0.05).then_some((n, *x, there))
            });
        assert_eq!(wrong, None);
    }

    #[test]
    fn silence_goes_on_as_silence_and_nothing_grows() {
        assert!(goes_on(&[0.0; HEARD]).iter().all(|x| *x == 0.0));
        let mut seed = 1_u32;
        let noise = std::array::from_fn(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed as i32 as f32 / 2_147_483_648.0
        });
        assert!(goes_on(&noise).iter().all(|x| x.abs() < 2.0));
        let step = std::array::from_fn(|n| if n < 270 { 0.0 } else { 1.0 });
        assert!(
            goes_on(&step)
                .iter()
                .all(|x| x.is_finite() && x.abs() <= 2.0)
        );
    }
}
