//! The bench: phones, browsers and a table, 5 ms at a time, without a socket or a clock.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use audiopus::coder::Encoder;
use audiopus::{Application, Bitrate, Channels, SampleRate};
use rtrb::{Consumer, Producer, RingBuffer};
use slotmap::SecondaryMap;

use crate::media::asset::Assets;
use crate::media::g711::Law;
use crate::media::opus::{BrowserDecoder, OpusPacket, OpusPayload};
use crate::media::rtp::RtpIn;
use crate::media::table::*;
use crate::media::tone::{ClickDetector, GapDetector, Tone, ToneDetector};
use crate::media::{FB_FRAME, FRAME_MS, NB_FRAME};

/// Tones of what the switch plays by itself.
pub(super) const MUSIC: f32 = 350.0;
pub(super) const GREETING: f32 = 450.0;
pub(super) const POSITION: f32 = 550.0;
pub(super) const NO_SHOW: f32 = 650.0;
/// Tones of people: 50 Hz apart, below an eighth of 8 kHz, no multiples of one another.
pub(super) const A: f32 = 400.0;
pub(super) const B: f32 = 500.0;
pub(super) const C: f32 = 600.0;
pub(super) const D: f32 = 700.0;
/// Far from every prompt, so that a fade between two of them does not look like it.
pub(super) const E: f32 = 900.0;
pub(super) const HOST: f32 = 850.0;
pub(super) const GUEST: f32 = 950.0;
pub(super) const SCREENER: f32 = 750.0;

const ALL: [f32; 12] =
    [MUSIC, GREETING, POSITION, NO_SHOW, A, B, C, D, E, HOST, GUEST, SCREENER];

/// Prompts that are pure tones: greeting 1 s, music a loop of 2 s, "number" 1 s, no-show 1 s.
static ASSETS: LazyLock<Arc<Assets>> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    write_tone(dir.path(), "greeting", GREETING, 1, 80);
    write_tone(dir.path(), "hold-music", MUSIC, 2, 0);
    write_tone(dir.path(), "no-show", NO_SHOW, 1, 80);
    write_tone(dir.path(), "position-many", POSITION, 1, 80);
    Arc::new(Assets::load(dir.path()).unwrap())
});

/// A tone that fades in and out over `edge` samples.
fn write_tone(dir: &Path, stem: &str, hz: f32, seconds: u32, edge: usize) {
    let len = 8000 * seconds;
    let mut samples = vec![0.0; len as usize];
    Tone::new(8000, hz, 0.3).add(&mut samples);
    for n in 0..edge {
        let gain = n as f32 / edge as f32;
        samples[n] *= gain;
        let last = samples.len() - 1 - n;
        samples[last] *= gain;
    }
    let mut wav = Vec::new();
    wav.extend(b"RIFF");
    wav.extend((36 + len * 2).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16_u32.to_le_bytes());
    wav.extend([1, 0, 1, 0]);
    wav.extend(8000_u32.to_le_bytes());
    wav.extend(16_000_u32.to_le_bytes());
    wav.extend([2, 0, 16, 0]);
    wav.extend(b"data");
    wav.extend((len * 2).to_le_bytes());
    wav.extend(samples.iter().flat_map(|x| ((x * 32_767.0) as i16).to_le_bytes()));
    std::fs::write(dir.join(format!("{stem}.wav")), wav).unwrap();
}

/// Datagrams on their way, and where they went.
#[derive(Default)]
pub(super) struct Net {
    inbox: SecondaryMap<LegKey, VecDeque<(Vec<u8>, SocketAddr, Instant)>>,
    outbox: Vec<(LegKey, SocketAddr, Vec<u8>)>,
}

impl MediaIo for Net {
    fn recv(&mut self, leg: LegKey, buf: &mut [u8]) -> Option<Datagram> {
        let (bytes, from, at) = self.inbox.get_mut(leg)?.pop_front()?;
        buf[..bytes.len()].copy_from_slice(&bytes);
        Some(Datagram { len: bytes.len(), from, at })
    }

