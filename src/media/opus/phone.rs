//! Opus on the phone leg: mono at 16 kHz, which is as wide as a telephone gets, both ways.
//!
//! The coder is held to CELT without prediction: hardly any frame of it leans on the one before, so whoever hears one
//! coder may go over to another at any frame without a click, and a lost packet spoils no other
//! (docs/decisions/0019). It is also the cheapest there is.

use audiopus::coder::{Decoder, Encoder};
use audiopus::packet::{self, Packet};
use audiopus::{Application, Bitrate, Channels, MutSignals, SampleRate, Signal};

use super::OpusError;
use crate::media::WbFrame;
use crate::media::codec::Payload;

/// Bits per second that we send, and ask for in SDP.
pub const PHONE_BITRATE: u32 = 40_000;
/// Effort of the coder, 0 to 10.
const COMPLEXITY: u8 = 3;
/// Ticks of 1/8 ms in the shortest frame there is, 2.5 ms: everything is a multiple of it.
pub const GRAIN: usize = 20;
/// Ticks in the longest packet, 120 ms.
pub const TICKS_MAX: usize = 960;

/// Ticks of 1/8 ms in a packet, from its first octets (RFC 6716 section 3.1); `None` when it is no Opus.
#[must_use]
pub fn ticks(payload: &[u8]) -> Option<usize> {
    let payload = Packet::try_from(payload).ok()?;
    let ticks = packet::nb_samples(payload, SampleRate::Hz8000).ok()?;
    (GRAIN..=TICKS_MAX).contains(&ticks).then_some(ticks)
}

/// Decodes one caller, and stands in for what is lost.
pub struct PhoneDecoder(Decoder);

impl PhoneDecoder {
    /// A decoder that has heard nothing yet.
    ///
    /// # Errors
    /// When libopus cannot build the decoder (out of memory).
    pub fn new() -> Result<Self, OpusError> {
        Ok(Self(Decoder::new(SampleRate::Hz16000, Channels::Mono)?))
    }

    /// Decodes a packet to the beginning of `samples`; gives how many there are.
    ///
    /// # Errors
    /// When the payload is not Opus or longer than `samples`. The decoder stays usable.
    pub fn decode(&mut self, payload: &[u8], samples: &mut [f32]) -> Result<usize, OpusError> {
        self.run(Some(payload), samples, false)
    }

    /// Makes up all of `samples`, a multiple of 2.5 ms up to 120 ms.
    ///
    /// # Errors
    /// When the length is none of these.
    pub fn conceal(&mut self, samples: &mut [f32]) -> Result<usize, OpusError> {
        self.run(None, samples, false)
    }

    /// Recovers all of `samples`, a multiple of 2.5 ms up to 120 ms that was lost right before the packet `next`: its
    /// end from the copy which in-band FEC put there (RFC 6716 section 2.1.7), the rest made up. Decode `next` afterwards.
    ///
    /// # Errors
    /// When `next` is not Opus, or the length is none of these.
    pub fn recover(&mut self, next: &[u8], samples: &mut [f32]) -> Result<usize, OpusError> {
        self.run(Some(next), samples, true)
    }

    fn run(
        &mut self,
        payload: Option<&[u8]>,
        samples: &mut [f32],
        fec: bool,
    ) -> Result<usize, OpusError> {
        let payload = payload.map(Packet::try_from).transpose()?;
        let space = MutSignals::try_from(&mut *samples)?;
        let len = self.0.decode_float(payload, space, fec)?;
        for sample in samples.iter_mut().take(len) {
            // A forged packet may be louder than full scale by any factor.
            *sample = if sample.is_nan() {
                0.0
            } else {
                sample.clamp(-1.0, 1.0)
            };
        }
        Ok(len)
    }
}

impl std::fmt::Debug for PhoneDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PhoneDecoder").finish_non_exhaustive()
    }
}

/// Encodes what a caller, or many of them, hear.
#[derive(Debug)]
pub struct PhoneEncoder {
    encoder: Encoder,
    /// Whether the frame before was encoded by it, too.
    is_warm: bool,
}

impl PhoneEncoder {
    /// A coder whose frames may be followed by those of another such coder.
    ///
    /// # Errors
    /// When libopus cannot build the coder (out of memory), or refuses the settings.
    pub fn shared() -> Result<Self, OpusError> {
        let mut coder = Self::of(Application::LowDelay, PHONE_BITRATE)?;
        coder.encoder.set_prediction_disabled(true)?;
        Ok(coder)
    }

    /// A coder of `bitrate` bits per second, from 6000 on, for somebody who never hears what others hear: SILK, which needs
    /// fewer of them.
    ///
    /// # Errors
    /// The same.
    pub fn alone(bitrate: u32) -> Result<Self, OpusError> {
        Self::of(Application::Voip, bitrate)
    }

    fn of(application: Application, bitrate: u32) -> Result<Self, OpusError> {
        let (rate, mono) = (SampleRate::Hz16000, Channels::Mono);
        let mut encoder = Encoder::new(rate, mono, application)?;
        let bitrate = i32::try_from(bitrate.clamp(6000, PHONE_BITRATE)).unwrap_or(6000);
        encoder.set_bitrate(Bitrate::BitsPerSecond(bitrate))?;
        encoder.set_complexity(COMPLEXITY)?;
        encoder.set_signal(Signal::Voice)?;
        Ok(Self {
            encoder,
            is_warm: false,
        })
    }

    /// Encodes one frame; `before` is the sound of the one before it, in case another coder has encoded that.
    ///
    /// # Errors
    /// When libopus refuses the frame.
    pub fn frame(&mut self, before: &WbFrame, frame: &WbFrame) -> Result<Payload, OpusError> {
        let mut payload = Payload::EMPTY;
        if !self.is_warm {
            // A frame overlaps with the one before it by 2.5 ms.
            self.encoder.encode_float(before, payload.space())?;
        }
        let len = self.encoder.encode_float(frame, payload.space())?;
        payload.cut(len);
        self.is_warm = true;
        Ok(payload)
    }

    /// Lets a frame pass that another coder encodes.
    pub fn pass(&mut self) {
        self.is_warm = false;
    }
}
