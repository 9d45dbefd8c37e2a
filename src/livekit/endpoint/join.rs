//! Entering a room: the token, the query of `/rtc`, the limits, the first messages.

use std::time::Instant;

use livekit_protocol as proto;
use proto::participant_info::State;
use proto::signal_response::Message;
use url::form_urlencoded;

use super::message::LeaveCause;
use super::participant::{Link, Participant, Room};
use super::signal::FrameCount;
use super::speakers::Meter;
use super::{Endpoint, Event, Output, SessionId, Side, TOKEN_REFRESH};
use crate::livekit::token::{RoomPass, TokenError};
use crate::rtc::{Peer, PeerError};

/// The query of a client's `GET /rtc`, as far as we heed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinQuery {
    /// The token, for clients that cannot set a header on a WebSocket.
    pub access_token: Option<String>,
    /// The room, for clients that name it; it must be the token's.
    pub room: Option<String>,
    /// The client wants everything it may hear. True unless it says otherwise.
    pub auto_subscribe: bool,
    /// The client wants to resume a lost session.
    pub reconnect: bool,
}

impl JoinQuery {
    /// Reads a query string; what is unknown is ignored.
    pub fn parse(query: &str) -> Self {
        let mut parsed = Self {
            access_token: None,
            room: None,
            auto_subscribe: true,
            reconnect: false,
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let yes = matches!(value.as_ref(), "1" | "true");
            match name.as_ref() {
                "access_token" => parsed.access_token = Some(value.into_owned()),
                "room" if !value.is_empty() => parsed.room = Some(value.into_owned()),
                "auto_subscribe" => parsed.auto_subscribe = yes,
                "reconnect" => parsed.reconnect = yes,
                _ => {}
            }
        }
        parsed
    }
}

/// Why somebody may not enter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinRefusal {
    /// The token is no good.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The token opens another room than the one asked for.
    #[error("the access token is for another room")]
    WrongRoom,
    /// A call in the room has this identity.
    #[error("the identity belongs to a call")]
    IdentityTaken,
    /// The room is full.
    #[error("the room is full")]
    RoomFull,
    /// No further room can be opened.
    #[error("too many rooms")]
    TooManyRooms,
    /// Too many requests are waiting, or the endpoint is down.
    #[error("the audio endpoint is not available")]
    Unavailable,
}

impl JoinRefusal {
    /// The HTTP status that says so.
    pub fn status(&self) -> u16 {
        match self {
            Self::Token(_) => 401,
            Self::WrongRoom | Self::IdentityTaken => 403,
            Self::RoomFull | Self::TooManyRooms => 429,
            Self::Unavailable => 503,
        }
    }
}

impl From<PeerError> for JoinRefusal {
    fn from(_: PeerError) -> Self {
        Self::Unavailable
    }
}

impl Endpoint {
    /// Lets a browser in. What it is to be told follows as [`Output::Signal`].
    ///
    /// A session cannot be resumed: with `reconnect` the client gets a `Leave` that makes it join
    /// anew, and the session given here is already over.
    ///
    /// `unix_ms` is the wall clock, which a sleeping machine does not keep with the monotonic one.
    ///
    /// # Errors
    /// See [`JoinRefusal`].
    pub fn join(
        &mut self,
        now: Instant,
        unix_ms: u64,
        token: &str,
        query: &JoinQuery,
    ) -> Result<SessionId, JoinRefusal> {
        self.wall_clock = (now, unix_ms);
        let pass = self.config.keys.verify(token, unix_ms / 1000)?;
        if query.room.as_ref().is_some_and(|room| *room != pass.room) {
            return Err(JoinRefusal::WrongRoom);
        }
        let session = self.sids.session();
        if query.reconnect {
            if let Some(leave) = LeaveCause::ResumeRefused.leave() {
                self.send(session, Message::Leave(leave));
            }
            self.outputs.push_back(Output::CloseSignal { session });
            return Ok(session);
        }
        self.admit(&pass)?;
        let link = self.link(now, session, query)?;
        if let Some(former) = self.session_of(&pass.room, &pass.identity) {
            self.remove(now, former, LeaveCause::Evicted);
        }
        self.enter(now, session, pass, link);
        self.settle(now);
        Ok(session)
    }

    /// Is there a place for it?
    fn admit(&self, pass: &RoomPass) -> Result<(), JoinRefusal> {
        let Some(room) = self.rooms.get(&pass.room) else {
            let full = self.rooms.len() >= self.config.limits.rooms_max;
            return if full {
                Err(JoinRefusal::TooManyRooms)
            } else {
                Ok(())
            };
        };
        let mut browsers = 0;
        for member in room
            .members
            .iter()
            .filter_map(|session| self.participants.get(session))
        {
            match (&member.link, member.pass.identity == pass.identity) {
                (None, true) => return Err(JoinRefusal::IdentityTaken),
                (Some(_), false) => browsers += 1,
                (None, false) | (Some(_), true) => {}
            }
        }
        if browsers >= self.config.limits.browsers_per_room_max {
            return Err(JoinRefusal::RoomFull);
        }
        Ok(())
    }

    fn link(
        &mut self,
        now: Instant,
        session: SessionId,
        query: &JoinQuery,
    ) -> Result<Link, JoinRefusal> {
        let mut publisher = Peer::ice_lite(now, &self.config.candidates)?;
        let mut subscriber = Peer::ice_lite(now, &self.config.candidates)?;
        self.mux
            .register(&publisher.ufrag(), (session, Side::Publisher));
        self.mux
            .register(&subscriber.ufrag(), (session, Side::Subscriber));
        Ok(Link {
            publisher,
            subscriber,
            slots: Vec::new(),
            outstanding: None,
            offers: 0,
            auto_subscribe: query.auto_subscribe,
            choices: Default::default(),
            disabled: Default::default(),
            joined_at: now,
            connected: false,
            signal_lost_at: None,
            refresh_at: now + TOKEN_REFRESH,
            frames: FrameCount::new(now),
        })
    }

    fn enter(&mut self, now: Instant, session: SessionId, pass: RoomPass, link: Link) {
        let sid = self.sids.sid("PA_");
        let joined = Event::ParticipantJoined {
            room: pass.room.clone(),
            identity: pass.identity.clone(),
            name: pass.name.clone(),
            sid: sid.clone(),
        };
        self.join_room(now, &pass.room, session);
        let participant = Participant::new(pass, sid, self.unix_ms(now), Some(link));
        self.participants.insert(session, participant);
        self.outputs.push_back(Output::Event(joined));
        if let Some(response) = self.join_response(session) {
            self.send(session, Message::Join(response));
        }
        self.send_fresh_token(session);
        self.announce(session);
        self.negotiate(now, session);
    }

    /// Puts a member into a room, which begins with its first one.
    pub(super) fn join_room(&mut self, now: Instant, room: &str, session: SessionId) {
        let created_unix_ms = self.unix_ms(now);
        let sids = &mut self.sids;
        let room = self.rooms.entry(room.to_owned()).or_insert_with(|| Room {
            sid: sids.sid("RM_"),
            created_unix_ms,
            members: Vec::new(),
            speakers_due: None,
        });
        room.members.push(session);
    }
}

impl Participant {
    pub(super) fn new(pass: RoomPass, sid: String, unix_ms: u64, link: Option<Link>) -> Self {
        Self {
            pass,
            sid,
            joined_unix_ms: unix_ms,
            version: 0,
            state: if link.is_some() {
                State::Joined
            } else {
                State::Active
            },
            tracks: Vec::new(),
            meter: Meter::default(),
            link,
        }
    }
}