    fn send(&mut self, leg: LegKey, to: SocketAddr, packet: &[u8]) {
        self.outbox.push((leg, to, packet.to_vec()));
    }
}

/// A packet as a phone got it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Got {
    pub at_ms: u64,
    pub to: SocketAddr,
    pub sequence: u16,
    pub timestamp: u32,
    pub payload_type: u8,
}

pub(super) struct Phone {
    pub leg: LegKey,
    pub hz: f32,
    tone: Tone,
    law: Law,
    pub address: SocketAddr,
    sequence: u16,
    timestamp: u32,
    /// Packets leave at this time into each of the phone's own packet times.
    offset_ms: u64,
    pub packet_ms: u64,
    pub talking: bool,
    pub heard: Vec<f32>,
    pub got: Vec<Got>,
}

pub(super) struct Browser {
    pub source: SourceKey,
    tone: Tone,
    encoder: Encoder,
    ring: Producer<OpusPacket>,
    seq: u64,
    pub lose_next: u32,
}

/// What a browser hears of one caller.
pub(super) struct Earpiece {
    ring: Consumer<OpusPacket>,
    decoder: BrowserDecoder,
    pub heard: Vec<f32>,
    next: Option<u32>,
}

pub(super) struct Studio {
    pub table: MediaTable,
    pub net: Net,
    pub start: Instant,
    pub ms: u64,
    pub phones: Vec<Phone>,
    pub browsers: Vec<Browser>,
    pub earpieces: Vec<Earpiece>,
    pub events: Vec<MediaEvent>,
}

impl Studio {
    pub(super) fn new() -> Self {
        Self::with(MediaSettings::default())
    }

    pub(super) fn with(settings: MediaSettings) -> Self {
        Self {
            table: MediaTable::new(ASSETS.clone(), settings),
            net: Net::default(),
            start: Instant::now(),
            ms: 0,
            phones: Vec::new(),
            browsers: Vec::new(),
            earpieces: Vec::new(),
            events: Vec::new(),
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.ms)
    }

    pub(super) fn spec(&self, n: usize, law: Law) -> LegSpec {
        LegSpec {
            law,
            payload_type: law.payload_type(),
            dtmf_payload_type: Some(101),
            remote: format!("198.51.100.{}:4000", n + 1).parse().unwrap(),
            ssrc: 1000 + n as u32,
            sequence: 65_500,
            timestamp: u32::MAX - 8000,
            receive: true,
            send: true,
        }
    }

    /// A phone that talks all the time. The laws take turns.
    pub(super) fn phone(&mut self, hz: f32) -> usize {
        let n = self.phones.len();
        let law = Law::ALL[n % 2];
        let spec = self.spec(n, law);
        let leg = self.table.add_leg(self.now(), &spec);
        self.net.inbox.insert(leg, VecDeque::new());
        self.phones.push(Phone {
            leg,
            hz,
            tone: Tone::new(8000, hz, 0.2),
            law,
            address: spec.remote,
            sequence: 65_530,
            timestamp: u32::MAX - 1600,
            offset_ms: (n as u64 * 7) % FRAME_MS,
            packet_ms: FRAME_MS,
            talking: true,
            heard: Vec::new(),
            got: Vec::new(),
        });
        n
    }

    /// A browser that talks all the time.
    pub(super) fn browser(&mut self, room: RoomKey, hz: f32) -> usize {
        let (producer, consumer) = RingBuffer::new(32);
        let source = self.table.add_source(room, consumer).unwrap();
        let mut encoder =
            Encoder::new(SampleRate::Hz48000, Channels::Mono, Application::Voip).unwrap();
        encoder.set_bitrate(Bitrate::BitsPerSecond(64_000)).unwrap();
        encoder.enable_inband_fec().unwrap();
        encoder.set_packet_loss_perc(10).unwrap();
        self.browsers.push(Browser {
            source,
            tone: Tone::new(48_000, hz, 0.2),
            encoder,
            ring: producer,
            seq: 0,
            lose_next: 0,
        });
        self.browsers.len() - 1
    }

