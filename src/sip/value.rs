//! Header values as strings: what is inside quotes, what is a parameter, where the address is
//! (RFC 3261 section 25.1). Every function takes what [`super::wire`] has tidied, and answers
//! nonsense with `None`.

pub(super) mod uri;
pub(super) mod via;

use std::borrow::Cow;

use rsip::Headers;

/// Highest CSeq number (RFC 3261 section 8.1.1.5).
const CSEQ_MAX: u32 = (1 << 31) - 1;

/// The first header called `name` (long form, any case).
pub(super) fn find<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    let mut fields = headers.iter().map(super::wire::field);
    fields
        .find(|(field, _)| field.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// All headers called `name` (long form, any case), top first.
pub(super) fn all<'a>(headers: &'a Headers, name: &'a str) -> impl Iterator<Item = &'a str> {
    let fields = headers.iter().map(super::wire::field);
    fields.filter_map(move |(field, value)| field.eq_ignore_ascii_case(name).then_some(value))
}

/// The octets of a value that stand outside quoted strings.
#[derive(Debug, Clone)]
pub(super) struct Plain<'a> {
    octets: &'a [u8],
    at: usize,
    quoted: bool,
    angled: bool,
}

/// One octet outside quoted strings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Octet {
    /// Index in the value.
    pub(super) at: usize,
    /// The octet.
    pub(super) octet: u8,
    /// Whether it stands inside `<...>`, the closing bracket included.
    pub(super) angled: bool,
}

/// Walks the octets of `value` that stand outside quoted strings.
pub(super) fn plain(value: &str) -> Plain<'_> {
    Plain {
        octets: value.as_bytes(),
        at: 0,
        quoted: false,
        angled: false,
    }
}

impl Plain<'_> {
    /// Whether every quote and bracket was closed, once the walk is over.
    fn is_balanced(&self) -> bool {
        !self.quoted && !self.angled
    }
}

impl Iterator for Plain<'_> {
    type Item = Octet;

    fn next(&mut self) -> Option<Octet> {
        loop {
            let at = self.at;
            let octet = *self.octets.get(at)?;
            self.at += 1;
            if self.quoted {
                match octet {
                    b'\\' => self.at += 1,
                    b'"' => self.quoted = false,
                    _ => {}
                }
                continue;
            }
            let was_angled = self.angled;
            match octet {
                b'"' if !was_angled => {
                    self.quoted = true;
                    continue;
                }
                b'<' => self.angled = true,
                b'>' => self.angled = false,
                _ => {}
            }
            return Some(Octet {
                at,
                octet,
                angled: was_angled,
            });
        }
    }
}

/// The elements of a comma-separated list, trimmed.
pub(super) fn list(value: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let value = rest?;
        let comma = plain(value)
            .find(|o| o.octet == b',' && !o.angled)
            .map(|o| o.at);
        let (element, after) = match comma {
            Some(at) => (value.get(..at), value.get(at + 1..)),
            None => (Some(value), None),
        };
        rest = after;
        element.map(str::trim)
    })
}

/// The header parameter `name`: those that follow the address, not those inside `<...>`. A
/// parameter without a value is the empty string.
pub(super) fn param<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    params(value)
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// The header parameters of `value` in their order.
pub(super) fn params(value: &str) -> impl Iterator<Item = (&str, &str)> {
    let start = plain(value)
        .find(|o| o.octet == b';' && !o.angled)
        .and_then(|o| value.get(o.at + 1..));
    let mut rest = start;
    std::iter::from_fn(move || {
        let value = rest?;
        let end = plain(value)
            .find(|o| o.octet == b';' && !o.angled)
            .map(|o| o.at);
        let (one, after) = match end {
            Some(at) => (value.get(..at).unwrap_or_default(), value.get(at + 1..)),
            None => (value, None),
        };
        rest = after;
        let (key, value) = one.split_once('=').unwrap_or((one, ""));
        Some((key.trim(), value.trim()))
    })
}

