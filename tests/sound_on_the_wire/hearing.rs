//! The ear itself: what it takes for a party's tone, and what not.

use std::cell::Cell;
use std::time::Duration;

use audioroad::actors::clock;
use audioroad::media::NB_FRAME;
use audioroad::media::asset::{Assets, Prompt, PromptId};
use audioroad::media::g711::Law;
use audioroad::media::tone::Tone;
use audioroad::phone::HeardFrame;

use super::ear::{ALONE_DB, Ears, Listens, beside_db};

/// A party's tone, between E and F.
const PARTY_HZ: f32 = 339.3;
const E4_HZ: f32 = 329.63;
/// From one stutter to the next.
const STUTTER_FRAMES: usize = 13;

/// Half a second of one pitch, over and over.
struct Pitch {
    hz: f32,
    amplitude: f32,
}

impl Listens for Pitch {
    fn frames(&self, frames: usize, _within: Duration) -> Result<Vec<HeardFrame>, String> {
        let mut tone = Tone::new(8000, self.hz, self.amplitude);
        let frame = |n: usize| {
            let mut samples = [0.0; NB_FRAME];
            tone.add(&mut samples);
            HeardFrame {
                sequence: n as u16,
                timestamp: (n * NB_FRAME) as u32,
                at: clock::now(),
                samples,
            }
        };
        Ok((0..frames).map(frame).collect())
    }
}

/// A tone that loses its place four times a second.
struct Stutter {
    hz: f32,
}

impl Listens for Stutter {
    fn frames(&self, frames: usize, within: Duration) -> Result<Vec<HeardFrame>, String> {
        let pitch = Pitch {
            hz: self.hz,
            amplitude: 0.2,
        };
        let mut heard = pitch.frames(frames, within)?;
        for (n, frame) in heard.iter_mut().enumerate() {
            // Half a turn later from each stutter on.
            if n / STUTTER_FRAMES % 2 == 1 {
                frame.samples = frame.samples.map(|x| -x);
            }
        }
        Ok(heard)
    }
}

/// A prompt from one of its frames on, and over again; with a party's tone in it, or without.
struct Played<'a> {
    prompt: &'a Prompt,
    next: Cell<usize>,
    party: f32,
}

impl Listens for Played<'_> {
    fn frames(&self, frames: usize, _within: Duration) -> Result<Vec<HeardFrame>, String> {
        let mut tone = Tone::new(8000, PARTY_HZ, self.party);
        let frame = |n: usize| {
            let at = self.next.get() % self.prompt.frames();
            self.next.set(at + 1);
            let octets = self.prompt.frame(at, Law::Mu).ok_or("no such frame")?;
            let mut samples = Law::Mu.decode_frame(octets);
            tone.add(&mut samples);
            Ok(HeardFrame {
                sequence: n as u16,
                timestamp: (n * NB_FRAME) as u32,
                at: clock::now(),
                samples,
            })
        };
        (0..frames).map(frame).collect()
    }
}

/// At how many beginnings a listener of the prompt takes somebody to be there, and of how many.
fn taken(prompt: &Prompt, party: f32, step: usize) -> (usize, usize) {
    let ears = Ears::new(&super::moves::TONES);
    let froms = (0..prompt.frames()).step_by(step);
    let is_taken = |&from: &usize| {
        let next = Cell::new(from);
        let played = Played {
            prompt,
            next,
            party,
        };
        !ears.steady_twice("a listener", &played).is_empty()
    };
    (froms.clone().filter(is_taken).count(), froms.count())
}

#[test]
fn the_switch_s_own_sounds_are_nobody_and_a_party_in_them_is_somebody() {
    let assets = Assets::built_in().expect("they decode");
    for id in [PromptId::Greeting, PromptId::HoldMusic] {
        let prompt = assets.prompt(id);
        assert_eq!(taken(prompt, 0.0, 1).0, 0, "{id:?} alone");
        let (there, all) = taken(prompt, 0.2, 15);
        assert_eq!(there, all, "{id:?} with a party");
    }
}

#[test]
fn a_prompt_beside_a_party_is_more_than_the_party() {
    let assets = Assets::built_in().expect("they decode");
    for id in [PromptId::Greeting, PromptId::HoldMusic] {
        let prompt = assets.prompt(id);
        for from in (0..prompt.frames()).step_by(15) {
            let played = Played {
                prompt,
                next: Cell::new(from),
                party: 0.2,
            };
            let beside_db = beside_db("a listener", &played, PARTY_HZ);
            assert!(
                beside_db > ALONE_DB,
                "{id:?} from frame {from}: {beside_db} dB"
            );
        }
    }
}

#[test]
fn a_party_that_stutters_is_alone() {
    let beside_db = beside_db("a listener", &Stutter { hz: PARTY_HZ }, PARTY_HZ);
    assert!(beside_db < ALONE_DB, "{beside_db} dB");
}

#[test]
fn a_note_beside_a_tone_is_nobody() {
    let music = Pitch {
        hz: E4_HZ,
        amplitude: 0.3,
    };
    Ears::new(&[PARTY_HZ]).hears_nobody("a listener of music", &music);
}

#[test]
#[should_panic(expected = "hears [339.3] Hz")]
fn a_quiet_party_is_somebody() {
    let party = Pitch {
        hz: PARTY_HZ,
        amplitude: 0.02,
    };
    Ears::new(&[PARTY_HZ]).hears_nobody("a listener", &party);
}
