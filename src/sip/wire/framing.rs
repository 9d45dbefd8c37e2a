//! Cuts a stream into messages by Content-Length (RFC 3261 section 18.3).

use bytes::{Buf, Bytes, BytesMut};

use super::{BODY_BYTES_MAX, HEAD_BYTES_MAX, HEADERS_MAX, head};
use crate::sip::FramingLost;

/// Longest body that is skipped so that the stream may go on after its message was refused.
const SKIP_BYTES_MAX: usize = 1024 * 1024;

/// Capacity that an idle connection may keep.
const IDLE_BYTES_MAX: usize = 4 * 1024;

/// The octets of one connection on their way to whole messages.
///
/// A double CRLF between messages, the ping of RFC 5626 section 3.5.1, is handed on as a message of
/// its own, which [`super::super::Endpoint`] answers.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: BytesMut,
    /// Where the search for the end of the head goes on.
    searched: usize,
    /// Octets of head and body of the message that is coming in, once its head is there.
    announced: Option<(usize, usize)>,
    /// Octets of a refused body still to come.
    skipping: usize,
    lost: Option<FramingLost>,
}

impl Framer {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes octets off the connection.
    pub fn push(&mut self, mut bytes: &[u8]) {
        let skipped = self.skipping.min(bytes.len());
        self.skipping -= skipped;
        bytes.advance(skipped);
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message, or `None` until more octets come. A message whose body is too large
    /// comes without it, so that it can be refused.
    ///
    /// # Errors
    /// When the stream cannot be cut any further: close it. The message that spoiled the stream has
    /// been handed out before, where its head could be told.
    pub fn next_message(&mut self) -> Result<Option<Bytes>, FramingLost> {
        if let Some(lost) = self.lost {
            return Err(lost);
        }
        if let Some(ping) = self.leading_breaks() {
            return Ok(Some(ping));
        }
        let (head_bytes, body_bytes) = match self.announced {
            Some(announced) => announced,
            None => {
                let Some(end) = self.head_end()? else {
                    return Ok(None);
                };
                let body_bytes = self.content_length(end).unwrap_or_else(|lost| {
                    self.lost = Some(lost);
                    0
                });
                (end + 4, body_bytes)
            }
        };
        self.announced = Some((head_bytes, body_bytes));
        if body_bytes > BODY_BYTES_MAX {
            return Ok(Some(self.cut_oversized(head_bytes, body_bytes)));
        }
        if self.buffer.len() - head_bytes < body_bytes {
            return Ok(None);
        }
        Ok(Some(self.cut(head_bytes + body_bytes)))
    }

    /// Whether part of a message has come, and not all of it. Line breaks between messages are none.
    #[must_use]
    pub fn is_in_message(&self) -> bool {
        let is_break = |octet: &u8| matches!(octet, b'\r' | b'\n');
        self.skipping > 0 || !self.buffer.iter().all(is_break)
    }

    /// Drops single line breaks before a message and cuts out a double one. A message that is
    /// coming in begins with none.
    fn leading_breaks(&mut self) -> Option<Bytes> {
        if self.buffer.starts_with(b"\r\n\r\n") {
            return Some(self.cut(4));
        }
        if self.buffer.as_ref() == b"\r\n" || self.buffer.as_ref() == b"\r\n\r" {
            return None;
        }
        while self.buffer.starts_with(b"\r\n") {
            self.buffer.advance(2);
            self.searched = 0;
        }
        None
    }

    fn head_end(&mut self) -> Result<Option<usize>, FramingLost> {
        let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
        let end = head::end(unsearched).map(|at| at + self.searched);
        self.searched = end.unwrap_or_else(|| self.buffer.len().saturating_sub(3));
        if end.unwrap_or(self.searched) > HEAD_BYTES_MAX {
            self.lost = Some(FramingLost::HeadTooLarge);
            self.buffer.clear();
            return Err(FramingLost::HeadTooLarge);
        }
        Ok(end)
    }

    fn content_length(&self, end: usize) -> Result<usize, FramingLost> {
        let text = head::text(self.buffer.get(..end).unwrap_or_default());
        let head = head::Head::read(&text);
        if head.fields.len() > HEADERS_MAX {
            return Err(FramingLost::HeadTooLarge);
        }
        let length = super::fields::content_length(&head);
        length
            .map(Option::unwrap_or_default)
            .map_err(|_| FramingLost::ContentLength)
    }

    fn cut_oversized(&mut self, head_bytes: usize, body_bytes: usize) -> Bytes {
        let message = self.cut(head_bytes);
        if body_bytes > SKIP_BYTES_MAX {
            self.lost = Some(FramingLost::BodyTooLarge);
            self.buffer.clear();
        } else {
            let here = body_bytes.min(self.buffer.len());
            self.buffer.advance(here);
            self.skipping = body_bytes - here;
        }
        message
    }

    fn cut(&mut self, bytes: usize) -> Bytes {
        self.searched = 0;
        self.announced = None;
        let message = self.buffer.split_to(bytes).freeze();
        if self.buffer.is_empty() && self.buffer.capacity() > IDLE_BYTES_MAX {
            self.buffer = BytesMut::new();
        }
        message
    }
}
