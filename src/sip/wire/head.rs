//! The head of a message: start line and header lines, unfolded (RFC 3261 section 7.3.1).

use std::borrow::Cow;

/// Start line and fields as they came, names not yet in their long form.
#[derive(Debug)]
pub(super) struct Head<'a> {
    pub(super) start: &'a str,
    pub(super) fields: Vec<Field<'a>>,
    /// A line was no header field and no continuation.
    pub(super) is_malformed: bool,
}

/// One header field with its value trimmed.
#[derive(Debug)]
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) value: Cow<'a, str>,
}

/// Where the head ends: the index of the blank line's CRLF CRLF.
pub(super) fn end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n")
}

/// The head as text: UTF-8, and line by line Latin-1 where it is not, so that no octet is lost.
pub(super) fn text(raw: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(raw) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(raw.len() + raw.len() / 8);
    for line in raw.split_inclusive(|octet| *octet == b'\n') {
        match std::str::from_utf8(line) {
            Ok(line) => text.push_str(line),
            Err(_) => text.extend(line.iter().map(|octet| char::from(*octet))),
        }
    }
    Cow::Owned(text)
}

impl<'a> Head<'a> {
    /// Splits `text`; at most one field more than [`super::HEADERS_MAX`] is kept.
    pub(super) fn read(text: &'a str) -> Self {
        let mut lines = text
            .split('\n')
            .map(|line| line.strip_suffix('\r').unwrap_or(line));
        let start = lines.next().unwrap_or_default();
        let mut head = Self {
            start,
            fields: Vec::with_capacity(24),
            is_malformed: false,
        };
        for line in lines {
            if head.fields.len() > super::HEADERS_MAX {
                break;
            }
            head.line(line);
        }
        head
    }

    fn line(&mut self, line: &'a str) {
        if line.starts_with([' ', '\t']) {
            match self.fields.last_mut() {
                Some(field) => {
                    let more = line.replace('\r', " ");
                    let value = field.value.to_mut();
                    if !value.is_empty() {
                        value.push(' ');
                    }
                    value.push_str(more.trim());
                    value.truncate(value.trim_end().len());
                }
                None => self.is_malformed = true,
            }
            return;
        }
        match line.split_once(':') {
            Some((name, value)) if crate::sip::value::is_token(name.trim_end()) => {
                // A stray CR must not mean one thing here and another to the next reader.
                let value = match value.contains('\r') {
                    true => Cow::Owned(value.replace('\r', " ").trim().to_owned()),
                    false => Cow::Borrowed(value.trim()),
                };
                self.fields.push(Field {
                    name: name.trim_end(),
                    value,
                });
            }
            _ => self.is_malformed = true,
        }
    }
}
