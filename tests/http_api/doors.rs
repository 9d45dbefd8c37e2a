//! Every address of the OpenAPI document against everything that must be refused: read from the document, so that none is left out.

use audioroad::actors::health::Draining;
use serde_json::{Value, json};

use crate::station::{ADMIN_TOKEN, NOBODY, Station};

/// A method of an address, as the document has it.
struct Operation {
    method: String,
    path: String,
    public: bool,
    has_json: bool,
}

async fn operations(station: &Station) -> Vec<Operation> {
    let document = station.get("/api/openapi.json").await.json();
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            found.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                public: operation["security"] == json!([]),
                has_json: operation["requestBody"]["content"]["application/json"].is_object(),
            });
        }
    }
    assert!(found.len() > 40, "only {} operations", found.len());
    found
}

/// The address with `id` wherever it has a parameter.
fn filled(path: &str, id: &str) -> String {
    path.replace("{id}", id)
        .replace("{roomName}", &format!("live-{id}"))
}

/// A body that the operation would take.
fn body_for(path: &str) -> Value {
    match path {
        "/api/session" => json!({ "name": "x", "password": "y" }),
        "/api/session/link" => json!({ "token": "x" }),
        "/api/operators" => json!({ "name": "Zoe", "role": "viewer" }),
        "/api/shows" => json!({ "name": "Noon", "slug": "noon" }),
        "/api/episodes" => json!({ "showId": NOBODY }),
        "/api/episodes/{id}/busy-all" => json!({ "busy": true }),
        "/api/calls" => json!({ "episodeId": NOBODY, "number": "+15551234567" }),
        "/api/calls/{id}/transfer" => json!({ "target": "Lifeline" }),
        path if path.starts_with("/api/twilio-sip/") => json!({ "callId": NOBODY }),
        _ => json!({}),
    }
}

#[actix_web::test]
async fn nobody_gets_in_without_a_good_token() {
    let station = Station::open();
    let long = "9".repeat(8000);
    for operation in operations(&station)
        .await
        .iter()
        .filter(|operation| !operation.public)
    {
        let (method, path) = (operation.method.as_str(), filled(&operation.path, NOBODY));
        let what = format!("{method} {path}");
        let body = body_for(&operation.path);
        let bare = || station.request(method, &path).json(&body);
        station.send(bare()).await.problem(401, &what);
        let almost = ADMIN_TOKEN.replace('7', "8");
        for token in [
            almost.as_str(),
            "",
            "x",
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.",
            &long,
        ] {
            let refused = station.send(bare().bearer_auth(token)).await;
            refused.problem(401, &what);
            assert_eq!(refused.header("www-authenticate"), "Bearer");
        }
        station
            .send(bare().header("authorization", format!("Basic {ADMIN_TOKEN}")))
            .await
            .problem(401, &what);
        let cookie = format!("audioroad_session={ADMIN_TOKEN}");
        station
            .send(bare().header("cookie", cookie))
            .await
            .problem(401, &what);
    }
}

#[actix_web::test]
async fn a_viewer_can_change_nothing_and_see_no_operators() {
    let station = Station::open();
    let (_, token) = station.operator("Val", "viewer").await;
    let before = station.get("/api/shows").await.text;
    for operation in operations(&station)
        .await
        .iter()
        .filter(|operation| !operation.public)
    {
        let (method, path) = (operation.method.as_str(), filled(&operation.path, NOBODY));
        let is_theirs = operation.path.starts_with("/api/session");
        let changes = method != "GET" && !is_theirs;
        let is_admins = operation.path.starts_with("/api/operators")
            || operation.path.contains("/sip")
            || operation.path == "/metrics";
        let request = station.request(method, &path).bearer_auth(&token);
        let request = if operation.has_json {
            request.json(&body_for(&operation.path))
        } else {
            request
        };
        if changes || is_admins {
            station
                .send(request)
                .await
                .problem(403, &format!("{method} {path}"));
        } else if !is_theirs && operation.path != "/ws" {
            let answer = station.send(request).await;
            assert!(
                [200, 404].contains(&answer.status),
                "{method} {path}: {}",
                answer.text
            );
        }
    }
    assert_eq!(station.get("/api/shows").await.text, before);
}

