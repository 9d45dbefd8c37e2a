//! Reports and lines in virtual time: a far end that answers as RFC 3550 says, over a network with known faults.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::studio::*;
use crate::media::g711::Law;
use crate::media::quality::{Level, LineQuality};
use crate::media::rtcp::{
    CNAME_LEN, Compound, Moment, NtpTime, Packet, Report, ReportBlock, RtcpPath, SenderInfo,
    short_delay,
};
use crate::media::stats::LegReport;
use crate::media::table::{LegChange, MediaEvent};

/// Wall clock and monotonic clock begin together.
const NTP_START_S: u64 = 3_900_000_000;
/// Within this the socket of a caller whom nobody hears is read.
const LOOKED_INTO_MS: u64 = 80;

/// The far end of one call: what it got of our reports, and what it sends of its own.
struct Far {
    studio: Studio,
    /// One way, both ways.
    path_ms: u64,
    /// What is sent, and when it arrives.
    sent: Vec<(u64, Vec<u8>)>,
    got: Vec<(u64, SocketAddr, Vec<u8>)>,
    /// What it says that it loses.
    fraction_lost: u8,
    jitter: u32,
    answers: bool,
}

impl Far {
    fn new(path_ms: u64) -> Self {
        let mut studio = Studio::new();
        studio.phone(A);
        Self {
            studio,
            path_ms,
            sent: Vec::new(),
            got: Vec::new(),
            fraction_lost: 0,
            jitter: 0,
            answers: true,
        }
    }

    fn moment(&self) -> Moment {
        let ms = self.studio.ms;
        Moment {
            now: self.studio.now(),
            ntp: NtpTime((NTP_START_S << 32) + (ms << 32) / 1000),
            chance: (ms as u32).wrapping_mul(2_654_435_761),
        }
    }

    /// Of our sender reports.
    fn infos(&self) -> Vec<SenderInfo> {
        let infos = self.got.iter().filter_map(|(_, _, octets)| {
            let first = Compound::read(octets)?.packets().next()?;
            let Packet::SenderReport { info, .. } = first else {
                return None;
            };
            Some(info)
        });
        infos.collect()
    }

    fn now(&self) -> Instant {
        self.studio.now()
    }

    /// Runs a time; packets that `lose` picks by their number are lost.
    fn run(&mut self, ms: u64, mut lose: impl FnMut(u64) -> bool) {
        for step in 0..ms / 20 {
            if lose(step) {
                self.studio.phones[0].packet();
                self.studio.phones[0].talking = false;
            }
            self.studio.run(20);
            self.studio.phones[0].talking = true;
            self.deliver();
            let moment = self.moment();
            self.studio.table.take_turns(moment, &mut self.studio.net);
            while let Some(event) = self.studio.table.poll_event() {
                self.studio.events.push(event);
            }
            self.read();
        }
    }

    fn deliver(&mut self) {
        let ms = self.studio.ms;
        let from = self.studio.phones[0].address;
        let due: Vec<_> = self.sent.extract_if(.., |(at, _)| *at <= ms).collect();
        for (_, datagram) in due {
            self.studio.deliver(0, from, datagram);
        }
    }

    /// Takes what we reported, and answers each sender report with one of its own a while later.
    fn read(&mut self) {
        self.studio.collect();
        let reports: Vec<_> = self.studio.reports.drain(..).collect();
        for (to, datagram) in reports {
            let ms = self.studio.ms;
            let compound = Compound::read(&datagram).expect("a report of ours");
            if let Some(Packet::SenderReport { ssrc, info, .. }) = compound.packets().next()
                && self.answers
            {
                self.answer(ssrc, info);
            }
            self.got.push((ms, to, datagram));
        }
    }

    /// The far end got our report `path_ms` after it went, thought for 0.3 s and answers.
    fn answer(&mut self, ssrc: u32, info: SenderInfo) {
        const THINKS_MS: u64 = 300;
        let ms = self.studio.ms;
        let block = ReportBlock {
            ssrc,
            fraction_lost: self.fraction_lost,
            lost: 5,
            highest: 0,
            jitter: self.jitter,
            last_sr: info.ntp.middle(),
            delay_since_last_sr: short_delay(Duration::from_millis(THINKS_MS)),
        };
        let answer = self.report(Some(block), ms);
        self.sent.push((ms + 2 * self.path_ms + THINKS_MS, answer));
    }

