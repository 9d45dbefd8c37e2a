//! What nobody may read later is struck out before a message is kept: every octet becomes `*`, so that lengths, and with
//! them Content-Length, stay true.
//!
//! Deny by default: of a login only the parameters that are no secret are left; of a header whose name speaks of a token
//! or a password nothing is.

use std::ops::Range;

/// Headers of digest logins (RFC 3261 section 20, RFC 7615).
const LOGINS: [&[u8]; 6] = [
    b"authorization",
    b"proxy-authorization",
    b"www-authenticate",
    b"proxy-authenticate",
    b"authentication-info",
    b"proxy-authentication-info",
];

/// What a login says that is no secret (RFC 7616 section 3).
const OPEN: [&[u8]; 9] = [
    b"username",
    b"realm",
    b"algorithm",
    b"qop",
    b"nc",
    b"uri",
    b"stale",
    b"charset",
    b"userhash",
];

/// Words in the name of a header that hold its value back.
const SECRET_NAMES: [&[u8]; 7] = [
    b"token",
    b"secret",
    b"passw",
    b"credential",
    b"api-key",
    b"apikey",
    b"cookie",
];

/// Parameters of a URI whose values are secret.
const SECRET_PARAMS: [&[u8]; 6] = [
    b"token=",
    b"secret=",
    b"password=",
    b"passwd=",
    b"pwd=",
    b"pn-prid=",
];

/// Lines of a session description that hold keys (RFC 4568, RFC 8866 section 5.12, RFC 4567, RFC 8839), up to the key.
const KEY_LINES: [&[u8]; 3] = [b"k=", b"a=key-mgmt:", b"a=ice-pwd:"];

/// What stands before the key of an SRTP line (RFC 4568 section 6.1).
const INLINE: [&[u8]; 1] = [b"inline:"];

/// What a URI that may hold a password begins with.
const SCHEMES: [&[u8]; 2] = [b"sip:", b"sips:"];

/// Headers without a caller's number in them, however many digits they have.
const NUMBERLESS: [&[u8]; 16] = [
    b"via",
    b"v",
    b"call-id",
    b"i",
    b"cseq",
    b"content-length",
    b"l",
    b"max-forwards",
    b"session-expires",
    b"x",
    b"rseq",
    b"rack",
    b"timestamp",
    b"date",
    b"user-agent",
    b"server",
];

/// Fewest digits that make a telephone number.
const NUMBER_DIGITS_MIN: usize = 7;

/// The message without its secrets, octet for octet as long. Octets that a terminal would obey are points.
pub(super) fn secrets(message: &[u8]) -> Vec<u8> {
    let mut text: Vec<u8> = message.iter().map(|&octet| harmless(octet)).collect();
    for line in lines(&text) {
        let field = field(&text, &line);
        if let Some((name, value)) = field {
            if LOGINS.iter().any(|login| name.eq_ignore_ascii_case(login)) {
                let has_scheme = !name.to_ascii_lowercase().ends_with(b"-info");
                login(&mut text, value, has_scheme);
            } else if SECRET_NAMES.iter().any(|word| find(name, word).is_some()) {
                strike(&mut text, value);
            }
        }
        keys(&mut text, &line);
        parameters(&mut text, &line);
        passwords(&mut text, &line);
    }
    text
}

/// The message without telephone numbers: country and the last two digits stay. Its body has none that would be meant.
pub(super) fn numbers(message: &[u8]) -> Vec<u8> {
    let mut text = message.to_vec();
    let body = find(&text, b"\r\n\r\n").unwrap_or(text.len());
    let lines = lines(&text);
    for line in lines.into_iter().take_while(|line| line.start < body) {
        let named = field(&text, &line);
        let is = |names: &[&[u8]]| {
            named
                .as_ref()
                .is_some_and(|(name, _)| names.iter().any(|other| name.eq_ignore_ascii_case(other)))
        };
        // A PASSporT has the numbers in base 64 (RFC 8225).
        if is(&[b"identity", b"y"]) {
            if let Some((_, value)) = named {
                strike(&mut text, value);
            }
        } else if !is(&NUMBERLESS) {
            digits(&mut text, line);
        }
    }
    text
}

fn harmless(octet: u8) -> u8 {
    match octet {
        b'\r' | b'\n' | b'\t' => octet,
        0..0x20 | 0x7F => b'.',
        _ => octet,
    }
}

/// Logical lines: a line with those that continue it (RFC 3261 section 7.3.1).
fn lines(text: &[u8]) -> Vec<Range<usize>> {
    let mut lines: Vec<Range<usize>> = Vec::with_capacity(32);
    let mut start = 0;
    for line in text.split_inclusive(|&octet| octet == b'\n') {
        let end = start + line.len();
        match lines.last_mut() {
            Some(last) if matches!(line.first(), Some(b' ' | b'\t')) => last.end = end,
            _ => lines.push(start..end),
        }
        start = end;
    }
    lines
}

