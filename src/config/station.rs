//! The station's own rules for its rooms.

use crate::{
    config::source::{ConfigError, Source},
    domain::Limits,
};

/// The station's own rules for its rooms.
#[derive(Clone, Copy, Debug)]
pub struct StationConfig {
    /// `LOBBY_LIMIT`, `HOLD_LIMIT`, `LIVE_LIMIT`.
    pub limits: Limits,
    /// LiveKit rooms show nobody's number (`HIDE_PHONE_NUMBERS`).
    pub hide_phone_numbers: bool,
}

impl StationConfig {
    pub(super) fn read(source: &Source) -> Result<Self, ConfigError> {
        let default = Limits::default();
        Ok(Self {
            limits: Limits {
                lobby: source.parsed("LOBBY_LIMIT", default.lobby)?,
                hold: source.parsed("HOLD_LIMIT", default.hold)?,
                live: source.parsed("LIVE_LIMIT", default.live)?,
            },
            hide_phone_numbers: source.parsed("HIDE_PHONE_NUMBERS", false)?,
        })
    }
}
