//! The rooms browsers join.

use crate::config::source::{ConfigError, Secret, Source};

/// The rooms browsers join: our own endpoint, and the key of its tokens.
#[derive(Clone, Debug)]
pub struct LiveKitConfig {
    /// A LiveKit server (`LIVEKIT_URL`).
    pub url: Option<String>,
    /// Key and secret of the tokens; made at first start when not set (`LIVEKIT_API_KEY`, `LIVEKIT_API_SECRET`).
    pub key: Option<(String, Secret)>,
    /// Browsers' audio (`RTC_UDP_PORT`).
    pub udp_port: u16,
}

impl LiveKitConfig {
    pub(super) fn read(source: &Source) -> Result<Self, ConfigError> {
        let key = match (
            source.text("LIVEKIT_API_KEY"),
            source.text("LIVEKIT_API_SECRET"),
        ) {
            (Some(key), Some(secret)) => Some((key, Secret(secret))),
            (None, None) => None,
            (Some(_), None) => {
                return Err(ConfigError::new(
                    "LIVEKIT_API_SECRET",
                    "is missing beside LIVEKIT_API_KEY",
                ));
            }
            (None, Some(_)) => {
                return Err(ConfigError::new(
                    "LIVEKIT_API_KEY",
                    "is missing beside LIVEKIT_API_SECRET",
                ));
            }
        };
        Ok(Self {
            url: source.text("LIVEKIT_URL"),
            key,
            udp_port: source.parsed("RTC_UDP_PORT", 7882)?,
        })
    }
}
