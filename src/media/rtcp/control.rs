//! The RTCP of one call: when we report, whose reports we believe, and what follows from them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::read::{Blocks, Compound, Packet, ReportBlock, SenderInfo};
use super::write::Report;
use super::{CNAME_LEN, NtpTime, RtcpPath, interval, long_delay, short_delay};

/// Compounds a second taken from a call; an honest far end sends one in two seconds at most.
const RATE_MAX: u32 = 10;
/// Sender reports of ours that a far end may still refer to.
const REMEMBERED: usize = 4;
/// A round trip that is longer is a fault of somebody's arithmetic.
const RTT_MAX: Duration = Duration::from_secs(30);

/// Now, by all the clocks and dice that RTCP needs.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// The monotonic clock.
    pub now: Instant,
    /// The time of day.
    pub ntp: NtpTime,
    /// Any 32 random bits.
    pub chance: u32,
}

/// What the RTP under it is like at a moment.
#[derive(Debug, Clone, Copy)]
pub(in crate::media) struct RtpState {
    /// Ours.
    pub(in crate::media) ssrc: u32,
    /// Of the stream that we hear, if any.
    pub(in crate::media) heard_ssrc: Option<u32>,
    /// Where RTP goes.
    pub(in crate::media) target: Option<SocketAddr>,
    /// Units of the media clock in a millisecond.
    pub(in crate::media) per_ms: f32,
}

/// Compounds by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RtcpCounts {
    /// Sent.
    pub sent: u64,
    /// Taken from the far end.
    pub received: u64,
    /// From an address that is not the caller's.
    pub foreign: u64,
    /// Not RTCP, or lying about its lengths.
    pub malformed: u64,
    /// Beyond the rate cap.
    pub over_rate: u64,
    /// Encrypted ones whose tag is not right, or that came before.
    pub forged: u64,
}

/// What the far end says that it receives of us.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FarEnd {
    /// When it said so.
    pub at: Instant,
    /// Lost between its last two reports.
    pub loss_percent: f32,
    /// Lost since our stream began; less than 0 where packets came twice.
    pub lost: i32,
    /// Interarrival jitter.
    pub jitter_ms: f32,
}

/// Our stream, as its reports count it.
#[derive(Debug, Clone, Copy, Default)]
struct OurStream {
    ssrc: u32,
    packets: u32,
    octets: u32,
    /// Packets at the last report.
    reported: u32,
}

/// The RTCP of one call.
#[derive(Debug)]
pub(in crate::media) struct Control {
    path: RtcpPath,
    cname: [u8; CNAME_LEN],
    due: Option<Instant>,
    ours: OurStream,
    /// The middles of our last sender reports, and when they went.
    reports: [Option<(u32, Instant)>; REMEMBERED],
    /// Where RTCP came from, when it does not come by RTP's port.
    heard: Option<SocketAddr>,
    /// Whose sender report came last: SSRC, the middle of its time, when.
    last_sr: Option<(u32, u32, Instant)>,
    rtt: Option<Duration>,
    far: Option<FarEnd>,
    /// The far end said good-bye, and nobody was told.
    goodbye: bool,
    has_left: bool,
    second: Instant,
    second_count: u32,
    pub(in crate::media) counts: RtcpCounts,
}

impl Control {
    pub(in crate::media) fn new(now: Instant, path: RtcpPath, cname: [u8; CNAME_LEN]) -> Self {
        Self {
            path,
            cname,
            due: None,
            ours: OurStream::default(),
            reports: [None; REMEMBERED],
            heard: None,
            last_sr: None,
            rtt: None,
            far: None,
            goodbye: false,
            has_left: false,
            second: now,
            second_count: 0,
            counts: RtcpCounts::default(),
        }
    }

    /// Takes the result of a new offer and answer.
    pub(in crate::media) fn signal(&mut self, path: RtcpPath) {
        if path != self.path {
            self.path = path;
            self.heard = None;
        }
    }

    pub(in crate::media) fn is_muxed(&self) -> bool {
        self.path == RtcpPath::Muxed
    }

    /// Counts an RTP packet of ours.
    pub(in crate::media) fn sent(&mut self, ssrc: u32, octets: usize) {
        if self.ours.ssrc != ssrc {
            self.ours = OurStream {
                ssrc,
                ..OurStream::default()
            };
        }
        self.ours.packets = self.ours.packets.wrapping_add(1);
        self.ours.octets = self.ours.octets.wrapping_add(octets as u32);
    }

    /// Whether a datagram may be read at all: it is from the caller, and not one too many.
    pub(in crate::media) fn admits(
        &mut self,
        from: SocketAddr,
        at: Instant,
        target: Option<SocketAddr>,
    ) -> bool {
        if !self.is_from_caller(from, target) {
            self.counts.foreign += 1;
            return false;
        }
        if at.saturating_duration_since(self.second) >= Duration::from_secs(1) {
            self.second = at;
            self.second_count = 0;
        }
        self.second_count = self.second_count.saturating_add(1);
        let is_over_rate = self.second_count > RATE_MAX;
        self.counts.over_rate += u64::from(is_over_rate);
        !is_over_rate
    }

    /// RTP's own peer, or, on a port of its own, the address in the SDP or the first one of RTP's host.
    fn is_from_caller(&self, from: SocketAddr, target: Option<SocketAddr>) -> bool {
        let is_signalled = self.path == RtcpPath::At(from);
        match (self.path, self.heard) {
            (RtcpPath::Muxed, _) => target == Some(from),
            (RtcpPath::At(_), Some(heard)) => from == heard || is_signalled,
            (RtcpPath::At(_), None) => {
                is_signalled || target.is_some_and(|target| target.ip() == from.ip())
            }
        }
    }

