//! What a ladder reads of a message: enough to know its call and to name it, without parsing it as a whole.

/// The start line and the few headers by which a message is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head<'a> {
    /// The method of a request.
    pub(super) method: Option<&'a str>,
    /// The code of a response.
    pub(super) status: Option<u16>,
    /// The start line.
    pub(super) line: &'a str,
    /// Call-ID.
    pub(super) call_id: &'a str,
    /// The method of CSeq.
    pub(super) of: &'a str,
    /// Whether To has a tag: the message belongs to a dialog.
    pub(super) in_dialog: bool,
    /// From and To.
    pub(super) parties: (&'a str, &'a str),
    /// Content-Type, without parameters.
    pub(super) content: Option<&'a str>,
}

impl<'a> Head<'a> {
    /// `None`: no SIP, or no Call-ID.
    pub(super) fn read(message: &'a [u8]) -> Option<Self> {
        let end = message.windows(4).position(|four| four == b"\r\n\r\n");
        let text = message.get(..end.unwrap_or(message.len()))?;
        // What is not UTF-8 ends the part that can be read: it stands behind the headers wanted here, or nobody reads it.
        let text = match std::str::from_utf8(text) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(text.get(..error.valid_up_to())?).ok()?,
        };
        let mut lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
        let line = lines.next()?;
        let status = line.strip_prefix("SIP/2.0 ").map(|rest| {
            let code = rest.get(..3).and_then(|code| code.parse().ok());
            code.unwrap_or(0)
        });
        let method = match status {
            Some(_) => None,
            None => line
                .strip_suffix(" SIP/2.0")?
                .split_once(' ')
                .map(|(method, _)| method),
        };
        let mut head = Self {
            method,
            status,
            line,
            call_id: "",
            of: "",
            in_dialog: false,
            parties: ("", ""),
            content: None,
        };
        for line in lines {
            head.take(line);
        }
        (!head.call_id.is_empty()).then_some(head)
    }

    fn take(&mut self, line: &'a str) {
        let Some((name, value)) = line.split_once(':') else {
            return;
        };
        let (name, value) = (name.trim(), value.trim());
        let is = |long: &str, short: &str| {
            name.eq_ignore_ascii_case(long) || name.eq_ignore_ascii_case(short)
        };
        if is("Call-ID", "i") {
            self.call_id = value;
        } else if is("CSeq", "CSeq") {
            self.of = value.split_whitespace().nth(1).unwrap_or_default();
        } else if is("To", "t") {
            self.parties.1 = value;
            let params = value.rsplit_once('>').map_or(value, |(_, params)| params);
            self.in_dialog = params.to_ascii_lowercase().contains(";tag=");
        } else if is("From", "f") {
            self.parties.0 = value;
        } else if is("Content-Type", "c") {
            self.content = value.split(';').next().map(str::trim);
        }
    }

    /// In a few words: `INVITE (SDP)`, `200 OK to BYE`, `INFO (key 5)`.
    pub(super) fn summary(&self, message: &[u8]) -> String {
        let name = match (self.method, self.status) {
            (Some(method), _) => method.to_owned(),
            (None, Some(_)) => {
                let answer = self.line.get(8..).unwrap_or_default();
                format!("{answer} to {}", self.of)
            }
            (None, None) => self.line.to_owned(),
        };
        match self.content {
            Some(kind) if kind.eq_ignore_ascii_case("application/sdp") => format!("{name} (SDP)"),
            Some(kind) if kind.to_ascii_lowercase().contains("dtmf") => {
                format!("{name} (key {})", key(message).unwrap_or('?'))
            }
            Some(kind) => format!("{name} ({kind})"),
            None => name,
        }
    }
}

/// The key in the body of an INFO: `Signal=5`, or the key alone.
fn key(message: &[u8]) -> Option<char> {
    let head_end = message.windows(4).position(|four| four == b"\r\n\r\n")?;
    let body = std::str::from_utf8(message.get(head_end + 4..)?).ok()?;
    let line = body.lines().next()?;
    let key = line.split_once('=').map_or(line, |(_, key)| key);
    key.trim().chars().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_known_by_its_head() {
        let invite = b"INVITE sip:a@b SIP/2.0\r\nf: <sip:x@y>;tag=1\r\nTO: <sip:a@b;tag=no>\r\ni : 7@z\r\nCSeq: 1  INVITE\r\n\
                       c: application/sdp;x=y\r\n\r\nv=0\r\nCall-ID: not-this\r\n";
        let head = Head::read(invite).unwrap();
        assert_eq!(
            (head.method, head.call_id, head.of, head.in_dialog),
            (Some("INVITE"), "7@z", "INVITE", false)
        );
        assert_eq!(head.summary(invite), "INVITE (SDP)");
        let answer =
            b"SIP/2.0 200 OK\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: 7@z\r\nCSeq: 2 BYE\r\n\r\n";
        let head = Head::read(answer).unwrap();
        assert_eq!((head.status, head.in_dialog), (Some(200), true));
        assert_eq!(head.summary(answer), "200 OK to BYE");
        let info = b"INFO sip:a@b SIP/2.0\r\nCall-ID: 7\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal= 5\r\nDuration=100\r\n";
        assert_eq!(Head::read(info).unwrap().summary(info), "INFO (key 5)");
    }

    #[test]
    fn what_is_no_sip_is_nothing() {
        for noise in [
            &b""[..],
            b"\r\n\r\n",
            b"\xff\xfe",
            b"GET / HTTP/1.1\r\nCall-ID: x\r\n\r\n",
            b"INVITE sip:a@b SIP/2.0\r\n\r\n",
        ] {
            assert_eq!(Head::read(noise), None);
        }
    }
}
