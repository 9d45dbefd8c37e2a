//! Opus packets from one to many, as they are: only sequence numbers and timestamps are rewritten.
//!
//! ```text
//! packet → (muted? drop) → level → speakers
//!                        → each listener's slot: Rewriter → Peer::send_audio
//! ```

use std::time::{Duration, Instant};

use super::negotiate::SlotState;
use super::speakers::SPEAKERS_INTERVAL;
use super::{Endpoint, Event, Output, SessionId, Side, TrackKey};
use crate::rtc::{AudioPacket, Mid};

/// A step of the sequence number beyond this is a new stream, not loss: 20 s at 50 packets/s.
const SEQ_STEP_MAX: i64 = 1000;
/// Where the outgoing sequence begins: above what a reordered first packet could undercut, and
/// below the first roll-over (see [`crate::rtc::Peer::send_audio`]).
const SEQ_FIRST: u64 = 1 << 12;
/// RTP clock of Opus (RFC 7587 section 4.1), ticks per millisecond.
const TICKS_PER_MS: u32 = 48;
/// One 20 ms frame in RTP ticks.
const FRAME_TICKS: u32 = 960;

/// Makes one stream of what a track's publisher sends: loss and reordering stay visible to the
/// listener's jitter buffer; that the publisher numbers anew, was muted, or sent padding does not.
#[derive(Debug, Default)]
pub(super) struct Rewriter {
    joint: Option<Joint>,
}

/// Where the present source was joined to what was sent before.
#[derive(Debug)]
struct Joint {
    source: u64,
    seq_in: u64,
    timestamp_in: u32,
    seq_out: u64,
    timestamp_out: u32,
    /// Packets below came before the joint, or before padding that shifted the numbers.
    floor_in: u64,
    newest_in: u64,
    newest_out: u64,
    newest_timestamp_out: u32,
    newest_at: Instant,
}

impl Rewriter {
    /// The packet's outgoing sequence number, timestamp and whether it begins a talkspurt.
    /// `None` for padding, and for a packet from before the joint or the last padding.
    pub(super) fn rewrite(
        &mut self,
        now: Instant,
        source: u64,
        packet: &AudioPacket,
    ) -> Option<(u64, u32, bool)> {
        if packet.payload.is_empty() {
            self.joint.as_mut()?.skip(source, packet.seq);
            return None;
        }
        let joint = match self.joint.take() {
            Some(joint) if joint.continues(source, packet.seq) => joint,
            former => Joint::new(now, source, packet, former),
        };
        let joint = self.joint.insert(joint);
        if packet.seq < joint.floor_in {
            return None;
        }
        let seq = joint.out(packet.seq);
        let ticks = packet.timestamp.wrapping_sub(joint.timestamp_in);
        let timestamp = joint.timestamp_out.wrapping_add(ticks);
        if packet.seq >= joint.newest_in {
            joint.newest_in = packet.seq;
            joint.newest_out = seq;
            joint.newest_timestamp_out = timestamp;
            joint.newest_at = now;
        }
        Some((seq, timestamp, packet.marker || seq == joint.seq_out))
    }
}

impl Joint {
    fn new(now: Instant, source: u64, packet: &AudioPacket, former: Option<Self>) -> Self {
        let (seq_out, timestamp_out) = match former {
            None => (SEQ_FIRST, packet.timestamp),
            Some(former) => {
                let silence = now.saturating_duration_since(former.newest_at);
                let ticks = ticks(silence).max(FRAME_TICKS);
                let timestamp = former.newest_timestamp_out.wrapping_add(ticks);
                (former.newest_out.wrapping_add(1), timestamp)
            }
        };
        Self {
            source,
            seq_in: packet.seq,
            timestamp_in: packet.timestamp,
            seq_out,
            timestamp_out,
            floor_in: packet.seq,
            newest_in: packet.seq,
            newest_out: seq_out,
            newest_timestamp_out: timestamp_out,
            newest_at: now,
        }
    }

    /// Takes a number out of the sequence that carried nothing.
    fn skip(&mut self, source: u64, seq: u64) {
        if self.continues(source, seq) && seq > self.newest_in {
            self.seq_in = self.seq_in.wrapping_add(1);
            self.floor_in = seq.wrapping_add(1);
            self.newest_in = seq;
        }
    }

    fn continues(&self, source: u64, seq: u64) -> bool {
        let step = self.out(seq).wrapping_sub(self.newest_out) as i64;
        self.source == source && (-SEQ_STEP_MAX..=SEQ_STEP_MAX).contains(&step)
    }

    fn out(&self, seq: u64) -> u64 {
        self.seq_out.wrapping_add(seq.wrapping_sub(self.seq_in))
    }
}

fn ticks(time: Duration) -> u32 {
    (time.as_millis() as u32).wrapping_mul(TICKS_PER_MS)
}

impl Endpoint {
    /// A packet from a browser's publisher connection.
    pub(super) fn forward_from_browser(
        &mut self,
        now: Instant,
        session: SessionId,
        mid: Mid,
        ssrc: u32,
        packet: AudioPacket,
    ) {
        self.counters.packets_in += 1;
        let Some(participant) = self.participants.get(&session) else {
            return;
        };
        let on_mid = |key: &&TrackKey| {
            self.tracks
                .get(key)
                .is_some_and(|track| track.live && track.mid == Some(mid))
        };
        let Some(key) = participant.tracks.iter().find(on_mid).copied() else {
            return;
        };
        self.forward(now, key, ssrc, &packet);
        let Some(track) = self.tracks.get_mut(&key).filter(|track| !track.muted) else {
            return;
        };
        let source = track.source_of(ssrc);
        let Some((seq, timestamp, _)) = track.to_switch.rewrite(now, source, &packet) else {
            return;
        };
        self.outputs.push_back(Output::Event(Event::TrackAudio {
            track: key,
            seq,
            timestamp,
            level_dbov: packet.level_dbov,
            payload: packet.payload,
        }));
    }

    /// Gives a packet to everybody in the room who hears the track, unless it is muted.
    pub(super) fn forward(&mut self, now: Instant, key: TrackKey, ssrc: u32, packet: &AudioPacket) {
        let Some(track) = self.tracks.get(&key).filter(|track| !track.muted) else {
            return;
        };
        let (owner, source) = (track.owner, track.source_of(ssrc));
        let Some(participant) = self.participants.get_mut(&owner) else {
            return;
        };
        if !packet.payload.is_empty() {
            participant.meter.push(packet.level_dbov);
        }
        let Some(room) = self.rooms.get_mut(&participant.pass.room) else {
            return;
        };
        room.speakers_due.get_or_insert(now + SPEAKERS_INTERVAL);
        for &session in room.members.iter().filter(|session| **session != owner) {
            let Some(listener) = self.participants.get_mut(&session) else {
                continue;
            };
            let Some(link) = &mut listener.link else {
                continue;
            };
            if link.disabled.contains(&key) {
                continue;
            }
            let slot = link
                .slots
                .iter_mut()
                .find(|slot| slot.state == SlotState::Live(key));
            let Some(slot) = slot else { continue };
            let Some((seq, timestamp, marker)) = slot.rewriter.rewrite(now, source, packet) else {
                continue;
            };
            let copy = AudioPacket {
                seq,
                timestamp,
                marker,
                ..packet.clone()
            };
            if let Ok(true) = link.subscriber.send_audio(now, slot.mid, copy) {
                self.counters.packets_out += 1;
            }
            self.touched.push((session, Side::Subscriber));
        }
    }
}

#[cfg(test)]
#[path = "forward_tests.rs"]
mod tests;
