//! Two baresip telephones: they wait with greeting and music, go on air through the API, and one hears the other speak.
//!
//! How well it hears is PESQ (ITU-T P.862) of its recording against what the other played: `tests/peers/score.py`.

use std::fs;
use std::path::{Path, PathBuf};

use audioroad::media::NB_FRAME;
use audioroad::media::asset::demo_callers;
use audioroad::media::g711::Law;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::peer::{Peer, run};
use crate::switch::{Switch, eventually, text};
use crate::wav::write_wav;

/// Samples a second.
const RATE: usize = 8000;
/// How long the speaker says nothing, so that both are on air when the speech begins.
const LEAD_S: usize = 15;
/// How long the telephones are up after that.
const SPEECH_S_MAX: usize = 45;
/// What each telephone has to hear in the lobby and again on hold before it is moved on, in seconds.
const WAITS_S: f64 = 3.0;
/// Quieter is no greeting and no music.
const SOUND_DBFS: f64 = -40.0;
/// Between two prompts.
const PAUSE_MS_MAX: u64 = 1500;
/// Measured: 4.45, also beside compilers. The most is 4.5, since the source has been through mu-law already.
const PESQ_MIN: f64 = 4.0;
/// A telephone that the machine does not let run sounds bad to everybody. What the switch does wrong is wrong every time.
const TRIES: usize = 3;

/// One telephone on the switch.
struct Telephone {
    process: Peer,
    folder: PathBuf,
    id: String,
}

impl Telephone {
    /// Plays `said` from the answer on; it is in the lobby when this returns.
    fn call(
        switch: &Switch,
        folder: &Path,
        number: &str,
        encryption: &[&str],
        said: &[f32],
    ) -> Self {
        fs::create_dir(folder).expect("a folder");
        let play = folder.join("said.wav");
        write_wav(&play, said);
        let seconds = (said.len() / RATE + 2).to_string();
        let target = format!("sip:lobby@{}", switch.sip());
        let (folder_text, play) = (folder.display().to_string(), play.display().to_string());
        let arguments = [
            &[
                &folder_text,
                "--play",
                &play,
                "--seconds",
                &seconds,
                "--call",
                &target,
                "--user",
                number,
            ],
            encryption,
        ];
        let process = Peer::start("baresip_phone.py", arguments.concat());
        let row = eventually(&format!("{number} is answered"), || {
            let calls = switch.ask("GET", "/api/calls", Value::Null);
            let ours = calls
                .as_array()
                .into_iter()
                .flatten()
                .find(|call| call["from"] == number);
            let up = ours.filter(|call| call["ringing"] == false);
            up.cloned().ok_or_else(|| format!("{calls}"))
        });
        Self {
            process,
            folder: folder.to_owned(),
            id: text(&row["id"]),
        }
    }

    /// Seconds in the recording so far.
    fn heard_s(&self) -> f64 {
        let files = fs::read_dir(&self.folder).expect("the folder").flatten();
        let heard = files.filter(|file| file.file_name().to_string_lossy().ends_with("-dec.wav"));
        let bytes = heard
            .filter_map(|file| Some(file.metadata().ok()?.len()))
            .max()
            .unwrap_or(0);
        bytes as f64 / (2 * RATE) as f64
    }

    /// Waits until there is as much in the recording.
    fn hears_until(&self, seconds: f64) {
        eventually("baresip records", || {
            let now = self.heard_s();
            (now >= seconds)
                .then_some(())
                .ok_or_else(|| format!("{now} s of {seconds}"))
        });
    }

    fn step(&self, switch: &Switch, step: &str) -> Value {
        switch.ask(
            "POST",
            &format!("/api/twilio-sip/{step}"),
            json!({"callId": self.id}),
        )
    }
}

#[test]
#[ignore = "needs baresip and build/venv, takes a minute; make test runs it"]
fn two_telephones_wait_with_music_and_talk_on_air() {
    let pesq = heard_well(&Switch::start(&[]), [&[], &[]]);
    println!("PESQ of a caller on air in another caller's ear: {pesq}");
}

#[test]
#[ignore = "needs baresip and build/venv, takes a minute; make test runs it"]
fn two_encrypted_telephones_wait_with_music_and_talk_on_air() {
    let file = "[[trunk]]\nname = \"studio\"\nprofile = \"pbx\"\nallow = \"loopback\"\nsrtp = \"required\"\nsrtp_needs_tls = false\n";
    let switch = Switch::start_with_file(file, &[]);
    let encryption: [&[&str]; 2] = [&["--mediaenc", "srtp-mand"], &["--mediaenc", "srtp"]];
    let pesq = heard_well(&switch, encryption);
    println!("PESQ of an encrypted caller in another's ear: {pesq}");
    for kind in ["unauthentic", "replayed"] {
        let none = format!("audioroad_rtp_damage_total{{kind=\"{kind}\"}} 0\n");
        eventually("the calls are counted", || {
            let metrics = switch.metrics();
            metrics.contains(&none).then_some(()).ok_or(metrics)
        });
    }
}

