//! How a show sounds, pressed at dashboards: who may, and what everybody sees of it.

use futures_util::SinkExt as _;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    sockets::{Socket, dashboard, next},
    station::Station,
};

async fn ask(socket: &mut Socket, frame: Value) {
    socket.send(Message::text(frame.to_string())).await.unwrap();
}

#[actix_web::test]
async fn ducking_is_switched_by_a_host_and_seen_by_all() {
    let station = Station::open();
    let episode = station.on_air().await;
    let (_, screener) = station.operator("Sam", "screener").await;
    let (_, host) = station.operator("Hal", "host").await;
    let (mut sam, mut hal) = (
        dashboard(&station, &screener).await,
        dashboard(&station, &host).await,
    );
    let snapshot = next(&mut sam, "snapshot").await;
    assert_eq!(
        snapshot["mixing"],
        json!({ "loudnessTarget": -16, "duckDb": 9, "gainDbMax": 20 })
    );
    assert_eq!(snapshot["episodes"][0]["ducking"], json!(true));

    let off = json!({ "id": 1, "command": "set-ducking", "episodeId": episode, "ducking": false });
    ask(&mut sam, off.clone()).await;
    assert_eq!(next(&mut sam, "refused").await["status"], json!(403));
    ask(&mut hal, off).await;
    assert_eq!(
        next(&mut hal, "ack").await,
        json!({ "type": "ack", "id": 1 })
    );
    let mut change = next(&mut sam, "change").await;
    while change["episodes"].is_null() {
        change = next(&mut sam, "change").await;
    }
    assert_eq!(change["episodes"][0]["ducking"], json!(false));

    let reset = json!({ "id": 2, "command": "reset-loudness", "episodeId": episode });
    ask(&mut hal, reset).await;
    assert_eq!(next(&mut hal, "ack").await["id"], json!(2));
}

#[actix_web::test]
async fn a_gain_out_of_bounds_or_of_somebody_in_the_lobby_is_refused_in_words() {
    let station = Station::open();
    station.on_air().await;
    let (_, host) = station.operator("Hal", "host").await;
    let mut hal = dashboard(&station, &host).await;
    let call = station.caller("+15551112222").await;
    for (gain, status) in [
        (json!(21), 400),
        (json!(3), 409),
        (json!(1000), 400),
        (json!("loud"), 400),
    ] {
        let frame = json!({ "id": 5, "command": "set-gain", "callId": call, "gainDb": gain });
        ask(&mut hal, frame).await;
        let refused = next(&mut hal, "refused").await;
        assert_eq!(
            (&refused["id"], &refused["status"]),
            (&json!(5), &json!(status)),
            "{refused}"
        );
    }
}
