//! SIP listeners and who may call.

use std::net::IpAddr;

use crate::config::source::{ConfigError, Source};

/// SIP listeners and who may call.
#[derive(Clone, Debug)]
pub struct SipConfig {
    /// UDP and TCP (`SIP_PORT`).
    pub port: u16,
    /// The address that goes into SIP, SDP and ICE (`PUBLIC_IP`).
    pub public_ip: Option<IpAddr>,
    /// Who may call: addresses, CIDRs, presets; read by the trunk's allow-list (`SIP_ALLOW`).
    pub allow: String,
}

impl SipConfig {
    pub(super) fn read(source: &Source) -> Result<Self, ConfigError> {
        Ok(Self {
            port: source.parsed("SIP_PORT", 5060)?,
            public_ip: source.optional("PUBLIC_IP")?,
            allow: source.text("SIP_ALLOW").unwrap_or_default(),
        })
    }
}
