//! One phone call's RTP, both ways: `datagrams → latch → counts, keys, voice` and
//! `160 bytes → header → datagram`. Who hears whom is the table's affair.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::NB_FRAME;
use super::dtmf::DtmfReceiver;
use super::feed::Player;
use super::g711::{EncodedFrame, Law};
use super::latch::{SourceLatch, Verdict};
use super::rtp::{COMFORT_NOISE, DATAGRAM_MAX, PacketBuf, RtpIn, RtpOut};
use super::stats::{LegReport, Reception};
use super::table::{
    EventQueue, LegChange, LegKey, LegSpec, MediaEvent, MediaIo, MediaSettings, Place, RoomKey,
    Sounding,
};
use super::voice::{Tap, Voice};

/// Datagrams taken from one socket per frame: ten times what the rate cap lets through, so that
/// a flood costs its own leg, not the others.
const DATAGRAMS_PER_FRAME_MAX: usize = 32;

/// A call in the table.
#[derive(Debug)]
pub(super) struct Leg {
    negotiated: LegChange,
    latch: SourceLatch,
    reception: Reception,
    dtmf: DtmfReceiver,
    out: RtpOut,
    counts: LegReport,
    /// Packets were last accepted then; before the first, the leg was made then.
    heard_at: Instant,
    has_heard: bool,
    timed_out: bool,
    /// Where the table wants the leg, and the prompts it plays there.
    pub(super) place: Place,
    pub(super) player: Player,
    pub(super) position: Option<u16>,
    /// What the last frame let it hear.
    pub(super) sounding: Sounding,
    /// The room in which it was heard in the last frame.
    pub(super) seat: Option<RoomKey>,
    pub(super) phase: u8,
    pub(super) muted: bool,
    pub(super) voice: Option<Box<Voice>>,
    pub(super) tap: Option<Tap>,
}

impl Leg {
    pub(super) fn new(now: Instant, spec: LegSpec, phase: u8) -> Self {
        Self {
            negotiated: LegChange::from(spec),
            latch: SourceLatch::new(spec.remote, now),
            reception: Reception::default(),
            dtmf: DtmfReceiver::new(),
            out: RtpOut::new(spec.ssrc, spec.sequence, spec.timestamp),
            counts: LegReport::default(),
            heard_at: now,
            has_heard: false,
            timed_out: false,
            place: Place::Nowhere,
            player: Player::silent(),
            position: None,
            sounding: Sounding::SILENCE,
            seat: None,
            phase,
            muted: false,
            voice: None,
            tap: None,
        }
    }

    pub(super) fn law(&self) -> Law {
        self.negotiated.law
    }

    /// Takes the result of a new offer and answer.
    pub(super) fn renegotiate(&mut self, now: Instant, change: LegChange) {
        if change.receive && !self.negotiated.receive {
            self.heard_at = now;
            self.timed_out = false;
        }
        self.latch.signal(change.remote, now);
        self.negotiated = change;
    }

    /// Reads what has come in. The voice is kept only while `heard`.
    pub(super) fn drain(
        &mut self,
        key: LegKey,
        now: Instant,
        heard: bool,
        io: &mut impl MediaIo,
        events: &mut EventQueue,
    ) {
        let mut buf = [0; DATAGRAM_MAX];
        for _ in 0..DATAGRAMS_PER_FRAME_MAX {
            let Some(datagram) = io.recv(key, &mut buf) else {
                break;
            };
            let bytes = buf.get(..datagram.len).unwrap_or_default();
            // A kernel's clock may run ahead of the tick's by a little.
            let at = datagram.at.min(now);
            self.receive(key, bytes, datagram.from, at, heard, events);
        }
    }

