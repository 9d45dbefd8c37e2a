//! Ears for telephones: which party's tone is in what was heard, and whether a wait is filled with sound.

use std::time::{Duration, Instant};

use audioroad::media::dsp::Meter;
use audioroad::media::tone::ToneDetector;
use audioroad::phone::{Call, HeardFrame};

/// How long a party may take to hear what it should.
const WITHIN: Duration = Duration::from_secs(10);
/// Half a second tells tones 8 Hz apart.
const PICTURE_FRAMES: usize = 25;
/// A second and a half: longer than any pause between prompts.
const WAIT_FRAMES: usize = 75;
/// Frames of one look for a tone inside music, and what it must reach in each of them.
const LOOK_FRAMES: usize = 5;
const STEADY_DBFS: f32 = -45.0;
/// Quieter is no greeting and no music.
const SOUND_DBFS: f32 = -45.0;

/// All the tones of a test: every party's own.
#[derive(Clone)]
pub(crate) struct Ears {
    tones_hz: Vec<f32>,
    detector: ToneDetector,
}

impl Ears {
    pub(crate) fn new(tones_hz: &[f32]) -> Self {
        Self { tones_hz: tones_hz.to_vec(), detector: ToneDetector::new(8000, tones_hz) }
    }

    /// Waits until exactly the `expected` tones are heard, and hears them for another half second.
    pub(crate) fn hears(&self, who: &str, call: &Call, expected: &[f32]) {
        let mut expected = expected.to_vec();
        expected.sort_by(f32::total_cmp);
        let picture = || self.picture(&listen(who, call, PICTURE_FRAMES));
        let deadline = Instant::now() + WITHIN;
        loop {
            let heard = picture();
            if heard == expected {
                break;
            }
            assert!(Instant::now() < deadline, "{who} hears {heard:?} instead of {expected:?} Hz");
        }
        assert_eq!(picture(), expected, "what {who} hears does not last");
    }

    /// Waits until greeting or music is heard and no party is in it, not even quietly below.
    pub(crate) fn waits(&self, who: &str, call: &Call) {
        let deadline = Instant::now() + WITHIN;
        loop {
            let frames = listen(who, call, WAIT_FRAMES);
            let (steady, dbfs) = (self.steady(&frames), level_dbfs(&frames));
            if steady.is_empty() && dbfs > SOUND_DBFS {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{who} should hear prompts or music: {dbfs} dBFS with the tones {steady:?} Hz"
            );
        }
    }

    fn picture(&self, frames: &[HeardFrame]) -> Vec<f32> {
        let mut heard = self.detector.present_hz(&samples(frames));
        heard.sort_by(f32::total_cmp);
        heard
    }

    /// Tones that sound all the time, as voices and music do not.
    fn steady(&self, frames: &[HeardFrame]) -> Vec<f32> {
        let mut least = vec![f32::MAX; self.tones_hz.len()];
        for look in frames.chunks(LOOK_FRAMES) {
            for (least, level) in least.iter_mut().zip(self.detector.levels_dbfs(&samples(look))) {
                *least = least.min(level);
            }
        }
        let steady = self.tones_hz.iter().zip(least).filter(|(_, level)| *level > STEADY_DBFS);
        steady.map(|(&hz, _)| hz).collect()
    }
}

pub(crate) fn samples(frames: &[HeardFrame]) -> Vec<f32> {
    frames.iter().flat_map(|frame| frame.samples).collect()
}

pub(crate) fn level_dbfs(frames: &[HeardFrame]) -> f32 {
    let mut meter = Meter::new();
    meter.hear(&samples(frames));
    meter.take().rms_dbfs
}

fn listen(who: &str, call: &Call, frames: usize) -> Vec<HeardFrame> {
    call.listen(frames, WITHIN).unwrap_or_else(|error| panic!("{who}: no audio comes: {error}"))
}
