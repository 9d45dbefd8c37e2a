//! `speech × codec × path × player → WAV files and a line of JSON each`, in virtual time: the program under `make sound`.
//!
//!     cargo run --example sound -- OUT SPEECH.wav     writes OUT/*.wav and OUT/heard.jsonl
//!
//! `scripts/sound` makes the speech before and scores the files after.

#![expect(clippy::print_stdout, reason = "it is a program for the command line")]

mod codec;
mod player;
mod trace;
mod wav;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use audioroad::actors::clock;

use codec::Codec;
use player::Player;
use trace::Dice;

/// Every run is the same.
const SEED: u64 = 20;
/// A room is never quite silent: -66 dBFS of noise.
const ROOM: f32 = 0.0005;
/// Fixed buffers that the adaptive one is beside, in ms.
const FIXED_MS: [u32; 10] = [20, 30, 40, 50, 60, 80, 100, 120, 140, 160];

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [out, speech, only @ ..] = args.as_slice() else {
        bail!("usage: sound OUT SPEECH.wav [PATH...]");
    };
    let out = Path::new(out);
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let (rate_hz, mut speech) = wav::read(Path::new(speech))?;
    let mut dice = Dice(SEED);
    for sample in &mut speech {
        *sample += ROOM * dice.normal() as f32;
    }
    wav::write(&out.join(format!("said-{rate_hz}.wav")), rate_hz, &speech)?;
    let mut lines = String::new();
    for codec in Codec::ALL.into_iter().filter(|codec| codec.rate_hz() == rate_hz) {
        let packets = codec.packets(&speech);
        let ceiling = codec.ceiling(&packets);
        wav::write(&out.join(format!("{}.wav", codec.name())), rate_hz, &ceiling)?;
        for (number, path) in trace::Path::ALL.iter().enumerate() {
            if !only.is_empty() && !only.iter().any(|name| name == path.name) {
                continue;
            }
            let arrivals = path.arrivals(packets.len(), SEED + number as u64);
            for player in players(codec) {
                let heard = player.play(clock::now(), codec, path, &packets, &arrivals);
                let file = format!("{}-{}-{}.wav", codec.name(), path.name, player.name());
                let file = file.replace([' ', '%', '+'], "_");
                wav::write(&out.join(&file), rate_hz, &heard.samples)?;
                writeln!(
                    lines,
                    r#"{{"codec":"{}","path":"{}","player":"{}","file":"{file}","delay_ms":{:.1},"concealed_ms":{:.0}}}"#,
                    codec.name(), path.name, player.name(), heard.delay_ms, heard.concealed_ms,
                )?;
            }
        }
    }
    fs::write(out.join("heard.jsonl"), &lines)?;
    println!("{} files in {}", lines.lines().count(), out.display());
    Ok(())
}

/// A second law behaves like the first: it is put through the whole table, but not through every buffer.
fn players(codec: Codec) -> Vec<Player> {
    let mut players = vec![
        Player::Adaptive,
        Player::Fixed { ms: 60, conceals: false },
    ];
    match codec {
        Codec::Pcmu => {
            players.extend(FIXED_MS.map(|ms| Player::Fixed { ms, conceals: true }));
        }
        Codec::Pcma => players.push(Player::Fixed { ms: 60, conceals: true }),
    }
    players
}
