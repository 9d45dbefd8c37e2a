//! SIP listeners and who may call.

use std::path::PathBuf;

use serde::Deserialize;

use crate::config::{
    PublicIp,
    source::{ConfigError, Secret, Source, TRUNKS},
};

/// SIP listeners and who may call.
#[derive(Clone, Debug)]
pub struct SipConfig {
    /// UDP and TCP (`SIP_PORT`).
    pub port: u16,
    /// SIP over TLS.
    pub tls: SipTlsConfig,
    /// The addresses that go into SIP, SDP and ICE (`PUBLIC_IP`).
    pub public_ip: PublicIp,
    /// Who may call: addresses, CIDRs, presets; read by the trunk's allow-list (`SIP_ALLOW`).
    pub allow: String,
    /// Whether audio is encrypted where the trunk does not say; for the trunks to judge (`SRTP`).
    pub srtp: Option<String>,
    /// The `[[trunk]]` tables.
    pub trunks: Vec<TrunkConfig>,
    /// How long whom we call may take to answer, in seconds (`DIAL_TIMEOUT_SECONDS`).
    pub dial_timeout_s: u16,
    /// Calls that are over whose ladders are kept; 0: no ladders at all (`SIP_LADDERS`).
    pub ladders: usize,
}

/// SIP over TLS: listened for where there is a certificate.
#[derive(Clone, Debug)]
pub struct SipTlsConfig {
    /// TCP port (`SIP_TLS_PORT`).
    pub port: u16,
    /// PEM files with the chain and its key, the preferred pair first (`SIP_TLS_CERT`, `SIP_TLS_KEY`).
    pub pairs: Vec<(PathBuf, PathBuf)>,
    /// PEM file with more roots to trust in connections that we open (`SIP_TLS_CA`).
    pub ca: Option<PathBuf>,
}

/// One `[[trunk]]` table; what it may say is for the trunks to judge.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrunkConfig {
    /// Name, for logs and metrics.
    pub name: String,
    /// `twilio`, `carrier` or `pbx`.
    pub profile: String,
    /// Addresses, CIDRs and presets, or `any`, or `none`.
    pub allow: Option<String>,
    /// The name in the certificate of its TLS edges, for connections that we open to an address of theirs.
    pub tls_name: Option<String>,
    /// User name of its digest login.
    pub user: Option<String>,
    /// Password of its digest login.
    pub password: Option<Secret>,
    /// Digest algorithms, the preferred one first.
    #[serde(default)]
    pub digest: Vec<String>,
    /// Calls at once.
    pub max_calls: Option<u32>,
    /// Messages a second.
    pub messages_per_second: Option<u32>,
    /// The number that its calls count as calls to.
    pub number: Option<String>,
    /// Whether its audio is encrypted: `off`, `offered`, `preferred` or `required`.
    pub srtp: Option<String>,
    /// Keys of encrypted audio travel over TLS alone.
    pub srtp_needs_tls: Option<bool>,
    /// Codecs, the preferred one first.
    #[serde(default)]
    pub codecs: Vec<String>,
    /// Where its audio may come from, besides the address in the SDP and that of the signalling.
    pub rtp_allow: Option<String>,
    /// Where it takes calls of ours: `sip:host[:port][;transport=udp|tcp|tls]`.
    pub dial: Option<String>,
    /// Our number in calls to it.
    pub caller_id: Option<String>,
    /// Headers to read fields of a call from.
    #[serde(default)]
    pub headers: TrunkHeaders,
}

/// Names of headers, each for one field of a call.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrunkHeaders {
    /// The caller's number.
    pub caller: Option<String>,
    /// The caller's name.
    pub name: Option<String>,
    /// The number that was called.
    pub called: Option<String>,
    /// The carrier's id of the call.
    pub call: Option<String>,
}

impl SipConfig {
    pub(super) fn read(source: &Source) -> Result<Self, ConfigError> {
        let trunks: Vec<TrunkConfig> = source.tables(TRUNKS)?;
        let half = |trunk: &&TrunkConfig| trunk.user.is_some() != trunk.password.is_some();
        if let Some(trunk) = trunks.iter().find(half) {
            let why = format!("`{}` has user or password without the other", trunk.name);
            return Err(ConfigError::new(TRUNKS, why));
        }
        let dial_timeout_s = source.parsed("DIAL_TIMEOUT_SECONDS", 60)?;
        if !(5..=300).contains(&dial_timeout_s) {
            let why = "must be from 5 to 300";
            return Err(ConfigError::new("DIAL_TIMEOUT_SECONDS", why));
        }
        Ok(Self {
            dial_timeout_s,
            port: source.parsed("SIP_PORT", 5060)?,
            tls: SipTlsConfig::read(source)?,
            public_ip: source.parsed("PUBLIC_IP", PublicIp::default())?,
            allow: source.text("SIP_ALLOW").unwrap_or_default(),
            srtp: source.text("SRTP"),
            trunks,
            ladders: ladders(source)?,
        })
    }
}

impl SipTlsConfig {
    fn read(source: &Source) -> Result<Self, ConfigError> {
        let files = |name: &str| -> Vec<PathBuf> {
            let text = source.text(name).unwrap_or_default();
            let files = text.split(',').map(str::trim).filter(|f| !f.is_empty());
            files.map(PathBuf::from).collect()
        };
        let (chains, keys) = (files("SIP_TLS_CERT"), files("SIP_TLS_KEY"));
        if chains.len() != keys.len() {
            let why = format!(
                "{} files, but SIP_TLS_CERT has {}: each certificate wants its key",
                keys.len(),
                chains.len()
            );
            return Err(ConfigError::new("SIP_TLS_KEY", why));
        }
        Ok(Self {
            port: source.parsed("SIP_TLS_PORT", 5061)?,
            pairs: chains.into_iter().zip(keys).collect(),
            ca: source.text("SIP_TLS_CA").map(PathBuf::from),
        })
    }
}

fn ladders(source: &Source) -> Result<usize, ConfigError> {
    const LADDERS_MAX: usize = 2_000;
    match source.parsed("SIP_LADDERS", 200)? {
        ladders if ladders > LADDERS_MAX => {
            Err(ConfigError::new("SIP_LADDERS", "must be 2000 at most"))
        }
        ladders => Ok(ladders),
    }
}
