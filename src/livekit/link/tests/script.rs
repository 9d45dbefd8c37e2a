//! A server that says what the script tells it to, with a real peer connection behind it.

#![expect(
    clippy::disallowed_methods,
    reason = "the scripts' time begins now and is moved by hand"
)]

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use livekit_protocol as proto;
use proptest::prelude::*;
use proto::participant_info::{Kind, State};
use proto::signal_request::Message as Said;
use proto::signal_response::Message;

use super::rooms::brief;
use crate::livekit::link::*;
use crate::rtc::{AudioPacket, Mid, Msid, OfferChanges, Peer, PeerOutput, media_sections};

const LINK: &str = "192.0.2.7:20001";
const LINK_V6: &str = "[2001:db8::7]:20002";
const SERVER: &str = "198.51.100.1:7882";
const SERVER_V6: &str = "[2001:db8::1]:7882";

struct Stage {
    now: Instant,
    link: Link,
    server: Peer,
    /// Where the server's datagrams come from and where ours must go to.
    server_at: SocketAddr,
    bound: Option<TransportId>,
    said: Vec<Said>,
    events: Vec<LinkEvent>,
    asked: Vec<&'static str>,
    heard: usize,
    connected: bool,
}

impl Stage {
    fn new(role: LinkRole) -> Self {
        Self::at(role, SERVER)
    }

