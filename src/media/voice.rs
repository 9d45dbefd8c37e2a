//! A caller who is heard: `jitter buffers → high-pass → RNNoise → gate → AGC → gain, mute → mix`, and
//! what only such a caller needs: the limiter of the own ear, the meter, the tap for browsers.
//!
//! Made when a leg is seated for the first time and kept: a gain control remembers its caller.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rtrb::Producer;

use super::codec::{Band, Codec};
use super::denoise::Denoiser;
use super::dsp::{Agc, Gate, HighPass, Limiter, Meter};
use super::inbound::Inbound;
use super::opus::{CallerEncoder, CallerOpus, OpusError, OpusPacket};
use super::pcm::Pcm;
use super::ramp::Ramp;
use super::table::{MediaSettings, RoomKey};

/// Below this a telephone line carries hum, not voice.
const HIGH_PASS_HZ: f32 = 120.0;

/// The part of a leg that speaks.
#[derive(Debug)]
pub(super) struct Voice {
    pub(super) inbound: Inbound,
    band: Band,
    high_pass: Option<HighPass>,
    /// Once it was asked for.
    denoiser: Option<Box<Denoiser>>,
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
    /// Not on the tick: buffers are made.
    pub(super) fn new(settings: &MediaSettings, codec: Codec) -> Self {
        let band = codec.band();
        let rate_hz = band.sample_rate_hz();
        Self {
            inbound: Inbound::new(settings.jitter_ms_min, codec),
            band,
            high_pass: settings
                .high_pass
                .then(|| HighPass::new(rate_hz, HIGH_PASS_HZ)),
            denoiser: None,
            gate: settings.gate.then(|| Gate::new(rate_hz)),
            agc: settings.agc.then(|| Agc::new(rate_hz)),
            gain: Ramp::at(1.0),
            meter: Meter::new(),
            ear_limiter: Limiter::new(8000),
            entering: Share::NONE,
            leaving: Share::NONE,
        }
    }

    /// The caller's line speaks another codec from now on. Not on the tick: buffers are made.
    pub(super) fn change(&mut self, codec: Codec) {
        self.inbound.change(codec);
        if self.band == codec.band() {
            return;
        }
        self.band = codec.band();
        self.gain = Ramp::at(0.0);
        let rate_hz = self.band.sample_rate_hz();
        if let Some(high_pass) = &mut self.high_pass {
            *high_pass = HighPass::new(rate_hz, HIGH_PASS_HZ);
        }
        if let Some(denoiser) = &mut self.denoiser {
            denoiser.retune(self.band);
        }
        // What these have learnt of the caller stays.
        if let Some(gate) = &mut self.gate {
            gate.retune(rate_hz);
        }
        if let Some(agc) = &mut self.agc {
            agc.retune(rate_hz);
        }
    }

    /// Takes the noise out of the line, or no more. Not on the tick: the network is made when it is first asked for.
    pub(super) fn set_denoise(&mut self, is_on: bool) {
        if is_on && self.denoiser.is_none() {
            self.denoiser = Some(Box::new(Denoiser::new(self.band)));
        }
        if let Some(denoiser) = &mut self.denoiser {
            denoiser.set_on(is_on);
        }
    }

    /// The next frame of the caller's voice, as the room is to hear it: at this gain at its end, 0 when muted.
    pub(super) fn pull(&mut self, now: Instant, gain: f32) -> &mut Pcm {
        let frame = &mut self.entering.frame;
        self.inbound.pull(now, frame);
        if let Some(high_pass) = &mut self.high_pass {
            high_pass.process(frame.samples_mut());
        }
        if let Some(denoiser) = &mut self.denoiser {
            denoiser.process(frame);
        }
        let samples = frame.samples_mut();
        if let Some(gate) = &mut self.gate {
            gate.process(samples);
        }
        if let Some(agc) = &mut self.agc {
            agc.process(samples);
        }
        self.gain.apply(samples, gain);
        self.meter.hear(samples);
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
        let was_muted = self.gain.is_closed(0.0);
        self.pull(now, gain);
        self.entering.room = after;
        self.leaving.room = None;
        if before != after {
            self.leaving = Share {
                room: before,
                frame: self.entering.frame.clone(),
            };
            // Who was muted is opened in the room after this one, and stays unheard in this.
            let last = if was_muted { 0.0 } else { 1.0 };
            Ramp::at(last).apply(self.leaving.frame.samples_mut(), 0.0);
            Ramp::at(0.0).apply(self.entering.frame.samples_mut(), 1.0);
        }
    }

    /// What this caller has added to rooms in this frame.
    pub(super) fn shares(&self) -> [&Share; 2] {
        [&self.entering, &self.leaving]
    }

    /// What this caller has added to `room` in this frame.
    pub(super) fn share_in(&self, room: RoomKey) -> Option<&Pcm> {
        let share = self
            .shares()
            .into_iter()
            .find(|share| share.room == Some(room));
        share.map(|share| &share.frame)
    }

    /// Forgets this frame's shares: the caller is in no room.
    pub(super) fn fall_silent(&mut self) {
        self.entering.room = None;
        self.leaving.room = None;
    }
}

/// What a caller has added to a room in this frame.
#[derive(Debug, Clone)]
pub(super) struct Share {
    pub(super) room: Option<RoomKey>,
    pub(super) frame: Pcm,
}

impl Share {
    const NONE: Self = Self {
        room: None,
        frame: Pcm::SILENCE,
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
        band: Band,
    ) -> Result<Self, OpusError> {
        Ok(Self {
            room,
            limiter: Limiter::new(band.sample_rate_hz()),
            encoder: CallerEncoder::of(how, band)?,
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

    /// The caller's voice is of another band from now on. Not on the tick: a coder is made.
    pub(super) fn change(&mut self, how: CallerOpus, band: Band) -> Result<(), OpusError> {
        self.limiter = Limiter::new(band.sample_rate_hz());
        self.encoder.change(how, band)
    }

    /// Whether there is a packet to take in the ring.
    pub(super) fn hear(&mut self, frame: &Pcm) -> bool {
        if !self.heard.load(Ordering::Relaxed) {
            self.encoder.skip(1);
            return false;
        }
        if self.ring.is_full() {
            self.encoder.skip(1);
            self.overflow += 1;
            return true;
        }
        let mut frame = frame.clone();
        self.limiter.process(frame.samples_mut());
        if let Ok(packet) = self.encoder.encode(frame.samples())
            && self.ring.push(packet).is_err()
        {
            self.overflow += 1;
        }
        true
    }

    /// Lets a frame pass in which the caller is not heard in the room.
    pub(super) fn skip(&mut self, frames: u32) {
        self.encoder.skip(frames);
    }
}
