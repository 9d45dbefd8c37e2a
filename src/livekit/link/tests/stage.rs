//! A server that says what a script tells it to, with a real peer connection behind it.

#![expect(
    clippy::disallowed_methods,
    reason = "the scripts' time begins now and is moved by hand"
)]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use livekit_protocol as proto;
use proto::participant_info::State;
use proto::signal_request::Message as Said;
use proto::signal_response::Message;

use super::rooms::brief;
use crate::livekit::link::*;
use crate::rtc::{AudioPacket, Mid, Msid, OfferChanges, Peer, PeerOutput, media_sections};

pub(super) const LINK: &str = "192.0.2.7:20001";
const LINK_V6: &str = "[2001:db8::7]:20002";
pub(super) const SERVER: &str = "198.51.100.1:7882";
pub(super) const SERVER_V6: &str = "[2001:db8::1]:7882";

/// A link, a server, and a wire without delay between them.
pub(super) struct Stage {
    pub(super) now: Instant,
    pub(super) link: Link,
    pub(super) server: Peer,
    /// Where the server's datagrams come from and where ours must go to.
    pub(super) server_at: SocketAddr,
    pub(super) bound: Option<TransportId>,
    pub(super) said: Vec<Said>,
    pub(super) events: Vec<LinkEvent>,
    pub(super) asked: Vec<&'static str>,
    pub(super) heard: usize,
    pub(super) connected: bool,
}

impl Stage {
    pub(super) fn new(role: LinkRole) -> Self {
        Self::at(role, SERVER)
    }

    pub(super) fn at(role: LinkRole, server: &str) -> Self {
        let now = Instant::now();
        let node = "here".to_owned();
        let timings = LinkTimings::of(role);
        let link = Link::new(
            now,
            LinkConfig {
                role,
                node,
                timings,
                seed: 5,
            },
        );
        let server_at = server.parse().unwrap();
        let mut stage = Self {
            now,
            link,
            server: Peer::ice_full(now, &[server_at]).unwrap(),
            server_at,
            bound: None,
            said: Vec::new(),
            events: Vec::new(),
            asked: Vec::new(),
            heard: 0,
            connected: false,
        };
        stage.settle();
        stage
    }

    pub(super) fn join(&mut self, others: Vec<proto::ParticipantInfo>) {
        let response = proto::JoinResponse {
            participant: Some(person("PA_own", "own", &[])),
            other_participants: others,
            subscriber_primary: true,
            ..Default::default()
        };
        self.link.joined(self.now, response);
        self.settle();
    }

    pub(super) fn tell(&mut self, message: Message) {
        self.link.handle_signal(self.now, message);
        self.settle();
    }

    /// Offers from the server's peer and takes the answer that comes.
    pub(super) fn offer(&mut self, changes: OfferChanges, tracks: &[(usize, &str)]) -> Vec<Mid> {
        let offer = self.server.offer(self.now, changes).unwrap().unwrap();
        // As pion writes it.
        let sdp = offer.sdp.replace("a=sendonly", "a=sendrecv");
        let audio = |sdp: &str| {
            let sections = media_sections(sdp);
            sections
                .iter()
                .filter(|s| s.kind == "audio")
                .map(|s| s.mid.to_owned())
                .collect::<Vec<_>>()
        };
        let mids = audio(&sdp);
        let named = tracks
            .iter()
            .map(|(line, sid)| (mids[*line].clone(), (*sid).to_owned()));
        let mid_to_track_id: HashMap<String, String> = named.collect();
        let id = 1 + self.said.len() as u32;
        let r#type = "offer".to_owned();
        self.tell(Message::Offer(proto::SessionDescription {
            r#type,
            sdp,
            id,
            mid_to_track_id,
        }));
        let Some(Said::Answer(answer)) = self
            .said
            .iter()
            .rev()
            .find(|s| matches!(s, Said::Answer(_)))
        else {
            panic!("no answer")
        };
        assert_eq!(answer.id, id);
        assert!(!answer.sdp.contains("a=sendrecv"), "we only hear");
        self.server.accept_answer(self.now, &answer.sdp).unwrap();
        self.settle();
        offer.added
    }

    /// Answers the last offer of the link from the server's peer.
    pub(super) fn answer(&mut self) {
        let Some(Said::Offer(offer)) = self.said.iter().rev().find(|s| matches!(s, Said::Offer(_)))
        else {
            panic!("no offer")
        };
        let (id, sdp) = (offer.id, offer.sdp.clone());
        let sdp = self.server.accept_offer(self.now, &sdp).unwrap();
        let r#type = "answer".to_owned();
        let answer = proto::SessionDescription {
            r#type,
            sdp,
            id,
            ..Default::default()
        };
        self.tell(Message::Answer(answer));
    }

    pub(super) fn speak(&mut self, mid: Mid) {
        let packet = AudioPacket {
            seq: 1000,
            timestamp: 0,
            marker: true,
            level_dbov: None,
            payload: [1, 2, 3].into(),
        };
        self.server.send_audio(self.now, mid, packet).unwrap();
        self.settle();
    }

