//! Dialogs (RFC 3261 section 12). Routes and targets are kept as they were written: a peer finds
//! its own state again only when nothing in them is changed.

use rsip::{Header, Method, Request, Response, Version};

use super::incoming::{Incoming, tag};
use super::value::uri::Uri;
use super::value::{self};
use super::{Transport, wire};

/// What names a dialog, seen from our side.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DialogKey {
    /// Call-ID.
    pub call_id: String,
    /// Our tag.
    pub local_tag: String,
    /// The peer's tag; empty when it set none (RFC 2543).
    pub remote_tag: String,
}

/// A request of ours without Via, which [`super::Endpoint`] adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The message; its `uri` is for reading only.
    pub request: Request,
    /// The Request-URI as it will be written.
    pub target: String,
}

/// Where to connect when the flow of a dialog is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextHop {
    /// Host name or address, IPv6 without brackets.
    pub host: String,
    /// Port, the transport's own where none was written.
    pub port: u16,
    /// Transport.
    pub transport: Transport,
}

/// One dialog as we see it, whoever invited.
#[derive(Debug, Clone)]
pub struct Dialog {
    key: DialogKey,
    /// From of our requests.
    local: String,
    /// To of our requests.
    remote: String,
    local_seq: u32,
    remote_seq: u32,
    route_set: Vec<String>,
    remote_target: String,
}

impl Dialog {
    /// The dialog that answering `invite` makes; `None` when it has no SIP Contact.
    pub(super) fn from_invite(invite: &Incoming) -> Option<Self> {
        let to = invite.header("To")?;
        let local = match tag(Some(to)) {
            "" => format!("{to};tag={}", invite.local_tag),
            _ => to.to_owned(),
        };
        Some(Self {
            key: invite.dialog_key(),
            local,
            remote: invite.header("From")?.to_owned(),
            local_seq: 0,
            remote_seq: invite.cseq(),
            route_set: invite.headers("Record-Route").map(str::to_owned).collect(),
            remote_target: invite.contact_uri()?.to_owned(),
        })
    }

    /// The dialog that `response`, provisional or 2xx, to our `invite` makes or confirms (section 12.1.2). A far end that names
    /// no Contact is asked where it was invited.
    pub(super) fn from_answer(invite: &Outgoing, response: &Response) -> Self {
        let asked = |name| value::find(&invite.request.headers, name).unwrap_or_default();
        let told = |name| value::find(&response.headers, name).unwrap_or_default();
        let (local, remote) = (asked("From"), told("To"));
        let mut routes: Vec<String> = value::all(&response.headers, "Record-Route")
            .map(str::to_owned)
            .collect();
        routes.reverse();
        let contact = value::address(told("Contact")).filter(|uri| is_sip(uri));
        Self {
            key: DialogKey {
                call_id: asked("Call-ID").to_owned(),
                local_tag: tag(Some(local)).to_owned(),
                remote_tag: tag(Some(remote)).to_owned(),
            },
            local: local.to_owned(),
            remote: remote.to_owned(),
            local_seq: value::cseq(asked("CSeq")).map_or(0, |(number, _)| number),
            remote_seq: 0,
            route_set: routes,
            remote_target: contact.unwrap_or(&invite.target).to_owned(),
        }
    }

    /// The same dialog confirmed by a 2xx: routes and target are those of the 2xx (section 13.2.2.4).
    pub(super) fn confirm(&mut self, confirmed: Self) {
        *self = Self {
            remote_seq: self.remote_seq,
            local_seq: self.local_seq.max(confirmed.local_seq),
            ..confirmed
        };
    }

    /// Its name.
    #[must_use]
    pub fn key(&self) -> &DialogKey {
        &self.key
    }

    /// Takes note of the CSeq of a request; false when it is lower than one seen before, which
    /// means 500 (RFC 3261 section 12.2.2).
    pub(super) fn admits(&mut self, request: &Incoming) -> bool {
        let number = request.cseq();
        let admits = number >= self.remote_seq;
        self.remote_seq = self.remote_seq.max(number);
        admits
    }