    fn report(&self, block: Option<ReportBlock>, ms: u64) -> Vec<u8> {
        let report = Report {
            ssrc: self.studio.phones[0].ssrc,
            info: Some(SenderInfo {
                ntp: NtpTime(ms << 32),
                timestamp: ms as u32 * 8,
                packets: 1,
                octets: 160,
            }),
            block,
            cname: [b'F'; CNAME_LEN],
            is_last: false,
        };
        let mut buf = [0; 200];
        let len = report.write(&mut buf).unwrap();
        buf[..len].to_vec()
    }

    fn leg_report(&self) -> LegReport {
        let leg = self.studio.phones[0].leg;
        self.studio.table.report(leg).unwrap()
    }

    fn qualities(&self) -> Vec<LineQuality> {
        let events = self.studio.events.iter();
        let line = events.filter_map(|event| {
            let MediaEvent::Line { quality, .. } = event else {
                return None;
            };
            Some(*quality)
        });
        line.collect()
    }

    fn last(&self) -> LineQuality {
        *self.qualities().last().expect("the line is told")
    }

    /// The blocks in our reports, with the times of their arrival.
    fn blocks(&self) -> Vec<(u64, ReportBlock)> {
        let of = |(ms, _, datagram): &(u64, SocketAddr, Vec<u8>)| {
            let first = Compound::read(datagram)?.packets().next()?;
            let (Packet::SenderReport { blocks, .. } | Packet::ReceiverReport { blocks, .. }) =
                first
            else {
                return None;
            };
            Some((*ms, blocks.iter().next()?))
        };
        self.got.iter().filter_map(of).collect()
    }
}

fn never(_: u64) -> bool {
    false
}

#[test]
fn the_round_trip_is_exact_and_the_far_end_is_heard() {
    let mut far = Far::new(60);
    (far.fraction_lost, far.jitter) = (26, 80);
    far.run(30_000, never);
    let report = far.leg_report();
    let rtt = report.line.rtt_ms.expect("a round trip");
    // Reports are carried in frames of 20 ms here.
    assert!((120.0..=140.0).contains(&rtt), "{rtt} ms");
    let heard = report.far.expect("what the far end says");
    assert!((heard.loss_percent - 10.16).abs() < 0.01);
    assert_eq!((heard.lost, heard.jitter_ms), (5, 10.0));
    assert!((4..=14).contains(&report.rtcp.sent), "{:?}", report.rtcp);
    assert!(report.rtcp.received >= 3);
    assert_eq!(far.last().rtt_ms, Some(rtt));
}

#[test]
fn reports_are_sender_reports_while_we_send_and_receiver_reports_while_we_do_not() {
    let mut far = Far::new(10);
    far.run(30_000, never);
    let kinds: Vec<u8> = far.got.iter().map(|(_, _, octets)| octets[1]).collect();
    assert!(kinds.iter().all(|kind| *kind == 200), "{kinds:?}");
    let gaps = far.got.windows(2).map(|pair| pair[1].0 - pair[0].0);
    assert!(
        gaps.clone().all(|ms| (2040..=6200).contains(&ms)),
        "{:?}",
        gaps.collect::<Vec<_>>()
    );

    far.got.clear();
    let leg = far.studio.phones[0].leg;
    let spec = far.studio.spec(0, Law::Mu);
    let held = LegChange {
        send: false,
        ..LegChange::from(&spec)
    };
    far.studio.table.renegotiate(far.now(), leg, held);
    far.run(30_000, never);
    let kinds: Vec<u8> = far.got.iter().map(|(_, _, octets)| octets[1]).collect();
    assert!(
        kinds.len() > 3 && kinds[1..].iter().all(|kind| *kind == 201),
        "{kinds:?}"
    );
}

