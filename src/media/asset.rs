//! What the switch itself says and plays: `sound file → mono → 8 kHz → loudness → G.711 → Prompt`.
//!
//! All of it is prepared once, at start-up: a waiting caller is then served bytes, not sound.
//! The built-in prompts are our own (`scripts/make-prompts`); a station replaces any of them by
//! a file of the same stem, see [`Assets::load`].

mod decode;
mod files;
mod loudness;
mod phrase;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use phrase::Phrase;
use thiserror::Error;

use super::NB_FRAME;
use super::g711::Law;

/// The longest prompt, in seconds.
pub const PROMPT_SECONDS_MAX: usize = 600;
/// The largest sound file, in bytes.
pub const FILE_BYTES_MAX: u64 = 128 << 20;
/// The highest place in line that is said as a number.
pub const POSITION_MAX: u16 = 99;

/// Why a sound file cannot be used.
#[derive(Debug, Error)]
#[error("{}: {problem}", file.display())]
pub struct AssetError {
    /// The file, as it was named; a bare name for a built-in one.
    pub file: PathBuf,
    /// What is wrong with it.
    pub problem: AssetProblem,
}

/// What is wrong with a sound file or a folder of them.
#[derive(Debug, Error)]
pub enum AssetProblem {
    /// It cannot be opened or read.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// It is larger than [`FILE_BYTES_MAX`].
    #[error("has {0} bytes; at most {FILE_BYTES_MAX} are allowed")]
    TooLarge(u64),
    /// It is none of WAV, Ogg (Vorbis), MP3, FLAC, or it is damaged.
    #[error("is not a WAV, Ogg (Vorbis), MP3 or FLAC file that can be played: {0}")]
    Unplayable(String),
    /// Its sample rate is outside 4 to 192 kHz.
    #[error("has a sample rate of {0} Hz; 4000 to 192000 are allowed")]
    SampleRate(u32),
    /// It holds no audio at all.
    #[error("holds no sound")]
    Empty,
    /// It is longer than [`PROMPT_SECONDS_MAX`].
    #[error("is longer than {PROMPT_SECONDS_MAX} seconds")]
    TooLong,
    /// Two files of the folder stand for the same prompt.
    #[error("stands for the same prompt as {}", .0.display())]
    Duplicate(PathBuf),
}

/// A piece of sound, encoded in both telephone laws, in whole 20 ms frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// G.711 mu-law, a multiple of [`NB_FRAME`] bytes.
    pub mu: Arc<[u8]>,
    /// The same in G.711 A-law.
    pub a: Arc<[u8]>,
}

impl Prompt {
    /// Encodes 8 kHz samples, padded with silence to a whole frame.
    #[must_use]
    pub fn encode(samples: &[f32]) -> Self {
        let in_law = |law: Law| {
            let mut bytes = Vec::with_capacity(samples.len().next_multiple_of(NB_FRAME));
            for part in samples.chunks(NB_FRAME) {
                let mut frame = [0.0; NB_FRAME];
                frame[..part.len()].copy_from_slice(part);
                bytes.extend_from_slice(&law.encode_frame(&frame));
            }
            bytes.into()
        };
        Self {
            mu: in_law(Law::Mu),
            a: in_law(Law::A),
        }
    }

    /// Length in frames.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.mu.len() / NB_FRAME
    }

    /// Frame `n` in a law; `None` past the end.
    #[must_use]
    pub fn frame(&self, n: usize, law: Law) -> Option<&[u8; NB_FRAME]> {
        let bytes = match law {
            Law::Mu => &self.mu,
            Law::A => &self.a,
        };
        bytes.as_chunks().0.get(n)
    }
}

/// Names a prompt that is always the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PromptId {
    /// Said once to every caller who reaches the line. File stem `greeting`.
    Greeting,
    /// Played over and over while nothing else is to be heard; a seamless loop. `hold-music`.
    HoldMusic,
    /// Said to a caller when no show is on air. `no-show`.
    NoShow,
    /// Said to a caller when the show takes no more calls. `line-closed`.
    LineClosed,
}

/// Everything the switch says and plays by itself. Cheap to share, never changes.
#[derive(Debug, Clone)]
pub struct Assets {
    greeting: Prompt,
    hold_music: Prompt,
    no_show: Prompt,
    line_closed: Prompt,
    /// "You are number one" at index 0, up to [`POSITION_MAX`].
    positions: Vec<Phrase>,
    position_many: Phrase,
    unused: Vec<PathBuf>,
}

