//! What a stream's socket and the rest of the switch tell each other. Audio is not among it.

use std::sync::Arc;

use actix::{Message, Recipient};
use tokio::sync::{Notify, oneshot};

use crate::{
    domain::{CallId, Cause},
    media::stream::StreamSpec,
};

/// To the switchboard: the stream of a call is here, and its token is ours.
#[derive(Message)]
#[rtype(result = "Result<StreamPeer, StreamRefused>")]
pub struct StreamArrived {
    /// The call that the token names.
    pub call: CallId,
    /// Twilio's name of the caller's leg.
    pub call_sid: String,
    /// Twilio's name of the stream.
    pub stream_sid: String,
    /// What the leg needs.
    pub leg: StreamLeg,
}

/// The call's side of a stream.
#[derive(Debug)]
pub struct StreamLeg {
    /// The rings' ends for the tick.
    pub rings: StreamSpec,
    /// Wakes the socket when something is in its ring.
    pub wake: Arc<Notify>,
    /// Closes the socket, also when it is dropped.
    pub hang_up: oneshot::Sender<()>,
}

/// Why there is no call for a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StreamRefused {
    /// No call with this token waits for a stream: forged, expired, used, or the call is over.
    #[error("no call waits for this stream")]
    NotExpected,
    /// The desk does not take the call.
    #[error("the call is not taken")]
    NotTaken,
    /// The switch takes no more calls.
    #[error("the switch takes no more calls")]
    Closing,
    /// The switch did not answer in time.
    #[error("the switch did not answer")]
    NoAnswer,
}

/// Who hears of a stream's keys and of its end.
pub struct StreamPeer {
    /// Takes keys.
    pub keys: Recipient<StreamKey>,
    /// Takes the end.
    pub end: Recipient<StreamOver>,
}

/// To a call: the caller pressed a key.
#[derive(Message)]
#[rtype(result = "()")]
pub struct StreamKey(pub char);

/// To a call: its stream is over, for this reason.
#[derive(Message)]
#[rtype(result = "()")]
pub struct StreamOver(pub Cause);
