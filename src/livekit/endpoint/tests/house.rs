//! An endpoint, browsers made of our own peers, and a network without delay.

#![expect(
    clippy::disallowed_methods,
    reason = "the scripts' time begins now and is moved by hand"
)]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use livekit_protocol as proto;
use prost::Message as _;
use proto::signal_request::Message as Said;
use proto::signal_response::Message;

use crate::livekit::endpoint::*;
use crate::livekit::token::{RoomPass, TokenKeys};
use crate::rtc::{AudioPacket, Mid, Msid, OfferChanges, Peer, PeerOutput};

const SERVER: &str = "198.51.100.1:7882";

/// The whole scene.
pub(super) struct House {
    pub(super) now: Instant,
    /// The wall clock, which no script needs to move.
    pub(super) unix_ms: u64,
    pub(super) endpoint: Endpoint,
    pub(super) browsers: HashMap<SessionId, Browser>,
    pub(super) events: Vec<Event>,
    ports: u16,
}

/// A client as LiveKit's SDKs are one: two connections, and it does what it is told.
pub(super) struct Browser {
    publisher: Peer,
    subscriber: Peer,
    addresses: [SocketAddr; 2],
    pub(super) messages: Vec<Message>,
    pub(super) closed: bool,
    /// Mid of the subscriber connection to track sid, as last told.
    pub(super) lines: HashMap<String, String>,
    /// Track sid to the packets heard.
    pub(super) heard: HashMap<String, Vec<AudioPacket>>,
    pub(super) answers: bool,
}

pub(super) fn keys() -> TokenKeys {
    TokenKeys::new("key", "secret")
}

pub(super) fn query() -> JoinQuery {
    JoinQuery::parse("auto_subscribe=1")
}

pub(super) fn caller(identity: &str) -> CallParticipant {
    let attributes = [("sip.callID".to_owned(), identity.to_owned())].into();
    CallParticipant {
        identity: identity.to_owned(),
        name: "Caller".to_owned(),
        attributes,
    }
}

pub(super) fn voice(seq: u64, byte: u8) -> AudioPacket {
    let timestamp = seq as u32 * 960;
    AudioPacket {
        seq,
        timestamp,
        marker: false,
        level_dbov: Some(-10),
        payload: [byte; 40].into(),
    }
}

impl House {
    pub(super) fn new() -> Self {
        Self::with_limits(EndpointLimits::default())
    }

    pub(super) fn with_limits(limits: EndpointLimits) -> Self {
        let now = Instant::now();
        let unix_ms = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
        let config = EndpointConfig {
            candidates: vec![SERVER.parse().unwrap()],
            keys: keys(),
            limits,
            seed: 7,
        };
        let endpoint = Endpoint::new(now, unix_ms, config);
        Self {
            now,
            unix_ms,
            endpoint,
            browsers: HashMap::new(),
            events: Vec::new(),
            ports: 40_000,
        }
    }

    /// Joins with this pass; the browser is connected a second later.
    pub(super) fn join(&mut self, pass: &RoomPass) -> SessionId {
        let session = self.try_join(pass, &query()).unwrap();
        self.pass(Duration::from_secs(1));
        session
    }

    pub(super) fn try_join(
        &mut self,
        pass: &RoomPass,
        query: &JoinQuery,
    ) -> Result<SessionId, JoinRefusal> {
        let token = keys().sign(pass, Duration::from_secs(3600)).unwrap();
        let session = self.endpoint.join(self.now, self.unix_ms, &token, query)?;
        let addresses = [self.ports, self.ports + 1].map(|port| ([192, 0, 2, 7], port).into());
        self.ports += 2;
        let browser = Browser {
            publisher: Peer::ice_full(self.now, &addresses[0..=0]).unwrap(),
            subscriber: Peer::ice_full(self.now, &addresses[1..=1]).unwrap(),
            addresses,
            messages: Vec::new(),
            closed: false,
            lines: HashMap::new(),
            heard: HashMap::new(),
            answers: true,
        };
        self.browsers.insert(session, browser);
        self.settle();
        Ok(session)
    }

