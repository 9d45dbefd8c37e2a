//! `packets, whenever they come → JitterBuffer → a frame every 20 ms`, for one caller's voice.
//!
//! G.711 is decoded as it comes. Codecs that remember what came before are decoded in order, see [`ordered`], and Opus
//! itself stands in for what is lost.
//!
//! Media time is counted in ticks of 1/8 ms whatever the codec; a tick holds `W` samples: one at 8 kHz, two at 16 kHz.
//! Samples lie in a ring at the place their timestamp gives them, so order, duplicates and the
//! sender's packet time do not matter. Time is never shifted by a loss: what is missing between
//! two packets is concealed for exactly as long as it would have lasted. When nothing newer is
//! there the voice is expanded, and if the next packet turns out to lie further on, or to be later
//! than is worth waiting for, the expansion counts as what was missing. The delay grows at once to
//! what the path needs, when the buffer has run dry, and shrinks in pauses; a voice that never
//! pauses loses whole pitch periods instead.

mod coding;
mod delay;
mod grid;
mod noise;
mod ordered;
mod play;
mod ring;
mod splice;
mod take;

use std::ops::Range;
use std::time::Instant;

use super::g711::Law;
use super::opus::OpusError;
use super::plc::Plc;
use coding::Coding;
use delay::{DelayEstimator, PER_MS};
use grid::Grid;
use noise::ComfortNoise;
use ordered::Ordered;
use ring::Ring;

/// What a buffer has gone through, in packets and in ticks of 1/8 ms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JitterCounts {
    /// Ticks of sound that were made up: samples, at 8 kHz.
    pub concealed_samples: u64,
    /// Packets that came after their time.
    pub late: u64,
    /// Packets that brought nothing new.
    pub duplicate: u64,
    /// Times the stream was taken up anew: a long pause or a jump of its clock.
    pub restarts: u64,
}

impl JitterCounts {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            concealed_samples: self.concealed_samples + other.concealed_samples,
            late: self.late + other.late,
            duplicate: self.duplicate + other.duplicate,
            restarts: self.restarts + other.restarts,
        }
    }
}

/// The adaptive playout buffer of one caller, with `W` samples to a tick of 1/8 ms.
#[derive(Debug)]
pub struct JitterBuffer<const W: usize = 1> {
    coding: Coding,
    ring: Ring<W>,
    state: State,
    /// Media time of the next tick to play, continued beyond 32 bits.
    play: i64,
    /// Media time after the newest tick there is, decoded or not.
    end: i64,
    /// Where it went on after the last stall of our clock.
    jumped_to: i64,
    /// Ticks made up since the buffer ran dry.
    expanded: i64,
    /// The far end said it falls silent, so running dry is not a loss.
    told_silent: bool,
    /// The last stretch of media time in which the far end sent no audio on purpose.
    told: Range<i64>,
    noise: ComfortNoise,
    far: u8,
    delay: DelayEstimator,
    grid: Grid,
    epoch: Option<Instant>,
    judged: u8,
    least_surplus: i64,
    /// Delay beyond what is needed; negative when it is short.
    surplus: i64,
    voice_power: f32,
    plc: Plc<W>,
    counts: JitterCounts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No packet yet.
    Empty,
    /// The first packet is there; it is played when it has waited this long.
    Waiting(i64),
    Playing,
}

impl JitterBuffer<1> {
    /// An empty buffer for G.711 that never aims for less than `delay_ms_min` (0 to 400) of delay.
    #[must_use]
    pub fn new(delay_ms_min: u16, law: Law) -> Self {
        Self::with(delay_ms_min, Coding::Law(law))
    }
}

impl JitterBuffer<2> {
    /// The same for G.722.
    #[must_use]
    pub fn g722(delay_ms_min: u16) -> Self {
        Self::with(delay_ms_min, Coding::Ordered(Box::new(Ordered::g722())))
    }

    /// The same for Opus.
    ///
    /// # Errors
    /// When libopus cannot build the decoder (out of memory).
    pub fn opus(delay_ms_min: u16) -> Result<Self, OpusError> {
        let ordered = Box::new(Ordered::opus()?);
        Ok(Self::with(delay_ms_min, Coding::Ordered(ordered)))
    }
}

impl<const W: usize> JitterBuffer<W> {
    fn with(delay_ms_min: u16, coding: Coding) -> Self {
        Self {
            coding,
            ring: Ring::new(),
            state: State::Empty,
            play: 0,
            end: 0,
            jumped_to: i64::MIN,
            expanded: 0,
            told_silent: false,
            told: 0..0,
            noise: ComfortNoise::silent(),
            far: 0,
            grid: Grid::new(),
            delay: DelayEstimator::new(i64::from(delay_ms_min) * PER_MS),
            epoch: None,
            judged: 0,
            least_surplus: i64::MAX,
            surplus: 0,
            voice_power: 0.0,
            plc: Plc::new(),
            counts: JitterCounts::default(),
        }
    }

    /// Empties the buffer for another stream; what was learnt about the path's jitter stays.
    pub fn restart(&mut self) {
        self.noise.forget();
        self.empty();
    }

    /// Gives its memory back while nobody listens: packets are passed over, and what comes out is silence. Not on the tick.
    pub fn park(&mut self) {
        self.ring.park();
        self.empty();
    }

    /// Takes packets again, as after [`restart`](Self::restart). Not on the tick.
    pub fn wake(&mut self) {
        self.ring.wake();
        self.restart();
    }

    fn empty(&mut self) {
        self.ring.clear();
        self.coding.clear();
        self.state = State::Empty;
        self.jumped_to = i64::MIN;
        self.expanded = 0;
        self.told_silent = false;
        self.told = 0..0;
        self.far = 0;
        self.delay.restart();
        self.judged = 0;
        self.least_surplus = i64::MAX;
        self.surplus = 0;
    }

    /// The delay aimed for, in ms.
    #[must_use]
    pub fn target_ms(&self) -> u16 {
        u16::try_from(self.target() / PER_MS).unwrap_or(u16::MAX)
    }

    /// RTP timestamp of what comes out next; `None` before the first packet is played.
    #[must_use]
    pub fn next_timestamp(&self) -> Option<u32> {
        // What stands in for lost sound takes its time.
        let next = (self.play + self.expanded) * self.coding.clock_per_tick();
        (self.state == State::Playing).then_some(next as u32)
    }

    /// What has happened since the buffer was made.
    #[must_use]
    pub fn counts(&self) -> JitterCounts {
        self.counts
    }

    fn target(&self) -> i64 {
        self.delay.target(self.grid.packet())
    }

    /// What is left of a delay when every frame waits for the packet with its last sample.
    fn spare(&self, delay: i64) -> i64 {
        delay - self.grid.reach(self.play)
    }

    /// How long after its earliest possible arrival the next tick is played.
    fn delay_at(&mut self, now: Instant) -> i64 {
        self.ticks_at(now) - self.delay.base().unwrap_or(0) - self.play
    }

    fn ticks_at(&mut self, at: Instant) -> i64 {
        let epoch = *self.epoch.get_or_insert(at);
        let micros = match at.checked_duration_since(epoch) {
            Some(since) => since.as_micros() as i64,
            None => -(epoch.duration_since(at).as_micros() as i64),
        };
        micros * PER_MS / 1000
    }
}

#[cfg(test)]
mod line_tests;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;
