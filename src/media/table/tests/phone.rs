//! A telephone with a tone for a voice, and what must hold for all it ever hears.

use std::net::SocketAddr;
use std::time::Instant;

use audiopus::coder::Encoder;
use audiopus::{Application, Channels, SampleRate};

use crate::media::codec::Codec;
use crate::media::g711::Law;
use crate::media::g722;
use crate::media::opus::phone::PhoneDecoder;
use crate::media::rtp::RtpIn;
use crate::media::stream::{StreamIn, StreamOut, StreamSocket};
use crate::media::table::{LegKey, LegSpec};
use crate::media::tone::{ClickDetector, Tone, ToneDetector};
use crate::media::{FRAME_MS, NB_FRAME};

/// A packet as a phone got it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Got {
    pub at_ms: u64,
    pub to: SocketAddr,
    pub sequence: u16,
    pub timestamp: u32,
    pub payload_type: u8,
    pub payload: Vec<u8>,
}

/// The phone's end of its codec.
enum Coder {
    Law(Law),
    G722(Box<(g722::Encoder, g722::Decoder)>),
    Opus(Encoder, PhoneDecoder),
}

impl Coder {
    fn new(codec: Codec) -> Self {
        match codec {
            Codec::G711(law) => Self::Law(law),
            Codec::G722 => Self::G722(Box::default()),
            Codec::Opus => {
                let (rate, mono) = (SampleRate::Hz16000, Channels::Mono);
                let mut encoder = Encoder::new(rate, mono, Application::Voip).unwrap();
                encoder.enable_inband_fec().unwrap();
                encoder.set_packet_loss_perc(20).unwrap();
                Self::Opus(encoder, PhoneDecoder::new().unwrap())
            }
        }
    }

    fn encode(&mut self, samples: &[f32]) -> Vec<u8> {
        match self {
            Self::Law(law) => samples.iter().map(|x| law.encode(*x)).collect(),
            Self::G722(both) => {
                let pairs = samples.as_chunks().0.iter();
                let linear = |pair: &[f32; 2]| pair.map(|x| (x * 32_768.0) as i16);
                pairs.map(|pair| both.0.octet(linear(pair))).collect()
            }
            Self::Opus(encoder, _) => {
                let mut octets = [0; 1275];
                let len = encoder.encode_float(samples, &mut octets).unwrap();
                octets[..len].to_vec()
            }
        }
    }

    fn decode(&mut self, payload: &[u8]) -> Vec<f32> {
        match self {
            Self::Law(law) => payload.iter().map(|octet| law.decode(*octet)).collect(),
            Self::G722(both) => {
                let octets = payload.iter();
                octets.flat_map(|octet| both.1.samples(*octet)).collect()
            }
            Self::Opus(_, decoder) => {
                let mut samples = [0.0; 1920];
                let len = decoder.decode(payload, &mut samples).unwrap();
                samples[..len].to_vec()
            }
        }
    }
}

pub(super) struct Phone {
    pub ssrc: u32,
    pub leg: LegKey,
    pub hz: f32,
    tone: Tone,
    pub codec: Codec,
    payload_type: u8,
    coder: Coder,
    /// The next packet is the first in its codec.
    begins: bool,
    pub address: SocketAddr,
    sequence: u16,
    pub timestamp: u32,
    /// Packets leave at this time into each of the phone's own packet times.
    offset_ms: u64,
    pub packet_ms: u64,
    pub talking: bool,
    pub heard: Vec<f32>,
    pub got: Vec<Got>,
    /// The phone's end of a Media Stream, if it is on one.
    pub stream: Option<StreamSocket>,
    /// What came by it, in order.
    pub told: Vec<StreamOut>,
    /// Marks come back at once.
    pub echoes: bool,
}

impl Phone {
    /// A phone that talks all the time, the `n`th of a show.
    pub(super) fn new(n: usize, leg: LegKey, spec: &LegSpec, hz: f32) -> Self {
        Self {
            ssrc: 77,
            leg,
            hz,
            tone: Tone::new(spec.codec.band().sample_rate_hz(), hz, 0.2),
            codec: spec.codec,
            payload_type: spec.payload_type,
            coder: Coder::new(spec.codec),
            begins: true,
            address: spec.remote,
            sequence: 65_530,
            timestamp: u32::MAX - 1600,
            offset_ms: (n as u64 * 7) % FRAME_MS,
            packet_ms: FRAME_MS,
            talking: true,
            heard: Vec::new(),
            got: Vec::new(),
            stream: None,
            told: Vec::new(),
            echoes: true,
        }
    }

    /// Speaks with another tone from now on.
    pub(super) fn set_voice(&mut self, tone: Tone) {
        self.tone = tone;
    }

    /// Samples per millisecond.
    pub(super) fn per_ms(&self) -> usize {
        self.codec.band().sample_rate_hz() as usize / 1000
    }

    /// Speaks and hears another codec from now on; what was heard so far was judged.
    pub(super) fn change(&mut self, codec: Codec, payload_type: u8) {
        if self.codec.band() != codec.band() {
            self.tone = Tone::new(codec.band().sample_rate_hz(), self.hz, 0.2);
        }
        let clock = u64::from(self.codec.clock_hz());
        let now = u64::from(self.timestamp) * u64::from(codec.clock_hz()) / clock;
        self.timestamp = now as u32;
        (self.codec, self.payload_type) = (codec, payload_type);
        self.coder = Coder::new(codec);
        self.begins = true;
        self.heard.clear();
        self.got.clear();
    }

    /// Says something else, at the same pitch or another.
    pub(super) fn say(&mut self, hz: f32) {
        self.hz = hz;
        self.tone = Tone::new(self.codec.band().sample_rate_hz(), hz, 0.2);
    }

