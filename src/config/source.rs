//! Where settings come from: the environment, then the file.

use std::{fmt, str::FromStr};

use serde::{Deserialize as _, de::DeserializeOwned};

/// The tables of trunks, `[[trunk]]`, which the file alone has.
pub(super) const TRUNKS: &str = "trunk";

/// The tables of help lines, `[[help_line]]`, which the file alone has.
pub(super) const HELP_LINES: &str = "help_line";

/// Every setting with one line of help: the list that `--help` prints and that the file is checked against.
pub const SETTINGS: &[(&str, &str)] = &[
    (
        "DATABASE_URL",
        "sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME [sqlite://DATA_DIR/audioroad.db]",
    ),
    (
        "DATA_DIR",
        "directory for the database, the journal and keys [data]",
    ),
    ("BIND", "address to listen on [::, all of IPv6 and IPv4]"),
    ("PORT", "HTTP, WebSocket and LiveKit signalling [3001]"),
    ("HEALTH_PORT", "health and metrics alone [8080]"),
    (
        "PUBLIC_URL",
        "how browsers and Twilio reach us, e.g. https://radio.example.org [the request's own host]",
    ),
    (
        "PUBLIC_IP",
        "the address in SIP, SDP and ICE; an IPv4 and an IPv6 one with a comma [that of the interface]",
    ),
    (
        "ADMIN_TOKEN",
        "a bearer token with an admin's rights, 24 characters or more [none]",
    ),
    ("SIP_PORT", "SIP over UDP and TCP [5060]"),
    (
        "SIP_TLS_PORT",
        "SIP over TLS, where there is a certificate [5061]",
    ),
    (
        "SIP_TLS_CERT",
        "PEM file with the certificate and its chain; several with commas, the preferred first [none: no TLS]",
    ),
    (
        "SIP_TLS_KEY",
        "PEM file with its private key; as many [none]",
    ),
    (
        "SIP_TLS_CA",
        "PEM file with more authorities to trust where the switch connects by TLS [the system's alone]",
    ),
    (
        "SIP_ALLOW",
        "who may call: comma list of addresses, CIDRs and presets such as twilio [loopback]",
    ),
    (
        "SRTP",
        "encrypted telephone audio, where a trunk does not say: off, offered, preferred or required [offered]",
    ),
    (
        "DIAL_TIMEOUT_SECONDS",
        "a call out through a trunk that nobody answers is given up after so long [60]",
    ),
    ("RTP_PORT_RANGE", "telephone audio over UDP [10000-20000]"),
    (
        "RTP_TIMEOUT_SECONDS",
        "a line without audio is hung up after so long [15]",
    ),
    (
        "MEDIA_THREADS",
        "threads that carry audio [one, two from 4 cores]",
    ),
    (
        "PROMPTS_DIR",
        "the station's own greeting, music and prompts (WAV, Ogg, MP3, FLAC) [built in]",
    ),
    (
        "OPUS_BITRATE",
        "a caller's voice towards browsers, bits per second, 6000 to 64000 [24000]",
    ),
    ("OPUS_COMPLEXITY", "effort of that encoder, 0 to 10 [0]"),
    (
        "DUCK_DB",
        "how far callers go down while a host speaks, 0 to 40 dB; 0: not at all [9]",
    ),
    ("DUCK_ATTACK_MS", "how long that takes, 20 to 2000 [60]"),
    (
        "DUCK_HOLD_MS",
        "how long a host may pause before callers come back, 0 to 10000 [500]",
    ),
    (
        "DUCK_RELEASE_MS",
        "how long coming back takes, 20 to 10000 [800]",
    ),
    (
        "DENOISE",
        "true: noise is taken out of the lines of callers on air, unless the host says otherwise [false]",
    ),
    (
        "LOUDNESS_TARGET",
        "how loud the program should be, -36 to -9 LUFS (EBU R 128: -23) [-16]",
    ),
    ("RTC_UDP_PORT", "browsers' audio [7882]"),
    (
        "LIVEKIT_URL",
        "a LiveKit server for the rooms [the switch itself]",
    ),
    (
        "LIVEKIT_PUBLIC_URL",
        "how browsers reach that server [LIVEKIT_URL]",
    ),
    (
        "SWITCH_NODE",
        "this switch's name among all that use that server [made at first start]",
    ),
    (
        "LIVEKIT_API_KEY",
        "key of the tokens that let browsers into rooms [made at first start]",
    ),
    ("LIVEKIT_API_SECRET", "its secret [made at first start]"),
    (
        "LIVEKIT_SIP_DOMAIN",
        "host that Twilio is told to call by SIP [host of PUBLIC_URL, or PUBLIC_IP]",
    ),
    (
        "LIVEKIT_SIP_PASSWORD",
        "password in the TwiML, asked of calls from Twilio that bring no token [none]",
    ),
    (
        "TWILIO_ACCOUNT_SID",
        "the Twilio account whose webhooks are answered [any]",
    ),
    (
        "TWILIO_AUTH_TOKEN",
        "checks the signature of Twilio's webhooks; without it they are refused [none]",
    ),
    (
        "TWILIO_MODE",
        "how callers come from Twilio: sip, or stream (a WebSocket on PORT, for hosts without inbound UDP) [sip]",
    ),
    (
        "TWILIO_GREETING",
        "what Twilio says before it connects a call [nothing]",
    ),
    (
        "TWILIO_CALLER_ID",
        "number that is shown to whom Twilio calls for us [the show's first]",
    ),
    (
        "TWILIO_API_URL",
        "where Twilio's API is [https://api.twilio.com]",
    ),
    (
        "DIAL_ALLOW",
        "what numbers must begin with to be called: comma list such as +1,+4930, or any [none: no calls out]",
    ),
    ("DIAL_LIMIT", "calls out at once [5]"),
    ("REDIS_URL", "reserved for several switches"),
    ("LOBBY_LIMIT", "callers who may wait [100]"),
    ("HOLD_LIMIT", "callers who may be on hold [50]"),
    ("LIVE_LIMIT", "people and callers on air [20]"),
    (
        "HIDE_PHONE_NUMBERS",
        "true: LiveKit rooms show nobody's number; dashboards do [false]",
    ),
    ("MAX_CALLS", "calls at once; more get 503 [no limit]"),
    (
        "MAX_CALLS_PER_SECOND",
        "new calls a second; more get 503 [1000]",
    ),
    (
        "OVERLOAD_CPU_PERCENT",
        "an audio thread that is busier takes no new calls; 0: never [85]",
    ),
    (
        "OVERLOAD_LATENESS_MS",
        "audio that is later, one time in twenty, means no new calls; 0: never [20]",
    ),
    (
        "DRAIN_SECONDS",
        "how long a shutdown waits for calls to end by themselves; 0: not at all [600]",
    ),
    (
        "SIP_LADDERS",
        "calls that are over whose SIP messages are kept in memory; 0: none at all [200]",
    ),
    ("LOG", "what is logged, as tracing's filter [info]"),
    ("LOG_FORMAT", "text or json [text]"),
];

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(String);

