//! The Via header (RFC 3261 section 20.42) and what a server writes into it (RFC 3581 section 4).

use std::net::{IpAddr, SocketAddr};

use super::{params, uri};

/// Every branch of RFC 3261 begins with this; one that does not comes from RFC 2543.
pub(in crate::sip) const MAGIC_COOKIE: &str = "z9hG4bK";

/// The parts of one Via.
#[derive(Debug, Clone, Copy)]
pub(in crate::sip) struct Via<'a> {
    value: &'a str,
    /// Up to the first parameter: protocol and sent-by.
    head: &'a str,
    /// Host and port as written: part of the identity of a transaction.
    pub(in crate::sip) sent_by: &'a str,
    host: &'a str,
}

impl<'a> Via<'a> {
    /// Splits a tidied value; `None` when it names no sender. Version and parameters are not looked
    /// at, so that a request that is refused for them can be answered.
    pub(in crate::sip) fn parse(value: &'a str) -> Option<Self> {
        let head = value.split(';').next()?;
        let (protocol, sent_by) = head.split_once(' ')?;
        let mut parts = protocol.splitn(3, '/');
        let (name, _version, transport) = (parts.next()?, parts.next()?, parts.next()?);
        if !name.eq_ignore_ascii_case("SIP") || !super::is_token(transport) {
            return None;
        }
        let (host, _) = uri::host_port(sent_by)?;
        Some(Self {
            value,
            head,
            sent_by,
            host,
        })
    }

    /// Whether it is of SIP 2.0 and no parameter is empty.
    pub(in crate::sip) fn is_well_formed(&self) -> bool {
        let version = self.head.split('/').nth(1);
        version == Some("2.0") && params(self.value).all(|(name, _)| !name.is_empty())
    }

    /// The branch, if there is one that is not empty.
    pub(in crate::sip) fn branch(&self) -> Option<&'a str> {
        super::param(self.value, "branch").filter(|branch| !branch.is_empty())
    }

    /// The value with `received` and `rport` set by us: `received` where the host differs or
    /// `rport` was asked for.
    pub(in crate::sip) fn stamped(&self, from: SocketAddr) -> String {
        let wants_port = super::param(self.value, "rport").is_some();
        let ip = from.ip().to_canonical();
        let same_host = self.host.parse::<IpAddr>().is_ok_and(|host| host == ip);
        let mut out = String::with_capacity(self.value.len() + 48);
        out.push_str(self.head);
        for (name, value) in params(self.value) {
            let ours = ["", "rport", "received"]
                .iter()
                .any(|own| name.eq_ignore_ascii_case(own));
            if ours {
                continue;
            }
            out.push(';');
            out.push_str(name);
            if !value.is_empty() {
                out.push('=');
                out.push_str(value);
            }
        }
        if wants_port || !same_host {
            out.push_str(";received=");
            out.push_str(&ip.to_string());
        }
        if wants_port {
            out.push_str(";rport=");
            out.push_str(&from.port().to_string());
        }
        out
    }
}
