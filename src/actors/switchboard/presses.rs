//! Operators' presses, and whatever else is asked at the desk.

use actix::{Context, Handler, MessageResult};

use crate::{
    actors::{
        clock,
        message::{AtDesk, Press},
        random,
        switchboard::Switchboard,
    },
    domain::{Refusal, desk::Reply},
};

impl Handler<Press> for Switchboard {
    type Result = Result<Reply, Refusal>;

    fn handle(&mut self, press: Press, ctx: &mut Context<Self>) -> Self::Result {
        let command = press.command.with_ids(random::new_ids());
        let done = self.desk.command(clock::utc(), &press.by, &command);
        let outcome = if done.is_ok() { "done" } else { "refused" };
        self.peers
            .metrics
            .commands
            .with_label_values(&[outcome])
            .inc();
        tracing::info!(operator.id = %press.by.id, operator.role = press.by.role.label(), command = command.name(), outcome, "press");
        self.settle(ctx);
        done
    }
}

impl<R: Send + 'static> Handler<AtDesk<R>> for Switchboard {
    type Result = MessageResult<AtDesk<R>>;

    fn handle(&mut self, AtDesk(work): AtDesk<R>, ctx: &mut Context<Self>) -> Self::Result {
        let result = work(&mut self.desk, clock::utc());
        self.settle(ctx);
        MessageResult(result)
    }
}