/// The name of a header and where its value is.
fn field<'a>(text: &'a [u8], line: &Range<usize>) -> Option<(&'a [u8], Range<usize>)> {
    let octets = text.get(line.clone())?;
    let colon = octets.iter().position(|&octet| octet == b':')?;
    let name = octets.get(..colon)?.trim_ascii();
    Some((name, line.start + colon + 1..line.end))
}

/// Strikes out all but white space.
fn strike(text: &mut [u8], range: Range<usize>) {
    for octet in text.get_mut(range).unwrap_or_default() {
        if !octet.is_ascii_whitespace() {
            *octet = b'*';
        }
    }
}

/// Where `wanted`, in lower case, first stands in `text` in any case.
fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len())
        .position(|window| window.eq_ignore_ascii_case(wanted))
}

fn at(text: &[u8], at: usize) -> Option<u8> {
    text.get(at).copied()
}

/// Strikes out of a login all that is not in [`OPEN`]; what cannot be read, to its end.
fn login(text: &mut [u8], value: Range<usize>, has_scheme: bool) {
    let is_space = |octet: u8| octet.is_ascii_whitespace();
    let skip = |text: &[u8], mut here: usize| {
        while here < value.end && at(text, here).is_some_and(is_space) {
            here += 1;
        }
        here
    };
    let mut here = skip(text, value.start);
    if has_scheme {
        let rest = text.get(here..value.end).unwrap_or_default();
        let word = rest.iter().position(|&octet| is_space(octet)).unwrap_or(0);
        let is = |scheme: &[u8]| {
            let found = rest.get(..word);
            found.is_some_and(|word| word.eq_ignore_ascii_case(scheme))
        };
        if !is(b"digest") {
            let shown = if is(b"basic") || is(b"bearer") {
                word
            } else {
                0
            };
            return strike(text, here + shown..value.end);
        }
        here += word;
    }
    while here < value.end {
        here = skip(text, here);
        let Some(end) = parameter(text, here, value.end) else {
            return strike(text, here..value.end);
        };
        here = end;
    }
}

/// One `name=value` and the comma after it; its end. `None`: not to be read, or not to be shown.
fn parameter(text: &mut [u8], start: usize, end: usize) -> Option<usize> {
    let rest = text.get(start..end)?;
    let name_len = rest
        .iter()
        .position(|octet| !octet.is_ascii_alphanumeric() && *octet != b'-')?;
    let name = rest.get(..name_len)?;
    let equals = rest.get(name_len..)?;
    let equals_len = equals
        .iter()
        .position(|octet| !octet.is_ascii_whitespace())?;
    if equals.get(equals_len) != Some(&b'=') {
        return None;
    }
    let is_open = OPEN.iter().any(|open| name.eq_ignore_ascii_case(open));
    let value = start + name_len + equals_len + 1;
    let quote = value
        + rest
            .get(value - start..)?
            .iter()
            .take_while(|o| o.is_ascii_whitespace())
            .count();
    let value_end = if at(text, quote) == Some(b'"') {
        quoted_end(text.get(..end)?, quote)?
    } else {
        let unquoted = text.get(quote..end)?;
        let len = unquoted
            .iter()
            .position(|octet| *octet == b',' || octet.is_ascii_whitespace());
        quote + len.unwrap_or(unquoted.len())
    };
    if !is_open {
        strike(text, value..value_end);
    }
    let after = text.get(value_end..end)?;
    let gap = after
        .iter()
        .take_while(|octet| octet.is_ascii_whitespace())
        .count();
    match after.get(gap) {
        None => Some(end),
        Some(b',') => Some(value_end + gap + 1),
        Some(_) => None,
    }
}

/// The end of a quoted string that starts at `quote`.
fn quoted_end(text: &[u8], quote: usize) -> Option<usize> {
    let mut here = quote + 1;
    loop {
        match at(text, here)? {
            b'\\' => here += 2,
            b'"' => return Some(here + 1),
            _ => here += 1,
        }
    }
}

fn ends_with(text: &[u8], wanted: &[u8]) -> bool {
    let from = text.len().checked_sub(wanted.len());
    from.and_then(|from| text.get(from..))
        .is_some_and(|end| end.eq_ignore_ascii_case(wanted))
}

/// The first place at or after `from` in `line` that stands behind one of `names`, whose last octet is `last`.
fn behind(
    text: &[u8],
    from: usize,
    line: &Range<usize>,
    last: u8,
    names: &[&[u8]],
) -> Option<usize> {
    let rest = text.get(from..line.end)?;
    let ends = rest.iter().enumerate().filter(|(_, octet)| **octet == last);
    ends.map(|(at, _)| from + at + 1).find(|end| {
        let before = text.get(line.start..*end).unwrap_or_default();
        names.iter().any(|name| ends_with(before, name))
    })
}

