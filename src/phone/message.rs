//! A phone's SIP messages: requests of one call written, the few header values that matter read.

use std::net::SocketAddr;

use bytes::Bytes;
use rsip::headers::UntypedHeader;
use rsip::prelude::HeadersExt;
use rsip::{Header, Headers, Method, Request, Response, StatusCode, Version};

use crate::sip::{Inbound, Transport, emit};

/// What all requests of one call say.
#[derive(Debug, Clone)]
pub(super) struct Parties {
    /// The phone's own SIP address.
    pub(super) sip: SocketAddr,
    /// What carries its messages.
    pub(super) transport: Transport,
    /// Value of From, tag included.
    pub(super) from: String,
    /// Value of To; the far end's tag joins it.
    pub(super) to: String,
    /// Call-ID.
    pub(super) call_id: String,
    /// Request-URI: the number dialled, then the far end's Contact.
    pub(super) target: String,
}

/// What one request says.
#[derive(Debug, Clone, Default)]
pub(super) struct Ask {
    /// CSeq number.
    pub(super) cseq: u32,
    /// Branch of the Via: names the transaction.
    pub(super) branch: String,
    /// Further headers.
    pub(super) headers: Vec<(String, String)>,
    /// A session description, or nothing.
    pub(super) sdp: Vec<u8>,
}

impl Parties {
    /// A request of this call as it goes on the wire.
    pub(super) fn request(&self, method: Method, ask: Ask) -> Bytes {
        let Ask {
            cseq,
            branch,
            headers: further,
            sdp,
        } = ask;
        let mut headers = vec![
            header(
                "Via",
                format!(
                    "SIP/2.0/{} {};branch={branch};rport",
                    self.transport.token(),
                    self.sip
                ),
            ),
            header("Max-Forwards", "70"),
            header("From", self.from.as_str()),
            header("To", self.to.as_str()),
            header("Call-ID", self.call_id.as_str()),
            header("CSeq", format!("{cseq} {method}")),
            header("Contact", self.contact()),
            header("User-Agent", "audioroad-phone"),
        ];
        headers.extend(
            further
                .into_iter()
                .map(|(name, value)| header(&name, value)),
        );
        if !sdp.is_empty() {
            headers.push(header("Content-Type", "application/sdp"));
        }
        let request = Request {
            method,
            uri: rsip::Uri::default(),
            version: Version::V2,
            headers: headers.into(),
            body: sdp,
        };
        emit(&Inbound {
            msg: request.into(),
            raw_uri: self.target.clone(),
        })
    }

    fn contact(&self) -> String {
        let parameter = match self.transport {
            Transport::Udp => "",
            Transport::Tcp => ";transport=tcp",
            Transport::Tls => ";transport=tls",
        };
        format!("<sip:phone@{}{parameter}>", self.sip)
    }

    /// The answer to a request of the far end, with a session description or without.
    pub(super) fn response(&self, request: &Request, status: u16, sdp: Vec<u8>) -> Bytes {
        let copied = |header: &&Header| {
            matches!(
                header,
                Header::Via(_)
                    | Header::From(_)
                    | Header::To(_)
                    | Header::CallId(_)
                    | Header::CSeq(_)
            )
        };
        let mut headers: Vec<Header> = request.headers.iter().filter(copied).cloned().collect();
        headers.push(header("Contact", self.contact()));
        if !sdp.is_empty() {
            headers.push(header("Content-Type", "application/sdp"));
        }
        let response = Response {
            status_code: StatusCode::from(status),
            version: Version::V2,
            headers: headers.into(),
            body: sdp,
        };
        emit(&Inbound {
            msg: response.into(),
            raw_uri: String::new(),
        })
    }

    /// Takes from an answer what makes the dialog: the tag of To, the Contact.
    pub(super) fn learn(&mut self, response: &Response) {
        if let Ok(to) = response.to_header() {
            to.value().clone_into(&mut self.to);
        }
        let contact = response
            .contact_header()
            .ok()
            .map(|contact| contact.value());
        let uri = contact.and_then(|value| Some(value.split_once('<')?.1.split_once('>')?.0));
        if let Some(uri) = uri {
            uri.clone_into(&mut self.target);
        }
    }
}

/// CSeq of a message: number and method.
pub(super) fn cseq(message: &impl HeadersExt) -> Option<(u32, String)> {
    let value = message.cseq_header().ok()?.value();
    let (number, method) = value.split_once(' ')?;
    Some((number.parse().ok()?, method.trim().to_owned()))
}

/// Call-ID of a message.
pub(super) fn call_id(message: &impl HeadersExt) -> &str {
    message
        .call_id_header()
        .map(UntypedHeader::value)
        .unwrap_or_default()
}

/// The challenges of a 401 or 407, the preferred one first.
pub(super) fn challenges(response: &Response) -> impl Iterator<Item = &str> {
    response.headers.iter().filter_map(|header| {
        if let Header::WwwAuthenticate(challenge) = header {
            Some(challenge.value())
        } else if let Header::ProxyAuthenticate(challenge) = header {
            Some(challenge.value())
        } else {
            None
        }
    })
}

/// The value of Reason (RFC 3326), if there is one.
pub(super) fn reason(headers: &Headers) -> Option<String> {
    headers.iter().find_map(|header| {
        let Header::Other(name, value) = header else {
            return None;
        };
        name.eq_ignore_ascii_case("Reason").then(|| value.clone())
    })
}

fn header(name: &str, value: impl Into<String>) -> Header {
    Header::Other(name.to_owned(), value.into())
}
