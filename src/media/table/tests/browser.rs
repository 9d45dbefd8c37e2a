//! A browser with a tone for a voice, and the ear it lends to one caller.

use audiopus::coder::Encoder;
use audiopus::{Application, Bitrate, Channels, SampleRate};
use rtrb::{Consumer, Producer};

use crate::media::FB_FRAME;
use crate::media::opus::{BrowserDecoder, OpusPacket, OpusPayload};
use crate::media::table::SourceKey;
use crate::media::tone::Tone;

pub(super) struct Browser {
    pub source: SourceKey,
    tone: Tone,
    encoder: Encoder,
    ring: Producer<OpusPacket>,
    seq: u64,
    pub lose_next: u32,
    pub talking: bool,
}

/// What a browser hears of one caller.
pub(super) struct Earpiece {
    ring: Consumer<OpusPacket>,
    decoder: BrowserDecoder,
    pub heard: Vec<f32>,
    next: Option<u32>,
}

impl Browser {
    /// A browser that talks all the time.
    pub(super) fn new(source: SourceKey, ring: Producer<OpusPacket>, hz: f32) -> Self {
        let mut encoder =
            Encoder::new(SampleRate::Hz48000, Channels::Mono, Application::Voip).unwrap();
        encoder.set_bitrate(Bitrate::BitsPerSecond(64_000)).unwrap();
        encoder.enable_inband_fec().unwrap();
        encoder.set_packet_loss_perc(10).unwrap();
        Self {
            source,
            tone: Tone::new(48_000, hz, 0.2),
            encoder,
            ring,
            seq: 0,
            lose_next: 0,
            talking: true,
        }
    }

    /// Speaks with another tone from now on.
    pub(super) fn set_voice(&mut self, tone: Tone) {
        self.tone = tone;
    }

    /// Sends 20 ms, of silence while nobody talks.
    pub(super) fn talk(&mut self) {
        let mut samples = [0.0; FB_FRAME];
        if self.talking {
            self.tone.add(&mut samples);
        }
        if self.seq == 0 {
            // A person who begins to speak is no click.
            samples
                .iter_mut()
                .enumerate()
                .for_each(|(n, x)| *x *= n as f32 / FB_FRAME as f32);
        }
        let mut bytes = [0; 1275];
        let len = self.encoder.encode_float(&samples, &mut bytes).unwrap();
        let (seq, timestamp) = (
            self.seq,
            (self.seq as u32).wrapping_mul(960).wrapping_sub(4800),
        );
        self.seq += 1;
        if self.lose_next > 0 {
            self.lose_next -= 1;
            return;
        }
        let payload = OpusPayload::try_from(&bytes[..len]).unwrap();
        let _ = self.ring.push(OpusPacket {
            seq,
            timestamp,
            payload,
            level_dbov: None,
        });
    }
}

impl Earpiece {
    pub(super) fn new(ring: Consumer<OpusPacket>) -> Self {
        Self {
            ring,
            decoder: BrowserDecoder::new().unwrap(),
            heard: Vec::new(),
            next: None,
        }
    }

    /// Plays what has come; what has not is silence.
    pub(super) fn hear(&mut self) {
        while let Ok(packet) = self.ring.pop() {
            let silent = packet
                .timestamp
                .wrapping_sub(self.next.unwrap_or(packet.timestamp));
            self.heard.extend(std::iter::repeat_n(0.0, silent as usize));
            self.heard
                .extend_from_slice(self.decoder.decode(packet.payload.as_slice()).unwrap());
            self.next = Some(packet.timestamp.wrapping_add(960));
        }
    }
}
