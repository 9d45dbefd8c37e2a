//! What a phone says: 20 ms at a time, for as long as the call lasts.

use crate::media::{FRAME_MS, NB_FRAME, NbFrame, asset::Prompt, g711::Law, tone::Tone};

/// A sound that never ends.
pub trait Voice: Send {
    /// The next 20 ms at 8 kHz.
    fn speak(&mut self) -> NbFrame;
}

impl<F: FnMut() -> NbFrame + Send> Voice for F {
    fn speak(&mut self) -> NbFrame {
        self()
    }
}

/// Says nothing, but sends it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silence;

impl Voice for Silence {
    fn speak(&mut self) -> NbFrame {
        [0.0; NB_FRAME]
    }
}

/// One steady tone, by which an ear tells who speaks.
#[derive(Debug, Clone)]
pub struct Hum(Tone);

impl Hum {
    /// A tone at `frequency_hz` with the peak `amplitude` (1.0 is full scale).
    #[must_use]
    pub fn new(frequency_hz: f32, amplitude: f32) -> Self {
        Self(Tone::new(8000, frequency_hz, amplitude))
    }
}

impl Voice for Hum {
    fn speak(&mut self) -> NbFrame {
        let mut frame = [0.0; NB_FRAME];
        self.0.add(&mut frame);
        frame
    }
}

/// Recorded speech over and over, with a pause after each round.
#[derive(Debug, Clone)]
pub struct Monologue {
    speech: Prompt,
    pause: usize,
    at: usize,
}

impl Monologue {
    /// `speech`, then `pause_ms` of silence, then `speech` again.
    #[must_use]
    pub fn new(speech: Prompt, pause_ms: u64) -> Self {
        let pause = usize::try_from(pause_ms / FRAME_MS).unwrap_or(usize::MAX);
        Self {
            speech,
            pause,
            at: 0,
        }
    }
}

impl Voice for Monologue {
    fn speak(&mut self) -> NbFrame {
        let frame = self.speech.frame(self.at, Law::Mu);
        self.at += 1;
        if self.at >= self.speech.frames().saturating_add(self.pause) {
            self.at = 0;
        }
        frame.map_or([0.0; NB_FRAME], |bytes| Law::Mu.decode_frame(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_silent(frame: &NbFrame) -> bool {
        frame.iter().all(|sample| sample.abs() < 0.001)
    }

    #[test]
    fn a_monologue_pauses_and_begins_again() {
        let speech = Prompt::encode(&[0.5; 3 * NB_FRAME]);
        let mut voice = Monologue::new(speech, 40);
        let heard: Vec<bool> = (0..10).map(|_| is_silent(&voice.speak())).collect();
        let round = [false, false, false, true, true];
        assert_eq!(heard, [round, round].concat());
    }

    #[test]
    fn an_empty_monologue_is_silence() {
        let mut voice = Monologue::new(Prompt::encode(&[]), 0);
        assert!(is_silent(&voice.speak()) && is_silent(&voice.speak()));
    }
}
