use proptest::prelude::*;

use super::*;
use crate::media::WB_FRAME;
use crate::media::tone::{Tone, ToneDetector};

/// What a far end hears of samples.
fn through(samples: &[f32]) -> Vec<f32> {
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new());
    let frames = samples.as_chunks::<WB_FRAME>().0.iter();
    frames
        .flat_map(|frame| encoder.frame(frame))
        .flat_map(|octet| decoder.samples(octet))
        .collect()
}

/// Eleven samples before and eleven after: the two filters.
const DELAY: usize = 22;

fn snr_db(sent: &[f32], heard: &[f32]) -> f32 {
    let (mut signal, mut noise) = (0.0, 0.0);
    for (sent, heard) in sent.iter().zip(heard.iter().skip(DELAY)).skip(1600) {
        signal += sent * sent;
        noise += (sent - heard) * (sent - heard);
    }
    10.0 * (signal / noise).log10()
}

#[test]
fn tones_of_both_bands_come_through() {
    for (hz, least_db) in [
        (100.0, 25.0),
        (440.0, 25.0),
        (1000.0, 25.0),
        (3000.0, 20.0),
        (6000.0, 8.0),
    ] {
        let mut sent = vec![0.0; 20 * WB_FRAME];
        Tone::new(16_000, hz, 0.3).add(&mut sent);
        let heard = through(&sent);
        let snr = snr_db(&sent, &heard);
        assert!(snr > least_db, "{hz} Hz: {snr} dB");
        let levels = ToneDetector::new(16_000, &[hz]).levels_dbfs(&heard[3200..]);
        assert!((levels[0] + 13.5).abs() < 0.5, "{hz} Hz: {levels:?}");
    }
}

#[test]
fn silence_stays_silence_and_full_scale_does_not_wrap() {
    let heard = through(&[0.0; 10 * WB_FRAME]);
    assert!(heard.iter().all(|x| x.abs() < 0.001));
    let mut loud = vec![0.0; 10 * WB_FRAME];
    Tone::new(16_000, 500.0, 4.0).add(&mut loud);
    let heard = through(&loud);
    let levels = ToneDetector::new(16_000, &[500.0]).levels_dbfs(&heard[1600..]);
    assert!(levels[0] > -3.0, "{levels:?}");
}

#[test]
fn a_coder_knows_what_the_far_end_hears() {
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new());
    let mut frame = [0.0; WB_FRAME];
    Tone::new(16_000, 700.0, 0.2).add(&mut frame);
    for octet in encoder.frame(&frame) {
        decoder.octet(octet);
    }
    let mirror = encoder.mirror();
    assert_eq!((mirror.low, mirror.high), (decoder.low, decoder.high));
}

#[test]
fn a_decoder_that_joins_late_catches_up() {
    let mut sent = vec![0.0; 40 * WB_FRAME];
    Tone::new(16_000, 440.0, 0.2).add(&mut sent);
    let (mut encoder, mut early, mut late) = (Encoder::new(), Decoder::new(), Decoder::new());
    let mut apart = 0.0_f32;
    for (n, frame) in sent.as_chunks::<WB_FRAME>().0.iter().enumerate() {
        for octet in encoder.frame(frame) {
            let heard = early.samples(octet);
            if n >= 5 {
                let of_late = late.samples(octet);
                if n >= 30 {
                    apart = apart.max((heard[0] - of_late[0]).abs());
                }
            }
        }
    }
    assert!(apart < 0.01, "{apart} apart half a second later");
}

/// FNV-1a, to compare long rows of octets with what another implementation made of the same.
fn digest(octets: impl IntoIterator<Item = u8>) -> u64 {
    octets
        .into_iter()
        .fold(0xcbf2_9ce4_8422_2325, |digest, octet| {
            (digest ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
        })
}

/// Numbers that everybody can make again.
fn dice(seed: u32) -> impl Iterator<Item = u32> {
    let next = |last: &u32| Some(last.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    std::iter::successors(Some(seed), next).skip(1)
}

/// A second of noise at four levels: bit by bit what libspandsp 0.0.6 makes of it, which on the way back wraps where we
/// limit.
#[test]
fn another_implementation_makes_the_same() {
    let known = [
        (0, 0xd24b_be17_691a_50e2, None),
        (1, 0xd127_9b06_453e_3d30, Some(0x0118_2237_d418_3f0e)),
        (3, 0xc3ee_37fd_c624_d222, Some(0x5bf2_99aa_0b30_0349)),
        (8, 0xa4ad_7e0d_c246_5ea7, Some(0x8267_711e_d43e_825a)),
    ];
    for (shift, coded, decoded) in known {
        let noise = dice(12_345).map(|n| ((n >> 16) as i32 - 32_768) as i16 >> shift);
        let noise: Vec<i16> = noise.take(16_000).collect();
        let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new());
        let pairs = noise.as_chunks().0.iter();
        let octets: Vec<u8> = pairs.map(|pair| encoder.octet(*pair)).collect();
        assert_eq!(digest(octets.iter().copied()), coded, "noise, {shift}");
        let samples = octets.iter().flat_map(|octet| decoder.octet(*octet));
        let heard = digest(samples.flat_map(i16::to_be_bytes));
        assert!(
            decoded.is_none_or(|decoded| decoded == heard),
            "noise, {shift}"
        );
    }
}

proptest! {
    /// Whatever octets come, the state stays within the words of the Recommendation.
    #[test]
    fn no_octets_make_it_diverge(octets in prop::collection::vec(any::<u8>(), 0..4000), stuck: u8) {
        let mut decoder = Decoder::new();
        for octet in octets {
            decoder.octet(octet);
        }
        for _ in 0..4000 {
            decoder.octet(stuck);
        }
        // What was heard is forgotten: a decoder that has heard anything at all follows a stream.
        let (mut encoder, mut fresh) = (Encoder::new(), Decoder::new());
        let mut sent = vec![0.0; 100 * WB_FRAME];
        Tone::new(16_000, 440.0, 0.2).add(&mut sent);
        let mut apart = 0.0_f32;
        for (n, frame) in sent.as_chunks::<WB_FRAME>().0.iter().enumerate() {
            for octet in encoder.frame(frame) {
                let difference = decoder.samples(octet)[0] - fresh.samples(octet)[0];
                if n > 50 {
                    apart = apart.max(difference.abs());
                }
            }
        }
        prop_assert!(apart < 0.05, "{} apart", apart);
    }

    #[test]
    fn no_samples_make_it_panic(samples in prop::collection::vec(any::<i16>(), 0..2000)) {
        let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new());
        for pair in samples.as_chunks().0 {
            decoder.octet(encoder.octet(*pair));
        }
        prop_assert_eq!((encoder.low, encoder.high), (decoder.low, decoder.high));
    }

    #[test]
    fn hostile_floats_saturate(samples in prop::collection::vec(prop::num::f32::ANY, WB_FRAME)) {
        let mut frame = [0.0; WB_FRAME];
        frame.copy_from_slice(&samples);
        let octets = Encoder::new().frame(&frame);
        let mut decoder = Decoder::new();
        prop_assert!(octets.iter().flat_map(|octet| decoder.samples(*octet)).all(f32::is_finite));
    }
}
