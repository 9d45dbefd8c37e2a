//! TwiML: what a webhook answers, as XML in which nothing that is told or dialled can be markup.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::params::CallStatus;
use super::stream::{CALL_PARAMETER, TOKEN_PARAMETER};

/// Media type of all answers.
pub const CONTENT_TYPE: &str = "text/xml; charset=utf-8";

/// User name of the digest login that our TwiML gives to Twilio.
pub const SIP_USER: &str = "audioroad";

/// Length that the URI of `<Sip>` stays below, its headers not counted (Twilio: "Making SIP Calls").
const URI_LEN_LIMIT: usize = 255;

/// Length that the headers of the URI stay below, names and escapes counted.
const HEADERS_LEN_LIMIT: usize = 1024;

/// Most characters that `<Say>` speaks.
const SAY_LEN_MAX: usize = 4096;

/// Call length that Twilio takes, in seconds.
const TIME_LIMIT_S: std::ops::RangeInclusive<u32> = 1..=86_400;

/// Something that the caller is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// Spoken by Twilio.
    Say {
        /// The words, cut after 4,096 characters.
        text: &'a str,
        /// BCP 47 tag such as `en-US`; Twilio's default without.
        language: Option<&'a str>,
    },
    /// A recording at a URL that Twilio fetches.
    Play {
        /// Where it is.
        url: &'a str,
    },
}

/// How Twilio is to reach us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SipTransport {
    /// UDP: an INVITE with our headers comes near the size at which it is fragmented.
    Udp,
    /// TCP.
    Tcp,
    /// TLS.
    Tls,
}

/// A call that is to come to us by SIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connect<'a> {
    /// Told before the call is connected.
    pub greeting: Option<Message<'a>>,
    /// User part of the URI: the lobby that the call is for.
    pub lobby: &'a str,
    /// Our host name or address, with a port where it is not the usual one.
    pub domain: &'a str,
    /// How Twilio reaches it.
    pub transport: SipTransport,
    /// Our id of the call, for `X-Call-Id`.
    pub call_id: &'a str,
    /// Token of the call, for `X-Call-Token`.
    pub token: &'a str,
    /// Digest user name and password, if we ask for one.
    pub credentials: Option<(&'a str, &'a str)>,
    /// Number that we are shown; the caller's own without.
    pub caller_id: Option<&'a str>,
    /// URL that is asked what to do when our leg has ended.
    pub action: &'a str,
    /// URL that is told how our leg fares.
    pub status_callback: &'a str,
    /// Longest call in seconds, kept within 1 to 86,400.
    pub time_limit_s: u32,
    /// The caller's phone rings until we answer, and nothing is charged for that. Not together with
    /// a greeting, which answers the call itself.
    pub answer_on_bridge: bool,
}

/// A call that is to come to us as a Media Stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectStream<'a> {
    /// Told before the call is connected.
    pub greeting: Option<Message<'a>>,
    /// The `wss://` URL of our socket; Twilio strips its query.
    pub url: &'a str,
    /// Our id of the call, for the parameter `callId`.
    pub call_id: &'a str,
    /// Token of the call, for the parameter `token`.
    pub token: &'a str,
    /// URL that is told how the stream fares.
    pub status_callback: &'a str,
}

/// Why a call is refused before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The caller hears a busy tone: all lines are taken.
    Busy,
    /// The caller hears that the number is not in service: blocked.
    Blocked,
}

/// Why a call cannot be connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TwimlError {
    /// Not a host name, an IPv4 address or an IPv6 address in brackets, with or without a port.
    #[error("SIP domain is not a host name or address")]
    Domain,
    /// The URI has 255 characters or more.
    #[error("SIP URI is too long for Twilio")]
    UriTooLong,
    /// The headers have 1,024 characters or more.
    #[error("SIP headers are too long for Twilio")]
    HeadersTooLong,
}

type Xml = Writer<Vec<u8>>;

