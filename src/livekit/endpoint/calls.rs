//! Phone callers in a room: publish-only participants of kind SIP with one microphone track.

use std::collections::BTreeMap;
use std::time::Instant;

use livekit_protocol as proto;
use proto::participant_info::Kind;

use super::forward::Rewriter;
use super::join::JoinRefusal;
use super::message::LeaveCause;
use super::participant::{Participant, Track};
use super::{Endpoint, SessionId, TrackKey};
use crate::livekit::token::RoomPass;
use crate::rtc::AudioPacket;

/// How a call is shown to browsers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallParticipant {
    /// Unique per call, never per number.
    pub identity: String,
    /// For people to read.
    pub name: String,
    /// `sip.callID`, `sip.phoneNumber`, ... as LiveKit's SIP service sets them.
    pub attributes: BTreeMap<String, String>,
}

impl Endpoint {
    /// Shows a call in a room. Its audio follows by [`Endpoint::send_call_audio`]. A call that is
    /// there already under this identity is replaced.
    ///
    /// # Errors
    /// [`JoinRefusal::IdentityTaken`] by a browser, [`JoinRefusal::RoomFull`],
    /// [`JoinRefusal::TooManyRooms`].
    pub fn publish_call(
        &mut self,
        now: Instant,
        room: &str,
        call: CallParticipant,
    ) -> Result<TrackKey, JoinRefusal> {
        match self.session_of(room, &call.identity) {
            Some(taken) if self.is_browser(taken) => return Err(JoinRefusal::IdentityTaken),
            Some(former) => self.remove(now, former, LeaveCause::Evicted),
            None => self.admit_call(room)?,
        }
        let pass = RoomPass {
            kind: Kind::Sip,
            attributes: call.attributes,
            can_subscribe: false,
            ..RoomPass::new(room, &call.identity, &call.name)
        };
        let session = self.sids.session();
        let key = self.sids.track();
        let track = Track {
            sid: self.sids.sid("TR_"),
            owner: session,
            name: "caller".to_owned(),
            source: proto::TrackSource::Microphone,
            stream: String::new(),
            muted: false,
            cid: String::new(),
            mid: None,
            live: true,
            unmutes: 0,
            to_switch: Rewriter::default(),
        };
        let mut participant = Participant::new(pass, self.sids.sid("PA_"), self.unix_ms(now), None);
        participant.tracks.push(key);
        self.join_room(now, room, session);
        self.participants.insert(session, participant);
        self.tracks.insert(key, track);
        self.announce(session);
        self.negotiate_room(now, room);
        self.settle(now);
        Ok(key)
    }

    /// Replaces a call's attributes.
    pub fn set_call_attributes(
        &mut self,
        room: &str,
        identity: &str,
        attributes: BTreeMap<String, String>,
    ) {
        let Some(session) = self.session_of(room, identity) else {
            return;
        };
        let Some(participant) = self.participants.get_mut(&session) else {
            return;
        };
        participant.pass.attributes = attributes;
        self.announce(session);
    }

    /// Shows a call as muted or not; while it is, its audio is not forwarded.
    pub fn set_call_muted(&mut self, room: &str, identity: &str, muted: bool) {
        let Some(session) = self
            .session_of(room, identity)
            .filter(|s| !self.is_browser(*s))
        else {
            return;
        };
        for track in self
            .tracks
            .values_mut()
            .filter(|track| track.owner == session)
        {
            track.mute(muted);
        }
        self.announce(session);
    }

    /// One packet of a call's voice. `packet.seq` and `packet.timestamp` run on over silence.
    pub fn send_call_audio(&mut self, now: Instant, track: TrackKey, packet: &AudioPacket) {
        self.forward(now, track, 0, packet);
        self.settle(now);
    }

    /// Whether anybody in the room could hear its calls.
    #[must_use]
    pub fn has_browsers(&self, room: &str) -> bool {
        let room = self.rooms.get(room);
        room.is_some_and(|room| room.members.iter().any(|session| self.is_browser(*session)))
    }

    fn is_browser(&self, session: SessionId) -> bool {
        self.participants
            .get(&session)
            .is_some_and(|participant| participant.link.is_some())
    }

    fn admit_call(&self, room: &str) -> Result<(), JoinRefusal> {
        let limits = &self.config.limits;
        match self.rooms.get(room) {
            None if self.rooms.len() >= limits.rooms_max => Err(JoinRefusal::TooManyRooms),
            None => Ok(()),
            Some(room) => {
                let calls = room
                    .members
                    .iter()
                    .filter(|session| !self.is_browser(**session));
                let full = calls.count() >= limits.calls_per_room_max;
                if full {
                    Err(JoinRefusal::RoomFull)
                } else {
                    Ok(())
                }
            }
        }
    }
}
