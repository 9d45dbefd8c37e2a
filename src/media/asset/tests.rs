use std::fs;

use super::files::{MUSIC_DBFS, SPEECH_DBFS};
use super::*;
use crate::media::tone::{ClickDetector, Tone, ToneDetector};

fn heard(prompt: &Prompt, law: Law) -> Vec<f32> {
    let frames = (0..).map_while(|n| prompt.frame(n, law));
    frames.flatten().map(|&byte| law.decode(byte)).collect()
}

fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |peak, x| x.abs().max(peak))
}

/// A 16-bit WAV file.
fn wav(rate_hz: u32, channels: u16, samples: &[f32]) -> Vec<u8> {
    let bytes = samples.len() as u32 * 2;
    let block = channels * 2;
    let mut file = Vec::new();
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(36 + bytes).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0");
    file.extend_from_slice(&channels.to_le_bytes());
    file.extend_from_slice(&rate_hz.to_le_bytes());
    file.extend_from_slice(&(rate_hz * u32::from(block)).to_le_bytes());
    file.extend_from_slice(&block.to_le_bytes());
    file.extend_from_slice(b"\x10\0data");
    file.extend_from_slice(&bytes.to_le_bytes());
    file.extend(
        samples
            .iter()
            .flat_map(|x| ((x * 32767.0) as i16).to_le_bytes()),
    );
    file
}

fn tone(rate_hz: u32, frequency_hz: f32, amplitude: f32, seconds: f32) -> Vec<f32> {
    let mut samples = vec![0.0; (rate_hz as f32 * seconds) as usize];
    Tone::new(rate_hz, frequency_hz, amplitude).add(&mut samples);
    samples
}

/// What `Assets::load` says of a folder with this one file in it.
fn load_one(name: &str, contents: &[u8]) -> Result<Assets, AssetError> {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(name), contents).expect("a file");
    Assets::load(folder.path())
}

#[test]
fn the_built_in_prompts_are_speech_at_an_even_level() {
    let assets = Assets::built_in().expect("built-in prompts");
    for id in [PromptId::Greeting, PromptId::NoShow, PromptId::LineClosed] {
        for law in Law::ALL {
            let samples = heard(assets.prompt(id), law);
            let seconds = samples.len() / 8000;
            let level = loudness::active_dbfs(&samples).expect("not silent");
            assert!((4..20).contains(&seconds), "{id:?} lasts {seconds} s");
            assert!(
                (level - SPEECH_DBFS).abs() < 1.0,
                "{id:?} {law:?}: {level} dBFS"
            );
            assert!(
                peak(&samples) < 0.72,
                "{id:?} {law:?}: peak {}",
                peak(&samples)
            );
        }
    }
}

#[test]
fn the_hold_music_has_no_seam_and_no_hole() {
    let assets = Assets::built_in().expect("built-in prompts");
    let music = assets.prompt(PromptId::HoldMusic);
    assert_eq!(music.frames(), 48 * 50);
    let samples = heard(music, Law::Mu);
    let level = loudness::active_dbfs(&samples).expect("not silent");
    assert!((level - MUSIC_DBFS).abs() < 1.0, "{level} dBFS");
    for (n, half_second) in samples.chunks(4000).enumerate() {
        let level = loudness::active_dbfs(half_second).expect("not silent");
        assert!(
            (MUSIC_DBFS - 9.0..MUSIC_DBFS + 6.0).contains(&level),
            "at {n} / 2 s: {level}"
        );
    }

    let around_the_seam = [&samples[samples.len() - 2000..], &samples[..2000]].concat();
    let mut clicks = ClickDetector::new(8000);
    clicks.hear(&around_the_seam);
    assert!(
        clicks.worst_ratio() < ClickDetector::CLICK_RATIO,
        "{}",
        clicks.worst_ratio()
    );
}

#[test]
fn every_place_in_line_is_said_in_its_own_words() {
    let assets = Assets::built_in().expect("built-in prompts");
    for place in 1..=POSITION_MAX {
        let frames = assets.position(place).frames();
        assert!((60..150).contains(&frames), "{place} takes {frames} frames");
        assert_ne!(
            assets.position(place),
            assets.position(place + 1),
            "{place}"
        );
    }
    assert_eq!(assets.position(0), assets.position(1));
    assert_eq!(assets.position(100), assets.position(u16::MAX));
}

#[test]
fn the_demonstration_has_five_callers() {
    let callers = demo_callers().expect("demo callers");
    assert_eq!(callers.len(), 5);
    for caller in &callers {
        assert!(
            (15 * 50..25 * 50).contains(&caller.frames()),
            "{} frames",
            caller.frames()
        );
        let level = loudness::active_dbfs(&heard(caller, Law::Mu)).expect("not silent");
        assert!((level - SPEECH_DBFS).abs() < 1.0, "{level} dBFS");
    }
}

#[test]
fn a_prompt_is_padded_to_whole_frames_with_silence() {
    let prompt = Prompt::encode(&[0.5; 200]);
    assert_eq!(prompt.frames(), 2);
    let last = prompt.frame(1, Law::A).expect("a second frame");
    assert!(last[40..].iter().all(|&byte| byte == Law::A.silence()));
    assert_eq!(prompt.frame(2, Law::Mu), None);
    assert_eq!(Prompt::encode(&[]).frames(), 0);
}