    /// True when a packet leaves in the 5 ms from `ms` on.
    pub(super) fn is_due(&self, ms: u64) -> bool {
        let into = (ms + 1000 * FRAME_MS - self.offset_ms) % self.packet_ms;
        self.talking && into < 5
    }

    /// The next packet of the phone's voice.
    pub(super) fn packet(&mut self) -> Vec<u8> {
        let mut samples = vec![0.0; self.packet_ms as usize * self.per_ms()];
        self.tone.add(&mut samples);
        if std::mem::take(&mut self.begins) {
            // A person who begins to speak is no click.
            let len = samples.len() as f32;
            let rising = |(n, sample): (usize, &mut f32)| *sample *= n as f32 / len;
            samples.iter_mut().enumerate().for_each(rising);
        }
        let payload = self.coder.encode(&samples);
        let packet = rtp(
            self.payload_type,
            self.sequence,
            self.timestamp,
            self.ssrc,
            &payload,
        );
        self.sequence = self.sequence.wrapping_add(1);
        let clock = self.packet_ms as u32 * self.codec.clock_hz() / 1000;
        self.timestamp = self.timestamp.wrapping_add(clock);
        packet
    }

    pub(super) fn hear(&mut self, at_ms: u64, to: SocketAddr, packet: &[u8]) {
        let packet = RtpIn::parse(packet).unwrap();
        let samples = match packet.payload_type {
            0 => Coder::Law(Law::Mu).decode(packet.payload),
            8 => Coder::Law(Law::A).decode(packet.payload),
            _ => self.coder.decode(packet.payload),
        };
        self.heard.extend(samples);
        self.got.push(Got {
            at_ms,
            to,
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            payload_type: packet.payload_type,
            payload: packet.payload.to_vec(),
        });
    }

    /// Puts the next frame of the phone's voice on its stream.
    pub(super) fn speak(&mut self, at: Instant) {
        let frame = self.stream_frame(at);
        if let Some(stream) = &mut self.stream {
            stream.from_caller.push(frame).unwrap();
        }
    }

    /// The same, but keeps it.
    pub(super) fn stream_frame(&mut self, at: Instant) -> StreamIn {
        let mut samples = [0.0; NB_FRAME];
        self.tone.add(&mut samples);
        let (chunk, timestamp) = (self.sequence, self.timestamp);
        self.sequence = chunk.wrapping_add(1);
        self.timestamp = timestamp.wrapping_add(NB_FRAME as u32);
        StreamIn::Audio {
            at,
            chunk,
            timestamp,
            len: NB_FRAME as u8,
            payload: Law::Mu.encode_frame(&samples),
        }
    }

    /// Takes what the switch has put on its stream.
    pub(super) fn read_stream(&mut self, at_ms: u64, now: Instant) {
        let Some(stream) = &mut self.stream else {
            return;
        };
        while let Ok(out) = stream.to_caller.pop() {
            self.told.push(out);
            match out {
                StreamOut::Clear => {}
                StreamOut::Mark(mark) if self.echoes => {
                    let played = StreamIn::Played { at: now, mark };
                    stream.from_caller.push(played).unwrap();
                }
                StreamOut::Mark(_) => {}
                StreamOut::Audio(payload) => {
                    self.heard.extend(Law::Mu.decode_frame(&payload));
                    let nth = self.got.len();
                    self.got.push(Got {
                        at_ms,
                        to: self.address,
                        sequence: nth as u16,
                        timestamp: (nth * NB_FRAME) as u32,
                        payload_type: 0,
                        payload: payload.to_vec(),
                    });
                }
            }
        }
    }

    pub(super) fn check_continuity(&self, n: usize) {
        for pair in self.got.windows(2) {
            let (a, b) = (&pair[0], &pair[1]);
            assert_eq!(
                b.sequence,
                a.sequence.wrapping_add(1),
                "phone {n} at {} ms",
                b.at_ms
            );
            assert_eq!(
                b.timestamp,
                a.timestamp.wrapping_add(self.codec.clock_hz() / 50),
                "phone {n} at {} ms",
                b.at_ms
            );
            assert!(
                (5..=20).contains(&(b.at_ms - a.at_ms)),
                "phone {n} at {} ms",
                b.at_ms
            );
        }
    }

    pub(super) fn check_no_click(&self, n: usize) {
        let mut clicks = ClickDetector::new(self.codec.band().sample_rate_hz());
        for (frame, got) in self.heard.chunks(20 * self.per_ms()).zip(&self.got) {
            clicks.hear(frame);
            let worst = clicks.worst_ratio();
            let quiet = worst < ClickDetector::CLICK_RATIO;
            assert!(
                quiet,
                "phone {n} hears a click of {worst} at {} ms",
                got.at_ms
            );
        }
    }

    /// Looks through every 40 ms of what was heard for the phone's own tone.
    pub(super) fn check_never_itself(&self, n: usize) {
        let detector = ToneDetector::new(self.codec.band().sample_rate_hz(), &[self.hz]);
        let (len, step) = (40 * self.per_ms(), 10 * self.per_ms());
        for (at, window) in self.heard.windows(len).step_by(step).enumerate() {
            let level = detector.levels_dbfs(window)[0];
            let others = 10.0 * (window.iter().map(|x| x * x).sum::<f32>() / len as f32).log10();
            // Next to a loud neighbour 100 Hz away the short window leaks a little.
            assert!(
                level < -40.0 || level < others - 20.0,
                "phone {n} hears itself at {} ms: {level} of {others}",
                at * 10
            );
        }
    }
}

/// A packet made by hand.
pub(super) fn rtp(pt: u8, sequence: u16, timestamp: u32, ssrc: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, pt];
    packet.extend(sequence.to_be_bytes());
    packet.extend(timestamp.to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend(payload);
    packet
}
