//! The worker against a WebSocket server that does what a script says.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use prost::Message as _;
use proto::signal_request::Message as Said;
use proto::signal_response::Message as Answer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;

use super::*;
use crate::actors::bridge::config::ServerConfig;
use crate::actors::bridge::remote::site::Site;
use crate::actors::clock;

type Socket = WebSocketStream<TcpStream>;

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn signal(server: SocketAddr) -> Signal {
    let config = ServerConfig {
        url: format!("ws://{server}").parse().unwrap(),
        api_key: "key".to_owned(),
        api_secret: "secret".to_owned(),
        node: "a".to_owned(),
    };
    let site = Rc::new(Site::new(config, 7, Arc::new(|_| {})));
    let room = RoomSite::new(site, "live".to_owned());
    let pass = RoomPass::new("live", "call:1", "Ann");
    Signal::start(room, Rc::new(RefCell::new(pass)))
}

async fn accept(listener: &TcpListener) -> Socket {
    let (stream, _) = listener.accept().await.unwrap();
    tokio_tungstenite::accept_async(stream).await.unwrap()
}

async fn answer(socket: &mut Socket, message: Answer) {
    let response = proto::SignalResponse {
        message: Some(message),
    };
    let frame = Frame::binary(response.encode_to_vec());
    socket.send(frame).await.unwrap();
}

/// What the switch says next; `None` when it has closed.
async fn said(socket: &mut Socket) -> Option<Said> {
    loop {
        let frame = socket.next().await?.ok()?;
        if let Frame::Binary(bytes) = frame {
            let said = proto::SignalRequest::decode(bytes).unwrap().message?;
            if !matches!(said, Said::PingReq(_)) {
                return Some(said);
            }
        }
    }
}

fn welcome(ping_interval: i32) -> Answer {
    Answer::Join(proto::JoinResponse {
        participant: Some(proto::ParticipantInfo {
            sid: "PA_1".to_owned(),
            ..Default::default()
        }),
        ping_interval,
        ping_timeout: 15,
        ..Default::default()
    })
}

/// Something that only comes after a welcome.
fn news() -> Answer {
    Answer::Mute(proto::MuteTrackRequest::default())
}

fn leave() -> Wish {
    Wish::Send(Box::new(Said::Leave(proto::LeaveRequest::default())))
}

