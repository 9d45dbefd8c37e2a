//! One telephone call: an actor that owns its SIP dialog and its RTP leg.
//!
//! ```text
//! INVITE -> port, SDP answer -> 200 at once -> leg in the table -> lobby
//! re-INVITE -> leg renegotiated;  BYE, RTP timeout, drop, panic -> stopped(): leg away, port rests, desk told
//! ```
//! Audio never passes through here. However the call ends, it ends in [`Actor::stopped`], once, with one cause.

mod dialog;
mod leg;

use std::time::Instant;

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, SpawnHandle};

use crate::{
    actors::{
        clock,
        message::{CallGone, CallTicket, DialogDown, DialogUp},
        metrics::Metrics,
        random,
        room::RoomActor,
        sip::SipActor,
        studio,
        switchboard::Switchboard,
    },
    config::PublicIp,
    domain::{CallId, Cause},
    media::asset::PromptId,
    net::address,
    sip::{
        HangUp, Incoming, InviteSession, MediaAddress, Reason, SessionError, TxnKey,
        sdp::{self, Codec},
    },
};

use dialog::reason;
use leg::quality;

/// What happens once the leg is up.
pub enum Welcome {
    /// Into this room.
    Room(Addr<RoomActor>, CallTicket),
    /// This prompt, then good-bye.
    Announcement(PromptId),
}

/// What a call is made of.
pub struct CallPlan {
    /// Its row.
    pub id: CallId,
    /// The INVITE's transaction.
    pub txn: TxnKey,
    /// The INVITE.
    pub request: Box<Incoming>,
    /// When it came in.
    pub at: Instant,
    /// What happens once the leg is up.
    pub welcome: Welcome,
    /// Our addresses in SDP; the flow's own when not set.
    pub public_ip: PublicIp,
}

/// Who a call talks to.
#[derive(Clone)]
pub struct CallPeers {
    /// For answers and requests.
    pub sip: Addr<SipActor>,
    /// For what happened.
    pub switchboard: Addr<Switchboard>,
    /// For what it was like.
    pub metrics: Metrics,
}

/// One telephone call.
pub struct CallActor {
    id: CallId,
    txn: TxnKey,
    at: Instant,
    peers: CallPeers,
    session: Option<InviteSession>,
    request: Option<Box<Incoming>>,
    welcome: Option<Welcome>,
    public_ip: PublicIp,
    port: Option<studio::Port>,
    holds_port: bool,
    position: Option<u16>,
    cause: Option<Cause>,
    session_timer: Option<SpawnHandle>,
    /// Why the far end hung up, in its words.
    far_reason: Option<Reason>,
}

impl CallActor {
    /// A call that answers once it is started on its media thread.
    pub fn new(plan: CallPlan, peers: CallPeers) -> Self {
        Self {
            id: plan.id,
            txn: plan.txn,
            at: plan.at,
            peers,
            session: None,
            request: Some(plan.request),
            welcome: Some(plan.welcome),
            public_ip: plan.public_ip,
            port: None,
            holds_port: false,
            position: None,
            cause: None,
            session_timer: None,
            far_reason: None,
        }
    }

    fn answer(&mut self, ctx: &mut Context<Self>) -> Result<(), Cause> {
        let Some(request) = self.request.take() else {
            return Err(Cause::InternalError);
        };
        let (now, local) = (clock::now(), request.source().local.ip());
        let far = request.sdp().and_then(sdp::audio_ip);
        let far = far.filter(|ip| studio::with(|studio| studio.serves(*ip)) == Some(true));
        let mut session = match InviteSession::new(request) {
            Ok(session) => session,
            Err(response) => {
                let status = response.status_code.code();
                self.respond(self.txn, *response);
                return Err(Cause::SipError(status));
            }
        };
        let Some(port) = studio::with(|studio| studio.open_port(now)).flatten() else {
            self.reject(&mut session, 503, &[("Retry-After", "10")]);
            return Err(Cause::OutOfResources);
        };
        let media = MediaAddress {
            addr: address::for_media(self.public_ip, local, far),
            port: port.number,
            session_id: random::u64() >> 2,
            prefer: vec![Codec::Pcmu, Codec::Pcma],
        };
        self.port = Some(port);
        self.holds_port = true;
        self.peers.metrics.rtp_ports.inc();
        let answer = match session.answer(now, media, &[("X-Call-Id", &self.id.to_string())]) {
            Ok(answer) => answer,
            Err(SessionError::Sdp(error)) => {
                tracing::info!(call.id = %self.id, %error, "refused: no audio that we take");
                self.reject(&mut session, 488, &[]);
                return Err(Cause::NoCommonCodec);
            }
            Err(error) => {
                tracing::error!(call.id = %self.id, %error, "cannot answer");
                return Err(Cause::InternalError);
            }
        };
        let key = session.dialog_key().clone();
        self.peers.sip.do_send(DialogUp {
            key,
            txn: self.txn,
            call: ctx.address().recipient(),
        });
        self.respond(self.txn, answer.response);
        self.peers.metrics.invite_to_answer.observe(
            clock::now()
                .saturating_duration_since(self.at)
                .as_secs_f64(),
        );
        self.session = Some(session);
        self.set_session_timer(ctx);
        if let Some(agreed) = answer.negotiated {
            self.leg_up(&agreed, ctx);
        }
        Ok(())
    }
}

impl Actor for CallActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if let Err(cause) = self.answer(ctx) {
            self.cause = Some(cause);
            ctx.stop();
        }
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        let now = clock::now();
        let (id, port) = (self.id, self.port.take());
        let report = studio::with(|studio| {
            if let Some(port) = port {
                studio.close_port(now, port);
            }
            studio.disconnect(now, id)
        });
        let report = report.flatten();
        if self.holds_port {
            self.peers.metrics.rtp_ports.dec();
        }
        if let Some(report) = &report {
            self.count(report);
        }
        // Without a cause the actor died of a fault of ours: the far end must not be left on a dead line.
        let cause = self.cause.take().unwrap_or(Cause::InternalError);
        if cause == Cause::InternalError
            && let Some(HangUp::Bye(bye)) = self
                .session
                .as_mut()
                .map(|session| session.hang_up(reason(&cause)))
        {
            self.send(*bye);
        }
        if let Some(session) = &self.session {
            self.peers.sip.do_send(DialogDown {
                key: session.dialog_key().clone(),
                txn: self.txn,
            });
        }
        self.peers.switchboard.do_send(CallGone {
            call: id,
            cause,
            quality: quality(report.as_ref(), self.far_reason.as_ref()),
        });
    }
}
