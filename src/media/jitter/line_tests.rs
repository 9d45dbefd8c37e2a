//! What lines do beside losing packets: any packet time, silence that is told and silence that is not, keys, and sound at
//! full scale.

use proptest::prelude::*;

use super::tests::{Bench, noise, noise_packet, packet_at, worst_click};
use super::*;
use crate::media::NB_FRAME;
use crate::media::dsp::mean_square;
use crate::media::tone::Tone;

/// A speaker whose packets are of every length a telephone may choose, mixed.
#[test]
fn packets_of_ten_to_sixty_ms_are_played_as_they_are() {
    let mut b = Bench::new(u32::MAX - 50_000);
    let mut packets = Vec::new();
    let mut media = 0;
    for len in [80, 480, 160, 240, 320, 400].into_iter().cycle().take(600) {
        media += len;
        packets.push((
            media as f64 / 8.0 + 1.0,
            media - len,
            noise_packet(media - len, len),
        ));
    }
    b.run(media / 160, packets);
    let counts = b.buffer.counts();
    // Long packets are learnt by their being late once.
    assert!(counts.concealed_samples <= 4 * 160, "{counts:?}");
    assert_eq!((counts.late, counts.restarts), (0, 0));
    let last = b.play();
    for (n, sample) in b.out.iter().rev().take(8000).enumerate() {
        let media = last - 1 - n as i64;
        assert_eq!(*sample, Law::Mu.decode(noise(media)), "sample {media}");
    }
    let lag_ms = b.frames * 20 - last / 8;
    assert!(lag_ms <= 160, "{lag_ms} ms behind");
}

/// One packet time after the other, as little delay as each allows.
#[test]
fn each_packet_time_is_played_a_little_after_it_has_come() {
    for len in [80, 160, 240, 320, 400, 480] {
        let mut b = Bench::new(9);
        // The frame is due 7 ms after a packet; between noises there are pauses to shorten.
        let packets = (1..=240_000 / len).map(|n| {
            let media = (n - 1) * len;
            let payload = if media / 1600 % 2 == 0 {
                noise_packet(media, len)
            } else {
                vec![0xFF; len as usize]
            };
            ((n * len) as f64 / 8.0 - 7.0, media, payload)
        });
        b.run(240_000 / 160, packets.collect());
        assert_eq!(b.buffer.counts().concealed_samples, 0, "{} ms", len / 8);
        // Behind the end of what has been spoken, which is what a packet carries last.
        let behind_ms = (b.frames - 1) * 20 - b.play() / 8;
        assert!(behind_ms <= len / 8 + 14, "{} ms: {behind_ms} ms", len / 8);
    }
}

/// A far end that stops sending (DTX) for a second, again and again: what it says next is whole, and no later than before.
#[test]
fn a_sender_that_stops_in_pauses_is_heard_whole() {
    let mut b = Bench::new(3);
    let speaks = |n: &i64| n % 100 < 50;
    b.run(
        2000,
        (0..2000)
            .filter(speaks)
            .map(|n| packet_at(n, 3.0))
            .collect(),
    );
    let lag_ms = b.frames * 20 - b.play() / 8;
    let counts = b.buffer.counts();
    assert_eq!(counts.late, 0);
    assert!(
        counts.concealed_samples <= 20 * 480,
        "only the fading is made up: {counts:?}"
    );
    // The first 20 ms of what it says are overlapped with the end of what was made up; the next 40 are as they were.
    for spurt in 1..20 {
        let first = spurt * 100 * 160;
        let said: Vec<f32> = (first + 160..first + 480)
            .map(|media| Law::Mu.decode(noise(media)))
            .collect();
        let is_whole = b.out.windows(said.len()).any(|heard| heard == said);
        assert!(is_whole, "its beginning after pause {spurt}");
    }
    assert!(
        lag_ms <= 1060,
        "{lag_ms} ms behind: the last pause and no more than before"
    );
}

