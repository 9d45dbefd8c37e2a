//! The publisher connection: a browser announces a track, offers it, mutes it, takes it back.
//!
//! ```text
//! AddTrack → TrackPublished → Offer with the track's m-line → Answer, track is live → RTP
//! ```

use std::time::Instant;

use livekit_protocol as proto;
use proto::request_response::{Reason, Request};
use proto::signal_response::Message;

use super::forward::Rewriter;
use super::message::LeaveCause;
use super::participant::Track;
use super::{Endpoint, Event, Output, SessionId, Side, TrackKey};
use crate::rtc::{MediaSection, Mid, media_sections};

/// The longest name a client may give to a track, in bytes.
const TRACK_NAME_LEN_MAX: usize = 256;

impl Endpoint {
    /// A browser wants to publish a track.
    pub(super) fn handle_add_track(&mut self, session: SessionId, request: proto::AddTrackRequest) {
        if let Err((reason, message)) = self.check_add_track(session, &request) {
            let response = proto::RequestResponse {
                reason: reason.into(),
                message: message.to_owned(),
                request: Some(Request::AddTrack(request)),
                ..Default::default()
            };
            self.send(session, Message::RequestResponse(response));
            return;
        }
        let Some(participant) = self.participants.get_mut(&session) else {
            return;
        };
        let key = self.sids.track();
        let track = Track {
            sid: self.sids.sid("TR_"),
            owner: session,
            source: request.source(),
            name: request.name,
            stream: request.stream,
            muted: request.muted,
            cid: request.cid.clone(),
            mid: None,
            live: false,
            unmutes: 0,
            to_switch: Rewriter::default(),
        };
        let published = proto::TrackPublishedResponse {
            cid: request.cid,
            track: Some(track.proto()),
        };
        participant.tracks.push(key);
        self.tracks.insert(key, track);
        self.send(session, Message::TrackPublished(published));
    }

