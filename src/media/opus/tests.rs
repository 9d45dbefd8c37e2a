use audiopus::coder::Encoder;
use proptest::prelude::*;

use super::*;
use crate::media::tone::{Tone, ToneDetector};
use crate::media::{NB_FRAME, NbFrame};

fn frames_of(tone: &mut Tone, count: usize) -> Vec<NbFrame> {
    let mut frames = vec![[0.0; NB_FRAME]; count];
    frames.iter_mut().for_each(|frame| tone.add(frame));
    frames
}

fn rms(samples: &[f32]) -> f32 {
    (samples.iter().map(|x| x * x).sum::<f32>() / samples.len() as f32).sqrt()
}

/// A browser's encoder: full band, with in-band FEC.
fn browser_encoder() -> Encoder {
    let mut encoder =
        Encoder::new(SampleRate::Hz48000, Channels::Mono, Application::Voip).expect("encoder");
    encoder
        .set_bitrate(Bitrate::BitsPerSecond(32_000))
        .expect("bitrate");
    encoder.enable_inband_fec().expect("fec");
    encoder.set_packet_loss_perc(20).expect("loss");
    encoder
}

/// Packets of `frame` samples each, carrying a tone at 48 kHz.
fn browser_packets(count: usize, frame: usize) -> Vec<Vec<u8>> {
    let encoder = browser_encoder();
    let mut tone = Tone::new(48_000, 700.0, 0.3);
    let mut next = || {
        let mut samples = vec![0.0; frame];
        tone.add(&mut samples);
        encode(&encoder, &samples)
    };
    (0..count).map(|_| next()).collect()
}

fn encode(encoder: &Encoder, samples: &[f32]) -> Vec<u8> {
    let mut bytes = [0; OPUS_PAYLOAD_MAX];
    let len = encoder.encode_float(samples, &mut bytes).expect("encode");
    bytes[..len].to_vec()
}

#[test]
fn a_caller_is_encoded_at_the_bitrate_that_was_set() {
    let bytes = |bitrate| {
        let how = CallerOpus {
            bitrate,
            ..CallerOpus::default()
        };
        let mut encoder = CallerEncoder::new(how).expect("encoder");
        frames_of(&mut Tone::new(8000, 440.0, 0.3), 100)
            .iter()
            .map(|frame| encoder.encode(frame).expect("encode"))
            .map(|packet| packet.payload.as_slice().len())
            .sum::<usize>()
    };
    let (small, large) = (bytes(12_000), bytes(32_000));
    assert!(
        small * 3 < large * 2,
        "{small} and {large} bytes in two seconds"
    );
}

#[test]
fn a_callers_tone_reaches_the_browser_as_that_tone() {
    let mut encoder = CallerEncoder::new(CallerOpus::default()).expect("encoder");
    let mut decoder = BrowserDecoder::new().expect("decoder");
    let mut heard = Vec::new();
    for frame in frames_of(&mut Tone::new(8000, 440.0, 0.3), 100) {
        let packet = encoder.encode(&frame).expect("encode");
        heard.extend_from_slice(decoder.decode(packet.payload.as_slice()).expect("decode"));
    }
    assert_eq!(heard.len(), 100 * FB_FRAME);
    let settled = &heard[48_000..];
    let levels = ToneDetector::new(48_000, &[440.0, 880.0, 1320.0, 2600.0]).levels_dbfs(settled);
    assert!((levels[0] + 13.5).abs() < 1.0, "{levels:?}");
    assert!(
        levels[1..].iter().all(|other| *other < levels[0] - 30.0),
        "{levels:?}"
    );
}

#[test]
fn sequence_timestamp_and_level_go_with_the_packet() {
    let mut encoder = CallerEncoder::new(CallerOpus::default()).expect("encoder");
    let frames = frames_of(&mut Tone::new(8000, 440.0, 0.1), 2);
    let first = encoder.encode(&frames[0]).expect("encode");
    assert_eq!(
        (first.seq, first.timestamp, first.level_dbov),
        (0, 0, Some(-23))
    );
    encoder.skip(3);
    let second = encoder.encode(&frames[1]).expect("encode");
    assert_eq!((second.seq, second.timestamp), (1, 4 * 960));
}