    fn receive(
        &mut self,
        key: LegKey,
        datagram: &[u8],
        from: SocketAddr,
        at: Instant,
        heard: bool,
        events: &mut EventQueue,
    ) {
        let Some(packet) = RtpIn::parse(datagram) else {
            self.counts.malformed += 1;
            return;
        };
        let latched = self.latch.source();
        let fresh = match self.latch.admit(from, at, &packet) {
            Verdict::Accept => false,
            Verdict::AcceptNewStream => true,
            Verdict::Probation => {
                self.counts.probation += 1;
                return;
            }
            Verdict::Foreign => {
                self.counts.foreign += 1;
                return;
            }
            Verdict::OverRate => {
                self.counts.over_rate += 1;
                return;
            }
        };
        if latched != self.latch.source() {
            events.push(MediaEvent::Latched { leg: key, from });
        }
        self.heard_at = self.heard_at.max(at);
        self.has_heard = true;
        self.timed_out = false;
        let mut voice = self.voice.as_mut();
        if fresh && let Some(voice) = &mut voice {
            voice.jitter.restart();
        }
        let voice = voice.filter(|_| heard);
        let is_media = packet.payload_type == self.negotiated.payload_type;
        if is_media {
            if let Some(voice) = voice.filter(|_| self.negotiated.receive) {
                voice
                    .jitter
                    .insert(at, packet.timestamp, self.negotiated.law, packet.payload);
            }
        } else if Some(packet.payload_type) == self.negotiated.dtmf_payload_type {
            if let Some(voice) = voice {
                // Events stand in the place of audio.
                voice.jitter.hear_silence();
            }
            if let Some(digit) = self.dtmf.receive(&packet) {
                events.push(MediaEvent::Dtmf { leg: key, digit });
            }
        } else if packet.payload_type == COMFORT_NOISE {
            if let Some(voice) = voice {
                voice.jitter.hear_silence();
            }
        } else {
            self.counts.unknown_payload += 1;
        }
        self.reception.count(at, &packet, is_media);
    }

    /// Reports once that nothing has come for too long.
    pub(super) fn watch(
        &mut self,
        key: LegKey,
        now: Instant,
        settings: &MediaSettings,
        events: &mut EventQueue,
    ) {
        let patience = if self.has_heard {
            settings.rtp_timeout
        } else {
            settings.rtp_timeout_first
        };
        let silent: Duration = now.saturating_duration_since(self.heard_at);
        if self.negotiated.receive && !self.timed_out && silent >= patience {
            self.timed_out = true;
            events.push(MediaEvent::RtpTimeout { leg: key });
        }
    }

    /// Sends one frame; time passes whether it can be sent or not.
    pub(super) fn send(&mut self, key: LegKey, payload: &EncodedFrame, io: &mut impl MediaIo) {
        let target = self.latch.target().filter(|_| self.negotiated.send);
        let Some(target) = target else {
            self.out.skip(NB_FRAME as u32);
            return;
        };
        let mut buf: PacketBuf = [0; 172];
        if let Some(packet) = self
            .out
            .packet(self.negotiated.payload_type, payload, &mut buf)
        {
            io.send(key, target, packet);
            self.counts.sent += 1;
        }
        self.out.advance(NB_FRAME as u32);
    }

    /// Lets `frames` frames pass in which the clock stood still.
    pub(super) fn skip(&mut self, frames: u32) {
        let samples = frames.saturating_mul(NB_FRAME as u32);
        self.out.skip(samples);
        if let Some(voice) = &mut self.voice {
            voice.jitter.skip(samples as usize);
        }
        if let Some(tap) = &mut self.tap {
            tap.skip(frames);
        }
    }

    /// What has happened so far.
    pub(super) fn report(&self) -> LegReport {
        LegReport {
            received: self.reception.received(),
            lost: self.reception.lost(),
            jitter_ms: self.reception.jitter_ms(),
            playout: self
                .voice
                .as_ref()
                .map(|voice| voice.jitter.counts())
                .unwrap_or_default(),
            tap_overflow: self.counts.tap_overflow + self.tap.as_ref().map_or(0, Tap::overflow),
            ..self.counts
        }
    }

    /// Takes a tap away, keeping its count.
    pub(super) fn end_tap(&mut self) {
        if let Some(tap) = self.tap.take() {
            self.counts.tap_overflow += tap.overflow();
        }
    }
}
