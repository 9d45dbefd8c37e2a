use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::media::dsp::mean_square;
use crate::media::tone::{ClickDetector, Tone, ToneDetector};
use crate::media::{NB_FRAME, NbFrame};

/// A sender and a buffer on one virtual clock.
pub(super) struct Bench {
    pub(super) buffer: JitterBuffer,
    start: Instant,
    /// The timestamp of media time 0.
    base: u32,
    pub(super) frames: i64,
    pub(super) out: Vec<f32>,
}

impl Bench {
    pub(super) fn new(base: u32) -> Self {
        let buffer = JitterBuffer::new(0, Law::Mu);
        Self {
            buffer,
            start: crate::media::test_epoch(),
            base,
            frames: 0,
            out: Vec::new(),
        }
    }

    fn at(&self, ms: f64) -> Instant {
        self.start + Duration::from_secs_f64(ms / 1000.0)
    }

    /// A packet with media time `media` arrives; its storage is overwritten at once.
    pub(super) fn packet(&mut self, ms: f64, media: i64, payload: &[u8]) {
        let mut shared = [0x55; 1500];
        shared[..payload.len()].copy_from_slice(payload);
        let timestamp = self.base.wrapping_add(media as u32);
        self.buffer
            .insert(self.at(ms), timestamp, &shared[..payload.len()]);
    }

    /// Pulls the frame that is due at 20 ms times the frames so far.
    pub(super) fn pull(&mut self) -> NbFrame {
        let mut frame = [9.0; NB_FRAME];
        let now = self.at(self.frames as f64 * 20.0);
        self.buffer.pull(now, &mut frame);
        self.frames += 1;
        self.out.extend_from_slice(&frame);
        frame
    }

    /// Media time of the sample that comes out next.
    pub(super) fn play(&self) -> i64 {
        i64::from((self.buffer.play as u32).wrapping_sub(self.base) as i32)
    }

    /// Lets packets arrive, each at its time in ms, and pulls frames in between.
    pub(super) fn run(&mut self, frames: i64, mut packets: Vec<(f64, i64, Vec<u8>)>) {
        packets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut packets = packets.into_iter().peekable();
        for _ in 0..frames {
            let now = self.frames as f64 * 20.0;
            while let Some((ms, media, payload)) = packets.next_if(|packet| packet.0 <= now) {
                self.packet(ms, media, &payload);
            }
            self.pull();
        }
    }
}

/// A byte that tells one time from another; never a pause.
pub(super) fn noise(media: i64) -> u8 {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let once = (media as u64).wrapping_mul(ODD);
    // Once alone comes again after 7037 samples.
    let twice = (once ^ (once >> 32)).wrapping_mul(ODD);
    (twice >> 40) as u8 & 0xBF
}

pub(super) fn noise_packet(media: i64, len: i64) -> Vec<u8> {
    (media..media + len).map(noise).collect()
}

/// Packets of a tone, 20 ms each, one arriving every `interval_ms`.
pub(super) fn tone_packets(hz: f32, count: i64, interval_ms: f64) -> Vec<(f64, i64, Vec<u8>)> {
    let mut tone = Tone::new(8000, hz, 0.3);
    let packet = |n: i64| {
        let mut samples = [0.0; NB_FRAME];
        tone.add(&mut samples);
        let payload = samples.iter().map(|x| Law::Mu.encode(*x)).collect();
        (n as f64 * interval_ms + 3.0, n * 160, payload)
    };
    (0..count).map(packet).collect()
}

pub(super) fn worst_click(samples: &[f32]) -> f32 {
    let mut clicks = ClickDetector::new(8000);
    clicks.hear(samples);
    clicks.worst_ratio()
}

