//! The Reason header (RFC 3326): why a call ended.

use std::fmt;

use crate::sip::value;

/// Why a call ended, in the words of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// `Q.850` or `SIP`, or what the peer wrote.
    pub protocol: String,
    /// The cause within that protocol, such as 16 for normal clearing in Q.850.
    pub cause: Option<u16>,
    /// Words, if any.
    pub text: Option<String>,
}

impl Reason {
    /// A cause of Q.850, such as 16 (normal clearing) or 31 (normal, unspecified).
    #[must_use]
    pub fn q850(cause: u16, text: &str) -> Self {
        Self {
            protocol: "Q.850".to_owned(),
            cause: Some(cause),
            text: Some(text.to_owned()),
        }
    }

    /// A status code of SIP.
    #[must_use]
    pub fn sip(cause: u16, text: &str) -> Self {
        Self {
            protocol: "SIP".to_owned(),
            cause: Some(cause),
            text: Some(text.to_owned()),
        }
    }

    /// Reads the first reason of a header value; `None` when it names no protocol.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let first = value::list(header).next()?;
        let protocol = first.split(';').next()?.trim();
        let cause = value::param(first, "cause").and_then(|cause| cause.parse().ok());
        let text = value::param(first, "text").map(|text| text.trim_matches('"').to_owned());
        value::is_token(protocol).then(|| Self {
            protocol: protocol.to_owned(),
            cause,
            text,
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.protocol)?;
        if let Some(cause) = self.cause {
            write!(f, ";cause={cause}")?;
        }
        if let Some(text) = &self.text {
            write!(f, ";text=\"{}\"", text.replace(['"', '\\'], "'"))?;
        }
        Ok(())
    }
}
