//! One telephone call: an actor that owns its SIP dialog and its RTP leg.
//!
//! ```text
//! INVITE -> port, SDP answer -> 200 at once -> leg in the table -> lobby
//! re-INVITE -> leg renegotiated;  BYE, RTP timeout, drop, panic -> stopped(): leg away, port rests, desk told
//! ```
//! Audio never passes through here. However the call ends, it ends in [`Actor::stopped`], once, with one cause.

use std::{net::IpAddr, time::Instant};

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler};

use crate::{
    actors::{
        clock,
        message::{
            Admit, Announced, CallAnswered, CallGone, CallTicket, DialogDown, DialogUp, EndLeg, InDialog, OnLeg,
            Respond, SendRequest, SetMuted, SetPosition,
        },
        metrics::Metrics,
        random,
        room::RoomActor,
        sip::SipActor,
        studio,
        switchboard::Switchboard,
    },
    domain::{CallId, Cause},
    media::{
        LegChange, LegSpec, Place, asset::PromptId, g711::Law, stats::LegReport,
        table::MediaEvent,
    },
    sip::{
        EndpointEvent, HangUp, Incoming, InviteSession, MediaAddress, Outgoing, Reason, SessionError, SessionEvent,
        TxnKey,
        sdp::{Codec, Negotiated},
    },
};

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
    /// Our address in SDP; the flow's own when not set.
    pub public_ip: Option<IpAddr>,
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
    public_ip: Option<IpAddr>,
    port: Option<studio::Port>,
    cause: Option<Cause>,
}

/// A BYE's Reason for each cause (RFC 3326, Q.850).
fn reason(cause: &Cause) -> Reason {
    match cause {
        Cause::RtpTimeout => Reason::q850(102, "RTP timeout"),
        Cause::NoAck => Reason::sip(408, "ACK timeout"),
        Cause::NoCommonCodec => Reason::q850(88, "Incompatible destination"),
        Cause::Blocked => Reason::q850(21, "Call rejected"),
        Cause::OutOfResources | Cause::InternalError => Reason::q850(41, "Temporary failure"),
        Cause::CallerHungUp
        | Cause::Cancelled
        | Cause::Dropped { .. }
        | Cause::LobbyFull
        | Cause::BusyAll
        | Cause::NoShow
        | Cause::ShowEnded
        | Cause::NeverArrived
        | Cause::SipError(_)
        | Cause::Shutdown
        | Cause::SwitchRestarted
        | Cause::Carrier(_) => Reason::q850(16, "Normal call clearing"),
    }
}

fn leg_change(agreed: &Negotiated) -> LegChange {
    LegChange {
        law: match agreed.codec {
            Codec::Pcmu => Law::Mu,
            Codec::Pcma => Law::A,
        },
        payload_type: agreed.payload_type,
        dtmf_payload_type: agreed.dtmf_payload_type,
        remote: agreed.remote,
        receive: agreed.direction.receives(),
        send: agreed.direction.sends(),
    }
}

