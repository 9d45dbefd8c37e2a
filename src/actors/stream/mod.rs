//! A call's audio over a WebSocket: Twilio Media Streams, for hosts that no UDP reaches.
//!
//! ```text
//! upgrade -> begin: connected, start, token -> Switchboard (StreamArrived) -> CallActor, leg in the table
//! Twilio -> frames -> relay -> ring -> tick          tick -> ring, wake -> relay -> frames -> Twilio
//! stop, close, silence, a wrong frame -> StreamOver -> CallActor;   CallActor hangs up -> socket closes -> Twilio hangs up
//! ```
//! Limits: [`SOCKETS_MAX`] sockets, [`START_PATIENCE`] until the start, frames as [`crate::twilio::stream`] says, and
//! [`TAKE_PATIENCE`] for a frame of ours to be taken. Audio meets no actor and no lock between socket and tick.

mod begin;
mod message;
mod relay;
mod socket;

use std::{sync::Arc, time::Duration};

use actix::Addr;
use actix_web::{HttpRequest, HttpResponse, rt, web::Payload};
use actix_ws::{CloseCode, CloseReason, Session};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    actors::{metrics::Metrics, switchboard::Switchboard, websocket},
    domain::Cause,
    twilio::{
        stream::{FRAME_LEN_MAX, StreamError},
        token::TokenKey,
    },
};

use socket::Socket;

pub use message::{StreamArrived, StreamKey, StreamLeg, StreamOver, StreamPeer, StreamRefused};

/// Sockets at once, of calls and of those who have not said yet which call they are.
const SOCKETS_MAX: usize = 512;
/// How long a socket may take to say which call it is.
const START_PATIENCE: Duration = Duration::from_secs(10);
/// How long a frame of ours may wait to be taken.
const TAKE_PATIENCE: Duration = Duration::from_secs(10);
/// How long a socket may take to be told that it is closed.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);
/// A ping keeps proxies from taking the socket for idle.
const PING_EVERY: Duration = Duration::from_secs(10);

/// Lets Media Streams in.
#[derive(Clone)]
pub struct Streams {
    switchboard: Addr<Switchboard>,
    tokens: TokenKey,
    account_sid: Option<Arc<str>>,
    metrics: Metrics,
    places: Arc<Semaphore>,
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// [`SOCKETS_MAX`] are open.
    #[error("too many streams are open")]
    TooMany,
    /// The request is no WebSocket handshake.
    #[error("this is not a WebSocket handshake: {0}")]
    Handshake(actix_web::Error),
}

/// How a socket came to its end.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// Twilio says that the call is over.
    Stopped,
    /// The call hung up.
    HungUp,
    /// The connection is gone, or does not take what we send.
    Lost,
    /// A frame that no stream may send.
    Wrong(StreamError),
    /// Which call it is was not said in time.
    Late,
    /// There is no such call for it.
    Refused(StreamRefused),
}

impl End {
    fn label(&self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::HungUp => "hung-up",
            Self::Lost => "lost",
            Self::Wrong(_) => "wrong-frame",
            Self::Late => "no-start",
            Self::Refused(_) => "refused",
        }
    }

    /// What ended the call, where it was not the call itself.
    fn cause(&self) -> Option<Cause> {
        match self {
            Self::Stopped => Some(Cause::CallerHungUp),
            Self::Lost | Self::Late => Some(Cause::StreamLost),
            Self::Wrong(_) => Some(Cause::StreamError),
            Self::HungUp | Self::Refused(_) => None,
        }
    }

    fn close(&self) -> CloseReason {
        let (code, said) = match self {
            Self::Stopped | Self::HungUp => (CloseCode::Normal, None),
            Self::Lost => (CloseCode::Away, None),
            Self::Wrong(error) => (CloseCode::Policy, Some(error.to_string())),
            Self::Late => (CloseCode::Policy, Some("no start came".to_owned())),
            Self::Refused(refusal) => (CloseCode::Policy, Some(refusal.to_string())),
        };
        CloseReason {
            code,
            description: said,
        }
    }
}

impl Streams {
    /// Streams for the calls of `switchboard`, whose tokens were made with `tokens`. Those of another account than
    /// `account_sid`, if that is set, are refused.
    pub fn new(
        switchboard: Addr<Switchboard>,
        tokens: TokenKey,
        account_sid: Option<&str>,
        metrics: Metrics,
    ) -> Self {
        Self {
            switchboard,
            tokens,
            account_sid: account_sid.map(Arc::from),
            metrics,
            places: Arc::new(Semaphore::new(SOCKETS_MAX)),
        }
    }

    /// Upgrades a request whose signature has been checked, and carries its stream for as long as it lasts.
    ///
    /// # Errors
    /// When there are too many, or the request is no WebSocket handshake.
    pub async fn open(
        &self,
        request: &HttpRequest,
        body: Payload,
    ) -> Result<HttpResponse, OpenError> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| OpenError::TooMany)?;
        let body = websocket::guarded(request, body, FRAME_LEN_MAX).await;
        let upgraded = body.and_then(|body| actix_ws::handle(request, body));
        let (response, session, messages) = upgraded.map_err(OpenError::Handshake)?;
        let socket = Socket::new(messages);
        self.clone().carry_in_background(session, socket, place);
        Ok(response)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "ends with its WebSocket, or when the call hangs up"
    )]
    fn carry_in_background(self, session: Session, socket: Socket, place: OwnedSemaphorePermit) {
        rt::spawn(async move {
            let metrics = self.metrics.streams.clone();
            metrics.open.inc();
            let end = self.carry(session.clone(), socket).await;
            metrics.ended.with_label_values(&[end.label()]).inc();
            match &end {
                End::Wrong(error) => tracing::warn!(%error, "a Media Stream is given up"),
                End::Refused(refusal) => tracing::warn!(%refusal, "a Media Stream is refused"),
                End::Late => tracing::warn!("a Media Stream did not say which call it is"),
                End::Stopped | End::HungUp | End::Lost => {
                    tracing::debug!(end = end.label(), "a Media Stream is over");
                }
            }
            let closed = session.close(Some(end.close()));
            // A socket that takes nothing is closed by the kernel (`http::door::tune`).
            tokio::time::timeout(CLOSE_PATIENCE, closed).await.ok();
            metrics.open.dec();
            drop(place);
        });
    }

    /// Carries one stream from its first frame to its end.
    async fn carry(&self, session: Session, mut socket: Socket) -> End {
        let begun = tokio::time::timeout(START_PATIENCE, self.begin(&mut socket)).await;
        match begun {
            Ok(Ok(begun)) => relay::carry(begun, session, socket, &self.metrics.streams).await,
            Ok(Err(end)) => end,
            Err(_) => End::Late,
        }
    }
}