    fn at(role: LinkRole, server: &str) -> Self {
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

    fn join(&mut self, others: Vec<proto::ParticipantInfo>) {
        let response = proto::JoinResponse {
            participant: Some(person("PA_own", "own", &[])),
            other_participants: others,
            subscriber_primary: true,
            ..Default::default()
        };
        self.link.joined(self.now, response);
        self.settle();
    }

    fn tell(&mut self, message: Message) {
        self.link.handle_signal(self.now, message);
        self.settle();
    }

    /// Offers from the server's peer and takes the answer that comes.
    fn offer(&mut self, changes: OfferChanges, tracks: &[(usize, &str)]) -> Vec<Mid> {
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
    fn answer(&mut self) {
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

    fn speak(&mut self, mid: Mid) {
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

    fn settle(&mut self) {
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
                    PeerOutput::PathFound | PeerOutput::Disconnected => {}
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

    fn pass(&mut self, time: Duration) {
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

    fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.events).iter().map(brief).collect()
    }

    /// A listener that is up, with data channels as LiveKit opens them.
    fn listening() -> Self {
        let mut stage = Self::new(LinkRole::Listener);
        stage.join(vec![person("PA_anna", "anna", &["TR_anna"])]);
        stage.offer(channels(), &[]);
        stage.pass(Duration::from_secs(2));
        assert!(stage.link.is_up() && stage.connected);
        stage
    }

    /// A caller that is up.
    fn calling() -> Self {
        let mut stage = Self::new(LinkRole::Caller);
        stage.join(vec![]);
        let Some(Said::AddTrack(request)) = stage.said.first().cloned() else {
            panic!("no track")
        };
        let track = proto::TrackInfo {
            sid: "TR_own".to_owned(),
            ..Default::default()
        };
        let cid = request.cid.clone();
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

fn channels() -> OfferChanges {
    OfferChanges {
        channels: vec![("_reliable", true), ("_lossy", false)],
        ..Default::default()
    }
}

fn one_more(track: &str) -> OfferChanges {
    let msid = Msid {
        stream: "PA_anna".to_owned(),
        track: track.to_owned(),
    };
    OfferChanges {
        add: vec![msid],
        ..Default::default()
    }
}

fn person(sid: &str, identity: &str, tracks: &[&str]) -> proto::ParticipantInfo {
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

fn update(participants: Vec<proto::ParticipantInfo>) -> Message {
    Message::Update(proto::ParticipantUpdate { participants })
}

fn trickle(candidate: &str, target: proto::SignalTarget) -> Message {
    let candidate_init = format!("{{\"candidate\":\"{candidate}\",\"sdpMid\":\"\"}}");
    Message::Trickle(proto::TrickleRequest {
        candidate_init,
        target: target.into(),
        ..Default::default()
    })
}

#[test]
fn a_track_comes_by_its_line_and_lines_are_used_again() {
    let mut stage = Stage::listening();
    let asked = stage.said.iter().find_map(|said| match said {
        Said::Subscription(wanted) => Some(wanted.track_sids.clone()),
        _ => None,
    });
    assert_eq!(asked.unwrap(), ["TR_anna"]);
    let mids = stage.offer(one_more("TR_anna"), &[(0, "TR_anna")]);
    stage.pass(Duration::from_secs(1));
    stage.speak(mids[0]);
    assert_eq!(stage.told(), ["joined anna", "Up", "up anna", "audio"]);

    let pause = OfferChanges {
        pause: mids.clone(),
        ..Default::default()
    };
    stage.offer(pause, &[]);
    stage.tell(update(vec![
        person("PA_anna", "anna", &[]),
        person("PA_ben", "ben", &["TR_ben"]),
    ]));
    let resume = OfferChanges {
        resume: mids.clone(),
        ..Default::default()
    };
    stage.offer(resume, &[(0, "TR_ben")]);
    stage.speak(mids[0]);
    assert_eq!(stage.told(), ["down anna", "joined ben", "up ben", "audio"]);
}

#[test]
fn an_older_server_names_the_track_in_its_offer_alone() {
    let mut stage = Stage::listening();
    let mids = stage.offer(one_more("TR_anna"), &[]);
    stage.speak(mids[0]);
    assert_eq!(stage.told(), ["joined anna", "Up", "up anna", "audio"]);
}

#[test]
fn our_callers_video_and_encrypted_tracks_are_not_asked_for() {
    let mut stage = Stage::listening();
    stage.said.clear();
    let attributes = |node: &str| HashMap::from([(NODE_ATTRIBUTE.to_owned(), node.to_owned())]);
    let sip = |sid: &str, node| proto::ParticipantInfo {
        kind: Kind::Sip.into(),
        attributes: attributes(node),
        ..person(sid, sid, &[&format!("TR_{sid}")])
    };
    let mut ben = person("ben", "ben", &["TR_video", "TR_secret", "TR_ben"]);
    ben.tracks[0].r#type = proto::TrackType::Video.into();
    ben.tracks[1].encryption = proto::encryption::Type::Gcm.into();
    stage.tell(update(vec![
        sip("mine", "here"),
        sip("theirs", "there"),
        ben,
    ]));
    let [Said::Subscription(wanted)] = &stage.said[..] else {
        panic!("{:?}", stage.said)
    };
    assert_eq!(wanted.track_sids, ["TR_theirs", "TR_ben"]);
    assert!(wanted.subscribe);
    assert_eq!(stage.told()[2..], ["joined theirs", "joined ben"]);
}

#[test]
fn a_newer_stay_of_an_identity_ends_the_older_and_old_news_are_ignored() {
    let mut stage = Stage::listening();
    stage.told();
    let newer = proto::ParticipantInfo {
        version: 5,
        ..person("PA_anna2", "anna", &["TR_2"])
    };
    stage.tell(update(vec![newer]));
    assert_eq!(stage.told(), ["left anna", "joined anna"]);
    stage.said.clear();
    let stale = proto::ParticipantInfo {
        version: 4,
        ..person("PA_anna2", "anna", &["TR_1"])
    };
    stage.tell(update(vec![stale]));
    assert!(stage.said.is_empty());
    let gone = State::Disconnected.into();
    stage.tell(update(vec![proto::ParticipantInfo {
        state: gone,
        ..person("PA_anna", "anna", &[])
    }]));
    assert_eq!(
        stage.told(),
        Vec::<String>::new(),
        "the older stay was over before"
    );
}

#[test]
fn who_left_while_signalling_was_away_is_missed_after_the_resume() {
    let mut stage = Stage::listening();
    stage.tell(update(vec![person("PA_ben", "ben", &[])]));
    stage.told();
    stage.link.signal_closed(stage.now, "reset");
    stage.settle();
    stage
        .link
        .resumed(stage.now, proto::ReconnectResponse::default());
    stage.settle();
    stage.tell(update(vec![person("PA_ben", "ben", &[])]));
    stage.offer(
        OfferChanges {
            ice_restart: true,
            ..Default::default()
        },
        &[],
    );
    assert_eq!(stage.asked, ["join", "resume", "reconnected"]);
    stage.pass(Duration::from_secs(10));
    assert!(stage.link.is_up());
    assert_eq!(stage.told(), ["Down", "Up", "left anna"]);
}

#[test]
fn audio_survives_the_servers_restart_of_ice() {
    let mut stage = Stage::listening();
    let mids = stage.offer(one_more("TR_anna"), &[(0, "TR_anna")]);
    stage.offer(
        OfferChanges {
            ice_restart: true,
            ..Default::default()
        },
        &[(0, "TR_anna")],
    );
    stage.pass(Duration::from_secs(10));
    stage.told();
    stage.speak(mids[0]);
    assert_eq!(stage.told(), ["audio"]);
    assert!(stage.link.is_up());
}

#[test]
fn a_session_on_another_server_is_joined_anew() {
    let mut stage = Stage::listening();
    stage.told();
    let mut other = Peer::ice_full(stage.now, &[stage.server_at]).unwrap();
    let sdp = other.offer(stage.now, channels()).unwrap().unwrap().sdp;
    stage.tell(Message::Offer(proto::SessionDescription {
        sdp,
        id: 9,
        ..Default::default()
    }));
    assert!(matches!(stage.said.last(), Some(Said::Leave(_))));
    assert_eq!(stage.asked.last(), Some(&"join"));
    assert!(stage.bound.is_none());
    assert_eq!(stage.told(), ["Down"]);
}

#[test]
fn a_caller_is_reached_by_a_trickled_candidate_over_v6() {
    let mut stage = Stage::at(LinkRole::Caller, SERVER_V6);
    stage.join(vec![]);
    let Some(Said::AddTrack(request)) = stage.said.first().cloned() else {
        panic!("no track")
    };
    assert_eq!(request.cid, request.stream);
    let track = proto::TrackInfo {
        sid: "TR_own".to_owned(),
        ..Default::default()
    };
    let response = proto::TrackPublishedResponse {
        cid: request.cid.clone(),
        track: Some(track),
    };
    stage.tell(Message::TrackPublished(response));
    let Some(Said::Offer(offer)) = stage.said.last().cloned() else {
        panic!("no offer")
    };
    assert!(offer.sdp.contains(&format!("a=msid:{0} {0}", request.cid)));
    assert!(offer.sdp.contains("ssrc-audio-level") && offer.sdp.contains("192.0.2.7"));
    let answer = stage.server.accept_offer(stage.now, &offer.sdp).unwrap();
    let sdp: String = answer
        .lines()
        .filter(|line| !line.starts_with("a=candidate"))
        .map(|l| format!("{l}\r\n"))
        .collect();
    stage.tell(Message::Answer(proto::SessionDescription {
        sdp,
        id: offer.id,
        ..Default::default()
    }));
    let candidate = "candidate:1 1 udp 2130706431 2001:db8::1 7882 typ host";
    stage.tell(trickle(candidate, proto::SignalTarget::Subscriber));
    stage.tell(trickle(
        "candidate:nonsense",
        proto::SignalTarget::Publisher,
    ));
    stage.tell(trickle(candidate, proto::SignalTarget::Publisher));
    stage.pass(Duration::from_secs(2));
    assert!(stage.link.is_up());
}

#[test]
fn the_server_mutes_a_caller_and_our_own_mute_is_no_news() {
    let mut stage = Stage::calling();
    stage.told();
    let mute = |muted| {
        let sid = "TR_own".to_owned();
        Message::Mute(proto::MuteTrackRequest { sid, muted })
    };
    stage.tell(mute(true));
    stage.tell(mute(true));
    assert_eq!(stage.told(), ["Muted true"]);
    stage.link.set_muted(stage.now, false);
    stage.settle();
    stage.tell(mute(false));
    assert_eq!(stage.told(), Vec::<String>::new());
    assert!(matches!(stage.said.last(), Some(Said::Mute(request)) if !request.muted));
}

#[test]
fn a_callers_resume_restarts_ice_and_its_offers_are_numbered() {
    let mut stage = Stage::calling();
    stage.link.signal_closed(stage.now, "reset");
    stage.settle();
    stage
        .link
        .resumed(stage.now, proto::ReconnectResponse::default());
    stage.settle();
    assert_eq!(
        stage.asked,
        ["join", "resume"],
        "held back until the answer"
    );
    stage.answer();
    assert_eq!(stage.asked, ["join", "resume", "reconnected"]);
    let offers = stage.said.iter().filter_map(|said| match said {
        Said::Offer(offer) => Some((offer.id, ufrag(&offer.sdp))),
        _ => None,
    });
    let [(1, before), (2, after)] = &offers.collect::<Vec<_>>()[..] else {
        panic!("{:?}", stage.said)
    };
    assert_ne!(before, after);
    stage.pass(Duration::from_secs(10));
    assert!(stage.link.is_up());
    let packet = AudioPacket {
        seq: 0,
        timestamp: 960,
        marker: false,
        level_dbov: Some(-20),
        payload: [7].into(),
    };
    assert!(stage.link.send_audio(stage.now, &packet));
    stage.settle();
    assert_eq!(stage.heard, 1);
}

fn ufrag(sdp: &str) -> String {
    sdp.lines()
        .find(|line| line.starts_with("a=ice-ufrag:"))
        .unwrap()
        .to_owned()
}

#[test]
fn a_track_that_is_refused_or_taken_away_is_published_again() {
    let mut stage = Stage::new(LinkRole::Caller);
    stage.join(vec![]);
    let refusal = proto::RequestResponse {
        reason: proto::request_response::Reason::NotAllowed.into(),
        request: Some(proto::request_response::Request::AddTrack(
            Default::default(),
        )),
        ..Default::default()
    };
    stage.tell(Message::RequestResponse(refusal));
    assert_eq!(stage.told(), ["Down"]);
    stage.pass(Duration::from_secs(16));
    assert_eq!(stage.asked, ["join", "disconnect", "join"]);

    let mut stage = Stage::calling();
    let track_sid = "TR_own".to_owned();
    stage.tell(Message::TrackUnpublished(proto::TrackUnpublishedResponse {
        track_sid,
    }));
    stage.pass(Duration::from_secs(1));
    assert_eq!(stage.asked.last(), Some(&"join"));
}

#[test]
fn a_server_that_demands_a_relay_is_named() {
    let mut stage = Stage::new(LinkRole::Listener);
    let force_relay = proto::ClientConfigSetting::Enabled.into();
    let response = proto::JoinResponse {
        subscriber_primary: true,
        client_configuration: Some(proto::ClientConfiguration {
            force_relay,
            ..Default::default()
        }),
        ..Default::default()
    };
    stage.link.joined(stage.now, response);
    stage.settle();
    let sdp = stage
        .server
        .offer(stage.now, channels())
        .unwrap()
        .unwrap()
        .sdp;
    stage.tell(Message::Offer(proto::SessionDescription {
        sdp,
        id: 1,
        ..Default::default()
    }));
    stage.pass(Duration::from_secs(10));
    assert_eq!(
        stage.events,
        [LinkEvent::Down {
            trouble: LinkTrouble::RelayForced
        }]
    );
}

#[test]
fn a_driver_that_does_not_answer_is_asked_again() {
    let mut link = Stage::new(LinkRole::Listener);
    link.pass(Duration::from_secs(60));
    assert!(link.asked.iter().filter(|asked| **asked == "join").count() >= 3);
}

/// Anything the network or the driver may do to a link.
#[derive(Debug, Clone)]
enum Input {
    Joined(proto::JoinResponse),
    JoinFailed(SignalFailure),
    Resumed,
    ResumeFailed(SignalFailure),
    Signal(Message),
    Closed,
    Bound(bool),
    Datagram(Vec<u8>),
    Later(u64),
    Muted(bool),
    Attributes,
    Retry,
    Audio,
}

fn failure() -> impl Strategy<Value = SignalFailure> {
    prop_oneof![
        Just(SignalFailure::Unreachable("x".to_owned())),
        (0u16..600).prop_map(|status| SignalFailure::Refused {
            status,
            detail: "x".to_owned()
        }),
        Just(SignalFailure::Left {
            action: LeaveAction::Reconnect
        }),
        Just(SignalFailure::TimedOut),
    ]
}

fn someone() -> impl Strategy<Value = proto::ParticipantInfo> {
    let tracks = proptest::collection::vec((0..4u8, 0..3i32, any::<bool>()), 0..3);
    (0..4u8, 0..3u8, 0..5i32, 0..6u32, tracks).prop_map(
        |(sid, identity, state, version, tracks)| {
            let track = |(sid, kind, muted)| proto::TrackInfo {
                sid: format!("TR_{sid}"),
                r#type: kind,
                muted,
                ..Default::default()
            };
            proto::ParticipantInfo {
                sid: format!("PA_{sid}"),
                identity: format!("id{identity}"),
                state,
                version,
                tracks: tracks.into_iter().map(track).collect(),
                ..Default::default()
            }
        },
    )
}

fn description() -> impl Strategy<Value = proto::SessionDescription> {
    let sdp = (any::<bool>(), 0..2500usize, 0..2500usize, any::<bool>()).prop_map(
        |(whole, cut, at, bad)| {
            let now = Instant::now();
            let mut peer = Peer::ice_full(now, &[SERVER.parse().unwrap()]).unwrap();
            let mut sdp = peer
                .offer(
                    now,
                    OfferChanges {
                        add: one_more("TR_1").add,
                        ..channels()
                    },
                )
                .unwrap()
                .unwrap()
                .sdp;
            if !whole {
                sdp.truncate(cut);
            }
            if bad && sdp.is_char_boundary(at) && at < sdp.len() {
                sdp.insert(at, '\n');
            }
            sdp
        },
    );
    (sdp, 0..4u32, 0..4u8).prop_map(|(sdp, id, track)| proto::SessionDescription {
        r#type: "offer".to_owned(),
        sdp,
        id,
        mid_to_track_id: HashMap::from([("1".to_owned(), format!("TR_{track}"))]),
    })
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        4 => description().prop_map(Message::Offer),
        2 => description().prop_map(Message::Answer),
        4 => proptest::collection::vec(someone(), 0..4).prop_map(update),
        2 => "[ -~]{0,80}".prop_map(|text| trickle(&text, proto::SignalTarget::Subscriber)),
        1 => (0..20i32, 0..4i32).prop_map(|(reason, action)| {
            Message::Leave(proto::LeaveRequest { reason, action, ..Default::default() })
        }),
        1 => any::<bool>().prop_map(|muted| {
            Message::Mute(proto::MuteTrackRequest { sid: "TR_own".to_owned(), muted })
        }),
        1 => Just(Message::TrackPublished(proto::TrackPublishedResponse::default())),
        1 => Just(Message::TrackUnpublished(proto::TrackUnpublishedResponse::default())),
        1 => Just(Message::RoomMoved(proto::RoomMovedResponse::default())),
        1 => Just(Message::Pong(1)),
    ]
}

fn input() -> impl Strategy<Value = Input> {
    let join = (proptest::collection::vec(someone(), 0..4), any::<bool>());
    let joined = join.prop_map(|(other_participants, subscriber_primary)| {
        Input::Joined(proto::JoinResponse {
            other_participants,
            subscriber_primary,
            ..Default::default()
        })
    });
    prop_oneof![
        4 => joined,
        1 => failure().prop_map(Input::JoinFailed),
        1 => Just(Input::Resumed),
        1 => failure().prop_map(Input::ResumeFailed),
        8 => message().prop_map(Input::Signal),
        1 => Just(Input::Closed),
        4 => any::<bool>().prop_map(Input::Bound),
        2 => proptest::collection::vec(any::<u8>(), 0..200).prop_map(Input::Datagram),
        4 => (0..20_000u64).prop_map(Input::Later),
        1 => any::<bool>().prop_map(Input::Muted),
        1 => Just(Input::Attributes),
        1 => Just(Input::Retry),
        1 => Just(Input::Audio),
    ]
}

fn apply(link: &mut Link, now: &mut Instant, transport: TransportId, input: Input) {
    let local: SocketAddr = LINK.parse().unwrap();
    match input {
        Input::Joined(response) => link.joined(*now, response),
        Input::JoinFailed(failure) => link.join_failed(*now, failure),
        Input::Resumed => link.resumed(*now, proto::ReconnectResponse::default()),
        Input::ResumeFailed(failure) => link.resume_failed(*now, failure),
        Input::Signal(message) => link.handle_signal(*now, message),
        Input::Closed => link.signal_closed(*now, "x"),
        Input::Bound(true) => link.bound(*now, transport, &[local]),
        Input::Bound(false) => link.bind_failed(*now, transport, "x"),
        Input::Datagram(bytes) => {
            link.handle_datagram(*now, transport, local, SERVER.parse().unwrap(), &bytes);
        }
        Input::Later(ms) => {
            *now += Duration::from_millis(ms);
            link.handle_timeout(*now);
        }
        Input::Muted(muted) => link.set_muted(*now, muted),
        Input::Attributes => link.set_attributes(*now, BTreeMap::new()),
        Input::Retry => link.retry_now(*now),
        Input::Audio => {
            let payload = [1].into();
            let packet = AudioPacket {
                seq: 1,
                timestamp: 1,
                marker: false,
                level_dbov: None,
                payload,
            };
            link.send_audio(*now, &packet);
        }
    }
}

proptest! {
    #[test]
    fn nothing_harms_a_link_and_it_always_has_a_deadline(
        listener in any::<bool>(),
        inputs in proptest::collection::vec(input(), 1..60),
    ) {
        let role = if listener { LinkRole::Listener } else { LinkRole::Caller };
        let mut now = Instant::now();
        let timings = LinkTimings::of(role);
        let mut link = Link::new(now, LinkConfig { role, node: "here".to_owned(), timings, seed: 1 });
        let (mut transport, mut over) = (TransportId(0), false);
        for input in inputs {
            apply(&mut link, &mut now, transport, input);
            let mut outputs = 0;
            while let Some(output) = link.poll_output() {
                outputs += 1;
                match output {
                    LinkOutput::Bind { transport: asked } => transport = asked,
                    LinkOutput::Event(LinkEvent::Removed) => over = true,
                    _ => {}
                }
            }
            prop_assert!(outputs < 200);
            prop_assert_eq!(link.poll_timeout().is_some(), !over);
            let (participants, tracks, rest) = link.room.size();
            prop_assert!(participants <= 4 && tracks <= 12 && rest <= 24);
        }
    }
}
