//! A show by HTTP: made, on air, a caller through every room, and every move that is not legal.

use serde_json::{Value, json};

use crate::station::{ADMIN_TOKEN, Station};

async fn step(station: &Station, token: &str, name: &str, call: &str) -> crate::station::Answer {
    let request = station.request("POST", &format!("/api/twilio-sip/{name}"));
    station
        .send(request.bearer_auth(token).json(&json!({ "callId": call })))
        .await
}

#[actix_web::test]
async fn a_caller_goes_through_every_room() {
    let station = Station::open();
    let episode = station.on_air().await;
    let call = station.caller("+15551112222").await;
    for (name, status, room) in [
        (
            "move-to-screening",
            "screening",
            format!("screening-{episode}-{call}"),
        ),
        ("move-to-lobby", "queued", "lobby".to_owned()),
        (
            "move-to-screening",
            "screening",
            format!("screening-{episode}-{call}"),
        ),
        ("move-to-hold", "on-hold", format!("hold-{episode}")),
        ("move-to-live", "on-air", format!("live-{episode}")),
        ("move-to-hold", "on-hold", format!("hold-{episode}")),
        ("move-to-live", "on-air", format!("live-{episode}")),
    ] {
        let moved = step(&station, ADMIN_TOKEN, name, &call).await;
        let shown = moved.json();
        assert_eq!(
            (moved.status, &shown["status"], &shown["roomName"]),
            (200, &json!(status), &json!(room)),
            "{name}"
        );
    }
    let ended = step(&station, ADMIN_TOKEN, "end-call", &call).await.json();
    assert_eq!(
        (&ended["status"], &ended["cause"], &ended["roomName"]),
        (&json!("completed"), &json!("dropped"), &Value::Null)
    );
    step(&station, ADMIN_TOKEN, "end-call", &call)
        .await
        .problem(409, "again");
}

#[actix_web::test]
async fn illegal_moves_are_refused_and_change_nothing() {
    let station = Station::open();
    station.on_air().await;
    let call = station.caller("+15551112222").await;
    let path = format!("/api/calls/{call}");
    let before = station.get(&path).await.text;
    for name in ["move-to-hold", "move-to-live", "move-to-lobby"] {
        let detail = step(&station, ADMIN_TOKEN, name, &call)
            .await
            .problem(409, name);
        assert!(detail.contains("lobby"), "{detail}");
    }
    assert_eq!(station.get(&path).await.text, before);
}

#[actix_web::test]
async fn a_screener_can_never_put_a_caller_on_air() {
    let station = Station::open();
    station.on_air().await;
    let (_, sam) = station.operator("Sam", "screener").await;
    let (_, tia) = station.operator("Tia", "screener").await;
    let (_, hal) = station.operator("Hal", "host").await;
    let call = station.caller("+15551112222").await;
    step(&station, &hal, "move-to-screening", &call)
        .await
        .problem(403, "a host does not screen");
    assert_eq!(
        step(&station, &sam, "move-to-screening", &call)
            .await
            .status,
        200
    );
    let detail = step(&station, &tia, "move-to-screening", &call)
        .await
        .problem(409, "taken");
    assert!(detail.contains("Sam"), "{detail}");
    step(&station, &sam, "move-to-live", &call)
        .await
        .problem(403, "from screening");
    assert_eq!(
        step(&station, &sam, "move-to-hold", &call).await.status,
        200
    );
    step(&station, &sam, "move-to-live", &call)
        .await
        .problem(403, "from hold");
    assert_eq!(
        step(&station, &hal, "move-to-live", &call).await.status,
        200
    );
    step(&station, &sam, "end-call", &call)
        .await
        .problem(403, "on air");
}

