//! Bad requests and what of them an answer can be made from.

use rsip::Header;

use super::canon::{self, Shape, field, header};
use super::head::Head;
use super::{HEADERS_MAX, WireError};
use crate::sip::value::via::Via;
use crate::sip::value::{self, tidy};

/// Why a request is refused.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fault {
    pub(super) status: u16,
    pub(super) reason: &'static str,
}

impl Fault {
    pub(super) const fn new(status: u16, reason: &'static str) -> Self {
        Self { status, reason }
    }
}

/// The answer to a bad request, where one may be given.
pub(super) fn refusal(fault: Fault, head: &Head<'_>) -> WireError {
    let echo = echo(head);
    let top = echo.iter().map(field).find(|(name, _)| *name == "Via");
    let has_sender = top.is_some_and(|(_, value)| Via::parse(value).is_some());
    if head.start.starts_with("ACK ") || !has_sender {
        return WireError::Ignored(fault.reason);
    }
    let Fault { status, reason } = fault;
    WireError::Refused {
        status,
        reason,
        echo: Box::new(echo.into()),
    }
}

/// Every Via that reads, and From, To, Call-ID and CSeq once.
fn echo(head: &Head<'_>) -> Vec<Header> {
    let mut echo: Vec<Header> = Vec::new();
    for sent in head.fields.iter().take(HEADERS_MAX) {
        let shape = canon::shape(sent.name);
        let value = tidy(&sent.value, shape == Shape::Vias);
        if shape == Shape::Vias {
            let vias = value::list(&value).filter(|via| Via::parse(via).is_some());
            echo.extend(vias.map(|via| header(sent.name, via.to_owned())));
            continue;
        }
        let one = header(sent.name, value.into_owned());
        let (name, _) = field(&one);
        let is_copied = ["From", "To", "Call-ID", "CSeq"].contains(&name);
        if is_copied && !echo.iter().any(|seen| field(seen).0 == name) {
            echo.push(one);
        }
    }
    echo
}
