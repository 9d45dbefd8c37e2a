//! Responses made from requests (RFC 3261 section 8.2.6).

use rsip::{Header, Headers, Method, Request, Response, StatusCode, Version};

use super::value;
use super::wire::{field, header};

/// The methods that are answered.
pub const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, NOTIFY";

/// The extensions that are spoken: session timers (RFC 4028) and reliable provisional responses
/// (RFC 3262).
pub const SUPPORTED: &str = "timer, 100rel";

/// The response `status` to `request`: Via, From, To, Call-ID and CSeq copied, `tag` added to a To
/// that has none, Record-Route copied where the response makes a dialog, Timestamp for a 100.
pub(super) fn response(request: &Request, status: StatusCode, tag: Option<&str>) -> Response {
    let code = status.code();
    let makes_dialog = request.method == Method::Invite && (101..300).contains(&code);
    let mut headers = Vec::with_capacity(16);
    for header in request.headers.iter() {
        match field(header) {
            ("Via" | "From" | "Call-ID" | "CSeq", _) => headers.push(header.clone()),
            ("To", to) => headers.push(tagged(to, tag)),
            ("Record-Route", _) if makes_dialog => headers.push(header.clone()),
            ("Timestamp", _) if code == 100 => headers.push(header.clone()),
            _ => {}
        }
    }
    Response {
        status_code: status,
        version: Version::V2,
        headers: headers.into(),
        body: Vec::new(),
    }
}

/// Whether a response answers a request of this method, by its CSeq.
#[must_use]
pub fn answers(response: &Response, method: Method) -> bool {
    let told = value::find(&response.headers, "CSeq").and_then(value::cseq);
    told.is_some_and(|(_, told)| told == method.to_string())
}

/// The response to a request that could not be read, from the headers of it that could.
pub(super) fn refusal(echo: Headers, status: u16, reason: &str, tag: &str) -> Response {
    let headers: Vec<Header> = echo
        .into_iter()
        .map(|header| match field(&header) {
            ("To", to) => tagged(to, Some(tag)),
            _ => header,
        })
        .collect();
    let status_code = StatusCode::Other(status, reason.to_owned());
    Response {
        status_code,
        version: Version::V2,
        headers: headers.into(),
        body: Vec::new(),
    }
}

/// A refusal in the place of another response to the same request, such as the 487 for a 2xx that a
/// CANCEL overtook.
pub(super) fn instead_of(response: &Response, status: StatusCode) -> Response {
    let is_copied = |name| matches!(name, "Via" | "From" | "To" | "Call-ID" | "CSeq");
    let copied = response.headers.iter();
    let copied = copied.filter(|header| is_copied(field(header).0)).cloned();
    Response {
        status_code: status,
        version: Version::V2,
        headers: copied.collect::<Vec<_>>().into(),
        body: Vec::new(),
    }
}

/// The value of a Warning that tells a person what was wrong (RFC 3261 section 20.43).
#[must_use]
pub fn warning(text: &str) -> String {
    let quotable = |c: &char| !c.is_control() && !matches!(c, '"' | '\\');
    let text: String = text.chars().filter(quotable).collect();
    format!("399 audioroad \"{text}\"")
}

/// Adds a [`warning`].
pub(super) fn with_warning(response: Response, text: &str) -> Response {
    with(response, "Warning", warning(text))
}

/// Adds one header.
pub(super) fn with(mut response: Response, name: &str, value: impl Into<String>) -> Response {
    response.headers.push(header(name, value.into()));
    response
}

/// Adds Allow.
pub(super) fn with_allow(mut response: Response) -> Response {
    response.headers.push(header("Allow", ALLOW.to_owned()));
    response
}

/// Adds an SDP body.
pub(super) fn with_sdp(response: Response, body: Vec<u8>) -> Response {
    let mut response = with(response, "Content-Type", "application/sdp");
    response.body = body;
    response
}

/// Writes `top` into the first Via.
pub(super) fn stamp(headers: &mut Headers, top: String) {
    let via = headers
        .iter_mut()
        .find(|header| matches!(header, Header::Via(_)));
    if let Some(via) = via {
        *via = header("Via", top);
    }
}

fn tagged(to: &str, tag: Option<&str>) -> Header {
    match tag {
        Some(tag) if value::param(to, "tag").is_none() => header("To", format!("{to};tag={tag}")),
        _ => header("To", to.to_owned()),
    }
}