#[actix_web::test]
async fn lists_hold_what_is_going_on_and_what_was() {
    let station = Station::open();
    let episode = station.on_air().await;
    let waiting = station.caller("+15551112222").await;
    let gone = station.caller("+15553334444").await;
    step(&station, ADMIN_TOKEN, "end-call", &gone).await;
    let ids = |answer: crate::station::Answer| -> Vec<String> {
        answer
            .json()
            .as_array()
            .unwrap()
            .iter()
            .map(|call| call["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        ids(station.get("/api/calls").await),
        [gone.clone(), waiting.clone()]
    );
    assert_eq!(
        ids(station.get("/api/calls?limit=1").await),
        std::slice::from_ref(&gone)
    );
    assert_eq!(
        ids(station.get("/api/calls?status=queued").await),
        std::slice::from_ref(&waiting)
    );
    assert_eq!(
        ids(station
            .get(&format!("/api/calls?episodeId={episode}&status=completed"))
            .await),
        std::slice::from_ref(&gone)
    );
    // Once the episode is over, its calls are in the books alone.
    assert_eq!(
        station
            .post(&format!("/api/episodes/{episode}/end"), json!({}))
            .await
            .json()["status"],
        "ended"
    );
    assert_eq!(
        ids(station
            .get(&format!("/api/calls?episodeId={episode}"))
            .await),
        [gone, waiting.clone()]
    );
    let call = station.get(&format!("/api/calls/{waiting}")).await.json();
    assert_eq!(
        (&call["cause"], &call["status"]),
        (&json!("show-ended"), &json!("completed"))
    );
    for path in [
        "/api/episodes".to_owned(),
        format!("/api/episodes/{episode}"),
    ] {
        let shown = station.get(&path).await.json();
        let shown = shown.get(0).unwrap_or(&shown);
        assert_eq!(shown["status"], "ended", "{path}");
    }
}

#[actix_web::test]
async fn without_the_database_the_show_goes_on() {
    let station = Station::without_database();
    let episode = station.on_air().await;
    let call = station.caller("+15551112222").await;
    let moved = step(&station, ADMIN_TOKEN, "move-to-screening", &call).await;
    assert_eq!(moved.status, 200, "{}", moved.text);
    assert_eq!(station.get("/api/calls").await.json()[0]["id"], json!(call));
    let episodes = station.get("/api/episodes").await.json();
    assert_eq!(episodes[0]["id"], json!(episode));
    let signed_in = station.sign_in("Ada", "correct horse").await;
    let detail = signed_in.problem(503, "operators are in the database");
    assert!(detail.contains("database"), "{detail}");
}

#[actix_web::test]
async fn cards_and_callers_are_written() {
    let station = Station::open();
    station.on_air().await;
    let call = station.caller("+15551112222").await;
    let card = json!({ "name": "Cleo", "point": "Trains", "callerNotes": "Regular", "vip": true });
    let shown = station
        .patch(&format!("/api/calls/{call}"), card)
        .await
        .json();
    assert_eq!(
        (&shown["name"], &shown["point"], &shown["vip"]),
        (&json!("Cleo"), &json!("Trains"), &json!(true))
    );
    let long = json!({ "point": "x".repeat(161) });
    station
        .patch(&format!("/api/calls/{call}"), long)
        .await
        .problem(400, "a long point");
    let caller = shown["callerId"].as_str().unwrap();
    let changed = station
        .patch(
            &format!("/api/callers/{caller}"),
            json!({ "blocked": true, "email": "c@example.org" }),
        )
        .await;
    assert_eq!(
        (&changed.json()["blocked"], &changed.json()["notes"]),
        (&json!(true), &json!("Regular"))
    );
    for (query, hits) in [
        ("cleo", 1),
        ("2222", 1),
        ("EXAMPLE.ORG", 1),
        ("nobody", 0),
        ("", 1),
    ] {
        let found = station.get(&format!("/api/callers?q={query}")).await.json();
        assert_eq!(found.as_array().unwrap().len(), hits, "{query}");
    }
    let history = station
        .get(&format!("/api/callers/{caller}/calls"))
        .await
        .json();
    assert_eq!(history[0]["id"], json!(call));
}

#[actix_web::test]
async fn shows_and_episodes_say_what_is_wrong() {
    let station = Station::open();
    let episode = station.on_air().await;
    let show = station.get("/api/shows").await.json()[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    station
        .post("/api/shows", json!({ "name": "Day" }))
        .await
        .problem(400, "no short name");
    station
        .post("/api/shows", json!({ "name": "Day", "slug": "night" }))
        .await
        .problem(409, "a taken short name");
    let twice = json!({ "name": "Day", "slug": "day", "phoneNumbers": ["+15550001111"] });
    station
        .post("/api/shows", twice)
        .await
        .problem(409, "a taken number");
    station
        .patch(
            &format!("/api/shows/{show}"),
            json!({ "phoneNumbers": ["555"] }),
        )
        .await
        .problem(400, "no number");
    station
        .post(&format!("/api/episodes/{episode}/start"), json!({}))
        .await
        .problem(409, "already on");
    let second = station
        .post("/api/episodes", json!({ "showId": show, "title": "Two" }))
        .await
        .id();
    station
        .post(&format!("/api/episodes/{second}/start"), json!({}))
        .await
        .problem(409, "another is on");
    station
        .post(&format!("/api/episodes/{second}/open-lines"), json!({}))
        .await
        .problem(409, "not on");
    let busy = station
        .post(
            &format!("/api/episodes/{episode}/busy-all"),
            json!({ "busy": true }),
        )
        .await;
    assert_eq!(busy.json()["busyAll"], true);
}

#[actix_web::test]
async fn rooms_open_for_those_who_belong_there() {
    let station = Station::open();
    let episode = station.on_air().await;
    let (_, sam) = station.operator("Sam", "screener").await;
    let (_, tia) = station.operator("Tia", "screener").await;
    let (hal_id, hal) = station.operator("Hal", "host").await;
    let call = station.caller("+15551112222").await;
    let screening = format!("screening-{episode}-{call}");
    let (live, hold) = (format!("live-{episode}"), format!("hold-{episode}"));
    let ask = |room: &str, token: &str| {
        station
            .request("POST", &format!("/api/rooms/{room}/token"))
            .bearer_auth(token)
    };
    station
        .send(ask(&screening, &sam))
        .await
        .problem(409, "nobody has the call");
    step(&station, &sam, "move-to-screening", &call).await;
    let ticket = station.send(ask(&screening, &sam)).await;
    assert_eq!(ticket.status, 200, "{}", ticket.text);
    assert_eq!(ticket.json()["url"], station.url.replace("http", "ws"));
    station
        .send(ask(&screening, &tia))
        .await
        .problem(403, "not hers");
    station
        .send(ask(&screening, &hal))
        .await
        .problem(403, "not his");
    station
        .send(ask(&live, &sam))
        .await
        .problem(403, "a screener on air");
    for room in ["lobby", hold.as_str()] {
        station.send(ask(room, &hal)).await.problem(403, room);
    }
    station
        .send(ask("kitchen", &hal))
        .await
        .problem(404, "no room");

    let ticket = station.send(ask(&live, &hal)).await.json();
    let check = |token: &Value| {
        station
            .request("GET", "/rtc/validate")
            .bearer_auth(token.as_str().unwrap())
    };
    assert_eq!(station.send(check(&ticket["token"])).await.text, "success");
    assert!(claims(&ticket["token"]).contains(&format!("host:{hal_id}")));
    let alias = json!({ "identity": "guest-1", "name": "Guest" });
    station
        .send(ask(&live, &hal).json(&alias))
        .await
        .problem(403, "as somebody else");
    let guest = station
        .send(ask(&live, ADMIN_TOKEN).json(&alias))
        .await
        .json();
    assert!(claims(&guest["token"]).contains("guest-1"));
    let as_call = json!({ "identity": format!("call:{call}") });
    station
        .send(ask(&live, ADMIN_TOKEN).json(&as_call))
        .await
        .problem(400, "as a caller");
    station
        .send(ask(&live, ADMIN_TOKEN).body("{}"))
        .await
        .problem(415, "no JSON");

    station
        .post(&format!("/api/episodes/{episode}/end"), json!({}))
        .await;
    let over = station.send(ask(&live, &hal)).await;
    assert!([404, 409].contains(&over.status), "{}", over.text);
}

fn claims(token: &Value) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let claims = token.as_str().unwrap().split('.').nth(1).unwrap();
    String::from_utf8(URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}
