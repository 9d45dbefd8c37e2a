//! Messages to octets. The only way out: a line break in a value becomes a space, so that nobody's
//! display name adds a header, Content-Length is ours and last, and bodies stay raw.

use bytes::Bytes;
use rsip::{Headers, Request, Response, SipMessage, StatusCode};

use super::{Inbound, field};

/// A request, with the Request-URI `target` exactly as given.
#[must_use]
pub(in crate::sip) fn emit_request(request: &Request, target: &str) -> Bytes {
    let mut out = Vec::with_capacity(capacity(&request.headers, &request.body));
    push(&mut out, &request.method.to_string());
    out.push(b' ');
    out.extend(
        target
            .bytes()
            .filter(|octet| !matches!(octet, b' ' | b'\r' | b'\n')),
    );
    push(&mut out, " SIP/2.0\r\n");
    finish(out, &request.headers, &request.body)
}

/// A response.
#[must_use]
pub(in crate::sip) fn emit_response(response: &Response) -> Bytes {
    let mut out = Vec::with_capacity(capacity(&response.headers, &response.body));
    push(&mut out, "SIP/2.0 ");
    push(&mut out, &response.status_code.code().to_string());
    out.push(b' ');
    push_line(&mut out, reason_phrase(&response.status_code));
    finish(out, &response.headers, &response.body)
}

/// A message that was read.
#[must_use]
pub fn emit(message: &Inbound) -> Bytes {
    match &message.msg {
        SipMessage::Request(request) => emit_request(request, &message.raw_uri),
        SipMessage::Response(response) => emit_response(response),
    }
}

fn finish(mut out: Vec<u8>, headers: &Headers, body: &[u8]) -> Bytes {
    for header in headers.iter() {
        let (name, value) = field(header);
        if name.eq_ignore_ascii_case("Content-Length") || !crate::sip::value::is_token(name) {
            continue;
        }
        push(&mut out, name);
        push(&mut out, ": ");
        push_line(&mut out, value);
    }
    push(&mut out, "Content-Length: ");
    push(&mut out, &body.len().to_string());
    push(&mut out, "\r\n\r\n");
    out.extend_from_slice(body);
    out.into()
}

fn push(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

/// Pushes one line's text and its end; line breaks inside become spaces.
fn push_line(out: &mut Vec<u8>, text: &str) {
    let from = out.len();
    push(out, text);
    for octet in out
        .iter_mut()
        .skip(from)
        .filter(|octet| matches!(**octet, b'\r' | b'\n'))
    {
        *octet = b' ';
    }
    push(out, "\r\n");
}

fn capacity(headers: &Headers, body: &[u8]) -> usize {
    let fields: usize = headers
        .iter()
        .map(|header| {
            let (name, value) = field(header);
            name.len() + value.len() + 4
        })
        .sum();
    fields + body.len() + 128
}

/// The phrase of RFC 3261 section 21 for a code, or the one that was given for it.
fn reason_phrase(status: &StatusCode) -> &str {
    if let StatusCode::Other(_, phrase) = status {
        return phrase;
    }
    match status.code() {
        100 => "Trying",
        180 => "Ringing",
        181 => "Call Is Being Forwarded",
        182 => "Queued",
        183 => "Session Progress",
        200 => "OK",
        202 => "Accepted",
        302 => "Moved Temporarily",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        421 => "Extension Required",
        422 => "Session Interval Too Small",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        483 => "Too Many Hops",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        489 => "Bad Event",
        491 => "Request Pending",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        504 => "Server Time-out",
        505 => "Version Not Supported",
        513 => "Message Too Large",
        600 => "Busy Everywhere",
        603 => "Decline",
        604 => "Does Not Exist Anywhere",
        606 => "Not Acceptable",
        code => match code / 100 {
            1 => "Progress",
            2 => "OK",
            3 => "Redirection",
            4 => "Request Failure",
            5 => "Server Failure",
            _ => "Global Failure",
        },
    }
}
