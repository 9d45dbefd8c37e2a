//! Who is there, as the switch was told: browsers, and the rings that carry their voices.
//!
//! ```text
//! Endpoint → Event → Present ┬→ BridgeEvent → room actors
//!                            └→ ring (one per browser's track) → media tick
//! ```

use std::collections::HashMap;

use rtrb::{Producer, RingBuffer};

use super::message::BridgeEvent;
use crate::livekit::{Event, TrackKey};
use crate::media::opus::{OpusPacket, OpusPayload};

/// Packets of one browser that may wait for the media tick: 1.28 s of 20 ms frames.
const RING_PACKETS: usize = 64;

/// Takes the endpoint's events to whom they concern.
pub(super) struct Present {
    events: Box<dyn Fn(BridgeEvent) + Send>,
    /// Room and identity by participant sid.
    participants: HashMap<String, (String, String)>,
    tracks: HashMap<TrackKey, Voice>,
    /// Packets that found their ring full.
    pub(super) ring_drops: u64,
}

struct Voice {
    room: String,
    identity: String,
    track_sid: String,
    ring: Producer<OpusPacket>,
}

impl Voice {
    fn new(room: &str, identity: &str, track_sid: &str, ring: Producer<OpusPacket>) -> Self {
        let (room, identity) = (room.to_owned(), identity.to_owned());
        Self {
            room,
            identity,
            track_sid: track_sid.to_owned(),
            ring,
        }
    }
}

impl Present {
    pub(super) fn new(events: Box<dyn Fn(BridgeEvent) + Send>) -> Self {
        let (participants, tracks) = (HashMap::new(), HashMap::new());
        Self {
            events,
            participants,
            tracks,
            ring_drops: 0,
        }
    }

    pub(super) fn take(&mut self, event: Event) {
        match event {
            Event::TrackAudio {
                track,
                seq,
                timestamp,
                level_dbov,
                payload,
            } => {
                if let Ok(payload) = OpusPayload::try_from(&*payload) {
                    self.push(
                        track,
                        OpusPacket {
                            seq,
                            timestamp,
                            payload,
                            level_dbov,
                        },
                    );
                }
            }
            Event::TrackUp {
                track,
                room,
                identity,
                track_sid,
                muted,
            } => {
                let (ring, audio) = RingBuffer::new(RING_PACKETS);
                self.tracks
                    .insert(track, Voice::new(&room, &identity, &track_sid, ring));
                (self.events)(BridgeEvent::TrackUp {
                    room,
                    identity,
                    track_sid,
                    audio,
                    muted,
                });
            }
            Event::TrackDown { track, .. } => self.track_down(track),
            Event::TrackMuted {
                room,
                identity,
                track_sid,
                muted,
                ..
            } => {
                (self.events)(BridgeEvent::TrackMuted {
                    room,
                    identity,
                    track_sid,
                    muted,
                });
            }
            Event::ParticipantJoined {
                room,
                identity,
                name,
                sid,
            } => {
                self.participants
                    .insert(sid.clone(), (room.clone(), identity.clone()));
                (self.events)(BridgeEvent::ParticipantJoined {
                    room,
                    identity,
                    name,
                    sid,
                });
            }
            Event::ParticipantLeft { sid, .. } => self.left(sid),
        }
    }

    /// Tells the switch that nobody is there any more.
    pub(super) fn all_left(&mut self) {
        let tracks: Vec<TrackKey> = self.tracks.keys().copied().collect();
        for track in tracks {
            self.track_down(track);
        }
        let sids: Vec<String> = self.participants.keys().cloned().collect();
        for sid in sids {
            self.left(sid);
        }
    }

    fn track_down(&mut self, track: TrackKey) {
        if let Some(Voice {
            room,
            identity,
            track_sid,
            ..
        }) = self.tracks.remove(&track)
        {
            (self.events)(BridgeEvent::TrackDown {
                room,
                identity,
                track_sid,
            });
        }
    }

    fn left(&mut self, sid: String) {
        if let Some((room, identity)) = self.participants.remove(&sid) {
            (self.events)(BridgeEvent::ParticipantLeft {
                room,
                identity,
                sid,
            });
        }
    }

    fn push(&mut self, track: TrackKey, packet: OpusPacket) {
        if let Some(voice) = self.tracks.get_mut(&track)
            && voice.ring.push(packet).is_err()
        {
            self.ring_drops += 1;
        }
    }
}
