//! A few seconds of what `make sound` measures at length: speech over made-up networks through the real jitter buffer, in virtual time, with
//! bounds that a worse buffer or a worse concealment breaks. The paths and players are those of `examples/sound`.

#[path = "../examples/sound/codec.rs"]
mod codec;
#[path = "../examples/sound/player.rs"]
#[expect(dead_code, reason = "the other half of it is for examples/sound")]
mod player;
#[path = "../examples/sound/trace.rs"]
mod trace;

use std::collections::BTreeSet;

use audioroad::actors::clock;
use audioroad::media::NB_FRAME;
use audioroad::media::asset::demo_callers;
use audioroad::media::g711::Law;

use codec::Codec;
use player::{Call, Heard, Player};
use trace::{Arrival, Path};

/// Quieter frames are pauses: -45 dBFS.
const SPEECH_POWER: f32 = 3e-5;

/// The built-in stories, one after the other.
fn speech() -> Vec<f32> {
    let stories = demo_callers().expect("the built-in stories decode");
    let frames = stories
        .iter()
        .flat_map(|story| (0..story.frames()).filter_map(|n| story.frame(n, Law::Mu)));
    frames
        .flat_map(|bytes| Law::Mu.decode_frame(bytes))
        .collect()
}

struct Story {
    codec: Codec,
    packets: Vec<Vec<u8>>,
    source: Vec<f32>,
}

impl Story {
    fn told_in(codec: Codec) -> Self {
        let packets = codec.packets(&speech()).expect("packets");
        let source = codec.ceiling(&packets).expect("a decoder");
        Self {
            codec,
            packets,
            source,
        }
    }

    fn over(&self, name: &str, player: Player) -> (Heard, Vec<Arrival>) {
        let path = Path::ALL
            .iter()
            .find(|path| path.name == name)
            .expect("a path");
        let arrivals = path.arrivals(self.packets.len(), 7);
        let call = Call {
            codec: self.codec,
            path,
            packets: &self.packets,
            arrivals: &arrivals,
            phase_ms: 13.0,
        };
        let heard = player.play(clock::now(), &call);
        (heard.expect("a decoder"), arrivals)
    }

    /// How late the second half of what was heard is, in samples: where most of it is the source, bit for bit.
    fn lag(&self, heard: &[f32]) -> usize {
        let half = self.source.len() / 2;
        let same = |lag: &usize| {
            let later = heard.iter().skip(half + lag);
            self.source[half..]
                .iter()
                .zip(later)
                .step_by(7)
                .filter(|(a, b)| a == b)
                .count()
        };
        (0..4000).max_by_key(same).expect("a lag")
    }

    /// Segmental SNR in dB over the lost packets with speech in them, each within -10 and 35 dB.
    fn snr_of_lost_db(&self, heard: &[f32], arrivals: &[Arrival]) -> f32 {
        let came: BTreeSet<usize> = arrivals.iter().map(|arrival| arrival.packet).collect();
        let lag = self.lag(heard);
        let frames = self.packets.len();
        let lost = (frames / 2..frames - 20).filter(|packet| !came.contains(packet));
        let snrs: Vec<f32> = lost
            .filter_map(|packet| {
                let at = packet * NB_FRAME;
                let source = &self.source[at..at + NB_FRAME];
                let power: f32 = source.iter().map(|x| x * x).sum();
                let noise: f32 = source
                    .iter()
                    .zip(&heard[at + lag..])
                    .map(|(a, b)| (a - b) * (a - b))
                    .sum();
                let snr = 10.0 * (power / noise.max(1e-12)).log10();
                (power > SPEECH_POWER * NB_FRAME as f32).then_some(snr.clamp(-10.0, 35.0))
            })
            .collect();
        assert!(snrs.len() >= 10, "{} lost packets with speech", snrs.len());
        snrs.iter().sum::<f32>() / snrs.len() as f32
    }
}

#[test]
fn a_clean_line_is_heard_as_it_is_and_at_once() {
    for codec in Codec::ALL {
        let story = Story::told_in(codec);
        let (heard, _) = story.over("clean", Player::Adaptive);
        assert_eq!(heard.concealed_ms, 0.0);
        assert!(heard.delay_ms < 18.0, "{} ms", heard.delay_ms);
        let lag = story.lag(&heard.samples);
        let half = story.source.len() / 2;
        let (source, heard) = (
            &story.source[half..story.source.len() - 400],
            &heard.samples[half + lag..],
        );
        assert_eq!(source, &heard[..source.len()]);
    }
}

/// Without the sound after the gap it is 1.3 dB here, with silence 0 dB.
#[test]
fn lost_speech_is_made_up_like_what_was_said() {
    for codec in Codec::ALL {
        let story = Story::told_in(codec);
        for (path, least_db) in [("loss 3.5 %", 3.0), ("loss 8 %", 2.0)] {
            let (heard, arrivals) = story.over(path, Player::Adaptive);
            let snr = story.snr_of_lost_db(&heard.samples, &arrivals);
            assert!(snr >= least_db, "{}, {path}: {snr} dB", codec.name());
        }
    }
}

/// No fixed buffer of the same delay loses as little.
#[test]
fn jitter_is_waited_for_as_long_as_it_is_worth() {
    let story = Story::told_in(Codec::Pcmu);
    let said_ms = story.packets.len() as f64 * 20.0;
    for (path, delay_ms_max, concealed_max) in [
        ("DSL", 36.0, 0.01),
        ("Wi-Fi", 70.0, 0.012),
        ("LTE", 115.0, 0.015),
    ] {
        let (heard, _) = story.over(path, Player::Adaptive);
        assert!(
            heard.delay_ms <= delay_ms_max,
            "{path}: {} ms of delay",
            heard.delay_ms
        );
        let share = heard.concealed_ms / said_ms;
        assert!(share <= concealed_max, "{path}: {share} made up");
        let (reference, _) = story.over(
            path,
            Player::Fixed {
                ms: 20,
                conceals: true,
            },
        );
        assert!(
            path == "DSL" || reference.concealed_ms > 5.0 * heard.concealed_ms,
            "{path}: {} ms",
            reference.concealed_ms
        );
    }
}
