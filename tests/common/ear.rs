//! Ears for telephones: which party's tone is in what was heard, and whether a wait is filled with sound.

use std::f32::consts::TAU;
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
/// Over half a second a steady tone stands out by so much from what is this far beside it; a vowel or a note near it does not.
const BESIDE_HZ: f32 = 6.0;
const STANDS_OUT_DB: f32 = 6.0;
/// How loud the rest may be where a tone is said to be alone, in dB of the tone, and for how long one listens.
pub(crate) const ALONE_DB: f32 = -15.0;
const ALONE_FRAMES: usize = 150;
/// A machine with too much to do makes a browser stutter for seconds.
const ALONE_TRIES: usize = 3;
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
    below: ToneDetector,
    above: ToneDetector,
    notes: ToneDetector,
    within: Duration,
}

impl Ears {
    pub(crate) fn new(tones_hz: &[f32]) -> Self {
        let note_hz = |n: i32| 110.0 * (n as f32 / 12.0).exp2();
        let beside = |by: f32| {
            let beside: Vec<f32> = tones_hz.iter().map(|hz| hz + by).collect();
            ToneDetector::new(8000, &beside)
        };
        let notes_hz: Vec<f32> = (0..=NOTES).map(note_hz).collect();
        Self {
            tones_hz: tones_hz.to_vec(),
            tones: ToneDetector::new(8000, tones_hz),
            below: beside(-BESIDE_HZ),
            above: beside(BESIDE_HZ),
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

    /// No party's tone sounds all the time, whatever else there is.
    pub(crate) fn hears_nobody(&self, who: &str, call: &impl Listens) {
        let steady = self.steady_twice(who, call);
        assert!(steady.is_empty(), "{who} hears {steady:?} Hz");
    }

    /// The tone is heard, and neither music nor a voice beside it.
    pub(crate) fn hears_only(&self, who: &str, call: &impl Listens, hz: f32) {
        self.hears(who, call, &[hz]);
        let tries: Vec<f32> = (0..ALONE_TRIES)
            .map(|_| beside_db(who, call, hz))
            .take_while(|db| *db > ALONE_DB)
            .collect();
        assert!(
            tries.len() < ALONE_TRIES,
            "{who} hears more than {hz} Hz: the rest is {tries:?} dB of the tone"
        );
    }

    /// Whose tones sound all the time. For half a second a vowel does, too; a party is there for another.
    pub(crate) fn steady_twice(&self, who: &str, call: &impl Listens) -> Vec<f32> {
        let mut steady = self.steady(&listen(who, call, PICTURE_FRAMES));
        if !steady.is_empty() {
            let again = self.steady(&listen(who, call, PICTURE_FRAMES));
            steady.retain(|hz| again.contains(hz));
        }
        steady
    }

    /// Tones and notes, the lowest first.
    fn picture(&self, frames: &[HeardFrame]) -> Vec<f32> {
        let mut heard = self.notes.present_hz(&samples(frames));
        heard.sort_by(f32::total_cmp);
        heard
    }

    /// Tones that sound all the time, as voices and music do not. A look alone takes a note 10 Hz beside a tone for it; all of them
    /// together do not, unless the note is loud: then there is as much beside the tone.
    fn steady(&self, frames: &[HeardFrame]) -> Vec<f32> {
        let whole = samples(frames);
        let mut least = self.tones.levels_dbfs(&whole);
        let (below, above) = (
            self.below.levels_dbfs(&whole),
            self.above.levels_dbfs(&whole),
        );
        let beside = below
            .iter()
            .zip(&above)
            .map(|(below, above)| below.max(*above));
        let stands_out: Vec<bool> = least
            .iter()
            .zip(beside)
            .map(|(level, beside)| *level > beside + STANDS_OUT_DB)
            .collect();
        for look in frames.chunks(LOOK_FRAMES) {
            for (least, level) in least.iter_mut().zip(self.tones.levels_dbfs(&samples(look))) {
                *least = least.min(level);
            }
        }
        let tones = self.tones_hz.iter().zip(least).zip(stands_out);
        let steady = tones.filter(|((_, level), stands_out)| *level > STEADY_DBFS && *stands_out);
        steady.map(|((&hz, _), _)| hz).collect()
    }
}

/// What is heard beside a tone, in dB of the tone: in the middle one of the looks of three seconds. A browser that stutters makes a noise of
/// its own, but only in the looks that its stutters fall into; music or a voice is in most.
pub(crate) fn beside_db(who: &str, call: &impl Listens, hz: f32) -> f32 {
    let heard = listen(who, call, ALONE_FRAMES);
    let looks = heard.chunks(LOOK_FRAMES);
    let mut beside: Vec<f32> = looks.map(|look| beside_in(&samples(look), hz)).collect();
    beside.sort_by(f32::total_cmp);
    beside[beside.len() / 2]
}

/// The same in one look: the wave that fits best is taken out of it.
fn beside_in(look: &[f32], hz: f32) -> f32 {
    let waves: Vec<(f32, f32)> = (0..look.len())
        .map(|n| (n as f32 * hz * TAU / 8000.0).sin_cos())
        .collect();
    let (mut a, mut b) = (0.0, 0.0);
    for (x, (sin, cos)) in look.iter().zip(&waves) {
        a += x * sin * 2.0 / look.len() as f32;
        b += x * cos * 2.0 / look.len() as f32;
    }
    let tone: Vec<f32> = waves.iter().map(|(sin, cos)| a * sin + b * cos).collect();
    let rest: Vec<f32> = look.iter().zip(&tone).map(|(x, tone)| x - tone).collect();
    rms_dbfs(&rest) - rms_dbfs(&tone)
}

pub(crate) fn samples(frames: &[HeardFrame]) -> Vec<f32> {
    frames.iter().flat_map(|frame| frame.samples).collect()
}

pub(crate) fn level_dbfs(frames: &[HeardFrame]) -> f32 {
    rms_dbfs(&samples(frames))
}

fn rms_dbfs(samples: &[f32]) -> f32 {
    let mut meter = Meter::new();
    meter.hear(samples);
    meter.take().rms_dbfs
}

fn listen(who: &str, call: &impl Listens, frames: usize) -> Vec<HeardFrame> {
    call.frames(frames, WITHIN)
        .unwrap_or_else(|error| panic!("{who}: no audio comes: {error}"))
}