    /// A browser of `room` listens to this phone.
    pub(super) fn earpiece(&mut self, phone: usize, room: RoomKey) -> usize {
        let (producer, consumer) = RingBuffer::new(16);
        self.table.tap(self.phones[phone].leg, room, producer).unwrap();
        let decoder = BrowserDecoder::new().unwrap();
        self.earpieces.push(Earpiece { ring: consumer, decoder, heard: Vec::new(), next: None });
        self.earpieces.len() - 1
    }

    pub(super) fn place(&mut self, phone: usize, place: Place) {
        self.table.place(self.phones[phone].leg, place);
    }

    pub(super) fn deliver(&mut self, phone: usize, from: SocketAddr, datagram: Vec<u8>) {
        let (leg, now) = (self.phones[phone].leg, self.now());
        if let Some(inbox) = self.net.inbox.get_mut(leg) {
            inbox.push_back((datagram, from, now));
        }
    }

    /// Runs a time, a multiple of 5 ms.
    pub(super) fn run(&mut self, ms: u64) {
        for _ in 0..ms / 5 {
            self.talk();
            self.tick();
            self.ms += 5;
        }
    }

    /// Everybody says what is due in these 5 ms.
    pub(super) fn talk(&mut self) {
        for n in 0..self.phones.len() {
            let phone = &mut self.phones[n];
            let into = (self.ms + 1000 * FRAME_MS - phone.offset_ms) % phone.packet_ms;
            if into < 5 && phone.talking {
                let (from, packet) = (phone.address, phone.packet());
                self.deliver(n, from, packet);
            }
        }
        if self.ms.is_multiple_of(FRAME_MS) {
            self.browsers.iter_mut().for_each(Browser::talk);
        }
    }

    pub(super) fn tick(&mut self) {
        let phase = (self.ms / 5 % 4) as u8;
        self.table.tick(self.now(), phase, &mut self.net);
        while let Some(event) = self.table.poll_event() {
            self.events.push(event);
        }
        for (leg, to, packet) in self.net.outbox.drain(..) {
            if let Some(phone) = self.phones.iter_mut().find(|phone| phone.leg == leg) {
                phone.hear(self.ms, to, &packet);
            }
        }
        self.earpieces.iter_mut().for_each(Earpiece::hear);
    }

    /// The tones a phone hears now, judged by its last 200 ms.
    pub(super) fn phone_hears(&self, phone: usize) -> Vec<f32> {
        let heard = &self.phones[phone].heard;
        sorted(ToneDetector::new(8000, &ALL).present_hz(&heard[heard.len() - 1600..]))
    }

    /// The tones a browser hears from its earpiece now.
    pub(super) fn browser_hears(&self, earpiece: usize) -> Vec<f32> {
        let heard = &self.earpieces[earpiece].heard;
        sorted(ToneDetector::new(48_000, &ALL).present_hz(&heard[heard.len() - 9600..]))
    }

    /// Asserts what each phone hears, after the fades are over.
    pub(super) fn expect(&mut self, step: &str, phones: &[(usize, &[f32])]) {
        self.run(500);
        for &(phone, tones) in phones {
            let heard = self.phone_hears(phone);
            assert_eq!(heard, sorted(tones.to_vec()), "{step}: phone {phone}");
        }
    }

    /// Asserts everything that must hold for every phone at all times.
    pub(super) fn check_streams(&self) {
        for (n, phone) in self.phones.iter().enumerate() {
            phone.check_continuity(n);
            phone.check_never_itself(n);
            phone.check_no_click(n);
        }
    }

    /// The longest silence a phone has heard between two sounds, from `from_ms` on.
    pub(super) fn longest_gap_ms(&self, phone: usize, from_ms: u64) -> f32 {
        let mut gaps = GapDetector::new(8000, 0.004);
        let phone = &self.phones[phone];
        let first = phone.got.iter().position(|got| got.at_ms >= from_ms).unwrap();
        gaps.hear(&phone.heard[first * NB_FRAME..]);
        gaps.longest_ms()
    }
}