/// Connects the caller to us.
///
/// # Errors
/// [`TwimlError`] when the SIP URI cannot be written within Twilio's limits.
pub fn connect(call: &Connect<'_>) -> Result<String, TwimlError> {
    let uri = sip_uri(call)?;
    let time_limit_s = call
        .time_limit_s
        .clamp(*TIME_LIMIT_S.start(), *TIME_LIMIT_S.end());
    Ok(response(|xml| {
        if let Some(greeting) = &call.greeting {
            tell(xml, greeting)?;
        }
        let time_limit_s = time_limit_s.to_string();
        let mut dial = vec![
            ("action", call.action),
            ("timeLimit", time_limit_s.as_str()),
        ];
        if call.answer_on_bridge {
            dial.push(("answerOnBridge", "true"));
        }
        dial.extend(call.caller_id.map(|number| ("callerId", number)));
        let mut sip = vec![
            ("statusCallback", call.status_callback),
            (
                "statusCallbackEvent",
                "initiated ringing answered completed",
            ),
        ];
        if let Some((username, password)) = call.credentials {
            sip.extend([("username", username), ("password", password)]);
        }
        xml.create_element("Dial")
            .with_attributes(clean_all(&dial))
            .write_inner_content(|xml| element(xml, "Sip", &sip, &uri))?;
        Ok(())
    }))
}

/// Connects the caller to us by a Media Stream. Once either side has closed it, Twilio hangs up.
#[must_use]
pub fn connect_stream(call: &ConnectStream<'_>) -> String {
    let stream = [
        ("url", call.url),
        ("statusCallback", call.status_callback),
        ("statusCallbackMethod", "POST"),
    ];
    let parameters = [
        (CALL_PARAMETER, call.call_id),
        (TOKEN_PARAMETER, call.token),
    ];
    response(|xml| {
        if let Some(greeting) = &call.greeting {
            tell(xml, greeting)?;
        }
        xml.create_element("Connect").write_inner_content(|xml| {
            xml.create_element("Stream")
                .with_attributes(clean_all(&stream))
                .write_inner_content(|xml| {
                    parameters.iter().try_for_each(|&(name, value)| {
                        let value = clean(value);
                        empty(xml, "Parameter", &[("name", name), ("value", &value)])
                    })
                })
                .map(drop)
        })?;
        empty(xml, "Hangup", &[])
    })
}

/// Passes the caller on to another number, and hangs up when that call ends.
#[must_use]
pub fn pass_on(number: &str, time_limit_s: u32) -> String {
    let time_limit_s = time_limit_s
        .clamp(*TIME_LIMIT_S.start(), *TIME_LIMIT_S.end())
        .to_string();
    response(|xml| {
        xml.create_element("Dial")
            .with_attributes([("timeLimit", time_limit_s.as_str())])
            .write_inner_content(|xml| element(xml, "Number", &[], number))
            .map(drop)
    })
}

/// Tells the caller something and hangs up: no show on air, lines closed.
#[must_use]
pub fn announce(message: &Message<'_>) -> String {
    response(|xml| {
        tell(xml, message)?;
        empty(xml, "Hangup", &[])
    })
}

/// Refuses a call before it is answered, so that nothing is charged for it.
#[must_use]
pub fn reject(refusal: Refusal) -> String {
    let reason = match refusal {
        Refusal::Busy => "busy",
        Refusal::Blocked => "rejected",
    };
    response(|xml| empty(xml, "Reject", &[("reason", reason)]))
}

/// Hangs up.
#[must_use]
pub fn hang_up() -> String {
    response(|xml| empty(xml, "Hangup", &[]))
}

/// Answers the `action` call-back of `<Dial>`: a caller who was never connected hears `sorry`
/// before the line goes down.
#[must_use]
pub fn dial_ended(status: Option<CallStatus>, sorry: &Message<'_>) -> String {
    match status {
        Some(CallStatus::Completed | CallStatus::InProgress | CallStatus::Canceled) => hang_up(),
        Some(
            CallStatus::Busy
            | CallStatus::NoAnswer
            | CallStatus::Failed
            | CallStatus::Queued
            | CallStatus::Initiated
            | CallStatus::Ringing,
        )
        | None => announce(sorry),
    }
}

