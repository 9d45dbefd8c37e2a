//! What we say on a browser's WebSocket: `SignalResponse` frames.

use livekit_protocol as proto;
use prost::Message as _;
use proto::DisconnectReason as Reason;
use proto::leave_request::Action;
use proto::signal_response::Message;

use super::participant::Participant;
use super::{Endpoint, Output, SessionId, TOKEN_REFRESH_TTL};

/// LiveKit's signalling protocol that we speak.
const PROTOCOL: i32 = 16;
/// Clients ask for features by server version; this one had all we have.
const SERVER_VERSION: &str = "1.9.0";
/// A client pings this often and gives up after the timeout, both in seconds.
const PING_INTERVAL_S: i32 = 5;
const PING_TIMEOUT_S: i32 = 15;

/// Why a participant's stay ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaveCause {
    /// It left, or its WebSocket closed and did not come back.
    Left,
    /// The same identity joined anew.
    Evicted,
    /// Removed by an operator, or its call ended.
    Removed,
    /// The room was closed.
    RoomClosed,
    /// The switch goes down; clients try again.
    Shutdown,
    /// The media connection was lost; the client joins anew.
    MediaLost,
    /// The media connection never came up.
    NeverConnected,
    /// A lost session cannot be resumed here; the client joins anew.
    ResumeRefused,
}

impl LeaveCause {
    /// What the client is told, `None` when it is the one who left.
    pub(super) fn leave(self) -> Option<proto::LeaveRequest> {
        let (reason, action) = match self {
            Self::Left => return None,
            Self::Evicted => (Reason::DuplicateIdentity, Action::Disconnect),
            Self::Removed => (Reason::ParticipantRemoved, Action::Disconnect),
            Self::RoomClosed => (Reason::RoomDeleted, Action::Disconnect),
            Self::Shutdown => (Reason::ServerShutdown, Action::Reconnect),
            Self::MediaLost => (Reason::MediaFailure, Action::Reconnect),
            Self::NeverConnected => (Reason::JoinFailure, Action::Disconnect),
            Self::ResumeRefused => (Reason::StateMismatch, Action::Reconnect),
        };
        Some(proto::LeaveRequest {
            can_reconnect: action != Action::Disconnect,
            reason: reason.into(),
            action: action.into(),
            ..Default::default()
        })
    }
}

impl Endpoint {
    /// Queues one message for one browser.
    pub(super) fn send(&mut self, session: SessionId, message: Message) {
        let frame = proto::SignalResponse {
            message: Some(message),
        }
        .encode_to_vec();
        self.outputs.push_back(Output::Signal { session, frame });
    }

    /// Tells the room, and the participant itself, how it looks now.
    pub(super) fn announce(&mut self, session: SessionId) {
        let Some(participant) = self.participants.get_mut(&session) else {
            return;
        };
        participant.version += 1;
        let info = participant.proto(&self.tracks);
        let (room, hidden) = (participant.pass.room.clone(), participant.pass.hidden);
        self.send_update(&room, info, |to| !hidden || to == session);
    }

    /// Tells the room how somebody looked who is no longer in it.
    pub(super) fn broadcast_update(&mut self, participant: &Participant) {
        if !participant.pass.hidden {
            let info = participant.proto(&self.tracks);
            self.send_update(&participant.pass.room, info, |_| true);
        }
    }

    fn send_update(
        &mut self,
        room: &str,
        info: proto::ParticipantInfo,
        wanted: impl Fn(SessionId) -> bool,
    ) {
        let update = proto::ParticipantUpdate {
            participants: vec![info],
        };
        let message = Some(Message::Update(update));
        let frame = proto::SignalResponse { message }.encode_to_vec();
        for session in self.listeners(room) {
            if wanted(session) {
                self.outputs.push_back(Output::Signal {
                    session,
                    frame: frame.clone(),
                });
            }
        }
    }

    /// The browsers of a room.
    pub(super) fn listeners(&self, room: &str) -> Vec<SessionId> {
        let members = self
            .rooms
            .get(room)
            .map(|room| room.members.as_slice())
            .unwrap_or_default();
        let browser = |session: &SessionId| {
            self.participants
                .get(session)
                .is_some_and(|participant| participant.link.is_some())
        };
        members.iter().copied().filter(browser).collect()
    }

    /// The first message: the room as the newcomer finds it.
    pub(super) fn join_response(&self, session: SessionId) -> Option<proto::JoinResponse> {
        let own = self.participants.get(&session)?;
        let room = self.rooms.get(&own.pass.room)?;
        let others: Vec<proto::ParticipantInfo> = room
            .members
            .iter()
            .filter(|member| **member != session)
            .filter_map(|member| self.participants.get(member))
            .filter(|participant| !participant.pass.hidden)
            .map(|participant| participant.proto(&self.tracks))
            .collect();
        let opus = proto::Codec {
            mime: "audio/opus".to_owned(),
            ..Default::default()
        };
        Some(proto::JoinResponse {
            room: Some(proto::Room {
                sid: room.sid.clone(),
                name: own.pass.room.clone(),
                creation_time: (room.created_unix_ms / 1000) as i64,
                creation_time_ms: room.created_unix_ms as i64,
                num_participants: room.members.len() as u32,
                enabled_codecs: vec![opus.clone()],
                ..Default::default()
            }),
            participant: Some(own.proto(&self.tracks)),
            other_participants: others,
            server_version: SERVER_VERSION.to_owned(),
            server_info: Some(proto::ServerInfo {
                version: SERVER_VERSION.to_owned(),
                protocol: PROTOCOL,
                ..Default::default()
            }),
            subscriber_primary: own.pass.can_subscribe,
            ping_interval: PING_INTERVAL_S,
            ping_timeout: PING_TIMEOUT_S,
            enabled_publish_codecs: vec![opus],
            fast_publish: own.pass.can_publish,
            ..Default::default()
        })
    }

    /// Everybody else, as a LiveKit server tells after a resume.
    #[cfg(test)]
    pub(crate) fn others(&self, session: SessionId) -> proto::ParticipantUpdate {
        let told = self.join_response(session);
        let participants = told.map(|join| join.other_participants).unwrap_or_default();
        proto::ParticipantUpdate { participants }
    }

    /// A token like the one it came with, good for a rejoin later on.
    pub(super) fn send_fresh_token(&mut self, session: SessionId) {
        let Some(participant) = self.participants.get(&session) else {
            return;
        };
        if let Ok(token) = self.config.keys.sign(&participant.pass, TOKEN_REFRESH_TTL) {
            self.send(session, Message::RefreshToken(token));
        }
    }
}
