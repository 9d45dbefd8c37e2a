//! How a sound goes on by itself: linear prediction with coefficients after Burg.
//!
//! Burg's method (Modern Spectrum Analysis, 1975) fits a predictor to a stretch of sound without a window, forwards and
//! backwards at once: a vowel or a tone goes on nearly as loud as it was, noise dies away, and nothing grows.

use crate::media::resample::dot;

/// Of the predictor, in ticks of 1/8 ms: 80 Hz and higher voices are within one period.
pub(super) const ORDER: usize = 100;
/// What is listened to.
pub(super) const HEARD: usize = 280;
/// White noise that is added to the sound as far as the predictor knows, as a mean square: -90 dBFS.
const FLOOR: f32 = 1e-9;

/// A sound that goes on, with `W` samples to a tick.
#[derive(Debug, Clone)]
pub(super) struct Extension<const W: usize, const LEN: usize> {
    /// The newest coefficient last, so that a row lies over the sound in the order of time.
    predictor: [[f32; W]; ORDER],
    /// The last of what was heard.
    heard: [[f32; W]; ORDER],
    samples: [[f32; W]; LEN],
    /// Samples that are known.
    ready: usize,
}

impl<const W: usize, const LEN: usize> Extension<W, LEN> {
    /// Nothing goes on as nothing.
    pub(super) fn silent() -> Self {
        Self {
            predictor: [[0.0; W]; ORDER],
            heard: [[0.0; W]; ORDER],
            samples: [[0.0; W]; LEN],
            ready: LEN * W,
        }
    }

    /// Of these samples, the newest last.
    pub(super) fn of(sound: &[[f32; W]; HEARD]) -> Self {
        let mut heard = [[0.0; W]; ORDER];
        heard.copy_from_slice(&sound[HEARD - ORDER..]);
        Self {
            predictor: burg(sound),
            heard,
            samples: [[0.0; W]; LEN],
            ready: 0,
        }
    }

    /// Sample `at` after the last one heard; silence beyond `LEN` ticks.
    pub(super) fn sample(&mut self, at: usize) -> f32 {
        let predictor = self.predictor.as_flattened();
        let heard = self.heard.as_flattened();
        let samples = self.samples.as_flattened_mut();
        while self.ready <= at && self.ready < samples.len() {
            let n = self.ready;
            let own = n.min(predictor.len());
            let (older, newer) = predictor.split_at(predictor.len() - own);
            let next = dot(older, &heard[own..]) + dot(newer, &samples[n - own..n]);
            samples[n] = next.clamp(-2.0, 2.0);
            self.ready += 1;
        }
        samples.get(at).copied().unwrap_or(0.0)
    }
}

fn burg<const W: usize>(sound: &[[f32; W]; HEARD]) -> [[f32; W]; ORDER] {
    let (mut forward, mut backward) = (*sound, *sound);
    let (forward, backward) = (forward.as_flattened_mut(), backward.as_flattened_mut());
    let heard = HEARD * W;
    let mut filter = [[0.0; W]; ORDER + 1];
    let filter = filter.as_flattened_mut();
    filter[0] = 1.0;
    for order in 1..=ORDER * W {
        let ahead = &mut forward[order..];
        let behind = &mut backward[order - 1..heard - 1];
        let floor = FLOOR * ahead.len() as f32;
        let power = dot(ahead, ahead) + dot(behind, behind) + floor;
        let reflection = -2.0 * dot(ahead, behind) / power;
        for (ahead, behind) in ahead.iter_mut().zip(behind) {
            (*ahead, *behind) = (*ahead + reflection * *behind, *behind + reflection * *ahead);
        }
        // The errors backwards are of one sample earlier each time.
        backward.copy_within(order - 1..heard - 1, order);
        for k in 0..=order / 2 {
            let (low, high) = (filter[k], filter[order - k]);
            filter[k] = low + reflection * high;
            filter[order - k] = high + reflection * low;
        }
    }
    let mut predictor = [[0.0; W]; ORDER];
    let places = predictor.as_flattened_mut().iter_mut();
    for (place, coefficient) in places.rev().zip(&filter[1..]) {
        *place = -coefficient;
    }
    predictor
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goes_on(sound: &[f32; HEARD]) -> Vec<f32> {
        let mut extension = Extension::<1, 480>::of(&sound.map(|sample| [sample]));
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
