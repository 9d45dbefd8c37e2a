//! What the desk decided, carried out: orders to rooms and calls on their media threads.

use actix::{Actor, Context};

use crate::{
    actors::{
        message::{
            Admit, Close, EndLeg, Release, ResetLoudness, SetDenoised, SetDucking, SetGain,
            SetMuted, SetPlaces,
        },
        room::{self, RoomActor},
        switchboard::Switchboard,
    },
    domain::{CallId, Effect, EpisodeId, RoomName, Stage},
};

impl Switchboard {
    pub(super) fn carry_out(&mut self, effect: Effect, ctx: &Context<Self>) {
        match effect {
            Effect::Place { call, stage, room } => self.place(call, stage, room),
            Effect::SetPlaces { episode, places } => {
                if let Some(lobby) = self.rooms.get(&self.lobby(episode)) {
                    lobby.do_send(SetPlaces(places));
                }
            }
            Effect::SetMuted { call, muted } => {
                if let Some(line) = self.lines.get(&call) {
                    line.call.do_send(SetMuted(muted));
                    if let Some(room @ (RoomName::Live(_) | RoomName::Screening(..))) = line.room {
                        let room = room.to_string();
                        self.peers
                            .bridge
                            .set_call_muted(&room, &room::identity(call), muted);
                    }
                }
            }
            Effect::SetGain { call, gain_db } => {
                if let Some(line) = self.lines.get(&call) {
                    line.call.do_send(SetGain(gain_db));
                }
            }
            Effect::SetDenoised { call, denoised } => {
                if let Some(line) = self.lines.get(&call) {
                    line.call.do_send(SetDenoised(denoised));
                }
            }
            Effect::SetDucking { episode, ducking } => {
                if let Some(room) = self.rooms.get(&RoomName::Live(episode)) {
                    room.do_send(SetDucking(ducking));
                }
            }
            Effect::ResetLoudness(episode) => {
                if let Some(room) = self.rooms.get(&RoomName::Live(episode)) {
                    room.do_send(ResetLoudness);
                }
            }
            Effect::HangUp { call, cause } => {
                self.leave_room(call, true);
                if let Some(line) = self.lines.get(&call) {
                    line.call.do_send(EndLeg(cause));
                } else {
                    self.give_up(call);
                }
            }
            Effect::OpenRoom(room) => {
                if let RoomName::Screening(episode, _) = room {
                    self.open_room(room, episode);
                }
            }
            Effect::Dial { call, number } => self.dial(call, number, ctx),
            Effect::Transfer { call, target } => self.transfer(call, target, ctx),
            Effect::Notify { operator, text } => self.notify(operator, &text),
            Effect::OpenStudio(episode) => self.open_studio(episode),
            Effect::CloseStudio(episode) => self.close_studio(episode),
            Effect::CloseRoom(room) => self.close_room(room),
        }
    }

    fn place(&mut self, call: CallId, stage: Stage, room: RoomName) {
        let Some(ticket) = self.ticket(call) else {
            return;
        };
        if let (Stage::Screening, RoomName::Screening(episode, _)) = (stage, room) {
            self.open_room(room, episode);
        }
        if let Some(actor) = self.rooms.get(&room) {
            actor.do_send(Admit(ticket));
        } else {
            tracing::error!(room.name = %room, call.id = %call, "this room is not open");
        }
        self.leave_room(call, false);
        if let Some(line) = self.lines.get_mut(&call) {
            line.room = Some(room);
        }
    }

    /// The room the call was in shows it to browsers no more; `ended`: nor does any other.
    pub(super) fn leave_room(&mut self, call: CallId, ended: bool) {
        let room = self.lines.get_mut(&call).and_then(|line| line.room.take());
        if let Some(actor) = room.and_then(|room| self.rooms.get(&room)) {
            actor.do_send(Release { call, ended });
        }
    }

    fn open_studio(&mut self, episode: EpisodeId) {
        self.studios.insert(episode, self.media_thread(episode));
        for room in room::of_episode(episode, self.lobby(episode)) {
            self.open_room(room, episode);
        }
    }

    fn close_studio(&mut self, episode: EpisodeId) {
        for room in room::of_episode(episode, self.lobby(episode)) {
            self.close_room(room);
        }
        self.studios.remove(&episode);
    }

    /// The name of the episode's lobby.
    pub(super) fn lobby(&self, episode: EpisodeId) -> RoomName {
        let show = self
            .desk
            .episode(episode)
            .and_then(|episode| self.desk.show(episode.show_id));
        RoomName::Lobby(show.filter(|show| !show.first).map(|show| show.id))
    }

    fn open_room(&mut self, room: RoomName, episode: EpisodeId) {
        let thread = self.media_thread(episode);
        let Some(arbiter) = self.peers.media.get(thread) else {
            return;
        };
        let (limits, bridge) = (self.desk.limits(), self.peers.bridge.clone());
        let actor =
            RoomActor::start_in_arbiter(arbiter, move |_| RoomActor::new(room, &limits, bridge));
        self.rooms.insert(room, actor);
    }

    fn close_room(&mut self, room: RoomName) {
        if let Some(actor) = self.rooms.remove(&room) {
            actor.do_send(Close);
        }
    }
}
