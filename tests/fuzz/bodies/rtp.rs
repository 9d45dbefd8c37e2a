//! Packets, the latch, keys and the jitter buffer, driven by a row of operations.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use audioroad::media::dtmf::DtmfReceiver;
use audioroad::media::g711::Law;
use audioroad::media::jitter::JitterBuffer;
use audioroad::media::latch::{SourceLatch, Sources, Verdict};
use audioroad::media::rtp::{RtpIn, RtpOut};
use audioroad::media::stats::Reception;
use audioroad::media::{NB_FRAME, WB_FRAME};

use super::octets::{Octets, epoch};

const OPERATIONS_MAX: usize = 256;
/// Most frames that are played: to make up sound takes nearly all of the time and depends little on the input.
const PLAYS_MAX: u8 = 12;

/// Callers in G.711.
pub(crate) fn run(data: &[u8]) {
    hear(data, narrow);
}

/// Callers in G.722 and Opus, whose decoders take their time.
pub(crate) fn run_wide(data: &[u8]) {
    hear(data, wide);
}

/// The buffer of the codec, one of both.
type Buffer = (Option<JitterBuffer<1>>, Option<JitterBuffer<2>>);

fn narrow(octet: u8, delay_ms: u16) -> Buffer {
    let [mu, a] = Law::ALL;
    let law = if octet & 1 == 0 { mu } else { a };
    (Some(JitterBuffer::new(delay_ms, law)), None)
}

fn wide(octet: u8, delay_ms: u16) -> Buffer {
    let buffer = if octet & 1 == 0 {
        JitterBuffer::g722(delay_ms)
    } else {
        JitterBuffer::opus(delay_ms).expect("libopus")
    };
    (None, Some(buffer))
}

fn hear(data: &[u8], buffer: fn(u8, u16) -> Buffer) {
    let mut octets = Octets(data);
    let mut line = Line::new(octets.octet(), buffer);
    for _ in 0..OPERATIONS_MAX {
        if octets.is_empty() {
            break;
        }
        line.operate(&mut octets);
    }
}

fn address(octet: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, octet & 3], 4000 + u16::from(octet >> 2 & 3)))
}

struct Line {
    now: Instant,
    signalled: SocketAddr,
    latch: SourceLatch,
    keys: DtmfReceiver,
    narrow: Option<JitterBuffer<1>>,
    wide: Option<JitterBuffer<2>>,
    reception: Reception,
    /// The far end's stream, as it would be if it were honest.
    out: RtpOut,
    accepted: u64,
    plays: u8,
}

impl Line {
    fn new(octet: u8, buffer: fn(u8, u16) -> Buffer) -> Self {
        let (now, signalled) = (epoch(), address(octet));
        let delay_ms = u16::from(octet >> 6) * 60;
        let (narrow, wide) = buffer(octet >> 4, delay_ms);
        Self {
            now,
            signalled,
            latch: SourceLatch::new(signalled, Sources::of(signalled.ip()), now),
            keys: DtmfReceiver::new(),
            narrow,
            wide,
            reception: Reception::default(),
            out: RtpOut::new(1, 0xfff0, u32::MAX - 800),
            accepted: 0,
            plays: 0,
        }
    }

    fn operate(&mut self, octets: &mut Octets<'_>) {
        let operation = octets.octet();
        match operation & 7 {
            0 => {
                let len = usize::from(octets.octet());
                let from = address(octets.octet());
                let datagram = octets.take(len).to_vec();
                self.receive(from, &datagram);
            }
            1 | 2 => {
                let mut buffer = [0; 1500];
                let payload = vec![operation; usize::from(octets.octet()) * 2];
                if let Some(packet) = self.out.packet(operation >> 7 << 3, &payload, &mut buffer) {
                    let packet = packet.to_vec();
                    self.receive(self.signalled, &packet);
                }
                self.out.advance(u32::from(operation >> 3 & 15) * 80);
            }
            3 => self.now += Duration::from_micros(u64::from(octets.number()) * 50),
            4 => self.play(),
            5 => {
                let ticks = usize::from(octets.number());
                self.narrow.iter_mut().for_each(|jitter| jitter.skip(ticks));
                self.wide.iter_mut().for_each(|jitter| jitter.skip(ticks));
            }
            6 if operation & 8 == 0 => {
                self.narrow.iter_mut().for_each(JitterBuffer::hear_silence);
                self.wide.iter_mut().for_each(JitterBuffer::hear_silence);
            }
            6 => {
                let noise = [octets.octet()];
                self.narrow
                    .iter_mut()
                    .for_each(|jitter| jitter.hear_noise(&noise));
                self.wide
                    .iter_mut()
                    .for_each(|jitter| jitter.hear_noise(&noise));
            }
            _ => {
                self.signalled = address(octets.octet());
                self.latch.signal(self.signalled, self.now);
            }
        }
    }

    fn receive(&mut self, from: SocketAddr, datagram: &[u8]) {
        let Some(packet) = RtpIn::parse(datagram) else {
            return;
        };
        assert!(packet.payload.len() + 12 <= datagram.len());
        let before = self.latch.source();
        let verdict = self.latch.admit(from, self.now, &packet, false);
        let source = self.latch.source();
        if source != before {
            let is_announced = source == Some(self.signalled);
            assert!(before.is_none() || is_announced, "a latch that follows");
        }
        if !matches!(verdict, Verdict::Accept | Verdict::AcceptNewStream) {
            return;
        }
        assert_eq!(source, Some(from), "a foreign packet was accepted");
        self.accepted += 1;
        if verdict == Verdict::AcceptNewStream {
            self.narrow.iter_mut().for_each(JitterBuffer::restart);
            self.wide.iter_mut().for_each(JitterBuffer::restart);
        }
        // A key's packets are these few octets in practice, but nothing says so.
        self.keys.receive(self.now, &packet);
        if let Some(jitter) = &mut self.narrow {
            jitter.insert(self.now, packet.timestamp, packet.payload);
        }
        if let Some(jitter) = &mut self.wide {
            jitter.insert(self.now, packet.timestamp, packet.payload);
        }
        self.reception.count(self.now, &packet, true, 8000);
        assert!(self.reception.received() <= self.accepted);
        assert!(self.reception.jitter_ms().is_finite());
    }

    fn play(&mut self) {
        if self.plays >= PLAYS_MAX {
            return;
        }
        self.plays += 1;
        if let Some(jitter) = &mut self.narrow {
            let mut frame = [0.0; NB_FRAME];
            jitter.pull(self.now, &mut frame);
            is_sound(&frame, jitter.target_ms());
        }
        if let Some(jitter) = &mut self.wide {
            let mut frame = [0.0; WB_FRAME];
            jitter.pull(self.now, &mut frame);
            is_sound(&frame, jitter.target_ms());
        }
    }
}

fn is_sound(frame: &[f32], target_ms: u16) {
    let is_sound = |sample: &f32| sample.is_finite() && sample.abs() <= 1.0;
    assert!(frame.iter().all(is_sound), "{frame:?}");
    assert!((1..=400).contains(&target_ms));
}
