//! Ducking: callers go down while a host speaks, and come back when the host listens.
//!
//! The gain moves in straight lines of decibels: down within the attack, back within the release, which begins when the hosts
//! have been silent for the hold. It is worked out before the frame is mixed, and each frame is ramped from the last gain to
//! the next.

use super::{amplitude, speech::SpeechDetector};

const FRAME_MS: u16 = 20;

/// How callers give way. Times are rounded to frames of 20 ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ducking {
    /// How far they go down, in dB; 0: not at all.
    pub depth_db: u16,
    /// From the decision that a host speaks to the full depth.
    pub attack_ms: u16,
    /// How long a host may pause.
    pub hold_ms: u16,
    /// From the full depth back.
    pub release_ms: u16,
}

impl Default for Ducking {
    fn default() -> Self {
        Self {
            depth_db: 9,
            attack_ms: 60,
            hold_ms: 500,
            release_ms: 800,
        }
    }
}

/// The gain of the callers of one room.
#[derive(Debug, Clone)]
pub struct Duck {
    how: Ducking,
    is_on: bool,
    speech: SpeechDetector,
    hold_frames: u16,
    db: f32,
    gain: f32,
}

impl Duck {
    /// Callers at their full level, with ducking on.
    #[must_use]
    pub fn new(how: Ducking) -> Self {
        Self {
            how,
            is_on: true,
            speech: SpeechDetector::new(),
            hold_frames: 0,
            db: 0.0,
            gain: 1.0,
        }
    }

    /// Switches it off or on; callers who are down come back within the release.
    pub fn set_on(&mut self, is_on: bool) {
        self.is_on = is_on;
    }

    /// The gains at the beginning and at the end of the next frame, by the mean square of what the hosts say in it.
    pub fn step(&mut self, hosts: f32) -> (f32, f32) {
        if self.speech.hear(hosts) {
            self.hold_frames = frames(self.how.hold_ms);
        } else {
            self.hold_frames = self.hold_frames.saturating_sub(1);
        }
        let depth = f32::from(self.how.depth_db);
        let is_down = self.is_on && self.hold_frames > 0;
        let db = if is_down {
            (self.db - depth / f32::from(frames(self.how.attack_ms))).max(-depth)
        } else {
            (self.db + depth / f32::from(frames(self.how.release_ms))).min(0.0)
        };
        let from = self.gain;
        if db != self.db {
            self.db = db;
            self.gain = amplitude(db);
        }
        (from, self.gain)
    }

    /// How far callers are down now, in dB, 0 to the depth.
    #[must_use]
    pub fn reduction_db(&self) -> f32 {
        0.0 - self.db
    }
}

fn frames(ms: u16) -> u16 {
    ms.div_ceil(FRAME_MS).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VOICE: f32 = 0.01;
    const BREATH: f32 = 1e-6;

    fn run(duck: &mut Duck, hosts: f32, ms: u16) -> f32 {
        (0..ms / FRAME_MS).for_each(|_| {
            duck.step(hosts);
        });
        duck.reduction_db()
    }

    #[test]
    fn down_within_the_attack_and_back_after_hold_and_release() {
        let mut duck = Duck::new(Ducking::default());
        assert_eq!(run(&mut duck, BREATH, 2000), 0.0);
        // 60 ms until it is a voice; the frame that decides goes down already.
        assert_eq!(run(&mut duck, VOICE, 40), 0.0);
        assert!((run(&mut duck, VOICE, 60) - 9.0).abs() < 1e-4);
        assert!((run(&mut duck, BREATH, 480) - 9.0).abs() < 1e-4, "held");
        assert!((run(&mut duck, BREATH, 400) - 4.5).abs() < 0.3, "half way");
        assert_eq!(run(&mut duck, BREATH, 420), 0.0);
    }

    #[test]
    fn words_with_pauses_do_not_pump() {
        let mut duck = Duck::new(Ducking::default());
        run(&mut duck, VOICE, 200);
        for _ in 0..20 {
            assert!((run(&mut duck, BREATH, 300) - 9.0).abs() < 1e-4);
            assert!((run(&mut duck, VOICE, 200) - 9.0).abs() < 1e-4);
        }
    }

    #[test]
    fn gains_join_and_steps_are_small() {
        let mut duck = Duck::new(Ducking::default());
        let mut last = 1.0;
        for n in 0..400 {
            duck.set_on(n % 90 != 0);
            let (from, to) = duck.step(if n / 40 % 2 == 0 { VOICE } else { BREATH });
            assert_eq!(from, last);
            assert!((to / from).log10().abs() * 20.0 < 3.1, "{from} to {to}");
            last = to;
        }
    }

    #[test]
    fn off_and_no_depth_are_wires() {
        let mut off = Duck::new(Ducking::default());
        off.set_on(false);
        let depth_db = 0;
        let mut shallow = Duck::new(Ducking {
            depth_db,
            ..Ducking::default()
        });
        for _ in 0..100 {
            assert_eq!(off.step(VOICE), (1.0, 1.0));
            assert_eq!(shallow.step(VOICE), (1.0, 1.0));
        }
        assert_eq!(run(&mut off, VOICE, 100), 0.0);
        off.set_on(true);
        assert!(
            (run(&mut off, VOICE, 100) - 9.0).abs() < 1e-4,
            "switched on while a host speaks"
        );
    }
}
