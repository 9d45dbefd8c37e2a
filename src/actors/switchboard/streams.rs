//! Calls that come in as Media Streams: the webhook has made their row, and one stream may take it.

use actix::{Context, Handler, MessageResult};

use crate::{
    actors::{
        call::{Start, Welcome},
        clock,
        message::CallTicket,
        random,
        stream::{StreamArrived, StreamPeer, StreamRefused},
        switchboard::Switchboard,
    },
    domain::{Arrival, Call, CallId, CallerId, Cause, RoomName, Stage, Verdict},
    media::asset::PromptId,
};

impl Switchboard {
    /// The row that waits for this stream. A token is used once: with the stream's name in it, a row waits no more.
    fn waits_for(&self, arrived: &StreamArrived) -> Option<&Call> {
        let call = self.desk.call(arrived.call)?;
        let is_its = call.twilio_call_sid.as_deref() == Some(arrived.call_sid.as_str());
        let waits = call.stage != Stage::Completed && call.sip_call_id.is_none();
        (is_its && waits).then_some(call)
    }

    fn take_stream(
        &mut self,
        arrived: StreamArrived,
        ctx: &Context<Self>,
    ) -> Result<StreamPeer, StreamRefused> {
        if let Some(why) = self.sends_away() {
            let turned_away = &self.peers.metrics.capacity.turned_away;
            turned_away.with_label_values(&[why]).inc();
            return Err(StreamRefused::Closing);
        }
        let call = self.waits_for(&arrived).ok_or(StreamRefused::NotExpected)?;
        let arrival = Arrival {
            new_call: CallId(random::id()),
            new_caller: CallerId(random::id()),
            known: Some(call.id),
            from: call.from.clone(),
            dialled: call.dialled.clone(),
            display_name: String::new(),
            twilio_call_sid: None,
            sip_call_id: Some(arrived.stream_sid),
        };
        let id = arrived.call;
        let (thread, welcome, room) = match self.desk.arrive(clock::utc(), arrival) {
            Verdict::Admit { room, episode, .. } => {
                let Some((actor, ticket)) = self.rooms.get(&room).cloned().zip(self.ticket(id))
                else {
                    self.desk.gone(clock::utc(), id, Cause::InternalError, None);
                    return Err(StreamRefused::NotTaken);
                };
                // Whom we called is awaited by an operator, not by music.
                let ticket = CallTicket {
                    greet: matches!(room, RoomName::Lobby(_)),
                    ..ticket
                };
                let welcome = Welcome::Room(actor, ticket);
                (self.media_thread(episode), welcome, Some(room))
            }
            Verdict::Announce { lines_closed, .. } => {
                let prompt = if lines_closed {
                    PromptId::LineClosed
                } else {
                    PromptId::NoShow
                };
                (0, Welcome::Announcement(prompt), None)
            }
            Verdict::Refuse { .. } => return Err(StreamRefused::NotTaken),
        };
        self.start_call(id, Start::Stream(arrived.leg), thread, welcome, ctx);
        let line = self.lines.get_mut(&id).ok_or(StreamRefused::NotTaken)?;
        line.room = room;
        Ok(StreamPeer {
            keys: line.call.clone().recipient(),
            end: line.call.clone().recipient(),
        })
    }
}

impl Handler<StreamArrived> for Switchboard {
    type Result = MessageResult<StreamArrived>;

    fn handle(&mut self, arrived: StreamArrived, ctx: &mut Context<Self>) -> Self::Result {
        let taken = self.take_stream(arrived, ctx);
        self.settle(ctx);
        MessageResult(taken)
    }
}
