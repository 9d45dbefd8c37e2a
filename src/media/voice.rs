//! A caller who is heard: `jitter buffer → high-pass → RNNoise → gate → AGC → gain, mute → mix`, and
//! what only such a caller needs: the limiter of the own ear, the meter, the tap for browsers.
//!
//! Made when a leg is seated for the first time and kept: a gain control remembers its caller.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rtrb::Producer;

use super::denoise::Denoiser;
use super::dsp::{Agc, Gate, HighPass, Limiter, Meter};
use super::jitter::JitterBuffer;
use super::opus::{CallerEncoder, CallerOpus, OpusError, OpusPacket};
use super::ramp::Ramp;
use super::table::{MediaSettings, RoomKey};
use super::{NB_FRAME, NbFrame};

/// Below this a telephone line carries hum, not voice.
const HIGH_PASS_HZ: f32 = 120.0;

/// The part of a leg that speaks.
#[derive(Debug)]
pub(super) struct Voice {
    pub(super) jitter: JitterBuffer,
    high_pass: Option<HighPass>,
    /// Once it was asked for.
    pub(super) denoiser: Option<Box<Denoiser>>,
    gate: Option<Gate>,
    agc: Option<Agc>,
    gain: Ramp,
    pub(super) meter: Meter,
    /// Of what this caller hears.
    pub(super) ear_limiter: Limiter,
    /// What this caller adds to the room they are in, and to the one they are leaving.
    entering: Share,
    leaving: Share,
}

impl Voice {
    pub(super) fn new(settings: &MediaSettings) -> Self {
        Self {
            jitter: JitterBuffer::new(settings.jitter_ms_min),
            high_pass: settings
                .high_pass
                .then(|| HighPass::new(8000, HIGH_PASS_HZ)),
            denoiser: None,
            gate: settings.gate.then(|| Gate::new(8000)),
            agc: settings.agc.then(|| Agc::new(8000)),
            gain: Ramp::at(1.0),
            meter: Meter::new(),
            ear_limiter: Limiter::new(8000),
            entering: Share::NONE,
            leaving: Share::NONE,
        }
    }

    /// The next frame of the caller's voice, as the room is to hear it: at this gain at its end, 0 when muted.
    pub(super) fn pull(&mut self, now: Instant, gain: f32) -> NbFrame {
        let mut frame = [0.0; NB_FRAME];
        self.jitter.pull(now, &mut frame);
        if let Some(high_pass) = &mut self.high_pass {
            high_pass.process(&mut frame);
        }
        if let Some(denoiser) = &mut self.denoiser {
            denoiser.process(&mut frame);
        }
        if let Some(gate) = &mut self.gate {
            gate.process(&mut frame);
        }
        if let Some(agc) = &mut self.agc {
            agc.process(&mut frame);
        }
        self.gain.apply(&mut frame, gain);
        self.meter.hear(&frame);
        frame
    }

    /// Shares the next frame between the room of the last frame and that of this one.
    pub(super) fn speak(
        &mut self,
        now: Instant,
        gain: f32,
        before: Option<RoomKey>,
        after: Option<RoomKey>,
    ) {
        let frame = self.pull(now, gain);
        self.entering = Share { room: after, frame };
        self.leaving = Share::NONE;
        if before != after {
            Ramp::at(0.0).apply(&mut self.entering.frame, 1.0);
            self.leaving = Share {
                room: before,
                frame,
            };
            Ramp::at(1.0).apply(&mut self.leaving.frame, 0.0);
        }
    }

    /// What this caller has added to rooms in this frame.
    pub(super) fn shares(&self) -> [&Share; 2] {
        [&self.entering, &self.leaving]
    }

    /// What this caller has added to `room` in this frame.
    pub(super) fn share_in(&self, room: RoomKey) -> Option<&NbFrame> {
        let share = self
            .shares()
            .into_iter()
            .find(|share| share.room == Some(room));
        share.map(|share| &share.frame)
    }

    /// Forgets this frame's shares: the caller is in no room.
    pub(super) fn fall_silent(&mut self) {
        self.entering = Share::NONE;
        self.leaving = Share::NONE;
    }
}

/// What a caller has added to a room in this frame.
#[derive(Debug, Clone)]
pub(super) struct Share {
    pub(super) room: Option<RoomKey>,
    pub(super) frame: NbFrame,
}

impl Share {
    const NONE: Self = Self {
        room: None,
        frame: [0.0; NB_FRAME],
    };
}

/// A caller's voice on its way to the browsers of one room.
#[derive(Debug)]
pub(super) struct Tap {
    room: RoomKey,
    limiter: Limiter,
    encoder: CallerEncoder,
    ring: Producer<OpusPacket>,
    /// Whether anybody takes the packets: the encoder is the dearest part of a caller.
    heard: Arc<AtomicBool>,
    overflow: u64,
}

impl Tap {
    pub(super) fn new(
        room: RoomKey,
        ring: Producer<OpusPacket>,
        heard: Arc<AtomicBool>,
        how: CallerOpus,
    ) -> Result<Self, OpusError> {
        Ok(Self {
            room,
            limiter: Limiter::new(8000),
            encoder: CallerEncoder::new(how)?,
            ring,
            heard,
            overflow: 0,
        })
    }

    /// The room whose browsers hear it: what the caller says elsewhere is not for them.
    pub(super) fn room(&self) -> RoomKey {
        self.room
    }

    /// Frames that found the ring full.
    pub(super) fn overflow(&self) -> u64 {
        self.overflow
    }

    pub(super) fn hear(&mut self, frame: &NbFrame) {
        if !self.heard.load(Ordering::Relaxed) {
            return self.encoder.skip(1);
        }
        if self.ring.is_full() {
            self.encoder.skip(1);
            self.overflow += 1;
            return;
        }
        let mut frame = *frame;
        self.limiter.process(&mut frame);
        if let Ok(packet) = self.encoder.encode(&frame)
            && self.ring.push(packet).is_err()
        {
            self.overflow += 1;
        }
    }

    /// Lets a frame pass in which the caller is not heard in the room.
    pub(super) fn skip(&mut self, frames: u32) {
        self.encoder.skip(frames);
    }
}
