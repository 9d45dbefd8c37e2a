//! Calls that come in and calls that are gone.

use actix::{Actor, AsyncContext, Context, Handler, MessageResult};

use crate::{
    actors::{
        call::{CallActor, CallPeers, CallPlan, Invitation, Start, Welcome},
        clock,
        message::{
            Announce, Announced, CallAnswered, CallGone, CallTicket, Invited, Respond, SipUp,
        },
        random,
        switchboard::{Line, Switchboard},
    },
    domain::{Arrival, CallId, CallerId, Cause, EpisodeId, RoomName, Verdict, number::Masked},
    media::asset::PromptId,
    sip::{Incoming, InviteSession, trunk::CallFields},
};

/// Longest name or number that is taken from SIP, in characters.
const TEXT_MAX: usize = 64;

fn clean(text: String) -> String {
    text.chars()
        .filter(|character| !character.is_control())
        .take(TEXT_MAX)
        .collect()
}

fn arrival(request: &Incoming, fields: CallFields, known: Option<CallId>) -> Arrival {
    Arrival {
        new_call: CallId(random::id()),
        new_caller: CallerId(random::id()),
        known,
        from: fields.caller.map(clean),
        dialled: fields.called.map(clean).unwrap_or_default(),
        display_name: fields.name.map(clean).unwrap_or_default(),
        twilio_call_sid: fields.carrier_call.map(clean).filter(|_| known.is_none()),
        sip_call_id: Some(request.call_id().to_owned()),
    }
}

fn answer(invited: Invited) -> Start {
    Start::Answer(Invitation {
        txn: invited.txn,
        request: invited.request,
        at: invited.at,
        media: invited.media,
    })
}

impl Switchboard {
    /// Starts the actor of a call on its media thread.
    pub(super) fn start_call(
        &mut self,
        id: CallId,
        start: Start,
        thread: usize,
        welcome: Welcome,
        ctx: &Context<Self>,
    ) {
        let (Some(sip), Some(arbiter)) = (self.sip.clone(), self.peers.media.get(thread)) else {
            return;
        };
        let plan = CallPlan {
            id,
            start,
            welcome,
            public_ip: self.peers.public_ip,
        };
        let peers = CallPeers {
            sip,
            switchboard: ctx.address(),
            metrics: self.peers.metrics.clone(),
        };
        let call = CallActor::start_in_arbiter(arbiter, move |_| CallActor::new(plan, peers));
        self.lines.insert(
            id,
            Line {
                call,
                room: None,
                quality: None,
            },
        );
    }

    fn admit(
        &mut self,
        id: CallId,
        invited: Invited,
        (episode, room): (EpisodeId, RoomName),
        ctx: &Context<Self>,
    ) {
        let thread = self.media_thread(episode);
        let ticket = self.ticket(id);
        let (Some(actor), Some(ticket)) = (self.rooms.get(&room).cloned(), ticket) else {
            self.refuse(invited, 503);
            return self.desk.gone(clock::utc(), id, Cause::InternalError, None);
        };
        // Whom we called is awaited by an operator, not by music.
        let greeted = CallTicket {
            greet: matches!(room, RoomName::Lobby(_)),
            ..ticket
        };
        self.start_call(
            id,
            answer(invited),
            thread,
            Welcome::Room(actor, greeted),
            ctx,
        );
        if let Some(line) = self.lines.get_mut(&id) {
            line.room = Some(room);
        }
    }

    pub(super) fn refuse(&self, invited: Invited, status: u16) {
        let txn = invited.txn;
        let after = random::retry_after_s();
        let headers = [("Retry-After", after.as_str())];
        let headers = if status == 503 { &headers[..] } else { &[] };
        let response = match InviteSession::new(invited.request) {
            Ok(mut session) => session.reject(status, None, headers).ok(),
            Err(response) => Some(*response),
        };
        if let (Some(sip), Some(response)) = (&self.sip, response) {
            sip.do_send(Respond { txn, response });
        }
    }
}

impl Handler<Invited> for Switchboard {
    type Result = ();

    fn handle(&mut self, invited: Invited, ctx: &mut Context<Self>) {
        if let Some(why) = self.sends_away() {
            return self.send_away(invited, why);
        }
        let arrival = arrival(&invited.request, invited.fields.clone(), invited.known);
        match self.desk.arrive(clock::utc(), arrival) {
            Verdict::Admit {
                call,
                room,
                episode,
            } => self.admit(call, invited, (episode, room), ctx),
            Verdict::Announce { call, lines_closed } => {
                let prompt = if lines_closed {
                    PromptId::LineClosed
                } else {
                    PromptId::NoShow
                };
                self.start_call(call, answer(invited), 0, Welcome::Announcement(prompt), ctx);
            }
            Verdict::Refuse {
                status,
                call,
                cause,
            } => {
                tracing::info!(call.id = %call, sip.status = status, call.cause = %cause.label(), "call refused");
                self.refuse(invited, status);
            }
        }
        self.settle(ctx);
    }
}

impl Handler<Announce> for Switchboard {
    type Result = MessageResult<Announce>;

    fn handle(&mut self, Announce(arrival): Announce, ctx: &mut Context<Self>) -> Self::Result {
        let verdict = self.desk.arrive(clock::utc(), arrival);
        self.settle(ctx);
        MessageResult(verdict)
    }
}

impl Handler<CallAnswered> for Switchboard {
    type Result = ();

    fn handle(&mut self, CallAnswered(call): CallAnswered, ctx: &mut Context<Self>) {
        self.desk.answered(clock::utc(), call);
        if let Some(call) = self.desk.call(call) {
            let from = call.from.as_deref().unwrap_or("withheld");
            tracing::info!(call.id = %call.id, call.from = %Masked(from), "call answered");
        }
        self.settle(ctx);
    }
}

impl Handler<Announced> for Switchboard {
    type Result = ();

    fn handle(&mut self, Announced(call): Announced, ctx: &mut Context<Self>) {
        self.desk.announcement_ended(clock::utc(), call);
        self.settle(ctx);
    }
}

impl Handler<CallGone> for Switchboard {
    type Result = ();

    fn handle(&mut self, gone: CallGone, ctx: &mut Context<Self>) {
        self.leave_room(gone.call, true);
        self.lines.remove(&gone.call);
        self.desk
            .gone(clock::utc(), gone.call, gone.cause, gone.quality);
        self.settle(ctx);
    }
}

impl Handler<SipUp> for Switchboard {
    type Result = ();

    fn handle(&mut self, SipUp(sip): SipUp, ctx: &mut Context<Self>) {
        self.sip = Some(sip);
        // Not before: the studios of episodes that an earlier run left on air need the media threads.
        self.settle(ctx);
        self.gauge();
    }
}
