//! Frames that Twilio sends, checked: `text -> depth -> event -> its own shape -> Told`.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::StreamError;

/// Longest frame that is read, in octets: a `start` with all its parameters.
pub const FRAME_LEN_MAX: usize = 16 * 1024;
/// Longest audio of one frame, in octets of mu-law: 100 ms, where Twilio sends 20 ms.
pub const PAYLOAD_LEN_MAX: usize = 800;

/// Objects and lists within one another.
const DEPTH_MAX: usize = 8;
/// Longest id, in octets (Twilio's own have 34).
const SID_LEN_MAX: usize = 64;
/// Parameters of our TwiML, and the longest name or value (Twilio allows both together 500 characters).
const PARAMETERS_MAX: usize = 16;
const PARAMETER_LEN_MAX: usize = 500;

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told<'a> {
    /// The socket is Twilio's.
    Connected,
    /// Whose audio this is.
    Start(Box<Start>),
    /// Audio of the caller.
    Media {
        /// The stream.
        stream_sid: Cow<'a, str>,
        /// Its audio.
        media: Media<'a>,
    },
    /// The caller pressed a key: `0` to `9`, `*`, `#`, `A` to `D`.
    Dtmf {
        /// The stream.
        stream_sid: Cow<'a, str>,
        /// Which key.
        digit: char,
    },
    /// Everything before our mark has been played, or cleared.
    Mark {
        /// The stream.
        stream_sid: Cow<'a, str>,
        /// The mark; `None` when it is none of ours.
        number: Option<u32>,
    },
    /// The call is over on Twilio's side.
    Stop,
    /// An event that we do not know.
    Other,
}

/// Audio of one frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media<'a> {
    /// False for our own audio, which Twilio can be asked to send back.
    pub is_inbound: bool,
    /// Counts the frames of a track, from 1.
    pub chunk: u64,
    /// Milliseconds since the start of the stream.
    pub timestamp_ms: u64,
    /// Base64 of mu-law.
    pub payload: Cow<'a, str>,
}

/// What a stream is.
#[derive(Clone, PartialEq, Eq)]
pub struct Start {
    /// Names the stream.
    pub stream_sid: String,
    /// Twilio's account.
    pub account_sid: String,
    /// The caller's leg: that of the webhook.
    pub call_sid: String,
    /// The parameters of our TwiML.
    pub parameters: Vec<(String, String)>,
}

impl Start {
    /// The value of a parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Start {
    // The parameters hold a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Start")
            .field("stream_sid", &self.stream_sid)
            .field("call_sid", &self.call_sid)
            .finish_non_exhaustive()
    }
}

/// Reads a frame.
///
/// # Errors
/// [`StreamError`] when it is no JSON object with an event, or a known event is not as documented.
pub fn read(text: &str) -> Result<Told<'_>, StreamError> {
    if text.len() > FRAME_LEN_MAX {
        return Err(StreamError::TooLong);
    }
    if depth(text) > DEPTH_MAX {
        return Err(StreamError::TooDeep);
    }
    let Head { event } = serde_json::from_str(text).map_err(|_| StreamError::NotAnEvent)?;
    match &*event.0 {
        "connected" => Ok(Told::Connected),
        "media" => media(text),
        "start" => start(text),
        "dtmf" => dtmf(text),
        "mark" => mark(text),
        "stop" => Ok(Told::Stop),
        _ => Ok(Told::Other),
    }
}

fn media(text: &str) -> Result<Told<'_>, StreamError> {
    let MediaFrame { stream_sid, media } =
        serde_json::from_str(text).map_err(|_| StreamError::Malformed("media"))?;
    if media.payload.0.len() > PAYLOAD_LEN_MAX.div_ceil(3) * 4 {
        return Err(StreamError::Field("media.payload"));
    }
    Ok(Told::Media {
        stream_sid: stream_sid.0,
        media: Media {
            is_inbound: &*media.track.0 == "inbound",
            chunk: media.chunk.0,
            timestamp_ms: media.timestamp.0,
            payload: media.payload.0,
        },
    })
}

