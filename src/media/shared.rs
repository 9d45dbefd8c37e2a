//! A sound at 16 kHz that many hear: `frame → at most one encode per codec → the same octets to everybody`.
//!
//! G.722 and Opus coders remember, so a stream's listeners must have come to it without a click. For Opus any frame is a
//! beginning (see [`PhoneEncoder`]). For G.722 the listener's own coder goes on until the far end would hear the stream
//! as it is meant ([`SharedG722::divergence`]), and takes over the stream's state when it leaves.

use super::codec::{Codec, Payload};
use super::g722;
use super::opus::OpusError;
use super::opus::phone::PhoneEncoder;
use super::{WB_FRAME, WbFrame};

/// One sound and its streams.
#[derive(Debug)]
pub(super) struct SharedWide {
    samples: WbFrame,
    before: WbFrame,
    g722: SharedG722,
    opus: Option<PhoneEncoder>,
    opus_payload: Option<Payload>,
}

/// The stream of G.722.
#[derive(Debug)]
pub(super) struct SharedG722 {
    /// Before this frame, and after it.
    before: g722::Encoder,
    coder: g722::Encoder,
    payload: Option<Payload>,
}

impl SharedWide {
    pub(super) fn new() -> Self {
        Self {
            samples: [0.0; WB_FRAME],
            before: [0.0; WB_FRAME],
            g722: SharedG722 {
                before: g722::Encoder::new(),
                coder: g722::Encoder::new(),
                payload: None,
            },
            opus: None,
            opus_payload: None,
        }
    }

    /// Makes what listeners of this codec need. Not on the tick.
    ///
    /// # Errors
    /// When libopus cannot build a coder (out of memory).
    pub(super) fn prepare(&mut self, codec: Codec) -> Result<(), OpusError> {
        if codec == Codec::Opus && self.opus.is_none() {
            self.opus = Some(PhoneEncoder::shared()?);
        }
        Ok(())
    }

    /// Goes on to the next frame.
    pub(super) fn set(&mut self, samples: WbFrame) {
        self.before = std::mem::replace(&mut self.samples, samples);
        self.g722.payload = None;
        if self.opus_payload.take().is_none()
            && let Some(opus) = &mut self.opus
        {
            opus.pass();
        }
    }

    pub(super) fn samples(&self) -> &WbFrame {
        &self.samples
    }

    /// The frame before.
    pub(super) fn before(&self) -> &WbFrame {
        &self.before
    }

    pub(super) fn opus(&mut self) -> Option<Payload> {
        if self.opus_payload.is_none() {
            let coder = self.opus.as_mut()?;
            self.opus_payload = coder.frame(&self.before, &self.samples).ok();
        }
        self.opus_payload
    }

    pub(super) fn g722(&mut self) -> (&SharedG722, Payload) {
        let stream = &mut self.g722;
        let payload = match stream.payload {
            Some(payload) => payload,
            None => {
                stream.before = stream.coder;
                *stream
                    .payload
                    .insert(stream.coder.frame(&self.samples).into())
            }
        };
        (stream, payload)
    }
}

impl SharedG722 {
    /// The coder after this frame.
    pub(super) fn coder(&self) -> &g722::Encoder {
        &self.coder
    }

    /// How far from what is meant a far end, which has heard `coder` so far, would hear this frame: noise over sound.
    pub(super) fn divergence(&self, coder: &g722::Encoder, payload: &Payload) -> f32 {
        coder.divergence(&self.before, payload.as_slice())
    }
}