#[test]
fn a_caller_costs_the_bitrate_that_was_asked_for() {
    let mut encoder = CallerEncoder::new(CallerOpus::default()).expect("encoder");
    let mut tone = Tone::new(8000, 300.0, 0.2);
    let mut other = Tone::new(8000, 1234.5, 0.1);
    let mut bytes = 0;
    for mut frame in frames_of(&mut tone, 500) {
        other.add(&mut frame);
        bytes += encoder
            .encode(&frame)
            .expect("encode")
            .payload
            .as_slice()
            .len();
    }
    let bits_per_second = bytes * 8 / 10;
    assert!(
        (8_000..32_000).contains(&bits_per_second),
        "{bits_per_second}"
    );
}

#[test]
fn packets_of_every_length_are_decoded_whole() {
    for frame in [480, 960, 1920, 2880] {
        let mut decoder = BrowserDecoder::new().expect("decoder");
        for packet in browser_packets(5, frame) {
            assert_eq!(decoder.decode(&packet).expect("decode").len(), frame);
        }
    }
}

#[test]
fn a_short_loss_is_bridged_and_a_long_one_fades() {
    let mut decoder = BrowserDecoder::new().expect("decoder");
    let mut level = 0.0;
    for packet in browser_packets(50, FB_FRAME) {
        level = rms(decoder.decode(&packet).expect("decode"));
    }
    let first = rms(decoder.conceal().expect("conceal"));
    assert!(
        (0.3..1.3).contains(&(first / level)),
        "first concealed frame {first} after {level}"
    );
    for _ in 0..50 {
        decoder.conceal().expect("conceal");
    }
    let last = rms(decoder.conceal().expect("conceal"));
    assert!(last < level * 0.1, "{last} a second later, after {level}");
}

#[test]
fn a_lost_frame_comes_back_from_the_packet_after_it() {
    // The lost frame, number 49, is the first of another tone: nobody can make that up.
    let encoder = browser_encoder();
    let (mut before, mut after) = (
        Tone::new(48_000, 400.0, 0.3),
        Tone::new(48_000, 1000.0, 0.3),
    );
    let mut packets = Vec::new();
    for n in 0..51 {
        let mut samples = [0.0; FB_FRAME];
        if n < 49 {
            before.add(&mut samples)
        } else {
            after.add(&mut samples)
        }
        packets.push(encode(&encoder, &samples));
    }
    let detector = ToneDetector::new(48_000, &[400.0, 1000.0]);
    let last_half_levels = |fec: bool| {
        let mut decoder = BrowserDecoder::new().expect("decoder");
        for packet in &packets[..49] {
            decoder.decode(packet).expect("decode");
        }
        let frame = if fec {
            decoder.decode_fec(&packets[50])
        } else {
            decoder.conceal()
        };
        let frame = frame.expect("a frame");
        assert_eq!(frame.len(), FB_FRAME);
        detector.levels_dbfs(&frame[FB_FRAME / 2..])
    };
    let concealed = last_half_levels(false);
    let recovered = last_half_levels(true);
    assert!(concealed[0] > concealed[1] + 10.0, "{concealed:?}");
    assert!(recovered[1] > recovered[0] + 10.0, "{recovered:?}");
}

#[test]
fn a_payload_of_no_or_too_many_bytes_is_refused() {
    assert!(matches!(
        OpusPayload::try_from(&[][..]),
        Err(OpusError::PayloadLength(0))
    ));
    assert!(OpusPayload::try_from(&[0; OPUS_PAYLOAD_MAX + 1][..]).is_err());
    assert!(OpusPayload::try_from(&[0; 70_000][..]).is_err());
    let payload = OpusPayload::try_from(&[7; OPUS_PAYLOAD_MAX][..]).expect("payload");
    assert_eq!(payload.as_slice(), [7; OPUS_PAYLOAD_MAX]);
}

#[test]
fn loudness_follows_rfc_6464() {
    assert_eq!(level_dbov(&[1.0, -1.0]), 0);
    assert_eq!(level_dbov(&[0.1, -0.1]), -20);
    assert_eq!(level_dbov(&[0.0; 160]), -127);
    assert_eq!(level_dbov(&[4.0; 160]), 0);
    assert_eq!(level_dbov(&[f32::NAN; 160]), -127);
    assert_eq!(level_dbov(&[]), -127);
}

proptest! {
    #[test]
    fn anything_may_arrive_from_a_browser(
        packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..8),
    ) {
        let mut decoder = BrowserDecoder::new().expect("decoder");
        for packet in packets {
            let decoded = decoder.decode(&packet).map_or(0, <[f32]>::len);
            prop_assert!(decoded <= DECODED_MAX);
            let _ = decoder.decode_fec(&packet);
            prop_assert_eq!(decoder.conceal().expect("conceal").len(), FB_FRAME);
        }
    }
}