fn sip_uri(call: &Connect<'_>) -> Result<String, TwimlError> {
    if !is_host(call.domain) {
        return Err(TwimlError::Domain);
    }
    let transport = match call.transport {
        SipTransport::Udp => "udp",
        SipTransport::Tcp => "tcp",
        SipTransport::Tls => "tls",
    };
    let uri = format!(
        "sip:{}@{};transport={transport}",
        escaped(call.lobby),
        call.domain
    );
    let headers = format!(
        "X-Call-Id={}&X-Call-Token={}",
        escaped(call.call_id),
        escaped(call.token)
    );
    if uri.len() >= URI_LEN_LIMIT {
        return Err(TwimlError::UriTooLong);
    }
    if headers.len() >= HEADERS_LEN_LIMIT {
        return Err(TwimlError::HeadersTooLong);
    }
    Ok(format!("{uri}?{headers}"))
}

/// Whether this is a host of a SIP URI, with or without a port (RFC 3261 section 25.1).
fn is_host(domain: &str) -> bool {
    let (host, port) = match domain.rsplit_once(':') {
        Some((host, port)) if !domain.ends_with(']') => (host, Some(port)),
        _ => (domain, None),
    };
    let is_name = |host: &str| {
        host.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
            && host.bytes().any(|byte| byte.is_ascii_alphanumeric())
    };
    let is_ipv6 = |host: &str| {
        let inner = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        inner.is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok())
    };
    let is_port = |port: &str| !port.starts_with('+') && port.parse::<u16>().is_ok_and(|p| p != 0);
    (is_name(host) || is_ipv6(host)) && port.is_none_or(is_port)
}

/// Percent-escapes all but the unreserved characters of RFC 3986.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            write!(escaped, "%{byte:02X}").ok();
        }
    }
    escaped
}

fn response(verbs: impl FnOnce(&mut Xml) -> io::Result<()>) -> String {
    let mut xml = Writer::new(Vec::new());
    let written = xml
        .write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))
        .and_then(|()| {
            xml.create_element("Response")
                .write_inner_content(verbs)
                .map(drop)
        });
    // Writing to memory does not fail, and all that was written was UTF-8.
    written.ok();
    String::from_utf8(xml.into_inner()).unwrap_or_default()
}

fn tell(xml: &mut Xml, message: &Message<'_>) -> io::Result<()> {
    match message {
        Message::Say { text, language } => {
            let text: String = text.chars().take(SAY_LEN_MAX).collect();
            let language = language.map(|language| ("language", language));
            element(xml, "Say", language.as_slice(), &text)
        }
        Message::Play { url } => element(xml, "Play", &[], url),
    }
}

fn element(xml: &mut Xml, name: &str, attributes: &[(&str, &str)], text: &str) -> io::Result<()> {
    xml.create_element(name)
        .with_attributes(clean_all(attributes))
        .write_text_content(BytesText::new(&clean(text)))
        .map(drop)
}

fn empty(xml: &mut Xml, name: &str, attributes: &[(&str, &str)]) -> io::Result<()> {
    xml.create_element(name)
        .with_attributes(attributes.iter().copied())
        .write_empty()
        .map(drop)
}

fn clean_all<'a>(
    attributes: &'a [(&'a str, &'a str)],
) -> impl Iterator<Item = (&'a str, Cow<'a, str>)> {
    attributes.iter().map(|(name, value)| (*name, clean(value)))
}

/// The text without the characters that XML 1.0 has no way to write (section 2.2).
fn clean(text: &str) -> Cow<'_, str> {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    if text.chars().all(allowed) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.chars().filter(|c| allowed(*c)).collect())
    }
}
