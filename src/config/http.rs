//! Web listeners.

use std::net::{IpAddr, Ipv6Addr};

use crate::config::source::{ConfigError, Secret, Source};

const ADMIN_TOKEN_CHARACTERS_MIN: usize = 24;

/// Web and health listeners, the public address, the admin token.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Address of all listeners (`BIND`); `::` takes IPv4, too.
    pub bind: IpAddr,
    /// HTTP, WebSocket, LiveKit signalling (`PORT`).
    pub port: u16,
    /// Health and metrics alone (`HEALTH_PORT`).
    pub health_port: u16,
    /// How browsers and Twilio reach us, without a trailing slash (`PUBLIC_URL`).
    pub public_url: Option<String>,
    /// A bearer token with an admin's rights (`ADMIN_TOKEN`).
    pub admin_token: Option<Secret>,
}

impl HttpConfig {
    pub(super) fn read(source: &Source) -> Result<Self, ConfigError> {
        let public_url = source
            .text("PUBLIC_URL")
            .map(|url| url.trim_end_matches('/').to_owned());
        if let Some(url) = &public_url {
            let parsed =
                url::Url::parse(url).map_err(|error| ConfigError::new("PUBLIC_URL", error))?;
            if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
                return Err(ConfigError::new(
                    "PUBLIC_URL",
                    "must be http://HOST or https://HOST",
                ));
            }
        }
        let admin_token = source.text("ADMIN_TOKEN");
        if admin_token
            .as_ref()
            .is_some_and(|token| token.chars().count() < ADMIN_TOKEN_CHARACTERS_MIN)
        {
            return Err(ConfigError::new(
                "ADMIN_TOKEN",
                "must have 24 characters or more",
            ));
        }
        Ok(Self {
            bind: source.parsed("BIND", IpAddr::V6(Ipv6Addr::UNSPECIFIED))?,
            port: source.parsed("PORT", 3001)?,
            health_port: source.parsed("HEALTH_PORT", 8080)?,
            public_url,
            admin_token: admin_token.map(Secret),
        })
    }
}