    pub(super) fn guest(&mut self, identity: &str) -> SessionId {
        self.join(&RoomPass::new("live", identity, identity))
    }

    pub(super) fn say(&mut self, session: SessionId, said: Said) {
        let frame = proto::SignalRequest {
            message: Some(said),
        }
        .encode_to_vec();
        self.endpoint.handle_signal(self.now, session, &frame);
        self.settle();
    }

    /// Publishes a microphone and gives its m-line and sid.
    pub(super) fn publish(&mut self, session: SessionId, cid: &str) -> (Mid, String) {
        self.say(session, Said::AddTrack(microphone(cid)));
        let msid = Msid {
            stream: "own".into(),
            track: cid.into(),
        };
        let mids = self.offer(
            session,
            OfferChanges {
                add: vec![msid],
                ..Default::default()
            },
        );
        self.pass(Duration::from_secs(1));
        let sid = self.browsers[&session]
            .messages
            .iter()
            .rev()
            .find_map(|message| match message {
                Message::TrackPublished(published) if published.cid == cid => {
                    published.track.clone()
                }
                _ => None,
            });
        (mids[0], sid.unwrap().sid)
    }

    pub(super) fn offer(&mut self, session: SessionId, changes: OfferChanges) -> Vec<Mid> {
        let browser = self.browsers.get_mut(&session).unwrap();
        let offer = browser.publisher.offer(self.now, changes).unwrap().unwrap();
        self.say(session, Said::Offer(description("offer", offer.sdp, 1)));
        offer.added
    }

    pub(super) fn speak(&mut self, session: SessionId, mid: Mid, packet: AudioPacket) {
        let browser = self.browsers.get_mut(&session).unwrap();
        assert!(browser.publisher.send_audio(self.now, mid, packet).unwrap());
        self.settle();
    }

    /// Lets time pass for everybody.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        self.settle();
        while let Some(next) = self.next_deadline().filter(|next| *next < end) {
            self.now = next.max(self.now + Duration::from_millis(1));
            self.endpoint.handle_timeout(self.now);
            for browser in self.browsers.values_mut() {
                let _ = browser.publisher.handle_timeout(self.now);
                let _ = browser.subscriber.handle_timeout(self.now);
            }
            self.settle();
        }
        self.now = end;
        self.endpoint.handle_timeout(self.now);
        self.settle();
    }

    fn next_deadline(&self) -> Option<Instant> {
        let peers = self
            .browsers
            .values()
            .flat_map(|b| [&b.publisher, &b.subscriber]);
        peers
            .filter_map(Peer::deadline)
            .chain(self.endpoint.poll_timeout())
            .min()
    }

    /// Carries datagrams and frames until nothing moves.
    pub(super) fn settle(&mut self) {
        loop {
            let mut moved = false;
            while let Some(output) = self.endpoint.poll_output() {
                moved = true;
                self.deliver(output);
            }
            for browser in self.browsers.values_mut() {
                for (from, datagram) in browser.drain() {
                    moved = true;
                    self.endpoint.handle_datagram(self.now, from, &datagram);
                }
            }
            if !moved {
                return;
            }
        }
    }

    fn deliver(&mut self, output: Output) {
        match output {
            Output::Transmit { to, bytes } => {
                for browser in self.browsers.values_mut() {
                    browser.receive(self.now, to, &bytes);
                }
            }
            Output::Signal { session, frame } => {
                let message = proto::SignalResponse::decode(&*frame)
                    .unwrap()
                    .message
                    .unwrap();
                if let Some(browser) = self.browsers.get_mut(&session)
                    && let Some(said) = browser.react(self.now, message)
                {
                    let frame = proto::SignalRequest {
                        message: Some(said),
                    }
                    .encode_to_vec();
                    self.endpoint.handle_signal(self.now, session, &frame);
                }
            }
            Output::CloseSignal { session } => {
                if let Some(browser) = self.browsers.get_mut(&session) {
                    browser.closed = true;
                }
            }
            Output::Event(event) => self.events.push(event),
        }
    }
}