    fn check_add_track(
        &self,
        session: SessionId,
        request: &proto::AddTrackRequest,
    ) -> Result<(), (Reason, &'static str)> {
        let participant = self
            .participants
            .get(&session)
            .ok_or((Reason::NotFound, ""))?;
        if request.r#type() != proto::TrackType::Audio {
            return Err((Reason::UnsupportedType, "only audio can be published here"));
        }
        if request.encryption() != proto::encryption::Type::None {
            return Err((
                Reason::UnsupportedType,
                "encrypted tracks cannot be put on air",
            ));
        }
        if !participant.may_publish(request.source()) {
            return Err((
                Reason::NotAllowed,
                "the token does not grant publishing this source",
            ));
        }
        if participant.tracks.len() >= self.config.limits.tracks_per_browser_max {
            return Err((Reason::LimitExceeded, "too many tracks"));
        }
        let too_long = [&request.cid, &request.name, &request.stream]
            .into_iter()
            .any(|text| text.len() > TRACK_NAME_LEN_MAX);
        if too_long || request.cid.is_empty() {
            return Err((Reason::InvalidRequest, "unusable track name"));
        }
        Ok(())
    }

    /// A browser offers what it publishes.
    pub(super) fn handle_offer(
        &mut self,
        now: Instant,
        session: SessionId,
        offer: &proto::SessionDescription,
    ) {
        let Some(participant) = self.participants.get_mut(&session) else {
            return;
        };
        let Some(link) = &mut participant.link else {
            return;
        };
        let answer = link.publisher.accept_offer(now, &offer.sdp);
        self.touched.push((session, Side::Publisher));
        let Ok(sdp) = answer else {
            self.remove(now, session, LeaveCause::MediaLost);
            return;
        };
        self.mux
            .register(&link.publisher.ufrag(), (session, Side::Publisher));
        let description = proto::SessionDescription {
            r#type: "answer".to_owned(),
            sdp,
            id: offer.id,
            ..Default::default()
        };
        self.send(session, Message::Answer(description));
        self.match_tracks(now, session, &media_sections(&offer.sdp));
    }

    /// Makes the tracks live that the offer carries, and ends those it carries no longer.
    fn match_tracks(&mut self, now: Instant, session: SessionId, sections: &[MediaSection<'_>]) {
        let Some(participant) = self.participants.get(&session) else {
            return;
        };
        let (room, mine) = (participant.pass.room.clone(), participant.tracks.clone());
        let sending: Vec<&MediaSection<'_>> = sections
            .iter()
            .filter(|section| section.kind == "audio" && section.sends)
            .collect();
        let mut changed = false;
        for &key in &mine {
            let mid = self.tracks.get(&key).and_then(|track| track.mid);
            if mid.is_some_and(|mid| !sending.iter().any(|s| Mid::from(s.mid) == mid)) {
                self.drop_track(key);
                changed = true;
            }
        }
        for section in sending {
            let mid = Mid::from(section.mid);
            let taken = |key: &TrackKey| self.tracks.get(key).is_some_and(|t| t.mid == Some(mid));
            if mine.iter().any(taken) {
                continue;
            }
            if let Some(key) = self.pending_track(&mine, section.track_id) {
                self.bring_up(key, mid);
                changed = true;
            }
        }
        if changed {
            self.announce(session);
            self.negotiate_room(now, &room);
        }
    }

    /// The announced track that an m-line carries: by the client's name for it, or, for browsers
    /// that make up another name in their offer, the one that waits longest.
    fn pending_track(&self, mine: &[TrackKey], track_id: Option<&str>) -> Option<TrackKey> {
        let waiting = |key: &&TrackKey| self.tracks.get(key).is_some_and(|track| !track.live);
        let named = |key: &&TrackKey| {
            self.tracks
                .get(key)
                .is_some_and(|track| Some(track.cid.as_str()) == track_id)
        };
        let mut candidates = mine.iter().filter(waiting);
        candidates
            .clone()
            .find(named)
            .or_else(|| candidates.next())
            .copied()
    }

    fn bring_up(&mut self, key: TrackKey, mid: Mid) {
        let Some(track) = self.tracks.get_mut(&key) else {
            return;
        };
        let Some(participant) = self.participants.get(&track.owner) else {
            return;
        };
        track.mid = Some(mid);
        track.live = true;
        let (owner, track_sid) = (track.owner, track.sid.clone());
        self.outputs.push_back(Output::Event(Event::TrackUp {
            track: key,
            room: participant.pass.room.clone(),
            identity: participant.pass.identity.clone(),
            track_sid: track_sid.clone(),
            muted: track.muted,
        }));
        // The switch itself is the first subscriber of every track.
        self.send(
            owner,
            Message::TrackSubscribed(proto::TrackSubscribed { track_sid }),
        );
    }

    /// A browser muted or unmuted one of its tracks.
    pub(super) fn handle_mute(&mut self, session: SessionId, request: &proto::MuteTrackRequest) {
        let mine = |(_, track): &(&TrackKey, &mut Track)| {
            track.owner == session && track.sid == request.sid && track.muted != request.muted
        };
        let Some((&key, track)) = self.tracks.iter_mut().find(mine) else {
            return;
        };
        track.mute(request.muted);
        if !track.live {
            return;
        }
        let track_sid = track.sid.clone();
        if let Some(participant) = self.participants.get(&session) {
            self.outputs.push_back(Output::Event(Event::TrackMuted {
                track: key,
                room: participant.pass.room.clone(),
                identity: participant.pass.identity.clone(),
                track_sid,
                muted: request.muted,
            }));
        }
        self.announce(session);
    }

    /// Ends a track. The caller announces and negotiates.
    pub(super) fn drop_track(&mut self, key: TrackKey) {
        let Some(track) = self.tracks.remove(&key) else {
            return;
        };
        let Some(participant) = self.participants.get_mut(&track.owner) else {
            return;
        };
        participant.tracks.retain(|own| *own != key);
        if track.live && participant.link.is_some() {
            self.outputs.push_back(Output::Event(Event::TrackDown {
                track: key,
                room: participant.pass.room.clone(),
                identity: participant.pass.identity.clone(),
                track_sid: track.sid,
            }));
        }
    }
}
