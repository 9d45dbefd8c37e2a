//! WAV files with 16-bit samples and one channel, as sox writes them.

use std::fs;
use std::io;
use std::path::Path;

/// Samples in ±1.0 and their rate.
pub(crate) fn read(path: &Path) -> io::Result<(u32, Vec<f32>)> {
    let bytes = fs::read(path)?;
    let word = |at: usize| {
        bytes
            .get(at..at + 4)
            .map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    };
    let bad = |why: &str| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{}: {why}", path.display()),
        )
    };
    if bytes.get(8..12) != Some(b"WAVE") || word(20) != 0x0001_0001 || word(32) != 0x0010_0002 {
        return Err(bad("16-bit mono is expected"));
    }
    let mut at = 12;
    while at + 8 <= bytes.len() {
        let len = word(at + 4) as usize;
        if &bytes[at..at + 4] == b"data" {
            let data = bytes
                .get(at + 8..at + 8 + len)
                .ok_or_else(|| bad("cut short"))?;
            let samples = data
                .chunks_exact(2)
                .map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32768.0);
            return Ok((word(24), samples.collect()));
        }
        at += 8 + len + len % 2;
    }
    Err(bad("no samples"))
}

/// Samples beyond ±1.0 saturate.
pub(crate) fn write(path: &Path, rate_hz: u32, samples: &[f32]) -> io::Result<()> {
    let len = samples.len() as u32 * 2;
    let mut bytes = Vec::with_capacity(44 + samples.len() * 2);
    bytes.extend_from_slice(b"RIFF");
    bytes.extend_from_slice(&(36 + len).to_le_bytes());
    bytes.extend_from_slice(b"WAVEfmt ");
    for word in [16, 0x0001_0001, rate_hz, rate_hz * 2, 0x0010_0002] {
        bytes.extend_from_slice(&u32::to_le_bytes(word));
    }
    bytes.extend_from_slice(b"data");
    bytes.extend_from_slice(&len.to_le_bytes());
    for sample in samples {
        bytes.extend_from_slice(&((sample * 32768.0).round() as i16).to_le_bytes());
    }
    fs::write(path, bytes)
}
