//! Room limits.

use crate::{
    config::source::{ConfigError, Source},
    domain::Limits,
};

/// Room limits.
#[derive(Clone, Copy, Debug)]
pub struct StationConfig {
    /// `LOBBY_LIMIT`, `HOLD_LIMIT`, `LIVE_LIMIT`.
    pub limits: Limits,
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
        })
    }
}
