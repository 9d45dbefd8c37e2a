//! Twilio Media Streams: a call's audio over a WebSocket, for hosts that no UDP reaches.
//!
//! ```text
//! Twilio -> connected, start, media · dtmf · mark ..., stop    text -> read -> Session (order, ids, pace) -> Event
//! us     -> media, mark, clear                                 20 ms of mu-law, a number, nothing -> write -> text
//! ```
//! One JSON object is one frame. Its shapes are Twilio's ("Media Streams - WebSocket Messages"); a frame of a kind that we do
//! not know is passed over, one of a known kind must be as documented. Limits: [`FRAME_LEN_MAX`], [`PAYLOAD_LEN_MAX`], those
//! of [`Session`].

mod pace;
mod read;
mod session;
#[cfg(test)]
mod tests;
mod timeline;
mod write;

pub use read::{FRAME_LEN_MAX, Media, PAYLOAD_LEN_MAX, Start, Told, read};
pub use session::{Audio, Event, Session};
pub use write::{clear, mark, media};

/// Name of the `<Parameter>` that holds our id of the call.
pub const CALL_PARAMETER: &str = "callId";
/// Name of the `<Parameter>` that holds the call's token.
pub const TOKEN_PARAMETER: &str = "token";

/// Why a stream cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// Longer than [`FRAME_LEN_MAX`].
    #[error("a frame is too long")]
    TooLong,
    /// Deeper than any frame of Twilio's.
    #[error("a frame is nested too deeply")]
    TooDeep,
    /// Not JSON, or without an event.
    #[error("a frame is no JSON object with an event")]
    NotAnEvent,
    /// A known event in an unknown shape.
    #[error("a frame is not what Twilio documents for the event `{0}`")]
    Malformed(&'static str),
    /// A field beyond its limits.
    #[error("the field `{0}` is beyond its limits")]
    Field(&'static str),
    /// Not mu-law at 8 kHz, mono.
    #[error("the stream's format is not audio/x-mulaw, 8000 Hz, one channel")]
    Format,
    /// An event that may not come now.
    #[error("the event `{0}` came out of order")]
    Order(&'static str),
    /// A frame of another stream.
    #[error("a frame belongs to another stream")]
    AnotherStream,
    /// More frames than any stream sends.
    #[error("too many frames came")]
    Flood,
}
