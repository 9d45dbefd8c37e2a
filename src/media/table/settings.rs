//! What a station may set about its media.

use std::time::Duration;

use crate::media::dsp::Ducking;
use crate::media::feed::PositionRhythm;
use crate::media::opus::CallerOpus;

/// Settings of one table; the defaults suit a telephone line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaSettings {
    /// Silence after which a leg that has been heard is given up.
    pub rtp_timeout: Duration,
    /// The same before its first packet.
    pub rtp_timeout_first: Duration,
    /// Least delay of a caller's jitter buffer, 0 to 400 ms; the buffer itself finds out what a line needs.
    pub jitter_ms_min: u16,
    /// Take hum and rumble out of callers' voices.
    pub high_pass: bool,
    /// Turn a caller's line down while the caller says nothing.
    pub gate: bool,
    /// Bring callers to an even loudness.
    pub agc: bool,
    /// How callers go down while a host speaks.
    pub ducking: Ducking,
    /// How often a waiting caller is told the place in line.
    pub position: PositionRhythm,
    /// How callers' voices are encoded for browsers.
    pub caller_opus: CallerOpus,
}

impl Default for MediaSettings {
    fn default() -> Self {
        Self {
            rtp_timeout: Duration::from_secs(15),
            rtp_timeout_first: Duration::from_secs(30),
            jitter_ms_min: 0,
            high_pass: true,
            gate: true,
            agc: true,
            ducking: Ducking::default(),
            position: PositionRhythm::default(),
            caller_opus: CallerOpus::default(),
        }
    }
}
