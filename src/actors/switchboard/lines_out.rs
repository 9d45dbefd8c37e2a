//! Calls out and transfers by our own lines: a trunk is dialled, a far end is asked to pass its call on.
//!
//! ```text
//! number -> CallActor (dials) -> CallAnswered, in its screening room;  CallGone with the cause
//! target -> CallActor (REFER) -> TransferEnded
//! ```

use actix::{AsyncContext, Context, Handler, Recipient};

use crate::{
    actors::{
        call::{Dialling, Start, Welcome},
        message::{CallGone, CallTicket, DialledAs, TransferEnded, TransferTo},
        switchboard::Switchboard,
    },
    domain::{CallId, Cause, RoomName},
};

impl Switchboard {
    /// Whether a trunk takes calls of ours.
    pub fn dials_by_trunk(&self) -> bool {
        self.peers.trunk_dials
    }

    /// Calls a number through a trunk, into the screening room of the call.
    pub fn dial_by_trunk(&mut self, call: CallId, number: String, ctx: &Context<Self>) {
        let episode = self.desk.call(call).and_then(|call| call.episode_id);
        let room = episode.map(|episode| RoomName::Screening(episode, call));
        let actor = room.and_then(|room| self.rooms.get(&room).cloned());
        let (Some(episode), Some(actor), Some(ticket)) = (episode, actor, self.ticket(call)) else {
            return not_placed(call, ctx);
        };
        // Whom we called is awaited by an operator, not by music.
        let ticket = CallTicket {
            greet: false,
            ..ticket
        };
        let thread = self.media_thread(episode);
        let ring_max = self.peers.ring_max;
        let start = Start::Dial(Dialling { number, ring_max });
        self.start_call(call, start, thread, Welcome::Room(actor, ticket), ctx);
        match self.lines.get_mut(&call) {
            Some(line) => line.room = room,
            // The switch is only starting: there is no SIP yet.
            None => not_placed(call, ctx),
        }
    }

    /// Asks the far end of a call to call somebody else. `outcome` hears what became of it.
    pub fn transfer_by_line(
        &self,
        call: CallId,
        target: String,
        outcome: Recipient<TransferEnded>,
    ) {
        match self.lines.get(&call) {
            Some(line) => line.call.do_send(TransferTo { target, outcome }),
            None => outcome.do_send(TransferEnded {
                call,
                outcome: Err("this call is over.".to_owned()),
            }),
        }
    }
}

/// As every end of a call, this one comes by the mailbox.
fn not_placed(call: CallId, ctx: &Context<Switchboard>) {
    ctx.address().do_send(CallGone {
        call,
        cause: Cause::InternalError,
        quality: None,
    });
}

impl Handler<DialledAs> for Switchboard {
    type Result = ();

    fn handle(&mut self, dialled: DialledAs, ctx: &mut Context<Self>) {
        self.desk.dialled_as(dialled.call, dialled.sip_call_id);
        self.settle(ctx);
    }
}
