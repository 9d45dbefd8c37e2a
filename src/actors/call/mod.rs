//! One telephone call: an actor that owns its far end's signalling and its leg.
//!
//! ```text
//! INVITE -> port, SDP answer -> 200 at once -> leg in the table -> lobby;   Media Stream -> leg in the table -> lobby
//! re-INVITE -> leg renegotiated;  BYE, stop, timeout, drop, panic -> stopped(): leg away, port rests, desk told
//! ```
//! Audio never passes through here. However the call ends, it ends in [`Actor::stopped`], once, with one cause.

mod answer;
mod dial;
mod dialog;
mod encryption;
mod leg;
mod line;
mod stream;
mod transfer;

use actix::{Actor, ActorContext, Addr, Context};

use crate::{
    actors::{
        clock,
        message::{CallGone, CallTicket},
        metrics::Metrics,
        room::RoomActor,
        sip::SipActor,
        stream::StreamLeg,
        studio,
        switchboard::Switchboard,
    },
    config::PublicIp,
    domain::{CallId, Cause},
    media::asset::PromptId,
    sip::Reason,
};

pub use answer::Invitation;
pub use dial::Dialling;
use dialog::SipFarEnd;
use leg::quality;
use stream::StreamFarEnd;

/// What happens once the leg is up.
pub enum Welcome {
    /// Into this room.
    Room(Addr<RoomActor>, CallTicket),
    /// This prompt, then good-bye.
    Announcement(PromptId),
}

/// How the far end comes on the line.
pub enum Start {
    /// It sent an INVITE, which is answered.
    Answer(Invitation),
    /// Its Media Stream is here.
    Stream(StreamLeg),
    /// A number is dialled through a trunk.
    Dial(Dialling),
}

/// What a call is made of.
pub struct CallPlan {
    /// Its row.
    pub id: CallId,
    /// How it begins.
    pub start: Start,
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

/// Who is at the other end, and by what signalling.
enum FarEnd {
    /// Nobody yet, or nobody any more.
    Nobody,
    /// Nobody yet, but the SIP actor dials.
    Dialled,
    /// A SIP dialog.
    Sip(Box<SipFarEnd>),
    /// The WebSocket of a Media Stream.
    Stream(StreamFarEnd),
}

/// One telephone call.
pub struct CallActor {
    id: CallId,
    peers: CallPeers,
    start: Option<Start>,
    far_end: FarEnd,
    welcome: Option<Welcome>,
    public_ip: PublicIp,
    port: Option<studio::Port>,
    holds_port: bool,
    cause: Option<Cause>,
    /// Why the far end hung up, in its words.
    far_reason: Option<Reason>,
    /// A transfer that is under way.
    transfer: Option<transfer::Underway>,
}

impl CallActor {
    /// A call that begins once it is started on its media thread.
    pub fn new(plan: CallPlan, peers: CallPeers) -> Self {
        Self {
            id: plan.id,
            peers,
            start: Some(plan.start),
            far_end: FarEnd::Nobody,
            welcome: Some(plan.welcome),
            public_ip: plan.public_ip,
            port: None,
            holds_port: false,
            cause: None,
            far_reason: None,
            transfer: None,
        }
    }

    /// Keeps an RTP port for the leg that will use it.
    fn hold_port(&mut self, port: studio::Port) {
        self.port = Some(port);
        self.holds_port = true;
        self.peers.metrics.rtp_ports.inc();
    }

    /// Gives back a port that the far end was never told.
    fn give_back_port(&mut self) {
        if let Some(port) = self.port.take() {
            self.holds_port = false;
            self.peers.metrics.rtp_ports.dec();
            studio::with(|studio| studio.give_back(port));
        }
    }

    /// Ends the call from our side.
    fn hang_up(&mut self, cause: Cause, ctx: &mut Context<Self>) {
        match self.far_end {
            FarEnd::Nobody | FarEnd::Dialled => {
                self.cause.get_or_insert(cause);
                ctx.stop();
            }
            FarEnd::Sip(_) => self.hang_up_dialog(cause, ctx),
            FarEnd::Stream(_) => self.hang_up_stream(cause, ctx),
        }
    }

    /// The call is over: its far end must not be left on a dead line.
    fn leave_far_end(&mut self, cause: &Cause) {
        match self.far_end {
            // A stream closes when its far end is dropped.
            FarEnd::Nobody | FarEnd::Stream(_) => {}
            FarEnd::Dialled => self.give_up_dial(cause),
            FarEnd::Sip(_) => self.leave_dialog(cause),
        }
    }
}

impl Actor for CallActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let begun = match self.start.take() {
            Some(Start::Answer(invitation)) => self.answer(invitation, ctx),
            Some(Start::Stream(stream)) => self.take_stream(stream, ctx),
            Some(Start::Dial(dialling)) => self.dial(dialling, ctx),
            None => Err(Cause::InternalError),
        };
        if let Err(cause) = begun {
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
        // Without a cause the actor died of a fault of ours.
        let cause = self.cause.take().unwrap_or(Cause::InternalError);
        self.leave_far_end(&cause);
        self.transfer_ended(Err("the call ended before that.".to_owned()));
        self.peers.switchboard.do_send(CallGone {
            call: id,
            cause,
            quality: quality(report.as_ref(), self.far_reason.as_ref()),
        });
    }
}