fn quality(report: &LegReport) -> String {
    serde_json::json!({
        "received": report.received,
        "lost": report.lost,
        "jitterMs": report.jitter_ms,
        "sent": report.sent,
        "foreign": report.foreign,
        "overRate": report.over_rate,
    })
    .to_string()
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
            cause: None,
        }
    }

    fn answer(&mut self, ctx: &mut Context<Self>) -> Result<(), Cause> {
        let Some(request) = self.request.take() else { return Err(Cause::InternalError) };
        let (now, local) = (clock::now(), request.source().local.ip());
        let mut session = match InviteSession::new(request) {
            Ok(session) => session,
            Err(response) => {
                self.respond(self.txn, *response);
                return Err(Cause::SipError(400));
            }
        };
        let Some(port) = studio::with(|studio| studio.open_port(now)).flatten() else {
            self.reject(&mut session, 503, &[("Retry-After", "10")]);
            return Err(Cause::OutOfResources);
        };
        let media = MediaAddress {
            addr: self.public_ip.filter(|ip| ip.is_ipv4() == local.is_ipv4()).unwrap_or(local),
            port: port.number,
            session_id: random::u64() >> 2,
            prefer: vec![Codec::Pcmu, Codec::Pcma],
        };
        self.port = Some(port);
        let answer = match session.answer(media, &[("X-Call-Id", &self.id.to_string())]) {
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
        self.peers.sip.do_send(DialogUp { key, txn: self.txn, call: ctx.address().recipient() });
        self.respond(self.txn, answer.response);
        self.peers.metrics.invite_to_answer.observe(clock::now().saturating_duration_since(self.at).as_secs_f64());
        self.session = Some(session);
        if let Some(agreed) = answer.negotiated {
            self.leg_up(&agreed, ctx);
        }
        Ok(())
    }

    fn reject(&self, session: &mut InviteSession, status: u16, headers: &[(&str, &str)]) {
        if let Ok(response) = session.reject(status, None, headers) {
            self.respond(self.txn, response);
        }
    }

    fn respond(&self, txn: TxnKey, response: rsip::Response) {
        self.peers.sip.do_send(Respond { txn, response });
    }

    fn send(&self, outgoing: Outgoing) {
        if let Some(session) = &self.session {
            let (peer, next_hop) = (session.peer(), session.next_hop());
            self.peers.sip.do_send(SendRequest { peer, next_hop, outgoing });
        }
    }

    fn leg_up(&mut self, agreed: &Negotiated, ctx: &Context<Self>) {
        let Some(port) = self.port.take() else { return };
        let LegChange { law, payload_type, dtmf_payload_type, remote, receive, send } = leg_change(agreed);
        let spec = LegSpec {
            law,
            payload_type,
            dtmf_payload_type,
            remote,
            receive,
            send,
            ssrc: random::u32(),
            sequence: random::sequence(),
            timestamp: random::u32(),
        };
        let (id, call) = (self.id, ctx.address());
        studio::with(|studio| {
            let leg = studio.table.add_leg(clock::now(), spec);
            studio.connect(id, call, leg, port);
            if let Some(Welcome::Announcement(prompt)) = self.welcome {
                studio.table.place(leg, Place::Announce(prompt));
            }
        });
        if let Some(Welcome::Room(room, ticket)) = self.welcome.take() {
            room.do_send(Admit(ticket));
        }
        self.peers.switchboard.do_send(CallAnswered(id));
    }

    fn media_agreed(&mut self, agreed: &Negotiated, ctx: &Context<Self>) {
        if self.port.is_some() {
            return self.leg_up(agreed, ctx);
        }
        let change = leg_change(agreed);
        let id = self.id;
        studio::with(|studio| {
            if let Some(leg) = studio.leg(id) {
                studio.table.renegotiate(clock::now(), leg, change);
            }
        });
    }

    /// Ends the telephone leg from our side.
    fn hang_up(&mut self, cause: Cause, ctx: &mut Context<Self>) {
        let Some(session) = self.session.as_mut() else { return };
        let how = session.hang_up(reason(&cause));
        self.cause.get_or_insert(cause);
        match how {
            HangUp::Bye(bye) => {
                self.send(*bye);
                ctx.stop();
            }
            // The ACK, or its absence, brings the BYE.
            HangUp::AfterAck => {}
            HangUp::Unanswered => {
                if let Some(mut session) = self.session.take() {
                    self.reject(&mut session, 480, &[]);
                }
                ctx.stop();
            }
            HangUp::Over => ctx.stop(),
        }
    }

    fn in_dialog(&mut self, txn: TxnKey, request: &Incoming, ctx: &mut Context<Self>) {
        let Some(session) = self.session.as_mut() else { return };
        let action = session.handle_request(request);
        self.respond(txn, action.response);
        match action.event {
            Some(SessionEvent::Reoffered(agreed)) => self.media_agreed(&agreed, ctx),
            Some(SessionEvent::HungUp { reason, unanswered }) => {
                if let Some(response) = unanswered {
                    self.respond(self.txn, response);
                }
                tracing::debug!(call.id = %self.id, ?reason, "caller hung up");
                self.cause.get_or_insert(Cause::CallerHungUp);
                ctx.stop();
            }
            Some(SessionEvent::Dtmf { digit, .. }) => tracing::debug!(call.id = %self.id, %digit, "key by INFO"),
            None => {}
        }
    }

    fn acked(&mut self, body: &[u8], ctx: &mut Context<Self>) {
        let Some(session) = self.session.as_mut() else { return };
        let outcome = session.handle_ack(body);
        if let Some(agreed) = outcome.negotiated {
            self.media_agreed(&agreed, ctx);
        }
        if let Some(bye) = outcome.bye {
            self.cause.get_or_insert(Cause::NoCommonCodec);
            self.send(bye);
            ctx.stop();
        }
    }

    fn ack_timed_out(&mut self, ctx: &mut Context<Self>) {
        self.cause.get_or_insert(Cause::NoAck);
        if let Some(bye) = self.session.as_mut().and_then(InviteSession::ack_timed_out) {
            self.send(bye);
        }
        ctx.stop();
    }

    fn cancelled(&mut self, ctx: &mut Context<Self>) {
        let Some(session) = self.session.as_mut() else { return };
        // When our 200 and the CANCEL crossed on their way to the endpoint, it has made a 487 of the 200.
        if let Ok(response) = session.cancelled() {
            self.respond(self.txn, response);
        }
        self.cause.get_or_insert(Cause::Cancelled);
        ctx.stop();
    }

    fn count(&self, report: &LegReport) {
        let metrics = &self.peers.metrics;
        metrics.rtp_packets.with_label_values(&["in"]).inc_by(report.received);
        metrics.rtp_packets.with_label_values(&["out"]).inc_by(report.sent);
        metrics.rtp_damage.with_label_values(&["lost"]).inc_by(report.lost);
        metrics.rtp_damage.with_label_values(&["foreign"]).inc_by(report.foreign);
        metrics.rtp_damage.with_label_values(&["over-rate"]).inc_by(report.over_rate);
        metrics.rtp_jitter.observe(f64::from(report.jitter_ms) / 1000.0);
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
        if let Some(report) = &report {
            self.count(report);
        }
        // Without a cause the actor died of a fault of ours: the far end must not be left on a dead line.
        let cause = self.cause.take().unwrap_or(Cause::InternalError);
        if cause == Cause::InternalError
            && let Some(HangUp::Bye(bye)) = self.session.as_mut().map(|session| session.hang_up(reason(&cause)))
        {
            self.send(*bye);
        }
        if let Some(session) = &self.session {
            self.peers.sip.do_send(DialogDown { key: session.dialog_key().clone(), txn: self.txn });
        }
        self.peers.switchboard.do_send(CallGone { call: id, cause, quality: report.as_ref().map(quality) });
    }
}

