//! Who is in the room and what they publish, as a listener is told it.
//!
//! A participant is there until the server says otherwise; a track is up while it is on an m-line
//! and media is live. Our own callers and ourselves are not in here at all.
//!
//! Limits: [`PARTICIPANTS_MAX`] participants, [`TRACKS_MAX`] tracks; who comes later is not seen.

use std::collections::{BTreeMap, HashMap, VecDeque};

use livekit_protocol as proto;
use proto::participant_info::{Kind, State};

use super::{LinkEvent, LinkOutput, NODE_ATTRIBUTE, RemoteTrack};
use crate::rtc::Mid;

/// Participants that are kept.
pub(super) const PARTICIPANTS_MAX: usize = 1000;
/// Tracks that are kept and heard; a session description holds no more.
pub(super) const TRACKS_MAX: usize = 128;

/// The room as a listener sees it.
#[derive(Debug)]
pub(super) struct Room {
    node: String,
    own_sid: String,
    /// By sid.
    pub(super) participants: BTreeMap<String, Participant>,
    /// Track sid to the m-line it is on, as last offered.
    pub(super) lines: HashMap<String, Mid>,
    /// What is up, by m-line.
    pub(super) heard: HashMap<Mid, Heard>,
    pub(super) tracks_named: u64,
    /// Something changed since tracks were last brought up and down.
    pub(super) stale: bool,
    pub(super) was_live: bool,
    pub(super) events: VecDeque<LinkEvent>,
}

#[derive(Debug)]
pub(super) struct Participant {
    pub(super) identity: String,
    version: u32,
    /// By sid.
    pub(super) tracks: BTreeMap<String, Track>,
}

#[derive(Debug)]
pub(super) struct Track {
    pub(super) muted: bool,
    /// The server was asked for it.
    pub(super) asked: bool,
    pub(super) up: Option<RemoteTrack>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Heard {
    pub(super) track: RemoteTrack,
    pub(super) muted: bool,
}

impl Room {
    pub(super) fn new(node: String) -> Self {
        Self {
            node,
            own_sid: String::new(),
            participants: BTreeMap::new(),
            lines: HashMap::new(),
            heard: HashMap::new(),
            tracks_named: 0,
            stale: false,
            was_live: false,
            events: VecDeque::new(),
        }
    }

    /// A new stay begins: the room is what this response says, and only differences are told.
    pub(super) fn begin(&mut self, response: &proto::JoinResponse) {
        self.own_sid = response
            .participant
            .as_ref()
            .map(|own| own.sid.clone())
            .unwrap_or_default();
        self.keep_only(&response.other_participants);
        self.set_lines(HashMap::new());
        for participant in self.participants.values_mut() {
            // Another server may count from zero again.
            participant.version = 0;
            for track in participant.tracks.values_mut() {
                track.asked = false;
            }
        }
        for info in &response.other_participants {
            self.update(info);
        }
    }

    /// Takes what the server says of one participant.
    pub(super) fn update(&mut self, info: &proto::ParticipantInfo) {
        if info.sid == self.own_sid || info.sid.is_empty() || self.is_ours(info) {
            return;
        }
        if info.state() == State::Disconnected {
            self.leave(&info.sid);
            return;
        }
        if let Some(known) = self.participants.get_mut(&info.sid) {
            if info.version < known.version {
                return;
            }
            known.version = info.version;
        } else if !self.enter(info) {
            return;
        }
        self.update_tracks(info);
    }

    /// A caller of this node: mixed here, so never heard from the server.
    fn is_ours(&self, info: &proto::ParticipantInfo) -> bool {
        info.kind() == Kind::Sip
            && info
                .attributes
                .get(NODE_ATTRIBUTE)
                .is_some_and(|node| *node == self.node)
    }

    fn enter(&mut self, info: &proto::ParticipantInfo) -> bool {
        // An identity is in a room once: whoever had it before is gone.
        let former = self
            .participants
            .iter()
            .find(|(_, known)| known.identity == info.identity);
        if let Some(sid) = former.map(|(sid, _)| sid.clone()) {
            self.leave(&sid);
        }
        if self.participants.len() >= PARTICIPANTS_MAX {
            return false;
        }
        let participant = Participant {
            identity: info.identity.clone(),
            version: info.version,
            tracks: BTreeMap::new(),
        };
        self.participants.insert(info.sid.clone(), participant);
        self.events.push_back(LinkEvent::ParticipantJoined {
            identity: info.identity.clone(),
            name: info.name.clone(),
            sid: info.sid.clone(),
        });
        true
    }

