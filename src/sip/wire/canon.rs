//! Header names: any case and the compact forms of RFC 3261 section 7.3.3 become the long form.

use rsip::Header;
use rsip::headers::*;

/// Longest name in the table.
const NAME_BYTES_MAX: usize = 19;

/// How a header's value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// As it stands.
    Text,
    /// One address or sequence whose white space is tidied.
    Tidy,
    /// A comma-separated list of such, one header for each element.
    List,
    /// A list of Vias.
    Vias,
}

macro_rules! names {
    ($($variant:ident $long:literal $shape:ident: $($lower:literal)|+;)*) => {
        fn typed(name: &[u8], value: String) -> Result<Header, String> {
            match name {
                $($($lower)|+ => Ok(Header::$variant($variant::new(value))),)*
                _ => Err(value),
            }
        }

        fn shape_of(name: &[u8]) -> Shape {
            match name {
                $($($lower)|+ => Shape::$shape,)*
                b"refer-to" | b"r" => Shape::Tidy,
                _ => Shape::Text,
            }
        }

        /// The long name and the value of a header.
        pub(in crate::sip) fn field(header: &Header) -> (&str, &str) {
            match header {
                $(Header::$variant(inner) => ($long, inner.value()),)*
                Header::Other(name, value) => (name, value),
            }
        }
    };
}

names! {
    Via "Via" Vias: b"via" | b"v";
    From "From" Tidy: b"from" | b"f";
    To "To" Tidy: b"to" | b"t";
    CallId "Call-ID" Text: b"call-id" | b"i";
    CSeq "CSeq" Tidy: b"cseq";
    Contact "Contact" List: b"contact" | b"m";
    Route "Route" List: b"route";
    RecordRoute "Record-Route" List: b"record-route";
    MaxForwards "Max-Forwards" Text: b"max-forwards";
    ContentLength "Content-Length" Text: b"content-length" | b"l";
    ContentType "Content-Type" Text: b"content-type" | b"c";
    ContentEncoding "Content-Encoding" Text: b"content-encoding" | b"e";
    ContentDisposition "Content-Disposition" Text: b"content-disposition";
    ContentLanguage "Content-Language" Text: b"content-language";
    Allow "Allow" Text: b"allow";
    Supported "Supported" Text: b"supported" | b"k";
    Require "Require" Text: b"require";
    ProxyRequire "Proxy-Require" Text: b"proxy-require";
    Unsupported "Unsupported" Text: b"unsupported";
    UserAgent "User-Agent" Text: b"user-agent";
    Server "Server" Text: b"server";
    Accept "Accept" Text: b"accept";
    AcceptEncoding "Accept-Encoding" Text: b"accept-encoding";
    AcceptLanguage "Accept-Language" Text: b"accept-language";
    AlertInfo "Alert-Info" Text: b"alert-info";
    AuthenticationInfo "Authentication-Info" Text: b"authentication-info";
    Authorization "Authorization" Text: b"authorization";
    ProxyAuthorization "Proxy-Authorization" Text: b"proxy-authorization";
    ProxyAuthenticate "Proxy-Authenticate" Text: b"proxy-authenticate";
    WwwAuthenticate "WWW-Authenticate" Text: b"www-authenticate";
    CallInfo "Call-Info" Text: b"call-info";
    Date "Date" Text: b"date";
    ErrorInfo "Error-Info" Text: b"error-info";
    Event "Event" Text: b"event" | b"o";
    Expires "Expires" Text: b"expires";
    MinExpires "Min-Expires" Text: b"min-expires";
    InReplyTo "In-Reply-To" Text: b"in-reply-to";
    MimeVersion "MIME-Version" Text: b"mime-version";
    Organization "Organization" Text: b"organization";
    Priority "Priority" Text: b"priority";
    ReplyTo "Reply-To" Text: b"reply-to";
    RetryAfter "Retry-After" Text: b"retry-after";
    Subject "Subject" Text: b"subject" | b"s";
    SubscriptionState "Subscription-State" Text: b"subscription-state";
    Timestamp "Timestamp" Text: b"timestamp";
    Warning "Warning" Text: b"warning";
}

/// The header `name: value`.
pub(in crate::sip) fn header(name: &str, value: String) -> Header {
    let mut buffer = [0; NAME_BYTES_MAX];
    let lower = lowered(name, &mut buffer);
    match typed(lower, value) {
        Ok(header) => header,
        Err(value) => Header::Other(long_form(lower).unwrap_or(name).to_owned(), value),
    }
}

/// How the value of `name` is read.
pub(super) fn shape(name: &str) -> Shape {
    shape_of(lowered(name, &mut [0; NAME_BYTES_MAX]))
}

/// The compact forms of headers that the message model does not name.
fn long_form(compact: &[u8]) -> Option<&'static str> {
    Some(match compact {
        b"a" => "Accept-Contact",
        b"b" => "Referred-By",
        b"d" => "Request-Disposition",
        b"j" => "Reject-Contact",
        b"r" => "Refer-To",
        b"u" => "Allow-Events",
        b"x" => "Session-Expires",
        b"y" => "Identity",
        _ => return None,
    })
}

/// `name` in lower case; nothing when it is too long to be in the table.
fn lowered<'a>(name: &str, buffer: &'a mut [u8; NAME_BYTES_MAX]) -> &'a [u8] {
    let Some(lower) = buffer.get_mut(..name.len()) else {
        return &[];
    };
    lower.copy_from_slice(name.as_bytes());
    lower.make_ascii_lowercase();
    lower
}
