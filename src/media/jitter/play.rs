//! What is heard: a frame every 20 ms of what is there, of what is made up for it, or of a little more or less than its time.

use std::time::Instant;

use super::delay::PER_MS;
use super::ring::RING;
use super::splice::{self, Frame, STEP};
use super::{JitterBuffer, State};
use crate::media::NB_FRAME;
use crate::media::dsp::mean_square;
use crate::media::plc::{AFTER_MAX, FADED, Plc};

/// Delay is judged by its smallest value over that many frames: 200 ms.
const JUDGED_FRAMES: u8 = 10;
/// Less is not worth leaving out, and a delay that is short by less is left alone.
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

impl<const W: usize> JitterBuffer<W> {
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
            self.jumped_to = self.play;
            self.plc = Plc::new();
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
        self.voice_power = self.voice_power.max(mean_square(frame.as_flattened())) * 0.995;
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
        let pause = mean_square(span[..NB_FRAME].as_flattened())
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
            (CUT_MIN..=frame).contains(cut) && after >= 0
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