    fn leave(&mut self, sid: &str) {
        let Some(participant) = self.participants.remove(sid) else {
            return;
        };
        let Participant {
            identity, tracks, ..
        } = participant;
        for (track_sid, track) in tracks {
            self.take_down(&identity, &track_sid, track);
        }
        self.events.push_back(LinkEvent::ParticipantLeft {
            identity,
            sid: sid.to_owned(),
        });
    }

    fn update_tracks(&mut self, info: &proto::ParticipantInfo) {
        let mut room_left = TRACKS_MAX.saturating_sub(self.track_count());
        let Some(participant) = self.participants.get_mut(&info.sid) else {
            return;
        };
        self.stale = true;
        let identity = participant.identity.clone();
        let audio = |track: &&proto::TrackInfo| {
            let audio = track.r#type() == proto::TrackType::Audio;
            // What is encrypted end to end cannot be put on air.
            audio && track.encryption() == proto::encryption::Type::None && !track.sid.is_empty()
        };
        let told: BTreeMap<&str, bool> = info
            .tracks
            .iter()
            .filter(audio)
            .map(|track| (track.sid.as_str(), track.muted))
            .collect();
        let ended: Vec<String> = participant
            .tracks
            .keys()
            .filter(|sid| !told.contains_key(sid.as_str()))
            .cloned()
            .collect();
        let ended: Vec<(String, Track)> = ended
            .into_iter()
            .filter_map(|sid| participant.tracks.remove_entry(&sid))
            .collect();
        for (sid, muted) in told {
            match participant.tracks.get_mut(sid) {
                Some(track) if track.muted != muted => {
                    track.muted = muted;
                    if let Some(name) = track.up {
                        self.events.push_back(LinkEvent::TrackMuted {
                            track: name,
                            identity: identity.clone(),
                            track_sid: sid.to_owned(),
                            muted,
                        });
                    }
                }
                Some(_) => {}
                None if room_left > 0 => {
                    room_left -= 1;
                    let track = Track {
                        muted,
                        asked: false,
                        up: None,
                    };
                    participant.tracks.insert(sid.to_owned(), track);
                }
                None => {}
            }
        }
        for (sid, track) in ended {
            self.take_down(&identity, &sid, track);
        }
    }

    fn take_down(&mut self, identity: &str, track_sid: &str, track: Track) {
        let Some(name) = track.up else { return };
        self.heard.retain(|_, heard| heard.track != name);
        self.events.push_back(LinkEvent::TrackDown {
            track: name,
            identity: identity.to_owned(),
            track_sid: track_sid.to_owned(),
        });
    }

    /// This is everybody who is there: whoever else we knew has left.
    pub(super) fn keep_only(&mut self, present: &[proto::ParticipantInfo]) {
        let there = |sid: &String| present.iter().any(|info| info.sid == *sid);
        let known = self.participants.keys();
        let gone: Vec<String> = known.filter(|sid| !there(sid)).cloned().collect();
        for sid in gone {
            self.leave(&sid);
        }
    }

    /// Everybody leaves, as far as we are concerned.
    pub(super) fn clear(&mut self) {
        while let Some(sid) = self.participants.keys().next().cloned() {
            self.leave(&sid);
        }
        self.lines.clear();
    }

    /// What happened since the last call.
    pub(super) fn drain_events(&mut self) -> impl Iterator<Item = LinkOutput> + '_ {
        self.events.drain(..).map(LinkOutput::Event)
    }

    fn track_count(&self) -> usize {
        self.participants
            .values()
            .map(|known| known.tracks.len())
            .sum()
    }

    /// How much is kept: participants, tracks, m-lines and whatever else could grow.
    #[cfg(test)]
    pub(super) fn size(&self) -> (usize, usize, usize) {
        let rest = self.lines.len() + self.heard.len() + self.events.len();
        (self.participants.len(), self.track_count(), rest)
    }
}
