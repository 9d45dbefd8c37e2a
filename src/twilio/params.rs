//! Twilio's form parameters, read into our terms.
//!
//! Names are Twilio's; unknown ones are ignored, and so is a status that we do not know. Text is cut
//! to its limit, ids must fit theirs.

#[cfg(test)]
mod tests;

/// Longest `CallSid` or other id, in octets (Twilio's own have 34).
const SID_LEN_MAX: usize = 64;

/// Longest number or address of a party, in characters.
const PARTY_LEN_MAX: usize = 128;

/// Longest other text, in characters.
const TEXT_LEN_MAX: usize = 256;

/// What stands in `From` instead of a number that is withheld: words, and the words on a keypad.
const WITHHELD: &[&str] = &[
    "anonymous",
    "blocked",
    "private",
    "restricted",
    "unavailable",
    "unknown",
    "withheld",
    "266696687",   // ANONYMOUS
    "2562533",     // BLOCKED
    "7378742833",  // RESTRICTED
    "86282452253", // UNAVAILABLE
    "8656696",     // UNKNOWN
];

/// Why a webhook cannot be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParamError {
    /// A parameter that must be there is not.
    #[error("parameter {0} is missing")]
    Missing(&'static str),
    /// An id with other characters than letters, digits, `-` and `_`, or too long.
    #[error("parameter {0} is not an id")]
    NotAnId(&'static str),
}

/// Twilio's id of a call leg, such as `CA` and 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallSid(String);

impl CallSid {
    /// Reads an id: letters, digits, `-` and `_`, at most 64.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let fits = !text.is_empty() && text.len() <= SID_LEN_MAX && text.bytes().all(plain);
        fits.then(|| Self(text.to_owned()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallingParty {
    /// A phone number as Twilio writes it, E.164 with `+`; or what else stood there (`sip:`,
    /// `client:`).
    Number(String),
    /// The caller keeps the number private.
    Withheld,
}

/// Where a call leg is in its life (`CallStatus`, `DialCallStatus`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallStatus {
    /// Waits to be dialled.
    Queued,
    /// Is being dialled.
    Initiated,
    /// Rings.
    Ringing,
    /// Was picked up and goes on (`in-progress`, or `answered` for a dialled leg).
    InProgress,
    /// Was picked up and has ended.
    Completed,
    /// The far side was busy.
    Busy,
    /// Nobody picked up.
    NoAnswer,
    /// Could not be connected.
    Failed,
    /// Was given up before anybody picked up.
    Canceled,
}

/// What befell a Media Stream (`StreamEvent`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamFate {
    /// It was connected.
    Started,
    /// It was closed.
    Stopped,
    /// It could not be connected, or broke.
    Failed,
}

/// A new call that asks what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomingCall {
    /// The caller's leg: the parent of the one that dials us.
    pub call_sid: CallSid,
    /// `From`.
    pub from: CallingParty,
    /// `To`: the number that was called.
    pub to: String,
    /// The caller's name as the network knows it.
    pub caller_name: Option<String>,
    /// `ForwardedFrom`: the number that was called before it was diverted.
    pub forwarded_from: Option<String>,
    /// `StirVerstat`: what the network says about the number being genuine (RFC 8224).
    pub verstat: Option<String>,
}

/// The end of our leg, told to `<Dial action>` while the caller is still on the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialEnded {
    /// The caller's leg.
    pub call_sid: CallSid,
    /// How our leg ended.
    pub status: Option<CallStatus>,
    /// Our leg at Twilio.
    pub dial_call_sid: Option<CallSid>,
    /// How long our leg lasted.
    pub duration_s: Option<u32>,
    /// Our final SIP answer.
    pub sip_response_code: Option<u16>,
    /// The SIP Call-ID of our leg.
    pub sip_call_id: Option<String>,
}

/// A status call-back about one leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusChange {
    /// The leg that it is about.
    pub call_sid: CallSid,
    /// The caller's leg, where `call_sid` is ours.
    pub parent_call_sid: Option<CallSid>,
    /// Where the leg is now.
    pub status: Option<CallStatus>,
    /// What befell the leg's Media Stream, where the call-back is about one.
    pub stream: Option<StreamFate>,
    /// Place among the call-backs of this leg, from 0; they may arrive in any order.
    pub sequence: Option<u32>,
    /// How long the leg lasted, once it has ended.
    pub duration_s: Option<u32>,
    /// Our final SIP answer.
    pub sip_response_code: Option<u16>,
}

