use super::*;
use crate::media::NB_FRAME;
use crate::media::dsp::{Agc, Limiter};
use crate::media::g711::Law;
use crate::media::opus::{BrowserDecoder, CallerEncoder, CallerOpus};

const BANK_HZ: [f32; 6] = [400.0, 450.0, 500.0, 700.0, 1000.0, 1900.0];

fn mix(frequencies_hz: &[f32], amplitude: f32, samples: usize) -> Vec<f32> {
    let mut mix = vec![0.0; samples];
    for &frequency_hz in frequencies_hz {
        Tone::new(8000, frequency_hz, amplitude).add(&mut mix);
    }
    mix
}

fn clicks(samples: &[f32]) -> f32 {
    let mut detector = ClickDetector::new(8000);
    detector.hear(samples);
    detector.worst_ratio()
}

#[test]
fn a_tone_runs_on_from_frame_to_frame() {
    let mut in_frames = vec![0.0; 800];
    let mut tone = Tone::new(8000, 431.0, 0.5);
    in_frames
        .chunks_mut(NB_FRAME)
        .for_each(|frame| tone.add(frame));
    assert_eq!(in_frames, mix(&[431.0], 0.5, 800));
}

#[test]
fn each_tone_is_heard_at_its_level_and_no_other() {
    let detector = ToneDetector::new(8000, &BANK_HZ);
    let heard = mix(&[450.0, 1000.0], 0.1, 1600);
    assert_eq!(detector.present_hz(&heard), [450.0, 1000.0]);
    let levels = detector.levels_dbfs(&heard);
    assert!(
        (levels[1] + 23.0).abs() < 0.1 && (levels[4] + 23.0).abs() < 0.1,
        "{levels:?}"
    );
    assert!(levels[0] < -60.0 && levels[5] < -80.0, "{levels:?}");
}

#[test]
fn silence_and_nothing_hold_no_tone() {
    let detector = ToneDetector::new(8000, &BANK_HZ);
    assert!(detector.present_hz(&[0.0; 1600]).is_empty());
    assert!(detector.present_hz(&[]).is_empty());
    assert_eq!(detector.levels_dbfs(&[0.0; 1600])[0], SILENCE_DBFS);
}

#[test]
fn tones_survive_the_telephone_and_the_browser() {
    let mut voice = mix(&[400.0, 700.0, 1900.0], 0.02, 16_000);
    Agc::new(8000).process(&mut voice);
    Limiter::new(8000).process(&mut voice);
    let mut encoder = CallerEncoder::new(CallerOpus::default()).expect("encoder");
    let mut decoder = BrowserDecoder::new().expect("decoder");
    let mut heard = Vec::new();
    for frame in voice.chunks_exact(NB_FRAME) {
        let mut line = [0.0; NB_FRAME];
        for (out, sample) in line.iter_mut().zip(frame) {
            *out = Law::A.decode(Law::A.encode(*sample));
        }
        let packet = encoder.encode(&line).expect("encode");
        heard.extend_from_slice(decoder.decode(packet.payload.as_slice()).expect("decode"));
    }
    let detector = ToneDetector::new(48_000, &BANK_HZ);
    for window in heard[24_000..].chunks_exact(9600) {
        assert_eq!(detector.present_hz(window), [400.0, 700.0, 1900.0]);
    }
}

#[test]
fn a_gap_counts_only_inside_the_sound() {
    let mut gaps = GapDetector::new(8000, 0.003);
    gaps.hear(&[0.0; 800]);
    gaps.hear(&mix(&[400.0], 0.1, 1600));
    assert!(
        gaps.longest_ms() < 0.5,
        "zero crossings: {}",
        gaps.longest_ms()
    );
    gaps.hear(&[0.001; 240]);
    assert!(gaps.longest_ms() < 0.5, "it may still be the end");
    gaps.hear(&mix(&[400.0], 0.1, 1600));
    gaps.hear(&[0.0; 8000]);
    assert!(
        (gaps.longest_ms() - 30.0).abs() < 0.5,
        "{}",
        gaps.longest_ms()
    );
}

#[test]
fn a_smooth_mix_does_not_click_even_over_the_telephone() {
    for law in Law::ALL {
        let coded: Vec<f32> = mix(&[400.0, 450.0, 700.0], 0.1, 16_000)
            .into_iter()
            .map(|sample| law.decode(law.encode(sample)))
            .collect();
        assert!(clicks(&coded) < 5.0, "{law:?} {}", clicks(&coded));
    }
}

#[test]
fn a_ramp_of_a_frame_does_not_click() {
    let mut mixed = mix(&[400.0], 0.2, 3200);
    let mut other = mix(&[700.0], 0.2, 3200);
    for n in 0..1600 {
        let share = (n as f32 / NB_FRAME as f32).min(1.0);
        other[n] *= share;
        mixed[n + 1600] *= 1.0 - share;
    }
    let both: Vec<f32> = mixed.iter().zip(&other).map(|(a, b)| a + b).collect();
    assert!(
        clicks(&both) < ClickDetector::CLICK_RATIO,
        "{}",
        clicks(&both)
    );
}

#[test]
fn cuts_jumps_and_lost_samples_click() {
    let smooth = mix(&[400.0, 700.0], 0.2, 3200);
    let mut cut = smooth.clone();
    cut[1605..].fill(0.0);
    let mut lost = smooth.clone();
    lost.drain(1600..1605);
    let mut spike = smooth.clone();
    spike[1600] += 0.1;
    let mut start = vec![0.0; 800];
    start.extend_from_slice(&smooth[5..]);
    for (name, clicking) in [
        ("cut", cut),
        ("lost", lost),
        ("spike", spike),
        ("start", start),
    ] {
        assert!(
            clicks(&clicking) > 1.5 * ClickDetector::CLICK_RATIO,
            "{name} {}",
            clicks(&clicking)
        );
    }
}
