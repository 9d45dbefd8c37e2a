//! Telephone audio.

use std::{fmt::Display, ops::RangeInclusive, path::PathBuf, str::FromStr};

use crate::config::source::{ConfigError, Source};

/// RTP ports, prompts, threads.
#[derive(Clone, Debug)]
pub struct MediaConfig {
    /// First and last UDP port of telephone audio, both included (`RTP_PORT_RANGE`).
    pub rtp_ports: (u16, u16),
    /// A line without audio is hung up after so many seconds (`RTP_TIMEOUT_SECONDS`).
    pub rtp_timeout_seconds: u32,
    /// Threads that carry audio; 0 = one, two from four cores on (`MEDIA_THREADS`).
    pub threads: usize,
    /// Bits per second of a caller's voice towards browsers (`OPUS_BITRATE`).
    pub opus_bitrate: i32,
    /// Effort of the encoder of callers' voices, 0 to 10 (`OPUS_COMPLEXITY`).
    pub opus_complexity: u8,
    /// How far callers go down under the hosts, in dB (`DUCK_DB`), and how (`DUCK_ATTACK_MS`, `DUCK_HOLD_MS`,
    /// `DUCK_RELEASE_MS`).
    pub ducking: DuckingConfig,
    /// How loud the program should be, in LUFS (`LOUDNESS_TARGET`).
    pub loudness_target: i16,
    /// Noise is taken out of callers' lines unless the desk says otherwise (`DENOISE`).
    pub denoise: bool,
    /// The station's own greeting, music and prompts (`PROMPTS_DIR`).
    pub prompts_dir: Option<PathBuf>,
}

/// How callers go down under the hosts.
#[derive(Clone, Copy, Debug)]
pub struct DuckingConfig {
    /// In dB; 0: not at all.
    pub depth_db: u16,
    /// Until they are down, in ms.
    pub attack_ms: u16,
    /// How long a host may pause, in ms.
    pub hold_ms: u16,
    /// Until they are back, in ms.
    pub release_ms: u16,
}

impl DuckingConfig {
    fn read(source: &Source) -> Result<Self, ConfigError> {
        Ok(Self {
            depth_db: within(source, "DUCK_DB", 9, 0..=40)?,
            attack_ms: within(source, "DUCK_ATTACK_MS", 60, 20..=2000)?,
            hold_ms: within(source, "DUCK_HOLD_MS", 500, 0..=10_000)?,
            release_ms: within(source, "DUCK_RELEASE_MS", 800, 20..=10_000)?,
        })
    }
}

impl MediaConfig {
    pub(super) fn read(source: &Source) -> Result<Self, ConfigError> {
        let range = source
            .text("RTP_PORT_RANGE")
            .unwrap_or_else(|| "10000-20000".into());
        let ports = range.split_once('-').and_then(|(first, last)| {
            let (first, last) = (
                first.trim().parse::<u16>().ok()?,
                last.trim().parse::<u16>().ok()?,
            );
            (first >= 1024 && last > first).then_some((first, last))
        });
        let rtp_ports = ports.ok_or_else(|| {
            ConfigError::new("RTP_PORT_RANGE", "must be FIRST-LAST, such as 10000-20000")
        })?;
        Ok(Self {
            rtp_ports,
            rtp_timeout_seconds: source.parsed("RTP_TIMEOUT_SECONDS", 15)?,
            threads: source.parsed("MEDIA_THREADS", 0)?,
            opus_bitrate: within(source, "OPUS_BITRATE", 24_000, 6_000..=64_000)?,
            opus_complexity: within(source, "OPUS_COMPLEXITY", 0, 0..=10)?,
            ducking: DuckingConfig::read(source)?,
            loudness_target: within(source, "LOUDNESS_TARGET", -16, -36..=-9)?,
            denoise: source.parsed("DENOISE", false)?,
            prompts_dir: source.text("PROMPTS_DIR").map(PathBuf::from),
        })
    }
}

fn within<T>(
    source: &Source,
    name: &str,
    default: T,
    range: RangeInclusive<T>,
) -> Result<T, ConfigError>
where
    T: FromStr<Err: Display> + PartialOrd + Display,
{
    let value = source.parsed(name, default)?;
    if range.contains(&value) {
        return Ok(value);
    }
    let (first, last) = range.into_inner();
    Err(ConfigError::new(name, format!("must be {first} to {last}")))
}
