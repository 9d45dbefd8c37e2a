//! The program: what a live room gives the listeners, `callers (8 and 16 kHz, ducked) up to 48 kHz + browsers → limiter`,
//! with its meters beside it.

use super::dsp::{Level, Limiter, Loudness, LoudnessReading, Meter};
use super::mix::WideBus;
use super::resample::Up6;
use super::{FB_FRAME, FbFrame, NbFrame};

/// The program of one live room.
#[derive(Debug)]
pub(super) struct Program {
    up: Up6,
    limiter: Limiter,
    meter: Meter,
    /// Once somebody is to speak: it holds three seconds of sound.
    loudness: Option<Loudness>,
}

impl Program {
    pub(super) fn new() -> Self {
        Self {
            up: Up6::new(),
            limiter: Limiter::new(48_000),
            meter: Meter::new(),
            loudness: None,
        }
    }

    /// Somebody is to speak: from now on it is measured. Not on the tick: the meter is made.
    pub(super) fn open(&mut self) {
        if self.loudness.is_none() {
            self.loudness = Loudness::new().ok();
        }
    }

    /// Makes the next frame and measures it.
    pub(super) fn mix(&mut self, callers: &NbFrame, wide: &mut WideBus, browsers: &FbFrame) {
        let mut frame = [0.0; FB_FRAME];
        self.up.process(callers, &mut frame);
        for (sample, browser) in frame.iter_mut().zip(browsers) {
            *sample += browser;
        }
        wide.add_to_program(&mut frame);
        self.limiter.process(&mut frame);
        self.meter.hear(&frame);
        if let Some(loudness) = &mut self.loudness {
            loudness.hear(&frame);
        }
    }

    /// The level since the last call.
    pub(super) fn take_level(&mut self) -> Level {
        self.meter.take()
    }

    pub(super) fn loudness(&self) -> LoudnessReading {
        self.loudness
            .as_ref()
            .map_or(LoudnessReading::SILENCE, Loudness::read)
    }

    /// Begins the integrated loudness and the highest peak anew.
    pub(super) fn reset_loudness(&mut self) {
        if let Some(loudness) = &mut self.loudness {
            loudness.reset();
        }
    }
}
