//! Passing a call on (RFC 3515): the far end is asked to call somebody else, and the call ends once it has.

use std::time::Duration;

use actix::{AsyncContext, Context, Handler, Recipient};

use crate::{
    actors::{
        call::{CallActor, dialog::SipFarEnd},
        message::{TransferEnded, TransferTo},
    },
    domain::Cause,
    sip::Transfer,
};

/// How long the far end may take to try, from the REFER on: a telephone that rings there is given up before.
const TRANSFER_MAX: Duration = Duration::from_secs(60);

/// A transfer that is under way.
pub(super) struct Underway {
    outcome: Recipient<TransferEnded>,
    was_taken: bool,
}

impl CallActor {
    /// News of the transfer.
    pub(super) fn transferring(&mut self, news: Option<Transfer>, ctx: &mut Context<Self>) {
        let Some(news) = news else {
            return;
        };
        tracing::info!(call.id = %self.id, ?news, "transfer");
        let outcome = match news {
            Transfer::Taken => {
                if let Some(underway) = &mut self.transfer {
                    underway.was_taken = true;
                }
                return;
            }
            Transfer::Progressed(_) => return,
            Transfer::Ended(200..300) => Ok(()),
            Transfer::Ended(code) => Err(format!(
                "whom they were passed on to did not take the call ({code})."
            )),
            Transfer::Refused(code) => Err(format!(
                "the caller's line refused to pass the call on ({code})."
            )),
            Transfer::Unknown => Err("the caller's line did not say what became of it.".to_owned()),
        };
        let succeeded = outcome.is_ok();
        self.transfer_ended(outcome);
        if succeeded {
            self.hang_up(Cause::Transferred, ctx);
        }
    }

    /// The far end hung up: after it took the order, that is how many say that they are done.
    pub(super) fn hung_up_cause(&mut self) -> Cause {
        let was_taken = self
            .transfer
            .as_ref()
            .is_some_and(|underway| underway.was_taken);
        if was_taken {
            self.transfer_ended(Ok(()));
            return Cause::Transferred;
        }
        Cause::CallerHungUp
    }

    /// Tells the outcome once.
    pub(super) fn transfer_ended(&mut self, outcome: Result<(), String>) {
        if let Some(underway) = self.transfer.take() {
            let call = self.id;
            underway.outcome.do_send(TransferEnded { call, outcome });
        }
    }
}

impl Handler<TransferTo> for CallActor {
    type Result = ();

    fn handle(&mut self, order: TransferTo, ctx: &mut Self::Context) {
        let call = self.id;
        let refer = match self.sip() {
            Some(SipFarEnd { session, .. }) => session
                .transfer(&order.target)
                .map_err(|error| format!("{error}.")),
            None => Err("this caller's line cannot be passed on.".to_owned()),
        };
        match refer {
            Ok(refer) => {
                self.transfer = Some(Underway {
                    outcome: order.outcome,
                    was_taken: false,
                });
                self.send(refer);
                ctx.run_later(TRANSFER_MAX, |call, ctx| {
                    let news = call.sip().and_then(|sip| sip.session.transfer_timed_out());
                    call.transferring(news, ctx);
                });
            }
            Err(why) => order.outcome.do_send(TransferEnded {
                call,
                outcome: Err(why),
            }),
        }
    }
}
