//! What browsers do in the rooms: presence for the desk, microphones for the mixes. And what is done there to our calls.

use actix::{Context, Handler};

use crate::{
    actors::{
        bridge::{BridgeEvent, TransportState},
        clock,
        health::LiveKit,
        message::{FromBridge, MicrophoneDown, MicrophoneMuted, MicrophoneUp},
        room::{self, RoomActor},
        switchboard::Switchboard,
    },
    domain::{CallId, RoomName, UnixMs},
};

impl Switchboard {
    fn room(&self, name: &str) -> Option<&actix::Addr<RoomActor>> {
        name.parse::<RoomName>()
            .ok()
            .and_then(|room| self.rooms.get(&room))
    }

    fn call_removed(&mut self, room: &str, identity: &str) {
        if let Some((room, call)) = call_in(room, identity) {
            tracing::info!(room.name = %room, call.id = %call, "call removed on the LiveKit side");
            self.desk.removed_from_room(clock::utc(), room, call);
        }
    }

    fn call_muted(&mut self, room: &str, identity: &str, muted: bool) {
        if let Some((room, call)) = call_in(room, identity) {
            tracing::info!(room.name = %room, call.id = %call, muted, "call muted on the LiveKit side");
            self.desk.muted_from_room(clock::utc(), room, call, muted);
        }
    }

    /// Dashboards are told at once.
    fn transport(&mut self, state: TransportState) {
        let state = match state {
            TransportState::Up => {
                tracing::info!("LiveKit is there");
                LiveKit::Ok
            }
            TransportState::Lost { why, since_unix_ms } => {
                tracing::warn!(
                    why,
                    "LiveKit is lost: browsers are cut off, callers are not"
                );
                let since = UnixMs(i64::try_from(since_unix_ms).unwrap_or(i64::MAX));
                LiveKit::Lost { why, since }
            }
        };
        self.peers.health.set_livekit(state);
        self.publish_health();
    }
}

fn call_in(room: &str, identity: &str) -> Option<(RoomName, CallId)> {
    Some((room.parse().ok()?, room::call_of(identity)?))
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
            BridgeEvent::CallRemoved { room, identity } => self.call_removed(&room, &identity),
            BridgeEvent::CallMuted {
                room,
                identity,
                muted,
            } => self.call_muted(&room, &identity, muted),
            BridgeEvent::Transport(state) => self.transport(state),
        }
        self.settle(ctx);
    }
}
