//! What a link has to tell: browsers to the switchboard, losses to the driver.

use std::time::Instant;

use super::super::super::message::BridgeEvent;
use super::super::super::present::Voice;
use super::LinkTask;
use crate::livekit::{LinkEvent, LinkRole, LinkTrouble};

impl LinkTask {
    pub(super) fn tell(&mut self, now: Instant, event: LinkEvent) {
        match event {
            LinkEvent::TrackAudio { track, packet } => {
                self.room.site.count(|stats| stats.packets_in += 1);
                self.present.heard(track, &packet);
                let drops = &self.room.site.ring_drops;
                drops.set(drops.get() + std::mem::take(&mut self.present.ring_drops));
            }
            LinkEvent::Up => self.came_up(now),
            LinkEvent::Down { trouble } => self.went_down(now, Some(trouble)),
            LinkEvent::Removed => self.thrown_out(),
            LinkEvent::Closed => self.is_over = true,
            LinkEvent::Muted { muted } => self.muted_there(muted),
            LinkEvent::ParticipantJoined {
                identity,
                name,
                sid,
            } => {
                let room = self.room.name.clone();
                self.present.joined(room, identity, name, sid);
            }
            LinkEvent::ParticipantLeft { sid, .. } => self.present.left(sid),
            LinkEvent::TrackUp {
                track,
                identity,
                track_sid,
                muted,
            } => {
                let voice = self.voice(identity, track_sid);
                self.present.track_up(track, voice, muted);
            }
            LinkEvent::TrackMuted {
                identity,
                track_sid,
                muted,
                ..
            } => {
                let voice = self.voice(identity, track_sid);
                self.present.track_muted(voice, muted);
            }
            LinkEvent::TrackDown { track, .. } => self.present.track_down(track),
        }
    }

    fn voice(&self, identity: String, track_sid: String) -> Voice {
        let room = self.room.name.clone();
        Voice {
            room,
            identity,
            track_sid,
        }
    }

    fn came_up(&self, now: Instant) {
        let mut state = self.state.borrow_mut();
        let ago = state.down_since.map(|at| now.saturating_duration_since(at));
        let after_ms = ago.map_or(0, |ago| ago.as_millis());
        tracing::info!(
            room.name = self.room.name,
            identity = self.identity,
            after_ms,
            "link is up"
        );
        (state.down_since, state.trouble) = (None, None);
        self.room.site.got_through.set(true);
        self.room.site.changed.notify_one();
    }

    pub(super) fn went_down(&self, now: Instant, trouble: Option<LinkTrouble>) {
        let mut state = self.state.borrow_mut();
        if state.down_since.is_none() {
            state.down_since = Some(now);
            self.room.site.count(|stats| stats.losses += 1);
        }
        let why = trouble.as_ref().map(tracing::field::display);
        tracing::info!(
            room.name = self.room.name,
            identity = self.identity,
            why,
            "link is down"
        );
        state.trouble = trouble;
        self.room.site.changed.notify_one();
    }

    fn thrown_out(&mut self) {
        self.is_over = true;
        match self.role {
            LinkRole::Caller => (self.room.site.tell)(BridgeEvent::CallRemoved {
                room: self.room.name.clone(),
                identity: self.identity.clone(),
            }),
            LinkRole::Listener => {
                tracing::warn!(
                    room.name = self.room.name,
                    "somebody threw the switch out of the room"
                );
            }
        }
    }

    fn muted_there(&mut self, muted: bool) {
        self.is_muted = muted;
        (self.room.site.tell)(BridgeEvent::CallMuted {
            room: self.room.name.clone(),
            identity: self.identity.clone(),
            muted,
        });
    }
}