impl Browser {
    fn drain(&mut self) -> Vec<(SocketAddr, Vec<u8>)> {
        let mut datagrams = Vec::new();
        while let Some(output) = self.publisher.poll_output() {
            if let PeerOutput::Transmit { bytes, .. } = output {
                datagrams.push((self.addresses[0], bytes));
            }
        }
        while let Some(output) = self.subscriber.poll_output() {
            match output {
                PeerOutput::Transmit { bytes, .. } => datagrams.push((self.addresses[1], bytes)),
                PeerOutput::Audio { mid, packet, .. } => {
                    let sid = self
                        .lines
                        .get(&mid.to_string())
                        .cloned()
                        .unwrap_or_default();
                    self.heard.entry(sid).or_default().push(packet);
                }
                PeerOutput::Connected | PeerOutput::Disconnected => {}
            }
        }
        datagrams
    }

    fn receive(&mut self, now: Instant, to: SocketAddr, bytes: &[u8]) {
        let server = SERVER.parse().unwrap();
        if to == self.addresses[0] {
            let _ = self.publisher.handle_receive(now, server, bytes);
        } else if to == self.addresses[1] {
            let _ = self.subscriber.handle_receive(now, server, bytes);
        }
    }

    fn react(&mut self, now: Instant, message: Message) -> Option<Said> {
        self.messages.push(message.clone());
        match message {
            Message::Offer(offer) if self.answers => {
                self.lines = offer.mid_to_track_id;
                let answer = self.subscriber.accept_offer(now, &offer.sdp).unwrap();
                Some(Said::Answer(description("answer", answer, offer.id)))
            }
            Message::Answer(answer) => {
                self.publisher.accept_answer(now, &answer.sdp).unwrap();
                None
            }
            _ => None,
        }
    }

    /// Payload bytes heard of a track, first byte of each packet.
    pub(super) fn bytes_of(&self, sid: &str) -> Vec<u8> {
        self.heard
            .get(sid)
            .into_iter()
            .flatten()
            .map(|packet| packet.payload[0])
            .collect()
    }

    /// The last thing told of this identity.
    pub(super) fn sees(&self, identity: &str) -> Option<proto::ParticipantInfo> {
        let told = self
            .messages
            .iter()
            .rev()
            .flat_map(|message| match message {
                Message::Update(update) => update.participants.clone(),
                Message::Join(join) => join.other_participants.clone(),
                _ => Vec::new(),
            });
        told.into_iter()
            .find(|participant| participant.identity == identity)
    }

    pub(super) fn leave(&self) -> Option<proto::LeaveRequest> {
        self.messages.iter().find_map(|message| match message {
            Message::Leave(leave) => Some(leave.clone()),
            _ => None,
        })
    }

    pub(super) fn offers(&self) -> Vec<&proto::SessionDescription> {
        let offers = self.messages.iter().filter_map(|message| match message {
            Message::Offer(offer) => Some(offer),
            _ => None,
        });
        offers.collect()
    }
}

pub(super) fn microphone(cid: &str) -> proto::AddTrackRequest {
    proto::AddTrackRequest {
        cid: cid.to_owned(),
        name: "mic".to_owned(),
        r#type: proto::TrackType::Audio.into(),
        source: proto::TrackSource::Microphone.into(),
        ..Default::default()
    }
}

pub(super) fn description(kind: &str, sdp: String, id: u32) -> proto::SessionDescription {
    proto::SessionDescription {
        r#type: kind.to_owned(),
        sdp,
        id,
        ..Default::default()
    }
}
