//! The header fields in the message model, with those checked that everything after depends on.

use rsip::{Header, Headers};

use super::canon::{self, Shape, field, header};
use super::head::Head;
use super::refusal::Fault;
use super::{BODY_BYTES_MAX, Framing};
use crate::sip::value::via::Via;
use crate::sip::value::{self, tidy};

/// How often the headers came that must come once, and the method of the CSeq.
#[derive(Debug, Default)]
pub(super) struct Seen<'a> {
    via: u32,
    from: u32,
    to: u32,
    call_id: u32,
    cseq: u32,
    method: Option<&'a str>,
}

impl<'a> Seen<'a> {
    /// The method of the CSeq, once nothing is missing or repeated.
    pub(super) fn complete(&self) -> Result<&'a str, Fault> {
        let fault = |reason| Fault {
            status: 400,
            reason,
        };
        match self {
            Self { via: 0, .. } => Err(fault("Missing Via")),
            Self { from: 0, .. } => Err(fault("Missing From")),
            Self { to: 0, .. } => Err(fault("Missing To")),
            Self { call_id: 0, .. } => Err(fault("Missing Call-ID")),
            Self { cseq: 0, .. } => Err(fault("Missing CSeq")),
            Self {
                from: 1,
                to: 1,
                call_id: 1,
                cseq: 1,
                method: Some(method),
                ..
            } => Ok(method),
            _ => Err(fault("Repeated Header Field")),
        }
    }
}

/// Long names, tidied values, one header for each element of a list.
pub(super) fn read_headers<'a>(head: &'a Head<'_>) -> Result<(Headers, Seen<'a>), Fault> {
    let mut headers = Vec::with_capacity(head.fields.len() + 4);
    let mut seen = Seen::default();
    for field in &head.fields {
        let shape = canon::shape(field.name);
        match shape {
            Shape::Text => headers.push(header(field.name, field.value.clone().into_owned())),
            Shape::Tidy => {
                let value = tidy(&field.value, false).into_owned();
                headers.push(header(field.name, value));
            }
            Shape::List | Shape::Vias => {
                let value = tidy(&field.value, shape == Shape::Vias);
                for element in value::list(&value) {
                    headers.push(header(field.name, element.to_owned()));
                    check(headers.last(), &mut seen)?;
                }
                continue;
            }
        }
        if let Some(Header::CSeq(_)) = headers.last() {
            seen.cseq += 1;
            seen.method = value::cseq(&field.value).map(|(_, method)| method);
            if seen.method.is_none() {
                return Err(Fault::new(400, "Malformed CSeq"));
            }
        }
        check(headers.last(), &mut seen)?;
    }
    Ok((headers.into(), seen))
}

/// Checks a header whose sense everything after depends on.
fn check(header: Option<&Header>, seen: &mut Seen<'_>) -> Result<(), Fault> {
    let Some(header) = header else { return Ok(()) };
    let (name, value) = field(header);
    let (fits, reason) = match name {
        "Via" => {
            seen.via += 1;
            (
                Via::parse(value).is_some_and(|via| via.is_well_formed()),
                "Malformed Via",
            )
        }
        "From" => {
            seen.from += 1;
            (value::is_address(value), "Malformed From")
        }
        "To" => {
            seen.to += 1;
            (value::is_address(value), "Malformed To")
        }
        "Call-ID" => {
            seen.call_id += 1;
            (
                !value.is_empty() && !value.contains([' ', '\t']),
                "Malformed Call-ID",
            )
        }
        "Contact" => (
            value == "*" || value::is_address(value),
            "Malformed Contact",
        ),
        "Route" | "Record-Route" => (value::is_address(value), "Malformed Route"),
        "Max-Forwards" => (
            value::decimal(value).is_some_and(|n| n <= 255),
            "Malformed Max-Forwards",
        ),
        _ => return Ok(()),
    };
    if fits {
        Ok(())
    } else {
        Err(Fault {
            status: 400,
            reason,
        })
    }
}

/// The announced length of the body: a number, and the same wherever it stands.
pub(super) fn content_length(head: &Head<'_>) -> Result<Option<usize>, Fault> {
    let fault = Fault::new(400, "Malformed Content-Length");
    let mut length = None;
    for field in &head.fields {
        let is_length = field.name.eq_ignore_ascii_case("Content-Length")
            || field.name.eq_ignore_ascii_case("l");
        if !is_length {
            continue;
        }
        let here = value::decimal(&field.value).and_then(|n| usize::try_from(n).ok());
        match (here, length) {
            (Some(here), None) => length = Some(here),
            (Some(here), Some(before)) if here == before => {}
            _ => return Err(fault),
        }
    }
    Ok(length)
}

/// The body as long as it was announced.
pub(super) fn cut_body<'a>(
    head: &Head<'_>,
    body: &'a [u8],
    framing: Framing,
) -> Result<&'a [u8], Fault> {
    let length = match (content_length(head)?, framing) {
        (Some(length), _) => length,
        (None, Framing::Datagram) => body.len(),
        (None, Framing::Stream) => 0,
    };
    if length > BODY_BYTES_MAX {
        return Err(Fault::new(413, "Request Entity Too Large"));
    }
    body.get(..length)
        .ok_or(Fault::new(400, "Body Shorter than Content-Length"))
}
