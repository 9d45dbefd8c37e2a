//! What a telephone heard, looked at afterwards: when a tone was there, for how long it was not.

use std::time::{Duration, Instant};

use audioroad::media::tone::{GapDetector, ToneDetector};
use audioroad::phone::HeardFrame;

/// Frames of one look: 100 ms tell tones 40 Hz apart.
const LOOK: usize = 5;
/// Weaker than this, a party of a show is not there; it speaks at -17 dBFS.
const THERE_DBFS: f32 = -40.0;
/// Within this there is silence.
const SILENCE: f32 = 0.005;

/// The first look after `from` in which the tone is there, and stays for the looks that follow at once.
pub(crate) fn first_heard(frames: &[HeardFrame], hz: f32, from: Instant) -> Option<Instant> {
    let looks = looks(frames, hz);
    let later: Vec<_> = looks.into_iter().filter(|(at, _)| *at >= from).collect();
    let stays = |looks: &&[(Instant, bool)]| looks.iter().all(|(_, is_there)| *is_there);
    let found = later.windows(LOOK).find(stays)?;
    found.first().map(|(at, _)| *at)
}

/// The longest time for which the tone was not there, at the pace of the stream.
pub(crate) fn longest_absence(frames: &[HeardFrame], hz: f32) -> Duration {
    let looks = looks(frames, hz);
    let absences = looks.split(|(_, is_there)| *is_there).map(<[_]>::len);
    Duration::from_millis(20) * u32::try_from(absences.max().unwrap_or(0)).unwrap_or(u32::MAX)
}

/// The longest silence in ms with sound on both sides.
pub(crate) fn longest_silence_ms(frames: &[HeardFrame]) -> f32 {
    let mut gaps = GapDetector::new(8000, SILENCE);
    for frame in frames {
        gaps.hear(&frame.samples);
    }
    gaps.longest_ms()
}

/// For every packet with enough of them before it: when it came, and whether the tone was there.
fn looks(frames: &[HeardFrame], hz: f32) -> Vec<(Instant, bool)> {
    let ear = ToneDetector::new(8000, &[hz]);
    let look = |frames: &[HeardFrame]| {
        let samples: Vec<f32> = frames.iter().flat_map(|frame| frame.samples).collect();
        let level = ear.levels_dbfs(&samples).first().copied();
        let at = frames.last().map(|frame| frame.at)?;
        Some((at, level.is_some_and(|dbfs| dbfs >= THERE_DBFS)))
    };
    frames.windows(LOOK).filter_map(look).collect()
}
