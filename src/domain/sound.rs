//! How a caller and a show sound, as the desk decides it.

use serde::Serialize;

/// How far a caller can be turned up or down, in dB.
pub const GAIN_DB_MAX: i8 = 20;

/// How one caller sounds; not kept in the books.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sound {
    /// Up or down behind the levelling, in dB, within [`GAIN_DB_MAX`].
    pub gain_db: i8,
    /// Noise is taken out of the line while the caller is on air.
    pub denoise: bool,
}

/// What the station has set about its sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mixing {
    /// How loud the program should be, in LUFS.
    pub loudness_target: i16,
    /// How far callers go down while a host speaks, in dB; 0: never.
    pub duck_db: u16,
    /// How far a caller can be turned up or down, in dB.
    pub gain_db_max: i8,
    /// Whether noise is taken out of a caller's line until somebody says otherwise.
    #[serde(skip)]
    pub denoise: bool,
}

impl Default for Mixing {
    fn default() -> Self {
        Self {
            loudness_target: -16,
            duck_db: 9,
            gain_db_max: GAIN_DB_MAX,
            denoise: false,
        }
    }
}
