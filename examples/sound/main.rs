//! `speech × codec × path × player → WAV files and a line of JSON each`, in virtual time: the program under `make sound`.
//!
//!     cargo run --example sound -- OUT SPEECH.wav     writes OUT/*.wav and adds to OUT/heard.jsonl
//!
//! `scripts/sound` makes the speech before and scores the files after.

#![expect(clippy::print_stdout, reason = "it is a program for the command line")]

mod codec;
mod player;
mod trace;
mod wav;

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use audioroad::actors::clock;

use codec::Codec;
use player::{Call, Player};
use trace::Dice;

/// Every run is the same. Each path is gone twice, with other dice and the switch's frames elsewhere between the packets.
const RUNS: [(u64, f64); 2] = [(20, 13.0), (40, 6.0)];
/// A room is never quite silent: -66 dBFS of noise.
const ROOM: f32 = 0.0005;
/// Fixed buffers that the adaptive one is beside on some paths, in ms.
const SWEPT: [&str; 6] = ["clean", "DSL", "Wi-Fi", "LTE", "loss 3.5 %", "bursts 5 %"];
const FRAMED_MS: [u32; 8] = [0, 20, 40, 60, 80, 100, 120, 140];

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [out, speech, only @ ..] = args.as_slice() else {
        bail!("usage: sound OUT SPEECH.wav [PATH...]");
    };
    let out = Path::new(out);
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let (rate_hz, mut speech) = wav::read(Path::new(speech))?;
    let mut dice = Dice(1);
    for sample in &mut speech {
        *sample += ROOM * dice.normal() as f32;
    }
    wav::write(&out.join(format!("said-{rate_hz}.wav")), rate_hz, &speech)?;
    let mut lines = String::new();
    for codec in Codec::ALL
        .into_iter()
        .filter(|codec| codec.rate_hz() == rate_hz)
    {
        let packets = codec.packets(&speech)?;
        let ceiling = codec.ceiling(&packets)?;
        wav::write(
            &out.join(format!("{}.wav", codec.name())),
            rate_hz,
            &ceiling,
        )?;
        let paths = trace::Path::ALL.iter().enumerate();
        for (number, path) in
            paths.filter(|(_, path)| only.is_empty() || only.iter().any(|name| name == path.name))
        {
            for (seed, phase_ms) in RUNS.into_iter().take(runs(codec)) {
                let arrivals = path.arrivals(packets.len(), seed + number as u64);
                let call = Call {
                    codec,
                    path,
                    packets: &packets,
                    arrivals: &arrivals,
                    phase_ms,
                };
                for player in players(codec, path) {
                    lines += &record(out, &call, player, seed)?;
                }
            }
        }
    }
    let mut file = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(out.join("heard.jsonl"))?;
    file.write_all(lines.as_bytes())?;
    println!("{} files in {}", lines.lines().count(), out.display());
    Ok(())
}

/// Plays one call out, to a file of its own; what is to be known about it as a line of JSON.
fn record(out: &Path, call: &Call<'_>, player: Player, seed: u64) -> Result<String> {
    let heard = player.play(clock::now(), call)?;
    let (codec, path, name) = (call.codec.name(), call.path.name, player.name());
    let file = format!("{codec}-{path}-{name}-{seed}.wav").replace([' ', '%', '+'], "_");
    let rate_hz = call.codec.rate_hz();
    wav::write(&out.join(&file), rate_hz, &heard.samples)?;
    let (delay_ms, concealed_ms) = (heard.delay_ms, heard.concealed_ms);
    Ok(format!(
        "{{\"codec\":\"{codec}\",\"rate_hz\":{rate_hz},\"path\":\"{path}\",\"player\":\"{name}\",\"file\":\"{file}\",\
         \"delay_ms\":{delay_ms:.1},\"concealed_ms\":{concealed_ms:.0}}}\n"
    ))
}

/// See [`players`].
fn runs(codec: Codec) -> usize {
    match codec {
        Codec::Pcmu => RUNS.len(),
        Codec::Pcma | Codec::G722 | Codec::Opus => 1,
    }
}

fn players(codec: Codec, path: &trace::Path) -> Vec<Player> {
    let fixed = |conceals| Player::Fixed { ms: 60, conceals };
    let mut players = vec![Player::Adaptive, fixed(false), fixed(true)];
    // Every buffer takes its time to score: a second law behaves like the first, and so do most paths.
    if codec == Codec::Pcmu && SWEPT.contains(&path.name) {
        players.extend(FRAMED_MS.map(|ms| Player::Framed { ms }));
    }
    players
}