impl ConfigError {
    /// `name` is wrong because of `why`.
    pub fn new(name: &str, why: impl fmt::Display) -> Self {
        Self(format!("{name}: {why}"))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

/// The environment (by a function, so that tests bring their own) over the file.
pub struct Source {
    file: toml::Table,
    environment: Environment,
}

type Environment = Box<dyn Fn(&str) -> Option<String>>;

impl Source {
    /// Parses the file's text; empty when there is no file.
    ///
    /// # Errors
    /// [`ConfigError`] when the file is not TOML or names an unknown setting.
    pub fn new(
        file: &str,
        environment: impl Fn(&str) -> Option<String> + 'static,
    ) -> Result<Self, ConfigError> {
        let file: toml::Table = file.parse().map_err(|error: toml::de::Error| {
            ConfigError::new("audioroad.toml", error.message())
        })?;
        let known = |name: &str| {
            SETTINGS
                .iter()
                .any(|(setting, _)| setting.eq_ignore_ascii_case(name))
        };
        let is_table = |name: &str| [TRUNKS, HELP_LINES].contains(&name);
        if let Some(name) = file.keys().find(|name| !known(name) && !is_table(name)) {
            return Err(ConfigError::new(
                name,
                "there is no such setting (audioroad.toml)",
            ));
        }
        Ok(Self {
            file,
            environment: Box::new(environment),
        })
    }

    /// The tables `[[name]]` of the file, in their order; the environment has none.
    ///
    /// # Errors
    /// [`ConfigError`] when they are no tables or say something that `T` does not know.
    pub fn tables<T: DeserializeOwned>(&self, name: &str) -> Result<Vec<T>, ConfigError> {
        let Some(value) = self.file.get(name) else {
            return Ok(Vec::new());
        };
        Vec::deserialize(value.clone()).map_err(|error| ConfigError::new(name, error.message()))
    }

    /// The setting as text; empty counts as not set.
    pub fn text(&self, name: &str) -> Option<String> {
        let from_file = || {
            let value = self.file.get(&name.to_ascii_lowercase())?;
            Some(
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned),
            )
        };
        (self.environment)(name)
            .or_else(from_file)
            .filter(|text| !text.trim().is_empty())
    }

    /// The setting, parsed, or its default.
    ///
    /// # Errors
    /// [`ConfigError`] when the text cannot be read as `T`.
    pub fn parsed<T: FromStr<Err: fmt::Display>>(
        &self,
        name: &str,
        default: T,
    ) -> Result<T, ConfigError> {
        match self.text(name) {
            Some(text) => text
                .trim()
                .parse()
                .map_err(|error| ConfigError::new(name, error)),
            None => Ok(default),
        }
    }

    /// The setting, parsed, if it is set.
    ///
    /// # Errors
    /// [`ConfigError`] when the text cannot be read as `T`.
    pub fn optional<T: FromStr<Err: fmt::Display>>(
        &self,
        name: &str,
    ) -> Result<Option<T>, ConfigError> {
        self.text(name)
            .map(|text| {
                text.trim()
                    .parse()
                    .map_err(|error| ConfigError::new(name, error))
            })
            .transpose()
    }
}

/// A value that is never printed.
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
