//! What a frame costs where no socket is involved: a whole room of callers, a hold feed with its listeners, and the coders.

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aes::Aes128Enc;
use audioroad::media::asset::{Assets, Prompt, demo_callers};
use audioroad::media::codec::Codec;
use audioroad::media::g711::Law;
use audioroad::media::g722;
use audioroad::media::latch::Sources;
use audioroad::media::opus::phone::{PhoneDecoder, PhoneEncoder};
use audioroad::media::opus::{BrowserDecoder, CallerEncoder, CallerOpus};
use audioroad::media::resample::Up2;
use audioroad::media::rtp::{PACKET_BUF, RtpOut};
use audioroad::media::srtp::{MasterKey, Mki, SrtpIn, SrtpOut, Suite};
use audioroad::media::{
    Datagram, FRAME_MS, LegKey, LegSpec, MediaIo, MediaSettings, MediaTable, NB_FRAME, NbFrame,
    Place, RoomKey, WB_FRAME,
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ctr::CtrCore;
use ctr::cipher::{InnerIvInit as _, KeyInit as _, StreamCipher as _, StreamCipherCoreWrapper};
use ctr::flavors::Ctr128BE;
use hmac::{Hmac, Mac as _};
use sha1::Sha1;
use slotmap::SecondaryMap;

/// Callers who tell the same story tell it so many frames apart.
const APART: usize = 37;

/// A network in memory: each leg has one packet of speech to read in each frame, and what is sent is gone.
struct Memory {
    streams: Vec<RtpOut>,
    stories: Vec<Prompt>,
    frame: usize,
    /// Which call has not read its packet yet.
    waiting: SecondaryMap<LegKey, usize>,
    now: Instant,
}

impl MediaIo for Memory {
    fn recv(&mut self, leg: LegKey, buf: &mut [u8]) -> Option<Datagram> {
        let call = self.waiting.remove(leg)?;
        let story = self.stories.get(call % self.stories.len())?;
        let word = story.frame((self.frame + call * APART) % story.frames(), Law::Mu)?;
        let out = self.streams.get_mut(call)?;
        let len = out.packet(0, word, buf.get_mut(..NB_FRAME + 12)?)?.len();
        out.advance(NB_FRAME as u32);
        Some(Datagram {
            len,
            from: far_end(),
            at: self.now,
        })
    }

    fn send(&mut self, _: LegKey, _: SocketAddr, packet: &[u8]) {
        black_box(packet);
    }
}

/// A table with its network, a frame at a time.
struct Show {
    table: MediaTable,
    legs: Vec<LegKey>,
    network: Memory,
}

impl Show {
    fn new(callers: usize, place: impl Fn(usize, RoomKey) -> Place) -> Self {
        Self::with(callers, MediaTable::add_room, place)
    }

    fn with(
        callers: usize,
        open: impl Fn(&mut MediaTable) -> RoomKey,
        place: impl Fn(usize, RoomKey) -> Place,
    ) -> Self {
        let assets = Arc::new(Assets::built_in().expect("the built-in sounds decode"));
        let mut table = MediaTable::new(assets, MediaSettings::default());
        let (now, room) = (start(), open(&mut table));
        let legs: Vec<LegKey> = (0..callers).map(|_| table.add_leg(now, spec())).collect();
        for (at, leg) in legs.iter().enumerate() {
            table.place(*leg, place(at, room));
        }
        let stories = demo_callers().expect("the built-in stories decode");
        let streams = legs.iter().map(|_| RtpOut::new(7, 1, 1)).collect();
        let network = Memory {
            streams,
            stories,
            frame: 0,
            waiting: SecondaryMap::new(),
            now,
        };
        let mut show = Self {
            table,
            legs,
            network,
        };
        // Latches, jitter buffers and fades find their place.
        (0..100).for_each(|_| show.frame());
        show
    }

    fn frame(&mut self) {
        let network = &mut self.network;
        network.now += Duration::from_millis(FRAME_MS);
        network.frame += 1;
        network
            .waiting
            .extend(self.legs.iter().enumerate().map(|(call, leg)| (*leg, call)));
        let now = network.now;
        for phase in 0..4 {
            self.table.tick(now, phase, network);
        }
        while self.table.poll_event().is_some() {}
    }
}

fn rooms(c: &mut Criterion) {
    let mut group = c.benchmark_group("a room of callers, one frame");
    for callers in [1_usize, 2, 5, 10, 20] {
        let mut show = Show::new(callers, |_, room| Place::Seat(room));
        group.throughput(Throughput::Elements(callers as u64));
        group.bench_function(BenchmarkId::from_parameter(callers), |b| {
            b.iter(|| show.frame())
        });
    }
    group.finish();
}

/// What a live room of five adds: its program and loudness, a host's limiter at work all the time, noise suppression for one.
fn live(c: &mut Criterion) {
    let mut group = c.benchmark_group("a room of five, one frame");
    let seat = |_, room| Place::Seat(room);
    let mut plain = Show::new(5, seat);
    group.bench_function("talking among themselves", |b| b.iter(|| plain.frame()));
    let mut program = Show::with(5, MediaTable::add_live_room, seat);
    group.bench_function("live", |b| b.iter(|| program.frame()));
    let mut loud = Show::new(5, seat);
    for &leg in &loud.legs {
        loud.table.set_gain(leg, 20.0);
    }
    group.bench_function("all far too loud", |b| b.iter(|| loud.frame()));
    let mut clean = Show::new(5, seat);
    clean.table.set_denoised(clean.legs[0], true);
    group.bench_function("one without noise", |b| b.iter(|| clean.frame()));
    group.finish();
}

fn hold(c: &mut Criterion) {
    let mut group = c.benchmark_group("one caller on air and listeners on hold, one frame");
    for listeners in [1_usize, 50, 500] {
        let place = |at, room| {
            if at == 0 {
                Place::Seat(room)
            } else {
                Place::Listen(room)
            }
        };
        let mut show = Show::new(listeners + 1, place);
        group.throughput(Throughput::Elements(listeners as u64));
        group.bench_function(BenchmarkId::from_parameter(listeners), |b| {
            b.iter(|| show.frame())
        });
    }
    group.finish();
}

fn coders(c: &mut Criterion) {
    let stories = demo_callers().expect("the built-in stories decode");
    // A second in, somebody speaks.
    let coded = *stories[0].frame(50, Law::Mu).expect("a long story");
    let frame = Law::Mu.decode_frame(&coded);
    c.bench_function("mu-law, encode a frame", |b| {
        b.iter(|| Law::Mu.encode_frame(black_box(&frame)))
    });
    c.bench_function("mu-law, decode a frame", |b| {
        b.iter(|| Law::Mu.decode_frame(black_box(&coded)))
    });
    wide_coders(c, &frame);
    let mut encoder = CallerEncoder::new(CallerOpus::default()).expect("libopus");
    c.bench_function("Opus, a caller's frame for browsers", |b| {
        b.iter(|| {
            encoder
                .encode(black_box(&frame))
                .map(|packet| packet.timestamp)
        });
    });
    let packet = encoder.encode(&frame).expect("a packet");
    let mut decoder = BrowserDecoder::new().expect("libopus");
    c.bench_function("Opus, a browser's frame at 48 kHz", |b| {
        b.iter(|| {
            decoder
                .decode(black_box(packet.payload.as_slice()))
                .map(<[f32]>::len)
        });
    });
}

/// What a wide caller costs on top: decoded while heard, encoded while listening alone.
fn wide_coders(c: &mut Criterion, narrow: &NbFrame) {
    let mut frame = [0.0; WB_FRAME];
    Up2::new().add(narrow, &mut frame);
    let (mut encoder, mut decoder) = (g722::Encoder::new(), g722::Decoder::new());
    c.bench_function("G.722, encode a frame", |b| {
        b.iter(|| encoder.frame(black_box(&frame)))
    });
    let coded = encoder.frame(&frame);
    c.bench_function("G.722, decode a frame", |b| {
        b.iter(|| black_box(coded).map(|octet| decoder.samples(octet)))
    });
    let mut encoder = PhoneEncoder::shared().expect("libopus");
    c.bench_function("Opus, encode a frame for telephones", |b| {
        b.iter(|| encoder.frame(&frame, black_box(&frame)).map(|_| ()))
    });
    let coded = encoder.frame(&frame, &frame).expect("a packet");
    let (mut decoder, mut samples) = (PhoneDecoder::new().expect("libopus"), [0.0; WB_FRAME]);
    c.bench_function("Opus, decode a telephone's frame", |b| {
        b.iter(|| {
            decoder
                .decode(black_box(coded.as_slice()), &mut samples)
                .ok()
        })
    });
}

fn far_end() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 4000))
}

