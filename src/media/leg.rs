//! One phone call's media: what its RTP brings goes to its voice, what it is to hear goes out. Who hears
//! whom is the table's affair, the packets are [`RtpSide`]'s.

use std::time::{Duration, Instant};

use super::NB_FRAME;
use super::feed::Player;
use super::g711::{EncodedFrame, Law};
use super::rtp::{DATAGRAM_MAX, PacketBuf};
use super::rtp_side::{Arrival, Content, RtpSide};
use super::stats::LegReport;
use super::table::{
    EventQueue, LegChange, LegKey, LegSpec, MediaEvent, MediaIo, MediaSettings, Place, RoomKey,
    Sounding,
};
use super::voice::{Tap, Voice};

/// Datagrams taken from one socket per frame: twenty times what the rate cap lets through, so that
/// a flood costs its own leg, not the others.
const DATAGRAMS_PER_FRAME_MAX: usize = 64;

/// A call in the table.
#[derive(Debug)]
pub(super) struct Leg {
    rtp: RtpSide,
    /// Packets were last accepted then; before the first, the leg was made then.
    heard_at: Instant,
    has_heard: bool,
    timed_out: bool,
    /// Frames that browsers missed of taps that have ended.
    tap_overflow: u64,
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
            rtp: RtpSide::new(now, spec),
            heard_at: now,
            has_heard: false,
            timed_out: false,
            tap_overflow: 0,
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
        self.rtp.law()
    }

    /// Takes the result of a new offer and answer.
    pub(super) fn renegotiate(&mut self, now: Instant, change: LegChange) {
        if change.receive && !self.rtp.receives() {
            self.heard_at = now;
            self.timed_out = false;
        }
        self.rtp.renegotiate(now, change);
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
            let bytes = buf.get_mut(..datagram.len).unwrap_or_default();
            // A kernel's clock may run ahead of the tick's by a little.
            let at = datagram.at.min(now);
            if let Some(arrival) = self.rtp.receive(bytes, datagram.from, at) {
                if let Some(from) = arrival.latched {
                    events.push(MediaEvent::Latched { leg: key, from });
                }
                if let Content::Key(Some(digit)) = arrival.content {
                    events.push(MediaEvent::Dtmf { leg: key, digit });
                }
                self.hear(at, heard, &arrival);
            }
        }
    }

    fn hear(&mut self, at: Instant, heard: bool, arrival: &Arrival<'_>) {
        self.heard_at = self.heard_at.max(at);
        self.has_heard = true;
        self.timed_out = false;
        let law = self.rtp.law();
        let Some(voice) = self.voice.as_mut() else {
            return;
        };
        if arrival.is_fresh {
            voice.jitter.restart();
        }
        if !heard {
            return;
        }
        match arrival.content {
            Content::Audio { timestamp, payload } => {
                voice.jitter.insert(at, timestamp, law, payload);
            }
            Content::Key(_) | Content::Silence => voice.jitter.hear_silence(),
            Content::Nothing => {}
        }
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
        if self.rtp.receives() && !self.timed_out && silent >= patience {
            self.timed_out = true;
            events.push(MediaEvent::RtpTimeout { leg: key });
        }
    }

    /// Sends one frame; time passes whether it can be sent or not.
    pub(super) fn send(&mut self, key: LegKey, payload: &EncodedFrame, io: &mut impl MediaIo) {
        let mut buf: PacketBuf = [0; 172];
        if let Some((target, packet)) = self.rtp.packet(payload, &mut buf) {
            io.send(key, target, packet);
        }
    }

    /// Lets `frames` frames pass in which the clock stood still.
    pub(super) fn skip(&mut self, frames: u32) {
        let samples = frames.saturating_mul(NB_FRAME as u32);
        self.rtp.skip(samples);
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
            playout: self
                .voice
                .as_ref()
                .map(|voice| voice.jitter.counts())
                .unwrap_or_default(),
            tap_overflow: self.tap_overflow + self.tap.as_ref().map_or(0, Tap::overflow),
            ..self.rtp.report()
        }
    }

    /// Takes a tap away, keeping its count.
    pub(super) fn end_tap(&mut self) {
        if let Some(tap) = self.tap.take() {
            self.tap_overflow += tap.overflow();
        }
    }
}
