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
mod ring;
mod splice;

use std::ops::Range;
use std::time::Instant;

use super::NB_FRAME;
use super::g711::Law;
use super::opus::OpusError;
use super::plc::{AFTER_MAX, FADED, Plc};
use coding::Coding;
use delay::{DelayEstimator, PER_MS};
use grid::Grid;
use noise::ComfortNoise;
use ordered::Ordered;
use ring::{RING, Ring};
use splice::{Frame, STEP, power};

/// A packet further away than this belongs to another time line.
const FAR: i64 = 7000;
/// That many packets in a row from another time line move the buffer there.
const FAR_PACKETS: u8 = 3;
/// A stream that has made a longer pause than this begins anew.
const LONG_PAUSE: i64 = 200 * PER_MS;
/// Delay is judged by its smallest value over that many frames: 200 ms.
const JUDGED_FRAMES: u8 = 10;
/// Less is not worth leaving out, and a delay that is off by less is left alone.
const CUT_MIN: i64 = 2 * PER_MS;
const DEAD_BAND: i64 = 2 * PER_MS;
/// Surplus that is taken out of a running voice.
const SURPLUS_IN_VOICE: i64 = 60 * PER_MS;
/// Sound that comes later than the path's delay by up to this is passed over; more is played, and delays what follows.
const PASSED_MAX: i64 = FADED as i64;
/// A frame below this mean square is a pause whatever came before: -50 dBFS.
const PAUSE_POWER: f32 = 1e-5;
/// A frame is a pause when its power is that share of the voice's.
const PAUSE_SHARE: f32 = 0.01;

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
        self.expanded = 0;
        self.told_silent = false;
        self.told = 0..0;
        self.far = 0;
        self.delay.restart();
        self.judged = 0;
        self.least_surplus = i64::MAX;
        self.surplus = 0;
    }

    /// Takes a packet that arrived at `at`, with the timestamp of the codec's RTP clock. The payload is copied.
    pub fn insert(&mut self, at: Instant, timestamp: u32, payload: &[u8]) {
        let ticks = self.coding.ticks(payload);
        if ticks == 0 || ticks > RING - FAR as usize || self.ring.is_parked() {
            return;
        }
        let arrival = self.ticks_at(at);
        let start = match self.state {
            State::Empty => i64::from(timestamp) / self.coding.clock_per_tick(),
            State::Waiting(_) | State::Playing => self.extend(timestamp),
        };
        if self.state == State::Empty {
            self.begin(start, self.target());
        } else if (start - self.play).abs() > FAR {
            self.far += 1;
            if self.far < FAR_PACKETS {
                return;
            }
            self.counts.restarts += 1;
            self.empty();
            self.begin(start, self.target());
        } else if self.expanded > LONG_PAUSE && start >= self.play {
            self.counts.restarts += 1;
            self.empty();
            self.begin(start, self.target());
        }
        self.far = 0;
        if self.told_silent && start > self.end {
            self.told = self.end..start;
        }
        self.told_silent = self.coding.is_farewell(payload);
        self.grid.observe(start, ticks);
        self.delay.observe(arrival, start);
        self.store(start, ticks, payload);
    }

    /// The far end sends no audio on purpose (a key in its place): what follows is no loss.
    pub fn hear_silence(&mut self) {
        self.told_silent = true;
    }

    /// The far end falls silent, and its room sounds like this: an RFC 3389 payload, of which the level is followed.
    pub fn hear_noise(&mut self, payload: &[u8]) {
        self.told_silent = true;
        if let Some(level) = payload.first() {
            self.noise.set_level(*level);
        }
    }

    /// Whether the next frame will be more than the wait for it.
    pub fn is_ready(&mut self, now: Instant) -> bool {
        let delay = self.delay_at(now);
        match self.state {
            State::Empty => false,
            State::Waiting(wait) => self.spare(delay) >= wait,
            State::Playing => true,
        }
    }

    /// Whether the next frame would be made up, at least in part.
    pub fn is_dry(&mut self) -> bool {
        self.decode(self.play);
        let last = self.play + NB_FRAME as i64 - 1;
        self.state != State::Playing || self.expanded > 0 || self.ring.is_missing(last)
    }

    /// Plays the next frame: 20 ms, [`NB_FRAME`] times `W` samples.
    pub fn pull(&mut self, now: Instant, frame: &mut [f32]) {
        let Some(frame) = frame.as_chunks_mut().0.first_chunk_mut() else {
            return;
        };
        let sounds = self.pull_voice(now, frame);
        let is_announced = match self.state {
            State::Playing => self.told_silent,
            State::Empty | State::Waiting(_) => self.told_silent || self.noise.is_heard(),
        };
        self.noise
            .add(frame.as_flattened_mut(), !sounds && is_announced);
    }

    /// Plays what there is of the voice; `false` when there was nothing.
    fn pull_voice(&mut self, now: Instant, frame: &mut Frame<W>) -> bool {
        let delay = self.delay_at(now);
        match self.state {
            State::Waiting(wait) if self.spare(delay) >= wait => self.state = State::Playing,
            State::Empty | State::Waiting(_) => {
                frame.fill([0.0; W]);
                self.plc = Plc::new();
                return false;
            }
            State::Playing => {}
        }
        self.decode(self.play);
        if self.expanded > 0 && !self.take_up(delay) {
            self.expand(frame);
            return false;
        }
        // What was missing may have been given up just now.
        self.decode(self.play);
        let delay = self.delay_at(now);
        self.judge(self.spare(delay) - self.target());
        if !self.adjust(frame) {
            let is_short = self.spare(delay) < self.target();
            self.play_frame(frame, is_short && self.delay.turns_round());
        }
        self.expanded == 0
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

    fn begin(&mut self, start: i64, wait: i64) {
        self.state = State::Waiting(wait);
        self.play = start;
        self.end = start;
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

    /// The media time nearest to the playing one that has these 32 bits.
    fn extend(&self, timestamp: u32) -> i64 {
        let clock = self.coding.clock_per_tick();
        let near = self.play * clock;
        let step = timestamp.wrapping_sub(near as u32) as i32;
        (near + i64::from(step)).div_euclid(clock)
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
            self.delay.observe_late();
            return;
        }
        let is_news = match &mut self.coding {
            Coding::Law(law) => {
                let mut is_news = false;
                for (n, octet) in payload.iter().enumerate().skip(past) {
                    is_news |= self.ring.put(start + n as i64, [law.decode(*octet); W]);
                }
                is_news
            }
            Coding::Ordered(ordered) => {
                let is_there = !self.ring.is_missing(start + past as i64);
                !is_there && ordered.hold(start, ticks, payload)
            }
        };
        self.counts.duplicate += u64::from(!is_news);
        self.end = self.end.max(start + ticks as i64);
    }

    /// Decodes what waits, up to the first hole after `frontier`; what has not come before that is given up.
    fn decode(&mut self, frontier: i64) {
        while let Some(decoded) = self.coding.decode(frontier) {
            self.ring.write(self.play, decoded.start, decoded.samples);
        }
    }

    /// Ends an expansion when there is something to play again; on a path that turns packets round, when the delay is
    /// long enough as well.
    fn take_up(&mut self, delay: i64) -> bool {
        let Some(gap) = self.gap() else { return false };
        let is_short = self.spare(delay) < self.target();
        if gap > 0 && is_short && self.delay.turns_round() {
            return false;
        }
        let missing = self.expanded.min(gap);
        if missing > 0 && !self.told.contains(&self.play) {
            self.delay.observe_loss();
        }
        // The newest place from which frames can be played at the delay that is aimed for.
        let reach = self.grid.reach(self.grid.align(self.play));
        let aim = self.grid.align(self.play + delay - self.target() - reach);
        let passed = (aim - self.play).min(self.expanded);
        let counted = if passed > PASSED_MAX {
            missing
        } else {
            missing.max(passed)
        };
        self.discard(usize::try_from(counted).unwrap_or(0));
        self.expanded = 0;
        true
    }

    /// Distance to the next tick there is, decoded or not; `None` when there is none.
    fn gap(&self) -> Option<i64> {
        let there = (self.play..self.end).find(|at| !self.ring.is_missing(*at));
        let next = there.or_else(|| self.coding.next_start())?;
        Some((next - self.play).max(0))
    }

    fn expand(&mut self, ticks: &mut [[f32; W]]) {
        let samples = ticks.as_flattened_mut();
        if self.coding.stand_in(samples) {
            self.plc.heard(samples);
        } else {
            self.plc.conceal(samples);
        }
        if !self.told_silent {
            // After that it is silence, and nothing made up.
            let made_up = (FADED as i64 - self.expanded).clamp(0, ticks.len() as i64);
            self.counts.concealed_samples += made_up as u64;
        }
        self.expanded += ticks.len() as i64;
    }

    /// Notes how much more there is than is needed.
    fn judge(&mut self, surplus: i64) {
        self.least_surplus = self.least_surplus.min(surplus);
        self.judged += 1;
        if self.judged >= JUDGED_FRAMES {
            self.surplus = self.least_surplus;
            self.judged = 0;
            self.least_surplus = i64::MAX;
        }
    }

    /// Plays a frame. Where packets are turned round, what is missing `may_come`: it is waited for.
    fn play_frame(&mut self, frame: &mut Frame<W>, may_come: bool) {
        let mut filled = 0;
        while filled < NB_FRAME {
            let rest = &mut frame[filled..];
            let run = self.ring.copy_run(self.play, rest);
            if run > 0 {
                let voice = rest[..run].as_flattened_mut();
                self.coding.blend(voice);
                self.plc.heard(voice);
                self.discard(run);
                filled += run;
                continue;
            }
            let Some(gap) = self.gap().filter(|_| !may_come) else {
                self.expand(rest);
                break;
            };
            if self.recover(gap) {
                continue;
            }
            // A decoder that cannot stand in goes on with what comes next, so that both ends of the gap are known.
            self.decode(self.play + gap);
            let gap = usize::try_from(gap).unwrap_or(usize::MAX);
            let lost = rest.len().min(gap).max(1);
            self.fill_gap(rest[..lost].as_flattened_mut(), gap);
            self.discard(lost);
            filled += lost;
        }
        self.voice_power = self.voice_power.max(power(frame.as_flattened())) * 0.995;
    }

    /// Lets the codec make up what is missing until the next packet, `gap` ticks ahead.
    fn recover(&mut self, gap: i64) -> bool {
        let Some(decoded) = self.coding.recover(self.play, gap) else {
            return false;
        };
        self.ring.write(self.play, decoded.start, decoded.samples);
        let made_up = decoded.samples.len() / W;
        self.end = self.end.max(self.play + made_up as i64);
        if !self.told.contains(&self.play) {
            self.delay.observe_loss();
            self.counts.concealed_samples += made_up as u64;
        }
        self.decode(self.play);
        true
    }

    /// Stands in for the first samples of a gap.
    fn fill_gap(&mut self, samples: &mut [f32], gap: usize) {
        if self.told.contains(&self.play) {
            self.plc.conceal(samples);
            return;
        }
        let mut after = [[0.0; W]; AFTER_MAX];
        let known = self.ring.copy_run(self.play + gap as i64, &mut after);
        let after = after[..known].as_flattened();
        self.plc.conceal_until(samples, gap, after);
        self.delay.observe_loss();
        self.counts.concealed_samples += (samples.len() / W) as u64;
    }

    /// Plays a frame that takes a little more or less than its time, if this is the place for it.
    fn adjust(&mut self, frame: &mut Frame<W>) -> bool {
        let cut = self.cut();
        if cut == 0 && self.surplus > -DEAD_BAND {
            return false;
        }
        let mut span = [[0.0; W]; 2 * NB_FRAME];
        let have = self.ring.copy_run(self.play, &mut span);
        let pause = power(span[..NB_FRAME].as_flattened())
            < PAUSE_POWER.max(self.voice_power * PAUSE_SHARE);
        let consumed = if self.surplus < 0 {
            if !pause || have < NB_FRAME {
                return false;
            }
            splice::lengthen(&span, frame)
        } else {
            if have < span.len() || !(pause || self.surplus >= SURPLUS_IN_VOICE) {
                return false;
            }
            splice::shorten(&span, frame, pause.then_some(cut))
        };
        let reach = self.grid.reach(self.play);
        self.discard(consumed);
        self.surplus += NB_FRAME as i64 - consumed as i64 + reach - self.grid.reach(self.play);
        // What was judged before is of another delay.
        self.judged = 0;
        self.least_surplus = i64::MAX;
        self.plc.heard(frame.as_flattened_mut());
        true
    }

    /// What can be left out of a pause: as much as brings frames and packets together, if the rest of the delay will do.
    fn cut(&self) -> usize {
        let frame = NB_FRAME as i64;
        let aligned = self.grid.align(self.play + frame) - self.play;
        let fits = |cut: &i64| {
            let after =
                self.surplus - cut + self.grid.reach(self.play) - self.grid.reach(self.play + cut);
            (CUT_MIN..=frame).contains(cut) && after >= DEAD_BAND
        };
        let cut = [aligned, STEP as i64].into_iter().find(fits);
        cut.map_or(0, |cut| cut as usize)
    }

    fn discard(&mut self, ticks: usize) {
        let gone = self.play..self.play + ticks as i64;
        self.play = gone.end;
        self.ring.discard(gone);
    }
}

#[cfg(test)]
mod line_tests;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;
