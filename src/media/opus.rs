//! Opus at the browser edge: `caller frame (8 kHz) → CallerEncoder → OpusPacket → ring → browser`
//! and `browser → ring → OpusPacket → BrowserDecoder → frame (48 kHz)`.
//!
//! A telephone caller is encoded at the 8 kHz the telephone gave us: nothing is lost and the
//! encoder costs a tenth of what the same voice costs at 48 kHz. Packets live in a fixed buffer,
//! so that the rings between the network thread and the media thread never touch the heap.

pub mod phone;

use audiopus::coder::{Decoder, Encoder};
use audiopus::packet::Packet;
use audiopus::{Application, Bitrate, Channels, MutSignals, SampleRate, Signal};
use thiserror::Error;

use super::FB_FRAME;
use super::codec::Band;

/// The largest Opus packet that holds one frame, in bytes (RFC 6716 section 3.4).
pub const OPUS_PAYLOAD_MAX: usize = 1275;

/// The longest audio one packet may carry: 120 ms at 48 kHz (RFC 6716 section 3.2.5).
const DECODED_MAX: usize = 5760;

/// RTP time per 20 ms frame; Opus counts at 48 kHz whatever it was fed with (RFC 7587 section 4.1).
const TIMESTAMP_PER_FRAME: u32 = 960;

/// Why a packet was not encoded, decoded or accepted.
#[derive(Debug, Error)]
pub enum OpusError {
    /// The payload is empty or longer than [`OPUS_PAYLOAD_MAX`].
    #[error("an Opus payload of {0} bytes; 1 to {OPUS_PAYLOAD_MAX} are allowed")]
    PayloadLength(usize),
    /// libopus refused to build a coder, or refused the packet.
    #[error("Opus: {0}")]
    Codec(#[from] audiopus::Error),
}

/// One Opus frame on its way between the network thread and the media thread.
#[derive(Debug, Clone)]
pub struct OpusPacket {
    /// Position in the stream, without wrap-around: a lost packet is a missing number.
    pub seq: u64,
    /// RTP timestamp at 48 kHz; wraps.
    pub timestamp: u32,
    /// The encoded audio.
    pub payload: OpusPayload,
    /// Loudness of the frame in dBov, 0 (full scale) to -127 (silence), as RFC 6464 carries it
    /// (there without the sign). `None` when the sender does not say.
    pub level_dbov: Option<i8>,
}

/// Up to [`OPUS_PAYLOAD_MAX`] bytes, held in place.
#[derive(Clone)]
pub struct OpusPayload {
    bytes: [u8; OPUS_PAYLOAD_MAX],
    len: u16,
}

impl OpusPayload {
    /// The encoded bytes; never empty.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl TryFrom<&[u8]> for OpusPayload {
    type Error = OpusError;

    fn try_from(payload: &[u8]) -> Result<Self, OpusError> {
        let refused = OpusError::PayloadLength(payload.len());
        let Ok(len) = u16::try_from(payload.len()) else {
            return Err(refused);
        };
        let mut bytes = [0; OPUS_PAYLOAD_MAX];
        match bytes.get_mut(..payload.len()) {
            Some(space) if len > 0 => space.copy_from_slice(payload),
            _ => return Err(refused),
        }
        Ok(Self { bytes, len })
    }
}

impl std::fmt::Debug for OpusPayload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OpusPayload({} bytes)", self.len)
    }
}

/// How callers' voices are encoded for browsers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallerOpus {
    /// Bits per second, 6000 to 64,000. At 8 kHz input the default is as good as the telephone
    /// codec itself. A caller at 16 kHz gets half as many on top, up to the same limit.
    pub bitrate: i32,
    /// Effort of the encoder, 0 to 10. More than 0 is hardly heard on a telephone voice.
    pub complexity: u8,
}

impl Default for CallerOpus {
    fn default() -> Self {
        Self {
            bitrate: 24_000,
            complexity: 0,
        }
    }
}

/// Encodes one caller's voice, at 8 or 16 kHz, for the browsers of a room.
#[derive(Debug)]
pub struct CallerEncoder {
    encoder: Encoder,
    seq: u64,
    timestamp: u32,
}

impl CallerEncoder {
    /// An encoder whose first packet has sequence 0 and timestamp 0.
    ///
    /// # Errors
    /// When libopus cannot build the encoder (out of memory), or refuses the settings.
    pub fn new(how: CallerOpus) -> Result<Self, OpusError> {
        Self::of(how, Band::Narrow)
    }

    /// The same for a voice of this band.
    ///
    /// # Errors
    /// The same.
    pub fn of(how: CallerOpus, band: Band) -> Result<Self, OpusError> {
        Ok(Self {
            encoder: encoder(how, band)?,
            seq: 0,
            timestamp: 0,
        })
    }

