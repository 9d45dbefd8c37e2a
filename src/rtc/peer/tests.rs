#![expect(
    clippy::disallowed_methods,
    reason = "the scripts' time begins now and is moved by hand"
)]

use std::time::Duration;

use super::negotiate::SDP_LEN_MAX;
use super::*;
use crate::rtc::sdp::Msid;

const BROWSER: &str = "192.0.2.7:50000";
const SERVER: &str = "198.51.100.1:7882";

/// A browser that sends, a server that answers, and a wire without delay between them.
struct Pair {
    now: Instant,
    browser: Peer,
    server: Peer,
    heard: Vec<(Mid, u32, AudioPacket)>,
    connected: usize,
    lost: bool,
    wire_cut: bool,
}

impl Pair {
    fn new() -> Self {
        let now = Instant::now();
        let browser = Peer::ice_full(now, &[address(BROWSER)]).unwrap();
        let server = Peer::ice_lite(now, &[address(SERVER)]).unwrap();
        let (heard, connected) = (Vec::new(), 0);
        Self {
            now,
            browser,
            server,
            heard,
            connected,
            lost: false,
            wire_cut: false,
        }
    }

    fn negotiate(&mut self, changes: OfferChanges) -> Vec<Mid> {
        let offer = self.browser.offer(self.now, changes).unwrap().unwrap();
        let answer = self.server.accept_offer(self.now, &offer.sdp).unwrap();
        self.browser.accept_answer(self.now, &answer).unwrap();
        offer.added
    }

    fn send(&mut self, mid: Mid, seq: u64) -> bool {
        let packet = AudioPacket {
            seq,
            timestamp: seq as u32 * 960,
            marker: seq == 100,
            level_dbov: Some(-30),
            payload: [0xfc, seq as u8].into(),
        };
        let sent = self.browser.send_audio(self.now, mid, packet).unwrap();
        self.settle();
        sent
    }

