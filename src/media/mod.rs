//! Everything audible, without a socket, a clock or a task in it.
//!
//! ```text
//! caller → air   datagram → (SRTP) → latch → jitter, decode (conceal) → voice chain → mix (duck) → program
//! air → caller   browser Opus → decode → mix → sum minus self → limiter → encode → datagram
//! hold           mix → limiter → encode once per room and codec → the same bytes to every listener
//! ```
//!
//! One thread owns one [`MediaTable`]; calls and rooms hold its Copy keys. Time comes in as
//! `now`, packets through [`MediaIo`], and the whole show runs in virtual time under test.

pub mod asset;
pub mod browser;
pub mod codec;
mod denoise;
pub mod dsp;
pub mod dtmf;
mod ear;
pub mod feed;
pub mod g711;
pub mod g722;
mod inbound;
pub mod jitter;
pub mod latch;
mod leg;
mod mix;
mod music;
pub mod opus;
mod pcm;
pub mod plc;
mod program;
pub mod quality;
mod ramp;
pub mod resample;
pub mod rtcp;
pub mod rtp;
mod rtp_side;
mod shared;
pub mod srtp;
pub mod stats;
pub mod stream;
pub mod table;
pub mod tone;
mod voice;

pub use table::{
    Datagram, LegChange, LegKey, LegSpec, MediaError, MediaEvent, MediaIo, MediaSettings,
    MediaTable, Place, RoomKey, SourceKey, VoiceKey,
};

/// Samples in one frame on the narrow-band side (8 kHz).
pub const NB_FRAME: usize = 160;
/// Samples in one frame on the full-band side (48 kHz).
pub const FB_FRAME: usize = 960;
/// Samples in one frame on the wide-band side (16 kHz).
pub const WB_FRAME: usize = 320;
/// Length of a frame: the beat of the whole switch.
pub const FRAME_MS: u64 = 20;

/// 20 ms of mono at 8 kHz, samples in ±1.0.
pub type NbFrame = [f32; NB_FRAME];
/// 20 ms of mono at 16 kHz, samples in ±1.0.
pub type WbFrame = [f32; WB_FRAME];
/// 20 ms of mono at 48 kHz, samples in ±1.0.
pub type FbFrame = [f32; FB_FRAME];

/// Where virtual time begins in tests.
#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "an Instant comes from nowhere else"
)]
fn test_epoch() -> std::time::Instant {
    std::time::Instant::now()
}
