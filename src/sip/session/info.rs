//! Keys told by INFO instead of RFC 4733: `application/dtmf-relay` and `application/dtmf`.

use crate::sip::Incoming;

/// The bodies that are read.
pub(super) const ACCEPT: &str = "application/dtmf-relay, application/dtmf";

/// How long a key counts as pressed when the peer does not say, in milliseconds.
const DURATION_MS: u16 = 160;

/// What an INFO tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Nothing,
    Digit { digit: char, duration_ms: u16 },
    Unreadable,
}

pub(super) fn read(info: &Incoming) -> Told {
    if info.body().is_empty() {
        return Told::Nothing;
    }
    let Ok(body) = std::str::from_utf8(info.body()) else {
        return Told::Unreadable;
    };
    if info.content_type("application/dtmf-relay") {
        let duration_ms = line(body, "Duration").and_then(|text| text.parse().ok());
        return digit(line(body, "Signal"), duration_ms);
    }
    if info.content_type("application/dtmf") {
        return digit(Some(body.trim()), None);
    }
    Told::Unreadable
}

fn line<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    body.lines()
        .filter_map(|line| line.split_once('='))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

fn digit(text: Option<&str>, duration_ms: Option<u16>) -> Told {
    let duration_ms = duration_ms.unwrap_or(DURATION_MS);
    let digit = match text {
        // The numbers of RFC 4733 stand for the two signs.
        Some("10") => Some('*'),
        Some("11") => Some('#'),
        Some(text) if text.len() == 1 => text.chars().next().map(|c| c.to_ascii_uppercase()),
        Some(_) | None => None,
    };
    match digit.filter(|digit| "0123456789*#ABCD".contains(*digit)) {
        Some(digit) => Told::Digit { digit, duration_ms },
        None => Told::Unreadable,
    }
}