impl Phone {
    /// The next packet of the phone's voice.
    pub(super) fn packet(&mut self) -> Vec<u8> {
        let mut samples = vec![0.0; self.packet_ms as usize * 8];
        self.tone.add(&mut samples);
        let payload: Vec<u8> = samples.iter().map(|x| self.law.encode(*x)).collect();
        let packet = rtp(self.law.payload_type(), self.sequence, self.timestamp, 77, &payload);
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(samples.len() as u32);
        packet
    }

    fn hear(&mut self, at_ms: u64, to: SocketAddr, packet: &[u8]) {
        let packet = RtpIn::parse(packet).unwrap();
        let law = if packet.payload_type == 0 { Law::Mu } else { Law::A };
        self.heard.extend(packet.payload.iter().map(|byte| law.decode(*byte)));
        self.got.push(Got {
            at_ms,
            to,
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            payload_type: packet.payload_type,
        });
    }

    fn check_continuity(&self, n: usize) {
        for pair in self.got.windows(2) {
            let (a, b) = (&pair[0], &pair[1]);
            assert_eq!(b.sequence, a.sequence.wrapping_add(1), "phone {n} at {} ms", b.at_ms);
            assert_eq!(b.timestamp, a.timestamp.wrapping_add(160), "phone {n} at {} ms", b.at_ms);
            assert!((5..=20).contains(&(b.at_ms - a.at_ms)), "phone {n} at {} ms", b.at_ms);
        }
    }

    fn check_no_click(&self, n: usize) {
        let mut clicks = ClickDetector::new(8000);
        for (frame, got) in self.heard.chunks(NB_FRAME).zip(&self.got) {
            clicks.hear(frame);
            let worst = clicks.worst_ratio();
            let quiet = worst < ClickDetector::CLICK_RATIO;
            assert!(quiet, "phone {n} hears a click of {worst} at {} ms", got.at_ms);
        }
    }

    /// Looks through every 40 ms of what was heard for the phone's own tone.
    fn check_never_itself(&self, n: usize) {
        let detector = ToneDetector::new(8000, &[self.hz]);
        for (at, window) in self.heard.windows(320).step_by(80).enumerate() {
            let level = detector.levels_dbfs(window)[0];
            let others = 10.0 * (window.iter().map(|x| x * x).sum::<f32>() / 320.0).log10();
            // Next to a loud neighbour 100 Hz away the short window leaks a little.
            assert!(level < -40.0 || level < others - 20.0, "phone {n} hears itself at {} ms: {level} of {others}", at * 10);
        }
    }
}

impl Browser {
    fn talk(&mut self) {
        let mut samples = [0.0; FB_FRAME];
        self.tone.add(&mut samples);
        if self.seq == 0 {
            // A person who begins to speak is no click.
            samples.iter_mut().enumerate().for_each(|(n, x)| *x *= n as f32 / FB_FRAME as f32);
        }
        let mut bytes = [0; 1275];
        let len = self.encoder.encode_float(&samples, &mut bytes).unwrap();
        let (seq, timestamp) = (self.seq, (self.seq as u32).wrapping_mul(960).wrapping_sub(4800));
        self.seq += 1;
        if self.lose_next > 0 {
            self.lose_next -= 1;
            return;
        }
        let payload = OpusPayload::try_from(&bytes[..len]).unwrap();
        let _ = self.ring.push(OpusPacket { seq, timestamp, payload, level_dbov: None });
    }
}

impl Earpiece {
    fn hear(&mut self) {
        while let Ok(packet) = self.ring.pop() {
            let silent = packet.timestamp.wrapping_sub(self.next.unwrap_or(packet.timestamp));
            self.heard.extend(std::iter::repeat_n(0.0, silent as usize));
            self.heard.extend_from_slice(self.decoder.decode(packet.payload.as_slice()).unwrap());
            self.next = Some(packet.timestamp.wrapping_add(960));
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

fn sorted(mut tones: Vec<f32>) -> Vec<f32> {
    tones.sort_by(f32::total_cmp);
    tones
}
