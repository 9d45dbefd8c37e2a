//! The RTP under a leg: `datagram → (SRTP) → latch → counts, keys → what it brings` and
//! `20 ms in a codec → header → (SRTP) → datagram`. Who is heard, and where, is the leg's affair.

mod control;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::FRAME_MS;
use super::codec::{Codec, Payload};
use super::dtmf::DtmfReceiver;
use super::latch::{SourceLatch, Verdict};
use super::rtcp::{Control, is_rtcp};
use super::rtp::{COMFORT_NOISE, PacketBuf, RtpIn, RtpOut};
use super::srtp::{Refused, Srtp, SrtpKeys};
use super::stats::{LegReport, Reception};
use super::table::{LegChange, LegSpec};

/// Packets in the codec before are still taken for so long after a new one was agreed upon (RFC 3264 section 8.3.2).
const FORMER_CODEC: Duration = Duration::from_secs(2);

/// Our end of one RTP session.
#[derive(Debug)]
pub(super) struct RtpSide {
    negotiated: LegChange,
    former: Option<Former>,
    latch: SourceLatch,
    reception: Reception,
    dtmf: DtmfReceiver,
    out: RtpOut,
    srtp: Option<Box<Srtp>>,
    counts: LegReport,
    control: Control,
    /// When the last packet went.
    sent_at: Option<Instant>,
}

/// The codec before.
#[derive(Debug, Clone, Copy)]
struct Former {
    codec: Codec,
    payload_type: u8,
    until: Instant,
}

/// A packet that was taken.
#[derive(Debug)]
pub(super) struct Arrival<'a> {
    /// It begins a stream: what came before is to be forgotten.
    pub(super) is_fresh: bool,
    /// The address that was latched by it.
    pub(super) latched: Option<SocketAddr>,
    /// What it brings.
    pub(super) content: Content<'a>,
}

/// What a packet brings.
#[derive(Debug)]
pub(super) enum Content<'a> {
    /// Audio.
    Audio {
        /// The codec that was negotiated, or for a moment the one before.
        codec: Codec,
        /// RTP's media clock, at the codec's rate.
        timestamp: u32,
        /// What the codec made.
        payload: &'a [u8],
    },
    /// A key, or part of one, in the place of audio; the digit at the first sight of it.
    Key(Option<char>),
    /// Comfort noise (RFC 3389): its level, and coefficients.
    Noise(&'a [u8]),
    /// Nothing that is to be heard.
    Nothing,
}

impl RtpSide {
    pub(super) fn new(now: Instant, spec: LegSpec) -> Self {
        Self {
            negotiated: LegChange::from(&spec),
            former: None,
            latch: SourceLatch::new(spec.remote, spec.sources, now),
            reception: Reception::default(),
            dtmf: DtmfReceiver::new(),
            out: RtpOut::new(spec.ssrc, spec.sequence, spec.timestamp),
            srtp: spec.srtp.map(|keys| Box::new(Srtp::new(keys))),
            counts: LegReport::default(),
            control: Control::new(now, spec.rtcp, spec.cname),
            sent_at: None,
        }
    }

    pub(super) fn negotiated(&self) -> &LegChange {
        &self.negotiated
    }

    /// Whether the far end is to send.
    pub(super) fn receives(&self) -> bool {
        self.negotiated.receive
    }

    /// Takes the result of a new offer and answer.
    pub(super) fn renegotiate(&mut self, now: Instant, change: LegChange) {
        self.latch.signal(change.remote, now);
        self.control.signal(change.rtcp);
        self.rekey(change.srtp);
        let before = std::mem::replace(&mut self.negotiated, change);
        if before.codec == change.codec {
            return;
        }
        self.former = Some(Former {
            codec: before.codec,
            payload_type: before.payload_type,
            until: now + FORMER_CODEC,
        });
        if before.codec.clock_hz() != change.codec.clock_hz() {
            // One stream has one clock (RFC 7160 section 4.1).
            self.out.begin_anew();
            self.sent_at = None;
            if let Some(srtp) = &mut self.srtp {
                srtp.outbound.begin_anew();
            }
        }
    }

    fn rekey(&mut self, keys: Option<SrtpKeys>) {
        match (&mut self.srtp, keys) {
            (srtp, None) => *srtp = None,
            (Some(srtp), Some(keys)) => {
                if srtp.agree(keys) {
                    self.out.begin_anew();
                }
            }
            (srtp @ None, Some(keys)) => {
                *srtp = Some(Box::new(Srtp::new(keys)));
                self.out.begin_anew();
            }
        }
    }

