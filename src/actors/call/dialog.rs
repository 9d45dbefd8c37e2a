//! The dialog's side of a call: what the far end asks for, and how a call is hung up.

use actix::{ActorContext, AsyncContext, Context, Handler};

use crate::{
    actors::{
        call::CallActor,
        clock,
        message::{EndLeg, InDialog, Respond, SendRequest},
    },
    domain::Cause,
    sip::{
        EndpointEvent, HangUp, Incoming, InviteSession, KeyPath, Outgoing, Reason, Refresh,
        SessionEvent, TxnKey,
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
        | Cause::Busy
        | Cause::NoAnswer
        | Cause::Declined
        | Cause::Unreachable
        | Cause::DiallerLeft
        | Cause::Transferred
        | Cause::Carrier(_) => Reason::q850(16, "Normal call clearing"),
    }
}

impl CallActor {
    pub(super) fn reject(
        &self,
        session: &mut InviteSession,
        status: u16,
        headers: &[(&str, &str)],
    ) {
        if let Ok(response) = session.reject(status, None, headers) {
            self.respond(self.txn, response);
        }
    }

    pub(super) fn respond(&self, txn: TxnKey, response: rsip::Response) {
        self.peers.sip.do_send(Respond { txn, response });
    }

    pub(super) fn send(&self, outgoing: Outgoing) {
        if let Some(session) = &self.session {
            self.peers.sip.do_send(SendRequest {
                dialog: session.dialog_key().clone(),
                peer: session.peer(),
                next_hop: session.next_hop(),
                outgoing,
            });
        }
    }

    /// Ends the telephone leg from our side.
    pub(super) fn hang_up(&mut self, cause: Cause, ctx: &mut Context<Self>) {
        let Some(session) = self.session.as_mut() else {
            return;
        };
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

    pub(super) fn in_dialog(&mut self, txn: TxnKey, request: &Incoming, ctx: &mut Context<Self>) {
        let Some(session) = self.session.as_mut() else {
            return;
        };
        let action = session.handle_request(clock::now(), request);
        self.respond(txn, action.response);
        self.set_session_timer(ctx);
        match action.event {
            Some(SessionEvent::Reoffered(agreed)) => self.media_agreed(&agreed, ctx),
            Some(SessionEvent::HungUp { reason, unanswered }) => {
                if let Some(response) = unanswered {
                    self.respond(self.txn, response);
                }
                self.far_reason = reason;
                self.cause.get_or_insert(Cause::CallerHungUp);
                ctx.stop();
            }
            Some(SessionEvent::Dtmf { digit, .. }) => self.key_pressed(digit),
            None => {}
        }
    }

    /// A key told in the audio.
    pub(super) fn key_by_rtp(&mut self, digit: char) {
        let session = self.session.as_mut();
        if session.is_some_and(|session| session.hears_key(KeyPath::Rtp)) {
            self.key_pressed(digit);
        }
    }

    fn key_pressed(&self, digit: char) {
        tracing::debug!(call.id = %self.id, %digit, "key");
    }

    /// Sets the alarm for whatever the session timer wants next.
    pub(super) fn set_session_timer(&mut self, ctx: &mut Context<Self>) {
        if let Some(armed) = self.session_timer.take() {
            ctx.cancel_future(armed);
        }
        let due = self.session.as_ref().and_then(InviteSession::poll_timeout);
        self.session_timer = due.map(|due| {
            let wait = due.saturating_duration_since(clock::now());
            ctx.run_later(wait, |call, ctx| {
                let due = call.session.as_mut();
                let due = due.and_then(|session| session.handle_timeout(clock::now()));
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

    fn refresh_answered(&mut self, answer: Option<&rsip::Response>, ctx: &mut Context<Self>) {
        let due = self.session.as_mut();
        let due = due.and_then(|session| session.handle_answer(clock::now(), answer));
        self.session_due(due, ctx);
    }

    pub(super) fn acked(&mut self, body: &[u8], ctx: &mut Context<Self>) {
        let Some(session) = self.session.as_mut() else {
            return;
        };
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

    pub(super) fn ack_timed_out(&mut self, ctx: &mut Context<Self>) {
        self.cause.get_or_insert(Cause::NoAck);
        if let Some(bye) = self.session.as_mut().and_then(InviteSession::ack_timed_out) {
            self.send(bye);
        }
        ctx.stop();
    }

    pub(super) fn cancelled(&mut self, reason: Option<Reason>, ctx: &mut Context<Self>) {
        self.far_reason = reason;
        let Some(session) = self.session.as_mut() else {
            return;
        };
        // When our 200 and the CANCEL crossed on their way to the endpoint, it has made a 487 of the 200.
        if let Ok(response) = session.cancelled() {
            self.respond(self.txn, response);
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
            EndpointEvent::Answered { response, .. } => self.refresh_answered(Some(&response), ctx),
            EndpointEvent::TimedOut { .. } => self.refresh_answered(None, ctx),
            EndpointEvent::Invited { .. } | EndpointEvent::FlowLost { .. } => {}
        }
    }
}

impl Handler<EndLeg> for CallActor {
    type Result = ();

    fn handle(&mut self, EndLeg(cause): EndLeg, ctx: &mut Self::Context) {
        self.hang_up(cause, ctx);
    }
}