#[actix_web::test]
async fn what_is_not_there_and_what_is_no_id_is_not_found() {
    let station = Station::open();
    for operation in operations(&station)
        .await
        .iter()
        .filter(|operation| operation.path.contains('{'))
    {
        let method = operation.method.as_str();
        let malformed = [
            "1",
            "zzzzzzzzzzzzzzzzzzzzzzzzzz",
            "%2e%2e%2fetc",
            "0000000000000000000000000é",
            "%00",
        ];
        for id in malformed.into_iter().chain([NOBODY]) {
            let path = filled(&operation.path, id);
            let request = station.request(method, &path).bearer_auth(ADMIN_TOKEN);
            let request = if operation.has_json {
                request.json(&body_for(&operation.path))
            } else {
                request
            };
            station
                .send(request)
                .await
                .problem(404, &format!("{method} {path}"));
        }
    }
    for path in [
        "/api",
        "/api/",
        "/api/nothing",
        "/api/calls/",
        "/api/twilio-sip",
        "/nothing.js",
        "/.env",
    ] {
        station.get(path).await.problem(404, path);
    }
}

#[actix_web::test]
async fn other_methods_are_refused_with_those_that_there_are() {
    let station = Station::open();
    let operations = operations(&station).await;
    for operation in &operations {
        let path = filled(&operation.path, NOBODY);
        for method in ["PUT", "OPTIONS", "TRACE"] {
            let refused = station
                .send(station.request(method, &path).bearer_auth(ADMIN_TOKEN))
                .await;
            refused.problem(405, &format!("{method} {path}"));
            assert!(
                refused.header("allow").contains(&operation.method),
                "{path}: {}",
                refused.header("allow")
            );
        }
    }
}

#[actix_web::test]
async fn bodies_that_are_not_what_is_expected_are_refused() {
    let station = Station::open();
    let huge = format!("{{\"name\":\"{}\"}}", "x".repeat(70 * 1024));
    for operation in operations(&station)
        .await
        .iter()
        .filter(|operation| operation.has_json)
    {
        let path = filled(&operation.path, NOBODY);
        let what = format!("{} {path}", operation.method);
        let with = |kind: &str, body: &str| {
            let request = station
                .request(&operation.method, &path)
                .bearer_auth(ADMIN_TOKEN);
            station.send(
                request
                    .header("content-type", kind.to_owned())
                    .body(body.to_owned()),
            )
        };
        for broken in ["{", "[1,", "nonsense", "\u{feff}{}", "\"text\"", "3"] {
            with("application/json", broken)
                .await
                .problem(400, &format!("{what} {broken}"));
        }
        with("text/plain", "{}").await.problem(415, &what);
        with("application/x-www-form-urlencoded", "name=x")
            .await
            .problem(415, &what);
        with("application/json", &huge).await.problem(413, &what);
    }
}

#[actix_web::test]
async fn queries_that_are_not_what_is_expected_are_refused() {
    let station = Station::open();
    for query in [
        "/api/calls?episodeId=1",
        "/api/calls?status=lost",
        "/api/sip/calls?limit=0",
        "/api/sip/calls?numbers=all",
        "/api/calls?limit=0",
        "/api/calls?limit=1001",
        "/api/calls?limit=many",
        "/api/callers?limit=-1",
        "/api/episodes?showId=x",
    ] {
        station.get(query).await.problem(400, query);
    }
}

#[actix_web::test]
async fn the_health_port_answers_health_and_metrics_alone() {
    let station = Station::open();
    let at = |path: &str| format!("{}{path}", station.health_url);
    let health = station.send(station.request("GET", &at("/health"))).await;
    assert_eq!(health.status, 200, "{}", health.text);
    let metrics = station.send(station.request("GET", &at("/metrics"))).await;
    assert!(
        metrics.text.contains("audioroad_dashboards 0"),
        "{}",
        metrics.text
    );
    assert!(
        metrics.text.contains("audioroad_rtc{what=\"browsers\"} 0"),
        "{}",
        metrics.text
    );
    for path in [
        "/",
        "/api/calls",
        "/api/session",
        "/ws",
        "/rtc",
        "/metrics/",
    ] {
        station
            .send(station.request("GET", &at(path)).bearer_auth(ADMIN_TOKEN))
            .await
            .problem(404, path);
    }
}

#[actix_web::test]
async fn health_says_whether_calls_can_be_taken() {
    let station = Station::open();
    let health = station.send(station.request("GET", "/health")).await;
    let expected = json!({
        "status": "ok", "sip": "ok", "database": "ok", "sipTls": "off", "sipTlsExpires": null,
        "livekit": "embedded", "livekitLostSince": null, "calls": 0,
        "refusing": null,
    });
    assert_eq!((health.status, health.json()), (200, expected));
    station.health.set_draining(Draining::Asked {
        by: "Ada".to_owned(),
    });
    let health = station.send(station.request("GET", "/health")).await;
    assert_eq!(
        (health.status, &health.json()["status"]),
        (503, &json!("down"))
    );
}
