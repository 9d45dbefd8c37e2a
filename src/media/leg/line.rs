//! What a leg's line is like: reports are read and sent, and once a second everything is put together. None of it is on
//! the way of audio.

use std::time::Duration;

use super::{Leg, Side};
use crate::media::quality::{Impairment, Measured};
use crate::media::rtcp::{Moment, REPORT_BUF};
use crate::media::rtp::DATAGRAM_MAX;
use crate::media::table::{EventQueue, LegKey, MediaEvent, MediaIo, MediaSettings, Place};

/// Between two measurements: a second, less what the round may be early.
const MEASURE_EVERY: Duration = Duration::from_millis(900);
/// Datagrams taken from one RTCP socket at once.
const DATAGRAMS_MAX: usize = 16;

impl Leg {
    /// The leg's turn: now and then reports are read and the line is measured, and a report is sent when it is due.
    pub(in crate::media) fn take_turn(
        &mut self,
        key: LegKey,
        moment: &Moment,
        settings: &MediaSettings,
        io: &mut impl MediaIo,
        events: &mut EventQueue,
    ) {
        let now = moment.now;
        let since = self.measured_at.map(|at| now.saturating_duration_since(at));
        if since.is_none_or(|since| since >= MEASURE_EVERY) {
            self.measured_at = Some(now);
            self.read_control(key, moment, io, events);
            self.park();
            let measured = self.measured(settings);
            if let Some(quality) = self.line.measure(now, &measured) {
                events.push(MediaEvent::Line { leg: key, quality });
            }
        }
        if let Side::Rtp(rtp) = &mut self.side
            && rtp.control().is_due(moment)
        {
            self.send_control(key, moment, false, io);
        }
    }

    /// A caller who is in no room, and has been faded out of the last, needs no buffer.
    fn park(&mut self) {
        let is_heard = self.seat.is_some() || matches!(self.place, Place::Seat(_));
        if let Some(voice) = self.voice.as_mut().filter(|_| !is_heard) {
            voice.inbound.park();
        }
    }

    /// Tells the far end that we leave.
    pub(in crate::media) fn say_goodbye(
        &mut self,
        key: LegKey,
        moment: &Moment,
        io: &mut impl MediaIo,
    ) {
        self.send_control(key, moment, true, io);
    }

    fn read_control(
        &mut self,
        key: LegKey,
        moment: &Moment,
        io: &mut impl MediaIo,
        events: &mut EventQueue,
    ) {
        let Side::Rtp(rtp) = &mut self.side else {
            return;
        };
        if !rtp.is_muxed() {
            let mut buf = [0; DATAGRAM_MAX];
            for _ in 0..DATAGRAMS_MAX {
                let Some(datagram) = io.recv_control(key, &mut buf) else {
                    break;
                };
                let bytes = buf.get_mut(..datagram.len).unwrap_or_default();
                rtp.receive_control(bytes, datagram.from, datagram.at.min(moment.now));
            }
        }
        if rtp.control().take_goodbye() {
            events.push(MediaEvent::FarEndLeft { leg: key });
        }
    }

    fn send_control(&mut self, key: LegKey, moment: &Moment, is_last: bool, io: &mut impl MediaIo) {
        let Side::Rtp(rtp) = &mut self.side else {
            return;
        };
        let is_muxed = rtp.is_muxed();
        let mut buf = REPORT_BUF;
        match rtp.control_packet(moment, is_last, &mut buf) {
            Some((to, packet)) if is_muxed => io.send(key, to, packet),
            Some((to, packet)) => io.send_control(key, to, packet),
            None => {}
        }
    }

    fn measured(&mut self, settings: &MediaSettings) -> Measured {
        let inbound = self.voice.as_ref().map(|voice| &voice.inbound);
        let buffer_ms = inbound.map_or(settings.jitter_ms_min, |inbound| inbound.target_ms());
        let late = inbound.map_or(0, |inbound| inbound.counts().late);
        let (rtt_ms, far) = match &mut self.side {
            Side::Rtp(rtp) => {
                let control = rtp.control();
                let rtt = control.rtt().map(|rtt| rtt.as_secs_f32() * 1000.0);
                (rtt, control.far())
            }
            Side::Stream(stream) => (stream.round_trip_ms().map(|ms| ms as f32), None),
        };
        let (packets, jitter_ms) = self.reception();
        Measured {
            // One scale for all callers, the telephone's: G.722 and Opus are no worse than G.711 by it.
            codec: Impairment::G711,
            packets,
            late,
            jitter_ms,
            buffer_ms: f32::from(buffer_ms),
            rtt_ms,
            far,
        }
    }

    fn reception(&self) -> (crate::media::quality::LossCounts, f32) {
        let reception = match &self.side {
            Side::Rtp(rtp) => rtp.reception(),
            Side::Stream(stream) => stream.reception(),
        };
        (reception.losses(), reception.jitter_ms())
    }
}
