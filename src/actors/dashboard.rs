//! One dashboard: a WebSocket of JSON text frames, as `docs/websocket.md` says.
//!
//! ```text
//! switchboard -> Outbox (bounded) -> Dashboard -> browser        frame -> command -> Press -> ack or refused, by its id
//! ```
//! Limits: frames [`FRAME_MAX`], [`FRAMES_PER_SECOND_MAX`] of them a second; silence of [`SILENCE_MAX`] ends it, and so does not
//! reading ([`outbox`]).

mod asked;
mod outbox;
mod pace;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{
    Actor, ActorContext as _, ActorFutureExt as _, Addr, AsyncContext as _, Handler, StreamHandler,
    WrapFuture as _,
};
use actix_web::{HttpRequest, HttpResponse, web::Payload};
use actix_web_actors::ws::{self, CloseCode, Message, ProtocolError, WebsocketContext};
use serde_json::{Value, json};

use crate::{
    actors::{
        clock,
        message::{Attach, Detach, Press, Push, SignOut},
        metrics::Metrics,
        random,
        room_access::{AccessError, RoomAccess, RoomWish},
        switchboard::Switchboard,
        websocket,
    },
    domain::{Command, Operator},
};

use asked::{Asked, Wish};
use outbox::{FellBehind, Outbox};
use pace::Pace;

/// Longest frame of a client, in bytes.
pub const FRAME_MAX: usize = 16 * 1024;
/// Frames of a client within one second.
const FRAMES_PER_SECOND_MAX: u32 = 50;
/// How often the client is pinged.
const PING_EVERY: Duration = Duration::from_secs(10);
/// How long the client may say nothing, not even a pong.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// How long a press may take.
const PRESS_PATIENCE: Duration = Duration::from_secs(5);

/// Who a dashboard works with.
#[derive(Clone)]
pub struct DashboardPeers {
    /// Sends snapshot and changes, takes presses.
    pub switchboard: Addr<Switchboard>,
    /// Gives out rooms' tokens.
    pub rooms: Arc<RoomAccess>,
    /// Counters.
    pub metrics: Metrics,
    /// Our own WebSocket address as this browser reaches it.
    pub own_url: String,
}

/// One operator's WebSocket.
pub struct Dashboard {
    session: u64,
    operator: Operator,
    peers: DashboardPeers,
    heard: Instant,
    pace: Pace,
}

impl Dashboard {
    /// Upgrades the request and starts the dashboard of `operator`.
    ///
    /// # Errors
    /// When the request is no WebSocket handshake.
    pub fn open(
        request: &HttpRequest,
        body: Payload,
        operator: Operator,
        peers: DashboardPeers,
    ) -> Result<(Addr<Self>, HttpResponse), actix_web::Error> {
        let now = clock::now();
        let dashboard = Self {
            session: random::u64(),
            operator,
            peers,
            heard: now,
            pace: Pace::new(now, FRAMES_PER_SECOND_MAX),
        };
        ws::WsResponseBuilder::new(dashboard, request, body)
            .frame_size(FRAME_MAX)
            .start_with_addr()
    }

    fn beat(&mut self, ctx: &mut WebsocketContext<Self>) {
        if clock::now().saturating_duration_since(self.heard) >= SILENCE_MAX {
            tracing::info!(operator.id = %self.operator.id, "dashboard went silent");
            return ctx.stop();
        }
        ctx.ping(b"");
    }

    fn take(&mut self, text: &str, ctx: &mut WebsocketContext<Self>) {
        match Asked::read(text) {
            Ok(Asked {
                id,
                wish: Wish::Press(command),
            }) => self.press(id, command, ctx),
            Ok(Asked {
                id,
                wish: Wish::RoomToken { room, listen },
            }) => {
                let wish = RoomWish {
                    listen,
                    ..RoomWish::default()
                };
                self.room_token(id, room, wish, ctx);
            }
            Err((id, refusal)) => ctx.text(refused(&id, refusal.status(), refusal.detail())),
        }
    }