#[test]
fn the_last_report_of_a_sender_has_the_clock_of_its_stream() {
    let mut far = Far::new(10);
    far.run(20_000, never);
    let leg = far.studio.phones[0].leg;
    let held = LegChange {
        send: false,
        ..LegChange::from(&far.studio.spec(0, Law::Mu))
    };
    far.studio.table.renegotiate(far.now(), leg, held);
    let reports = far.got.len();
    far.run(10_000, never);
    assert!(far.infos().len() > 3);
    assert_eq!(
        far.got[reports].2[1], 200,
        "a sender report came after that"
    );
    for pair in far.infos().windows(2) {
        let ms = ((pair[1].ntp.0 - pair[0].ntp.0) as f64 / 4_294_967.296).round();
        let ticks = f64::from(pair[1].timestamp.wrapping_sub(pair[0].timestamp));
        assert!((ticks - ms * 8.0).abs() <= 2.0, "{ticks} ticks in {ms} ms");
    }
}

#[test]
fn our_counts_and_clock_are_those_of_the_stream() {
    let mut far = Far::new(10);
    far.run(20_000, never);
    let infos = far.infos();
    for pair in infos.windows(2) {
        let ms = ((pair[1].ntp.0 - pair[0].ntp.0) as f64 / 4_294_967.296).round();
        let ticks = f64::from(pair[1].timestamp.wrapping_sub(pair[0].timestamp));
        assert!((ticks - ms * 8.0).abs() <= 2.0, "{ticks} ticks in {ms} ms");
        let packets = pair[1].packets - pair[0].packets;
        assert!((f64::from(packets) - ms / 20.0).abs() <= 1.0);
        assert_eq!(pair[1].octets, pair[1].packets * 160);
    }
}

#[test]
fn losses_are_reported_and_judged() {
    let mut far = Far::new(20);
    far.run(30_000, |n| n % 10 == 3);
    let (_, block) = *far.blocks().last().unwrap();
    assert!((22..=30).contains(&block.fraction_lost), "{block:?}");
    assert_eq!(block.ssrc, 77);
    assert!((120..=150).contains(&block.lost), "{block:?}");
    let last = far.last();
    assert!((last.loss_percent - 10.0).abs() < 1.0, "{last:?}");
    // 93.2 - 0.024 * (20 + 40) - 95 * 10 / (10 + 25.1) is a rating of 64.7: bad, and for long.
    assert_eq!((last.level, last.ask_to_call_back), (Level::Bad, true));
    assert!((last.mos - 3.34).abs() < 0.1, "{last:?}");

    far.run(20_000, never);
    assert_eq!(far.last().level, Level::Good);
    let summary = far.leg_report().line;
    assert!(summary.mos_min.unwrap() < 3.5 && summary.mos_mean.unwrap() > 3.5);
}

#[test]
fn bursts_are_told_from_losses_one_by_one() {
    let mut alone = Far::new(20);
    alone.run(40_000, |n| n % 40 == 3);
    let mut together = Far::new(20);
    together.run(40_000, |n| n % 400 < 10);
    let (alone, together) = (alone.leg_report().line, together.leg_report().line);
    assert!((alone.loss_percent - together.loss_percent).abs() < 1.0);
    assert_eq!(alone.burst_density_percent, 0.0);
    assert!(
        (together.burst_density_percent - 100.0).abs() < 0.1,
        "{together:?}"
    );
    assert!((together.burst_packets_mean - 10.0).abs() < 0.1);
    assert!(together.mos_min < alone.mos_mean, "{together:?} {alone:?}");
}

#[test]
fn a_long_way_costs_its_delay() {
    let mut far = Far::new(400);
    far.run(40_000, never);
    let last = far.last();
    assert!((last.rtt_ms.unwrap() - 810.0).abs() <= 20.0);
    // 400 ms, and a buffer that a steady path does not need: 93.2 - 9.6 - 24.5.
    assert!((last.mos - mos_of(59.1)).abs() < 0.1, "{last:?}");
    assert_eq!(last.level, Level::Bad);
}

fn mos_of(rating: f32) -> f32 {
    crate::media::quality::mos(rating)
}

