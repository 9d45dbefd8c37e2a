//! A caller's voice as it comes in: `packets → the jitter buffer of their codec → a frame every 20 ms`.
//!
//! When the codec changes in mid-call each codec has a buffer of its own: what came in the old one is played to its end,
//! and only then the new one takes over, so nothing is lost, doubled or decoded by the wrong decoder. What comes out has
//! the new codec's band at once.

use std::time::Instant;

use super::codec::{Band, Codec};
use super::jitter::{JitterBuffer, JitterCounts};
use super::pcm::Pcm;
use super::resample::{Down2, Up2};

/// A former codec that does not run dry is given up so many frames after the new one has come: 500 ms.
const PATIENCE_FRAMES: u8 = 25;

/// The buffers of one caller.
#[derive(Debug)]
pub(super) struct Inbound {
    delay_ms_min: u16,
    codec: Codec,
    current: Buffer,
    former: Option<Former>,
    /// What buffers have gone through that are no more.
    counts: JitterCounts,
}

/// One codec's buffer.
#[derive(Debug)]
enum Buffer {
    Narrow(Box<JitterBuffer<1>>),
    Wide(Box<JitterBuffer<2>>),
    /// libopus had no memory for a decoder.
    Deaf,
}

/// The codec before, while its packets are still being played; afterwards it waits to be freed outside the tick.
#[derive(Debug)]
struct Former {
    codec: Codec,
    buffer: Buffer,
    bridge: Bridge,
    patience: u8,
}

/// From the former band to the present one.
#[derive(Debug)]
enum Bridge {
    None,
    Up(Up2),
    Down(Down2),
}

impl Buffer {
    fn new(delay_ms_min: u16, codec: Codec) -> Self {
        match codec {
            Codec::G711(law) => Self::Narrow(Box::new(JitterBuffer::new(delay_ms_min, law))),
            Codec::G722 => Self::Wide(Box::new(JitterBuffer::g722(delay_ms_min))),
            Codec::Opus => JitterBuffer::opus(delay_ms_min)
                .map_or(Self::Deaf, |jitter| Self::Wide(Box::new(jitter))),
        }
    }

    fn insert(&mut self, at: Instant, timestamp: u32, payload: &[u8]) {
        match self {
            Self::Narrow(jitter) => jitter.insert(at, timestamp, payload),
            Self::Wide(jitter) => jitter.insert(at, timestamp, payload),
            Self::Deaf => {}
        }
    }

    fn restart(&mut self) {
        match self {
            Self::Narrow(jitter) => jitter.restart(),
            Self::Wide(jitter) => jitter.restart(),
            Self::Deaf => {}
        }
    }

    fn park(&mut self) {
        match self {
            Self::Narrow(jitter) => jitter.park(),
            Self::Wide(jitter) => jitter.park(),
            Self::Deaf => {}
        }
    }

    fn wake(&mut self) {
        match self {
            Self::Narrow(jitter) => jitter.wake(),
            Self::Wide(jitter) => jitter.wake(),
            Self::Deaf => {}
        }
    }

    fn hear_silence(&mut self) {
        match self {
            Self::Narrow(jitter) => jitter.hear_silence(),
            Self::Wide(jitter) => jitter.hear_silence(),
            Self::Deaf => {}
        }
    }

    fn hear_noise(&mut self, payload: &[u8]) {
        match self {
            Self::Narrow(jitter) => jitter.hear_noise(payload),
            Self::Wide(jitter) => jitter.hear_noise(payload),
            Self::Deaf => {}
        }
    }

    fn skip(&mut self, ticks: usize) {
        match self {
            Self::Narrow(jitter) => jitter.skip(ticks),
            Self::Wide(jitter) => jitter.skip(ticks),
            Self::Deaf => {}
        }
    }

    fn pull(&mut self, now: Instant, frame: &mut Pcm) {
        match (self, frame) {
            (Self::Narrow(jitter), Pcm::Narrow(frame)) => jitter.pull(now, frame),
            (Self::Wide(jitter), Pcm::Wide(frame)) => jitter.pull(now, frame),
            (Self::Narrow(_) | Self::Wide(_) | Self::Deaf, frame) => frame.samples_mut().fill(0.0),
        }
    }

    fn is_ready(&mut self, now: Instant) -> bool {
        match self {
            Self::Narrow(jitter) => jitter.is_ready(now),
            Self::Wide(jitter) => jitter.is_ready(now),
            Self::Deaf => false,
        }
    }

    fn is_dry(&mut self) -> bool {
        match self {
            Self::Narrow(jitter) => jitter.is_dry(),
            Self::Wide(jitter) => jitter.is_dry(),
            Self::Deaf => true,
        }
    }

    fn target_ms(&self) -> u16 {
        match self {
            Self::Narrow(jitter) => jitter.target_ms(),
            Self::Wide(jitter) => jitter.target_ms(),
            Self::Deaf => 0,
        }
    }

    fn counts(&self) -> JitterCounts {
        match self {
            Self::Narrow(jitter) => jitter.counts(),
            Self::Wide(jitter) => jitter.counts(),
            Self::Deaf => JitterCounts::default(),
        }
    }
}