#[test]
fn a_file_of_the_station_replaces_the_prompt_of_that_name() {
    let built_in = Assets::built_in().expect("built-in prompts");
    // Stereo at 44.1 kHz, the tone on the left side only.
    let left = tone(44_100, 1000.0, 0.02, 2.0);
    let stereo: Vec<f32> = left.iter().flat_map(|&x| [x, 0.0]).collect();
    let assets = load_one("greeting.WAV", &wav(44_100, 2, &stereo)).expect("assets");

    let samples = heard(assets.prompt(PromptId::Greeting), Law::Mu);
    assert_eq!(samples.len(), 16_000);
    let level = ToneDetector::new(8000, &[1000.0]).levels_dbfs(&samples[400..15_600])[0];
    assert!((level - SPEECH_DBFS).abs() < 0.5, "{level} dBFS");
    assert_eq!(
        assets.prompt(PromptId::NoShow),
        built_in.prompt(PromptId::NoShow)
    );
    assert!(assets.unused().is_empty());
}

#[test]
fn every_promised_format_is_read() {
    let flac = include_bytes!("../../../assets/audio/number-1.flac");
    let ogg = include_bytes!("../../../assets/audio/demo/caller-1.ogg");
    let mp3 = include_bytes!("tests/tone.mp3");
    let mu_law = {
        let mut file = wav(8000, 1, &[]);
        file[20] = 7; // WAVE_FORMAT_MULAW
        file[32] = 1;
        file[34] = 8;
        file[40..44].copy_from_slice(&8000_u32.to_le_bytes());
        file[4..8].copy_from_slice(&8038_u32.to_le_bytes());
        file[16] = 18;
        file.splice(36..36, [0, 0]);
        file.extend(
            tone(8000, 440.0, 0.5, 1.0)
                .into_iter()
                .map(|x| Law::Mu.encode(x)),
        );
        file
    };
    let files: [(&str, &[u8], usize); 4] = [
        ("line-closed.flac", flac, 26),
        ("line-closed.ogg", ogg, 1175),
        ("line-closed.mp3", mp3, 20),
        ("line-closed.wav", &mu_law, 50),
    ];
    for (name, contents, frames) in files {
        let assets = load_one(name, contents).expect(name);
        let read = assets.prompt(PromptId::LineClosed);
        assert!(
            read.frames().abs_diff(frames) <= 4,
            "{name}: {} frames",
            read.frames()
        );
        let level = loudness::active_dbfs(&heard(read, Law::A)).expect("not silent");
        assert!((level - SPEECH_DBFS).abs() < 1.0, "{name}: {level} dBFS");
    }
}

#[test]
fn a_number_spoken_whole_wins_over_its_parts() {
    let built_in = Assets::built_in().expect("built-in prompts");
    let own = wav(8000, 1, &tone(8000, 500.0, 0.3, 1.0));
    let assets = load_one("number-23.wav", &own).expect("assets");
    assert_ne!(assets.position(23), built_in.position(23));
    assert_eq!(assets.position(24), built_in.position(24));
}

#[test]
fn a_misspelt_file_is_reported_and_other_files_are_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let sound = wav(8000, 1, &tone(8000, 500.0, 0.3, 0.1));
    for name in ["greting.wav", "number-100.wav", "number-07.wav"] {
        fs::write(folder.path().join(name), &sound).expect("a file");
    }
    fs::write(folder.path().join("README.txt"), "greetings").expect("a file");
    let assets = Assets::load(folder.path()).expect("assets");
    let names: Vec<_> = assets
        .unused()
        .iter()
        .filter_map(|file| file.file_name())
        .collect();
    assert_eq!(names, ["greting.wav", "number-07.wav", "number-100.wav"]);
}

#[test]
fn an_unusable_file_is_named_with_what_is_wrong() {
    let no_sound = wav(8000, 1, &[]);
    let slow = wav(1000, 1, &[0.1; 1000]);
    let endless = wav(4000, 1, &vec![0.1; 4000 * 601]);
    let cut = &include_bytes!("../../../assets/audio/greeting.flac")[..20];
    let complaints: [(&str, &[u8], &str); 5] = [
        ("greeting.mp3", b"this is not sound", "is not a WAV"),
        ("greeting.flac", cut, "is not a WAV"),
        ("greeting.wav", &no_sound, "holds no sound"),
        ("no-show.wav", &slow, "sample rate of 1000 Hz"),
        ("hold-music.wav", &endless, "longer than 600 seconds"),
    ];
    for (name, contents, complaint) in complaints {
        let error = load_one(name, contents).expect_err(name).to_string();
        assert!(error.contains(name) && error.contains(complaint), "{error}");
    }
}

#[test]
fn the_folder_has_limits_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let huge = fs::File::create(folder.path().join("greeting.wav")).expect("a file");
    huge.set_len(FILE_BYTES_MAX + 1).expect("a sparse file");
    let error = Assets::load(folder.path())
        .expect_err("too large")
        .to_string();
    assert!(error.contains("at most 134217728 are allowed"), "{error}");

    huge.set_len(0).expect("an empty file");
    fs::write(folder.path().join("greeting.ogg"), []).expect("a file");
    let error = Assets::load(folder.path())
        .expect_err("twice the same")
        .to_string();
    assert!(error.contains("stands for the same prompt as"), "{error}");

    let error = Assets::load(&folder.path().join("nowhere"))
        .expect_err("no folder")
        .to_string();
    assert!(error.contains("nowhere: cannot be read"), "{error}");
}

#[test]
fn silence_stays_silence_and_a_click_does_not_decide_the_level() {
    assert_eq!(loudness::normalise(&[0.0; 1000], SPEECH_DBFS), [0.0; 1000]);
    let mut quiet = tone(8000, 500.0, 0.01, 2.0);
    quiet[8000] = 0.9;
    let loud = loudness::normalise(&quiet, SPEECH_DBFS);
    let level = loudness::active_dbfs(&loud[8800..]).expect("not silent");
    assert!((level - SPEECH_DBFS).abs() < 4.0, "{level} dBFS");
    assert!(peak(&loud) < 0.7081, "{}", peak(&loud));
}