    pub(super) fn settle(&mut self) {
        loop {
            let mut moved = false;
            while let Some(output) = self.link.poll_output() {
                moved = true;
                self.perform(output);
            }
            while let Some(output) = self.server.poll_output() {
                moved = true;
                match output {
                    PeerOutput::Transmit { to, bytes } => {
                        if let Some(transport) = self.bound {
                            let from = self.server_at;
                            self.link
                                .handle_datagram(self.now, transport, to, from, &bytes);
                        }
                    }
                    PeerOutput::Connected => self.connected = true,
                    PeerOutput::Audio { .. } => self.heard += 1,
                    PeerOutput::Disconnected => {}
                }
            }
            if !moved {
                return;
            }
        }
    }

    fn perform(&mut self, output: LinkOutput) {
        match output {
            LinkOutput::Join => self.asked.push("join"),
            LinkOutput::Resume { .. } => self.asked.push("resume"),
            LinkOutput::Reconnected => self.asked.push("reconnected"),
            LinkOutput::Disconnect => self.asked.push("disconnect"),
            LinkOutput::Send(said) => self.said.push(*said),
            LinkOutput::Bind { transport } => {
                self.bound = Some(transport);
                let local = [LINK.parse().unwrap(), LINK_V6.parse().unwrap()];
                self.link.bound(self.now, transport, &local);
            }
            LinkOutput::Unbind { .. } => self.bound = None,
            LinkOutput::Transmit { to, bytes, .. } => {
                let from = if to.is_ipv4() { LINK } else { LINK_V6 };
                if to == self.server_at {
                    let _ = self
                        .server
                        .handle_receive(self.now, from.parse().unwrap(), &bytes);
                }
            }
            LinkOutput::Event(event) => self.events.push(event),
        }
    }

    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = [self.link.poll_timeout(), self.server.deadline()]
            .into_iter()
            .flatten()
            .min()
            .filter(|next| *next < end)
        {
            self.now = next.max(self.now + Duration::from_millis(1));
            self.link.handle_timeout(self.now);
            let _ = self.server.handle_timeout(self.now);
            self.settle();
        }
        self.now = end;
        self.link.handle_timeout(self.now);
        self.settle();
    }

    pub(super) fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.events).iter().map(brief).collect()
    }

    /// A listener that is up, with data channels as LiveKit opens them.
    pub(super) fn listening() -> Self {
        let mut stage = Self::new(LinkRole::Listener);
        stage.join(vec![person("PA_anna", "anna", &["TR_anna"])]);
        stage.offer(channels(), &[]);
        stage.pass(Duration::from_secs(2));
        assert!(stage.link.is_up() && stage.connected);
        stage
    }

    /// A caller that is up.
    pub(super) fn calling() -> Self {
        let mut stage = Self::new(LinkRole::Caller);
        stage.join(vec![]);
        let Some(Said::AddTrack(request)) = stage.said.first().cloned() else {
            panic!("no track")
        };
        let track = proto::TrackInfo {
            sid: "TR_own".to_owned(),
            ..Default::default()
        };
        let cid = request.cid;
        stage.tell(Message::TrackPublished(proto::TrackPublishedResponse {
            cid,
            track: Some(track),
        }));
        stage.answer();
        stage.pass(Duration::from_secs(2));
        assert!(stage.link.is_up() && stage.connected);
        stage
    }
}

pub(super) fn channels() -> OfferChanges {
    OfferChanges {
        channels: vec![("_reliable", true), ("_lossy", false)],
        ..Default::default()
    }
}

pub(super) fn one_more(track: &str) -> OfferChanges {
    let msid = Msid {
        stream: "PA_anna".to_owned(),
        track: track.to_owned(),
    };
    OfferChanges {
        add: vec![msid],
        ..Default::default()
    }
}

pub(super) fn person(sid: &str, identity: &str, tracks: &[&str]) -> proto::ParticipantInfo {
    let track = |sid: &&str| proto::TrackInfo {
        sid: (*sid).to_owned(),
        r#type: proto::TrackType::Audio.into(),
        ..Default::default()
    };
    proto::ParticipantInfo {
        sid: sid.to_owned(),
        identity: identity.to_owned(),
        state: State::Active.into(),
        tracks: tracks.iter().map(track).collect(),
        ..Default::default()
    }
}

pub(super) fn update(participants: Vec<proto::ParticipantInfo>) -> Message {
    Message::Update(proto::ParticipantUpdate { participants })
}

pub(super) fn trickle(candidate: &str, target: proto::SignalTarget) -> Message {
    let candidate_init = format!("{{\"candidate\":\"{candidate}\",\"sdpMid\":\"\"}}");
    Message::Trickle(proto::TrickleRequest {
        candidate_init,
        target: target.into(),
        ..Default::default()
    })
}
