//! Codecs: `speech → packets → what their decoder makes of them`. Another codec is another line in each `match`.

use anyhow::Result;
use audiopus::coder::Encoder;
use audiopus::{Application, Bitrate, Channels, SampleRate, Signal};
use audioroad::media::g711::Law;
use audioroad::media::g722;
use audioroad::media::opus::phone::PhoneDecoder;
use audioroad::media::{NB_FRAME, WB_FRAME};

/// What a telephone tells its coder: it expects so much loss, in percent, and adds in-band FEC for it.
const OPUS_LOSS_PERCENT: u8 = 10;
const OPUS_BITRATE: i32 = 32_000;
const PACKET_MAX: usize = 400;

/// A codec of the telephone's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    Pcmu,
    Pcma,
    G722,
    Opus,
}

impl Codec {
    pub(crate) const ALL: [Self; 4] = [Self::Pcmu, Self::Pcma, Self::G722, Self::Opus];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
            Self::G722 => "G722",
            Self::Opus => "opus",
        }
    }

    /// Of the speech that goes in and of what is heard.
    pub(crate) fn rate_hz(self) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma => 8000,
            Self::G722 | Self::Opus => 16_000,
        }
    }

    /// RTP's clock.
    pub(crate) fn clock_hz(self) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma | Self::G722 => 8000,
            Self::Opus => 48_000,
        }
    }

    /// Packets of 20 ms each; what is left over at the end is not sent.
    pub(crate) fn packets(self, speech: &[f32]) -> Result<Vec<Vec<u8>>> {
        let law = |law: Law| {
            let encode = |part: &[f32]| part.iter().map(|x| law.encode(*x)).collect();
            speech.chunks_exact(NB_FRAME).map(encode).collect()
        };
        let wide = speech.as_chunks::<WB_FRAME>().0;
        Ok(match self {
            Self::Pcmu => law(Law::Mu),
            Self::Pcma => law(Law::A),
            Self::G722 => {
                let mut coder = g722::Encoder::new();
                wide.iter().map(|frame| coder.frame(frame).into()).collect()
            }
            Self::Opus => {
                let coder = telephone()?;
                let encode = |frame: &[f32; WB_FRAME]| {
                    let mut packet = vec![0; PACKET_MAX];
                    let len = coder.encode_float(frame, &mut packet)?;
                    packet.truncate(len);
                    Ok(packet)
                };
                wide.iter().map(encode).collect::<Result<_>>()?
            }
        })
    }

    pub(crate) fn decoder(self) -> Result<Decoder> {
        Ok(match self {
            Self::Pcmu => Decoder::Law(Law::Mu),
            Self::Pcma => Decoder::Law(Law::A),
            Self::G722 => Decoder::G722(Box::default()),
            Self::Opus => Decoder::Opus(PhoneDecoder::new()?),
        })
    }

    /// What a line without faults gives: the best that can be reached.
    pub(crate) fn ceiling(self, packets: &[Vec<u8>]) -> Result<Vec<f32>> {
        let mut decoder = self.decoder()?;
        let heard: Result<Vec<_>> = packets
            .iter()
            .map(|packet| decoder.decode(packet))
            .collect();
        Ok(heard?.concat())
    }
}

/// An Opus coder as telephones set it.
fn telephone() -> Result<Encoder> {
    let mut coder = Encoder::new(SampleRate::Hz16000, Channels::Mono, Application::Voip)?;
    coder.set_bitrate(Bitrate::BitsPerSecond(OPUS_BITRATE))?;
    coder.set_signal(Signal::Voice)?;
    coder.set_inband_fec(true)?;
    coder.set_packet_loss_perc(OPUS_LOSS_PERCENT)?;
    Ok(coder)
}

/// What makes sound of packets.
pub(crate) enum Decoder {
    Law(Law),
    G722(Box<g722::Decoder>),
    Opus(PhoneDecoder),
}

impl Decoder {
    /// The packet that follows on the last one.
    pub(crate) fn decode(&mut self, packet: &[u8]) -> Result<Vec<f32>> {
        Ok(match self {
            Self::Law(law) => packet.iter().map(|octet| law.decode(*octet)).collect(),
            Self::G722(decoder) => packet
                .iter()
                .flat_map(|octet| decoder.samples(*octet))
                .collect(),
            Self::Opus(decoder) => {
                let mut frame = vec![0.0; WB_FRAME];
                decoder.decode(packet, &mut frame)?;
                frame
            }
        })
    }

    /// Stands in for a packet by the codec's own means, if it has any; `next` is the one after it.
    pub(crate) fn stand_in(&mut self, next: Option<&[u8]>) -> Result<Option<Vec<f32>>> {
        let Self::Opus(decoder) = self else {
            return Ok(None);
        };
        let mut frame = vec![0.0; WB_FRAME];
        match next {
            Some(next) => decoder.recover(next, &mut frame)?,
            None => decoder.conceal(&mut frame)?,
        };
        Ok(Some(frame))
    }
}
