//! A request that the endpoint hands on, and what callers of the layer read from it.

use rsip::{Method, Request};

use super::value::{self, uri};
use super::{DialogKey, Source};

/// User parts that mean "withheld": the words, and their digits on a keypad as Twilio sends them.
const WITHHELD: [&str; 12] = [
    "anonymous",
    "restricted",
    "unavailable",
    "unknown",
    "withheld",
    "private",
    "blocked",
    "266696687",
    "7378742833",
    "2562533",
    "8656696",
    "86282452253",
];

/// A request with where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    pub(super) request: Request,
    pub(super) raw_uri: String,
    pub(super) source: Source,
    /// The tag that names our side: the one of the To header, or the one we give a new call.
    pub(super) local_tag: String,
    /// Our Contact on this transport.
    pub(super) local_contact: String,
}

impl Incoming {
    /// The message.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> Method {
        self.request.method
    }

    /// The Request-URI as it was written.
    #[must_use]
    pub fn raw_uri(&self) -> &str {
        &self.raw_uri
    }

    /// Where it came from.
    #[must_use]
    pub fn source(&self) -> Source {
        self.source
    }

    /// The Call-ID.
    #[must_use]
    pub fn call_id(&self) -> &str {
        self.header("Call-ID").unwrap_or_default()
    }

    /// The dialog it belongs to, or will make.
    #[must_use]
    pub fn dialog_key(&self) -> DialogKey {
        DialogKey {
            call_id: self.call_id().to_owned(),
            local_tag: self.local_tag.clone(),
            remote_tag: tag(self.header("From")).to_owned(),
        }
    }

    /// The first header called `name`: the long form, any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        value::find(&self.request.headers, name)
    }

    /// All headers called `name`, top first.
    pub fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        value::all(&self.request.headers, name)
    }

    /// The number or name that calls, percent escapes undone and parameters left off; `None` when
    /// it is withheld.
    #[must_use]
    pub fn from_user(&self) -> Option<String> {
        if self.is_withheld() {
            None
        } else {
            user_of(self.header("From")?)
        }
    }

    /// The caller's display name, unless it is withheld.
    #[must_use]
    pub fn from_display(&self) -> Option<String> {
        if self.is_withheld() {
            None
        } else {
            value::display(self.header("From")?)
        }
    }

    /// Who calls as the network vouches for it (P-Asserted-Identity, RFC 3325): known to us even
    /// when the caller withheld it from the public, and then not to be shown.
    #[must_use]
    pub fn asserted_user(&self) -> Option<String> {
        user_of(self.header("P-Asserted-Identity")?).filter(|user| !is_withheld_user(user))
    }

    /// Whether the caller asked not to be named: an anonymous From, or `Privacy: id` (RFC 3323).
    #[must_use]
    pub fn is_withheld(&self) -> bool {
        let asked = self
            .headers("Privacy")
            .flat_map(|value| value.split([';', ',']))
            .any(|word| {
                ["id", "user", "header"]
                    .iter()
                    .any(|asks| word.trim().eq_ignore_ascii_case(asks))
            });
        let Some(from) = self.header("From") else {
            return true;
        };
        let host = value::address(from)
            .and_then(uri::Uri::parse)
            .map(|uri| uri.host);
        let nowhere = host.is_some_and(|host| host.eq_ignore_ascii_case("anonymous.invalid"));
        asked || nowhere || user_of(from).is_none_or(|user| is_withheld_user(&user))
    }

    /// The user part of the To header.
    #[must_use]
    pub fn to_user(&self) -> Option<String> {
        user_of(self.header("To")?)
    }

    /// The user part of the Request-URI: the number that was called.
    #[must_use]
    pub fn request_user(&self) -> Option<String> {
        uri_user(&self.raw_uri)
    }

    /// The session description, if the body is one.
    #[must_use]
    pub fn sdp(&self) -> Option<&[u8]> {
        let body = self.request.body.as_slice();
        (!body.is_empty() && self.content_type("application/sdp")).then_some(body)
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.request.body
    }

    /// Whether the Content-Type is `wanted`, parameters aside.
    #[must_use]
    pub fn content_type(&self, wanted: &str) -> bool {
        let stated = self
            .header("Content-Type")
            .and_then(|value| value.split(';').next());
        stated.is_some_and(|stated| stated.trim().eq_ignore_ascii_case(wanted))
    }

    /// Whether there is a body that is no plain session description.
    pub(super) fn has_foreign_body(&self) -> bool {
        let encoded = self
            .header("Content-Encoding")
            .is_some_and(|coding| !coding.trim().eq_ignore_ascii_case("identity"));
        !self.request.body.is_empty() && (encoded || self.sdp().is_none())
    }

    /// The option tags of `name`: Supported or Require.
    pub(super) fn options<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let tags = self.headers(name).flat_map(|value| value.split(','));
        tags.map(str::trim).filter(|tag| !tag.is_empty())
    }

    /// Whether `name`, Supported or Require, has this option tag.
    pub(super) fn has_option(&self, name: &str, tag: &str) -> bool {
        self.options(name)
            .any(|option| option.eq_ignore_ascii_case(tag))
    }

    /// Whether Accept, if there is one, leaves room for a session description.
    pub(super) fn takes_sdp(&self) -> bool {
        let mut types = self
            .headers("Accept")
            .flat_map(|value| value.split(','))
            .map(|range| range.split(';').next().unwrap_or_default().trim())
            .peekable();
        let ours = ["application/sdp", "application/*", "*/*"];
        types.peek().is_none()
            || types.any(|range| ours.iter().any(|own| own.eq_ignore_ascii_case(range)))
    }

    /// The CSeq number.
    pub(super) fn cseq(&self) -> u32 {
        self.header("CSeq")
            .and_then(value::cseq)
            .map_or(0, |(number, _)| number)
    }

    /// The URI of the Contact, as it was written. A peer of RFC 2543, which sets no tag, is reached
    /// at its From without one.
    pub(super) fn contact_uri(&self) -> Option<&str> {
        let from = || {
            self.header("From")
                .filter(|from| tag(Some(from)).is_empty())
        };
        let uri = value::address(self.header("Contact").or_else(from)?)?;
        uri::Uri::parse(uri).filter(uri::Uri::is_sip).map(|_| uri)
    }
}

/// The tag of a From or To value; empty for the peers of RFC 2543 that set none.
pub(super) fn tag(value: Option<&str>) -> &str {
    value
        .and_then(|value| value::param(value, "tag"))
        .unwrap_or_default()
}

/// The user part of an address, percent escapes undone.
pub(super) fn user_of(value: &str) -> Option<String> {
    uri_user(value::address(value)?)
}

fn uri_user(text: &str) -> Option<String> {
    let uri = uri::Uri::parse(text)?;
    let user = if uri.scheme.eq_ignore_ascii_case("tel") {
        Some(uri.host)
    } else {
        uri.user
    };
    let user = user?.split(';').next()?;
    let user = uri::unescaped(user).trim().to_owned();
    (!user.is_empty()).then_some(user)
}

/// Whether a user part means "withheld".
pub(super) fn is_withheld_user(user: &str) -> bool {
    let user = user.trim_start_matches('+');
    WITHHELD.iter().any(|word| user.eq_ignore_ascii_case(word))
}
