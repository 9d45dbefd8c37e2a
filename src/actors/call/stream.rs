//! A call that came as a Media Stream: the socket's side of it.

use actix::{ActorContext, AsyncContext, Context, Handler};
use tokio::sync::oneshot;

use crate::{
    actors::{
        call::{CallActor, FarEnd},
        clock,
        stream::{StreamKey, StreamLeg, StreamOver},
        studio,
    },
    domain::Cause,
};

/// A WebSocket with the far end. Dropping it closes the socket, and Twilio hangs up.
pub(super) struct StreamFarEnd {
    hang_up: oneshot::Sender<()>,
}

impl CallActor {
    pub(super) fn take_stream(
        &mut self,
        stream: StreamLeg,
        ctx: &Context<Self>,
    ) -> Result<(), Cause> {
        let (id, call) = (self.id, ctx.address());
        let StreamLeg {
            rings,
            wake,
            hang_up,
        } = stream;
        let connected = studio::with(|studio| {
            let leg = studio.table.add_stream(clock::now(), rings);
            studio.connect_stream(id, call, leg, wake);
        });
        connected.ok_or(Cause::InternalError)?;
        self.far_end = FarEnd::Stream(StreamFarEnd { hang_up });
        self.welcome_leg();
        Ok(())
    }

    pub(super) fn hang_up_stream(&mut self, cause: Cause, ctx: &mut Context<Self>) {
        if let FarEnd::Stream(far_end) = std::mem::replace(&mut self.far_end, FarEnd::Nobody) {
            // A socket that is gone already is not told.
            far_end.hang_up.send(()).ok();
        }
        self.cause.get_or_insert(cause);
        ctx.stop();
    }
}

impl Handler<StreamKey> for CallActor {
    type Result = ();

    fn handle(&mut self, StreamKey(digit): StreamKey, _: &mut Self::Context) {
        self.key_pressed(digit);
    }
}

impl Handler<StreamOver> for CallActor {
    type Result = ();

    fn handle(&mut self, StreamOver(cause): StreamOver, ctx: &mut Self::Context) {
        self.cause.get_or_insert(cause);
        ctx.stop();
    }
}
