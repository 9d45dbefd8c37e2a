//! The handle, with a thread and a socket behind it.

use std::sync::mpsc as std_mpsc;
use std::time::Duration;

use livekit_protocol as proto;
use prost::Message as _;
use proto::signal_request::Message as Said;
use proto::signal_response::Message;
use rtrb::RingBuffer;
use tokio::sync::mpsc::Receiver;

use super::*;
use crate::config::PublicIp;
use crate::livekit::TokenError;

fn start() -> (RoomTransport, std_mpsc::Receiver<BridgeEvent>) {
    let (told, events) = std_mpsc::channel();
    let mode = BridgeMode::Embedded {
        udp: "127.0.0.1:0".parse().unwrap(),
        public_ip: PublicIp::default(),
        api_key: "key".to_owned(),
        api_secret: "secret".to_owned(),
        limits: EndpointLimits::default(),
    };
    let config = BridgeConfig { mode, seed: 7 };
    let bridge = RoomTransport::start(config, move |event| {
        let _ = told.send(event);
    });
    (bridge.unwrap(), events)
}

fn token() -> String {
    let pass = RoomPass::new("live", "ann", "Ann");
    TokenKeys::new("key", "secret")
        .sign(&pass, Duration::from_secs(60))
        .unwrap()
}

async fn join(
    bridge: &RoomTransport,
    token: String,
) -> Result<(Joined, Receiver<Vec<u8>>), JoinRefusal> {
    let (reply, frames) = mpsc::channel(64);
    let request = JoinRequest {
        token,
        query: JoinQuery::parse("auto_subscribe=1"),
        reply,
    };
    Ok((bridge.join(request).await?, frames))
}

/// The next frame that `pick` wants.
async fn next<T>(frames: &mut Receiver<Vec<u8>>, pick: impl Fn(Message) -> Option<T>) -> T {
    loop {
        let frame = frames.recv().await.expect("the WebSocket was closed");
        let message = proto::SignalResponse::decode(&*frame)
            .unwrap()
            .message
            .unwrap();
        if let Some(found) = pick(message) {
            return found;
        }
    }
}

fn joined(message: Message) -> Option<proto::JoinResponse> {
    if let Message::Join(join) = message {
        Some(join)
    } else {
        None
    }
}

fn update(message: Message) -> Option<proto::ParticipantInfo> {
    if let Message::Update(mut update) = message {
        update.participants.pop()
    } else {
        None
    }
}

#[tokio::test]
async fn a_browser_joins_sees_a_call_and_leaves() {
    let (bridge, events) = start();
    let call = CallTrack {
        identity: "call:1".to_owned(),
        name: "Caller".to_owned(),
        attributes: BTreeMap::new(),
        audio: RingBuffer::new(8).1,
        heard: Default::default(),
    };
    bridge.publish_call("live", call);
    let (Joined { session }, mut frames) = join(&bridge, token()).await.unwrap();
    let response = next(&mut frames, joined).await;
    assert_eq!(response.other_participants[0].identity, "call:1");

    bridge.set_call_muted("live", "call:1", true);
    bridge.wake();
    let muted =
        |message| update(message).filter(|info| info.tracks.iter().any(|track| track.muted));
    assert_eq!(next(&mut frames, muted).await.identity, "call:1");

    let leave = proto::SignalRequest {
        message: Some(Said::Leave(Default::default())),
    };
    bridge.signal(session, leave.encode_to_vec().into());
    while frames.recv().await.is_some() {}
    bridge.signal_closed(session);
    let told: Vec<&str> = events
        .try_iter()
        .map(|event| match event {
            BridgeEvent::ParticipantJoined { .. } => "joined",
            BridgeEvent::ParticipantLeft { .. } => "left",
            BridgeEvent::TrackUp { .. } => "up",
            BridgeEvent::TrackMuted { .. } => "muted",
            BridgeEvent::TrackDown { .. } => "down",
            BridgeEvent::CallRemoved { .. }
            | BridgeEvent::CallMuted { .. }
            | BridgeEvent::Transport(_) => "of a LiveKit server",
        })
        .collect();
    assert_eq!(told.first(), Some(&"joined"));
}

#[tokio::test]
async fn a_bad_token_is_refused_at_the_door() {
    let (bridge, _events) = start();
    let refusal = join(&bridge, "nonsense".to_owned()).await.unwrap_err();
    assert_eq!(refusal, JoinRefusal::Token(TokenError::Malformed));
    assert_eq!(refusal.status(), 401);
    assert_eq!(bridge.validate("").unwrap_err().status(), 401);
    assert_eq!(bridge.validate(&token()).unwrap().room, "live");
}

#[tokio::test]
async fn a_closed_room_and_a_dropped_handle_close_the_websockets() {
    let (bridge, _events) = start();
    let (_, mut frames) = join(&bridge, token()).await.unwrap();
    bridge.close_room("live", LeaveCause::RoomClosed);
    let leave = |message| {
        if let Message::Leave(leave) = message {
            Some(leave)
        } else {
            None
        }
    };
    let leave = next(&mut frames, leave).await;
    assert_eq!(leave.reason(), proto::DisconnectReason::RoomDeleted);
    assert_eq!(frames.recv().await, None);

    let (_, mut frames) = join(&bridge, token()).await.unwrap();
    next(&mut frames, joined).await;
    drop(bridge);
    while frames.recv().await.is_some() {}
}
