//! Whether new calls are taken at all: the switchboard says so when it drains, the watch when the switch has enough to carry.

use actix::{Context, Handler};

use crate::actors::{
    message::{Probe, SetDraining, SetOverloaded},
    sip::SipActor,
};

/// Why new calls are sent away, if they are.
#[derive(Debug, Default)]
pub(super) struct Doors {
    draining: bool,
    overloaded: bool,
    /// Calls that the endpoint has sent away and that are counted already.
    counted: u64,
}

impl Doors {
    /// The reason, for ladders and metrics.
    pub(super) fn why(&self) -> Option<&'static str> {
        match (self.draining, self.overloaded) {
            (true, _) => Some("draining"),
            (false, true) => Some("overloaded"),
            (false, false) => None,
        }
    }
}

impl SipActor {
    /// Counts the calls that were sent away since the last time.
    pub(super) fn count_turned_away(&mut self) {
        let all = self.endpoint.turned_away();
        let new = all.saturating_sub(self.doors.counted);
        if new > 0 {
            let why = self.doors.why().unwrap_or("burst");
            let turned_away = &self.metrics.capacity.turned_away;
            turned_away.with_label_values(&[why]).inc_by(new);
            self.doors.counted = all;
        }
    }

    fn set_doors(&mut self) {
        self.endpoint.set_draining(self.doors.why().is_some());
    }
}

impl Handler<SetDraining> for SipActor {
    type Result = ();

    fn handle(&mut self, SetDraining(draining): SetDraining, _: &mut Context<Self>) {
        self.doors.draining = draining;
        self.set_doors();
    }
}

impl Handler<SetOverloaded> for SipActor {
    type Result = ();

    fn handle(&mut self, SetOverloaded(overloaded): SetOverloaded, _: &mut Context<Self>) {
        self.doors.overloaded = overloaded;
        self.set_doors();
    }
}

impl Handler<Probe> for SipActor {
    type Result = ();

    fn handle(&mut self, _: Probe, _: &mut Context<Self>) {}
}
