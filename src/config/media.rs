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
    /// The station's own greeting, music and prompts (`PROMPTS_DIR`).
    pub prompts_dir: Option<PathBuf>,
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
