//! What a caller publishes: one Opus track, from its announcement to its packets.
//!
//! ```text
//! AddTrack(cid) → TrackPublished(sid) → Offer(msid = cid) → Answer → send
//! ```
//!
//! One offer is outstanding at a time; ids grow, for the server ignores an offer that is not newer.

use std::collections::BTreeMap;
use std::time::Instant;

use livekit_protocol as proto;

use crate::rtc::{AudioPacket, Mid, Msid, OfferChanges, Peer, PeerError};

/// RTP sequence numbers begin here: the receiver counts SRTP roll-overs from zero, so the first
/// must be below 65,536 (RFC 3711 section 3.3.1).
const SEQ_FIRST: u64 = 1000;

/// The caller's track and what the caller wants of it.
#[derive(Debug)]
pub(super) struct Publication {
    /// Our name for the track; the offer carries it as msid.
    cid: String,
    /// As the server knows it, once it does.
    track: Option<proto::TrackInfo>,
    mid: Option<Mid>,
    offers: u32,
    outstanding: Option<u32>,
    seq: u64,
    /// Muted, by us or by the server.
    pub(super) muted: bool,
    /// The attributes that were wanted last; `None`: those of the token.
    attributes: Option<BTreeMap<String, String>>,
}

impl Publication {
    pub(super) fn new() -> Self {
        Self {
            cid: String::new(),
            track: None,
            mid: None,
            offers: 0,
            outstanding: None,
            seq: SEQ_FIRST,
            muted: false,
            attributes: None,
        }
    }

    /// A new stay begins: what the server knew is gone, what the caller wants stays.
    pub(super) fn begin(&mut self, cid: String) -> proto::AddTrackRequest {
        let (muted, attributes) = (self.muted, self.attributes.take());
        *self = Self {
            cid,
            muted,
            attributes,
            ..Self::new()
        };
        proto::AddTrackRequest {
            cid: self.cid.clone(),
            name: "caller".to_owned(),
            r#type: proto::TrackType::Audio.into(),
            source: proto::TrackSource::Microphone.into(),
            muted,
            disable_red: true,
            audio_features: vec![proto::AudioTrackFeature::TfNoDtx.into()],
            stream: self.cid.clone(),
            ..Default::default()
        }
    }

    /// The server knows our track.
    pub(super) fn published(&mut self, response: proto::TrackPublishedResponse) {
        if response.cid == self.cid && self.track.is_none() {
            self.track = response.track;
        }
    }

    /// It is our track that the server speaks of.
    pub(super) fn is_track(&self, sid: &str) -> bool {
        self.track.as_ref().is_some_and(|track| track.sid == sid)
    }

    /// The track as a resume has to name it.
    pub(super) fn known(&self) -> Option<proto::TrackPublishedResponse> {
        let track = self.track.clone()?;
        Some(proto::TrackPublishedResponse {
            cid: self.cid.clone(),
            track: Some(track),
        })
    }

    /// The offer that brings our track, once the server knows it. `None`: nothing to offer now.
    pub(super) fn offer_track(
        &mut self,
        now: Instant,
        peer: &mut Peer,
    ) -> Result<Option<proto::SessionDescription>, PeerError> {
        if self.track.is_none() || self.mid.is_some() {
            return Ok(None);
        }
        let msid = Msid {
            stream: self.cid.clone(),
            track: self.cid.clone(),
        };
        let changes = OfferChanges {
            add: vec![msid],
            ..Default::default()
        };
        let Some(offer) = peer.offer(now, changes)? else {
            return Ok(None);
        };
        self.mid = offer.added.first().copied();
        Ok(Some(self.description(offer.sdp)))
    }

    /// The offer that looks for a path anew. `None`: there is no path to renew.
    pub(super) fn offer_restart(
        &mut self,
        now: Instant,
        peer: &mut Peer,
    ) -> Result<Option<proto::SessionDescription>, PeerError> {
        let changes = OfferChanges {
            ice_restart: true,
            ..Default::default()
        };
        let offer = peer.offer(now, changes)?;
        Ok(offer.map(|offer| self.description(offer.sdp)))
    }

    fn description(&mut self, sdp: String) -> proto::SessionDescription {
        self.offers = self.offers.wrapping_add(1);
        self.outstanding = Some(self.offers);
        proto::SessionDescription {
            r#type: "offer".to_owned(),
            sdp,
            id: self.offers,
            ..Default::default()
        }
    }

    /// Takes an answer. `Ok(false)`: not to the offer that is outstanding.
    pub(super) fn answered(
        &mut self,
        now: Instant,
        peer: &mut Peer,
        answer: &proto::SessionDescription,
    ) -> Result<bool, PeerError> {
        // Servers that do not count say zero.
        let ours = self
            .outstanding
            .is_some_and(|id| answer.id == id || answer.id == 0);
        if ours {
            self.outstanding = None;
            peer.accept_answer(now, &answer.sdp)?;
        }
        Ok(ours)
    }

    /// Sends one packet. `Ok(false)`: it cannot be heard, it was dropped.
    pub(super) fn send(
        &mut self,
        now: Instant,
        peer: &mut Peer,
        packet: &AudioPacket,
    ) -> Result<bool, PeerError> {
        let Some(mid) = self.mid.filter(|_| !self.muted) else {
            return Ok(false);
        };
        let first = self.seq == SEQ_FIRST;
        let marker = packet.marker || first;
        let sent = peer.send_audio(
            now,
            mid,
            AudioPacket {
                seq: self.seq,
                marker,
                ..packet.clone()
            },
        )?;
        self.seq += u64::from(sent);
        Ok(sent)
    }

    /// The message that tells the server whether we are muted.
    pub(super) fn mute_request(&self) -> Option<proto::MuteTrackRequest> {
        let sid = self.track.as_ref()?.sid.clone();
        Some(proto::MuteTrackRequest {
            sid,
            muted: self.muted,
        })
    }

    /// Keeps the attributes that are wanted from now on.
    pub(super) fn want_attributes(&mut self, attributes: BTreeMap<String, String>) {
        self.attributes = Some(attributes);
    }

    /// The message that brings our attributes, when they are not the token's.
    pub(super) fn attributes_request(&self) -> Option<proto::UpdateParticipantMetadata> {
        let attributes = self.attributes.clone()?.into_iter().collect();
        Some(proto::UpdateParticipantMetadata {
            attributes,
            ..Default::default()
        })
    }
}
