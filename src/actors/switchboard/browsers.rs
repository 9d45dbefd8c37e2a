//! What browsers do in the rooms: presence for the desk, microphones for the mixes.

use actix::{Context, Handler};

use crate::{
    actors::{
        bridge::BridgeEvent,
        message::{FromBridge, MicrophoneDown, MicrophoneMuted, MicrophoneUp},
        room::RoomActor,
        switchboard::Switchboard,
    },
    domain::RoomName,
};

impl Switchboard {
    fn room(&self, name: &str) -> Option<&actix::Addr<RoomActor>> {
        name.parse::<RoomName>()
            .ok()
            .and_then(|room| self.rooms.get(&room))
    }
}

impl Handler<FromBridge> for Switchboard {
    type Result = ();

    fn handle(&mut self, FromBridge(event): FromBridge, ctx: &mut Context<Self>) {
        match event {
            BridgeEvent::ParticipantJoined {
                room,
                identity,
                sid,
                ..
            } => {
                if let Ok(room) = room.parse::<RoomName>() {
                    tracing::info!(room.name = %room, identity, "browser joined");
                    self.desk.browser_joined(room, &sid, &identity);
                    self.audience.in_room(&identity, Some(room));
                }
            }
            BridgeEvent::ParticipantLeft {
                room,
                identity,
                sid,
            } => {
                if let Ok(room) = room.parse::<RoomName>() {
                    tracing::info!(room.name = %room, identity, "browser left");
                    self.desk.browser_left(room, &sid);
                    let still = self.desk.people_in(room).any(|other| other == identity);
                    self.audience.in_room(&identity, still.then_some(room));
                }
            }
            BridgeEvent::TrackUp {
                room,
                identity,
                track_sid,
                audio,
                muted,
            } => {
                if let Some(actor) = self.room(&room) {
                    actor.do_send(MicrophoneUp {
                        identity,
                        track: track_sid,
                        audio,
                        muted,
                    });
                }
            }
            BridgeEvent::TrackMuted {
                room,
                track_sid,
                muted,
                ..
            } => {
                if let Some(actor) = self.room(&room) {
                    actor.do_send(MicrophoneMuted {
                        track: track_sid,
                        muted,
                    });
                }
            }
            BridgeEvent::TrackDown {
                room, track_sid, ..
            } => {
                if let Some(actor) = self.room(&room) {
                    actor.do_send(MicrophoneDown { track: track_sid });
                }
            }
        }
        self.settle(ctx);
    }
}