    /// Reads a datagram that was admitted and, where it was encrypted, opened.
    pub(in crate::media) fn receive(
        &mut self,
        datagram: &[u8],
        from: SocketAddr,
        at: Instant,
        rtp: &RtpState,
    ) {
        let Some(compound) = Compound::read(datagram) else {
            self.counts.malformed += 1;
            return;
        };
        self.counts.received += 1;
        if !self.is_muxed() {
            self.heard = Some(from);
        }
        for packet in compound.packets() {
            match packet {
                Packet::SenderReport { ssrc, info, blocks } => {
                    if rtp.heard_ssrc == Some(ssrc) {
                        self.last_sr = Some((ssrc, info.ntp.middle(), at));
                    }
                    self.hear(at, blocks, rtp);
                }
                Packet::ReceiverReport { blocks, .. } => self.hear(at, blocks, rtp),
                Packet::Goodbye { ssrc } if rtp.heard_ssrc == Some(ssrc) && !self.has_left => {
                    self.has_left = true;
                    self.goodbye = true;
                }
                Packet::Goodbye { .. } | Packet::SourceDescription { .. } | Packet::Other => {}
            }
        }
    }

    /// What the far end says of our stream.
    fn hear(&mut self, at: Instant, blocks: Blocks<'_>, rtp: &RtpState) {
        let Some(block) = blocks.iter().find(|block| block.ssrc == rtp.ssrc) else {
            return;
        };
        self.far = Some(FarEnd {
            at,
            loss_percent: f32::from(block.fraction_lost) * 100.0 / 256.0,
            lost: block.lost,
            jitter_ms: block.jitter as f32 / rtp.per_ms,
        });
        // Only for a report that we did send: what a far end makes up is no round trip.
        let sent = self.reports.iter().flatten();
        let Some((_, sent_at)) = sent.rev().find(|(middle, _)| *middle == block.last_sr) else {
            return;
        };
        let away = at.saturating_duration_since(*sent_at);
        let rtt = away.saturating_sub(long_delay(block.delay_since_last_sr));
        self.rtt = Some(rtt).filter(|rtt| *rtt < RTT_MAX).or(self.rtt);
    }

    /// Whether a report is due; the first moment only sets the alarm.
    pub(in crate::media) fn is_due(&mut self, moment: &Moment) -> bool {
        match self.due {
            Some(due) if due <= moment.now => {
                self.due = Some(moment.now + interval(false, moment.chance));
                true
            }
            Some(_) => false,
            None => {
                self.due = Some(moment.now + interval(true, moment.chance));
                false
            }
        }
    }

    /// Writes a report and says where it goes; nothing when there is nowhere. `timestamp` is now by our media clock,
    /// `block` what we receive.
    pub(in crate::media) fn report(
        &mut self,
        moment: &Moment,
        rtp: &RtpState,
        timestamp: u32,
        block: Option<ReportBlock>,
        is_last: bool,
        buf: &mut [u8],
    ) -> Option<(SocketAddr, usize)> {
        let to = self.target(rtp.target)?;
        let block = block.map(|block| self.dated(moment.now, block));
        let has_sent = self.ours.ssrc == rtp.ssrc && self.ours.packets != self.ours.reported;
        let info = has_sent.then_some(SenderInfo {
            ntp: moment.ntp,
            timestamp,
            packets: self.ours.packets,
            octets: self.ours.octets,
        });
        let report = Report {
            ssrc: rtp.ssrc,
            info,
            block,
            cname: self.cname,
            is_last,
        };
        let len = report.write(buf)?;
        if has_sent {
            self.ours.reported = self.ours.packets;
            self.reports.rotate_left(1);
            if let Some(last) = self.reports.last_mut() {
                *last = Some((moment.ntp.middle(), moment.now));
            }
        }
        self.counts.sent += 1;
        Some((to, len))
    }

    /// Puts into a block when the stream's sender reported last.
    fn dated(&self, now: Instant, block: ReportBlock) -> ReportBlock {
        let last = self.last_sr.filter(|(ssrc, ..)| *ssrc == block.ssrc);
        let Some((_, middle, at)) = last else {
            return block;
        };
        ReportBlock {
            last_sr: middle,
            delay_since_last_sr: short_delay(now.saturating_duration_since(at)),
            ..block
        }
    }

    /// With RTP, or where RTCP comes from, or where the SDP wants it, or, where RTP comes from another host than the
    /// SDP says, one port beside that.
    fn target(&self, rtp: Option<SocketAddr>) -> Option<SocketAddr> {
        let rtp = rtp?;
        let RtcpPath::At(signalled) = self.path else {
            return Some(rtp);
        };
        if self.heard.is_some() {
            return self.heard;
        }
        if signalled.ip() == rtp.ip() {
            return Some(signalled).filter(|to| to.port() != 0);
        }
        let port = rtp.port().checked_add(1)?;
        Some(SocketAddr::new(rtp.ip(), port))
    }

    /// The last round trip.
    pub(in crate::media) fn rtt(&self) -> Option<Duration> {
        self.rtt
    }

    /// What the far end said last.
    pub(in crate::media) fn far(&self) -> Option<FarEnd> {
        self.far
    }

    /// Whether the far end has said good-bye since the last call of this.
    pub(in crate::media) fn take_goodbye(&mut self) -> bool {
        std::mem::take(&mut self.goodbye)
    }
}