    fn press(&self, id: Value, command: Command, ctx: &mut WebsocketContext<Self>) {
        let press = Press {
            by: self.operator.clone(),
            command,
        };
        let done = self.peers.switchboard.send(press).timeout(PRESS_PATIENCE);
        ctx.spawn(done.into_actor(self).map(move |done, _, ctx: &mut WebsocketContext<Self>| {
            ctx.text(match done {
                Ok(Ok(reply)) => ack(&id, json!(reply)),
                Ok(Err(refusal)) => refused(&id, refusal.status(), refusal.detail()),
                Err(_) => refused(&id, 503, "The switch did not answer. Look whether it happened before you press again."),
            });
        }));
    }

    fn room_token(
        &self,
        id: Value,
        room: String,
        wish: RoomWish,
        ctx: &mut WebsocketContext<Self>,
    ) {
        let (rooms, operator, own_url) = (
            Arc::clone(&self.peers.rooms),
            self.operator.clone(),
            self.peers.own_url.clone(),
        );
        let issued = async move { rooms.issue(&operator, &room, wish, &own_url).await };
        ctx.spawn(issued.into_actor(self).map(
            move |issued, _, ctx: &mut WebsocketContext<Self>| {
                ctx.text(match issued {
                    Ok(ticket) => ack(&id, json!(ticket)),
                    Err(AccessError::Refused(refusal)) => {
                        refused(&id, refusal.status(), refusal.detail())
                    }
                    Err(error @ (AccessError::NoAnswer | AccessError::NoToken)) => {
                        tracing::error!(%error, "room token");
                        refused(&id, 503, "The switch could not make a token. Try again.")
                    }
                });
            },
        ));
    }

    fn close(ctx: &mut WebsocketContext<Self>, code: CloseCode, why: &str) {
        ctx.close(Some((code, why).into()));
        ctx.stop();
    }
}

impl Actor for Dashboard {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(outbox::FRAMES_WAITING_MAX);
        let outbox = Outbox::new(self.session, ctx.address(), self.peers.clone()).start();
        let attach = Attach {
            session: self.session,
            operator: self.operator.clone(),
            outbox: outbox.recipient(),
        };
        self.peers.switchboard.do_send(attach);
        ctx.run_interval(PING_EVERY, Self::beat);
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        self.peers.switchboard.do_send(Detach {
            session: self.session,
        });
    }
}

impl StreamHandler<Result<Message, ProtocolError>> for Dashboard {
    fn handle(&mut self, message: Result<Message, ProtocolError>, ctx: &mut Self::Context) {
        let now = clock::now();
        self.heard = now;
        if !self.pace.admits(now) {
            return Self::close(ctx, CloseCode::Policy, "too many frames");
        }
        match message {
            Ok(Message::Text(text)) => self.take(&text, ctx),
            Ok(Message::Ping(payload)) => ctx.pong(&payload),
            Ok(Message::Pong(_) | Message::Nop) => {}
            Ok(Message::Binary(_) | Message::Continuation(_)) => {
                Self::close(
                    ctx,
                    CloseCode::Unsupported,
                    "commands are single text frames",
                );
            }
            Ok(Message::Close(reason)) => {
                ctx.close(reason);
                ctx.stop();
            }
            Err(error) if websocket::is_too_long(&error) => {
                Self::close(ctx, CloseCode::Size, "a frame has at most 16 KiB")
            }
            Err(_) => Self::close(ctx, CloseCode::Protocol, "not a WebSocket frame"),
        }
    }
}

impl Handler<Push> for Dashboard {
    type Result = ();

    fn handle(&mut self, Push(frame): Push, ctx: &mut Self::Context) {
        ctx.text(&*frame);
    }
}

impl Handler<FellBehind> for Dashboard {
    type Result = ();

    fn handle(&mut self, _: FellBehind, ctx: &mut Self::Context) {
        Self::close(ctx, CloseCode::Again, "frames were not read in time");
    }
}

impl Handler<SignOut> for Dashboard {
    type Result = ();

    fn handle(&mut self, _: SignOut, ctx: &mut Self::Context) {
        Self::close(ctx, CloseCode::Policy, "signed out");
    }
}

/// An empty result is left out.
fn ack(id: &Value, result: Value) -> String {
    let mut frame = json!({ "type": "ack", "id": id });
    if result.as_object().is_some_and(|fields| !fields.is_empty()) {
        frame["result"] = result;
    }
    frame.to_string()
}

fn refused(id: &Value, status: u16, detail: &str) -> String {
    json!({ "type": "refused", "id": id, "status": status, "detail": detail }).to_string()
}