#[test]
fn what_the_far_end_loses_counts_as_well() {
    let mut far = Far::new(20);
    far.fraction_lost = 51;
    far.run(30_000, never);
    let last = far.last();
    assert!(last.mos > 4.3 && last.far_mos.unwrap() < 3.0, "{last:?}");
    assert_eq!(last.level, Level::Bad);
}

#[test]
fn jitter_is_reported_in_ticks() {
    let mut far = Far::new(20);
    for n in 0..1000 {
        // Every other packet comes 10 ms late.
        let packet = far.studio.phones[0].packet();
        far.studio.phones[0].talking = false;
        let from = far.studio.phones[0].address;
        far.studio.run(if n % 2 == 0 { 10 } else { 0 });
        far.studio.deliver(0, from, packet);
        far.studio.run(if n % 2 == 0 { 10 } else { 20 });
        let moment = far.moment();
        far.studio.table.take_turns(moment, &mut far.studio.net);
        far.read();
    }
    let (_, block) = *far.blocks().last().unwrap();
    assert!((70..=90).contains(&block.jitter), "{block:?}");
}

#[test]
fn another_stream_is_reported_on_from_its_beginning() {
    let mut far = Far::new(20);
    far.run(20_000, |n| n % 10 == 3);
    far.run(400, |_| true);
    far.studio.phones[0].ssrc = 4711;
    far.got.clear();
    far.run(15_000, never);
    let blocks = far.blocks();
    let (_, block) = *blocks.last().unwrap();
    assert_eq!((block.ssrc, block.lost), (4711, 0), "{blocks:?}");
    // Its sender reports carry the new SSRC, so they date our blocks.
    assert_ne!(block.last_sr, 0);
    assert_ne!(block.delay_since_last_sr, 0);
}

#[test]
fn a_report_of_a_stranger_changes_nothing_and_is_not_answered() {
    let mut far = Far::new(20);
    far.run(2_000, never);
    let stranger: SocketAddr = "192.0.2.66:4000".parse().unwrap();
    for _ in 0..50 {
        let block = ReportBlock {
            ssrc: 1000,
            fraction_lost: 255,
            ..ReportBlock::default()
        };
        let forged = far.report(Some(block), 0);
        far.studio.deliver(0, stranger, forged);
        far.run(20, never);
    }
    far.run(LOOKED_INTO_MS, never);
    let report = far.leg_report();
    assert_eq!((report.rtcp.foreign, report.foreign), (50, 0));
    assert!(report.far.is_none_or(|far| far.loss_percent == 0.0));
    let caller = far.studio.phones[0].address;
    assert!(far.got.iter().all(|(_, to, _)| *to == caller));
}

#[test]
fn a_flood_of_reports_is_capped_and_lies_are_counted() {
    let mut far = Far::new(20);
    far.run(1_000, never);
    let from = far.studio.phones[0].address;
    for _ in 0..60 {
        let block = ReportBlock {
            ssrc: 1000,
            last_sr: 0xDEAD_BEEF,
            ..ReportBlock::default()
        };
        let report = far.report(Some(block), 0);
        far.studio.deliver(0, from, report);
    }
    far.run(LOOKED_INTO_MS, never);
    let report = far.leg_report();
    assert_eq!((report.rtcp.received, report.rtcp.over_rate), (10, 50));
    assert_eq!(report.line.rtt_ms, None, "a report that we never sent");
    far.run(2_000, never);
    far.studio
        .deliver(0, from, vec![0x81, 200, 0, 1, 0, 0, 0, 0]);
    far.run(LOOKED_INTO_MS, never);
    assert_eq!(far.leg_report().rtcp.malformed, 1);
}

