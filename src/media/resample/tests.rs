use super::*;
use crate::media::tone::{Tone, ToneDetector};
use crate::media::{FB_FRAME, NB_FRAME};

fn down(input: &[f32]) -> Vec<f32> {
    let mut resampler = Down6::new();
    let mut output = Vec::new();
    for frame in input.chunks_exact(FB_FRAME) {
        let mut narrow = [0.0; NB_FRAME];
        resampler.process(frame.try_into().expect("whole frame"), &mut narrow);
        output.extend_from_slice(&narrow);
    }
    output
}

fn up(input: &[f32]) -> Vec<f32> {
    let mut resampler = Up6::new();
    let mut output = Vec::new();
    for frame in input.chunks_exact(NB_FRAME) {
        let mut full = [0.0; FB_FRAME];
        resampler.process(frame.try_into().expect("whole frame"), &mut full);
        output.extend_from_slice(&full);
    }
    output
}

fn tone(rate_hz: u32, frequency_hz: f32) -> Vec<f32> {
    let mut samples = vec![0.0; rate_hz as usize];
    Tone::new(rate_hz, frequency_hz, 0.5).add(&mut samples);
    samples
}

/// Level of a frequency, against a tone of amplitude 0.5.
fn relative_db(samples: &[f32], rate_hz: u32, frequency_hz: f32) -> f32 {
    let settled = &samples[samples.len() / 2..];
    ToneDetector::new(rate_hz, &[frequency_hz]).levels_dbfs(settled)[0] + 9.03
}

#[test]
fn the_telephone_band_passes_both_ways() {
    for frequency_hz in [100.0, 300.0, 1000.0, 2000.0, 3000.0, 3400.0] {
        let narrow = relative_db(&down(&tone(48_000, frequency_hz)), 8000, frequency_hz);
        let full = relative_db(&up(&tone(8000, frequency_hz)), 48_000, frequency_hz);
        let allowed = if frequency_hz > 3000.0 { 1.0 } else { 0.1 };
        assert!(
            narrow.abs() < allowed,
            "{frequency_hz} Hz down: {narrow} dB"
        );
        assert!(full.abs() < allowed, "{frequency_hz} Hz up: {full} dB");
    }
}

#[test]
fn what_the_telephone_cannot_hold_does_not_fold_back() {
    for (frequency_hz, alias_hz) in [
        (4600.0, 3400.0),
        (5000.0, 3000.0),
        (7000.0, 1000.0),
        (9500.0, 1500.0),
    ] {
        let alias = relative_db(&down(&tone(48_000, frequency_hz)), 8000, alias_hz);
        assert!(
            alias < -60.0,
            "{frequency_hz} Hz folds to {alias_hz} Hz at {alias} dB"
        );
    }
}

#[test]
fn speech_has_no_images_above_the_telephone_band() {
    for frequency_hz in [300.0, 1000.0, 3000.0, 3400.0] {
        let image_hz = 8000.0 - frequency_hz;
        let image = relative_db(&up(&tone(8000, frequency_hz)), 48_000, image_hz);
        assert!(
            image < -60.0,
            "{frequency_hz} Hz shows at {image_hz} Hz with {image} dB"
        );
    }
}

#[test]
fn there_and_back_takes_three_milliseconds() {
    let mut click = vec![0.0; 3 * NB_FRAME];
    click[NB_FRAME] = 1.0;
    let back = down(&up(&click));
    let arrival = back
        .iter()
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(b.1))
        .map(|(n, _)| n);
    assert_eq!(arrival, Some(NB_FRAME + 23));
}

#[test]
fn a_file_of_any_rate_keeps_its_tone_length_and_start() {
    for rate_hz in [
        4000, 8000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000,
    ] {
        let mut resampler = ToTelephone::new(rate_hz).expect("a usual rate");
        let mut output = Vec::new();
        for part in tone(rate_hz, 1000.0).chunks(1013) {
            resampler.process(part, &mut output);
        }
        resampler.finish(&mut output);
        assert!(
            output.len().abs_diff(8000) <= 1,
            "{rate_hz} Hz: {} samples",
            output.len()
        );
        let level = relative_db(&output[..7900], 8000, 1000.0);
        assert!(level.abs() < 0.1, "{rate_hz} Hz: {level} dB");
        // A quarter of a period in, a sine that started at zero is at its first peak.
        assert!(
            (output[402] - 0.5).abs() < 0.01,
            "{rate_hz} Hz: {}",
            output[402]
        );
    }
}

#[test]
fn a_file_does_not_fold_back() {
    let mut resampler = ToTelephone::new(44_100).expect("a usual rate");
    let mut output = Vec::new();
    resampler.process(&tone(44_100, 5000.0), &mut output);
    let alias = relative_db(&output, 8000, 3000.0);
    assert!(alias < -70.0, "{alias}");
}

#[test]
fn rates_out_of_this_world_are_refused() {
    assert!(ToTelephone::new(0).is_none());
    assert!(ToTelephone::new(3999).is_none());
    assert!(ToTelephone::new(192_001).is_none());
}