fn keys(text: &mut [u8], line: &Range<usize>) {
    let octets = text.get(line.clone()).unwrap_or_default();
    let trimmed = octets.trim_ascii_start();
    let start = line.start + octets.len() - trimmed.len();
    let starts = |with: &[u8]| {
        let head = trimmed.get(..with.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(with))
    };
    let key = if let Some(with) = KEY_LINES.iter().find(|with| starts(with)) {
        Some(start + with.len())
    } else if starts(b"a=") {
        behind(text, start, line, b':', &INLINE)
    } else {
        None
    };
    if let Some(key) = key {
        strike(text, key..line.end);
    }
}

fn parameters(text: &mut [u8], line: &Range<usize>) {
    let mut from = line.start;
    while let Some(value) = behind(text, from, line, b'=', &SECRET_PARAMS) {
        let rest = text.get(value..line.end).unwrap_or_default();
        let len = rest
            .iter()
            .position(|octet| b";&>,\"".contains(octet) || octet.is_ascii_whitespace());
        from = value + len.unwrap_or(rest.len());
        strike(text, value..from);
    }
}

/// `sip:user:password@host` (RFC 3261 section 19.1.1).
fn passwords(text: &mut [u8], line: &Range<usize>) {
    let mut from = line.start;
    while let Some(start) = behind(text, from, line, b':', &SCHEMES) {
        let rest = text.get(start..line.end).unwrap_or_default();
        let len = rest
            .iter()
            .position(|octet| b"<>\"".contains(octet) || octet.is_ascii_whitespace())
            .unwrap_or(rest.len());
        let uri = rest.get(..len).unwrap_or_default();
        let host = uri.iter().rposition(|&octet| octet == b'@');
        let colon = uri.iter().position(|&octet| octet == b':');
        if let (Some(host), Some(colon)) = (host, colon)
            && colon < host
        {
            strike(text, start + colon + 1..start + host);
        }
        from = start + len.max(1);
    }
}

/// Strikes the middle out of every run of digits that is long enough for a telephone number.
fn digits(text: &mut [u8], line: Range<usize>) {
    let mut here = line.start;
    while here < line.end {
        let run = run(text.get(here..line.end).unwrap_or_default());
        let count = run.iter().filter(|octet| octet.is_ascii_digit()).count();
        let is_tag = in_tag(text.get(line.start..here).unwrap_or_default());
        let end = here + run.len();
        if count >= NUMBER_DIGITS_MIN && !is_tag {
            let mut seen = 0;
            for octet in text.get_mut(here..end).unwrap_or_default() {
                if octet.is_ascii_digit() {
                    seen += 1;
                    if seen > 2 && seen + 2 <= count {
                        *octet = b'*';
                    }
                }
            }
        }
        here = end.max(here + 1);
    }
}

/// Whether what follows `before` belongs to a tag or to the count of a login.
fn in_tag(before: &[u8]) -> bool {
    let word = before
        .iter()
        .rposition(|octet| !octet.is_ascii_alphanumeric() && *octet != b'-');
    let name = before
        .get(..word.map_or(0, |at| at + 1))
        .unwrap_or_default();
    name.ends_with(b"tag=") || name.ends_with(b"nc=")
}