    /// Goes on with a voice of another band. Opus packets say themselves how wide they are.
    ///
    /// # Errors
    /// When libopus cannot build the encoder (out of memory).
    pub fn change(&mut self, how: CallerOpus, band: Band) -> Result<(), OpusError> {
        self.encoder = encoder(how, band)?;
        Ok(())
    }

    /// Encodes one frame, 20 ms at the band's rate. Samples beyond ±1.0 are legal and clipped by the codec.
    ///
    /// # Errors
    /// When libopus refuses the frame; time moves on all the same.
    pub fn encode(&mut self, frame: &[f32]) -> Result<OpusPacket, OpusError> {
        let (seq, timestamp) = (self.seq, self.timestamp);
        self.seq = self.seq.wrapping_add(1);
        self.skip(1);
        let mut bytes = [0; OPUS_PAYLOAD_MAX];
        let written = self.encoder.encode_float(frame, &mut bytes)?;
        let len = u16::try_from(written).map_err(|_| OpusError::PayloadLength(written))?;
        let payload = OpusPayload { bytes, len };
        Ok(OpusPacket {
            seq,
            timestamp,
            payload,
            level_dbov: Some(level_dbov(frame)),
        })
    }

    /// Lets `frames` frames of time pass without a packet, after a stall of the clock.
    pub fn skip(&mut self, frames: u32) {
        self.timestamp = self
            .timestamp
            .wrapping_add(frames.wrapping_mul(TIMESTAMP_PER_FRAME));
    }
}

fn encoder(how: CallerOpus, band: Band) -> Result<Encoder, OpusError> {
    let (rate, bitrate) = match band {
        Band::Narrow => (SampleRate::Hz8000, how.bitrate),
        Band::Wide => (
            SampleRate::Hz16000,
            (how.bitrate + how.bitrate / 2).min(64_000),
        ),
    };
    let mut encoder = Encoder::new(rate, Channels::Mono, Application::Voip)?;
    encoder.set_bitrate(Bitrate::BitsPerSecond(bitrate))?;
    encoder.set_complexity(how.complexity)?;
    encoder.set_signal(Signal::Voice)?;
    Ok(encoder)
}

/// RMS level of samples in ±1.0 as RFC 6464 measures it: 0 dBov is a full-scale square wave.
#[must_use]
pub fn level_dbov(samples: &[f32]) -> i8 {
    let square_sum: f32 = samples.iter().map(|x| x * x).sum();
    let mean_square = square_sum / samples.len().max(1) as f32;
    // `max` also turns the NaN of a broken input into silence; the cast saturates.
    (10.0 * mean_square.max(1e-13).log10())
        .clamp(-127.0, 0.0)
        .round() as i8
}

/// Decodes a browser's Opus to 48 kHz mono (stereo is mixed down by the codec).
pub struct BrowserDecoder {
    decoder: Decoder,
    samples: Box<[f32; DECODED_MAX]>,
}

impl BrowserDecoder {
    /// A decoder that has heard nothing yet.
    ///
    /// # Errors
    /// When libopus cannot build the decoder (out of memory).
    pub fn new() -> Result<Self, OpusError> {
        let decoder = Decoder::new(SampleRate::Hz48000, Channels::Mono)?;
        Ok(Self {
            decoder,
            samples: Box::new([0.0; DECODED_MAX]),
        })
    }

    /// Decodes a packet: 960 samples for the usual 20 ms, 120 to 5760 for other packet times.
    ///
    /// # Errors
    /// When the payload is not Opus. The decoder stays usable: conceal instead.
    pub fn decode(&mut self, payload: &[u8]) -> Result<&[f32], OpusError> {
        self.run(Some(payload), DECODED_MAX, false)
    }

    /// Makes up one 20 ms frame for a packet that is lost without trace.
    ///
    /// # Errors
    /// None in practice; libopus reports through the same door.
    pub fn conceal(&mut self) -> Result<&[f32], OpusError> {
        self.run(None, FB_FRAME, false)
    }

    /// Recovers a lost 20 ms frame from `next`, the packet after it, by the copy which in-band
    /// FEC put there (RFC 6716 section 2.1.7); conceals when it holds none. Decode `next`
    /// itself afterwards.
    ///
    /// # Errors
    /// When `next` is not Opus.
    pub fn decode_fec(&mut self, next: &[u8]) -> Result<&[f32], OpusError> {
        self.run(Some(next), FB_FRAME, true)
    }

    fn run(&mut self, payload: Option<&[u8]>, room: usize, fec: bool) -> Result<&[f32], OpusError> {
        let packet = payload.map(Packet::try_from).transpose()?;
        let space = self.samples.get_mut(..room).unwrap_or_default();
        let count = self
            .decoder
            .decode_float(packet, MutSignals::try_from(space)?, fec)?;
        Ok(self.samples.get(..count).unwrap_or_default())
    }
}

impl std::fmt::Debug for BrowserDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BrowserDecoder").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
