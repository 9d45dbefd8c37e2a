use audiopus::coder::Encoder;
use audiopus::{Application, Bitrate, Channels, SampleRate};
use rtrb::{Producer, RingBuffer};

use super::*;
use crate::media::opus::OpusPayload;
use crate::media::tone::{ClickDetector, Tone, ToneDetector};

/// A browser with a tone of 440 Hz, and the ear at the other end.
struct Bench {
    ring: Producer<OpusPacket>,
    voice: BrowserVoice,
    encoder: Encoder,
    tone: Tone,
    sent: u32,
    heard: Vec<f32>,
}

impl Bench {
    fn new() -> Self {
        let (ring, packets) = RingBuffer::new(64);
        let mut encoder =
            Encoder::new(SampleRate::Hz48000, Channels::Mono, Application::Voip).unwrap();
        encoder.set_bitrate(Bitrate::BitsPerSecond(48_000)).unwrap();
        encoder.enable_inband_fec().unwrap();
        encoder.set_packet_loss_perc(20).unwrap();
        let voice = BrowserVoice::new(packets).unwrap();
        Self {
            ring,
            voice,
            encoder,
            tone: Tone::new(48_000, 440.0, 0.2),
            sent: 0,
            heard: Vec::new(),
        }
    }

    /// The browser's next packet: `ms` of tone, or of silence.
    fn packet(&mut self, ms: usize, loud: bool) -> OpusPacket {
        let mut samples = vec![0.0; ms * 48];
        if loud {
            self.tone.add(&mut samples);
        }
        let mut bytes = [0; 1275];
        let len = self.encoder.encode_float(&samples, &mut bytes).unwrap();
        let timestamp = self.sent.wrapping_sub(9600);
        self.sent = self.sent.wrapping_add(samples.len() as u32);
        OpusPacket {
            seq: 0,
            timestamp,
            payload: OpusPayload::try_from(&bytes[..len]).unwrap(),
            level_dbov: None,
        }
    }

    fn send(&mut self, packet: OpusPacket) {
        self.ring.push(packet).unwrap();
    }

    fn talk(&mut self, ms: usize) {
        let packet = self.packet(ms, true);
        self.send(packet);
    }

    fn pull(&mut self) -> bool {
        let mut frame = [0.0; FB_FRAME];
        let speaks = self.voice.pull(&mut frame);
        self.heard.extend_from_slice(&frame);
        speaks
    }

    /// The tone is there and nothing else, and nothing clicks after the onset.
    fn check_tone(&self) {
        let rest = &self.heard[5 * FB_FRAME..];
        let tones = ToneDetector::new(48_000, &[400.0, 440.0, 480.0]).present_hz(rest);
        assert_eq!(tones, [440.0]);
        let mut clicks = ClickDetector::new(48_000);
        clicks.hear(rest);
        assert!(
            clicks.worst_ratio() < ClickDetector::CLICK_RATIO,
            "{}",
            clicks.worst_ratio()
        );
    }
}

#[test]
fn a_steady_stream_is_heard_after_one_frame() {
    let mut b = Bench::new();
    assert!(!b.pull());
    for n in 0..100 {
        b.talk(20);
        assert_eq!(b.pull(), n > 0);
    }
    assert_eq!(b.voice.counts(), BrowserCounts::default());
    b.check_tone();
}

#[test]
fn packets_of_other_lengths_are_cut_to_frames() {
    for ms in [10, 40, 60] {
        let mut b = Bench::new();
        for n in 0..100 {
            match ms {
                10 => (0..2).for_each(|_| b.talk(10)),
                _ if n * 20 % ms == 0 => b.talk(ms),
                _ => {}
            }
            b.pull();
        }
        assert_eq!(b.voice.counts(), BrowserCounts::default(), "{ms} ms");
        b.check_tone();
    }
}

#[test]
fn lost_packets_are_recovered_and_time_is_kept() {
    let mut b = Bench::new();
    for n in 0..200 {
        let packet = b.packet(20, true);
        if n % 10 != 5 {
            b.send(packet);
        }
        b.pull();
    }
    assert_eq!(b.voice.counts().concealed_frames, 20);
    assert_eq!(b.voice.held.len(), 1, "the delay is what it was");
    b.check_tone();
}

#[test]
fn overtaken_packets_are_put_in_order_and_copies_dropped() {
    let mut b = Bench::new();
    b.talk(20);
    b.pull();
    for _ in 0..50 {
        let (first, second) = (b.packet(20, true), b.packet(20, true));
        b.send(second.clone());
        b.send(first);
        b.send(second);
        b.pull();
        b.pull();
    }
    assert_eq!(
        b.voice.counts(),
        BrowserCounts {
            concealed_frames: 0,
            dropped: 50
        }
    );
    b.check_tone();
}

#[test]
fn a_late_burst_grows_the_delay_and_quiet_takes_it_back() {
    let mut b = Bench::new();
    for n in 0..600 {
        let packet = b.packet(20, n < 200);
        if n == 100 {
            // The network holds everything back for four frames.
            let mut burst = vec![packet];
            for _ in 0..4 {
                b.pull();
                burst.push(b.packet(20, true));
            }
            burst.into_iter().for_each(|packet| b.send(packet));
        } else {
            b.send(packet);
        }
        b.pull();
        if n == 150 {
            assert!(b.voice.held.len() >= 3);
        }
    }
    assert!(
        b.voice.held.len() <= 1,
        "{} packets wait",
        b.voice.held.len()
    );
    assert_eq!(b.voice.counts().dropped, 0);
}

#[test]
fn a_pause_ends_softly_and_the_next_word_is_heard() {
    let mut b = Bench::new();
    for _ in 0..50 {
        b.talk(20);
        b.pull();
    }
    // DTX: nothing is sent for a second, the clock runs on.
    let pulled: Vec<bool> = (0..50).map(|_| b.pull()).collect();
    assert!(!pulled[20] && pulled[0]);
    b.sent = b.sent.wrapping_add(50 * FB_FRAME as u32);
    let spoken: Vec<bool> = (0..20)
        .map(|_| {
            b.talk(20);
            b.pull()
        })
        .collect();
    assert_eq!(spoken.iter().filter(|speaks| !**speaks).count(), 1);
    let mut clicks = ClickDetector::new(48_000);
    clicks.hear(&b.heard[5 * FB_FRAME..100 * FB_FRAME]);
    assert!(
        clicks.worst_ratio() < ClickDetector::CLICK_RATIO,
        "{}",
        clicks.worst_ratio()
    );
}

#[test]
fn a_flood_and_nonsense_are_survived() {
    let mut b = Bench::new();
    for _ in 0..60 {
        b.talk(20);
    }
    b.pull();
    assert_eq!(b.voice.counts().dropped, 60 - HELD_MAX as u64);
    for n in 0..500_u32 {
        let bytes: Vec<u8> = (0..1 + n % 50)
            .map(|i| (n.wrapping_mul(7919) >> (i % 20)) as u8)
            .collect();
        let payload = OpusPayload::try_from(&bytes[..]).unwrap();
        let timestamp = n.wrapping_mul(2_654_435_761) >> (n % 32);
        b.send(OpusPacket {
            seq: 0,
            timestamp,
            payload,
            level_dbov: None,
        });
        b.pull();
    }
    assert!(b.heard.iter().all(|x| x.is_finite()));
}
