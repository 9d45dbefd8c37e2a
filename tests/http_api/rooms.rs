//! With a LiveKit server: tokens lead there, its webhooks are believed when they are signed, and nobody joins here.

use audioroad::livekit::{RoomPlan, TokenKeys};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use livekit_api::access_token::AccessToken;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::station::{Answer, LIVEKIT_KEY, LIVEKIT_SECRET, Station};

const WEBHOOK: &str = "/livekit/webhook";
const FINISHED: &str = r#"{"event":"room_finished","room":{"name":"live-x","numParticipants":0},"id":"EV_1","createdAt":"1"}"#;
const ROLES: [&str; 6] = ["admin", "host", "co-host", "producer", "screener", "viewer"];

fn on_a_server(further: &[(&str, &str)]) -> Station {
    let own = [
        ("LIVEKIT_URL", "ws://[::1]:7880"),
        ("LIVEKIT_API_KEY", LIVEKIT_KEY),
        ("LIVEKIT_API_SECRET", LIVEKIT_SECRET),
    ];
    Station::with(&[&own, further].concat())
}

fn signature(secret: &str, body: &str) -> String {
    let hash = STANDARD.encode(Sha256::digest(body));
    let token = AccessToken::with_api_key(LIVEKIT_KEY, secret).with_sha256(&hash);
    token.to_jwt().unwrap()
}

fn told(station: &Station, body: &str, authorization: &str) -> RequestBuilder {
    station
        .request("POST", WEBHOOK)
        .header("content-type", "application/webhook+json")
        .header("authorization", authorization)
        .body(body.to_owned())
}

