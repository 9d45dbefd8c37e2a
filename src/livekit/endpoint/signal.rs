//! What a browser says on its WebSocket: `SignalRequest` frames.
//!
//! Limits: frames of at most [`FRAME_LEN_MAX`] bytes; what does not decode is ignored. Who says more
//! than [`FRAMES_MAX`] things within [`FRAMES_WINDOW`] is sent away.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use livekit_protocol as proto;
use prost::Message as _;
use proto::signal_request::Message as Said;
use proto::signal_response::Message;

use super::message::LeaveCause;
use super::{Endpoint, SessionId, TrackKey};
use crate::livekit::token::RoomPass;

/// The longest frame that is looked at, in bytes.
const FRAME_LEN_MAX: usize = 256 * 1024;
/// Frames of one browser within one window; a busy join takes some thirty.
const FRAMES_MAX: u32 = 500;
/// The window in which frames are counted.
const FRAMES_WINDOW: Duration = Duration::from_secs(10);
/// Name, metadata and attributes of one participant together, in bytes.
const METADATA_LEN_MAX: usize = 16 * 1024;

impl Endpoint {
    /// Takes a binary frame from a browser's WebSocket.
    pub fn handle_signal(&mut self, now: Instant, session: SessionId, frame: &[u8]) {
        let participant = self.participants.get_mut(&session);
        let Some(link) = participant.and_then(|participant| participant.link.as_mut()) else {
            return;
        };
        if !link.frames.admit(now) {
            self.remove(now, session, LeaveCause::Removed);
            return;
        }
        if frame.len() > FRAME_LEN_MAX {
            return;
        }
        let Ok(request) = proto::SignalRequest::decode(frame) else {
            return;
        };
        if let Some(said) = request.message {
            self.handle_said(now, session, said);
        }
        self.settle(now);
    }

    /// The browser's WebSocket closed. Its media may stay a little, for a client that joins anew.
    pub fn signal_closed(&mut self, now: Instant, session: SessionId) {
        let participant = self.participants.get_mut(&session);
        if let Some(link) = participant.and_then(|participant| participant.link.as_mut()) {
            link.signal_lost_at.get_or_insert(now);
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what we do not offer is not answered"
    )]
    fn handle_said(&mut self, now: Instant, session: SessionId, said: Said) {
        match said {
            Said::Offer(offer) => self.handle_offer(now, session, &offer),
            Said::Answer(answer) => self.handle_answer(now, session, &answer),
            Said::AddTrack(request) => self.handle_add_track(session, request),
            Said::Mute(request) => self.handle_mute(session, &request),
            Said::Subscription(update) => self.handle_subscription(now, session, &update),
            Said::TrackSetting(settings) => self.handle_track_setting(session, &settings),
            Said::UpdateMetadata(update) => self.handle_metadata(session, update),
            Said::Leave(_) => self.remove(now, session, LeaveCause::Left),
            Said::Ping(_) => {
                self.send(session, Message::Pong(self.unix_ms(now) as i64));
            }
            Said::PingReq(ping) => {
                let timestamp = self.unix_ms(now) as i64;
                let pong = proto::Pong {
                    last_ping_timestamp: ping.timestamp,
                    timestamp,
                };
                self.send(session, Message::PongResp(pong));
            }
            // `Trickle` too: an ICE-lite agent learns addresses from the checks it gets.
            _ => {}
        }
    }

    fn handle_subscription(
        &mut self,
        now: Instant,
        session: SessionId,
        update: &proto::UpdateSubscription,
    ) {
        let by_participant = update
            .participant_tracks
            .iter()
            .flat_map(|tracks| &tracks.track_sids);
        let keys = self.keys_of(session, update.track_sids.iter().chain(by_participant));
        let participant = self.participants.get_mut(&session);
        let Some(link) = participant.and_then(|participant| participant.link.as_mut()) else {
            return;
        };
        link.choices.retain(|key, _| self.tracks.contains_key(key));
        link.choices
            .extend(keys.into_iter().map(|key| (key, update.subscribe)));
        self.negotiate(now, session);
    }

    fn handle_track_setting(&mut self, session: SessionId, settings: &proto::UpdateTrackSettings) {
        let keys = self.keys_of(session, settings.track_sids.iter());
        let participant = self.participants.get_mut(&session);
        let Some(link) = participant.and_then(|participant| participant.link.as_mut()) else {
            return;
        };
        link.disabled.retain(|key| self.tracks.contains_key(key));
        for key in keys {
            if settings.disabled {
                link.disabled.insert(key);
            } else {
                link.disabled.remove(&key);
            }
        }
    }

    /// The tracks of the session's own room that have these sids.
    fn keys_of<'a>(
        &self,
        session: SessionId,
        sids: impl Iterator<Item = &'a String>,
    ) -> Vec<TrackKey> {
        let room_of = |session| {
            self.participants
                .get(&session)
                .map(|p| p.pass.room.as_str())
        };
        let room = room_of(session);
        let here: HashMap<&str, TrackKey> = self
            .tracks
            .iter()
            .filter(|(_, track)| room_of(track.owner) == room)
            .map(|(key, track)| (track.sid.as_str(), *key))
            .collect();
        sids.filter_map(|sid| here.get(sid.as_str()).copied())
            .collect()
    }

    fn handle_metadata(&mut self, session: SessionId, update: proto::UpdateParticipantMetadata) {
        use proto::request_response::{Reason, Request};
        let Some(participant) = self.participants.get_mut(&session) else {
            return;
        };
        let former = participant.pass.attributes.iter();
        let attributes: usize = former
            .chain(update.attributes.iter())
            .map(|(k, v)| k.len() + v.len())
            .sum();
        let len = update.metadata.len() + update.name.len() + attributes;
        let reason = if !participant.pass.can_update_own_metadata {
            Reason::NotAllowed
        } else if len > METADATA_LEN_MAX {
            Reason::LimitExceeded
        } else {
            Reason::Ok
        };
        let response = proto::RequestResponse {
            request_id: update.request_id,
            reason: reason.into(),
            request: Some(Request::UpdateMetadata(update.clone())),
            ..Default::default()
        };
        if reason == Reason::Ok {
            participant.pass.change(update);
            self.announce(session);
        }
        self.send(session, Message::RequestResponse(response));
    }
}

/// Counts what one browser says.
#[derive(Debug)]
pub(super) struct FrameCount {
    since: Instant,
    frames: u32,
}

impl FrameCount {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            since: now,
            frames: 0,
        }
    }

    fn admit(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) >= FRAMES_WINDOW {
            *self = Self::new(now);
        }
        self.frames += 1;
        self.frames <= FRAMES_MAX
    }
}

impl RoomPass {
    /// As LiveKit does: what is empty stays as it is, an attribute set to nothing is removed.
    fn change(&mut self, update: proto::UpdateParticipantMetadata) {
        if !update.name.is_empty() {
            self.name = update.name;
        }
        if !update.metadata.is_empty() {
            self.metadata = update.metadata;
        }
        self.attributes.extend(update.attributes);
        self.attributes.retain(|_, value| !value.is_empty());
    }
}