impl Inbound {
    pub(super) fn new(delay_ms_min: u16, codec: Codec) -> Self {
        Self {
            delay_ms_min,
            codec,
            current: Buffer::new(delay_ms_min, codec),
            former: None,
            counts: JitterCounts::default(),
        }
    }

    /// Goes over to another codec as soon as its packets come. Not on the tick: a buffer is made.
    pub(super) fn change(&mut self, codec: Codec) {
        if codec == self.codec {
            return;
        }
        let from = std::mem::replace(&mut self.codec, codec);
        let fresh = Buffer::new(self.delay_ms_min, codec);
        let buffer = std::mem::replace(&mut self.current, fresh);
        let bridge = match (from.band(), codec.band()) {
            (Band::Narrow, Band::Wide) => Bridge::Up(Up2::new()),
            (Band::Wide, Band::Narrow) => Bridge::Down(Down2::new()),
            (Band::Narrow, Band::Narrow) | (Band::Wide, Band::Wide) => Bridge::None,
        };
        let former = Former {
            codec: from,
            buffer,
            bridge,
            patience: PATIENCE_FRAMES,
        };
        if let Some(gone) = self.former.replace(former) {
            self.counts = self.counts.plus(gone.buffer.counts());
        }
    }

    /// Takes a packet in the present codec or in the one before.
    pub(super) fn insert(&mut self, at: Instant, codec: Codec, timestamp: u32, payload: &[u8]) {
        if codec == self.codec {
            self.current.insert(at, timestamp, payload);
        } else if let Some(former) = &mut self.former
            && former.codec == codec
            && former.patience > 0
        {
            former.buffer.insert(at, timestamp, payload);
        }
    }

    /// What follows is another stream. The one of a former codec is played to its end.
    pub(super) fn restart(&mut self) {
        self.current.restart();
    }

    /// Begins to be heard; what came before was long ago. Not on the tick.
    pub(super) fn wake(&mut self) {
        self.current.wake();
        self.forget_former();
    }

    /// Is heard no more for now: only what was learnt of the path stays. Not on the tick.
    pub(super) fn park(&mut self) {
        self.current.park();
        self.forget_former();
    }

    fn forget_former(&mut self) {
        if let Some(former) = self.former.take() {
            self.counts = self.counts.plus(former.buffer.counts());
        }
    }

    /// The far end sends no audio on purpose.
    pub(super) fn hear_silence(&mut self) {
        self.current.hear_silence();
    }

    /// The far end falls silent, and its room sounds like this (RFC 3389).
    pub(super) fn hear_noise(&mut self, payload: &[u8]) {
        self.current.hear_noise(payload);
    }

    /// The delay aimed for, in ms.
    pub(super) fn target_ms(&self) -> u16 {
        self.current.target_ms()
    }

    /// Lets `ticks` of 1/8 ms pass unheard.
    pub(super) fn skip(&mut self, ticks: usize) {
        self.current.skip(ticks);
        if let Some(former) = &mut self.former {
            former.buffer.skip(ticks);
        }
    }

    /// The next frame, in the present codec's band.
    pub(super) fn pull(&mut self, now: Instant, frame: &mut Pcm) {
        frame.make_room(self.codec.band());
        let Some(former) = self.former.as_mut().filter(|former| former.patience > 0) else {
            return self.current.pull(now, frame);
        };
        let is_over = self.current.is_ready(now) && former.is_over();
        former.pull(now, frame);
        if is_over {
            former.patience = 0;
            let mut next = Pcm::silence(self.codec.band());
            self.current.pull(now, &mut next);
            cross_over(frame.samples_mut(), next.samples());
        }
    }

    pub(super) fn counts(&self) -> JitterCounts {
        let former = self.former.as_ref().map(|former| former.buffer.counts());
        self.counts
            .plus(former.unwrap_or_default())
            .plus(self.current.counts())
    }
}

impl Former {
    /// Whether all that came has been played, or it has taken too long. Asked once per frame.
    fn is_over(&mut self) -> bool {
        self.patience = self.patience.saturating_sub(1);
        self.patience == 0 || self.buffer.is_dry()
    }

    fn pull(&mut self, now: Instant, frame: &mut Pcm) {
        let mut own = match &self.bridge {
            Bridge::None => return self.buffer.pull(now, frame),
            Bridge::Up(_) => Pcm::silence(Band::Narrow),
            Bridge::Down(_) => Pcm::silence(Band::Wide),
        };
        self.buffer.pull(now, &mut own);
        frame.samples_mut().fill(0.0);
        match (&mut self.bridge, &own) {
            (Bridge::Up(up), Pcm::Narrow(own)) => up.add(own, frame.samples_mut()),
            (Bridge::Down(down), Pcm::Wide(own)) => down.add(own, frame.samples_mut()),
            (Bridge::None | Bridge::Up(_) | Bridge::Down(_), Pcm::Narrow(_) | Pcm::Wide(_)) => {}
        }
    }
}

/// Goes over from one to the other within half of the frame: the former goes on with what it said last, made up.
fn cross_over(from: &mut [f32], to: &[f32]) {
    let steps = (from.len() / 2) as f32;
    for (n, (from, to)) in from.iter_mut().zip(to).enumerate() {
        let share = ((n + 1) as f32 / steps).min(1.0);
        *from += (to - *from) * share;
    }
}
