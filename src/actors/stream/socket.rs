//! A stream's socket as its reader wants it: text, pings, and one end.

use actix_web::error::PayloadError;
use actix_ws::{AggregatedMessage, AggregatedMessageStream, MessageStream, ProtocolError};

use crate::{
    actors::stream::End,
    twilio::stream::{FRAME_LEN_MAX, StreamError},
};

/// The incoming half of a WebSocket.
pub(super) struct Socket {
    messages: AggregatedMessageStream,
    is_broken: bool,
}

impl Socket {
    pub(super) fn new(messages: MessageStream) -> Self {
        let messages = messages
            .max_frame_size(FRAME_LEN_MAX)
            .aggregate_continuations()
            .max_continuation_size(FRAME_LEN_MAX);
        Self {
            messages,
            is_broken: false,
        }
    }

    /// The next text, ping or pong.
    ///
    /// # Errors
    /// How the socket came to its end.
    pub(super) async fn recv(&mut self) -> Result<AggregatedMessage, End> {
        loop {
            match self.messages.recv().await {
                Some(Ok(AggregatedMessage::Binary(_))) => {
                    return Err(End::Wrong(StreamError::NotAnEvent));
                }
                Some(Ok(AggregatedMessage::Close(_))) | None => return Err(End::Lost),
                Some(Ok(message)) => return Ok(message),
                Some(Err(error)) => {
                    if let Some(wrong) = wrong(&error) {
                        return Err(End::Wrong(wrong));
                    }
                    // The connection is gone; what came before, such as `stop`, is still to be read.
                    if std::mem::replace(&mut self.is_broken, true) {
                        return Err(End::Lost);
                    }
                }
            }
        }
    }
}

/// What the far end did wrong; `None` when the connection just ended.
fn wrong(error: &ProtocolError) -> Option<StreamError> {
    let ProtocolError::Io(error) = error else {
        let is_long = matches!(error, ProtocolError::Overflow);
        return Some(if is_long {
            StreamError::TooLong
        } else {
            StreamError::NotAnEvent
        });
    };
    let inner = error.get_ref();
    match inner.and_then(|inner| inner.downcast_ref::<PayloadError>()) {
        Some(PayloadError::Overflow) => Some(StreamError::TooLong),
        Some(_) => None,
        // Not UTF-8, or octets that no frame has.
        None if error.kind() == std::io::ErrorKind::InvalidData => Some(StreamError::NotAnEvent),
        // Continuations without end.
        None => Some(StreamError::TooLong),
    }
}
