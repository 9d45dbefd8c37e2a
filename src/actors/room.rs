//! A room of the show on its media thread: who is in it decides what is mixed, who is heard, and which browsers hear callers.
//!
//! ```text
//! caller in  -> place the leg -> (live, screening) tap its voice -> bridge: one publish-only participant
//! microphone -> source on the mix;  hold room = everybody hears the live room's hold feed
//! ```

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use actix::{Actor, ActorContext, Context, Handler};

use crate::{
    actors::{
        bridge::{CallTrack, LeaveCause, RoomLimit, RoomTransport},
        message::{
            Admit, CallTicket, Close, MicrophoneDown, MicrophoneMuted, MicrophoneUp, Release,
            ResetLoudness, SetDucking, SetPlaces,
        },
        shown::{CallShown, CallStatus},
        studio,
    },
    domain::{CallId, EpisodeId, Limits, Role, RoomName},
    media::{MediaTable, Place, RoomKey, SourceKey, feed::Playlist},
};

/// Frames between the tick and the browsers' thread: 160 ms, far more than either is ever late.
const RING: usize = 8;

/// Supervises one room.
pub struct RoomActor {
    name: RoomName,
    limit: RoomLimit,
    bridge: RoomTransport,
    published: HashMap<CallId, CallShown>,
    /// Places in line, of a lobby's callers: told before a new caller's leg is up.
    places: HashMap<CallId, u16>,
    microphones: HashMap<String, SourceKey>,
}

impl RoomActor {
    /// The room, not yet open.
    pub fn new(name: RoomName, limits: &Limits, bridge: RoomTransport) -> Self {
        Self {
            name,
            limit: limits.of(name).into(),
            bridge,
            published: HashMap::new(),
            places: HashMap::new(),
            microphones: HashMap::new(),
        }
    }

    /// Browsers are in screening and live rooms only.
    fn has_mix(&self) -> bool {
        matches!(self.name, RoomName::Screening(..) | RoomName::Live(_))
    }

    fn publish(&mut self, ticket: CallTicket) {
        let (voice, audio) = rtrb::RingBuffer::new(RING);
        let heard = Arc::new(AtomicBool::new(true));
        let name = self.name;
        let tapped = studio::with(|studio| {
            let (leg, mix) = studio
                .leg(ticket.call)
                .zip(studio.rooms.get(&name).copied())?;
            studio.taps.insert(leg, name);
            studio.table.tap(leg, mix, voice, Arc::clone(&heard)).ok()
        });
        if tapped.flatten().is_none() {
            tracing::error!(room.name = %name, call.id = %ticket.call, "browsers cannot hear this caller");
            return;
        }
        self.bridge.publish_call(
            &self.name.to_string(),
            CallTrack {
                identity: identity(ticket.call),
                name: ticket.shown.name.clone(),
                attributes: ticket.shown.attributes.clone(),
                audio,
                heard,
            },
        );
        self.published.insert(ticket.call, ticket.shown);
    }
}

/// What being in a room means for a leg, the table of spec S1 in one place: `mix` finds the mix of a room that has one.
pub fn placement(
    room: RoomName,
    greet: bool,
    mix: impl Fn(RoomName) -> Option<RoomKey>,
) -> Option<Place> {
    match room {
        RoomName::Lobby(_) if greet => Some(Place::Waiting(Playlist::welcome())),
        RoomName::Lobby(_) => Some(Place::Waiting(Playlist::again())),
        RoomName::Hold(episode) => mix(RoomName::Live(episode)).map(Place::Listen),
        RoomName::Screening(..) | RoomName::Live(_) => mix(room).map(Place::Seat),
    }
}

/// The LiveKit identity of a call: unique per call, never per number.
pub fn identity(call: CallId) -> String {
    format!("call:{call}")
}

/// Whether callers go down while the person behind this LiveKit identity speaks.
fn leads(identity: &str) -> bool {
    let role = identity.split(':').next().and_then(Role::from_label);
    role.is_some_and(Role::leads)
}

fn at_mix(name: RoomName, work: impl FnOnce(&mut MediaTable, RoomKey)) {
    studio::with(|studio| {
        if let Some(&mix) = studio.rooms.get(&name) {
            work(&mut studio.table, mix);
        }
    });
}

/// The call behind a LiveKit identity; `None` for anybody else's.
pub fn call_of(identity: &str) -> Option<CallId> {
    identity.strip_prefix("call:")?.parse().ok()
}