    /// Judges and counts a datagram; what it brings, if it is taken.
    pub(super) fn receive<'a>(
        &mut self,
        datagram: &'a mut [u8],
        from: SocketAddr,
        at: Instant,
    ) -> Option<Arrival<'a>> {
        if self.control.is_muxed() && is_rtcp(datagram) {
            self.receive_control(datagram, from, at);
            return None;
        }
        if self.latch.is_foreign(from, at) {
            self.counts.foreign += 1;
            return None;
        }
        let Some(packet) = RtpIn::parse(self.open(datagram)?) else {
            self.counts.malformed += 1;
            return None;
        };
        let latched = self.latch.source();
        let is_authentic = self.srtp.is_some();
        let is_fresh = match self.latch.admit(from, at, &packet, is_authentic) {
            Verdict::Accept => false,
            Verdict::AcceptNewStream => true,
            Verdict::Probation => {
                self.counts.probation += 1;
                return None;
            }
            Verdict::Foreign => {
                self.counts.foreign += 1;
                return None;
            }
            Verdict::OverRate => {
                self.counts.over_rate += 1;
                return None;
            }
        };
        let is_media = packet.payload_type == self.negotiated.payload_type;
        let clock_hz = self.negotiated.codec.clock_hz();
        self.reception.count(at, &packet, is_media, clock_hz);
        Some(Arrival {
            is_fresh,
            latched: self
                .latch
                .source()
                .filter(|_| latched != self.latch.source()),
            content: self.content(at, &packet),
        })
    }

    /// The RTP packet in a datagram; nothing of it is believed before its tag is right.
    fn open<'a>(&mut self, datagram: &'a mut [u8]) -> Option<&'a [u8]> {
        let Some(srtp) = &mut self.srtp else {
            return Some(datagram);
        };
        let refused = if is_rtcp(datagram) {
            Refused::Malformed
        } else {
            match srtp.inbound.unprotect(datagram) {
                Ok(packet) => return Some(packet),
                Err(refused) => refused,
            }
        };
        match refused {
            Refused::Malformed => self.counts.malformed += 1,
            Refused::Replayed => self.counts.replayed += 1,
            Refused::Unauthentic => self.counts.unauthentic += 1,
        }
        None
    }

    fn content<'a>(&mut self, at: Instant, packet: &RtpIn<'a>) -> Content<'a> {
        if packet.payload_type == self.negotiated.payload_type {
            if !self.negotiated.receive {
                return Content::Nothing;
            }
            return Content::Audio {
                codec: self.negotiated.codec,
                timestamp: packet.timestamp,
                payload: packet.payload,
            };
        }
        if let Some(former) = self.former
            && packet.payload_type == former.payload_type
            && at < former.until
            && self.negotiated.receive
        {
            return Content::Audio {
                codec: former.codec,
                timestamp: packet.timestamp,
                payload: packet.payload,
            };
        }
        if Some(packet.payload_type) == self.negotiated.dtmf_payload_type {
            return Content::Key(self.dtmf.receive(at, packet));
        }
        if packet.payload_type == COMFORT_NOISE {
            return Content::Noise(packet.payload);
        }
        self.counts.unknown_payload += 1;
        Content::Nothing
    }

    /// The next packet and where it goes, if it goes anywhere; time passes either way.
    pub(super) fn packet<'b>(
        &mut self,
        now: Instant,
        payload: &Payload,
        buf: &'b mut PacketBuf,
    ) -> Option<(SocketAddr, &'b [u8])> {
        let payload = payload.as_slice();
        let sends = self.negotiated.send && !payload.is_empty();
        let Some(target) = self.latch.target().filter(|_| sends) else {
            self.skip(1);
            return None;
        };
        let packet = self.out.packet(self.negotiated.payload_type, payload, buf);
        self.out.advance(self.frame_clock());
        let plain = packet?.len();
        let len = match &mut self.srtp {
            Some(srtp) => srtp.outbound.protect(buf, plain)?,
            None => plain,
        };
        self.counts.sent += 1;
        self.control.sent(self.out.ssrc(), payload.len());
        self.sent_at = Some(now);
        buf.get(..len).map(|packet| (target, packet))
    }

    /// Lets `frames` of 20 ms pass in which nothing was sent.
    pub(super) fn skip(&mut self, frames: u32) {
        self.out.skip(frames.wrapping_mul(self.frame_clock()));
        let passed = Duration::from_millis(FRAME_MS) * frames;
        self.sent_at = self.sent_at.map(|at| at + passed);
    }

    /// Steps of the RTP clock in a frame.
    fn frame_clock(&self) -> u32 {
        self.negotiated.codec.clock_hz() / 1000 * FRAME_MS as u32
    }

    /// What has been received so far.
    pub(super) fn reception(&self) -> &Reception {
        &self.reception
    }

    /// What has happened so far on the network.
    pub(super) fn report(&self) -> LegReport {
        self.with_control(LegReport {
            received: self.reception.received(),
            lost: self.reception.lost(),
            jitter_ms: self.reception.jitter_ms(),
            codec: Some(self.negotiated.codec),
            suite: self.srtp.as_ref().map(|srtp| srtp.suite()),
            ..self.counts
        })
    }
}

#[cfg(test)]
mod tests;
