//! Ears for telephones: which party's tone is in what was heard, and whether a wait is filled with sound.

use std::time::Duration;

use audioroad::actors::clock;
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

/// The notes of four octaves from A2 on, tuned to 440 Hz: what music is made of, and where speech is too.
const NOTES: i32 = 48;

/// Somebody at whose ear there is one.
pub(crate) trait Listens {
    /// Waits for the next frames and gives them.
    fn frames(&self, frames: usize, within: Duration) -> Result<Vec<HeardFrame>, String>;
}

impl Listens for Call {
    fn frames(&self, frames: usize, within: Duration) -> Result<Vec<HeardFrame>, String> {
        self.listen(frames, within)
            .map_err(|error| error.to_string())
    }
}

/// Knows every party's tone. A tone must lie between two notes.
#[derive(Clone)]
pub(crate) struct Ears {
    tones_hz: Vec<f32>,
    tones: ToneDetector,
    notes: ToneDetector,
    within: Duration,
}

impl Ears {
    pub(crate) fn new(tones_hz: &[f32]) -> Self {
        let note_hz = |n: i32| 110.0 * (n as f32 / 12.0).exp2();
        let notes_hz: Vec<f32> = (0..=NOTES).map(note_hz).collect();
        Self {
            tones_hz: tones_hz.to_vec(),
            tones: ToneDetector::new(8000, tones_hz),
            notes: ToneDetector::new(8000, &[tones_hz, &notes_hz[..]].concat()),
            within: WITHIN,
        }
    }

    /// The same with more patience.
    pub(crate) fn patient(self, within: Duration) -> Self {
        Self { within, ..self }
    }

    /// Waits until exactly the `expected` tones are heard for a second, and no music or prompt. Once they were heard, a
    /// foreign voice fails at once; a crackle, as of a person's at a busy browser, may pass.
    pub(crate) fn hears(&self, who: &str, call: &impl Listens, expected: &[f32]) {
        let mut expected = expected.to_vec();
        expected.sort_by(f32::total_cmp);
        let deadline = clock::now() + self.within;
        let mut was_right = false;
        loop {
            let frames = listen(who, call, PICTURE_FRAMES);
            let heard = self.picture(&frames);
            let is_right = heard == expected;
            if was_right && is_right {
                return;
            }
            let is_foreign = |hz: &f32| !expected.contains(hz);
            let has_foreign = was_right && self.steady(&frames).iter().any(is_foreign);
            let is_late = !is_right && clock::now() >= deadline;
            assert!(
                !has_foreign && !is_late,
                "{who} hears {heard:?} instead of {expected:?} Hz"
            );
            was_right = is_right;
        }
    }

    /// Waits until greeting or music is heard and no party is in it, not even quietly below.
    pub(crate) fn waits(&self, who: &str, call: &impl Listens) {
        let deadline = clock::now() + self.within;
        loop {
            let frames = listen(who, call, WAIT_FRAMES);
            let (steady, dbfs) = (self.steady(&frames), level_dbfs(&frames));
            let has_notes = self
                .picture(&frames)
                .iter()
                .any(|hz| !self.tones_hz.contains(hz));
            if steady.is_empty() && dbfs > SOUND_DBFS && has_notes {
                return;
            }
            assert!(
                clock::now() < deadline,
                "{who} should hear prompts or music: {dbfs} dBFS with the tones {steady:?} Hz"
            );
        }
    }

    /// Listens once: no party's tone sounds all the time, whatever else there is.
    pub(crate) fn hears_nobody(&self, who: &str, call: &impl Listens) {
        let frames = listen(who, call, PICTURE_FRAMES);
        let steady = self.steady(&frames);
        assert!(steady.is_empty(), "{who} hears {steady:?} Hz");
    }

    /// Tones and notes, the lowest first.
    fn picture(&self, frames: &[HeardFrame]) -> Vec<f32> {
        let mut heard = self.notes.present_hz(&samples(frames));
        heard.sort_by(f32::total_cmp);
        heard
    }

    /// Tones that sound all the time, as voices and music do not.
    fn steady(&self, frames: &[HeardFrame]) -> Vec<f32> {
        let mut least = vec![f32::MAX; self.tones_hz.len()];
        for look in frames.chunks(LOOK_FRAMES) {
            for (least, level) in least.iter_mut().zip(self.tones.levels_dbfs(&samples(look))) {
                *least = least.min(level);
            }
        }
        let steady = self
            .tones_hz
            .iter()
            .zip(least)
            .filter(|(_, level)| *level > STEADY_DBFS);
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

fn listen(who: &str, call: &impl Listens, frames: usize) -> Vec<HeardFrame> {
    call.frames(frames, WITHIN)
        .unwrap_or_else(|error| panic!("{who}: no audio comes: {error}"))
}
