//! A stream that is a call: frames into one ring, frames out of the other, until either side ends it.

use std::{cell::RefCell, sync::Arc};

use actix_web::web::Bytes;
use actix_ws::{AggregatedMessage, Closed, Session};
use rtrb::{Consumer, Producer};
use tokio::{
    sync::Notify,
    time::{MissedTickBehavior, interval, timeout},
};

use crate::{
    actors::{
        clock,
        metrics::StreamMetrics,
        stream::{
            End, PING_EVERY, StreamKey, StreamOver, TAKE_PATIENCE, begin::Begun,
            message::StreamPeer, socket::Socket,
        },
    },
    media::{
        NB_FRAME,
        g711::Law,
        stream::{StreamIn, StreamOut},
    },
    twilio::stream::{self, Audio, Event, PAYLOAD_LEN_MAX},
};

/// What came in and what is to go out meet here: pongs, which the reader owes and the writer sends.
struct Shared {
    wake: Arc<Notify>,
    pong: RefCell<Option<Bytes>>,
}

/// Carries a stream until it ends, and tells its call.
pub(super) async fn carry(
    begun: Begun,
    session: Session,
    socket: Socket,
    metrics: &StreamMetrics,
) -> End {
    let shared = Shared {
        wake: begun.wake,
        pong: RefCell::new(None),
    };
    let hung_up = begun.hung_up;
    let call = begun.call;
    let mut reader = Reader {
        frames: begun.frames,
        socket,
        voice: begun.rings.from_caller,
        call: &call,
        shared: &shared,
        metrics,
    };
    let mut writer = Writer {
        session,
        stream_sid: begun.stream_sid,
        ear: begun.rings.to_caller,
        shared: &shared,
        metrics,
    };
    // The reader first: a `stop` that was read outweighs a connection that went with it.
    let end = tokio::select! {
        biased;
        end = reader.read() => end,
        end = writer.write() => end,
        _ = hung_up => End::HungUp,
    };
    if let Some(cause) = end.cause() {
        call.end.do_send(StreamOver(cause));
    }
    end
}

/// From the socket to the tick.
struct Reader<'a> {
    frames: stream::Session,
    socket: Socket,
    voice: Producer<StreamIn>,
    call: &'a StreamPeer,
    shared: &'a Shared,
    metrics: &'a StreamMetrics,
}

impl Reader<'_> {
    async fn read(&mut self) -> End {
        let mut payload = [0; PAYLOAD_LEN_MAX];
        loop {
            let text = match self.socket.recv().await {
                Ok(AggregatedMessage::Text(text)) => text,
                Ok(AggregatedMessage::Ping(payload)) => {
                    *self.shared.pong.borrow_mut() = Some(payload);
                    self.shared.wake.notify_one();
                    continue;
                }
                Ok(
                    AggregatedMessage::Pong(_)
                    | AggregatedMessage::Binary(_)
                    | AggregatedMessage::Close(_),
                ) => continue,
                Err(end) => return end,
            };
            let at = clock::now();
            match self.frames.receive(at, &text, &mut payload) {
                Ok(Event::Audio(audio)) => {
                    self.metrics.heard.inc();
                    let heard = hear(&mut self.voice, at, &audio);
                    self.metrics.unread.inc_by(u64::from(!heard));
                }
                Ok(Event::Played(mark)) => {
                    // A full ring has no room for a measurement either.
                    self.voice.push(StreamIn::Played { at, mark }).ok();
                }
                Ok(Event::Key(digit)) => self.call.keys.do_send(StreamKey(digit)),
                Ok(Event::OverRate) => self.metrics.over_rate.inc(),
                Ok(Event::Stop) => return End::Stopped,
                Ok(Event::Start(_) | Event::Nothing) => {}
                Err(error) => return End::Wrong(error),
            }
        }
    }
}

/// Puts audio into the ring, 20 ms at a time; `false` when it is full.
fn hear(voice: &mut Producer<StreamIn>, at: std::time::Instant, audio: &Audio<'_>) -> bool {
    let mut timestamp = audio.timestamp;
    for piece in audio.payload.chunks(NB_FRAME) {
        let mut payload = [Law::Mu.silence(); NB_FRAME];
        for (to, from) in payload.iter_mut().zip(piece) {
            *to = *from;
        }
        let frame = StreamIn::Audio {
            at,
            chunk: audio.chunk,
            timestamp,
            len: u8::try_from(piece.len()).unwrap_or(u8::MAX),
            payload,
        };
        if voice.push(frame).is_err() {
            return false;
        }
        timestamp = timestamp.wrapping_add(piece.len() as u32);
    }
    true
}

/// From the tick to the socket.
struct Writer<'a> {
    session: Session,
    stream_sid: String,
    ear: Consumer<StreamOut>,
    shared: &'a Shared,
    metrics: &'a StreamMetrics,
}

impl Writer<'_> {
    async fn write(&mut self) -> End {
        let mut pings = interval(PING_EVERY);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let taken = tokio::select! {
                () = self.shared.wake.notified() => timeout(TAKE_PATIENCE, self.pass_on()).await,
                _ = pings.tick() => timeout(TAKE_PATIENCE, self.session.ping(b"")).await,
            };
            if !matches!(taken, Ok(Ok(()))) {
                return End::Lost;
            }
        }
    }

    /// Sends what is in the ring. Audio that a clear behind it makes void stays here.
    async fn pass_on(&mut self) -> Result<(), Closed> {
        let pong = self.shared.pong.borrow_mut().take();
        if let Some(pong) = pong {
            self.session.pong(&pong).await?;
        }
        let waiting: Vec<StreamOut> = std::iter::from_fn(|| self.ear.pop().ok()).collect();
        let is_clear = |out: &StreamOut| *out == StreamOut::Clear;
        let void = waiting.iter().rposition(is_clear).unwrap_or(0);
        for (nth, out) in waiting.iter().enumerate() {
            let frame = match out {
                StreamOut::Audio(_) if nth < void => continue,
                StreamOut::Audio(payload) => {
                    self.metrics.told.inc();
                    stream::media(&self.stream_sid, payload)
                }
                StreamOut::Clear => stream::clear(&self.stream_sid),
                StreamOut::Mark(number) => stream::mark(&self.stream_sid, *number),
            };
            self.session.text(frame).await?;
        }
        Ok(())
    }
}