#[test]
fn the_first_packet_after_a_long_pause_is_taken() {
    let mut b = Bench::new(3);
    b.run(50, (0..50).map(|n| packet_at(n, 3.0)).collect());
    b.run(50, Vec::new());
    let (ms, media, payload) = packet_at(100, 3.0);
    b.packet(ms, media, &payload);
    assert_eq!((b.play(), b.buffer.counts().restarts), (media, 1));
}

/// RFC 3389: noise at the level that was told, from the end of the voice until it is back.
#[test]
fn comfort_noise_is_heard_at_its_level() {
    let mut b = Bench::new(1);
    let mut tone = Tone::new(8000, 300.0, 0.3);
    let mut packet = |n: i64| {
        let mut samples = [0.0; NB_FRAME];
        tone.add(&mut samples);
        let payload = samples.iter().map(|x| Law::Mu.encode(*x)).collect();
        (n as f64 * 20.0 + 3.0, n * 160, payload)
    };
    b.run(50, (0..50).map(&mut packet).collect());
    b.buffer.hear_noise(&[50, 3, 2, 1]);
    b.run(100, Vec::new());
    b.run(50, (150..200).map(&mut packet).collect());
    let noise = &b.out[160 * 60..160 * 149];
    let dbov = 10.0 * mean_square(noise).log10();
    assert!((dbov + 50.0).abs() < 1.5, "{dbov} dBov");
    assert!(
        noise.windows(80).all(|part| mean_square(part) > 1e-7),
        "a hole in the noise"
    );
    // The voice comes back as it was, and the noise is gone from it.
    let last = &b.out[160 * 190..];
    assert!(last.iter().fold(0.0_f32, |peak, x| peak.max(x.abs())) < 0.31);
    assert!(worst_click(&b.out[160 * 170..]) < 8.0);
    assert_eq!(b.buffer.counts().concealed_samples, 0);
}

/// A key is cut out of the sound: its time passes in silence, nothing is lost or shifted by it, and none of it was made up.
#[test]
fn a_key_is_no_loss() {
    for deep in [false, true] {
        let mut b = Bench::new(u32::MAX - 12_000);
        // A deep buffer has the sound after the key before it plays the one before it.
        let late_ms = |n: i64| if deep && n % 10 == 0 { 60.0 } else { 0.0 };
        let packet = |n: i64| {
            (
                n as f64 * 20.0 + 3.0 + late_ms(n),
                n * 160,
                noise_packet(n * 160, 160),
            )
        };
        b.run(300, (0..300).map(packet).collect());
        let before = b.buffer.counts().concealed_samples;
        let lag = b.frames * 160 - b.play();
        for n in 300..305 {
            b.buffer.hear_silence();
            b.run(1, Vec::new());
            assert!(n < 305);
        }
        b.run(100, (305..405).map(packet).collect());
        assert_eq!(b.buffer.counts().concealed_samples, before, "deep: {deep}");
        assert_eq!(b.frames * 160 - b.play(), lag, "deep: {deep}");
        assert_eq!(b.buffer.counts().restarts, 0);
    }
}

proptest! {
    /// Full-scale sound of the most awkward kind, with holes in it: what is made up is never louder than what can be said.
    #[test]
    fn nothing_made_up_goes_beyond_full_scale(
        bytes in proptest::collection::vec(prop::sample::select(vec![0_u8, 0x80, 0xFF, 0x7F, 0x10]), 4000),
        lost in proptest::collection::vec(proptest::bool::weighted(0.3), 80),
        run in 1_usize..90,
    ) {
        let mut b = Bench::new(5);
        let speech: Vec<u8> = bytes.iter().flat_map(|byte| std::iter::repeat_n(*byte, run)).take(80 * 160).collect();
        let packets = speech.chunks_exact(160).enumerate().filter(|(n, _)| !lost[*n]);
        let packets = packets.map(|(n, part)| (n as f64 * 20.0 + 3.0, n as i64 * 160, part.to_vec()));
        b.run(90, packets.collect());
        prop_assert!(b.out.iter().all(|x| x.abs() <= 1.0));
    }
}
