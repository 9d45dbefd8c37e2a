//! The calls that browsers are shown, and the rings that carry the callers' voices to them.
//!
//! ```text
//! media tick → ring (one per call) → Calls::send → Endpoint → browsers
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rtrb::Consumer;

use super::message::CallTrack;
use crate::livekit::{CallParticipant, Endpoint, TrackKey};
use crate::media::opus::OpusPacket;
use crate::rtc::AudioPacket;

/// Packets taken from one ring at one wake: one is due, more are catching up.
const PACKETS_MAX: usize = 8;

/// All calls that are shown in rooms.
#[derive(Default)]
pub(super) struct Calls {
    calls: Vec<Call>,
}

struct Call {
    room: String,
    shown: CallParticipant,
    muted: bool,
    audio: Consumer<OpusPacket>,
    heard: Arc<AtomicBool>,
    /// `None` when the endpoint refused it.
    track: Option<TrackKey>,
}

impl Calls {
    pub(super) fn publish(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        room: String,
        call: CallTrack,
    ) {
        let CallTrack {
            identity,
            name,
            attributes,
            audio,
            heard,
        } = call;
        self.forget(&room, &identity);
        let shown = CallParticipant {
            identity,
            name,
            attributes,
        };
        let mut call = Call {
            room,
            shown,
            muted: false,
            audio,
            heard,
            track: None,
        };
        call.show(now, endpoint);
        self.calls.push(call);
    }

    /// Shows all calls to an endpoint that knows none of them.
    pub(super) fn publish_all(&mut self, now: Instant, endpoint: &mut Endpoint) {
        for call in &mut self.calls {
            call.show(now, endpoint);
        }
    }

    pub(super) fn set_attributes(
        &mut self,
        endpoint: &mut Endpoint,
        room: &str,
        identity: &str,
        attributes: BTreeMap<String, String>,
    ) {
        if let Some(call) = self.find(room, identity) {
            call.shown.attributes = attributes.clone();
            endpoint.set_call_attributes(room, identity, attributes);
        }
    }

    pub(super) fn set_muted(
        &mut self,
        endpoint: &mut Endpoint,
        room: &str,
        identity: &str,
        muted: bool,
    ) {
        if let Some(call) = self.find(room, identity) {
            call.muted = muted;
            endpoint.set_call_muted(room, identity, muted);
        }
    }

    pub(super) fn forget(&mut self, room: &str, identity: &str) {
        self.calls
            .retain(|call| call.room != room || call.shown.identity != identity);
    }

    pub(super) fn forget_room(&mut self, room: &str) {
        self.calls.retain(|call| call.room != room);
    }

    /// Tells the media tick whose voice nobody would hear: whenever somebody may have come or gone.
    pub(super) fn mark_heard(&self, endpoint: &Endpoint) {
        // Calls of a room mostly stand beside each other.
        let mut asked: Option<(&str, bool)> = None;
        for call in &self.calls {
            let known = asked.filter(|(room, _)| *room == call.room);
            let (_, heard) =
                known.unwrap_or_else(|| (&call.room, endpoint.has_browsers(&call.room)));
            call.heard.store(heard, Ordering::Relaxed);
            asked = Some((&call.room, heard));
        }
    }

    /// Takes what the media tick has put into the rings.
    pub(super) fn send(&mut self, now: Instant, endpoint: &mut Endpoint) {
        for call in &mut self.calls {
            for _ in 0..PACKETS_MAX {
                let Ok(packet) = call.audio.pop() else { break };
                let Some(track) = call.track else { continue };
                let packet = AudioPacket {
                    seq: packet.seq,
                    timestamp: packet.timestamp,
                    marker: false,
                    level_dbov: packet.level_dbov,
                    payload: packet.payload.as_slice().into(),
                };
                endpoint.send_call_audio(now, track, &packet);
            }
        }
    }

    fn find(&mut self, room: &str, identity: &str) -> Option<&mut Call> {
        self.calls
            .iter_mut()
            .find(|call| call.room == room && call.shown.identity == identity)
    }
}

impl Call {
    fn show(&mut self, now: Instant, endpoint: &mut Endpoint) {
        let (room, identity) = (&self.room, &self.shown.identity);
        self.track = endpoint
            .publish_call(now, room, self.shown.clone())
            .inspect_err(|refusal| tracing::error!(room, identity, %refusal, "call not shown"))
            .ok();
        if self.muted {
            endpoint.set_call_muted(room, identity, true);
        }
    }
}
