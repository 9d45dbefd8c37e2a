//! Which sound files there are: those embedded in the switch, and those of a station's folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{AssetError, AssetProblem, POSITION_MAX, decode, loudness};

/// Loudness of speech while it speaks, RMS.
pub(super) const SPEECH_DBFS: f32 = -20.0;
/// Music stays behind the voice that interrupts it.
pub(super) const MUSIC_DBFS: f32 = -24.0;

/// Names an embedded file beside its contents.
macro_rules! sounds {
    ($($name:literal),* $(,)?) => {
        &[$((
            $name,
            include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/audio/", $name)),
        )),*]
    };
}

/// Name and contents of every prompt that comes with the switch.
#[rustfmt::skip]
pub(super) const BUILT_IN: &[(&str, &[u8])] = sounds![
    "greeting.flac", "hold-music.flac", "no-show.flac", "line-closed.flac",
    "position.flac", "position-many.flac",
    "number-1.flac", "number-2.flac", "number-3.flac", "number-4.flac", "number-5.flac",
    "number-6.flac", "number-7.flac", "number-8.flac", "number-9.flac", "number-10.flac",
    "number-11.flac", "number-12.flac", "number-13.flac", "number-14.flac", "number-15.flac",
    "number-16.flac", "number-17.flac", "number-18.flac", "number-19.flac", "number-20.flac",
    "number-30.flac", "number-40.flac", "number-50.flac", "number-60.flac", "number-70.flac",
    "number-80.flac", "number-90.flac",
];

/// The same for the callers of the demonstration.
pub(super) const DEMO_CALLERS: &[(&str, &[u8])] = sounds![
    "demo/caller-1.ogg",
    "demo/caller-2.ogg",
    "demo/caller-3.ogg",
    "demo/caller-4.ogg",
    "demo/caller-5.ogg",
];

const EXTENSIONS: [&str; 5] = ["wav", "ogg", "oga", "mp3", "flac"];

/// The sound files of a folder by the prompt they stand for, and those that stand for none.
pub(super) fn find(dir: &Path) -> Result<(BTreeMap<String, PathBuf>, Vec<PathBuf>), AssetError> {
    let unreadable = |e: std::io::Error| AssetError {
        file: dir.into(),
        problem: e.into(),
    };
    let mut found = BTreeMap::new();
    let mut unused = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        let Some(stem) = file.file_stem().and_then(|stem| stem.to_str()) else {
            continue;
        };
        let extension = file.extension().and_then(|extension| extension.to_str());
        if !extension.is_some_and(|own| EXTENSIONS.iter().any(|e| e.eq_ignore_ascii_case(own))) {
            continue;
        }
        if !is_prompt(stem) {
            unused.push(file);
        } else if let Some(twin) = found.insert(stem.to_owned(), file.clone()) {
            return Err(AssetError {
                file,
                problem: AssetProblem::Duplicate(twin),
            });
        }
    }
    unused.sort();
    Ok((found, unused))
}

fn is_prompt(stem: &str) -> bool {
    let is_own_number = || {
        let number = stem
            .strip_prefix("number-")
            .and_then(|n| n.parse::<u16>().ok());
        number.is_some_and(|n| (1..=POSITION_MAX).contains(&n) && stem == format!("number-{n}"))
    };
    BUILT_IN.iter().any(|(name, _)| stem_of(name) == stem) || is_own_number()
}

/// `greeting` for `greeting.flac`.
pub(super) fn stem_of(name: &str) -> &str {
    name.split_once('.').map_or(name, |(stem, _)| stem)
}

/// The sound of a prompt, as loud as prompts of that name should be.
pub(super) fn level(stem: &str, sound: &[f32]) -> Vec<f32> {
    loudness::normalise(
        sound,
        if stem == "hold-music" {
            MUSIC_DBFS
        } else {
            SPEECH_DBFS
        },
    )
}

/// Reads one of the embedded files.
pub(super) fn embedded(name: &str, bytes: &'static [u8]) -> Result<Vec<f32>, AssetError> {
    let read = decode::read_bytes(bytes).map(|sound| level(stem_of(name), &sound));
    read.map_err(|problem| AssetError {
        file: name.into(),
        problem,
    })
}