impl Actor for RoomActor {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        if self.has_mix() {
            let name = self.name;
            self.bridge.open_room(&name.to_string(), self.limit);
            studio::with(|studio| {
                let mix = match name {
                    RoomName::Live(_) => studio.table.add_live_room(),
                    RoomName::Lobby(_) | RoomName::Screening(..) | RoomName::Hold(_) => {
                        studio.table.add_room()
                    }
                };
                studio.rooms.insert(name, mix);
            });
        }
        tracing::debug!(room.name = %self.name, "room opened");
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        let name = self.name;
        studio::with(|studio| {
            for (_, source) in self.microphones.drain() {
                studio.table.remove_source(source);
                studio.sources.remove(source);
            }
            if let Some(mix) = studio.rooms.remove(&name) {
                studio.table.remove_room(mix);
            }
        });
        if self.has_mix() {
            self.bridge
                .close_room(&name.to_string(), LeaveCause::RoomClosed);
        }
        tracing::debug!(room.name = %name, "room closed");
    }
}

impl Handler<Admit> for RoomActor {
    type Result = ();

    fn handle(&mut self, Admit(ticket): Admit, _: &mut Self::Context) {
        let mix =
            |room: RoomName| studio::with(|studio| studio.rooms.get(&room).copied()).flatten();
        let Some(place) = placement(self.name, ticket.greet, mix) else {
            tracing::error!(room.name = %self.name, call.id = %ticket.call, "no mix for this room");
            return;
        };
        let in_line = self.places.get(&ticket.call).copied();
        let moved = studio::with(|studio| {
            let leg = studio.leg_to_move(ticket.call, ticket.turn)?;
            studio.table.place(leg, place);
            studio.table.set_position(leg, in_line);
            Some(leg)
        });
        if moved.flatten().is_some() && self.has_mix() {
            self.publish(ticket);
        }
    }
}

impl Handler<SetPlaces> for RoomActor {
    type Result = ();

    fn handle(&mut self, SetPlaces(places): SetPlaces, _: &mut Self::Context) {
        studio::with(|studio| {
            for &(call, place) in &places {
                if let Some(leg) = studio.leg(call) {
                    studio.table.set_position(leg, Some(place));
                }
            }
        });
        self.places.extend(places);
    }
}

impl Handler<Release> for RoomActor {
    type Result = ();

    fn handle(&mut self, Release { call, ended }: Release, _: &mut Self::Context) {
        self.places.remove(&call);
        if let Some(mut shown) = self.published.remove(&call) {
            let name = self.name;
            studio::with(|studio| {
                // The next room may have tapped the voice already.
                if let Some(leg) = studio
                    .leg(call)
                    .filter(|leg| studio.taps.get(*leg) == Some(&name))
                {
                    studio.taps.remove(leg);
                    studio.table.untap(leg);
                }
            });
            let (room, identity) = (name.to_string(), identity(call));
            if ended {
                shown.set_status(CallStatus::Hangup);
                self.bridge
                    .set_call_attributes(&room, &identity, shown.attributes);
            }
            self.bridge.unpublish_call(&room, &identity);
        }
    }
}

impl Handler<MicrophoneUp> for RoomActor {
    type Result = ();

    fn handle(&mut self, up: MicrophoneUp, _: &mut Self::Context) {
        let name = self.name;
        let source = studio::with(|studio| {
            let mix = studio.rooms.get(&name).copied()?;
            let source = studio.table.add_source(mix, up.audio).ok()?;
            studio.table.set_source_muted(source, up.muted);
            studio.table.set_source_leads(source, leads(&up.identity));
            studio.sources.insert(source, up.identity);
            Some(source)
        });
        if let Some(source) = source.flatten() {
            self.microphones.insert(up.track, source);
        }
    }
}

impl Handler<MicrophoneMuted> for RoomActor {
    type Result = ();

    fn handle(&mut self, message: MicrophoneMuted, _: &mut Self::Context) {
        if let Some(&source) = self.microphones.get(&message.track) {
            studio::with(|studio| studio.table.set_source_muted(source, message.muted));
        }
    }
}

impl Handler<MicrophoneDown> for RoomActor {
    type Result = ();

    fn handle(&mut self, message: MicrophoneDown, _: &mut Self::Context) {
        if let Some(source) = self.microphones.remove(&message.track) {
            studio::with(|studio| {
                studio.table.remove_source(source);
                studio.sources.remove(source);
            });
        }
    }
}

impl Handler<SetDucking> for RoomActor {
    type Result = ();

    fn handle(&mut self, SetDucking(ducking): SetDucking, _: &mut Self::Context) {
        at_mix(self.name, |table, mix| table.set_ducking(mix, ducking));
    }
}

impl Handler<ResetLoudness> for RoomActor {
    type Result = ();

    fn handle(&mut self, _: ResetLoudness, _: &mut Self::Context) {
        at_mix(self.name, MediaTable::reset_loudness);
    }
}

impl Handler<Close> for RoomActor {
    type Result = ();

    fn handle(&mut self, _: Close, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

/// The rooms that are open while an episode is on.
pub fn of_episode(episode: EpisodeId, lobby: RoomName) -> [RoomName; 3] {
    [lobby, RoomName::Hold(episode), RoomName::Live(episode)]
}