/// The PESQ of one telephone in the other's ear, which is good.
fn heard_well(switch: &Switch, encryption: [&[&str]; 2]) -> f64 {
    switch.go_live();
    let mut scores = Vec::new();
    while scores.len() < TRIES {
        let pesq = wait_and_talk(switch, encryption);
        if pesq >= PESQ_MIN {
            return pesq;
        }
        scores.push(pesq);
    }
    panic!("PESQ is {scores:?}");
}

/// Two telephones through a whole call; the PESQ of the one in the other's ear.
fn wait_and_talk(switch: &Switch, encryption: [&[&str]; 2]) -> f64 {
    let folder = TempDir::new().expect("a temporary folder");
    let speech = speech();
    let mut said = vec![0.0; LEAD_S * RATE];
    said.extend(&speech);
    said.resize(said.len() + RATE, 0.0);
    let quiet = vec![0.0; said.len() + 2 * RATE];
    let listener = Telephone::call(
        switch,
        &folder.path().join("listener"),
        "+15550100360",
        encryption[0],
        &quiet,
    );
    let speaker = Telephone::call(
        switch,
        &folder.path().join("speaker"),
        "+15550100361",
        encryption[1],
        &said,
    );

    let phones = [&listener, &speaker];
    let lobby = listen(phones, WAITS_S);
    for phone in phones {
        phone.step(switch, "move-to-screening");
        phone.step(switch, "move-to-hold");
    }
    let hold = listen(phones, WAITS_S);
    let on_air = phones.map(|phone| phone.step(switch, "move-to-live"));
    let since = |row: &Value, field: &str| row[field].as_i64().expect("a time");
    let lead_ms = since(&on_air[1], "onAirAt") - since(&on_air[1], "answeredAt");
    assert!(
        lead_ms < LEAD_S as i64 * 1000,
        "both were on air too late: {lead_ms} ms"
    );

    let names = ["the listener", "the speaker"];
    let recordings = [listener, speaker].map(|phone| {
        let said = phone.process.succeed();
        assert_eq!(said["established"], true, "{said}");
        text(&said["heard"])
    });
    for (at, recording) in recordings.iter().enumerate() {
        is_filled(&format!("{} in the lobby", names[at]), recording, lobby[at]);
        is_filled(&format!("{} on hold", names[at]), recording, hold[at]);
    }
    let source = folder.path().join("speech.wav");
    write_wav(&source, &speech);
    let score = run("score.py", &[&source.display().to_string(), &recordings[0]]);
    score["pesq"].as_f64().expect("a score")
}

/// Waits until both have heard so much more at the same time; gives where it begins and ends in their recordings.
fn listen(phones: [&Telephone; 2], seconds: f64) -> [(f64, f64); 2] {
    let spans = phones
        .map(|phone| phone.heard_s())
        .map(|from| (from, from + seconds));
    for (phone, (_, to)) in phones.iter().zip(spans) {
        phone.hears_until(to);
    }
    spans
}

/// What was heard between two points of a recording is sound, with pauses no longer than between two prompts.
fn is_filled(what: &str, recording: &str, (from, to): (f64, f64)) {
    let (from, to) = (from.to_string(), to.to_string());
    let heard = run(
        "audio.py",
        &["hear", recording, "--from", &from, "--to", &to],
    );
    assert!(
        heard["level_dbfs"].as_f64().expect("a level") > SOUND_DBFS,
        "{what}: {heard}"
    );
    assert!(
        heard["longest_silence_ms"].as_u64().expect("a time") <= PAUSE_MS_MAX,
        "{what}: {heard}"
    );
}

/// A caller's monologue, from the demonstration.
fn speech() -> Vec<f32> {
    let callers = demo_callers().expect("the monologues decode");
    let longest = callers
        .iter()
        .max_by_key(|prompt| prompt.frames())
        .expect("there are some");
    let frame = |n| Some(Law::Mu.decode_frame(longest.frame(n, Law::Mu)?));
    let frames = longest.frames().min(SPEECH_S_MAX * RATE / NB_FRAME);
    (0..frames).filter_map(frame).flatten().collect()
}
