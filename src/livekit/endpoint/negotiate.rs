//! The subscriber connection: which tracks a browser hears, on which m-lines, and the offers that
//! say so. One offer is outstanding at a time; what changes meanwhile goes into the next one.
//!
//! ```text
//! Free → Starting(track) → Live(track) → Stopping → Free
//!        └── answer ──────┘              └─ answer ┘
//! ```
//!
//! An m-line serves one track after the other, so that an offer stays small however many callers
//! come and go. Limits: [`SLOTS_MAX`] tracks heard at the same time.

use std::collections::HashMap;
use std::time::Instant;

use livekit_protocol as proto;
use proto::signal_response::Message;

use super::forward::Rewriter;
use super::message::LeaveCause;
use super::participant::Link;
use super::{Endpoint, SessionId, Side, TrackKey};
use crate::rtc::{Mid, Msid, OfferChanges, with_msids};

/// Tracks one browser hears at the same time.
const SLOTS_MAX: usize = 48;

/// One m-line of a subscriber connection.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) mid: Mid,
    pub(super) state: SlotState,
    /// Numbers the packets of the track it has been given to.
    pub(super) rewriter: Rewriter,
}

/// What an m-line is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SlotState {
    /// Nothing; inactive.
    Free,
    /// Offered for this track, not answered yet.
    Starting(TrackKey),
    /// Sending this track.
    Live(TrackKey),
    /// Offered as inactive, not answered yet.
    Stopping,
}

impl Slot {
    /// The track it has been given to.
    pub(super) fn track(&self) -> Option<TrackKey> {
        match self.state {
            SlotState::Starting(track) | SlotState::Live(track) => Some(track),
            SlotState::Free | SlotState::Stopping => None,
        }
    }
}

impl Endpoint {
    /// Negotiates with every browser of a room whose tracks have changed.
    pub(super) fn negotiate_room(&mut self, now: Instant, room: &str) {
        for session in self.listeners(room) {
            self.negotiate(now, session);
        }
    }

    /// Offers what this browser should hear, unless it does already or an offer is outstanding.
    pub(super) fn negotiate(&mut self, now: Instant, session: SessionId) {
        let wanted = self.wanted(session);
        let Some(participant) = self.participants.get_mut(&session) else {
            return;
        };
        let Some(link) = &mut participant.link else {
            return;
        };
        if !participant.pass.can_subscribe || link.outstanding.is_some() {
            return;
        }
        let (changes, added) = plan(link, &wanted);
        // A failed peer says so in its output.
        let offer = link.subscriber.offer(now, changes);
        self.touched.push((session, Side::Subscriber));
        let Ok(Some(offer)) = offer else { return };
        for (mid, track) in offer.added.into_iter().zip(added) {
            let state = SlotState::Starting(track);
            link.slots.push(Slot {
                mid,
                state,
                rewriter: Rewriter::default(),
            });
        }
        link.offers += 1;
        link.outstanding = Some((link.offers, now));

        let mut msids = HashMap::new();
        let mut mid_to_track_id = HashMap::new();
        for slot in &link.slots {
            if let Some((_, msid)) = wanted.iter().find(|(key, _)| Some(*key) == slot.track()) {
                mid_to_track_id.insert(slot.mid.to_string(), msid.track.clone());
                msids.insert(slot.mid.to_string(), msid.clone());
            }
        }
        let description = proto::SessionDescription {
            r#type: "offer".to_owned(),
            sdp: with_msids(&offer.sdp, &msids),
            id: link.offers,
            mid_to_track_id,
        };
        self.send(session, Message::Offer(description));
    }

    /// Takes a browser's answer to our outstanding offer; a late answer to another one is ignored.
    pub(super) fn handle_answer(
        &mut self,
        now: Instant,
        session: SessionId,
        answer: &proto::SessionDescription,
    ) {
        let Some(link) = self
            .participants
            .get_mut(&session)
            .and_then(|p| p.link.as_mut())
        else {
            return;
        };
        let Some((id, _)) = link.outstanding else {
            return;
        };
        if answer.id != 0 && answer.id != id {
            return;
        }
        if link.subscriber.accept_answer(now, &answer.sdp).is_err() {
            self.remove(now, session, LeaveCause::MediaLost);
            return;
        }
        link.outstanding = None;
        for slot in &mut link.slots {
            slot.state = match slot.state {
                SlotState::Starting(track) => SlotState::Live(track),
                SlotState::Stopping => SlotState::Free,
                settled @ (SlotState::Live(_) | SlotState::Free) => settled,
            };
        }
        self.touched.push((session, Side::Subscriber));
        self.negotiate(now, session);
    }

    /// The tracks a browser should hear, with the names the SDKs find them by: the stream is
    /// `participant|track`, which is also right when an m-line serves its second track.
    fn wanted(&self, session: SessionId) -> Vec<(TrackKey, Msid)> {
        let Some(listener) = self.participants.get(&session) else {
            return Vec::new();
        };
        let Some(link) = &listener.link else {
            return Vec::new();
        };
        let Some(room) = self.rooms.get(&listener.pass.room) else {
            return Vec::new();
        };
        let mut wanted = Vec::new();
        for member in room.members.iter().filter(|member| **member != session) {
            let Some(owner) = self.participants.get(member).filter(|p| !p.pass.hidden) else {
                continue;
            };
            for key in &owner.tracks {
                let Some(track) = self.tracks.get(key).filter(|track| track.live) else {
                    continue;
                };
                if link
                    .choices
                    .get(key)
                    .copied()
                    .unwrap_or(link.auto_subscribe)
                {
                    let stream = format!("{}|{}", owner.sid, track.sid);
                    wanted.push((
                        *key,
                        Msid {
                            stream,
                            track: track.sid.clone(),
                        },
                    ));
                }
            }
        }
        wanted
    }
}

/// What to change so that the slots serve the wanted tracks, and the tracks the new m-lines are
/// for. The first offer of a session also opens the data channels that clients wait for.
fn plan(link: &mut Link, wanted: &[(TrackKey, Msid)]) -> (OfferChanges, Vec<TrackKey>) {
    let mut changes = OfferChanges::default();
    if link.offers == 0 {
        changes.channels = vec![("_reliable", true), ("_lossy", false)];
    }
    for slot in &mut link.slots {
        if let Some(track) = slot.track()
            && !wanted.iter().any(|(key, _)| *key == track)
        {
            slot.state = SlotState::Stopping;
            changes.pause.push(slot.mid);
        }
    }
    let mut added = Vec::new();
    for (key, msid) in wanted {
        if link.slots.iter().any(|slot| slot.track() == Some(*key)) {
            continue;
        }
        if let Some(slot) = link
            .slots
            .iter_mut()
            .find(|slot| slot.state == SlotState::Free)
        {
            slot.state = SlotState::Starting(*key);
            slot.rewriter = Rewriter::default();
            changes.resume.push(slot.mid);
        } else if link.slots.len() + added.len() < SLOTS_MAX {
            changes.add.push(msid.clone());
            added.push(*key);
        }
    }
    (changes, added)
}
