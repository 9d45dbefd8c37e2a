//! The parameters of a challenge or of credentials: `Digest realm="a", nonce="b", nc=00000001`.

use std::borrow::Cow;

/// Longest header value that is read, in octets.
const VALUE_BYTES_MAX: usize = 2048;
/// Most parameters in one header.
const PARAMS_MAX: usize = 24;

/// The parameters of one header, each name once.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Params<'a> {
    pairs: Vec<(&'a str, Cow<'a, str>)>,
}

impl<'a> Params<'a> {
    /// The parameters of the scheme Digest. `None` for another scheme, a name that comes twice, a quote that does not end, or
    /// more than the limits.
    pub(super) fn read(value: &'a str) -> Option<Self> {
        if value.len() > VALUE_BYTES_MAX {
            return None;
        }
        let (scheme, mut rest) = value.trim_start().split_once([' ', '\t'])?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let mut pairs: Vec<(&str, Cow<'_, str>)> = Vec::new();
        loop {
            // A list may have empty elements (RFC 9110 section 5.6.1.2).
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if rest.is_empty() {
                return Some(Self { pairs });
            }
            let (name, after) = rest.split_once('=')?;
            let name = name.trim_end();
            let (value, after) = read_value(after.trim_start())?;
            let is_known = pairs
                .iter()
                .any(|(known, _)| known.eq_ignore_ascii_case(name));
            if is_known || name.is_empty() || pairs.len() >= PARAMS_MAX {
                return None;
            }
            pairs.push((name, value));
            let after = after.trim_start();
            if !after.is_empty() && !after.starts_with(',') {
                return None;
            }
            rest = after;
        }
    }

    /// The value of `name`, unquoted.
    pub(super) fn find(&self, name: &str) -> Option<&str> {
        let mut pairs = self.pairs.iter();
        let (_, value) = pairs.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value)
    }
}

/// A token or a quoted string at the start of `text`, and what follows it.
fn read_value(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        let (token, after) = text.split_at_checked(end)?;
        return Some((Cow::Borrowed(token), after));
    };
    let mut is_escaped = false;
    let end = quoted.find(|c| {
        let ends = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends
    })?;
    let inner = quoted.get(..end)?;
    Some((unescaped(inner), quoted.get(end + 1..)?))
}

fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        plain.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    Cow::Owned(plain)
}

/// `text` as a quoted string.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_tokens_or_quoted_and_names_have_any_case() {
        let params = Params::read(
            "digest  Username=\"bob\\\"s, \\\\ phone\" ,REALM = \"a=b\",,nc=0000000a, qop=auth ",
        )
        .unwrap();
        assert_eq!(params.find("username"), Some("bob\"s, \\ phone"));
        assert_eq!(params.find("realm"), Some("a=b"));
        assert_eq!(params.find("NC"), Some("0000000a"));
        assert_eq!(params.find("qop"), Some("auth"));
        assert_eq!(params.find("nonce"), None);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let many: String = (0..=PARAMS_MAX).map(|n| format!("p{n}=x,")).collect();
        for value in [
            "",
            "Digest",
            "Basic YTpi",
            "Digest nonce",
            "Digest nonce=\"open",
            "Digest nonce=\"open\\\"",
            "Digest a=b c=d",
            "Digest nonce=\"a\"b",
            "Digest =x",
            "Digest nonce=a, Nonce=b",
            &format!("Digest {many}"),
            &format!("Digest nonce={}", "x".repeat(VALUE_BYTES_MAX)),
        ] {
            assert_eq!(Params::read(value), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_value_makes_it_panic(value in "(Digest )?.{0,200}") {
            let _ = Params::read(&value);
        }

        #[test]
        fn almost_parameters_do_not_either(
            value in "Digest ([a-z]{0,3} ?[=\",\\\\] ?[\"\\\\a-z,é]{0,4}){0,8}",
        ) {
            let _ = Params::read(&value);
        }

        #[test]
        fn what_is_quoted_reads_back(text in "[^\r\n]{0,60}") {
            let header = format!("Digest user={}", quoted(&text));
            let params = Params::read(&header).unwrap();
            prop_assert_eq!(params.find("user"), Some(text.as_str()));
        }
    }
}
