//! What can go wrong above single messages. Bad messages themselves are [`super::WireError`].

use super::sdp::SdpError;

/// A stream whose message boundaries are no longer known: close the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FramingLost {
    /// No end of the headers within the limit, or too many of them.
    #[error(
        "no end of headers within {} octets and {} fields",
        super::HEAD_BYTES_MAX,
        super::HEADERS_MAX
    )]
    HeadTooLarge,
    /// Content-Length that is no number, or several that differ.
    #[error("content length is unreadable")]
    ContentLength,
    /// A body announced so long that it is not worth skipping.
    #[error("announced body is too large to skip")]
    BodyTooLarge,
}

/// A call that cannot do what it was asked to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The INVITE has its final response already.
    #[error("the call is answered or refused already")]
    AlreadyFinal,
    /// The offer cannot be answered: refuse with 488.
    #[error(transparent)]
    Sdp(#[from] SdpError),
}