impl Handler<InDialog> for CallActor {
    type Result = ();

    fn handle(&mut self, InDialog(event): InDialog, ctx: &mut Self::Context) {
        match event {
            EndpointEvent::InDialog { txn, request, .. } => self.in_dialog(txn, &request, ctx),
            EndpointEvent::Acked { body, .. } => self.acked(&body, ctx),
            EndpointEvent::AckTimedOut { .. } => self.ack_timed_out(ctx),
            EndpointEvent::Cancelled { .. } => self.cancelled(ctx),
            EndpointEvent::TimedOut { .. }
            | EndpointEvent::Invited { .. }
            | EndpointEvent::Answered { .. }
            | EndpointEvent::FlowLost { .. } => {}
        }
    }
}

impl Handler<OnLeg> for CallActor {
    type Result = ();

    fn handle(&mut self, OnLeg(event): OnLeg, ctx: &mut Self::Context) {
        match event {
            MediaEvent::RtpTimeout { .. } => self.hang_up(Cause::RtpTimeout, ctx),
            MediaEvent::PromptEnded { .. } => self.peers.switchboard.do_send(Announced(self.id)),
            MediaEvent::Latched { from, .. } => tracing::debug!(call.id = %self.id, rtp.from = %from, "audio arrives"),
            MediaEvent::Dtmf { digit, .. } => tracing::debug!(call.id = %self.id, %digit, "key"),
            MediaEvent::Level { .. } => {}
        }
    }
}

impl Handler<EndLeg> for CallActor {
    type Result = ();

    fn handle(&mut self, EndLeg(cause): EndLeg, ctx: &mut Self::Context) {
        self.hang_up(cause, ctx);
    }
}

impl Handler<SetPosition> for CallActor {
    type Result = ();

    fn handle(&mut self, SetPosition(position): SetPosition, _: &mut Self::Context) {
        let id = self.id;
        studio::with(|studio| {
            if let Some(leg) = studio.leg(id) {
                studio.table.set_position(leg, Some(position));
            }
        });
    }
}

impl Handler<SetMuted> for CallActor {
    type Result = ();

    fn handle(&mut self, SetMuted(muted): SetMuted, _: &mut Self::Context) {
        let id = self.id;
        studio::with(|studio| {
            if let Some(leg) = studio.leg(id) {
                studio.table.set_muted(leg, muted);
            }
        });
    }
}
