//! Rooms on a server that is not there: nothing waits for it.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use rtrb::{Producer, RingBuffer};

use crate::actors::bridge::{
    BridgeConfig, BridgeEvent, BridgeMode, CallTrack, JoinQuery, JoinRefusal, JoinRequest,
    LeaveCause, RoomLimit, RoomTransport, ServerConfig, TransportState,
};
use crate::actors::clock;
use crate::media::opus::{OpusPacket, OpusPayload};

/// Far more than anything here takes.
const SOON: Duration = Duration::from_secs(20);

/// A bridge to a port at which nobody answers.
fn start() -> (RoomTransport, Receiver<BridgeEvent>) {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    let server = ServerConfig {
        url: format!("ws://{}", closed.unwrap()).parse().unwrap(),
        api_key: "key".to_owned(),
        api_secret: "secret".to_owned(),
        node: "a".to_owned(),
    };
    let mode = BridgeMode::Server(server);
    let (told, events) = mpsc::channel();
    let bridge = RoomTransport::start(BridgeConfig { mode, seed: 7 }, move |event| {
        let _ = told.send(event);
    });
    (bridge.unwrap(), events)
}

fn call() -> (CallTrack, Producer<OpusPacket>) {
    let (voice, audio) = RingBuffer::new(8);
    let call = CallTrack {
        identity: "call:1".to_owned(),
        name: "Ann".to_owned(),
        attributes: BTreeMap::new(),
        audio,
        heard: Default::default(),
    };
    (call, voice)
}

fn packet(seq: u64) -> OpusPacket {
    OpusPacket {
        seq,
        timestamp: 0,
        payload: OpusPayload::try_from(&[0xf8_u8, 0xff, 0xfe][..]).unwrap(),
        level_dbov: None,
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_holds_nothing_up_and_is_told_of() {
    let (bridge, events) = start();
    let begun = clock::now();
    let (call, mut voice) = call();
    bridge.open_room("live-1", RoomLimit(20));
    bridge.publish_call("live-1", call);
    bridge.set_call_muted("live-1", "call:1", true);
    bridge.room_finished("live-1");
    assert!(
        clock::now() - begun < Duration::from_secs(1),
        "commands wait for nothing"
    );

    let BridgeEvent::Transport(TransportState::Lost { why, since_unix_ms }) =
        events.recv_timeout(SOON).unwrap()
    else {
        panic!("something else was told");
    };
    assert!(why.contains("cannot be reached"), "{why}");
    assert!(since_unix_ms <= clock::unix_ms());

    // The rings are emptied all the same: what comes back after an outage must be the present.
    for seq in 0..8 {
        voice.push(packet(seq)).unwrap();
    }
    while voice.slots() < 8 {
        bridge.wake();
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(clock::now() - begun < SOON, "the ring is not emptied");
    }

    let stopping = clock::now();
    bridge.stop().await;
    assert!(
        clock::now() - stopping < Duration::from_secs(1),
        "nobody is there to say good-bye to"
    );
}

#[tokio::test]
async fn browsers_join_at_the_server_and_not_here() {
    let (bridge, _events) = start();
    assert!(!bridge.is_embedded());
    let (reply, _frames) = tokio::sync::mpsc::channel(1);
    let request = JoinRequest {
        token: String::new(),
        query: JoinQuery::parse(""),
        reply,
    };
    assert_eq!(bridge.join(request).await, Err(JoinRefusal::Unavailable));
    assert_eq!(bridge.validate("").unwrap_err(), JoinRefusal::Unavailable);
}

#[tokio::test]
async fn a_call_that_has_left_and_a_closed_room_give_their_rings_back() {
    let (bridge, _events) = start();
    let begun = clock::now();
    bridge.open_room("live-1", RoomLimit(20));
    let ((first, first_voice), (second, second_voice)) = (call(), call());
    bridge.publish_call("live-1", first);
    bridge.publish_call("live-1", second);
    while !first_voice.is_abandoned() {
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(
            clock::now() - begun < SOON,
            "a call of the same identity takes the place"
        );
    }
    assert!(!second_voice.is_abandoned());
    bridge.close_room("live-1", LeaveCause::RoomClosed);
    while !second_voice.is_abandoned() {
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(clock::now() - begun < SOON, "the room is closed");
    }
}
