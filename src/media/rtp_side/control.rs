//! The RTCP beside the RTP of a leg: `datagram → whose? → (SRTCP) → Control`, and our reports the other way.

use std::net::SocketAddr;
use std::time::Instant;

use super::RtpSide;
use crate::media::rtcp::{Control, Moment, ReportBlock, ReportBuf, RtpState};
use crate::media::srtp::Refused;
use crate::media::stats::LegReport;

impl RtpSide {
    /// Whether reports come on the RTP port, and go from it.
    pub(in crate::media) fn is_muxed(&self) -> bool {
        self.control.is_muxed()
    }

    pub(in crate::media) fn control(&mut self) -> &mut Control {
        &mut self.control
    }

    /// Judges a datagram that is no RTP, and reads it if it is from the caller.
    pub(in crate::media) fn receive_control(
        &mut self,
        datagram: &mut [u8],
        from: SocketAddr,
        at: Instant,
    ) {
        let rtp = self.state();
        if !self.control.admits(from, at, rtp.target) {
            return;
        }
        let compound = match &mut self.srtp {
            None => &*datagram,
            Some(srtp) => match srtp.control_in.unprotect(datagram) {
                Ok(compound) => compound,
                Err(Refused::Malformed) => {
                    self.control.counts.malformed += 1;
                    return;
                }
                Err(Refused::Replayed | Refused::Unauthentic) => {
                    self.control.counts.forged += 1;
                    return;
                }
            },
        };
        self.control.receive(compound, from, at, &rtp);
    }

    /// Our next report and where it goes, if it goes anywhere.
    pub(in crate::media) fn control_packet<'b>(
        &mut self,
        moment: &Moment,
        is_last: bool,
        buf: &'b mut ReportBuf,
    ) -> Option<(SocketAddr, &'b [u8])> {
        let rtp = self.state();
        rtp.target?;
        let timestamp = self.timestamp_at(moment.now);
        let block: Option<ReportBlock> =
            self.reception.take_block(self.negotiated.codec.clock_hz());
        let report = self
            .control
            .report(moment, &rtp, timestamp, block, is_last, buf);
        let (to, plain) = report?;
        let len = match &mut self.srtp {
            Some(srtp) => srtp.control_out.protect(buf, plain)?,
            None => plain,
        };
        buf.get(..len).map(|packet| (to, packet))
    }

    fn state(&self) -> RtpState {
        RtpState {
            ssrc: self.out.ssrc(),
            heard_ssrc: self.reception.ssrc(),
            target: self.latch.target(),
            per_ms: self.per_ms() as f32,
        }
    }

    /// The media clock at `now`: that of the last packet, and what has passed since it went.
    fn timestamp_at(&self, now: Instant) -> u32 {
        let Some(sent_at) = self.sent_at else {
            return self.out.timestamp();
        };
        let since = now.saturating_duration_since(sent_at).as_micros();
        let since = since.saturating_mul(self.per_ms().into()) / 1000;
        let of_last = self.out.timestamp().wrapping_sub(self.frame_clock());
        of_last.wrapping_add(since as u32)
    }

    /// Steps of the RTP clock in a millisecond.
    fn per_ms(&self) -> u32 {
        self.negotiated.codec.clock_hz() / 1000
    }

    /// Adds what RTCP knows.
    pub(super) fn with_control(&self, report: LegReport) -> LegReport {
        LegReport {
            far: self.control.far(),
            rtcp: self.control.counts,
            ..report
        }
    }
}
