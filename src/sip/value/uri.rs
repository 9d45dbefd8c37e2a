//! SIP and SIPS URIs (RFC 3261 section 19.1), split without being changed.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use rsip::common::uri::param::{OtherParam, OtherParamValue};
use rsip::common::uri::{Auth, Param};

/// Longest URI that we make of what somebody typed, in octets.
pub(in crate::sip) const BYTES_MAX: usize = 255;
/// Longest number that is dialled, its visual separators not counted (RFC 3966 has no limit, E.164 has 15 digits).
const DIGITS_MAX: usize = 32;

/// Whether `text` is a number as a telephone dials it: digits, `*`, `#`, and a plus in front.
pub(in crate::sip) fn is_dialable(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let fits = |c: u8| c.is_ascii_digit() || matches!(c, b'*' | b'#');
    (1..=DIGITS_MAX).contains(&digits.len()) && digits.bytes().all(fits)
}

/// The SIP URI of a number at a host (RFC 3261 section 19.1.6); `None` when either is no such thing, so that nobody's typing
/// adds a parameter or a header.
pub(in crate::sip) fn of_number(number: &str, host: &str, port: Option<u16>) -> Option<String> {
    let bracketed = format!("[{host}]");
    let written = if host.contains(':') { &bracketed } else { host };
    host_port(written).filter(|(_, port)| port.is_none())?;
    let port = port.map_or(String::new(), |port| format!(":{port}"));
    let user = number.replace('#', "%23");
    is_dialable(number).then(|| format!("sip:{user}@{written}{port};user=phone"))
}

/// The parts of a URI, as they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sip) struct Uri<'a> {
    /// Such as `sip`; any case.
    pub(in crate::sip) scheme: &'a str,
    /// User part with its escapes and its own parameters, without the password.
    pub(in crate::sip) user: Option<&'a str>,
    password: Option<&'a str>,
    /// Host name or address, IPv6 without brackets; all of the rest for schemes other than SIP's.
    pub(in crate::sip) host: &'a str,
    /// Port, if written.
    pub(in crate::sip) port: Option<u16>,
    params: &'a str,
    /// Whether `?headers` follow, which a Request-URI may not have.
    pub(in crate::sip) has_headers: bool,
}

