//! Twilio: its webhook, and its API for calls out.

use crate::{
    config::source::{ConfigError, Secret, Source},
    domain::number::is_e164,
};

/// Where Twilio's API is.
const API_URL: &str = "https://api.twilio.com";

/// How a caller's audio comes from Twilio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TwilioMode {
    /// By SIP and RTP: the least delay.
    Sip,
    /// By a Media Stream, a WebSocket on the web's port: for hosts that no UDP reaches.
    Stream,
}

/// Twilio's webhook and API.
#[derive(Clone, Debug)]
pub struct TwilioConfig {
    /// The account whose webhooks are answered (`TWILIO_ACCOUNT_SID`).
    pub account_sid: Option<String>,
    /// Checks signatures; without it webhooks are refused (`TWILIO_AUTH_TOKEN`).
    pub auth_token: Option<Secret>,
    /// How a caller's audio comes (`TWILIO_MODE`).
    pub mode: TwilioMode,
    /// Host that Twilio is told to call by SIP (`LIVEKIT_SIP_DOMAIN`).
    pub sip_domain: Option<String>,
    /// Password in the TwiML (`LIVEKIT_SIP_PASSWORD`).
    pub sip_password: Option<Secret>,
    /// What Twilio says before it connects a call (`TWILIO_GREETING`).
    pub greeting: Option<String>,
    /// What whom we call is shown, E.164 (`TWILIO_CALLER_ID`).
    pub caller_id: Option<String>,
    /// Where the API is, without a slash at the end (`TWILIO_API_URL`).
    pub api_url: String,
}

impl TwilioConfig {
    pub(super) fn read(source: &Source) -> Result<Self, ConfigError> {
        let sip_domain = source.text("LIVEKIT_SIP_DOMAIN");
        let plain = |host: &str| {
            host.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b))
        };
        if sip_domain.as_deref().is_some_and(|domain| !plain(domain)) {
            return Err(ConfigError::new(
                "LIVEKIT_SIP_DOMAIN",
                "must be a host name or address, with :PORT if need be",
            ));
        }
        let mode = match source.text("TWILIO_MODE").as_deref() {
            None | Some("sip") => TwilioMode::Sip,
            Some("stream") => TwilioMode::Stream,
            Some(_) => return Err(ConfigError::new("TWILIO_MODE", "must be sip or stream")),
        };
        let caller_id = source.text("TWILIO_CALLER_ID");
        if caller_id.as_deref().is_some_and(|number| !is_e164(number)) {
            return Err(ConfigError::new(
                "TWILIO_CALLER_ID",
                "must be a full number such as +15551234567",
            ));
        }
        let api_url = source.text("TWILIO_API_URL");
        let api_url = api_url.as_deref().unwrap_or(API_URL).trim_end_matches('/');
        if !["http://", "https://"]
            .iter()
            .any(|scheme| api_url.starts_with(scheme))
        {
            return Err(ConfigError::new(
                "TWILIO_API_URL",
                "must begin with https:// or http://",
            ));
        }
        Ok(Self {
            mode,
            account_sid: source.text("TWILIO_ACCOUNT_SID"),
            auth_token: source.text("TWILIO_AUTH_TOKEN").map(Secret),
            sip_domain,
            sip_password: source.text("LIVEKIT_SIP_PASSWORD").map(Secret),
            greeting: source.text("TWILIO_GREETING"),
            caller_id,
            api_url: api_url.to_owned(),
        })
    }
}