impl Assets {
    /// The prompts that come with the switch.
    ///
    /// # Errors
    /// When an embedded file does not decode; the tests see to it that all do.
    pub fn built_in() -> Result<Self, AssetError> {
        Self::compose(BTreeMap::new(), Vec::new())
    }

    /// The built-in prompts, each replaced by the file of the same stem in `dir`, if there is
    /// one: `greeting`, `hold-music`, `no-show`, `line-closed`, `position` ("you are number"),
    /// `position-many` (place above [`POSITION_MAX`]), `number-1` to `number-20`, `number-30`,
    /// `number-40` … `number-90`. A number such as 23 is put together from `number-20` and
    /// `number-3` unless the folder holds `number-23`, so any language can be spoken.
    ///
    /// Files may be WAV, Ogg (Vorbis), MP3 or FLAC, of any sample rate and number of channels;
    /// they are mixed to mono and brought to an even loudness.
    ///
    /// # Errors
    /// With the name of the first file that cannot be used, and why.
    pub fn load(dir: &Path) -> Result<Self, AssetError> {
        let (found, unused) = files::find(dir)?;
        let mut own = BTreeMap::new();
        for (stem, file) in found {
            let sound = decode::read_file(&file).map_err(|problem| AssetError { file, problem })?;
            let sound = files::level(&stem, &sound);
            own.insert(stem, sound);
        }
        Self::compose(own, unused)
    }

    /// A prompt by its name.
    #[must_use]
    pub fn prompt(&self, id: PromptId) -> &Prompt {
        match id {
            PromptId::Greeting => &self.greeting,
            PromptId::HoldMusic => &self.hold_music,
            PromptId::NoShow => &self.no_show,
            PromptId::LineClosed => &self.line_closed,
        }
    }

    /// "You are number `place`", 1 being the next in line; a phrase without a number for places
    /// above [`POSITION_MAX`].
    #[must_use]
    pub fn position(&self, place: u16) -> &Phrase {
        self.positions
            .get(usize::from(place.max(1)) - 1)
            .unwrap_or(&self.position_many)
    }

    /// Sound files of the station's folder that stand for no prompt: a misspelt name, perhaps.
    #[must_use]
    pub fn unused(&self) -> &[PathBuf] {
        &self.unused
    }

    fn compose(
        mut sounds: BTreeMap<String, Vec<f32>>,
        unused: Vec<PathBuf>,
    ) -> Result<Self, AssetError> {
        for (name, bytes) in files::BUILT_IN {
            let stem = files::stem_of(name);
            if !sounds.contains_key(stem) {
                sounds.insert(stem.to_owned(), files::embedded(name, bytes)?);
            }
        }
        let encoded = |(stem, sound): (&String, &Vec<f32>)| (stem.clone(), Prompt::encode(sound));
        let prompts: BTreeMap<String, Prompt> = sounds.iter().map(encoded).collect();
        let prompt = |stem: &str| prompts.get(stem).cloned();
        let prompt = |stem: &str| prompt(stem).unwrap_or_else(|| Prompt::encode(&[]));
        Ok(Self {
            greeting: prompt("greeting"),
            hold_music: prompt("hold-music"),
            no_show: prompt("no-show"),
            line_closed: prompt("line-closed"),
            positions: (1..=POSITION_MAX).map(|n| position(&prompts, n)).collect(),
            position_many: Phrase::of(prompts.get("position-many")),
            unused,
        })
    }
}

/// Monologues of made-up callers at 8 kHz, for the demonstration.
///
/// # Errors
/// When an embedded file does not decode; the tests see to it that all do.
pub fn demo_callers() -> Result<Vec<Prompt>, AssetError> {
    let prompt = |(name, bytes): &(&str, &'static [u8])| {
        files::embedded(name, bytes).map(|sound| Prompt::encode(&sound))
    };
    files::DEMO_CALLERS.iter().map(prompt).collect()
}

/// "You are number" and the number, spoken whole where there is a recording of it, else as tens
/// and ones.
fn position(prompts: &BTreeMap<String, Prompt>, place: u16) -> Phrase {
    let number = |n: u16| prompts.get(&format!("number-{n}"));
    let words = match number(place) {
        Some(whole) => [Some(whole), None],
        None => [number(place - place % 10), number(place % 10)],
    };
    let said = std::iter::once(prompts.get("position")).chain(words);
    Phrase::of(said.flatten())
}

#[cfg(test)]
mod tests;
