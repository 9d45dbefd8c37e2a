//! Trunks as they are written in `audioroad.toml` and `SIP_ALLOW`.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::allow::{self, Allow, AllowError};
use super::fields::FieldHeaders;
use super::media::{MediaTable, TrunkMedia};
use super::termination::Termination;
use crate::sip::digest::{Algorithm, Login, Role};
use crate::sip::sdp::SrtpRule;
use crate::sip::value::uri;

/// Most trunks, those of `SIP_ALLOW` included.
pub const TRUNKS_MAX: usize = 1024;
/// Longest name of a trunk, in octets.
const NAME_BYTES_MAX: usize = 64;
/// Messages a second of a trunk that says nothing else: more than a switch can answer calls.
const MESSAGES_PER_SECOND: u32 = 10_000;
/// What `allow` says for a trunk without an address of its own.
const ANYWHERE: &str = "any";
/// What `allow` says for a trunk that is dialled and sends no calls.
const NOWHERE: &str = "none";
/// The header by which Twilio names a call.
const TWILIO_CALL: &str = "X-Twilio-CallSid";

/// The name of a trunk: that of its table, or the entry of `SIP_ALLOW` as written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrunkName(Arc<str>);

impl TrunkName {
    /// Names a trunk.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TrunkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What kind of peer a trunk is: decides whatever its table does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Twilio: its addresses, its call's id; asked for MD5 with 407, as its gateway expects.
    Twilio,
    /// A carrier: vouches for the caller's number in `P-Asserted-Identity`.
    Carrier,
    /// A telephone system: its From is the caller; may have no address of its own.
    Pbx,
}

impl Profile {
    /// The profile called `twilio`, `carrier` or `pbx`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "twilio" => Some(Self::Twilio),
            "carrier" => Some(Self::Carrier),
            "pbx" => Some(Self::Pbx),
            _ => None,
        }
    }

    fn algorithms(self) -> Vec<Algorithm> {
        match self {
            Self::Twilio => vec![Algorithm::Md5],
            Self::Carrier | Self::Pbx => vec![Algorithm::Sha256, Algorithm::Md5],
        }
    }

    fn headers(self) -> FieldHeaders {
        match self {
            Self::Twilio => FieldHeaders {
                carrier_call: Some(TWILIO_CALL.to_owned()),
                ..FieldHeaders::default()
            },
            Self::Carrier => FieldHeaders {
                caller: Some("P-Asserted-Identity".to_owned()),
                ..FieldHeaders::default()
            },
            Self::Pbx => FieldHeaders::default(),
        }
    }

    pub(super) fn role(self) -> Role {
        match self {
            Self::Twilio => Role::Proxy,
            Self::Carrier | Self::Pbx => Role::Called,
        }
    }
}

/// Where a trunk calls from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// From these addresses.
    Listed(Allow),
    /// From anywhere: its login is all that tells it from a stranger.
    Anywhere,
}

/// One `[[trunk]]` table as it was read; what is empty or `None` the profile decides.
#[derive(Debug, Clone, Default)]
pub struct TrunkTable {
    /// Its name.
    pub name: String,
    /// `twilio`, `carrier` or `pbx`.
    pub profile: String,
    /// Addresses, ranges and presets, or `any`, or `none`.
    pub allow: Option<String>,
    /// The login that its calls must bring, and that answers its challenges to ours.
    pub login: Option<Login>,
    /// Names of digest algorithms, the preferred one first.
    pub algorithms: Vec<String>,
    /// Calls at once.
    pub calls_max: Option<u32>,
    /// Messages a second, in the long run.
    pub messages_per_second: Option<u32>,
    /// The number that all its calls count as calls to.
    pub number: Option<String>,
    /// Headers to read instead of the profile's.
    pub headers: FieldHeaders,
    /// Its audio.
    pub media: MediaTable,
    /// Where it takes calls of ours: `sip:host[:port][;transport=udp|tcp|tls]`.
    pub dial: Option<String>,
    /// Our number in calls to it.
    pub caller_id: Option<String>,
    /// The name in the certificate of its TLS edges.
    pub tls_name: Option<String>,
}

