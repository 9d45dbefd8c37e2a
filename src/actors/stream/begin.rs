//! The beginning of a stream: which call it is, and whether it may be that call.

use std::sync::Arc;

use actix_ws::AggregatedMessage;
use tokio::sync::{Notify, oneshot};

use crate::{
    actors::{
        clock,
        stream::{
            End, START_PATIENCE, StreamArrived, StreamLeg, StreamRefused, Streams,
            message::StreamPeer, socket::Socket,
        },
    },
    domain::CallId,
    media::stream::{StreamSocket, rings},
    twilio::stream::{CALL_PARAMETER, Event, PAYLOAD_LEN_MAX, Session, Start, TOKEN_PARAMETER},
};

/// A stream that is a call.
pub(super) struct Begun {
    pub(super) frames: Session,
    pub(super) stream_sid: String,
    pub(super) rings: StreamSocket,
    pub(super) wake: Arc<Notify>,
    pub(super) hung_up: oneshot::Receiver<()>,
    pub(super) call: StreamPeer,
}

impl Streams {
    /// Waits for `start` and finds the call it is for.
    pub(super) async fn begin(&self, socket: &mut Socket) -> Result<Begun, End> {
        let mut frames = Session::new(clock::now());
        let start = loop {
            let AggregatedMessage::Text(text) = socket.recv().await? else {
                continue;
            };
            let mut payload = [0; PAYLOAD_LEN_MAX];
            match frames.receive(clock::now(), &text, &mut payload) {
                Ok(Event::Start(start)) => break start,
                Ok(_) => {}
                Err(error) => return Err(End::Wrong(error)),
            }
        };
        let call = self
            .call_of(&start)
            .ok_or(End::Refused(StreamRefused::NotExpected))?;
        let (leg_rings, rings) = rings();
        let wake = Arc::new(Notify::new());
        let (hang_up, hung_up) = oneshot::channel();
        let stream_sid = start.stream_sid.clone();
        let arrived = StreamArrived {
            call,
            call_sid: start.call_sid,
            stream_sid: start.stream_sid,
            leg: StreamLeg {
                rings: leg_rings,
                wake: Arc::clone(&wake),
                hang_up,
            },
        };
        let answered = self.switchboard.send(arrived).timeout(START_PATIENCE).await;
        let call = answered
            .unwrap_or(Err(StreamRefused::NoAnswer))
            .map_err(End::Refused)?;
        Ok(Begun {
            frames,
            stream_sid,
            rings,
            wake,
            hung_up,
            call,
        })
    }

    /// The call that the token in the stream's parameters is for.
    fn call_of(&self, start: &Start) -> Option<CallId> {
        let account = self.account_sid.as_deref();
        if account.is_some_and(|account| account != start.account_sid) {
            return None;
        }
        let call = start.parameter(CALL_PARAMETER)?;
        let token = start.parameter(TOKEN_PARAMETER)?;
        let now_s = clock::unix_ms() / 1000;
        let verified = self.tokens.verify(token, call, &start.call_sid, now_s);
        verified.ok()?;
        call.parse().ok()
    }
}
