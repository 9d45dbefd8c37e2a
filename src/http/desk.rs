//! Questions and presses from the web to the switchboard, with a limit to the waiting.

use std::time::Duration;

use crate::{
    actors::{message::AtDesk, random},
    domain::{Command, Desk, Operator, Refusal, UnixMs, desk::Reply},
    http::{Web, problem::Problem},
};

/// How long the switchboard may take.
const PATIENCE: Duration = Duration::from_secs(5);

impl Web {
    /// Runs `work` at the desk, between any two presses of others.
    pub(super) async fn at_desk<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Desk, UnixMs) -> R + Send + 'static,
    ) -> Result<R, Problem> {
        Ok(self
            .switchboard
            .send(AtDesk::new(work))
            .timeout(PATIENCE)
            .await?)
    }

    /// Carries out a press and shows what came of it, before the desk forgets a call or an episode that it ended.
    pub(super) async fn press<V: Send + 'static>(
        &self,
        by: Operator,
        command: Command,
        show: impl FnOnce(&Desk, Reply) -> Result<V, Refusal> + Send + 'static,
    ) -> Result<V, Problem> {
        let command = command.with_ids(random::new_ids());
        let (operator, name) = (by.clone(), command.name());
        self.carry_out(&operator, name, move |desk, now| {
            let reply = desk.command(now, &by, &command)?;
            show(desk, reply)
        })
        .await
    }

    /// Does at the desk what an operator asked for, and counts it as a press.
    pub(super) async fn carry_out<V: Send + 'static>(
        &self,
        by: &Operator,
        name: &'static str,
        work: impl FnOnce(&mut Desk, UnixMs) -> Result<V, Refusal> + Send + 'static,
    ) -> Result<V, Problem> {
        let done = self.at_desk(work).await?;
        let outcome = if done.is_ok() { "done" } else { "refused" };
        self.metrics.commands.with_label_values(&[outcome]).inc();
        tracing::info!(operator.id = %by.id, operator.role = by.role.label(), command = name, outcome, "press by HTTP");
        Ok(done?)
    }
}
