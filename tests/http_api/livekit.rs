//! What comes from a LiveKit server, as dashboards see it: a call removed or muted there, the server lost and back.

use audioroad::actors::{
    bridge::{BridgeEvent, TransportState},
    message::FromBridge,
};
use serde_json::{Value, json};

use crate::{
    sockets::{Socket, dashboard, next},
    station::{ADMIN_TOKEN, Station},
};

async fn tell(station: &Station, event: BridgeEvent) {
    station.switchboard.send(FromBridge(event)).await.unwrap();
}

async fn step(station: &Station, name: &str, call: &str) {
    let path = format!("/api/twilio-sip/{name}");
    let done = station.post(&path, json!({ "callId": call })).await;
    assert_eq!(done.status, 200, "{name}: {}", done.text);
}

/// A call on air, and its room.
async fn aired(station: &Station) -> (String, String) {
    let episode = station.on_air().await;
    let call = station.caller("+15551112222").await;
    for name in ["move-to-screening", "move-to-hold", "move-to-live"] {
        step(station, name, &call).await;
    }
    (call, format!("live-{episode}"))
}

/// The next change that has this field.
async fn change_of(socket: &mut Socket, field: &str) -> Value {
    loop {
        let change = next(socket, "change").await;
        if !change[field].is_null() {
            return change[field].clone();
        }
    }
}

#[actix_web::test]
async fn a_lost_livekit_is_told_at_once_and_every_press_works() {
    let station = Station::open();
    let (call, _) = aired(&station).await;
    let mut ada = dashboard(&station, ADMIN_TOKEN).await;
    next(&mut ada, "snapshot").await;

    let lost = TransportState::Lost {
        why: "wss://livekit.example.org does not answer.".to_owned(),
        since_unix_ms: 1_790_000_000_000,
    };
    tell(&station, BridgeEvent::Transport(lost)).await;
    let health = change_of(&mut ada, "health").await;
    assert_eq!(
        (&health["status"], &health["livekit"]),
        (&json!("degraded"), &json!("lost"))
    );
    assert_eq!(health["livekitLostSince"], json!(1_790_000_000_000_i64));
    assert!(
        health["notes"]
            .to_string()
            .contains("wss://livekit.example.org does not answer.")
    );
    let shown = station
        .send(station.request("GET", &format!("{}/health", station.health_url)))
        .await;
    assert_eq!(
        (shown.status, &shown.json()["livekit"]),
        (200, &json!("lost"))
    );

    step(&station, "move-to-hold", &call).await;
    step(&station, "move-to-live", &call).await;

    tell(&station, BridgeEvent::Transport(TransportState::Up)).await;
    let health = change_of(&mut ada, "health").await;
    assert_eq!(
        (
            &health["status"],
            &health["livekit"],
            &health["livekitLostSince"]
        ),
        (&json!("ok"), &json!("ok"), &Value::Null)
    );
}

#[actix_web::test]
async fn a_call_that_is_muted_and_removed_in_livekit() {
    let station = Station::open();
    let (call, room) = aired(&station).await;
    let mut ada = dashboard(&station, ADMIN_TOKEN).await;
    next(&mut ada, "snapshot").await;
    let identity = format!("call:{call}");

    let muted = BridgeEvent::CallMuted {
        room: room.clone(),
        identity: identity.clone(),
        muted: true,
    };
    tell(&station, muted).await;
    let calls = change_of(&mut ada, "calls").await;
    assert_eq!(
        (&calls[0]["id"], &calls[0]["muted"]),
        (&json!(call), &json!(true))
    );

    for (elsewhere, who) in [
        (room.replace("live", "hold"), identity.clone()),
        (room.clone(), "operator:7".to_owned()),
        ("kitchen".to_owned(), identity.clone()),
    ] {
        let removed = BridgeEvent::CallRemoved {
            room: elsewhere,
            identity: who,
        };
        tell(&station, removed).await;
    }
    let path = format!("/api/calls/{call}");
    assert_eq!(station.get(&path).await.json()["status"], "on-air");

    tell(&station, BridgeEvent::CallRemoved { room, identity }).await;
    let calls = change_of(&mut ada, "calls").await;
    assert_eq!(
        (&calls[0]["status"], &calls[0]["cause"]),
        (&json!("completed"), &json!("removed-from-room"))
    );
    assert_eq!(calls[0]["causeText"], "Removed from the room in LiveKit.");
}
