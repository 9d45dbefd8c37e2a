//! RNNoise for one caller on air: `8 or 16 kHz → 48 kHz → network, 10 ms at a time → back`, faded in and out.
//!
//! A recurrent network tells voice from noise in each of 22 bands and turns the noise down (J.-M. Valin, "A Hybrid DSP/Deep
//! Learning Approach to Real-Time Full-Band Speech Enhancement", 2018). It delays the voice by 13 ms: its own window of 10 ms and
//! 1.5 ms for each resampler, half of that at 16 kHz. While it is off it costs nothing.

use nnnoiseless::DenoiseState;

use super::codec::Band;
use super::pcm::Pcm;
use super::ramp::{Fade, cross_fade};
use super::resample::{Down3, Down6, Up3, Up6};
use super::{FB_FRAME, FbFrame, NB_FRAME, NbFrame, WB_FRAME, WbFrame};

/// Frames that the network hears before it is heard: 100 ms, in which its windows, filters and memory fill.
const LISTENING_FRAMES: u8 = 5;
/// The network was trained on the numbers of 16-bit sound.
const FULL_SCALE: f32 = 32_768.0;

/// The way to 48 kHz and back.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "lives in the denoiser, which is boxed"
)]
enum Rates {
    Narrow(Up6, Down6),
    Wide(Up3, Down3),
}

/// The noise suppression of one voice. Starts off.
pub(super) struct Denoiser {
    network: Box<DenoiseState<'static>>,
    rates: Rates,
    noisy: FbFrame,
    clean: FbFrame,
    is_on: bool,
    is_heard: bool,
    listened: u8,
}

impl Denoiser {
    /// Allocates all that it will ever need on this thread: the tick must not.
    pub(super) fn new(band: Band) -> Self {
        let mut denoiser = Self {
            network: DenoiseState::new(),
            rates: Rates::of(band),
            noisy: [0.0; FB_FRAME],
            clean: [0.0; FB_FRAME],
            is_on: false,
            is_heard: false,
            listened: 0,
        };
        // The Fourier transforms are planned at their first use on a thread, which silence does not skip.
        denoiser.suppress();
        denoiser
    }

    pub(super) fn set_on(&mut self, is_on: bool) {
        self.is_on = is_on;
    }

    /// The voice has another band from now on: the network hears it for a while before it is heard.
    pub(super) fn retune(&mut self, band: Band) {
        self.rates = Rates::of(band);
        self.is_heard = false;
        self.listened = 0;
    }

    /// Takes the noise out of the next frame, or lets it pass. A frame of another band than the voice's passes.
    pub(super) fn process(&mut self, frame: &mut Pcm) {
        if !self.is_on && !self.is_heard {
            self.listened = 0;
            return;
        }
        match (&mut self.rates, &*frame) {
            (Rates::Narrow(up, _), Pcm::Narrow(frame)) => up.process(frame, &mut self.noisy),
            (Rates::Wide(up, _), Pcm::Wide(frame)) => up.process(frame, &mut self.noisy),
            (Rates::Narrow(..) | Rates::Wide(..), Pcm::Narrow(_) | Pcm::Wide(_)) => return,
        }
        self.suppress();
        let is_heard = self.is_heard;
        match (&mut self.rates, frame) {
            (Rates::Narrow(_, down), Pcm::Narrow(frame)) => {
                let mut clean: NbFrame = [0.0; NB_FRAME];
                down.process(&self.clean, &mut clean);
                if self.listened >= LISTENING_FRAMES {
                    change(is_heard, self.is_on, frame, &clean);
                }
            }
            (Rates::Wide(_, down), Pcm::Wide(frame)) => {
                let mut clean: WbFrame = [0.0; WB_FRAME];
                down.process(&self.clean, &mut clean);
                if self.listened >= LISTENING_FRAMES {
                    change(is_heard, self.is_on, frame, &clean);
                }
            }
            (Rates::Narrow(..) | Rates::Wide(..), Pcm::Narrow(_) | Pcm::Wide(_)) => {}
        }
        if self.listened < LISTENING_FRAMES {
            self.listened += 1;
        } else {
            self.is_heard = self.is_on;
        }
    }

    /// From `noisy` to `clean`.
    fn suppress(&mut self) {
        for sample in &mut self.noisy {
            *sample *= FULL_SCALE;
        }
        let size = DenoiseState::FRAME_SIZE;
        let halves = self.clean.chunks_exact_mut(size);
        for (clean, noisy) in halves.zip(self.noisy.chunks_exact(size)) {
            self.network.process_frame(clean, noisy);
        }
        for sample in &mut self.clean {
            *sample /= FULL_SCALE;
        }
    }
}