/// Why trunks cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrunkError {
    /// A name that is empty, too long or has control characters.
    #[error("name: must have 1 to {NAME_BYTES_MAX} visible characters")]
    Name,
    /// A profile that is none.
    #[error("profile: `{0}` is none of twilio, carrier, pbx")]
    Profile(String),
    /// No addresses.
    #[error(
        "allow: name the addresses that it calls from, or `any` for a pbx with a login, or `none` where it is only dialled"
    )]
    NoAllow,
    /// A list of addresses that cannot be used.
    #[error("allow: {0}")]
    Allow(#[from] AllowError),
    /// `any` where a login or the right profile is missing.
    #[error("allow: `any` is for a pbx with user and password")]
    Anywhere,
    /// `none` for a trunk that is not dialled either.
    #[error("allow: `none` is for a trunk with `dial`")]
    Useless,
    /// A place to call that is none.
    #[error("dial: `{0}` is not of the form sip:host[:port][;transport=udp|tcp|tls]")]
    Dial(String),
    /// A number of ours that is none.
    #[error("caller_id: `{0}` is no number; write it like +15550100")]
    CallerId(String),
    /// An empty user name or password.
    #[error("user, password: neither may be empty")]
    Login,
    /// An algorithm that is none of ours.
    #[error("digest: `{0}` is none of MD5, SHA-256, SHA-512-256")]
    Algorithm(String),
    /// A header name that cannot be one.
    #[error("headers: `{0}` is no header name")]
    Header(String),
    /// A rule about encryption that is none of ours.
    #[error("srtp: `{0}` is none of off, offered, preferred, required")]
    Srtp(String),
    /// A codec that is none of ours.
    #[error("codecs: `{0}` is none of PCMU, PCMA, G722, opus")]
    Codec(String),
    /// A list of addresses of audio that cannot be used.
    #[error("rtp_allow: {0}")]
    RtpAllow(AllowError),
    /// A limit of nothing.
    #[error("max_calls, messages_per_second: must be 1 or more")]
    Limit,
    /// An entry of `SIP_ALLOW` that cannot be used.
    #[error("SIP_ALLOW: {0}")]
    SipAllow(AllowError),
    /// Two trunks of one name.
    #[error("name: there are two trunks `{0}`")]
    Twice(TrunkName),
    /// Two trunks from anywhere.
    #[error("allow: one trunk alone may have `any`")]
    AnywhereTwice,
    /// More than [`TRUNKS_MAX`] trunks or [`allow::RANGES_MAX`] ranges.
    #[error("more than {TRUNKS_MAX} trunks or {} ranges", allow::RANGES_MAX)]
    TooMany,
}

/// Somebody who sends us calls, or takes ours, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trunk {
    /// Its name.
    pub name: TrunkName,
    /// What kind of peer it is.
    pub profile: Profile,
    /// Where it calls from.
    pub reach: Reach,
    /// The login that its calls must bring, and that answers its challenges to ours.
    pub login: Option<Login>,
    /// Algorithms that may answer, the preferred one first.
    pub algorithms: Vec<Algorithm>,
    /// Calls at once.
    pub calls_max: Option<u32>,
    /// Messages a second, in the long run; as many at once.
    pub messages_per_second: u32,
    /// The number that all its calls count as calls to.
    pub number: Option<String>,
    /// Where a call's fields stand.
    pub headers: FieldHeaders,
    /// How its audio comes.
    pub media: Arc<TrunkMedia>,
    /// Where it takes calls of ours.
    pub dial: Option<Termination>,
    /// Our number in calls to it.
    pub caller_id: Option<String>,
    /// The name in the certificate of its TLS edges, where a connection is opened to an address.
    pub tls_name: Option<String>,
}

