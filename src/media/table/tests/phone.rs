//! A telephone with a tone for a voice, and what must hold for all it ever hears.

use std::net::SocketAddr;
use std::time::Instant;

use crate::media::g711::Law;
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
}

pub(super) struct Phone {
    pub ssrc: u32,
    pub leg: LegKey,
    pub hz: f32,
    tone: Tone,
    law: Law,
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
            tone: Tone::new(8000, hz, 0.2),
            law: spec.law,
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

    /// True when a packet leaves in the 5 ms from `ms` on.
    pub(super) fn is_due(&self, ms: u64) -> bool {
        let into = (ms + 1000 * FRAME_MS - self.offset_ms) % self.packet_ms;
        self.talking && into < 5
    }

    /// The next packet of the phone's voice.
    pub(super) fn packet(&mut self) -> Vec<u8> {
        let mut samples = vec![0.0; self.packet_ms as usize * 8];
        self.tone.add(&mut samples);
        let payload: Vec<u8> = samples.iter().map(|x| self.law.encode(*x)).collect();
        let packet = rtp(
            self.law.payload_type(),
            self.sequence,
            self.timestamp,
            self.ssrc,
            &payload,
        );
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(samples.len() as u32);
        packet
    }

    pub(super) fn hear(&mut self, at_ms: u64, to: SocketAddr, packet: &[u8]) {
        let packet = RtpIn::parse(packet).unwrap();
        let law = if packet.payload_type == 0 {
            Law::Mu
        } else {
            Law::A
        };
        self.heard
            .extend(packet.payload.iter().map(|byte| law.decode(*byte)));
        self.got.push(Got {
            at_ms,
            to,
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            payload_type: packet.payload_type,
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
                a.timestamp.wrapping_add(160),
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
        let mut clicks = ClickDetector::new(8000);
        for (frame, got) in self.heard.chunks(NB_FRAME).zip(&self.got) {
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
        let detector = ToneDetector::new(8000, &[self.hz]);
        for (at, window) in self.heard.windows(320).step_by(80).enumerate() {
            let level = detector.levels_dbfs(window)[0];
            let others = 10.0 * (window.iter().map(|x| x * x).sum::<f32>() / 320.0).log10();
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