impl<'a> Uri<'a> {
    /// Splits `text`; `None` when it is no URI.
    pub(in crate::sip) fn parse(text: &'a str) -> Option<Self> {
        if text
            .bytes()
            .any(|c| c <= b' ' || c == 0x7f || b"<>\"".contains(&c))
        {
            return None;
        }
        let (scheme, rest) = text.split_once(':')?;
        let starts_well = scheme.starts_with(|c: char| c.is_ascii_alphabetic());
        let reads_well = scheme
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || b"+-.".contains(&c));
        if !starts_well || !reads_well || rest.is_empty() {
            return None;
        }
        let mut uri = Self {
            scheme,
            user: None,
            password: None,
            host: rest,
            port: None,
            params: "",
            has_headers: false,
        };
        if !uri.is_sip() {
            return Some(uri);
        }
        let host = match rest.split_once('@') {
            Some(("", _)) => return None,
            Some((user, host)) => {
                let (user, password) = match user.split_once(':') {
                    Some((user, password)) => (user, Some(password)),
                    None => (user, None),
                };
                (uri.user, uri.password) = (Some(user), password);
                host
            }
            None => rest,
        };
        let (host, headers) = match host.split_once('?') {
            Some((host, headers)) => (host, Some(headers)),
            None => (host, None),
        };
        uri.has_headers = headers.is_some();
        let (host, params) = host.split_once(';').unwrap_or((host, ""));
        uri.params = params;
        (uri.host, uri.port) = host_port(host)?;
        Some(uri)
    }

    /// Whether the scheme is `sip` or `sips`.
    pub(in crate::sip) fn is_sip(&self) -> bool {
        self.scheme.eq_ignore_ascii_case("sip") || self.is_sips()
    }

    /// Whether the scheme is `sips`.
    pub(in crate::sip) fn is_sips(&self) -> bool {
        self.scheme.eq_ignore_ascii_case("sips")
    }

    /// The URI parameter `name`; one without a value is the empty string.
    pub(in crate::sip) fn param(&self, name: &str) -> Option<&'a str> {
        self.params()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.unwrap_or_default())
    }

    fn params(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> + use<'a> {
        self.params
            .split(';')
            .filter(|p| !p.is_empty())
            .map(|p| match p.split_once('=') {
                Some((key, value)) => (key, Some(value)),
                None => (p, None),
            })
    }

    /// The same in the message model, for whoever reads a request; output always uses the text.
    pub(in crate::sip) fn to_model(self) -> rsip::Uri {
        let scheme = match () {
            () if self.is_sips() => rsip::Scheme::Sips,
            () if self.is_sip() => rsip::Scheme::Sip,
            () => rsip::Scheme::Other(self.scheme.to_owned()),
        };
        let auth = self.user.map(|user| Auth {
            user: user.to_owned(),
            password: self.password.map(str::to_owned),
        });
        let host = match self.host.parse::<Ipv4Addr>() {
            Ok(addr) => rsip::Host::IpAddr(addr.into()),
            Err(_) if self.is_sip() && self.host.contains(':') => {
                rsip::Host::Domain(format!("[{}]", self.host).into())
            }
            Err(_) => rsip::Host::Domain(self.host.to_owned().into()),
        };
        let params = self.params().map(|(key, value)| {
            if key.eq_ignore_ascii_case("lr") {
                Param::Lr
            } else {
                Param::Other(OtherParam::from(key), value.map(OtherParamValue::from))
            }
        });
        rsip::Uri {
            scheme: Some(scheme),
            auth,
            host_with_port: rsip::HostWithPort {
                host,
                port: self.port.map(rsip::Port::from),
            },
            params: params.collect(),
            headers: Vec::new(),
        }
    }
}

/// Whether `text` is a URI of any scheme.
pub(in crate::sip) fn is_uri(text: &str) -> bool {
    Uri::parse(text).is_some()
}

/// Splits `host`, `host:port`, `[v6]`, `[v6]:port`; the IPv6 address comes without brackets.
pub(in crate::sip) fn host_port(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            is_v6(host).then_some(())?;
            match after {
                "" => (host, None),
                after => (host, Some(after.strip_prefix(':')?)),
            }
        }
        None => {
            let (host, port) = match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            };
            let fits = |c: u8| c.is_ascii_alphanumeric() || b".-_".contains(&c);
            (!host.is_empty() && host.bytes().all(fits)).then_some(())?;
            (host, port)
        }
    };
    match port {
        Some(port) => Some((host, Some(u16::try_from(super::decimal(port)?).ok()?))),
        None => Some((host, None)),
    }
}

/// Whether `host` is an IPv6 address, or one with the third colon that the grammar of RFC 3261
/// wrongly asks for (RFC 5118 section 4.10).
fn is_v6(host: &str) -> bool {
    host.parse::<Ipv6Addr>().is_ok() || host.replacen(":::", "::", 1).parse::<Ipv6Addr>().is_ok()
}

/// Undoes `%xx`; octets that are not UTF-8 then become the replacement character.
pub(in crate::sip) fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&octet, after)) = rest.split_first() {
        let escaped = after
            .first_chunk::<2>()
            .filter(|_| octet == b'%')
            .and_then(hex_octet);
        match escaped {
            Some(escaped) => {
                out.push(escaped);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push(octet);
                rest = after;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

fn hex_octet(digits: &[u8; 2]) -> Option<u8> {
    let digit = |c: u8| {
        char::from(c)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    Some((digit(digits[0])? << 4) | digit(digits[1])?)
}
