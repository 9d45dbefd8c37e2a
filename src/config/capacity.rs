//! How many calls are taken, and how long a shutdown waits for those that are up.

use std::time::Duration;

use crate::config::source::{ConfigError, Source};

/// Limits of what the switch takes on.
#[derive(Clone, Copy, Debug)]
pub struct CapacityConfig {
    /// Calls at once (`MAX_CALLS`).
    pub calls_max: Option<usize>,
    /// New calls a second (`MAX_CALLS_PER_SECOND`).
    pub calls_per_second_max: u32,
    /// Share of one core, in percent, above which an audio thread takes no more calls; 0: any (`OVERLOAD_CPU_PERCENT`).
    pub cpu_percent_max: u8,
    /// Lateness of the audio tick above which no more calls are taken; zero: any (`OVERLOAD_LATENESS_MS`).
    pub lateness_max: Duration,
    /// How long a shutdown waits for calls to end by themselves (`DRAIN_SECONDS`).
    pub drain: Duration,
}

impl CapacityConfig {
    pub(super) fn read(source: &Source) -> Result<Self, ConfigError> {
        const DAY_S: u64 = 24 * 3600;
        let calls_max: Option<usize> = source.optional("MAX_CALLS")?;
        if calls_max == Some(0) {
            return Err(ConfigError::new("MAX_CALLS", "must be 1 or more"));
        }
        let calls_per_second_max = source.parsed("MAX_CALLS_PER_SECOND", 1_000)?;
        if calls_per_second_max == 0 {
            return Err(ConfigError::new(
                "MAX_CALLS_PER_SECOND",
                "must be 1 or more",
            ));
        }
        let cpu_percent_max = source.parsed("OVERLOAD_CPU_PERCENT", 85)?;
        if cpu_percent_max > 100 {
            return Err(ConfigError::new("OVERLOAD_CPU_PERCENT", "must be 0 to 100"));
        }
        let drain_s: u64 = source.parsed("DRAIN_SECONDS", 600)?;
        if drain_s > DAY_S {
            return Err(ConfigError::new("DRAIN_SECONDS", "must be 86400 at most"));
        }
        Ok(Self {
            calls_max,
            calls_per_second_max,
            cpu_percent_max,
            lateness_max: Duration::from_millis(source.parsed("OVERLOAD_LATENESS_MS", 20)?),
            drain: Duration::from_secs(drain_s),
        })
    }
}