impl Trunk {
    /// The trunk of a table.
    ///
    /// # Errors
    /// [`TrunkError`] with the first thing that cannot be used.
    pub fn new(table: TrunkTable) -> Result<Self, TrunkError> {
        let name = table.name.trim();
        if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
            return Err(TrunkError::Name);
        }
        let profile = Profile::from_name(&table.profile)
            .ok_or_else(|| TrunkError::Profile(table.profile.clone()))?;
        let is_empty = |login: &Login| login.user.is_empty() || login.password.is_empty();
        if table.login.as_ref().is_some_and(is_empty) {
            return Err(TrunkError::Login);
        }
        if [table.calls_max, table.messages_per_second].contains(&Some(0)) {
            return Err(TrunkError::Limit);
        }
        let dial = table.dial.as_deref().map(Termination::parse).transpose()?;
        let caller_id = table.caller_id.as_ref().map(|number| number.trim());
        if let Some(wrong) = caller_id.filter(|number| !uri::is_dialable(number)) {
            return Err(TrunkError::CallerId(wrong.escape_debug().to_string()));
        }
        let reach = reach(profile, &table)?;
        let trunk = Self {
            media: Arc::new(TrunkMedia::new(&table.media, &reach)?),
            reach,
            dial,
            caller_id: caller_id.map(str::to_owned),
            algorithms: algorithms(&table.algorithms)?,
            headers: table.headers.checked()?.or(profile.headers()),
            calls_max: table.calls_max,
            messages_per_second: table.messages_per_second.unwrap_or(MESSAGES_PER_SECOND),
            number: table.number.filter(|number| !number.trim().is_empty()),
            tls_name: table.tls_name.filter(|name| !name.trim().is_empty()),
            login: table.login,
            ..Self::plain(TrunkName::new(name), profile, Allow::default())
        };
        Ok(if trunk.algorithms.is_empty() {
            Self {
                algorithms: profile.algorithms(),
                ..trunk
            }
        } else {
            trunk
        })
    }

    /// A trunk that is known by its addresses alone, with everything as its profile has it.
    fn plain(name: TrunkName, profile: Profile, allow: Allow) -> Self {
        let reach = Reach::Listed(allow);
        Self {
            name,
            profile,
            media: Arc::new(TrunkMedia::plain(&reach)),
            reach,
            login: None,
            algorithms: profile.algorithms(),
            calls_max: None,
            messages_per_second: MESSAGES_PER_SECOND,
            number: None,
            headers: profile.headers(),
            dial: None,
            caller_id: None,
            tls_name: None,
        }
    }

    /// The trunk of one entry of `SIP_ALLOW`.
    fn of_entry(entry: &str) -> Result<Self, AllowError> {
        let name = allow::preset(entry).map_or(entry, |(name, _)| name);
        let profile = if name == "twilio" {
            Profile::Twilio
        } else {
            Profile::Pbx
        };
        let trunk = Self::plain(TrunkName::new(name), profile, Allow::parse(entry)?);
        Ok(Self {
            // Twilio by way of a proxy of the station's own.
            headers: Profile::Twilio.headers(),
            ..trunk
        })
    }

    pub(super) fn lists(&self, source: IpAddr) -> bool {
        match &self.reach {
            Reach::Listed(allow) => allow.holds(source),
            Reach::Anywhere => false,
        }
    }

    fn ranges(&self) -> usize {
        match &self.reach {
            Reach::Listed(allow) => allow.len(),
            Reach::Anywhere => 0,
        }
    }
}

