//! Rooms, participants and tracks: what is there, and how it looks on the wire.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use livekit_protocol as proto;
use proto::participant_info::State;

use super::forward::Rewriter;
use super::message::LeaveCause;
use super::negotiate::Slot;
use super::signal::FrameCount;
use super::speakers::Meter;
use super::{ANSWER_TIMEOUT, CONNECT_TIMEOUT, SIGNAL_LOST_TIMEOUT, SessionId, Side, TrackKey};
use crate::livekit::token::RoomPass;
use crate::rtc::{Mid, Peer};

/// One room. It exists while somebody is in it.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) sid: String,
    pub(super) created_unix_ms: u64,
    /// In the order they came.
    pub(super) members: Vec<SessionId>,
    /// When the speakers are next looked at; `None` while nobody sends.
    pub(super) speakers_due: Option<Instant>,
}

/// A browser or a call in a room.
#[derive(Debug)]
pub(super) struct Participant {
    /// What its token granted; name, metadata and attributes may change later.
    pub(super) pass: RoomPass,
    pub(super) sid: String,
    pub(super) joined_unix_ms: u64,
    /// Grows with every change that others are told of.
    pub(super) version: u32,
    pub(super) state: State,
    pub(super) tracks: Vec<TrackKey>,
    pub(super) meter: Meter,
    /// `None` for a call.
    pub(super) link: Option<Link>,
}

/// A published track.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) sid: String,
    pub(super) owner: SessionId,
    pub(super) name: String,
    pub(super) source: proto::TrackSource,
    pub(super) stream: String,
    pub(super) muted: bool,
    /// The client's name for it, before and within the offer.
    pub(super) cid: String,
    /// Its m-line on the publisher connection, once offered. Calls have none.
    pub(super) mid: Option<Mid>,
    /// Others may hear it: offered by a browser, or a call's.
    pub(super) live: bool,
    /// How often it was unmuted: its packets begin anew each time.
    pub(super) unmutes: u32,
    /// Numbers a browser's packets for the switch.
    pub(super) to_switch: Rewriter,
}

/// A browser's two peer connections and what is being negotiated on them.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) publisher: Peer,
    pub(super) subscriber: Peer,
    /// The m-lines on which this browser hears.
    pub(super) slots: Vec<Slot>,
    /// Our offer without an answer: its id and when it was sent.
    pub(super) outstanding: Option<(u32, Instant)>,
    pub(super) offers: u32,
    pub(super) auto_subscribe: bool,
    /// Tracks this browser asked for, or asked not to get.
    pub(super) choices: HashMap<TrackKey, bool>,
    /// Subscribed tracks it wants no packets of for now.
    pub(super) disabled: HashSet<TrackKey>,
    pub(super) joined_at: Instant,
    /// Its primary connection was up once.
    pub(super) connected: bool,
    pub(super) signal_lost_at: Option<Instant>,
    pub(super) refresh_at: Instant,
    pub(super) frames: FrameCount,
}

impl Participant {
    /// When time has to pass for it. Calls need none.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let link = self.link.as_ref()?;
        let patience = link.patience().map(|(at, _)| at);
        [
            link.publisher.deadline(),
            link.subscriber.deadline(),
            patience,
            Some(link.refresh_at),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// As others see it.
    pub(super) fn proto(&self, tracks: &HashMap<TrackKey, Track>) -> proto::ParticipantInfo {
        let tracks: Vec<proto::TrackInfo> = self
            .tracks
            .iter()
            .filter_map(|key| tracks.get(key))
            .filter(|track| track.live)
            .map(Track::proto)
            .collect();
        proto::ParticipantInfo {
            sid: self.sid.clone(),
            identity: self.pass.identity.clone(),
            name: self.pass.name.clone(),
            state: self.state.into(),
            is_publisher: !tracks.is_empty(),
            tracks,
            metadata: self.pass.metadata.clone(),
            attributes: self.pass.attributes.clone().into_iter().collect(),
            joined_at: (self.joined_unix_ms / 1000) as i64,
            joined_at_ms: self.joined_unix_ms as i64,
            version: self.version,
            permission: Some(self.permission()),
            kind: self.pass.kind.into(),
            ..Default::default()
        }
    }

    /// May it publish a track from this source?
    pub(super) fn may_publish(&self, source: proto::TrackSource) -> bool {
        let named = |name: &String| name.eq_ignore_ascii_case(source.as_str_name());
        let sources = &self.pass.can_publish_sources;
        self.pass.can_publish && (sources.is_empty() || sources.iter().any(named))
    }

    fn permission(&self) -> proto::ParticipantPermission {
        let source = |name: &String| {
            proto::TrackSource::from_str_name(&name.to_ascii_uppercase()).map(i32::from)
        };
        proto::ParticipantPermission {
            can_subscribe: self.pass.can_subscribe,
            can_publish: self.pass.can_publish,
            can_publish_data: false,
            can_publish_sources: self
                .pass
                .can_publish_sources
                .iter()
                .filter_map(source)
                .collect(),
            can_update_metadata: self.pass.can_update_own_metadata,
            hidden: self.pass.hidden,
            ..Default::default()
        }
    }
}

impl Track {
    /// Mutes or unmutes.
    pub(super) fn mute(&mut self, muted: bool) {
        self.unmutes = self.unmutes.wrapping_add(u32::from(self.muted && !muted));
        self.muted = muted;
    }

    /// Names one uninterrupted run of packets of this SSRC.
    pub(super) fn source_of(&self, ssrc: u32) -> u64 {
        (u64::from(self.unmutes) << 32) | u64::from(ssrc)
    }

    pub(super) fn proto(&self) -> proto::TrackInfo {
        proto::TrackInfo {
            sid: self.sid.clone(),
            r#type: proto::TrackType::Audio.into(),
            name: self.name.clone(),
            source: self.source.into(),
            muted: self.muted,
            mime_type: "audio/opus".to_owned(),
            mid: self.mid.map(|mid| mid.to_string()).unwrap_or_default(),
            stream: self.stream.clone(),
            disable_red: true,
            codecs: vec![proto::SimulcastCodecInfo {
                mime_type: "audio/opus".to_owned(),
                cid: self.cid.clone(),
                ..Default::default()
            }],
            ..Default::default()
        }
    }
}

impl Link {
    pub(super) fn peer_mut(&mut self, side: Side) -> &mut Peer {
        match side {
            Side::Publisher => &mut self.publisher,
            Side::Subscriber => &mut self.subscriber,
        }
    }

    /// A connection died without the browser closing it.
    pub(super) fn failed(&self) -> bool {
        !self.publisher.is_alive() || !self.subscriber.is_alive()
    }

    /// What we are waiting for, and why we will stop.
    fn patience(&self) -> Option<(Instant, LeaveCause)> {
        let signal = self
            .signal_lost_at
            .map(|at| (at + SIGNAL_LOST_TIMEOUT, LeaveCause::Left));
        let connect = (!self.connected)
            .then_some((self.joined_at + CONNECT_TIMEOUT, LeaveCause::NeverConnected));
        let answer = self
            .outstanding
            .map(|(_, since)| (since + ANSWER_TIMEOUT, LeaveCause::MediaLost));
        [signal, connect, answer]
            .into_iter()
            .flatten()
            .min_by_key(|(at, _)| *at)
    }

    pub(super) fn patience_lost(&self, now: Instant) -> Option<LeaveCause> {
        self.patience()
            .filter(|(at, _)| *at <= now)
            .map(|(_, cause)| cause)
    }
}
