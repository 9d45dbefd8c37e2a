//! How a trunk's audio comes: codecs, encryption, and the addresses that it may come from.

use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::allow::Allow;
use super::profile::{Reach, TrunkError};
use crate::sip::sdp::{Codec, SrtpRule};

/// What `rtp_allow` says for audio from everywhere.
const ANYWHERE: &str = "any";

/// The audio of a trunk's calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrunkMedia {
    /// Whether it is encrypted.
    pub srtp: SrtpRule,
    /// Keys of encrypted audio travel over TLS alone.
    pub srtp_needs_tls: bool,
    /// Codecs in our order of preference.
    pub codecs: Vec<Codec>,
    /// Where it may come from, besides the address in the SDP and that of the signalling.
    pub sources: Arc<[IpNet]>,
}

/// What a `[[trunk]]` table says about audio, as it was read.
#[derive(Debug, Clone, Default)]
pub struct MediaTable {
    /// `off`, `offered`, `preferred` or `required`.
    pub srtp: Option<String>,
    /// Whether keys travel over TLS alone.
    pub srtp_needs_tls: Option<bool>,
    /// Names of codecs, the preferred one first.
    pub codecs: Vec<String>,
    /// Addresses, ranges and presets, or `any`.
    pub rtp_allow: Option<String>,
}

impl TrunkMedia {
    /// The audio of a trunk that says nothing about it.
    #[must_use]
    pub fn plain(reach: &Reach) -> Self {
        Self {
            srtp: SrtpRule::default(),
            srtp_needs_tls: false,
            codecs: Codec::ALL.to_vec(),
            sources: sources_of(reach),
        }
    }

    pub(super) fn new(table: &MediaTable, reach: &Reach) -> Result<Self, TrunkError> {
        let srtp = match &table.srtp {
            Some(name) => {
                SrtpRule::from_name(name).ok_or_else(|| TrunkError::Srtp(name.clone()))?
            }
            None => SrtpRule::default(),
        };
        let mut codecs = Vec::new();
        for name in &table.codecs {
            let codec = Codec::from_name(name).ok_or_else(|| TrunkError::Codec(name.clone()))?;
            if !codecs.contains(&codec) {
                codecs.push(codec);
            }
        }
        if codecs.is_empty() {
            codecs = Codec::ALL.to_vec();
        }
        let sources = match &table.rtp_allow {
            Some(list) if list.trim().eq_ignore_ascii_case(ANYWHERE) => everybody(),
            Some(list) => Allow::parse(list)
                .map_err(TrunkError::RtpAllow)?
                .ranges()
                .into(),
            None => sources_of(reach),
        };
        Ok(Self {
            srtp,
            srtp_needs_tls: table.srtp_needs_tls.unwrap_or(srtp == SrtpRule::Required),
            codecs,
            sources,
        })
    }

    pub(super) fn set_srtp(&mut self, rule: SrtpRule) {
        self.srtp = rule;
        self.srtp_needs_tls = rule == SrtpRule::Required;
    }
}

fn sources_of(reach: &Reach) -> Arc<[IpNet]> {
    match reach {
        Reach::Listed(allow) => allow.ranges().into(),
        Reach::Anywhere => Arc::default(),
    }
}

fn everybody() -> Arc<[IpNet]> {
    let everybody: [IpNet; 2] = [Ipv4Net::default().into(), Ipv6Net::default().into()];
    everybody.into()
}