#[tokio::test]
async fn a_join_is_told_with_the_servers_addresses_and_messages_follow() {
    let test = async {
        let (listener, server) = listener().await;
        let mut signal = signal(server);
        assert!(signal.wish(Wish::Join));
        let mut socket = accept(&listener).await;
        answer(&mut socket, welcome(5)).await;
        answer(&mut socket, news()).await;
        let heard = signal.next().await.unwrap();
        let Heard::Joined(response, hosts) = heard else {
            panic!("{heard:?}");
        };
        assert_eq!(response.participant.unwrap().sid, "PA_1");
        assert_eq!(hosts, [server.ip()]);
        let heard = signal.next().await.unwrap();
        assert!(
            matches!(&heard, Heard::Message(message) if **message == news()),
            "{heard:?}"
        );
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn what_was_said_is_delivered_before_a_new_beginning_and_at_the_end() {
    let test = async {
        let (listener, server) = listener().await;
        let mut signal = signal(server);
        signal.wish(Wish::Join);
        let mut former = accept(&listener).await;
        answer(&mut former, welcome(5)).await;
        assert!(matches!(signal.next().await, Some(Heard::Joined(..))));
        signal.wish(leave());
        signal.wish(Wish::Join);
        let mut socket = accept(&listener).await;
        // Said before the second connection was begun, so it is there without waiting for anything else.
        assert!(matches!(said(&mut former).await, Some(Said::Leave(_))));
        assert_eq!(said(&mut former).await, None, "and then it was closed");
        answer(&mut socket, welcome(5)).await;
        assert!(matches!(signal.next().await, Some(Heard::Joined(..))));
        signal.wish(leave());
        signal.wish(Wish::Disconnect);
        signal.finish().await;
        assert!(matches!(said(&mut socket).await, Some(Said::Leave(_))));
        assert_eq!(said(&mut socket).await, None);
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn a_later_attempt_calls_off_one_that_nobody_answers() {
    let test = async {
        let (listener, server) = listener().await;
        let mut signal = signal(server);
        let begun = clock::now();
        signal.wish(Wish::Join);
        let _silent = listener.accept().await.unwrap();
        signal.wish(Wish::Join);
        let mut socket = accept(&listener).await;
        answer(&mut socket, welcome(5)).await;
        assert!(matches!(signal.next().await, Some(Heard::Joined(..))));
        assert!(clock::now() - begun < Duration::from_secs(2));
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn who_gives_up_while_the_server_lets_it_in_leaves() {
    let test = async {
        let (listener, server) = listener().await;
        let mut signal = signal(server);
        signal.wish(Wish::Join);
        let mut socket = accept(&listener).await;
        signal.wish(Wish::Disconnect);
        let server = async {
            answer(&mut socket, welcome(5)).await;
            said(&mut socket).await
        };
        let (left, ()) = tokio::join!(server, signal.finish());
        assert!(matches!(left, Some(Said::Leave(_))), "{left:?}");
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn a_lost_connection_is_told_and_its_session_resumed() {
    let test = async {
        let (listener, server) = listener().await;
        let mut signal = signal(server);
        signal.wish(Wish::Join);
        let mut socket = accept(&listener).await;
        answer(&mut socket, welcome(5)).await;
        assert!(matches!(signal.next().await, Some(Heard::Joined(..))));
        drop(socket);
        assert!(matches!(signal.next().await, Some(Heard::Closed(_))));
        signal.wish(Wish::Resume(proto::ReconnectReason::RrSignalDisconnected));
        let mut socket = accept(&listener).await;
        answer(
            &mut socket,
            Answer::Reconnect(proto::ReconnectResponse::default()),
        )
        .await;
        answer(&mut socket, news()).await;
        let heard = signal.next().await.unwrap();
        assert!(matches!(heard, Heard::Resumed(_)), "{heard:?}");
        let heard = signal.next().await.unwrap();
        assert!(matches!(heard, Heard::Message(_)), "{heard:?}");
        // What belongs to the session waits until the link says that it is whole again.
        signal.wish(Wish::Send(Box::new(Said::Mute(
            proto::MuteTrackRequest::default(),
        ))));
        signal.wish(Wish::Send(Box::new(Said::SyncState(
            proto::SyncState::default(),
        ))));
        assert!(matches!(said(&mut socket).await, Some(Said::SyncState(_))));
        signal.wish(Wish::Reconnected);
        assert!(matches!(said(&mut socket).await, Some(Said::Mute(_))));
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn a_server_without_pings_is_none() {
    let test = async {
        let (listener, server) = listener().await;
        let mut signal = signal(server);
        signal.wish(Wish::Join);
        let mut socket = accept(&listener).await;
        answer(&mut socket, welcome(-1)).await;
        let heard = signal.next().await.unwrap();
        assert!(
            matches!(heard, Heard::JoinFailed(SignalFailure::Unreachable(_))),
            "{heard:?}"
        );
        assert_eq!(said(&mut socket).await, None, "it is left again");
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn a_refusal_is_told_with_its_status_and_without_the_token() {
    const REFUSAL: &[u8] =
        b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 29\r\nConnection: close\r\n\r\n\
        invalid token: eyJh.eyJl.x, no";
    let test = async {
        let (listener, server) = listener().await;
        let mut signal = signal(server);
        signal.wish(Wish::Join);
        let refuse = async {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(REFUSAL).await;
            }
        };
        let heard = tokio::select! {
            heard = signal.next() => heard.unwrap(),
            () = refuse => unreachable!(),
        };
        let Heard::JoinFailed(SignalFailure::Refused { status, detail }) = heard else {
            panic!("{heard:?}");
        };
        assert_eq!((status, detail.contains("eyJ")), (401, false), "{detail}");
        assert!(detail.starts_with("invalid token"), "{detail}");
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn a_worker_that_is_no_more_leaves_an_answer_for_what_was_asked() {
    let test = async {
        let (_listener, server) = listener().await;
        let mut signal = signal(server);
        signal.wish(Wish::Join);
        signal.worker.abort_all();
        assert!(signal.next().await.is_none());
        assert!(matches!(signal.epitaph(), Heard::JoinFailed(_)));
    };
    LocalSet::new().run_until(test).await;
}
