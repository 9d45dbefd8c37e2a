//! What stands between the switchboard and a dashboard that may not read.
//!
//! A WebSocket's actor runs only while its connection takes what it sends: one whose client does not read stands still, its mailbox
//! with it. So the frames go by this actor, which runs always: it hands over [`FRAMES_WAITING_MAX`] of them and then lets go of the
//! dashboard. The kernel ends the connection when the client still takes nothing (`http::door::tune`); one that wakes up finds
//! itself closed and comes back for a fresh snapshot.

use actix::{Actor, ActorContext as _, Addr, Context, Handler, dev::SendError};

use super::{Dashboard, DashboardPeers};
use crate::actors::message::{Detach, Push};

/// Frames that may wait for a client: half a minute of level meters.
pub(super) const FRAMES_WAITING_MAX: usize = 256;

/// To a dashboard: frames were lost, close.
#[derive(actix::Message)]
#[rtype(result = "()")]
pub(super) struct FellBehind;

/// Hands frames to one dashboard.
pub(super) struct Outbox {
    session: u64,
    dashboard: Addr<Dashboard>,
    peers: DashboardPeers,
}

impl Outbox {
    pub(super) fn new(session: u64, dashboard: Addr<Dashboard>, peers: DashboardPeers) -> Self {
        Self {
            session,
            dashboard,
            peers,
        }
    }
}

impl Actor for Outbox {
    type Context = Context<Self>;
}

impl Handler<Push> for Outbox {
    type Result = ();

    fn handle(&mut self, frame: Push, ctx: &mut Self::Context) {
        match self.dashboard.try_send(frame) {
            Ok(()) => {}
            Err(SendError::Full(_)) => {
                tracing::warn!(
                    session = self.session,
                    "a dashboard does not read and is cut off"
                );
                self.peers.metrics.dashboards_dropped.inc();
                self.peers.switchboard.do_send(Detach {
                    session: self.session,
                });
                // One message beyond the capacity: the last that it is sent.
                self.dashboard.do_send(FellBehind);
                ctx.stop();
            }
            Err(SendError::Closed(_)) => ctx.stop(),
        }
    }
}
