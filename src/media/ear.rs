//! What goes to the far end of a leg: `sound of a frame → octets of its codec`.
//!
//! At 8 kHz an octet is a sample and there is nothing to remember. At 16 kHz a leg has a coder and a limiter of its own,
//! which rest while it hears what others hear, too.

use super::codec::{Codec, Payload};
use super::dsp::Limiter;
use super::g711::Law;
use super::g722;
use super::opus::phone::{PHONE_BITRATE, PhoneEncoder};
use super::resample::Up2;
use super::shared::SharedWide;
use super::table::RoomKey;
use super::{NbFrame, WB_FRAME, WbFrame};

/// A far end of G.722 goes over to a shared stream when what it would hear differs by less than -26 dB from what is meant,
/// about the codec's own noise. The difference of tones comes and goes, so one gets less particular by 0.4 dB a frame ...
const DIVERGENCE_MAX: f32 = 2.5e-3;
const DIVERGENCE_GROWTH: f32 = 1.1;
/// ... and takes what comes after a second. Under the same octets the difference dies away by 11 dB in each frame.
const JOIN_FRAMES_MAX: u8 = 50;

/// What many hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shared {
    /// The common music.
    Music,
    /// The hold feed of a room.
    Feed(RoomKey),
}

/// How a leg's far end hears.
#[derive(Debug)]
pub(super) enum Ear {
    Narrow(Law),
    Wide(Box<WideEar>),
}

impl Ear {
    /// Not on the tick: coders are made.
    pub(super) fn new(codec: Codec, bitrate_max: Option<u32>) -> Self {
        let coder = match codec {
            Codec::G711(law) => return Self::Narrow(law),
            Codec::G722 => Coder::G722 {
                coder: Box::default(),
                trials: 0,
                joined: None,
            },
            Codec::Opus => {
                let bitrate = bitrate_max.unwrap_or(PHONE_BITRATE);
                let shares = bitrate >= PHONE_BITRATE;
                Coder::Opus {
                    coder: if shares {
                        PhoneEncoder::shared().ok()
                    } else {
                        PhoneEncoder::alone(bitrate).ok()
                    },
                    shares,
                }
            }
        };
        Self::Wide(Box::new(WideEar {
            coder,
            limiter: Limiter::new(16_000),
            up: Up2::new(),
            last: [0.0; WB_FRAME],
        }))
    }
}

/// A far end that hears at 16 kHz.
#[derive(Debug)]
pub(super) struct WideEar {
    coder: Coder,
    /// Of a mix of its own.
    pub(super) limiter: Limiter,
    /// Prompts and music have 8 kHz.
    up: Up2,
    /// The frame before.
    last: WbFrame,
}

#[derive(Debug)]
enum Coder {
    G722 {
        coder: Box<g722::Encoder>,
        /// Frames in which a shared stream was not yet fit to be joined.
        trials: u8,
        joined: Option<Shared>,
    },
    Opus {
        /// `None` when libopus had no memory for it: then nothing is sent.
        coder: Option<PhoneEncoder>,
        /// False where the far end wants fewer bits than others get.
        shares: bool,
    },
}

impl WideEar {
    /// Encodes what this leg alone hears: `narrow` at 8 kHz and `wide` on top of it.
    pub(super) fn alone(&mut self, narrow: &NbFrame, mut wide: WbFrame) -> Payload {
        self.up.add(narrow, &mut wide);
        if let Coder::G722 { trials, joined, .. } = &mut self.coder {
            (*trials, *joined) = (0, None);
        }
        self.encode(wide)
    }

    /// Takes what many hear, of which `narrow` is the part at 8 kHz; as others get it, if it can be joined.
    pub(super) fn join(
        &mut self,
        which: Shared,
        shared: &mut SharedWide,
        narrow: &NbFrame,
    ) -> Payload {
        self.up.pass(narrow);
        let own = *shared.samples();
        match &mut self.coder {
            Coder::G722 {
                coder,
                trials,
                joined,
            } => {
                let (stream, payload) = shared.g722();
                if joined.is_some_and(|joined| joined != which) {
                    (*trials, *joined) = (0, None);
                }
                let allowed = DIVERGENCE_MAX * DIVERGENCE_GROWTH.powi(i32::from(*trials));
                let joins = joined.is_some()
                    || *trials >= JOIN_FRAMES_MAX
                    || stream.divergence(coder, &payload) < allowed;
                if joins {
                    **coder = *stream.coder();
                    *joined = Some(which);
                    self.last = own;
                    return payload;
                }
                *trials += 1;
                self.last = own;
                return coder.steered(&own, payload.as_slice()).into();
            }
            Coder::Opus {
                coder,
                shares: true,
            } => {
                if let Some(payload) = shared.opus() {
                    if let Some(coder) = coder {
                        coder.pass();
                    }
                    self.last = own;
                    return payload;
                }
            }
            Coder::Opus { .. } => {}
        }
        self.encode(own)
    }

    fn encode(&mut self, samples: WbFrame) -> Payload {
        let before = std::mem::replace(&mut self.last, samples);
        match &mut self.coder {
            Coder::G722 { coder, .. } => coder.frame(&samples).into(),
            Coder::Opus { coder, .. } => {
                let encoded = coder.as_mut().map(|coder| coder.frame(&before, &samples));
                encoded.and_then(Result::ok).unwrap_or(Payload::EMPTY)
            }
        }
    }
}