fn start(text: &str) -> Result<Told<'_>, StreamError> {
    let StartFrame { start } =
        serde_json::from_str(text).map_err(|_| StreamError::Malformed("start"))?;
    let format = &start.media_format;
    if (&*format.encoding.0, format.sample_rate.0, format.channels.0) != ("audio/x-mulaw", 8000, 1)
    {
        return Err(StreamError::Format);
    }
    let sid = |text: &Text<'_>, name| {
        let is_id = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let fits = (1..=SID_LEN_MAX).contains(&text.0.len()) && text.0.bytes().all(is_id);
        fits.then(|| text.0.to_string())
            .ok_or(StreamError::Field(name))
    };
    let Parameters(parameters) = start.custom_parameters;
    let parameters = parameters.ok_or(StreamError::Field("start.customParameters"))?;
    Ok(Told::Start(Box::new(Start {
        stream_sid: sid(&start.stream_sid, "start.streamSid")?,
        account_sid: sid(&start.account_sid, "start.accountSid")?,
        call_sid: sid(&start.call_sid, "start.callSid")?,
        parameters,
    })))
}

fn dtmf(text: &str) -> Result<Told<'_>, StreamError> {
    let DtmfFrame { stream_sid, dtmf } =
        serde_json::from_str(text).map_err(|_| StreamError::Malformed("dtmf"))?;
    let mut digits = dtmf.digit.0.chars();
    match (digits.next(), digits.next()) {
        (Some(digit @ ('0'..='9' | '*' | '#' | 'A'..='D')), None) => Ok(Told::Dtmf {
            stream_sid: stream_sid.0,
            digit,
        }),
        _ => Err(StreamError::Field("dtmf.digit")),
    }
}

fn mark(text: &str) -> Result<Told<'_>, StreamError> {
    let MarkFrame { stream_sid, mark } =
        serde_json::from_str(text).map_err(|_| StreamError::Malformed("mark"))?;
    Ok(Told::Mark {
        stream_sid: stream_sid.0,
        number: mark.name.0.parse().ok(),
    })
}

/// How deep objects and lists lie within one another; what is in strings does not count.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth = depth.saturating_add(1);
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    event: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MediaFrame<'a> {
    #[serde(borrow)]
    stream_sid: Text<'a>,
    #[serde(borrow)]
    media: MediaBody<'a>,
}

#[derive(Deserialize)]
struct MediaBody<'a> {
    #[serde(borrow)]
    track: Text<'a>,
    chunk: Count,
    timestamp: Count,
    #[serde(borrow)]
    payload: Text<'a>,
}

#[derive(Deserialize)]
struct StartFrame<'a> {
    #[serde(borrow)]
    start: StartBody<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StartBody<'a> {
    #[serde(borrow)]
    stream_sid: Text<'a>,
    #[serde(borrow)]
    account_sid: Text<'a>,
    #[serde(borrow)]
    call_sid: Text<'a>,
    #[serde(borrow)]
    media_format: FormatBody<'a>,
    #[serde(default)]
    custom_parameters: Parameters,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FormatBody<'a> {
    #[serde(borrow)]
    encoding: Text<'a>,
    sample_rate: Count,
    channels: Count,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DtmfFrame<'a> {
    #[serde(borrow)]
    stream_sid: Text<'a>,
    #[serde(borrow)]
    dtmf: DtmfBody<'a>,
}

#[derive(Deserialize)]
struct DtmfBody<'a> {
    #[serde(borrow)]
    digit: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MarkFrame<'a> {
    #[serde(borrow)]
    stream_sid: Text<'a>,
    #[serde(borrow)]
    mark: MarkBody<'a>,
}

#[derive(Deserialize)]
struct MarkBody<'a> {
    #[serde(borrow)]
    name: Text<'a>,
}

/// Text that is copied only where it holds escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A whole number, which Twilio writes as a string here and as a number there.
struct Count(u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits;
        impl Visitor<'_> for Digits {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Count, E> {
                Ok(Count(number))
            }

            fn visit_str<E: de::Error>(self, digits: &str) -> Result<Count, E> {
                let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
                let number = is_plain.then(|| digits.parse().ok()).flatten();
                number.map(Count).ok_or_else(|| E::custom("no number"))
            }
        }
        deserializer.deserialize_any(Digits)
    }
}

/// The parameters of our TwiML; `None` when there are too many or one is too long.
struct Parameters(Option<Vec<(String, String)>>);

impl Default for Parameters {
    fn default() -> Self {
        Self(Some(Vec::new()))
    }
}

impl<'de> Deserialize<'de> for Parameters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Parameters;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parameters, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, String>()? {
                    let fits = name.len().max(value.len()) <= PARAMETER_LEN_MAX;
                    if !fits || pairs.len() >= PARAMETERS_MAX {
                        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                        return Ok(Parameters(None));
                    }
                    pairs.push((name, value));
                }
                Ok(Parameters(Some(pairs)))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}