fn reach(profile: Profile, table: &TrunkTable) -> Result<Reach, TrunkError> {
    let allow = match (&table.allow, profile) {
        (Some(allow), _) => allow.trim(),
        (None, Profile::Twilio) => "twilio",
        (None, Profile::Carrier | Profile::Pbx) => return Err(TrunkError::NoAllow),
    };
    if allow.eq_ignore_ascii_case(ANYWHERE) {
        return if profile == Profile::Pbx && table.login.is_some() {
            Ok(Reach::Anywhere)
        } else {
            Err(TrunkError::Anywhere)
        };
    }
    if allow.eq_ignore_ascii_case(NOWHERE) {
        return match table.dial {
            Some(_) => Ok(Reach::Listed(Allow::default())),
            None => Err(TrunkError::Useless),
        };
    }
    let allow = Allow::parse(allow)?;
    if allow.is_empty() {
        return Err(TrunkError::NoAllow);
    }
    Ok(Reach::Listed(allow))
}

fn algorithms(names: &[String]) -> Result<Vec<Algorithm>, TrunkError> {
    let mut algorithms = Vec::new();
    for name in names {
        let algorithm =
            Algorithm::from_token(name).ok_or_else(|| TrunkError::Algorithm(name.clone()))?;
        if !algorithms.contains(&algorithm) {
            algorithms.push(algorithm);
        }
    }
    Ok(algorithms)
}

/// All trunks: the tables, then the entries of `SIP_ALLOW`, then our own TwiML. The first that lists a source is its trunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trunks {
    pub(super) all: Vec<Trunk>,
    pub(super) twiml: Trunk,
}

impl Trunks {
    /// The trunks of `SIP_ALLOW` and of the tables; with neither, loopback alone. `twiml` is the login that is written into our
    /// TwiML: with it, a call from Twilio's addresses may prove itself by digest where it brings no token.
    ///
    /// # Errors
    /// [`TrunkError`] with the first thing that cannot be used.
    pub fn new(
        sip_allow: &str,
        tables: Vec<Trunk>,
        twiml: Option<Login>,
    ) -> Result<Self, TrunkError> {
        let mut all = tables;
        for (index, trunk) in all.iter().enumerate() {
            if all.iter().take(index).any(|other| other.name == trunk.name) {
                return Err(TrunkError::Twice(trunk.name.clone()));
            }
        }
        let anywhere = all.iter().filter(|trunk| trunk.reach == Reach::Anywhere);
        if anywhere.count() > 1 {
            return Err(TrunkError::AnywhereTwice);
        }
        let mut entries: Vec<&str> = allow::entries(sip_allow).collect();
        if entries.is_empty() && all.is_empty() {
            entries.push("loopback");
        }
        for entry in entries {
            all.push(Trunk::of_entry(entry).map_err(TrunkError::SipAllow)?);
        }
        let allow = match &twiml {
            Some(_) => Allow::parse("twilio")?,
            None => Allow::default(),
        };
        let twiml = Trunk {
            login: twiml,
            ..Trunk::plain(TrunkName::new("twiml"), Profile::Twilio, allow)
        };
        let ranges: usize = all.iter().chain([&twiml]).map(Trunk::ranges).sum();
        if all.len() > TRUNKS_MAX || ranges > allow::RANGES_MAX {
            return Err(TrunkError::TooMany);
        }
        Ok(Self { all, twiml })
    }

    /// The same, with this rule about encryption for calls of `SIP_ALLOW` and of our own TwiML; the first `tables`
    /// trunks have their own.
    #[must_use]
    pub fn encrypted(mut self, tables: usize, rule: SrtpRule) -> Self {
        let plain = self.all.iter_mut().skip(tables).chain([&mut self.twiml]);
        for trunk in plain {
            Arc::make_mut(&mut trunk.media).set_srtp(rule);
        }
        self
    }

    /// The first `count` trunks: those of the tables.
    pub fn of_tables(&self, count: usize) -> impl Iterator<Item = &Trunk> {
        self.all.iter().take(count)
    }

    /// The trunk that a source belongs to by its address.
    #[must_use]
    pub fn listing(&self, source: IpAddr) -> Option<&Trunk> {
        self.all
            .iter()
            .chain([&self.twiml])
            .find(|trunk| trunk.lists(source))
    }
}

#[cfg(test)]
#[path = "profile_tests.rs"]
mod tests;