/// The URI of a name-addr or addr-spec.
pub(super) fn address(value: &str) -> Option<&str> {
    match plain(value).find(|o| o.octet == b'<') {
        Some(open) => value
            .get(open.at + 1..)?
            .split_once('>')
            .map(|(uri, _)| uri.trim()),
        None => value.split(';').next().map(str::trim),
    }
}

/// Whether `value` is a name-addr or addr-spec with parameters, none of them empty.
pub(super) fn is_address(value: &str) -> bool {
    let mut walk = plain(value);
    while walk.next().is_some() {}
    // Header fields of a URI belong into brackets (RFC 3261 section 20.10).
    let headers_bare = !value.contains('<') && value.contains('?');
    walk.is_balanced()
        && !headers_bare
        && address(value).is_some_and(uri::is_uri)
        && params(value).all(|(name, _)| !name.is_empty())
}

/// The display name of a name-addr, unquoted.
pub(super) fn display(value: &str) -> Option<String> {
    let open = plain(value).find(|o| o.octet == b'<')?.at;
    let name = value.get(..open)?.trim();
    let Some(quoted) = name.strip_prefix('"') else {
        return (!name.is_empty()).then(|| name.to_owned());
    };
    let quoted = quoted.strip_suffix('"').unwrap_or(quoted);
    let mut text = String::with_capacity(quoted.len());
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => text.extend(chars.next()),
            c => text.push(c),
        }
    }
    (!text.trim().is_empty()).then_some(text)
}

/// The number and the method of a CSeq.
pub(super) fn cseq(value: &str) -> Option<(u32, &str)> {
    let (number, method) = value.trim().split_once([' ', '\t'])?;
    let (number, method) = (decimal(number)?, method.trim());
    (number <= CSEQ_MAX && is_token(method)).then_some((number, method))
}

/// RSeq and CSeq numbers of a RAck (RFC 3262 section 7.2); `None` when it is not about an INVITE.
pub(super) fn rack(value: &str) -> Option<(u32, u32)> {
    let (rseq, acknowledged) = value.trim().split_once([' ', '\t'])?;
    let (number, method) = cseq(acknowledged)?;
    (method == "INVITE").then_some((decimal(rseq)?, number))
}

/// A number made of digits only, leading zeros allowed.
pub(super) fn decimal(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// Whether `text` is a token (RFC 3261 section 25.1).
pub(super) fn is_token(text: &str) -> bool {
    let fits = |c: u8| c.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&c);
    !text.is_empty() && text.bytes().all(fits)
}

/// Collapses white space outside quotes and takes it away around the separators `;`, `=` and `,`
/// (for a Via also `/` and `:`), and just inside `<...>`.
pub(super) fn tidy(value: &str, via: bool) -> Cow<'_, str> {
    let octets = value.as_bytes();
    let blank = |at: usize| matches!(octets.get(at), Some(b' ' | b'\t'));
    let separates = |octet: Option<&u8>| match octet {
        Some(b';' | b'=' | b',') | None => true,
        Some(b'/' | b':') => via,
        Some(_) => false,
    };
    let loose = |at: usize| {
        let before = at.checked_sub(1).and_then(|at| octets.get(at));
        let after = octets.get(at + 1);
        separates(before)
            || separates(after)
            || blank(at + 1)
            || octets.get(at) == Some(&b'\t')
            || before == Some(&b'<')
            || after == Some(&b'>')
    };
    if !(0..octets.len()).any(|at| blank(at) && loose(at)) {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len());
    let mut copied = 0;
    for o in plain(value).filter(|o| matches!(o.octet, b' ' | b'\t')) {
        if o.at < copied {
            continue;
        }
        out.push_str(value.get(copied..o.at).unwrap_or_default());
        copied = (o.at..octets.len())
            .find(|at| !blank(*at))
            .unwrap_or(octets.len());
        let (before, after) = (out.as_bytes().last(), octets.get(copied));
        let drops = if o.angled {
            before == Some(&b'<') || after == Some(&b'>')
        } else {
            separates(before) || separates(after)
        };
        if !drops {
            out.push(' ');
        }
    }
    out.push_str(value.get(copied..).unwrap_or_default());
    Cow::Owned(out)
}

#[cfg(test)]
mod tests;