#[test]
fn a_steady_stream_comes_out_as_it_went_in() {
    let mut b = Bench::new(u32::MAX - 4000);
    b.run(
        200,
        (0..200)
            .map(|n| (n as f64 * 20.0 + 5.0, n * 160, noise_packet(n * 160, 160)))
            .collect(),
    );
    let counts = b.buffer.counts();
    assert_eq!(
        (counts.concealed_samples, counts.late, counts.duplicate),
        (0, 0, 0)
    );
    let first = b.out.iter().position(|x| *x != 0.0).unwrap() as i64;
    assert!(first <= 400, "begins after {first} samples");
    for (n, sample) in b.out.iter().enumerate().skip(800) {
        let media = b.play() - b.out.len() as i64 + n as i64;
        assert_eq!(*sample, Law::Mu.decode(noise(media)), "sample {n}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever is lost, what is not lost comes at its time.
    #[test]
    fn a_loss_never_shifts_time(
        base: u32,
        lost in proptest::collection::vec(proptest::bool::weighted(0.3), 200),
        offset_ms in 0.0..20.0_f64,
    ) {
        let mut b = Bench::new(base);
        let sent = (0..200).filter(|n| *n < 5 || !lost[*n as usize]);
        b.run(4, sent.clone().filter(|n| *n < 5).map(|n| packet_at(n, offset_ms)).collect());
        let shift = b.frames * 160 - b.play();
        let mut rest: Vec<_> = sent.map(|n| packet_at(n, offset_ms)).collect();
        rest.retain(|packet| packet.0 > 60.0);
        for n in b.frames..200 {
            let due = n as f64 * 20.0;
            let (now, later): (Vec<_>, Vec<_>) = rest.into_iter().partition(|p| p.0 <= due);
            rest = later;
            for (ms, media, payload) in now {
                b.packet(ms, media, &payload);
            }
            let frame = b.pull();
            if b.buffer.expanded > 0 {
                continue;
            }
            // Bursts of loss beyond the pause limit begin anew; 30 % never make ten in a row long.
            prop_assume!(b.buffer.counts().restarts == 0);
            prop_assert_eq!(b.frames * 160 - b.play(), shift, "frame {}", n);
            // The second half of a frame is beyond any overlap with what stood in before.
            for (i, sample) in frame.iter().enumerate().skip(80) {
                let media = b.play() - 160 + i as i64;
                let packet = (media / 160) as usize;
                let kept = packet < 5 || !lost[packet];
                let kept_before = packet <= 5 || !lost[packet - 1];
                if kept && (kept_before || media % 160 >= 80) {
                    prop_assert_eq!(*sample, Law::Mu.decode(noise(media)));
                }
            }
        }
    }

    /// Jitter, loss, copies, reordering, any packet time, wraps: never wrong sound, never a
    /// panic, and a delay within bounds.
    #[test]
    fn an_unkind_network_cannot_confuse_it(
        base: u32,
        packet_len in prop::sample::select(vec![80_i64, 160, 240, 320, 480]),
        fates in proptest::collection::vec((0.0..90.0_f64, 0_u8..10), 150),
    ) {
        let mut b = Bench::new(base);
        let mut packets = Vec::new();
        for (n, (late_ms, fate)) in fates.iter().enumerate() {
            let media = n as i64 * packet_len;
            let sent_ms = media as f64 / 8.0 + packet_len as f64 / 8.0;
            if *fate > 0 {
                packets.push((sent_ms + late_ms, media, noise_packet(media, packet_len)));
            }
            if *fate > 7 {
                packets.push((sent_ms + late_ms * 2.0, media, noise_packet(media, packet_len)));
            }
        }
        packets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let frames = 150 * packet_len / 160;
        for n in 0..frames {
            let due = n as f64 * 20.0;
            let here = packets.partition_point(|packet| packet.0 <= due);
            for (ms, media, payload) in packets.drain(..here) {
                b.packet(ms, media, &payload);
            }
            let frame = b.pull();
            prop_assert!(frame.iter().all(|x| x.abs() <= 1.0));
            if b.buffer.state == State::Playing {
                let behind_ms = (due + 20.0) - b.play() as f64 / 8.0;
                prop_assert!((0.0..600.0).contains(&behind_ms), "{} ms behind", behind_ms);
            }
        }
    }

    /// Packets of any kind at any time.
    #[test]
    fn nothing_panics(
        packets in proptest::collection::vec((0_u32..200_000, any::<u32>(), 0_usize..1480), 0..60),
        nearby in proptest::collection::vec((0_u32..4000, -9000_i32..9000, 0_usize..600), 0..200),
    ) {
        let mut b = Bench::new(0);
        for (ms, timestamp, len) in packets {
            b.packet(f64::from(ms), i64::from(timestamp), &vec![7; len]);
            b.pull();
            b.buffer.skip(len);
        }
        for (ms, timestamp, len) in nearby {
            b.packet(f64::from(ms), i64::from(timestamp), &vec![7; len]);
            b.pull();
        }
    }
}

pub(super) fn packet_at(n: i64, offset_ms: f64) -> (f64, i64, Vec<u8>) {
    (
        n as f64 * 20.0 + offset_ms,
        n * 160,
        noise_packet(n * 160, 160),
    )
}

#[test]
fn reordered_packets_within_the_delay_are_not_noticed() {
    let mut b = Bench::new(0);
    let packets = (0..300_i64).map(|n| {
        // After a calm start every other packet is overtaken by its successor.
        let late = if n > 100 && n % 2 == 0 { 21.0 } else { 0.0 };
        (n as f64 * 20.0 + late, n * 160, noise_packet(n * 160, 160))
    });
    b.run(100, packets.clone().filter(|p| p.0 < 2000.0).collect());
    b.run(200, packets.filter(|p| p.0 >= 2000.0).collect());
    let counts = b.buffer.counts();
    assert!(
        counts.concealed_samples <= 640,
        "only until the delay has grown: {counts:?}"
    );
    assert!(counts.late <= 2, "{counts:?}");
}

#[test]
fn a_copy_is_counted_and_changes_nothing() {
    let mut b = Bench::new(0);
    for n in 0..50_i64 {
        for copy in 0..2 {
            b.packet(
                n as f64 * 20.0 + f64::from(copy),
                n * 160,
                &noise_packet(n * 160, 160),
            );
        }
        b.pull();
    }
    let counts = b.buffer.counts();
    assert_eq!(counts.duplicate, 50);
    assert_eq!((counts.concealed_samples, counts.late), (0, 0));
}

#[test]
fn a_spike_grows_the_delay_and_pauses_take_it_back() {
    let mut b = Bench::new(0);
    // Speech: 600 ms of tone, 400 ms of silence. After 2 s the network stalls for 150 ms.
    let packet = |n: i64| {
        let ms = n as f64 * 20.0 + 2.0;
        let arrival = if (2000.0..2150.0).contains(&ms) {
            2150.0
        } else {
            ms
        };
        let payload = if n % 50 < 30 {
            noise_packet(n * 160, 160)
        } else {
            vec![0xFF; 160]
        };
        (arrival, n * 160, payload)
    };
    b.run(750, (0..750).map(packet).collect());
    let lag_ms = |b: &Bench| b.frames * 20 - b.play() / 8;
    assert!(b.buffer.counts().concealed_samples <= 9 * 160);
    assert!((40..=80).contains(&lag_ms(&b)), "{} ms behind", lag_ms(&b));
    assert_eq!(b.buffer.counts().late, 0);
}

#[test]
fn common_jitter_is_waited_for() {
    let mut b = Bench::new(0);
    // Up to 60 ms of queueing for every packet, speech with pauses, in order.
    let mut last = 0.0_f64;
    let packets: Vec<_> = (0..3000_i64)
        .map(|n| {
            let queueing = f64::from(noise(n * 31)) / 255.0 * 60.0;
            last = (n as f64 * 20.0 + queueing).max(last);
            let payload = if n % 50 < 30 {
                noise_packet(n * 160, 160)
            } else {
                vec![0xFF; 160]
            };
            (last, n * 160, payload)
        })
        .collect();
    b.run(
        1000,
        packets
            .iter()
            .filter(|p| p.0 <= 20_000.0)
            .cloned()
            .collect(),
    );
    let settled = b.buffer.counts().concealed_samples;
    b.run(
        2000,
        packets.iter().filter(|p| p.0 > 20_000.0).cloned().collect(),
    );
    let concealed = (b.buffer.counts().concealed_samples - settled) / 160;
    assert!(concealed <= 20, "{concealed} of 2000 frames");
    assert!((40..55).contains(&b.buffer.target_ms()));
}

/// 200 ppm for four hours, a voice that never pauses: neither clicks nor a growing delay.
#[test]
fn a_drifting_clock_is_followed_without_a_click() {
    for interval_ms in [20.0 * 0.999_8, 20.0 * 1.000_2] {
        let mut b = Bench::new(u32::MAX - 100_000);
        let frames = 720_000;
        let mut packets = tone_packets(400.0, frames + 200, interval_ms)
            .into_iter()
            .peekable();
        let mut clicks = ClickDetector::new(8000);
        for n in 0..frames - 50 {
            let due = n as f64 * 20.0;
            while let Some((ms, media, payload)) = packets.next_if(|packet| packet.0 <= due) {
                b.packet(ms, media, &payload);
            }
            clicks.hear(&b.pull());
            b.out.clear();
            if n > 10 {
                let behind_ms = (due - 3.0) / interval_ms * 20.0 - b.play() as f64 / 8.0;
                assert!(
                    (-20.0..180.0).contains(&behind_ms),
                    "{behind_ms} ms behind at {due}"
                );
            }
        }
        let worst = clicks.worst_ratio();
        assert!(
            worst < ClickDetector::CLICK_RATIO,
            "{interval_ms}: a click of {worst}"
        );
        let concealed = b.buffer.counts().concealed_samples / 8;
        assert!(
            concealed < 4000,
            "{interval_ms}: {concealed} ms made up in four hours"
        );
    }
}

#[test]
fn a_tone_with_single_losses_stays_a_tone_without_clicks() {
    let mut b = Bench::new(77);
    let mut packets = tone_packets(400.0, 500, 20.0);
    let mut n = 0;
    packets.retain(|_| {
        n += 1;
        n % 25 != 0
    });
    b.run(500, packets);
    assert!(
        worst_click(&b.out) < ClickDetector::CLICK_RATIO,
        "{}",
        worst_click(&b.out)
    );
    assert_eq!(
        ToneDetector::new(8000, &[400.0, 450.0]).present_hz(&b.out[1600..]),
        [400.0]
    );
}

#[test]
fn a_pause_of_the_sender_is_taken_up_whatever_its_clock_did() {
    // With the clock running on (DTX), and with the clock standing still.
    for clock_ran in [true, false] {
        let mut b = Bench::new(0);
        let packet = |n: i64| {
            let media = if n >= 100 && !clock_ran { n - 100 } else { n } * 160;
            (n as f64 * 20.0 + 3.0, media, noise_packet(media, 160))
        };
        b.run(300, (0..50).chain(150..300).map(packet).collect());
        assert_eq!(b.buffer.counts().restarts, 1, "clock ran: {clock_ran}");
        let lag = b.frames - if clock_ran { 0 } else { 100 } - b.play() / 160;
        assert!(
            (2..=5).contains(&lag),
            "{lag} frames behind, clock ran: {clock_ran}"
        );
        assert!(b.out[..160 * 60][9600 - 160..].iter().all(|x| *x == 0.0));
    }
}

#[test]
fn announced_silence_is_no_loss() {
    let mut b = Bench::new(0);
    b.run(50, (0..50).map(|n| packet_at(n, 3.0)).collect());
    b.buffer.hear_silence();
    b.run(100, Vec::new());
    assert_eq!(b.buffer.counts().concealed_samples, 0);
}

#[test]
fn a_jump_of_the_sender_s_clock_is_followed_after_three_packets() {
    let mut b = Bench::new(0);
    let packet = |n: i64| {
        let media = if n < 100 {
            n * 160
        } else {
            n * 160 + 1_000_000
        };
        (n as f64 * 20.0 + 3.0, media, noise_packet(media, 160))
    };
    b.run(200, (0..200).map(packet).collect());
    let counts = b.buffer.counts();
    assert_eq!(counts.restarts, 1);
    assert!(counts.concealed_samples <= 6 * 160, "{counts:?}");
    assert_eq!(b.out.last(), Some(&Law::Mu.decode(noise(b.play() - 1))));
}

#[test]
fn one_stray_packet_changes_nothing() {
    let mut b = Bench::new(0);
    for n in 0..100 {
        b.packet(n as f64 * 20.0, n * 160, &noise_packet(n * 160, 160));
        if n % 10 == 5 {
            b.packet(n as f64 * 20.0, n * 160 + 5_000_000, &[1; 160]);
        }
        b.pull();
    }
    let counts = b.buffer.counts();
    assert_eq!((counts.restarts, counts.concealed_samples), (0, 0));
}

#[test]
fn a_stall_of_our_clock_is_jumped_over() {
    let mut b = Bench::new(0);
    b.run(50, (0..50).map(|n| packet_at(n, 3.0)).collect());
    let lag = b.frames * 160 - b.play();
    // 30 frames are not pulled. Their packets came, and are read when all is over.
    b.frames += 30;
    b.buffer.skip(30 * 160);
    for n in 50..80 {
        let (ms, media, payload) = packet_at(n, 3.0);
        b.packet(ms, media, &payload);
    }
    b.run(50, (80..130).map(|n| packet_at(n, 3.0)).collect());
    assert_eq!(b.frames * 160 - b.play(), lag);
    assert_eq!(
        b.buffer.counts(),
        JitterCounts::default(),
        "the line is good"
    );
    // What is late after that still counts.
    let (ms, media, payload) = packet_at(100, 600.0);
    b.packet(ms, media, &payload);
    assert_eq!(b.buffer.counts().late, 1);
}

#[test]
fn a_buffer_that_is_parked_is_silent_and_wakes_as_new() {
    let mut b = Bench::new(0);
    for (ms, media, payload) in tone_packets(440.0, 20, 20.0) {
        b.packet(ms, media, &payload);
        b.pull();
    }
    b.buffer.park();
    for n in 20..30 {
        b.packet(
            f64::from(n) * 20.0,
            i64::from(n) * 160,
            &noise_packet(0, 160),
        );
        assert_eq!(b.pull(), [0.0; NB_FRAME], "frame {n}");
    }
    let late = b.buffer.counts();
    b.buffer.wake();
    for (ms, media, payload) in tone_packets(440.0, 60, 20.0).into_iter().skip(30) {
        b.packet(ms, media, &payload);
        b.pull();
    }
    let level = mean_square(&b.out[b.out.len() - 1600..]);
    assert!(level > 0.01, "{level}");
    assert_eq!(b.buffer.counts(), late, "nothing was lost meanwhile");
}
