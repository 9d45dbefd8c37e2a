//! The leg's side of a call: from agreed media to the table, and what the table notices.

use actix::{AsyncContext, Context, Handler};

use crate::{
    actors::{
        call::{CallActor, Welcome, encryption, line},
        clock,
        message::{Admit, Announced, CallAnswered, OnLeg, SetDenoised, SetGain, SetMuted},
        random, studio,
    },
    domain::Cause,
    media::{
        LegChange, LegKey, LegSpec, MediaTable, Place, codec, g711::Law, rtcp::RtcpPath,
        srtp::Suite, stats::LegReport, table::MediaEvent,
    },
    sip::{
        Reason,
        sdp::{Codec, Negotiated, Rtcp},
    },
};

fn leg_change(agreed: &Negotiated) -> LegChange {
    LegChange {
        codec: match agreed.codec {
            Codec::Pcmu => codec::Codec::G711(Law::Mu),
            Codec::Pcma => codec::Codec::G711(Law::A),
            Codec::G722 => codec::Codec::G722,
            Codec::Opus => codec::Codec::Opus,
        },
        payload_type: agreed.payload_type,
        bitrate_max: agreed.bitrate_max,
        dtmf_payload_type: agreed.dtmf_payload_type,
        remote: agreed.remote,
        srtp: encryption::keys(agreed),
        rtcp: match agreed.rtcp {
            Rtcp::Muxed => RtcpPath::Muxed,
            Rtcp::At(address) => RtcpPath::At(address),
        },
        receive: agreed.direction.receives(),
        send: agreed.direction.sends(),
    }
}

/// What a line was like and why the far end ended it (RFC 3326), as JSON for the row.
pub(super) fn quality(report: Option<&LegReport>, reason: Option<&Reason>) -> Option<String> {
    let Some(report) = report else {
        let told = reason.map(|reason| serde_json::json!({ "reason": reason.to_string() }));
        return told.map(|told| told.to_string());
    };
    let mut told = serde_json::json!({
        "reason": reason.map(Reason::to_string),
        "codec": report.codec.map(codec::Codec::name),
        "received": report.received,
        "lost": report.lost,
        "jitterMs": report.jitter_ms,
        "concealedMs": report.playout.concealed_samples / 8,
        "late": report.playout.late,
        "sent": report.sent,
        "foreign": report.foreign,
        "overRate": report.over_rate,
        "srtp": report.suite.map(Suite::name),
        "unauthentic": report.unauthentic,
        "replayed": report.replayed,
        "stream": report.stream.map(|stream| serde_json::json!({
            "playoutMs": stream.playout_ms,
            "playoutMsMax": stream.playout_ms_max,
            "unsent": stream.unsent,
            "overtaken": stream.overtaken,
            "caughtUp": stream.caught_up,
        })),
    });
    line::add(&mut told, report);
    Some(told.to_string())
}

impl CallActor {
    pub(super) fn leg_up(&mut self, agreed: &Negotiated, ctx: &Context<Self>) {
        let Some(port) = self.port.take() else { return };
        let LegChange {
            codec,
            payload_type,
            bitrate_max,
            dtmf_payload_type,
            remote,
            srtp,
            rtcp,
            receive,
            send,
        } = leg_change(agreed);
        let spec = LegSpec {
            codec,
            payload_type,
            bitrate_max,
            dtmf_payload_type,
            remote,
            sources: encryption::sources(&self.far_end, remote.ip()),
            srtp,
            receive,
            send,
            rtcp,
            cname: random::cname(),
            ssrc: random::u32(),
            sequence: random::sequence(),
            timestamp: random::u32(),
        };
        let (id, call) = (self.id, ctx.address());
        studio::with(|studio| {
            let leg = studio.table.add_leg(clock::now(), spec);
            studio.connect(id, call, leg, port);
            studio.listen_beside(id, rtcp != RtcpPath::Muxed);
        });
        encryption::log(id, &self.far_end, agreed);
        self.welcome_leg();
    }

