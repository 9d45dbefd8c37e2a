//! Calls that are sent away because the switch takes no more of them: it is draining, or full.
//!
//! ```text
//! SIGTERM -> Drain::GoDown -> 503 to INVITE and OPTIONS, busy from the webhook -> calls end by themselves
//!                                                  deadline, or a second signal -> ShutDown -> BYE to the rest
//! ```

use actix::{Context, Handler};

use crate::{
    actors::{
        clock,
        health::Draining,
        message::{Drain, HealthChanged, Invited, LinesUp, SetDraining, ShutDown},
        switchboard::Switchboard,
    },
    domain::{Cause, Refusal},
};

impl Switchboard {
    /// Whether a new call is sent away, and under which name it is counted.
    pub(super) fn sends_away(&self) -> Option<&'static str> {
        if self.closing {
            return Some("draining");
        }
        let most = self.peers.calls_max;
        let is_full = most.is_some_and(|most| self.lines.len() >= most);
        is_full.then_some("max-calls")
    }

    /// 503 with Retry-After; no row is made.
    pub(super) fn send_away(&self, invited: Invited, why: &'static str) {
        let turned_away = &self.peers.metrics.capacity.turned_away;
        turned_away.with_label_values(&[why]).inc();
        self.peers
            .ladders
            .turned_away(invited.request.call_id(), why);
        self.refuse(invited, 503);
    }

    fn drain(&mut self, draining: Draining) {
        let closing = draining != Draining::No;
        match &draining {
            Draining::No => tracing::info!("new calls are taken again: no longer draining"),
            Draining::Asked { by } => {
                tracing::info!(
                    operator.name = by,
                    calls = self.lines.len(),
                    "draining: no new calls"
                );
            }
            Draining::GoingDown { until } => tracing::info!(
                calls = self.lines.len(),
                deadline_s = until.since(clock::utc()) / 1000,
                "going down: no new calls; those that are up may go on until the deadline"
            ),
        }
        self.closing = closing;
        self.peers.metrics.capacity.draining.set(closing.into());
        if let Some(sip) = &self.sip {
            sip.do_send(SetDraining(closing));
        }
        self.peers.health.set_draining(draining);
        self.publish_health();
    }
}

impl Handler<Drain> for Switchboard {
    type Result = Result<(), Refusal>;

    fn handle(&mut self, order: Drain, _: &mut Context<Self>) -> Self::Result {
        let is_going_down = matches!(self.peers.health.draining(), Draining::GoingDown { .. });
        match order {
            Drain::GoDown { until } => self.drain(Draining::GoingDown { until }),
            Drain::Begin { .. } if is_going_down => {}
            Drain::Begin { by } => self.drain(Draining::Asked { by }),
            Drain::End if is_going_down => {
                return Err(Refusal::Conflict(
                    "The switch is shutting down; that cannot be taken back.".into(),
                ));
            }
            Drain::End if self.closing => self.drain(Draining::No),
            Drain::End => {}
        }
        Ok(())
    }
}

impl Handler<ShutDown> for Switchboard {
    type Result = ();

    fn handle(&mut self, _: ShutDown, ctx: &mut Context<Self>) {
        if !self.closing {
            self.drain(Draining::GoingDown {
                until: clock::utc(),
            });
        }
        self.desk.end_all(clock::utc(), &Cause::Shutdown);
        self.settle(ctx);
    }
}

impl Handler<LinesUp> for Switchboard {
    type Result = usize;

    fn handle(&mut self, _: LinesUp, _: &mut Context<Self>) -> usize {
        self.lines.len()
    }
}

impl Handler<HealthChanged> for Switchboard {
    type Result = ();

    fn handle(&mut self, _: HealthChanged, _: &mut Context<Self>) {
        self.publish_health();
    }
}