/// All that a token says.
fn claims(answer: &Answer) -> Value {
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    let claims = token.split('.').nth(1).unwrap().to_owned();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

async fn token(station: &Station, session: &str, room: &str, body: Value) -> Answer {
    let request = station.request("POST", &format!("/api/rooms/{room}/token"));
    station.send(request.bearer_auth(session).json(&body)).await
}

#[actix_web::test]
async fn tokens_lead_to_the_server_and_grant_no_more_than_the_part() {
    let station = on_a_server(&[]);
    let episode = station.on_air().await;
    let (id, session) = station.operator("Ada", "host").await;
    let room = format!("live-{episode}");
    let answer = token(&station, &session, &room, json!({})).await;
    assert_eq!(
        (answer.status, &answer.json()["url"]),
        (200, &json!("ws://[::1]:7880"))
    );
    let said = claims(&answer);
    assert_eq!(
        said["video"],
        json!({"roomJoin": true, "room": room, "canPublish": true, "canSubscribe": true, "canPublishData": false,
               "canPublishSources": ["microphone"], "canUpdateOwnMetadata": false})
    );
    assert_eq!(said["sub"], json!(format!("host:{id}")));
    let plan = RoomPlan::node_of(said["roomConfig"]["metadata"].as_str().unwrap());
    assert_eq!(
        (plan.as_deref(), &said["roomConfig"]["maxParticipants"]),
        (Some("studio"), &json!(21))
    );
    let lasts_s = said["exp"].as_u64().unwrap() - said["nbf"].as_u64().unwrap();
    assert_eq!(lasts_s, 3600);
    let keys = TokenKeys::new(LIVEKIT_KEY, LIVEKIT_SECRET);
    let now_s = audioroad::actors::clock::unix_ms() / 1000;
    assert!(
        keys.verify(answer.json()["token"].as_str().unwrap(), now_s)
            .is_ok()
    );
}

#[actix_web::test]
async fn browsers_may_have_another_way_to_the_server() {
    let station = on_a_server(&[("LIVEKIT_PUBLIC_URL", "https://rtc.example.org/")]);
    let room = format!("live-{}", station.on_air().await);
    let answer = station
        .post(&format!("/api/rooms/{room}/token"), json!({}))
        .await;
    assert_eq!(answer.json()["url"], json!("wss://rtc.example.org"));
    let refused = station.send(station.request("GET", "/rtc/validate")).await;
    assert!(
        refused
            .problem(404, "validate")
            .contains("wss://rtc.example.org")
    );
}

#[actix_web::test]
async fn whoever_is_signed_in_may_listen_to_the_show_and_speak_only_by_role() {
    for station in [Station::open(), on_a_server(&[])] {
        let episode = station.on_air().await;
        let room = format!("live-{episode}");
        for role in ROLES {
            let (id, session) = station.operator(&format!("a {role}"), role).await;
            let speaks = token(&station, &session, &room, json!({})).await.status;
            let may = matches!(role, "admin" | "host" | "co-host");
            assert_eq!(speaks, if may { 200 } else { 403 }, "{role}");
            let listener = token(&station, &session, &room, json!({"listen": true})).await;
            assert_eq!(listener.status, 200, "{role}: {}", listener.text);
            let said = claims(&listener);
            assert_eq!(said["sub"], json!(format!("listener:{id}")), "{role}");
            let grants = ["canPublish", "canSubscribe", "canPublishData", "hidden"];
            assert_eq!(
                grants.map(|grant| said["video"][grant].as_bool().unwrap_or_default()),
                [false, true, false, false],
                "{role}"
            );
        }
        let (_, session) = station.operator("somebody", "viewer").await;
        let hold = token(
            &station,
            &session,
            &format!("hold-{episode}"),
            json!({"listen": true}),
        )
        .await;
        hold.problem(403, "hold");
        let rest = token(&station, &session, &room, json!({"listen": "yes"})).await;
        rest.problem(400, "a wish that is none");
    }
}

#[actix_web::test]
async fn a_screening_room_is_two_and_the_switch() {
    let station = on_a_server(&[]);
    let episode = station.on_air().await;
    let call = station.caller("+15551112222").await;
    let (_, screener) = station.operator("Ben", "screener").await;
    let room = format!("screening-{episode}-{call}");
    token(&station, &screener, &room, json!({}))
        .await
        .problem(409, "in the lobby");
    let picked = station.request("POST", "/api/twilio-sip/move-to-screening");
    let picked = picked.bearer_auth(&screener).json(&json!({"callId": call}));
    assert_eq!(station.send(picked).await.status, 200);
    let answer = token(&station, &screener, &room, json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(claims(&answer)["roomConfig"]["maxParticipants"], json!(3));
    token(&station, &screener, &room, json!({"listen": true}))
        .await
        .problem(403, "listening");
}

#[actix_web::test]
async fn nobody_joins_here_and_everybody_is_told_where() {
    let station = on_a_server(&[]);
    for path in [
        "/rtc",
        "/rtc/validate?access_token=x",
        "/rtc/v1",
        "/rtc/v1/validate",
    ] {
        let answer = station.send(station.request("GET", path)).await;
        assert!(
            answer.problem(404, path).contains("ws://[::1]:7880"),
            "{}",
            answer.text
        );
    }
    let validate = station
        .send(station.request("GET", "/rtc/v1/validate"))
        .await;
    assert_eq!(
        validate.header("access-control-allow-origin"),
        "*",
        "a page of any origin can read it"
    );
}

#[actix_web::test]
async fn signed_webhooks_are_counted_as_often_as_they_come() {
    let station = on_a_server(&[]);
    let count = |event: &str| station.metrics.webhooks.with_label_values(&[event]).get();
    let good = signature(LIVEKIT_SECRET, FINISHED);
    for times in 1..=2 {
        let answer = station.send(told(&station, FINISHED, &good)).await;
        assert_eq!(
            (answer.status, count("room-finished")),
            (200, times),
            "{}",
            answer.text
        );
    }
    let later = r#"{"event":"invented_later","extra":{"a":[1]}}"#;
    let answer = station
        .send(told(&station, later, &signature(LIVEKIT_SECRET, later)))
        .await;
    assert_eq!(
        (answer.status, count("other"), count("refused")),
        (200, 1, 0)
    );
}

#[actix_web::test]
async fn forged_and_broken_webhooks_are_refused() {
    let station = on_a_server(&[]);
    let good = signature(LIVEKIT_SECRET, FINISHED);
    for (what, body, authorization, status) in [
        ("unsigned", FINISHED, "", 401),
        (
            "another secret",
            FINISHED,
            &*signature("not the secret", FINISHED),
            401,
        ),
        ("another body", "{\"event\":\"room_finished\"}", &good, 401),
        ("no token at all", FINISHED, "Basic abc", 401),
        ("no JSON", "x", &signature(LIVEKIT_SECRET, "x"), 400),
    ] {
        station
            .send(told(&station, body, authorization))
            .await
            .problem(status, what);
    }
    let long = " ".repeat(64 * 1024 + 1);
    let answer = station
        .send(told(&station, &long, &signature(LIVEKIT_SECRET, &long)))
        .await;
    answer.problem(413, "too long");
    assert_eq!(
        station
            .metrics
            .webhooks
            .with_label_values(&["refused"])
            .get(),
        5
    );
    let answer = station.send(station.request("GET", WEBHOOK)).await;
    answer.problem(405, "GET");
}

#[actix_web::test]
async fn a_switch_that_has_its_own_rooms_takes_no_webhooks() {
    let station = Station::open();
    let good = signature(LIVEKIT_SECRET, FINISHED);
    station
        .send(told(&station, FINISHED, &good))
        .await
        .problem(404, "embedded");
}
