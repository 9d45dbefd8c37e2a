//! `packets, whenever they come → JitterBuffer → a frame every 20 ms`, for one caller's voice.
//!
//! G.711 is decoded as it comes. Codecs that remember what came before are decoded in order, see [`ordered`], and Opus
//! itself stands in for what is lost.
//!
//! Media time is counted in ticks of 1/8 ms whatever the codec; a tick holds `W` samples: one at 8 kHz, two at 16 kHz.
//! Samples lie in a ring at the place their timestamp gives them, so order, duplicates and the
//! sender's packet time do not matter. Time is never shifted by a loss: what is missing between
//! two packets is concealed for exactly as long as it would have lasted. When nothing newer is
//! there the voice is expanded, and if the next packet turns out to lie further on, the
//! expansion counts as what was missing. The delay grows at once, when the buffer has run dry,
//! and shrinks in pauses; a voice that never pauses loses whole pitch periods instead.

mod delay;
mod ordered;
mod splice;

use std::time::Instant;

use super::NB_FRAME;
use super::g711::Law;
use super::opus::OpusError;
use super::plc::Plc;
use delay::{DelayEstimator, PER_MS};
use ordered::{Decoded, Ordered};
use splice::{Frame, STEP, power};

/// Length of the ring in ticks: 1.024 s. A power of two, so that it fits the wrap of the timestamp.
const RING: usize = 8192;
/// A packet further away than this belongs to another time line.
const FAR: i64 = 7000;
/// That many packets in a row from another time line move the buffer there.
const FAR_PACKETS: u8 = 3;
/// Wait of a stream that begins: as little as a steady path needs.
const FIRST_WAIT: i64 = 20 * PER_MS;
/// A stream that has made a longer pause than this begins anew.
const LONG_PAUSE: i64 = 200 * PER_MS;
/// Delay is judged by its smallest value over that many frames: 200 ms.
const JUDGED_FRAMES: u8 = 10;
/// Surplus that is taken out in a pause, and one that is taken out of a running voice.
const SURPLUS_IN_PAUSE: i64 = 20 * PER_MS;
const SURPLUS_IN_VOICE: i64 = 60 * PER_MS;
/// A frame below this mean square is a pause whatever came before: -50 dBFS.
const PAUSE_POWER: f32 = 1e-5;
/// A frame is a pause when its power is that share of the voice's.
const PAUSE_SHARE: f32 = 0.01;
/// Marks a place of the ring that holds nothing; no G.711 byte decodes to it.
const MISSING: f32 = f32::NAN;

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
    ring: Box<[[f32; W]; RING]>,
    state: State,
    /// Media time of the next sample to play, continued beyond 32 bits.
    play: i64,
    /// Media time after the newest tick there is.
    end: i64,
    /// Ticks made up since the buffer ran dry.
    expanded: i64,
    /// The far end said it falls silent, so running dry is not a loss.
    told_silent: bool,
    far: u8,
    delay: DelayEstimator,
    epoch: Option<Instant>,
    judged: u8,
    least_delay: i64,
    /// Delay beyond the target; negative when it is short.
    surplus: i64,
    voice_power: f32,
    plc: Plc<W>,
    counts: JitterCounts,
}

