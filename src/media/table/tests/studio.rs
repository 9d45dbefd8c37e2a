//! The bench: phones, browsers and a table, 5 ms at a time, without a socket or a clock.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use rtrb::RingBuffer;
use slotmap::SecondaryMap;

use super::browser::{Browser, Earpiece};
use super::phone::Phone;
use crate::media::FRAME_MS;
use crate::media::asset::Assets;
use crate::media::codec::Codec;
use crate::media::g711::Law;
use crate::media::latch::Sources;
use crate::media::rtcp::is_rtcp;
use crate::media::stream;
use crate::media::table::*;
use crate::media::tone::{GapDetector, Tone, ToneDetector};

/// The host that all signalling comes from.
const NAT: &str = "203.0.113.9";

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

const ALL: [f32; 12] = [
    MUSIC, GREETING, POSITION, NO_SHOW, A, B, C, D, E, HOST, GUEST, SCREENER,
];

/// Prompts that are pure tones: greeting 1 s, music a loop of 2 s, "number" 1 s, no-show 1 s.
pub(super) static ASSETS: LazyLock<Arc<Assets>> = LazyLock::new(|| {
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
    wav.extend(
        samples
            .iter()
            .flat_map(|x| ((x * 32_767.0) as i16).to_le_bytes()),
    );
    std::fs::write(dir.join(format!("{stem}.wav")), wav).unwrap();
}

/// Datagrams on their way, and where they went.
#[derive(Default)]
pub(super) struct Net {
    inbox: SecondaryMap<LegKey, VecDeque<(Vec<u8>, SocketAddr, Instant)>>,
    outbox: Vec<(LegKey, SocketAddr, Vec<u8>)>,
    /// How often a leg's socket was looked into.
    pub looks: SecondaryMap<LegKey, u32>,
    /// What waits on sockets of RTCP's own.
    pub beside: SecondaryMap<LegKey, VecDeque<(Vec<u8>, SocketAddr, Instant)>>,
}

impl MediaIo for Net {
    fn recv(&mut self, leg: LegKey, buf: &mut [u8]) -> Option<Datagram> {
        if let Some(looks) = self.looks.get_mut(leg) {
            *looks += 1;
        }
        read(self.inbox.get_mut(leg)?, buf)
    }

    fn recv_control(&mut self, leg: LegKey, buf: &mut [u8]) -> Option<Datagram> {
        read(self.beside.get_mut(leg)?, buf)
    }

    fn send_control(&mut self, leg: LegKey, to: SocketAddr, packet: &[u8]) {
        self.send(leg, to, packet);
    }

    fn send(&mut self, leg: LegKey, to: SocketAddr, packet: &[u8]) {
        self.outbox.push((leg, to, packet.to_vec()));
    }
}

fn read(inbox: &mut VecDeque<(Vec<u8>, SocketAddr, Instant)>, buf: &mut [u8]) -> Option<Datagram> {
    let (bytes, from, at) = inbox.pop_front()?;
    buf[..bytes.len()].copy_from_slice(&bytes);
    Some(Datagram {
        len: bytes.len(),
        from,
        at,
    })
}

pub(super) struct Studio {
    pub table: MediaTable,
    pub net: Net,
    pub start: Instant,
    pub ms: u64,
    pub phones: Vec<Phone>,
    pub browsers: Vec<Browser>,
    pub earpieces: Vec<Earpiece>,
    /// Whether anybody has an ear at them.
    pub heard: Arc<AtomicBool>,
    pub events: Vec<MediaEvent>,
    /// RTCP that was sent, and where.
    pub reports: Vec<(SocketAddr, Vec<u8>)>,
    /// Every other phone is on a Media Stream.
    pub streams: bool,
    /// The codecs of phones, which take turns.
    pub codecs: &'static [Codec],
}

/// The two laws.
const NARROW: &[Codec] = &[Codec::G711(Law::Mu), Codec::G711(Law::A)];
/// Everything there is.
pub(super) const MIXED: &[Codec] = &[
    Codec::G722,
    Codec::G711(Law::Mu),
    Codec::Opus,
    Codec::G711(Law::A),
];

impl Studio {
    pub(super) fn new() -> Self {
        Self::with(MediaSettings::default())
    }

    pub(super) fn with(settings: MediaSettings) -> Self {
        let mut table = MediaTable::new(ASSETS.clone(), settings);
        table.spread();
        Self {
            table,
            net: Net::default(),
            start: crate::media::test_epoch(),
            ms: 0,
            phones: Vec::new(),
            browsers: Vec::new(),
            earpieces: Vec::new(),
            heard: Arc::new(AtomicBool::new(true)),
            events: Vec::new(),
            reports: Vec::new(),
            streams: false,
            codecs: NARROW,
        }
    }

    /// A studio all of whose phones come by RTP, one half of whose phones come by WebSockets, and one with all codecs.
    pub(super) fn of_all_kinds() -> [Self; 3] {
        let mut streams = Self::new();
        streams.streams = true;
        [Self::new(), streams, Self::of(MIXED)]
    }

    /// A studio whose phones have these codecs in turn.
    pub(super) fn of(codecs: &'static [Codec]) -> Self {
        Self {
            codecs,
            ..Self::new()
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.ms)
    }

    pub(super) fn spec(&self, n: usize, codec: impl Into<Codec>) -> LegSpec {
        let codec = codec.into();
        LegSpec {
            codec,
            payload_type: payload_type(codec),
            bitrate_max: None,
            dtmf_payload_type: Some(101),
            remote: format!("198.51.100.{}:4000", n + 1).parse().unwrap(),
            sources: Sources::of(NAT.parse().unwrap()),
            srtp: None,
            rtcp: crate::media::rtcp::RtcpPath::Muxed,
            cname: [b'A'; crate::media::rtcp::CNAME_LEN],
            ssrc: 1000 + n as u32,
            sequence: 65_500,
            timestamp: u32::MAX - 8000,
            receive: true,
            send: true,
        }
    }

    /// A phone that talks all the time. The codecs take turns.
    pub(super) fn phone(&mut self, hz: f32) -> usize {
        let n = self.phones.len();
        if self.streams && n.is_multiple_of(2) {
            return self.stream_phone(hz);
        }
        let spec = self.spec(n, self.codecs[n % self.codecs.len()]);
        let leg = self.table.add_leg(self.now(), spec.clone());
        self.net.inbox.insert(leg, VecDeque::new());
        self.phones.push(Phone::new(n, leg, &spec, hz));
        n
    }

    /// A phone on a Media Stream that talks all the time.
    pub(super) fn stream_phone(&mut self, hz: f32) -> usize {
        let n = self.phones.len();
        let (rings, socket) = stream::rings();
        let leg = self.table.add_stream(self.now(), rings);
        let mut phone = Phone::new(n, leg, &self.spec(n, Law::Mu), hz);
        phone.stream = Some(socket);
        self.phones.push(phone);
        n
    }

    /// A browser that talks all the time.
    pub(super) fn browser(&mut self, room: RoomKey, hz: f32) -> usize {
        let (producer, consumer) = RingBuffer::new(32);
        let source = self.table.add_source(room, consumer).unwrap();
        self.browsers.push(Browser::new(source, producer, hz));
        self.browsers.len() - 1
    }

    /// A browser of `room` listens to this phone.
    pub(super) fn earpiece(&mut self, phone: usize, room: RoomKey) -> usize {
        let (producer, consumer) = RingBuffer::new(16);
        self.table
            .tap(self.phones[phone].leg, room, producer, self.heard.clone())
            .unwrap();
        self.earpieces.push(Earpiece::new(consumer));
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
            let now = self.now();
            let phone = &mut self.phones[n];
            if phone.is_due(self.ms) && phone.stream.is_some() {
                phone.speak(now);
            } else if phone.is_due(self.ms) {
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
        self.collect();
        let now = self.now();
        for phone in &mut self.phones {
            phone.read_stream(self.ms, now);
        }
        self.earpieces.iter_mut().for_each(Earpiece::hear);
    }

    /// Carries what was sent to where it goes.
    pub(super) fn collect(&mut self) {
        for (leg, to, packet) in self.net.outbox.drain(..) {
            if is_rtcp(&packet) {
                self.reports.push((to, packet));
                continue;
            }
            if let Some(phone) = self.phones.iter_mut().find(|phone| phone.leg == leg) {
                phone.hear(self.ms, to, &packet);
            }
        }
    }

    /// The same, but nothing that is sent to one phone arrives.
    pub(super) fn tick_deaf(&mut self, deaf: usize) {
        let leg = std::mem::take(&mut self.phones[deaf].leg);
        self.tick();
        self.phones[deaf].leg = leg;
    }

    /// The tones a phone hears now, judged by its last 200 ms.
    pub(super) fn phone_hears(&self, phone: usize) -> Vec<f32> {
        let phone = &self.phones[phone];
        let (heard, len) = (&phone.heard, 200 * phone.per_ms());
        let detector = ToneDetector::new(phone.codec.band().sample_rate_hz(), &ALL);
        sorted(detector.present_hz(&heard[heard.len() - len..]))
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
        let phone = &self.phones[phone];
        let mut gaps = GapDetector::new(phone.codec.band().sample_rate_hz(), 0.004);
        let first = phone
            .got
            .iter()
            .position(|got| got.at_ms >= from_ms)
            .unwrap();
        gaps.hear(&phone.heard[first * 20 * phone.per_ms()..]);
        gaps.longest_ms()
    }
}

pub(super) fn payload_type(codec: Codec) -> u8 {
    match codec {
        Codec::G711(law) => law.payload_type(),
        Codec::G722 => 9,
        Codec::Opus => 111,
    }
}

fn sorted(mut tones: Vec<f32>) -> Vec<f32> {
    tones.sort_by(f32::total_cmp);
    tones
}
