//! The dialog's side of a call: what the far end asks for, and how a call is hung up.

use std::sync::Arc;

use actix::{ActorContext, AsyncContext, Context, Handler, SpawnHandle};
use rsip::Method;

use crate::{
    actors::{
        call::{CallActor, FarEnd},
        clock,
        message::{DialogDown, EndLeg, InDialog, Respond, SendRequest},
    },
    domain::Cause,
    sip::{
        EndpointEvent, HangUp, Incoming, InviteSession, KeyPath, Outgoing, Reason, Refresh,
        SessionEvent, TxnKey, answers, trunk::TrunkMedia,
    },
};

/// A BYE's Reason for each cause (RFC 3326, Q.850).
pub(super) fn reason(cause: &Cause) -> Reason {
    match cause {
        Cause::RtpTimeout => Reason::q850(102, "RTP timeout"),
        Cause::SessionExpired => Reason::q850(102, "Session expired"),
        Cause::NoAck => Reason::sip(408, "ACK timeout"),
        Cause::NoCommonCodec => Reason::q850(88, "Incompatible destination"),
        Cause::Blocked => Reason::q850(21, "Call rejected"),
        Cause::OutOfResources | Cause::InternalError => Reason::q850(41, "Temporary failure"),
        Cause::CallerHungUp
        | Cause::Cancelled
        | Cause::Dropped { .. }
        | Cause::RemovedFromRoom
        | Cause::LobbyFull
        | Cause::BusyAll
        | Cause::NoShow
        | Cause::ShowEnded
        | Cause::NeverArrived
        | Cause::SipError(_)
        | Cause::Shutdown
        | Cause::SwitchRestarted
        | Cause::StreamLost
        | Cause::StreamError
        | Cause::Busy
        | Cause::NoAnswer
        | Cause::Declined
        | Cause::Unreachable
        | Cause::DiallerLeft
        | Cause::Transferred
        | Cause::Carrier(_) => Reason::q850(16, "Normal call clearing"),
    }
}

/// A SIP dialog with the far end.
pub(super) struct SipFarEnd {
    /// The INVITE's transaction.
    txn: TxnKey,
    pub(super) session: InviteSession,
    /// How its trunk's audio comes.
    pub(super) media: Arc<TrunkMedia>,
    /// The alarm of the session timer.
    timer: Option<SpawnHandle>,
}

impl SipFarEnd {
    pub(super) fn new(txn: TxnKey, session: InviteSession, media: Arc<TrunkMedia>) -> Self {
        Self {
            txn,
            session,
            media,
            timer: None,
        }
    }
}

impl CallActor {
    pub(super) fn sip(&mut self) -> Option<&mut SipFarEnd> {
        match &mut self.far_end {
            FarEnd::Sip(sip) => Some(sip),
            FarEnd::Nobody | FarEnd::Dialled | FarEnd::Stream(_) => None,
        }
    }

    pub(super) fn send(&self, outgoing: Outgoing) {
        if let FarEnd::Sip(sip) = &self.far_end {
            let session = &sip.session;
            self.peers.sip.do_send(SendRequest {
                dialog: session.dialog_key().clone(),
                peer: session.peer(),
                next_hop: session.next_hop(),
                outgoing,
            });
        }
    }

    pub(super) fn hang_up_dialog(&mut self, cause: Cause, ctx: &mut Context<Self>) {
        let Some(sip) = self.sip() else {
            return;
        };
        let txn = sip.txn;
        let how = sip.session.hang_up(reason(&cause));
        let refusal = match how {
            HangUp::Unanswered => sip.session.reject(480, None, &[]).ok(),
            HangUp::Bye(_) | HangUp::AfterAck | HangUp::Over => None,
        };
        self.cause.get_or_insert(cause);
        match how {
            HangUp::Bye(bye) => {
                self.send(*bye);
                ctx.stop();
            }
            // The ACK, or its absence, brings the BYE.
            HangUp::AfterAck => {}
            HangUp::Unanswered => {
                if let Some(response) = refusal {
                    self.peers.sip.do_send(Respond { txn, response });
                }
                ctx.stop();
            }
            HangUp::Over => ctx.stop(),
        }
    }

    pub(super) fn leave_dialog(&mut self, cause: &Cause) {
        let Some(sip) = self.sip() else {
            return;
        };
        let (key, txn) = (sip.session.dialog_key().clone(), sip.txn);
        if *cause == Cause::InternalError
            && let HangUp::Bye(bye) = sip.session.hang_up(reason(cause))
        {
            self.send(*bye);
        }
        self.peers.sip.do_send(DialogDown { key, txn });
    }

    pub(super) fn in_dialog(&mut self, txn: TxnKey, request: &Incoming, ctx: &mut Context<Self>) {
        let Some(sip) = self.sip() else {
            return;
        };
        let invite = sip.txn;
        let action = sip.session.handle_request(clock::now(), request);
        self.peers.sip.do_send(Respond {
            txn,
            response: action.response,
        });
        self.set_session_timer(ctx);
        match action.event {
            Some(SessionEvent::Reoffered(agreed)) => self.media_agreed(&agreed, ctx),
            Some(SessionEvent::HungUp { reason, unanswered }) => {
                if let Some(response) = unanswered {
                    self.peers.sip.do_send(Respond {
                        txn: invite,
                        response,
                    });
                }
                self.far_reason = reason;
                let cause = self.hung_up_cause();
                self.cause.get_or_insert(cause);
                ctx.stop();
            }
            Some(SessionEvent::Dtmf { digit, .. }) => self.key_pressed(digit),
            Some(SessionEvent::Transfer(news)) => self.transferring(Some(news), ctx),
            None => {}
        }
    }