#[test]
fn a_good_bye_by_rtcp_is_said_once_and_ends_nothing() {
    let mut far = Far::new(20);
    far.run(1_000, never);
    for _ in 0..3 {
        let report = Report {
            ssrc: 77,
            info: None,
            block: None,
            cname: [b'F'; CNAME_LEN],
            is_last: true,
        };
        let mut buf = [0; 200];
        let len = report.write(&mut buf).unwrap();
        let from = far.studio.phones[0].address;
        far.studio.deliver(0, from, buf[..len].to_vec());
        far.run(2_000, never);
    }
    let leg = far.studio.phones[0].leg;
    let said = |event: &&MediaEvent| **event == MediaEvent::FarEndLeft { leg };
    assert_eq!(far.studio.events.iter().filter(said).count(), 1);
    assert!(far.leg_report().received > 100, "the call goes on");
}

#[test]
fn we_say_good_bye_when_we_leave() {
    let mut far = Far::new(20);
    far.run(5_000, never);
    let (leg, moment) = (far.studio.phones[0].leg, far.moment());
    far.studio
        .table
        .say_goodbye(leg, moment, &mut far.studio.net);
    far.studio.tick();
    far.read();
    let (_, _, last) = far.got.last().unwrap();
    let packets: Vec<_> = Compound::read(last).unwrap().packets().collect();
    assert_eq!(packets.last(), Some(&Packet::Goodbye { ssrc: 1000 }));
}

#[test]
fn beside_rtp_reports_go_where_the_sdp_says_and_come_from_the_same_host() {
    let mut far = Far::new(20);
    far.answers = false;
    let leg = far.studio.phones[0].leg;
    let spec = far.studio.spec(0, Law::Mu);
    let signalled: SocketAddr = "198.51.100.1:4001".parse().unwrap();
    let beside = LegChange {
        rtcp: RtcpPath::At(signalled),
        ..LegChange::from(&spec)
    };
    far.studio.table.renegotiate(far.now(), leg, beside);
    far.run(8_000, never);
    assert!(!far.got.is_empty() && far.got.iter().all(|(_, to, _)| *to == signalled));

    // RTCP on the RTP port is no RTP.
    let on_rtp = far.report(None, 0);
    let from = far.studio.phones[0].address;
    far.studio.deliver(0, from, on_rtp.clone());
    far.run(LOOKED_INTO_MS, never);
    let report = far.leg_report();
    assert_eq!((report.malformed, report.rtcp.received), (1, 0));

    // A NAT moved it to another port of the caller's host: it is answered there.
    let moved: SocketAddr = "198.51.100.1:61001".parse().unwrap();
    let stranger: SocketAddr = "192.0.2.66:4001".parse().unwrap();
    let now = far.now();
    let beside = far.studio.net.beside.entry(leg).unwrap().or_default();
    beside.push_back((on_rtp.clone(), stranger, now));
    beside.push_back((on_rtp, moved, now));
    far.got.clear();
    far.run(8_000, never);
    let report = far.leg_report();
    assert_eq!((report.rtcp.received, report.rtcp.foreign), (1, 1));
    assert!(far.got.last().is_some_and(|(_, to, _)| *to == moved));
}

#[test]
fn a_call_of_which_nothing_was_heard_has_no_score() {
    let mut far = Far::new(20);
    far.studio.phones[0].talking = false;
    for _ in 0..500 {
        far.studio.run(20);
        far.studio.phones[0].talking = false;
        let moment = far.moment();
        far.studio.table.take_turns(moment, &mut far.studio.net);
        far.read();
    }
    assert_eq!(far.leg_report().line.mos_mean, None);
    assert!(far.qualities().is_empty());
    assert!(
        far.got.iter().all(|(_, _, octets)| octets[0] == 0x80),
        "no block"
    );
}

#[test]
fn many_legs_share_the_frames_of_a_second() {
    let mut far = Far::new(20);
    (0..200).for_each(|n| {
        far.studio.phone(200.0 + n as f32);
    });
    far.studio
        .phones
        .iter_mut()
        .skip(1)
        .for_each(|phone| phone.talking = false);
    let mut most = 0;
    for _ in 0..250 {
        far.studio.run(20);
        let moment = far.moment();
        far.studio.reports.clear();
        far.studio.table.take_turns(moment, &mut far.studio.net);
        far.studio.collect();
        most = most.max(far.studio.reports.len());
    }
    assert!((1..=6).contains(&most), "{most} reports after one frame");
}