fn spec() -> LegSpec {
    LegSpec {
        codec: Codec::G711(Law::Mu),
        payload_type: 0,
        bitrate_max: None,
        dtmf_payload_type: Some(101),
        remote: far_end(),
        sources: Sources::of(far_end().ip()),
        srtp: None,
        rtcp: audioroad::media::rtcp::RtcpPath::Muxed,
        cname: [b'A'; audioroad::media::rtcp::CNAME_LEN],
        ssrc: 1,
        sequence: 1,
        timestamp: 1,
        receive: true,
        send: true,
    }
}

#[expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]
fn start() -> Instant {
    Instant::now()
}

/// One packet of 20 ms sealed and opened again, beside the bare cipher and two tags over as many octets.
fn srtp(c: &mut Criterion) {
    let master = MasterKey {
        key: [7; 16],
        salt: [9; 14],
    };
    let suite = Suite::AesCm128HmacSha1_80;
    let mut group = c.benchmark_group("SRTP, a packet of 172 octets");
    group.throughput(Throughput::Elements(1));
    group.bench_function("protect and unprotect", |b| {
        let mut stream = RtpOut::new(1, 1, 1);
        let mut ours = SrtpOut::new(suite, &master);
        let mut theirs = SrtpIn::new(suite, &master, Mki::default());
        b.iter(|| {
            let mut buf = PACKET_BUF;
            let plain = stream
                .packet(0, &[0x55; NB_FRAME], &mut buf)
                .map(<[u8]>::len);
            let len = plain.and_then(|plain| ours.protect(&mut buf, plain));
            let sealed = len.and_then(|len| buf.get_mut(..len)).unwrap_or_default();
            theirs.unprotect(sealed).map(<[u8]>::len)
        });
    });
    group.bench_function("AES-CTR and HMAC-SHA1, twice", |b| {
        let cipher = Aes128Enc::new(&master.key.into());
        let mac = <Hmac<Sha1> as hmac::Mac>::new_from_slice(&[3; 20]).expect("a key of any length");
        let mut buf = [0x55; 172];
        b.iter(|| {
            for _ in 0..2 {
                let core = CtrCore::<_, Ctr128BE>::inner_iv_init(&cipher, &[0; 16].into());
                StreamCipherCoreWrapper::from_core(core).apply_keystream(&mut buf[12..]);
                let mut mac = mac.clone();
                mac.update(&buf);
                black_box(mac.finalize().into_bytes());
            }
        });
    });
    group.finish();
}

criterion_group!(benches, rooms, live, hold, coders, srtp);
criterion_main!(benches);