    /// Takes the Contact of a target refresh request; the routes stay (RFC 3261 section 12.2.2).
    pub(super) fn refresh_target(&mut self, request: &Incoming) {
        if let Some(contact) = request.contact_uri() {
            contact.clone_into(&mut self.remote_target);
        }
    }

    /// Takes the Contact of a 2xx to a target refresh request of ours (section 12.2.1.2).
    pub(super) fn refresh_target_by(&mut self, response: &Response) {
        let contact = value::find(&response.headers, "Contact").and_then(value::address);
        if let Some(contact) = contact.filter(|uri| is_sip(uri)) {
            contact.clone_into(&mut self.remote_target);
        }
    }

    /// A request within the dialog (RFC 3261 section 12.2.1.1).
    pub(super) fn request(&mut self, method: Method, extra: Vec<Header>) -> Outgoing {
        self.local_seq = self.local_seq.wrapping_add(1);
        self.build(method, extra)
    }

    /// The ACK of the 2xx that made the dialog, under the number of the INVITE (section 13.2.2.4).
    pub(super) fn ack(&self, extra: Vec<Header>) -> Outgoing {
        self.build(Method::Ack, extra)
    }

    /// A host for numbers that the far end knows: that of its own address.
    pub(super) fn remote_host(&self) -> Option<&str> {
        let uri = Uri::parse(value::address(&self.remote)?)?;
        uri.is_sip().then_some(uri.host)
    }

    /// Our own address in it, without parameters.
    pub(super) fn local_uri(&self) -> Option<&str> {
        value::address(&self.local)
    }

    fn build(&self, method: Method, extra: Vec<Header>) -> Outgoing {
        let (target, routes) = self.route();
        let mut headers: Vec<Header> = Vec::with_capacity(routes.len() + extra.len() + 8);
        headers.extend(routes.into_iter().map(|route| wire::header("Route", route)));
        headers.push(wire::header("Max-Forwards", "70".to_owned()));
        headers.push(wire::header("From", self.local.clone()));
        headers.push(wire::header("To", self.remote.clone()));
        headers.push(wire::header("Call-ID", self.key.call_id.clone()));
        headers.push(wire::header("CSeq", format!("{} {method}", self.local_seq)));
        headers.extend(extra);
        let uri = Uri::parse(&target).map(Uri::to_model).unwrap_or_default();
        let request = Request {
            method,
            uri,
            version: Version::V2,
            headers: headers.into(),
            body: Vec::new(),
        };
        Outgoing { request, target }
    }

    /// Where requests go when the flow the call came on is gone.
    #[must_use]
    pub fn next_hop(&self) -> Option<NextHop> {
        let uri = match self.route_set.first() {
            Some(route) => value::address(route)?,
            None => self.remote_target.as_str(),
        };
        let uri = Uri::parse(uri).filter(Uri::is_sip)?;
        let transport = match uri.param("transport") {
            _ if uri.is_sips() => Transport::Tls,
            Some(name) if name.eq_ignore_ascii_case("tls") => Transport::Tls,
            Some(name) if name.eq_ignore_ascii_case("tcp") => Transport::Tcp,
            _ => Transport::Udp,
        };
        let default = if transport == Transport::Tls {
            5061
        } else {
            5060
        };
        let host = uri
            .param("maddr")
            .filter(|maddr| !maddr.is_empty())
            .unwrap_or(uri.host);
        Some(NextHop {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: uri.port.unwrap_or(default),
            transport,
        })
    }

    /// The Request-URI and the Route headers: a first hop without `lr` is a strict router, which
    /// wants itself in the Request-URI and the target last.
    fn route(&self) -> (String, Vec<String>) {
        let Some((first, others)) = self.route_set.split_first() else {
            return (self.remote_target.clone(), Vec::new());
        };
        let hop = value::address(first).unwrap_or_default();
        let is_loose = Uri::parse(hop).is_some_and(|uri| uri.param("lr").is_some());
        if is_loose {
            return (self.remote_target.clone(), self.route_set.clone());
        }
        let mut routes = others.to_vec();
        routes.push(format!("<{}>", self.remote_target));
        (hop.to_owned(), routes)
    }
}

fn is_sip(uri: &str) -> bool {
    Uri::parse(uri).is_some_and(|uri| uri.is_sip())
}
