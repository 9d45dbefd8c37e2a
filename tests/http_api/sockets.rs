//! The dashboard's WebSocket, and LiveKit's doors.

use std::time::Duration;

use audioroad::{
    actors::message::AtDesk,
    domain::{Card, Command, Operator, OperatorId, Role},
};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest as _},
};

use crate::station::{ADMIN_TOKEN, Station};

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const PATIENCE: Duration = Duration::from_secs(10);

async fn connect(
    station: &Station,
    path: &str,
    headers: &[(&'static str, &str)],
) -> Result<Socket, u16> {
    let mut request = format!("{}{path}", station.url.replace("http", "ws"))
        .into_client_request()
        .unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    match connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

pub(crate) async fn dashboard(station: &Station, token: &str) -> Socket {
    connect(
        station,
        "/ws",
        &[("authorization", &format!("Bearer {token}"))],
    )
    .await
    .unwrap()
}

/// The next frame of this type; what comes before it is passed over.
pub(crate) async fn next(socket: &mut Socket, kind: &str) -> Value {
    loop {
        let message = timeout(PATIENCE, socket.next())
            .await
            .unwrap_or_else(|_| panic!("no {kind}"));
        match message
            .unwrap_or_else(|| panic!("closed before {kind}"))
            .unwrap()
        {
            Message::Text(text) => {
                let frame: Value = serde_json::from_str(&text).unwrap();
                if frame["type"] == kind {
                    return frame;
                }
            }
            Message::Close(reason) => panic!("closed before {kind}: {reason:?}"),
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }
}

async fn ask(socket: &mut Socket, frame: Value) {
    socket.send(Message::text(frame.to_string())).await.unwrap();
}

/// Reads until the connection is closed; gives the code.
async fn closed(socket: &mut Socket) -> Option<u16> {
    loop {
        match timeout(PATIENCE, socket.next()).await.expect("still open") {
            Some(Ok(Message::Close(reason))) => return reason.map(|reason| reason.code.into()),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return None,
        }
    }
}

#[actix_web::test]
async fn a_snapshot_then_every_change_and_an_answer_to_every_command() {
    let station = Station::open();
    let episode = station.on_air().await;
    let (id, token) = station.operator("Sam", "screener").await;
    let mut sam = dashboard(&station, &token).await;
    let snapshot = next(&mut sam, "snapshot").await;
    assert_eq!(
        snapshot["you"],
        json!({ "operatorId": id, "name": "Sam", "role": "screener" })
    );
    assert_eq!(snapshot["episodes"][0]["id"], json!(episode));

    let call = station.caller("+15551112222").await;
    let mut change = next(&mut sam, "change").await;
    while change["calls"][0]["id"] != json!(call) {
        change = next(&mut sam, "change").await;
    }
    ask(
        &mut sam,
        json!({ "id": 7, "command": "pick-up", "callId": call }),
    )
    .await;
    let room = format!("screening-{episode}-{call}");
    assert_eq!(
        next(&mut sam, "ack").await,
        json!({ "type": "ack", "id": 7, "result": { "callId": call, "room": room } })
    );
    ask(
        &mut sam,
        json!({ "id": 8, "command": "room-token", "room": room }),
    )
    .await;
    let ticket = next(&mut sam, "ack").await;
    assert_eq!(
        (&ticket["id"], &ticket["result"]["url"]),
        (&json!(8), &json!(station.url.replace("http", "ws")))
    );

    for (frame, id, status) in [
        (
            json!({ "id": 9, "command": "put-on-air", "callId": call }),
            json!(9),
            403,
        ),
        (
            json!({ "id": 10, "command": "pick-up", "callId": call }),
            json!(10),
            409,
        ),
        (
            json!({ "id": 11, "command": "approve", "callId": crate::station::NOBODY }),
            json!(11),
            404,
        ),
        (json!({ "id": 12, "command": "launch" }), json!(12), 400),
        (
            json!({ "id": 13, "command": "room-token", "room": format!("live-{episode}") }),
            json!(13),
            403,
        ),
        (
            json!({ "command": "approve", "callId": call }),
            json!(null),
            400,
        ),
    ] {
        ask(&mut sam, frame).await;
        let refused = next(&mut sam, "refused").await;
        assert_eq!(
            (&refused["id"], &refused["status"]),
            (&id, &json!(status)),
            "{refused}"
        );
        assert!(
            refused["detail"].as_str().unwrap().ends_with('.'),
            "{refused}"
        );
    }
}

#[actix_web::test]
async fn only_signed_in_and_from_our_own_page() {
    let station = Station::open();
    let (_, token) = station.operator("Sam", "screener").await;
    let (cookie, bearer) = (
        format!("audioroad_session={token}"),
        format!("Bearer {token}"),
    );
    let own = station.url.clone();
    for (headers, status) in [
        (vec![], 401),
        (vec![("authorization", "Bearer nonsense")], 401),
        (
            vec![("cookie", "audioroad_session=x"), ("origin", own.as_str())],
            401,
        ),
        (vec![("cookie", cookie.as_str())], 403),
        (
            vec![
                ("cookie", cookie.as_str()),
                ("origin", "http://evil.example"),
            ],
            403,
        ),
        (
            vec![
                ("authorization", bearer.as_str()),
                ("origin", "http://evil.example"),
            ],
            403,
        ),
    ] {
        assert_eq!(
            connect(&station, "/ws", &headers).await.err(),
            Some(status),
            "{headers:?}"
        );
    }
    assert!(
        connect(&station, "/ws", &[("cookie", &cookie), ("origin", &own)])
            .await
            .is_ok()
    );
    station.get("/ws").await.problem(426, "no upgrade");
}

#[actix_web::test]
async fn too_large_too_many_and_other_frames_end_it() {
    let station = Station::open();
    let mut large = dashboard(&station, ADMIN_TOKEN).await;
    large
        .send(Message::text("x".repeat(17 * 1024)))
        .await
        .unwrap();
    assert_eq!(closed(&mut large).await, Some(1009));

    let mut binary = dashboard(&station, ADMIN_TOKEN).await;
    binary.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(closed(&mut binary).await, Some(1003));

    let mut fast = dashboard(&station, ADMIN_TOKEN).await;
    for _ in 0..120 {
        fast.feed(Message::text("{}")).await.unwrap();
    }
    fast.flush().await.unwrap();
    assert_eq!(closed(&mut fast).await, Some(1008));
}

#[actix_web::test]
async fn whoever_is_signed_out_or_disabled_leaves() {
    let station = Station::open();
    let (id, token) = station.operator("Sam", "screener").await;
    let mut sam = dashboard(&station, &token).await;
    next(&mut sam, "snapshot").await;
    station
        .patch(&format!("/api/operators/{id}"), json!({ "disabled": true }))
        .await;
    assert_eq!(closed(&mut sam).await, Some(1008));
    assert_eq!(
        connect(
            &station,
            "/ws",
            &[("authorization", &format!("Bearer {token}"))]
        )
        .await
        .err(),
        Some(401)
    );
}

#[actix_web::test]
async fn a_dashboard_that_does_not_read_is_cut_off_and_costs_the_others_nothing() {
    let station = Station::open();
    station.on_air().await;
    let call = station.caller("+15551112222").await.parse().unwrap();
    let mut reader = dashboard(&station, ADMIN_TOKEN).await;
    next(&mut reader, "snapshot").await;
    let mut sleeper = sleeper(&station).await;

    let admin = Operator {
        id: OperatorId(1),
        name: "Script".to_owned(),
        role: Role::Admin,
    };
    let notes = "x".repeat(4000);
    let mut presses = 0;
    while station.metrics.dashboards_dropped.get() == 0 && presses < 20_000 {
        let card = Card {
            notes: Some(format!("{presses} {}", &notes[8..])),
            ..Card::default()
        };
        let (by, command) = (
            admin.clone(),
            Command::UpdateCard {
                call_id: call,
                card,
            },
        );
        station
            .switchboard
            .send(AtDesk::new(move |desk, now| {
                desk.command(now, &by, &command)
            }))
            .await
            .unwrap()
            .unwrap();
        next(&mut reader, "change").await;
        presses += 1;
    }
    assert_eq!(
        station.metrics.dashboards_dropped.get(),
        1,
        "after {presses} presses"
    );
    ask(
        &mut reader,
        json!({ "id": 1, "command": "drop", "callId": call }),
    )
    .await;
    next(&mut reader, "ack").await;

    // Awake again, it gets what had been sent before, and then the end. Through a window smaller than a segment of the loopback
    // that would take as many persist timers as there are windows (RFC 9293 section 3.8.6.1).
    let awake = socket2::SockRef::from(&sleeper);
    awake.set_recv_buffer_size(1024 * 1024).unwrap();
    let mut rest = Vec::new();
    timeout(PATIENCE, sleeper.read_to_end(&mut rest))
        .await
        .expect("still open")
        .ok();
    assert!(rest.len() < 64 * 1024 * 1024);
}

/// A client that shakes hands and never reads.
async fn sleeper(station: &Station) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let address = station.url.trim_start_matches("http://");
    let mut stream = socket.connect(address.parse().unwrap()).await.unwrap();
    let handshake = format!(
        "GET /ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer {ADMIN_TOKEN}\r\n\r\n"
    );
    stream.write_all(handshake.as_bytes()).await.unwrap();
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 101");
    stream
}

#[actix_web::test]
async fn livekit_clients_need_a_token_and_are_sent_from_v1_to_v0() {
    let station = Station::open();
    let episode = station.on_air().await;
    for path in ["/rtc/v1", "/rtc/v1/validate", "/rtc/v1?join_request=x"] {
        let refused = station.send(station.request("GET", path)).await;
        refused.problem(404, path);
        assert_eq!(refused.header("access-control-allow-origin"), "*");
    }
    let refused = station
        .send(station.request("GET", "/rtc/validate?access_token=x"))
        .await;
    assert_eq!(
        (
            refused.status,
            refused.header("access-control-allow-origin")
        ),
        (401, "*")
    );
    assert_eq!(
        connect(&station, "/rtc?access_token=x", &[]).await.err(),
        Some(401)
    );
    assert_eq!(connect(&station, "/rtc", &[]).await.err(), Some(401));

    let ticket = station
        .post(&format!("/api/rooms/live-{episode}/token"), json!({}))
        .await
        .json();
    let path = format!(
        "/rtc?access_token={}&protocol=16",
        ticket["token"].as_str().unwrap()
    );
    let mut socket = connect(&station, &path, &[]).await.unwrap();
    let first = timeout(PATIENCE, socket.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(matches!(first, Message::Binary(_)), "{first:?}");
    announce_a_gigabyte(&mut socket).await;

    let mut dashboard = dashboard(&station, ADMIN_TOKEN).await;
    next(&mut dashboard, "snapshot").await;
    announce_a_gigabyte(&mut dashboard).await;
}

/// Announces a frame of 1 GB and sends none of it: nobody waits for it.
async fn announce_a_gigabyte(socket: &mut Socket) {
    let mut head = vec![0x82, 0xff];
    head.extend((1_u64 << 30).to_be_bytes());
    head.extend([0; 4]);
    let MaybeTlsStream::Plain(tcp) = socket.get_mut() else {
        panic!("no TLS here");
    };
    tcp.write_all(&head).await.unwrap();
    assert_eq!(closed(socket).await, Some(1009));
}
