//! Sound files for those who play them.

use std::fs;
use std::path::Path;

/// Samples a second.
const RATE: u32 = 8000;

/// Writes 16-bit mono PCM of 8 kHz.
pub(crate) fn write_wav(path: &Path, samples: &[f32]) {
    let bytes = u32::try_from(2 * samples.len()).expect("a short recording");
    let mut wav = Vec::new();
    wav.extend(b"RIFF");
    wav.extend((36 + bytes).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16_u32.to_le_bytes());
    wav.extend([1_u16, 1].map(u16::to_le_bytes).concat());
    wav.extend([RATE, 2 * RATE].map(u32::to_le_bytes).concat());
    wav.extend([2_u16, 16].map(u16::to_le_bytes).concat());
    wav.extend(b"data");
    wav.extend(bytes.to_le_bytes());
    wav.extend(
        samples
            .iter()
            .flat_map(|sample| ((sample * 32_767.0) as i16).to_le_bytes()),
    );
    fs::write(path, wav).expect("a file");
}