    /// Carries datagrams until neither side has any.
    fn settle(&mut self) {
        loop {
            let mut moved = false;
            while let Some(output) = self.browser.poll_output() {
                moved = true;
                if let PeerOutput::Transmit { bytes, .. } = output
                    && !self.wire_cut
                {
                    let _ = self
                        .server
                        .handle_receive(self.now, address(BROWSER), &bytes);
                }
            }
            while let Some(output) = self.server.poll_output() {
                moved = true;
                match output {
                    PeerOutput::Transmit { bytes, .. } => {
                        let _ = self
                            .browser
                            .handle_receive(self.now, address(SERVER), &bytes);
                    }
                    PeerOutput::Audio { mid, ssrc, packet } => self.heard.push((mid, ssrc, packet)),
                    PeerOutput::Connected => self.connected += 1,
                    PeerOutput::Disconnected => self.lost = true,
                }
            }
            if !moved {
                return;
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        self.settle();
        while let Some(next) = [self.browser.deadline(), self.server.deadline()]
            .into_iter()
            .flatten()
            .min()
        {
            self.now = next.max(self.now + Duration::from_millis(1));
            if self.now >= end {
                break;
            }
            let _ = self.browser.handle_timeout(self.now);
            let _ = self.server.handle_timeout(self.now);
            self.settle();
        }
        self.now = end;
    }
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn one_track() -> OfferChanges {
    let msid = Msid {
        stream: "s".into(),
        track: "t".into(),
    };
    OfferChanges {
        add: vec![msid],
        ..Default::default()
    }
}

#[test]
fn audio_arrives_as_it_was_sent() {
    let mut pair = Pair::new();
    let mids = pair.negotiate(one_track());
    pair.pass(Duration::from_secs(2));
    assert_eq!(pair.connected, 1);

    for seq in [100, 101, 103] {
        assert!(pair.send(mids[0], seq));
    }
    let brief: Vec<_> = pair
        .heard
        .iter()
        .map(|(mid, _, p)| {
            (
                *mid,
                p.seq,
                p.timestamp,
                p.marker,
                p.level_dbov,
                p.payload[1],
            )
        })
        .collect();
    let expected = [(100, true), (101, false), (103, false)]
        .map(|(seq, marker)| (mids[0], seq, seq as u32 * 960, marker, Some(-30), seq as u8));
    assert_eq!(brief, expected);
}

#[test]
fn a_resumed_line_has_a_new_ssrc() {
    let mut pair = Pair::new();
    let mids = pair.negotiate(one_track());
    pair.pass(Duration::from_secs(2));
    pair.send(mids[0], 100);

    pair.negotiate(OfferChanges {
        pause: mids.clone(),
        ..Default::default()
    });
    assert!(!pair.send(mids[0], 101), "inactive");
    pair.negotiate(OfferChanges {
        resume: mids.clone(),
        ..Default::default()
    });
    assert!(pair.send(mids[0], 4096));
    let brief: Vec<_> = pair.heard.iter().map(|(mid, _, p)| (*mid, p.seq)).collect();
    assert_eq!(brief, [(mids[0], 100), (mids[0], 4096)]);
    assert_ne!(pair.heard[0].1, pair.heard[1].1);
}

#[test]
fn a_silent_browser_is_noticed() {
    let mut pair = Pair::new();
    pair.negotiate(one_track());
    pair.pass(Duration::from_secs(10));
    assert!(!pair.lost);
    pair.wire_cut = true;
    pair.pass(Duration::from_secs(20));
    assert!(pair.lost);
}

#[test]
fn what_is_not_for_us_is_left_alone() {
    let mut pair = Pair::new();
    let mids = pair.negotiate(one_track());
    pair.pass(Duration::from_secs(2));
    let stranger = address("203.0.113.9:9");
    for bytes in [
        &[][..],
        &[0; 20],
        &[22; 100],
        &[0x80; 12],
        &[0x80; 200],
        &[255; 1500],
    ] {
        for from in [stranger, address(BROWSER), address("[2001:db8::1]:5")] {
            let _ = pair.server.handle_receive(pair.now, from, bytes);
        }
    }
    pair.settle();
    assert!(pair.server.is_alive() && pair.heard.is_empty());
    assert!(pair.send(mids[0], 100));
    assert_eq!(pair.heard.len(), 1);
}

#[test]
fn unusable_descriptions_are_refused_and_change_nothing() {
    let mut pair = Pair::new();
    let now = pair.now;
    let table = [
        String::new(),
        "v=0".into(),
        "m=".repeat(9),
        "m=audio\r\n".repeat(65),
    ];
    for sdp in table.iter().chain([&"x".repeat(SDP_LEN_MAX + 1)]) {
        let refused = pair.server.accept_offer(now, sdp);
        assert!(
            matches!(refused, Err(PeerError::Description(_))),
            "{refused:?}"
        );
    }
    assert!(matches!(
        pair.server.accept_answer(now, "v=0"),
        Err(PeerError::NoOffer)
    ));
    pair.negotiate(one_track());
    pair.pass(Duration::from_secs(2));
    assert_eq!(pair.connected, 1);
}

#[test]
fn a_panic_beneath_kills_this_peer_alone() {
    let mut pair = Pair::new();
    let error = pair
        .server
        .fenced(|_| -> Result<(), RtcError> { panic!("a bug beneath") });
    assert!(matches!(error, Err(PeerError::Panicked)));
    assert!(!pair.server.is_alive());
    assert!(
        matches!(pair.server.poll_output(), Some(PeerOutput::Disconnected)),
        "told once"
    );
    assert!(pair.server.poll_output().is_none());
    assert!(pair.server.deadline().is_none());
    assert!(matches!(
        pair.server.handle_timeout(pair.now),
        Err(PeerError::Closed)
    ));
    assert!(pair.browser.is_alive());
}
