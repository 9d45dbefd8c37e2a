//! The rooms browsers join.

use crate::config::{
    livekit_url::LiveKitUrl,
    source::{ConfigError, Secret, Source},
};

/// The rooms browsers join: our own endpoint, and the key of its tokens.
#[derive(Clone, Debug)]
pub struct LiveKitConfig {
    /// A LiveKit server (`LIVEKIT_URL`).
    pub url: Option<LiveKitUrl>,
    /// How browsers reach that server, where it is another way than ours (`LIVEKIT_PUBLIC_URL`).
    pub public_url: Option<LiveKitUrl>,
    /// Key and secret of the tokens; made at first start when not set (`LIVEKIT_API_KEY`, `LIVEKIT_API_SECRET`).
    pub key: Option<(String, Secret)>,
    /// The name of this switch among all that use that server; made at first start when not set (`SWITCH_NODE`).
    pub node: Option<String>,
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
        let url = source.optional("LIVEKIT_URL")?;
        if url.is_some() && key.is_none() {
            return Err(ConfigError::new(
                "LIVEKIT_API_KEY",
                "is needed with LIVEKIT_URL, and LIVEKIT_API_SECRET too",
            ));
        }
        Ok(Self {
            url,
            public_url: source.optional("LIVEKIT_PUBLIC_URL")?,
            key,
            node: node(source)?,
            udp_port: source.parsed("RTC_UDP_PORT", 7882)?,
        })
    }
}

fn node(source: &Source) -> Result<Option<String>, ConfigError> {
    const LEN_MAX: usize = 32;
    let Some(node) = source.text("SWITCH_NODE") else {
        return Ok(None);
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if node.len() > LEN_MAX || !node.chars().all(is_plain) {
        return Err(ConfigError::new(
            "SWITCH_NODE",
            "must be up to 32 letters, digits, - and _",
        ));
    }
    Ok(Some(node))
}