    /// The leg is in the table: it goes where it belongs, and the desk is told.
    pub(super) fn welcome_leg(&mut self) {
        match self.welcome.take() {
            Some(Welcome::Announcement(prompt)) => {
                self.at_leg(|table, leg| table.place(leg, Place::Announce(prompt)));
            }
            Some(Welcome::Room(room, ticket)) => room.do_send(Admit(ticket)),
            None => {}
        }
        self.peers.switchboard.do_send(CallAnswered(self.id));
    }

    pub(super) fn media_agreed(&mut self, agreed: &Negotiated, ctx: &Context<Self>) {
        if self.port.is_some() {
            return self.leg_up(agreed, ctx);
        }
        let change = leg_change(agreed);
        self.at_leg(|table, leg| table.renegotiate(clock::now(), leg, change));
        let is_needed = change.rtcp != RtcpPath::Muxed;
        studio::with(|studio| studio.listen_beside(self.id, is_needed));
    }

    /// Does something with the leg, once there is one.
    fn at_leg(&self, work: impl FnOnce(&mut MediaTable, LegKey)) {
        studio::with(|studio| {
            if let Some(leg) = studio.leg(self.id) {
                work(&mut studio.table, leg);
            }
        });
    }

    pub(super) fn count(&self, report: &LegReport) {
        let metrics = &self.peers.metrics;
        if let Some(stream) = &report.stream {
            metrics.streams.overtaken.inc_by(stream.overtaken);
            metrics.streams.unsent.inc_by(stream.unsent);
            let playout_s = f64::from(stream.playout_ms) / 1000.0;
            return metrics.streams.playout.observe(playout_s);
        }
        for (direction, packets) in [("in", report.received), ("out", report.sent)] {
            let counter = metrics.rtp_packets.with_label_values(&[direction]);
            counter.inc_by(packets);
        }
        for (kind, count) in [
            ("lost", report.lost),
            ("late", report.playout.late),
            ("concealed-samples", report.playout.concealed_samples),
            ("foreign", report.foreign),
            ("over-rate", report.over_rate),
            ("unauthentic", report.unauthentic),
            ("replayed", report.replayed),
        ] {
            let counter = metrics.rtp_damage.with_label_values(&[kind]);
            counter.inc_by(count);
        }
        metrics.lines.count(report);
        metrics
            .rtp_jitter
            .observe(f64::from(report.jitter_ms) / 1000.0);
    }
}

impl Handler<OnLeg> for CallActor {
    type Result = ();

    fn handle(&mut self, OnLeg(event): OnLeg, ctx: &mut Self::Context) {
        match event {
            MediaEvent::RtpTimeout { .. } => self.hang_up(Cause::RtpTimeout, ctx),
            MediaEvent::PromptEnded { .. } => self.peers.switchboard.do_send(Announced(self.id)),
            MediaEvent::Latched { from, .. } => {
                tracing::debug!(call.id = %self.id, rtp.from = %from, "audio arrives")
            }
            MediaEvent::Dtmf { digit, .. } => self.key_by_rtp(digit),
            MediaEvent::FarEndLeft { .. } => {
                tracing::info!(call.id = %self.id, "the far end has said good-bye by RTCP");
            }
            MediaEvent::Line { .. } | MediaEvent::Level { .. } => {}
        }
    }
}

impl Handler<SetMuted> for CallActor {
    type Result = ();

    fn handle(&mut self, SetMuted(muted): SetMuted, _: &mut Self::Context) {
        self.at_leg(|table, leg| table.set_muted(leg, muted));
    }
}

impl Handler<SetGain> for CallActor {
    type Result = ();

    fn handle(&mut self, SetGain(gain_db): SetGain, _: &mut Self::Context) {
        self.at_leg(|table, leg| table.set_gain(leg, f32::from(gain_db)));
    }
}

impl Handler<SetDenoised> for CallActor {
    type Result = ();

    fn handle(&mut self, SetDenoised(denoised): SetDenoised, _: &mut Self::Context) {
        self.at_leg(|table, leg| table.set_denoised(leg, denoised));
    }
}
