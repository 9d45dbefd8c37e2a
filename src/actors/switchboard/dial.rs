//! Calls out and transfers, carried out: who is asked to make them, and what came of it.
//!
//! ```text
//! Effect::Dial     -> a trunk with `dial`, where there is one (lines_out)
//!                  -> else Twilio's API               -> Dialling, CallAnswered, NotDialled
//! Effect::Transfer -> Twilio's API, for calls it has  -> TransferEnded
//!                  -> else the far end itself: REFER (lines_out)
//! ```

use actix::{AsyncContext, Context, Handler};

use crate::{
    actors::{
        clock,
        message::{
            Dialling, GiveUpCall, NotDialled, PassOn, PlaceCall, Push, TransferEnded, TwilioUp,
        },
        switchboard::Switchboard,
    },
    domain::{CallId, Cause, Direction, OperatorId, Stage},
};

impl Switchboard {
    /// Calls the number. What keeps it from being called comes back as a message, as from any line.
    pub(super) fn dial(&mut self, call: CallId, number: String, ctx: &Context<Self>) {
        let cannot = |cause: Cause, why: &str| {
            ctx.address().do_send(NotDialled {
                call,
                cause,
                why: why.to_owned(),
            });
        };
        if self.closing {
            return cannot(Cause::Shutdown, "the switch is being shut down.");
        }
        if self.dials_by_trunk() {
            return self.dial_by_trunk(call, number, ctx);
        }
        let from = self.desk.call(call).map(|call| call.dialled.clone());
        match (&self.twilio, from) {
            (Some(twilio), Some(from)) => twilio.do_send(PlaceCall {
                call,
                to: number,
                from,
            }),
            (None, _) | (_, None) => cannot(Cause::InternalError, "no line makes calls."),
        }
    }

    /// A call is over that has no leg here: if Twilio makes it, Twilio is told to stop.
    pub(super) fn give_up(&self, call: CallId) {
        let made = self
            .desk
            .call(call)
            .filter(|call| call.direction == Direction::Outbound && call.times.answered.is_none());
        if let (Some(twilio), Some(made)) = (&self.twilio, made) {
            twilio.do_send(GiveUpCall {
                call,
                call_sid: made.twilio_call_sid.clone(),
            });
        }
    }

    pub(super) fn transfer(&mut self, call: CallId, number: String, ctx: &Context<Self>) {
        let sid = self
            .desk
            .call(call)
            .filter(|call| call.by_voice_api)
            .and_then(|call| call.twilio_call_sid.clone());
        match (&self.twilio, sid) {
            (Some(twilio), Some(call_sid)) => twilio.do_send(PassOn {
                call,
                call_sid,
                number,
            }),
            (None, _) | (_, None) => {
                self.transfer_by_line(call, number, ctx.address().recipient());
            }
        }
    }

    /// Tells an operator a sentence on every dashboard of theirs.
    pub(super) fn notify(&self, operator: OperatorId, text: &str) {
        let frame = serde_json::json!({ "type": "notice", "level": "warning", "text": text });
        self.audience
            .tell(operator, &Push(frame.to_string().into()));
    }
}

impl Handler<TwilioUp> for Switchboard {
    type Result = ();

    fn handle(&mut self, TwilioUp(twilio): TwilioUp, _: &mut Context<Self>) {
        self.twilio = Some(twilio);
    }
}

impl Handler<Dialling> for Switchboard {
    type Result = ();

    fn handle(&mut self, Dialling { call, call_sid }: Dialling, ctx: &mut Context<Self>) {
        self.desk.carrier_dials(call, &call_sid);
        let given_up = self
            .desk
            .call(call)
            .is_some_and(|call| call.stage == Stage::Completed && call.times.answered.is_none());
        if let (true, Some(twilio)) = (given_up, &self.twilio) {
            // It was given up before we knew Twilio's name for it.
            twilio.do_send(GiveUpCall {
                call,
                call_sid: Some(call_sid),
            });
        }
        self.settle(ctx);
    }
}

impl Handler<NotDialled> for Switchboard {
    type Result = ();

    fn handle(&mut self, not: NotDialled, ctx: &mut Context<Self>) {
        self.desk
            .not_dialled(clock::utc(), not.call, not.cause, &not.why);
        self.settle(ctx);
    }
}

impl Handler<TransferEnded> for Switchboard {
    type Result = ();

    fn handle(&mut self, ended: TransferEnded, ctx: &mut Context<Self>) {
        let outcome = ended.outcome.as_ref().copied().map_err(String::as_str);
        self.desk.transfer_ended(clock::utc(), ended.call, outcome);
        self.settle(ctx);
    }
}
