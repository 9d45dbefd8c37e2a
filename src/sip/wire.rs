//! Octets to messages and back.
//!
//! ```text
//! octets -> head | body -> unfolded lines -> long names -> tidied values, lists split -> checks -> rsip
//! ```
//!
//! What cannot be read is refused with the code the RFC gives for it, or ignored where no answer
//! may be sent: responses, ACK, and requests whose Via does not tell where an answer would go.
//! Limits: [`HEAD_BYTES_MAX`], [`HEADERS_MAX`], [`BODY_BYTES_MAX`].

mod canon;
mod emit;
mod fields;
mod framing;
mod head;
mod refusal;
mod start;
#[cfg(test)]
mod tests;

use rsip::{Headers, Request, Response, SipMessage, StatusCode, Version};

pub(super) use canon::{field, header};
pub use emit::emit;
pub(super) use emit::{emit_request, emit_response};
pub use framing::Framer;

use super::value;
use super::value::uri::Uri;
use fields::{cut_body, read_headers};
use head::Head;
use refusal::{Fault, refusal};
use start::{RequestLine, known_method};

/// Longest head of a message, start line and headers, in octets.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Most header fields of a message.
pub const HEADERS_MAX: usize = 256;

/// Longest body, in octets.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// How the end of a message is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// By the end of the datagram.
    Datagram,
    /// By Content-Length, as [`Framer`] cut it.
    Stream,
}

/// A message that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbound {
    /// The message. Long header names, values tidied, lists of Via, Route, Record-Route and Contact
    /// one header each, no typed parts parsed.
    pub msg: SipMessage,
    /// The Request-URI as it was written; empty for a response.
    pub raw_uri: String,
}

/// A message that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Say nothing.
    #[error("ignored: {0}")]
    Ignored(&'static str),
    /// Answer with this code.
    #[error("refused with {status}: {reason}")]
    Refused {
        /// The status code.
        status: u16,
        /// The reason phrase.
        reason: &'static str,
        /// The headers an answer copies: Via, From, To, Call-ID, CSeq.
        echo: Box<Headers>,
    },
}

/// Reads one message.
///
/// # Errors
/// [`WireError::Refused`] for a bad request that may be answered, else [`WireError::Ignored`].
pub fn parse(bytes: &[u8], framing: Framing) -> Result<Inbound, WireError> {
    let blank = bytes
        .iter()
        .take_while(|octet| matches!(octet, b'\r' | b'\n'))
        .count();
    let bytes = bytes.get(blank..).unwrap_or_default();
    if bytes.is_empty() {
        return Err(WireError::Ignored("keep-alive"));
    }
    let end = head::end(bytes).filter(|end| *end <= HEAD_BYTES_MAX);
    let raw = bytes
        .get(..end.unwrap_or(bytes.len().min(HEAD_BYTES_MAX)))
        .unwrap_or_default();
    let body = end
        .and_then(|end| bytes.get(end + 4..))
        .ok_or(match bytes.len() {
            ..=HEAD_BYTES_MAX => Fault::new(400, "Missing Blank Line"),
            _ => Fault::new(513, "Message Too Large"),
        });
    let text = head::text(raw);
    let head = Head::read(&text);
    if let Some(status_line) = head.start.strip_prefix("SIP/") {
        return response(status_line, &head, body.unwrap_or_default(), framing);
    }
    request(&head, body, framing).map_err(|fault| refusal(fault, &head))
}

fn request(
    head: &Head<'_>,
    body: Result<&[u8], Fault>,
    framing: Framing,
) -> Result<Inbound, Fault> {
    let line = RequestLine::read(head.start)?;
    let body = body?;
    if head.fields.len() > HEADERS_MAX {
        return Err(Fault::new(400, "Too Many Header Fields"));
    }
    if head.is_malformed {
        return Err(Fault::new(400, "Malformed Header Field"));
    }
    let (headers, seen) = read_headers(head)?;
    let method = seen.complete()?;
    let body = cut_body(head, body, framing)?;
    if method != line.method {
        return Err(Fault::new(400, "CSeq Method Mismatch"));
    }
    let Some(method) = known_method(line.method) else {
        return Err(Fault::new(501, "Not Implemented"));
    };
    let Some(uri) = Uri::parse(line.uri) else {
        return Err(Fault::new(400, "Malformed Request-URI"));
    };
    if !uri.is_sip() {
        return Err(Fault::new(416, "Unsupported URI Scheme"));
    }
    if uri.has_headers {
        return Err(Fault::new(400, "Header Fields in Request-URI"));
    }
    let msg = Request {
        method,
        uri: uri.to_model(),
        version: Version::V2,
        headers,
        body: body.to_vec(),
    };
    Ok(Inbound {
        msg: msg.into(),
        raw_uri: line.uri.to_owned(),
    })
}

fn response(
    status_line: &str,
    head: &Head<'_>,
    body: &[u8],
    framing: Framing,
) -> Result<Inbound, WireError> {
    let mut parts = status_line.splitn(3, ' ');
    let (version, code, phrase) = (parts.next(), parts.next(), parts.next());
    let code = code.filter(|code| code.len() == 3).and_then(value::decimal);
    let code = code.and_then(|code| u16::try_from(code).ok());
    let Some(code) = code.filter(|code| (100..700).contains(code)) else {
        return Err(WireError::Ignored("status code"));
    };
    if version != Some("2.0") || head.is_malformed || head.fields.len() > HEADERS_MAX {
        return Err(WireError::Ignored("malformed response"));
    }
    let ignored = |fault: Fault| WireError::Ignored(fault.reason);
    let (headers, seen) = read_headers(head).map_err(ignored)?;
    seen.complete().map_err(ignored)?;
    let body = cut_body(head, body, framing).map_err(ignored)?;
    let msg = Response {
        status_code: StatusCode::Other(code, phrase.unwrap_or_default().to_owned()),
        version: Version::V2,
        headers,
        body: body.to_vec(),
    };
    Ok(Inbound {
        msg: msg.into(),
        raw_uri: String::new(),
    })
}
