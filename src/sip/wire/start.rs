//! The Request-Line (RFC 3261 section 7.1).

use rsip::Method;

use super::refusal::Fault;
use crate::sip::value;

/// Longest Request-URI, in octets.
pub(super) const URI_BYTES_MAX: usize = 2048;

/// Method and Request-URI of a request of SIP 2.0.
pub(super) struct RequestLine<'a> {
    pub(super) method: &'a str,
    pub(super) uri: &'a str,
}

impl<'a> RequestLine<'a> {
    /// Exactly one space between the parts (RFC 3261 section 7.1).
    pub(super) fn read(line: &'a str) -> Result<Self, Fault> {
        let malformed = Fault::new(400, "Malformed Request-Line");
        let mut parts = line.splitn(3, ' ');
        let (Some(method), Some(uri)) = (parts.next(), parts.next()) else {
            return Err(malformed);
        };
        if uri.len() > URI_BYTES_MAX {
            return Err(Fault::new(414, "Request-URI Too Long"));
        }
        let version = parts.next().ok_or(malformed)?;
        if !value::is_token(method) || uri.is_empty() {
            return Err(malformed);
        }
        if version.eq_ignore_ascii_case("SIP/2.0") {
            return Ok(Self { method, uri });
        }
        let number = version
            .get(4..)
            .filter(|_| version.to_ascii_uppercase().starts_with("SIP/"));
        let (major, minor) = number.and_then(|n| n.split_once('.')).ok_or(malformed)?;
        match (value::decimal(major), value::decimal(minor)) {
            (Some(_), Some(_)) => Err(Fault::new(505, "Version Not Supported")),
            _ => Err(malformed),
        }
    }
}

/// Methods are told by their exact case (RFC 3261 section 7.1).
pub(super) fn known_method(name: &str) -> Option<Method> {
    Some(match name {
        "INVITE" => Method::Invite,
        "ACK" => Method::Ack,
        "BYE" => Method::Bye,
        "CANCEL" => Method::Cancel,
        "OPTIONS" => Method::Options,
        "INFO" => Method::Info,
        "UPDATE" => Method::Update,
        "PRACK" => Method::PRack,
        "REFER" => Method::Refer,
        "NOTIFY" => Method::Notify,
        "MESSAGE" => Method::Message,
        "REGISTER" => Method::Register,
        "SUBSCRIBE" => Method::Subscribe,
        "PUBLISH" => Method::Publish,
        _ => return None,
    })
}