impl Rates {
    fn of(band: Band) -> Self {
        match band {
            Band::Narrow => Self::Narrow(Up6::new(), Down6::new()),
            Band::Wide => Self::Wide(Up3::new(), Down3::new()),
        }
    }
}

/// Makes a frame the clean one, or goes over to it or from it.
fn change<const N: usize>(was_on: bool, is_on: bool, frame: &mut [f32; N], clean: &[f32; N]) {
    *frame = match (was_on, is_on) {
        (true, true) => *clean,
        (false, _) => cross_fade(Fade::Linear, frame, clean),
        (true, false) => cross_fade(Fade::Linear, clean, frame),
    };
}

impl std::fmt::Debug for Denoiser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Denoiser")
            .field("is_on", &self.is_on)
            .field("is_heard", &self.is_heard)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::asset::demo_callers;
    use crate::media::dsp::Meter;
    use crate::media::g711::Law;
    use crate::media::tone::{ClickDetector, Tone};

    /// A line's hiss of this RMS, the same every time.
    fn hiss(frames: usize, rms: f32) -> Vec<NbFrame> {
        let mut state = 12_345_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state as f32 / u32::MAX as f32 - 0.5) * 2.0 * 3.0_f32.sqrt() * rms
        };
        (0..frames)
            .map(|_| std::array::from_fn(|_| next()))
            .collect()
    }

    fn level_dbfs(frames: &[NbFrame]) -> f32 {
        let mut meter = Meter::new();
        frames.iter().for_each(|frame| meter.hear(frame));
        meter.take().rms_dbfs
    }

    fn processed(denoiser: &mut Denoiser, frames: &[NbFrame]) -> Vec<NbFrame> {
        let frames = frames.iter().map(|frame| {
            let mut frame = Pcm::Narrow(*frame);
            denoiser.process(&mut frame);
            *frame.narrow().unwrap()
        });
        frames.collect()
    }

    #[test]
    fn a_hiss_goes_and_a_voice_stays() {
        let story = &demo_callers().unwrap()[0];
        let voice: Vec<NbFrame> = (0..500)
            .map(|n| Law::Mu.decode_frame(story.frame(n % story.frames(), Law::Mu).unwrap()))
            .collect();
        // 6 s of a hiss at -45 dBFS, above which somebody speaks after 2 s.
        let mut line = hiss(300, 0.0056);
        for (sample, voice) in line[100..].iter_mut().flatten().zip(voice.iter().flatten()) {
            *sample += voice;
        }
        let mut denoiser = Denoiser::new(Band::Narrow);
        denoiser.set_on(true);
        let clean = processed(&mut denoiser, &line);
        let (before, after) = (level_dbfs(&line[50..95]), level_dbfs(&clean[50..95]));
        assert!(after < before - 12.0, "hiss: {before} to {after} dBFS");
        let (before, after) = (level_dbfs(&line[105..]), level_dbfs(&clean[105..]));
        assert!(
            (before - after).abs() < 3.0,
            "voice: {before} to {after} dBFS"
        );
    }

    #[test]
    fn off_is_a_wire() {
        let line = hiss(20, 0.1);
        assert_eq!(processed(&mut Denoiser::new(Band::Narrow), &line), line);
    }

    #[test]
    fn it_comes_and_goes_without_a_click() {
        let bands = [Band::Narrow, Band::Wide];
        for (band, hz) in bands
            .into_iter()
            .flat_map(|band| [300.0, 440.0, 700.0].map(|hz| (band, hz)))
        {
            let rate_hz = band.sample_rate_hz();
            let (mut denoiser, mut clicks) = (Denoiser::new(band), ClickDetector::new(rate_hz));
            let mut tone = Tone::new(rate_hz, hz, 0.2);
            for n in 0..400 {
                denoiser.set_on(n / 37 % 2 == 1);
                let mut frame = Pcm::silence(band);
                tone.add(frame.samples_mut());
                denoiser.process(&mut frame);
                clicks.hear(frame.samples());
            }
            let worst = clicks.worst_ratio();
            assert!(
                worst < ClickDetector::CLICK_RATIO,
                "{band:?}, {hz} Hz: {worst}"
            );
        }
    }
}
