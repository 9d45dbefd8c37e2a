//! Who is there, as the switch was told: browsers, and the rings that carry their voices.
//!
//! ```text
//! Endpoint or Link → Present ┬→ BridgeEvent → switchboard
//!                            └→ ring (one per browser's track) → media tick
//! ```

use std::collections::HashMap;
use std::hash::Hash;

use rtrb::{Producer, RingBuffer};

use super::message::{BridgeEvent, Tell};
use crate::livekit::{Event, TrackKey};
use crate::media::opus::{OpusPacket, OpusPayload};
use crate::rtc::AudioPacket;

/// Packets of one browser that may wait for the media tick: 1.28 s of 20 ms frames.
const RING_PACKETS: usize = 64;

/// A browser's track.
#[derive(Debug)]
pub(super) struct Voice {
    pub(super) room: String,
    pub(super) identity: String,
    pub(super) track_sid: String,
}

/// Takes to whom it concerns what browsers do; `K` names a track.
pub(super) struct Present<K> {
    tell: Tell,
    /// Room and identity by participant sid.
    participants: HashMap<String, (String, String)>,
    tracks: HashMap<K, (Voice, Producer<OpusPacket>)>,
    /// Packets that found their ring full.
    pub(super) ring_drops: u64,
}

impl<K: Copy + Eq + Hash> Present<K> {
    pub(super) fn new(tell: Tell) -> Self {
        Self {
            tell,
            participants: HashMap::new(),
            tracks: HashMap::new(),
            ring_drops: 0,
        }
    }

    pub(super) fn joined(&mut self, room: String, identity: String, name: String, sid: String) {
        self.participants
            .insert(sid.clone(), (room.clone(), identity.clone()));
        (self.tell)(BridgeEvent::ParticipantJoined {
            room,
            identity,
            name,
            sid,
        });
    }

    pub(super) fn left(&mut self, sid: String) {
        if let Some((room, identity)) = self.participants.remove(&sid) {
            (self.tell)(BridgeEvent::ParticipantLeft {
                room,
                identity,
                sid,
            });
        }
    }

    pub(super) fn track_up(&mut self, track: K, voice: Voice, muted: bool) {
        let (ring, audio) = RingBuffer::new(RING_PACKETS);
        (self.tell)(BridgeEvent::TrackUp {
            room: voice.room.clone(),
            identity: voice.identity.clone(),
            track_sid: voice.track_sid.clone(),
            audio,
            muted,
        });
        self.tracks.insert(track, (voice, ring));
    }

    pub(super) fn track_muted(&self, voice: Voice, muted: bool) {
        let Voice {
            room,
            identity,
            track_sid,
        } = voice;
        (self.tell)(BridgeEvent::TrackMuted {
            room,
            identity,
            track_sid,
            muted,
        });
    }

    pub(super) fn track_down(&mut self, track: K) {
        if let Some((voice, _)) = self.tracks.remove(&track) {
            let Voice {
                room,
                identity,
                track_sid,
            } = voice;
            (self.tell)(BridgeEvent::TrackDown {
                room,
                identity,
                track_sid,
            });
        }
    }

    /// A packet of a track; what the media tick does not take in time is dropped, and so is what is no Opus packet.
    pub(super) fn heard(&mut self, track: K, packet: &AudioPacket) {
        let Some((_, ring)) = self.tracks.get_mut(&track) else {
            return;
        };
        let Ok(payload) = OpusPayload::try_from(&*packet.payload) else {
            return;
        };
        let packet = OpusPacket {
            seq: packet.seq,
            timestamp: packet.timestamp,
            payload,
            level_dbov: packet.level_dbov,
        };
        if ring.push(packet).is_err() {
            self.ring_drops += 1;
        }
    }

    /// Tells the switch that nobody is there any more.
    pub(super) fn all_left(&mut self) {
        let tracks: Vec<K> = self.tracks.keys().copied().collect();
        for track in tracks {
            self.track_down(track);
        }
        let sids: Vec<String> = self.participants.keys().cloned().collect();
        for sid in sids {
            self.left(sid);
        }
    }
}

impl Present<TrackKey> {
    /// Takes an event of the endpoint to whom it concerns.
    pub(super) fn take(&mut self, event: Event) {
        match event {
            Event::TrackAudio {
                track,
                seq,
                timestamp,
                level_dbov,
                payload,
            } => {
                let packet = AudioPacket {
                    seq,
                    timestamp,
                    marker: false,
                    level_dbov,
                    payload,
                };
                self.heard(track, &packet);
            }
            Event::TrackUp {
                track,
                room,
                identity,
                track_sid,
                muted,
            } => {
                let voice = Voice {
                    room,
                    identity,
                    track_sid,
                };
                self.track_up(track, voice, muted);
            }
            Event::TrackDown { track, .. } => self.track_down(track),
            Event::TrackMuted {
                room,
                identity,
                track_sid,
                muted,
                ..
            } => {
                let voice = Voice {
                    room,
                    identity,
                    track_sid,
                };
                self.track_muted(voice, muted);
            }
            Event::ParticipantJoined {
                room,
                identity,
                name,
                sid,
            } => self.joined(room, identity, name, sid),
            Event::ParticipantLeft { sid, .. } => self.left(sid),
        }
    }
}
