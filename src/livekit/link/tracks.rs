//! Tracks as a listener hears them: asked for, put on an m-line by the server, up while media lives.

use std::collections::HashMap;

use super::room::{Heard, Room};
use super::{LinkEvent, RemoteTrack};
use crate::rtc::{AudioPacket, Mid};

impl Room {
    /// The tracks the server was not asked for yet; from here on it was.
    pub(super) fn take_unasked(&mut self) -> Vec<String> {
        let tracks = self
            .participants
            .values_mut()
            .flat_map(|known| &mut known.tracks);
        let unasked = tracks.filter_map(|(sid, track)| {
            (!std::mem::replace(&mut track.asked, true)).then(|| sid.clone())
        });
        unasked.collect()
    }

    /// The tracks the server was asked for.
    pub(super) fn asked(&self) -> Vec<String> {
        let tracks = self.participants.values().flat_map(|known| &known.tracks);
        tracks
            .filter(|(_, track)| track.asked)
            .map(|(sid, _)| sid.clone())
            .collect()
    }

    /// Which track is on which m-line from here on.
    pub(super) fn set_lines(&mut self, lines: HashMap<String, Mid>) {
        self.lines = lines;
        self.stale = true;
    }

    /// Brings tracks up and down as they are on an m-line and media is live, or not.
    pub(super) fn settle(&mut self, live: bool) {
        if !std::mem::take(&mut self.stale) && self.was_live == live {
            return;
        }
        self.was_live = live;
        let mut ups = Vec::new();
        let mut heard = HashMap::new();
        for participant in self.participants.values_mut() {
            for (sid, track) in &mut participant.tracks {
                let mid = self.lines.get(sid).copied().filter(|_| live);
                // A track that changed its m-line goes on under its name: nothing was lost.
                let Some(mid) = mid else {
                    if let Some(name) = track.up.take() {
                        self.events.push_back(LinkEvent::TrackDown {
                            track: name,
                            identity: participant.identity.clone(),
                            track_sid: sid.clone(),
                        });
                    }
                    continue;
                };
                let name = *track.up.get_or_insert_with(|| {
                    self.tracks_named += 1;
                    let name = RemoteTrack(self.tracks_named);
                    ups.push(LinkEvent::TrackUp {
                        track: name,
                        identity: participant.identity.clone(),
                        track_sid: sid.clone(),
                        muted: track.muted,
                    });
                    name
                });
                heard.insert(
                    mid,
                    Heard {
                        track: name,
                        muted: track.muted,
                    },
                );
            }
        }
        self.heard = heard;
        self.events.extend(ups);
    }

    /// A packet came in on an m-line.
    pub(super) fn hear(&self, mid: Mid, packet: AudioPacket) -> Option<LinkEvent> {
        let heard = self.heard.get(&mid).filter(|heard| !heard.muted)?;
        Some(LinkEvent::TrackAudio {
            track: heard.track,
            packet,
        })
    }
}