impl IncomingCall {
    /// Reads the webhook of a new call.
    ///
    /// # Errors
    /// Without `CallSid` or `To`.
    pub fn read(params: &[(String, String)]) -> Result<Self, ParamError> {
        let form = Form(params);
        Ok(Self {
            call_sid: form.required_sid("CallSid")?,
            from: form.calling_party(),
            to: form.party("To").ok_or(ParamError::Missing("To"))?,
            caller_name: form.text("CallerName", TEXT_LEN_MAX),
            forwarded_from: form.party("ForwardedFrom"),
            verstat: form.text("StirVerstat", TEXT_LEN_MAX),
        })
    }
}

impl DialEnded {
    /// Reads the `action` call-back of `<Dial>`.
    ///
    /// # Errors
    /// Without `CallSid`.
    pub fn read(params: &[(String, String)]) -> Result<Self, ParamError> {
        let form = Form(params);
        Ok(Self {
            call_sid: form.required_sid("CallSid")?,
            status: form.status("DialCallStatus"),
            dial_call_sid: form.sid("DialCallSid")?,
            duration_s: form.number("DialCallDuration"),
            sip_response_code: form.number("DialSipResponseCode"),
            sip_call_id: form.text("DialSipCallId", TEXT_LEN_MAX),
        })
    }
}

impl StatusChange {
    /// Reads a status call-back.
    ///
    /// # Errors
    /// Without `CallSid`.
    pub fn read(params: &[(String, String)]) -> Result<Self, ParamError> {
        let form = Form(params);
        Ok(Self {
            call_sid: form.required_sid("CallSid")?,
            parent_call_sid: form.sid("ParentCallSid")?,
            status: form.status("CallStatus"),
            stream: form.value("StreamEvent").and_then(StreamFate::read),
            sequence: form.number("SequenceNumber"),
            duration_s: form.number("CallDuration"),
            sip_response_code: form.number("SipResponseCode"),
        })
    }
}

impl CallingParty {
    /// Reads a `From` value; an empty one is withheld.
    #[must_use]
    pub fn read(from: &str) -> Self {
        let address = from.trim();
        let user = address.strip_prefix("sip:").unwrap_or(address);
        let user = user.split_once('@').map_or(user, |(user, _)| user);
        let plain = user.strip_prefix('+').unwrap_or(user);
        let withheld = WITHHELD.iter().any(|word| word.eq_ignore_ascii_case(plain));
        if plain.is_empty() || withheld {
            Self::Withheld
        } else {
            Self::Number(address.to_owned())
        }
    }
}

impl StreamFate {
    /// Reads Twilio's word.
    #[must_use]
    pub fn read(word: &str) -> Option<Self> {
        match word {
            "stream-started" => Some(Self::Started),
            "stream-stopped" => Some(Self::Stopped),
            "stream-error" => Some(Self::Failed),
            _ => None,
        }
    }
}

impl CallStatus {
    /// Reads Twilio's word.
    #[must_use]
    pub fn read(word: &str) -> Option<Self> {
        match word {
            "queued" => Some(Self::Queued),
            "initiated" => Some(Self::Initiated),
            "ringing" => Some(Self::Ringing),
            "in-progress" | "answered" => Some(Self::InProgress),
            "completed" => Some(Self::Completed),
            "busy" => Some(Self::Busy),
            "no-answer" => Some(Self::NoAnswer),
            "failed" => Some(Self::Failed),
            "canceled" => Some(Self::Canceled),
            _ => None,
        }
    }
}

/// The parameters of one request; the first of a repeated name counts.
struct Form<'a>(&'a [(String, String)]);

impl Form<'_> {
    /// A value, unless it is empty.
    fn value(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        (!value.trim().is_empty()).then_some(value.as_str())
    }

    fn text(&self, name: &str, len_max: usize) -> Option<String> {
        let printable = self.value(name)?.chars().filter(|c| !c.is_control());
        let text: String = printable.take(len_max).collect();
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// A number or address. A `+` that was sent unescaped arrives as a space before the digits.
    fn party(&self, name: &str) -> Option<String> {
        let text = self.text(name, PARTY_LEN_MAX)?;
        let lost_plus =
            self.value(name)?.starts_with(' ') && text.bytes().all(|byte| byte.is_ascii_digit());
        Some(if lost_plus { format!("+{text}") } else { text })
    }

    fn calling_party(&self) -> CallingParty {
        self.party("From")
            .map_or(CallingParty::Withheld, |from| CallingParty::read(&from))
    }

    fn required_sid(&self, name: &'static str) -> Result<CallSid, ParamError> {
        self.sid(name)?.ok_or(ParamError::Missing(name))
    }

    fn sid(&self, name: &'static str) -> Result<Option<CallSid>, ParamError> {
        let Some(sid) = self.value(name) else {
            return Ok(None);
        };
        CallSid::read(sid)
            .map(Some)
            .ok_or(ParamError::NotAnId(name))
    }

    fn status(&self, name: &str) -> Option<CallStatus> {
        CallStatus::read(self.value(name)?.trim())
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.value(name)?.trim().parse().ok()
    }
}