    /// A key told in the audio.
    pub(super) fn key_by_rtp(&mut self, digit: char) {
        let sip = self.sip();
        if sip.is_some_and(|sip| sip.session.hears_key(KeyPath::Rtp)) {
            self.key_pressed(digit);
        }
    }

    pub(super) fn key_pressed(&self, digit: char) {
        tracing::debug!(call.id = %self.id, %digit, "key");
    }

    /// Sets the alarm for whatever the session timer wants next.
    pub(super) fn set_session_timer(&mut self, ctx: &mut Context<Self>) {
        let Some(sip) = self.sip() else {
            return;
        };
        if let Some(armed) = sip.timer.take() {
            ctx.cancel_future(armed);
        }
        sip.timer = sip.session.poll_timeout().map(|due| {
            let wait = due.saturating_duration_since(clock::now());
            ctx.run_later(wait, |call, ctx| {
                let due = call.sip();
                let due = due.and_then(|sip| sip.session.handle_timeout(clock::now()));
                call.session_due(due, ctx);
            })
        });
    }

    fn session_due(&mut self, due: Option<Refresh>, ctx: &mut Context<Self>) {
        match due {
            Some(Refresh::Ask(update)) => self.send(*update),
            Some(Refresh::Expired(bye)) => {
                self.cause.get_or_insert(Cause::SessionExpired);
                self.send(*bye);
                return ctx.stop();
            }
            None => {}
        }
        self.set_session_timer(ctx);
    }

    /// The final answer to a request of ours, or none in time.
    fn answered(
        &mut self,
        is_transfer: bool,
        answer: Option<&rsip::Response>,
        ctx: &mut Context<Self>,
    ) {
        if is_transfer {
            let sip = self.sip();
            let news = sip.and_then(|sip| sip.session.transfer_answered(answer));
            self.transferring(news, ctx);
        } else {
            self.refresh_answered(answer, ctx);
        }
    }

    fn refresh_answered(&mut self, answer: Option<&rsip::Response>, ctx: &mut Context<Self>) {
        let due = self.sip();
        let due = due.and_then(|sip| sip.session.handle_answer(clock::now(), answer));
        self.session_due(due, ctx);
    }

    pub(super) fn acked(&mut self, body: &[u8], ctx: &mut Context<Self>) {
        let Some(sip) = self.sip() else {
            return;
        };
        let outcome = sip.session.handle_ack(body);
        if let Some(agreed) = outcome.negotiated {
            self.media_agreed(&agreed, ctx);
        }
        if let Some(bye) = outcome.bye {
            self.cause.get_or_insert(Cause::NoCommonCodec);
            self.send(bye);
            ctx.stop();
        }
    }

    pub(super) fn ack_timed_out(&mut self, ctx: &mut Context<Self>) {
        self.cause.get_or_insert(Cause::NoAck);
        if let Some(bye) = self.sip().and_then(|sip| sip.session.ack_timed_out()) {
            self.send(bye);
        }
        ctx.stop();
    }

    pub(super) fn cancelled(&mut self, reason: Option<Reason>, ctx: &mut Context<Self>) {
        self.far_reason = reason;
        let Some(sip) = self.sip() else {
            return;
        };
        let txn = sip.txn;
        // When our 200 and the CANCEL crossed on their way to the endpoint, it has made a 487 of the 200.
        if let Ok(response) = sip.session.cancelled() {
            self.peers.sip.do_send(Respond { txn, response });
        }
        self.cause.get_or_insert(Cause::Cancelled);
        ctx.stop();
    }
}

impl Handler<InDialog> for CallActor {
    type Result = ();

    fn handle(&mut self, InDialog(event): InDialog, ctx: &mut Self::Context) {
        match event {
            EndpointEvent::InDialog { txn, request, .. } => self.in_dialog(txn, &request, ctx),
            EndpointEvent::Acked { body, .. } => self.acked(&body, ctx),
            EndpointEvent::AckTimedOut { .. } => self.ack_timed_out(ctx),
            EndpointEvent::Cancelled { reason, .. } => self.cancelled(reason, ctx),
            EndpointEvent::Answered { response, .. } => {
                let is_transfer = answers(&response, Method::Refer);
                self.answered(is_transfer, Some(&response), ctx);
            }
            EndpointEvent::TimedOut { method, .. } => {
                self.answered(method == Method::Refer, None, ctx)
            }
            EndpointEvent::Invited { .. }
            | EndpointEvent::Progressed { .. }
            | EndpointEvent::Accepted { .. }
            | EndpointEvent::GivenUp { .. }
            | EndpointEvent::FlowLost { .. } => {}
        }
    }
}

impl Handler<EndLeg> for CallActor {
    type Result = ();

    fn handle(&mut self, EndLeg(cause): EndLeg, ctx: &mut Self::Context) {
        self.hang_up(cause, ctx);
    }
}