/// The digits at the head of `text`, with the separators that people write between them (RFC 3966 section 3).
fn run(text: &[u8]) -> &[u8] {
    let is_part = |octet: &u8| octet.is_ascii_digit() || b"-() ".contains(octet);
    if !text.first().is_some_and(u8::is_ascii_digit) {
        return &[];
    }
    let len = text.iter().position(|octet| !is_part(octet));
    text.get(..len.unwrap_or(text.len())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kept(message: &str) -> String {
        let kept = secrets(message.as_bytes());
        assert_eq!(kept.len(), message.len());
        String::from_utf8(kept).unwrap()
    }

    #[test]
    fn of_a_login_only_what_is_no_secret_is_kept() {
        assert_eq!(
            kept(
                "Authorization: Digest username=\"bob\", realm=\"a,b\", nonce=\"n0\", uri=\"sip:x\", response=\"r0\",\r\n \
                 cnonce=\"c0\", nc=00000001, qop=auth, opaque=\"o,0\"\r\n"
            ),
            "Authorization: Digest username=\"bob\", realm=\"a,b\", nonce=****, uri=\"sip:x\", response=****,\r\n \
             cnonce=****, nc=00000001, qop=auth, opaque=*****\r\n"
        );
        assert_eq!(
            kept("WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", stale=true\r\n"),
            "WWW-Authenticate: Digest realm=\"r\", nonce=***, stale=true\r\n"
        );
        assert_eq!(
            kept("authentication-info: nextnonce=\"x\", qop=auth\r\n"),
            "authentication-info: nextnonce=***, qop=auth\r\n"
        );
    }

    #[test]
    fn what_cannot_be_read_of_a_login_is_struck_out() {
        for (login, kept_login) in [
            ("Basic Ym9iOnB3", "Basic ********"),
            (
                "Digest realm=\"open, response=\"r\"",
                "Digest ************ ************",
            ),
            ("Digest realm=\"never closed", "Digest ************ ******"),
            ("Digest realm=x, Basic Ym9i=", "Digest realm=x, ***** *****"),
            ("Ym9iOnB3", "********"),
            ("", ""),
        ] {
            let line = |login: &str| format!("Proxy-Authorization : {login}\r\n");
            let got = kept(&line(login));
            assert!(
                !got.contains("Ym9") && !got.contains("response=\"r"),
                "{got}"
            );
            assert_eq!(got, line(kept_login));
        }
    }

    #[test]
    fn tokens_keys_and_passwords_are_struck_out() {
        for (open, struck) in [
            ("X-Call-Token: v1.abc", "X-Call-Token: ******"),
            ("x-my-api-key: abc", "x-my-api-key: ***"),
            ("To: <sip:bob:pa,ss@h;x=y>", "To: <sip:bob:*****@h;x=y>"),
            ("To: <sip:bob@h:5060>", "To: <sip:bob@h:5060>"),
            ("INVITE sips:a:b@h SIP/2.0", "INVITE sips:a:*@h SIP/2.0"),
            (
                "Contact: <sip:a@h?X-Call-Token=abc&x=y>",
                "Contact: <sip:a@h?X-Call-Token=***&x=y>",
            ),
            (
                "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAA|2^20",
                "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:********",
            ),
            ("k=clear:abc", "k=*********"),
            ("a=ice-pwd:abc", "a=ice-pwd:***"),
            ("a=rtpmap:0 PCMU/8000", "a=rtpmap:0 PCMU/8000"),
            ("Subject: \u{1b}[2J\u{7f}", "Subject: .[2J."),
        ] {
            assert_eq!(kept(&format!("{open}\r\n")), format!("{struck}\r\n"));
        }
    }

    #[test]
    fn numbers_are_masked_and_addresses_are_not() {
        let masked = |message: &str| String::from_utf8(numbers(message.as_bytes())).unwrap();
        for (open, struck) in [
            (
                "INVITE sip:+15550100200@198.51.100.7:5060 SIP/2.0",
                "INVITE sip:+15*******00@198.51.100.7:5060 SIP/2.0",
            ),
            (
                "From: \"(555) 010-0200\" <sip:%2B15550100200@h>;tag=12345678",
                "From: \"(55*) ***-**00\" <sip:%2B15*******00@h>;tag=12345678",
            ),
            ("X-Caller: 15550100200", "X-Caller: 15*******00"),
            (
                "To: <sip:a@h>;tag=1a12345678b",
                "To: <sip:a@h>;tag=1a12345678b",
            ),
            ("Call-ID: 15550100200@h", "Call-ID: 15550100200@h"),
            ("y: eyJhbGciOi", "y: **********"),
            ("To: <sip:201@h>", "To: <sip:201@h>"),
        ] {
            let message = |line: &str| format!("{line}\r\n\r\no=- 1234567890 1 IN IP4 h\r\n");
            assert_eq!(masked(&message(open)), message(struck));
        }
    }

    proptest! {
        #[test]
        fn any_octets_keep_their_length(message in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(secrets(&message).len(), message.len());
            prop_assert_eq!(numbers(&message).len(), message.len());
        }

        #[test]
        fn no_secret_gets_through(
            before in "[ -~\r\n\t]{0,60}",
            after in "[ -~\r\n\t]{0,60}",
            place in prop::sample::select(vec![
                "\r\nAuthorization: Digest response=\"SECRET0\"",
                "\r\nproxy-authorization: SECRET0",
                "\r\nWWW-Authenticate:\r\n Digest\r\n\tnonce = SECRET0",
                "\r\nX-Call-Token:\r\n SECRET0",
                "\r\nTo: <sip:u:SECRET0@h>",
                "\r\na=crypto:1 X inline:SECRET0",
                "\r\nk=base64:SECRET0",
            ]),
        ) {
            let message = format!("{before}{place}{after}");
            let kept = secrets(message.as_bytes());
            prop_assert!(find(&kept, b"secret0").is_none(), "{}", String::from_utf8_lossy(&kept));
        }
    }
}