/// How packets become samples.
#[derive(Debug)]
enum Coding {
    Law(Law),
    Ordered(Box<Ordered>),
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
    /// An empty buffer for G.711 that never aims for less than `delay_ms_min` (20 to 400) of delay.
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
            ring: Box::new([[MISSING; W]; RING]),
            state: State::Empty,
            play: 0,
            end: 0,
            expanded: 0,
            told_silent: false,
            far: 0,
            delay: DelayEstimator::new(i64::from(delay_ms_min) * PER_MS),
            epoch: None,
            judged: 0,
            least_delay: i64::MAX,
            surplus: 0,
            voice_power: 0.0,
            plc: Plc::new(),
            counts: JitterCounts::default(),
        }
    }

    /// Empties the buffer for another stream; what was learnt about the path's jitter stays.
    pub fn restart(&mut self) {
        self.ring.fill([MISSING; W]);
        if let Coding::Ordered(ordered) = &mut self.coding {
            ordered.clear();
        }
        self.state = State::Empty;
        self.expanded = 0;
        self.told_silent = false;
        self.far = 0;
        self.delay.restart();
        self.judged = 0;
        self.least_delay = i64::MAX;
        self.surplus = 0;
    }

    /// Takes a packet that arrived at `at`, with the timestamp of the codec's RTP clock. The payload is copied.
    pub fn insert(&mut self, at: Instant, timestamp: u32, payload: &[u8]) {
        let ticks = match &self.coding {
            Coding::Law(_) => payload.len(),
            Coding::Ordered(ordered) => ordered.ticks(payload),
        };
        if ticks == 0 || ticks > RING - FAR as usize {
            return;
        }
        let arrival = self.ticks_at(at);
        let start = match self.state {
            State::Empty => i64::from(timestamp) / self.clock_per_tick(),
            State::Waiting(_) | State::Playing => self.extend(timestamp),
        };
        if self.state == State::Empty {
            self.begin(start, FIRST_WAIT);
        } else if (start - self.play).abs() > FAR {
            self.far += 1;
            if self.far < FAR_PACKETS {
                return;
            }
            self.counts.restarts += 1;
            self.restart();
            self.begin(start, FIRST_WAIT);
        } else if self.expanded > LONG_PAUSE && start >= self.play {
            self.counts.restarts += 1;
            self.restart();
            self.begin(start, self.delay.target());
        }
        self.far = 0;
        self.told_silent = false;
        self.delay.observe(arrival, start);
        self.store(start, ticks, payload);
    }

    /// The far end sends no audio on purpose (comfort noise, a key): what follows is no loss.
    pub fn hear_silence(&mut self) {
        self.told_silent = true;
    }

    /// Whether the next frame will be more than the wait for it.
    pub fn is_ready(&mut self, now: Instant) -> bool {
        match self.state {
            State::Empty => false,
            State::Waiting(wait) => self.delay_at(now) >= wait,
            State::Playing => true,
        }
    }

    /// Whether the next frame would be made up, at least in part.
    pub fn is_dry(&mut self) -> bool {
        self.decode();
        let last = self.play + NB_FRAME as i64 - 1;
        self.state != State::Playing || self.expanded > 0 || is_missing(&self.ring[index(last)])
    }

    /// How long after its earliest possible arrival the next tick is played.
    fn delay_at(&mut self, now: Instant) -> i64 {
        self.ticks_at(now) - self.delay.base().unwrap_or(0) - self.play
    }

    /// Plays the next frame: 20 ms, [`NB_FRAME`] times `W` samples.
    pub fn pull(&mut self, now: Instant, frame: &mut [f32]) {
        let Some(frame) = frame.as_chunks_mut().0.first_chunk_mut() else {
            return;
        };
        let delay = self.delay_at(now);
        match self.state {
            State::Waiting(wait) if delay >= wait => self.state = State::Playing,
            State::Empty | State::Waiting(_) => {
                frame.fill([0.0; W]);
                self.plc = Plc::new();
                return;
            }
            State::Playing => {}
        }
        self.decode();
        if self.expanded > 0 && !self.take_up(delay) {
            self.expand(frame);
            return;
        }
        // What was missing may have been given up just now.
        self.decode();
        self.judge(delay);
        let off_target = self.surplus < 0 || self.surplus >= SURPLUS_IN_PAUSE;
        if !(off_target && self.adjust(frame)) {
            self.play_frame(frame, delay < self.delay.target());
        }
    }

    /// Lets `ticks` of 1/8 ms pass unheard, after a stall of our clock.
    pub fn skip(&mut self, ticks: usize) {
        if self.state == State::Playing && self.expanded == 0 {
            self.discard(ticks.min(RING));
            self.plc = Plc::new();
        }
    }

    /// The delay aimed for, in ms.
    #[must_use]
    pub fn target_ms(&self) -> u16 {
        u16::try_from(self.delay.target() / PER_MS).unwrap_or(u16::MAX)
    }

    /// What has happened since the buffer was made.
    #[must_use]
    pub fn counts(&self) -> JitterCounts {
        self.counts
    }

    fn begin(&mut self, start: i64, wait: i64) {
        self.state = State::Waiting(wait);
        self.play = start;
        self.end = start;
    }

    fn ticks_at(&mut self, at: Instant) -> i64 {
        let epoch = *self.epoch.get_or_insert(at);
        let micros = match at.checked_duration_since(epoch) {
            Some(since) => since.as_micros() as i64,
            None => -(epoch.duration_since(at).as_micros() as i64),
        };
        micros * PER_MS / 1000
    }

    /// The media time nearest to the playing one that has these 32 bits.
    fn extend(&self, timestamp: u32) -> i64 {
        let clock = self.clock_per_tick();
        let near = self.play * clock;
        let step = timestamp.wrapping_sub(near as u32) as i32;
        (near + i64::from(step)).div_euclid(clock)
    }

    /// Steps of the RTP clock in a tick.
    fn clock_per_tick(&self) -> i64 {
        match &self.coding {
            Coding::Law(_) => 1,
            Coding::Ordered(ordered) => ordered.clock_per_tick(),
        }
    }

    fn store(&mut self, start: i64, ticks: usize, payload: &[u8]) {
        if matches!(self.state, State::Waiting(_)) {
            // The first packet to come need not be the first that was sent.
            self.play = self.play.min(start);
        }
        let past = usize::try_from(self.play - start).unwrap_or(0);
        if past >= ticks {
            // A second packet of a time that has been played is late or a copy; we cannot tell.
            self.counts.late += 1;
            return;
        }
        let law = match &mut self.coding {
            Coding::Law(law) => *law,
            Coding::Ordered(ordered) => {
                self.told_silent = ordered.is_farewell(payload);
                let there = &self.ring[index(start + past as i64)];
                if ordered.is_held(start) || !is_missing(there) {
                    self.counts.duplicate += 1;
                } else {
                    ordered.hold(start, ticks, payload);
                }
                return;
            }
        };
        let mut news = false;
        for (n, byte) in payload.iter().enumerate().skip(past) {
            let place = &mut self.ring[index(start + n as i64)];
            news |= is_missing(place);
            *place = [law.decode(*byte); W];
        }
        self.counts.duplicate += u64::from(!news);
        self.end = self.end.max(start + payload.len() as i64);
    }

    /// Decodes what waits, up to the first hole.
    fn decode(&mut self) {
        let Coding::Ordered(ordered) = &mut self.coding else {
            return;
        };
        while let Some(Decoded { start, samples }) = ordered.decode(self.play) {
            self.end = write(&mut self.ring, self.play, start, samples).max(self.end);
        }
    }

    /// Lets the codec make up what is missing until the next packet, `gap` ticks ahead.
    fn recover(&mut self, gap: i64) -> bool {
        let Coding::Ordered(ordered) = &mut self.coding else {
            return false;
        };
        let Some(Decoded { start, samples }) = ordered.recover(self.play, gap) else {
            return false;
        };
        self.counts.concealed_samples += (samples.len() / W) as u64;
        self.end = write(&mut self.ring, self.play, start, samples).max(self.end);
        true
    }

    /// Ends an expansion when there is something to play again and the delay is long enough.
    fn take_up(&mut self, delay: i64) -> bool {
        let Some(gap) = self.gap() else { return false };
        let counted = self.expanded.min(gap);
        self.play += counted;
        self.expanded -= counted;
        let delay = delay - counted;
        if self.expanded > 0 && delay < self.delay.target() {
            return false;
        }
        self.expanded = 0;
        true
    }

    /// Distance to the next tick there is; `None` when there is none.
    fn gap(&self) -> Option<i64> {
        let there = (self.play..self.end).position(|at| !is_missing(&self.ring[index(at)]));
        match &self.coding {
            Coding::Law(_) => there.map(|gap| gap as i64),
            Coding::Ordered(ordered) => match there {
                Some(gap) => Some(gap as i64),
                None => Some((ordered.next_start()? - self.play).max(0)),
            },
        }
    }

    fn expand(&mut self, ticks: &mut [[f32; W]]) {
        match &mut self.coding {
            Coding::Ordered(ordered) if ordered.conceals() => {
                ordered.stand_in(ticks.as_flattened_mut());
                self.plc.heard(ticks.as_flattened_mut());
            }
            Coding::Ordered(_) | Coding::Law(_) => self.plc.conceal(ticks.as_flattened_mut()),
        }
        self.expanded += ticks.len() as i64;
        if !self.told_silent {
            self.counts.concealed_samples += ticks.len() as u64;
        }
    }

    fn judge(&mut self, delay: i64) {
        self.least_delay = self.least_delay.min(delay);
        self.judged += 1;
        if self.judged >= JUDGED_FRAMES {
            self.surplus = self.least_delay - self.delay.target();
            self.judged = 0;
            self.least_delay = i64::MAX;
        }
    }

    fn play_frame(&mut self, frame: &mut Frame<W>, delay_is_short: bool) {
        let mut filled = 0;
        while filled < NB_FRAME {
            let rest = &mut frame[filled..];
            let run = copy_run(&self.ring, self.play, rest);
            if run > 0 {
                if let Coding::Ordered(ordered) = &mut self.coding {
                    ordered.blend(rest[..run].as_flattened_mut());
                }
                self.plc.heard(rest[..run].as_flattened_mut());
                self.discard(run);
                filled += run;
                continue;
            }
            // With a short delay what is missing may well be on its way: wait for it, too.
            let Some(gap) = self.gap().filter(|_| !delay_is_short) else {
                self.expand(rest);
                break;
            };
            if self.recover(gap) {
                self.decode();
                continue;
            }
            let gap = usize::try_from(gap).unwrap_or(usize::MAX);
            let lost = rest.len().min(gap).max(1);
            self.plc.conceal(rest[..lost].as_flattened_mut());
            self.counts.concealed_samples += lost as u64;
            self.discard(lost);
            self.decode();
            filled += lost;
        }
        self.voice_power = self.voice_power.max(power(frame.as_flattened())) * 0.995;
    }

    /// Plays a frame that takes a little more or less than its time, if this is the place for it.
    fn adjust(&mut self, frame: &mut Frame<W>) -> bool {
        let mut span = [[0.0; W]; 2 * NB_FRAME];
        let have = copy_run(&self.ring, self.play, &mut span);
        let pause = power(span[..NB_FRAME].as_flattened())
            < PAUSE_POWER.max(self.voice_power * PAUSE_SHARE);
        let consumed = if self.surplus < 0 {
            if !pause || have < NB_FRAME || self.surplus > -(STEP as i64) {
                return false;
            }
            splice::lengthen(&span, frame)
        } else {
            if have < span.len() || !(pause || self.surplus >= SURPLUS_IN_VOICE) {
                return false;
            }
            splice::shorten(&span, frame, pause)
        };
        self.surplus += NB_FRAME as i64 - consumed as i64;
        self.discard(consumed);
        self.plc.heard(frame.as_flattened_mut());
        true
    }

    fn discard(&mut self, ticks: usize) {
        for n in 0..ticks as i64 {
            self.ring[index(self.play + n)] = [MISSING; W];
        }
        self.play += ticks as i64;
    }
}

fn index(at: i64) -> usize {
    at.rem_euclid(RING as i64) as usize
}

/// Writes samples that begin at `start`, but nothing before `play`; gives where they end.
fn write<const W: usize>(
    ring: &mut [[f32; W]; RING],
    play: i64,
    start: i64,
    samples: &[f32],
) -> i64 {
    let ticks = samples.as_chunks().0;
    let past = usize::try_from(play - start).unwrap_or(0);
    for (n, tick) in ticks.iter().enumerate().skip(past) {
        ring[index(start + n as i64)] = *tick;
    }
    start + ticks.len() as i64
}

fn is_missing<const W: usize>(tick: &[f32; W]) -> bool {
    tick.iter().any(|sample| sample.is_nan())
}

/// Copies what is there without a hole from `at` on.
fn copy_run<const W: usize>(ring: &[[f32; W]; RING], at: i64, out: &mut [[f32; W]]) -> usize {
    let mut run = 0;
    for (n, tick) in out.iter_mut().enumerate() {
        let there = ring[index(at + n as i64)];
        if is_missing(&there) {
            break;
        }
        *tick = there;
        run += 1;
    }
    run
}

#[cfg(test)]
mod tests;
