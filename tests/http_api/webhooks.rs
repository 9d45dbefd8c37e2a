//! Twilio's webhooks: signed, forged, replayed, delivered twice, by GET and POST, and from another account.

use audioroad::actors::overload::Strain;
use audioroad::twilio::token::TokenKey;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac as _};
use reqwest::RequestBuilder;
use serde_json::json;
use sha1::Sha1;
use url::form_urlencoded;

use crate::station::{ACCOUNT, ADMIN_TOKEN, CALL_KEY, Station, TWILIO_TOKEN};

const INCOMING: &str = "/api/twilio-sip/incoming-call";
const ENDED: &str = "/api/twilio-sip/dial-ended";
const STATUS: &str = "/api/twilio-sip/status";

pub(crate) type Params<'a> = &'a [(&'a str, &'a str)];

/// As Twilio makes it: HMAC-SHA1 over the address and the sorted form.
pub(crate) fn signature(token: &str, url: &str, form: Params<'_>) -> String {
    let mut sorted = form.to_vec();
    sorted.sort_unstable();
    let signed: String = sorted
        .iter()
        .flat_map(|(name, value)| [*name, *value])
        .collect();
    let mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).unwrap();
    STANDARD.encode(
        mac.chain_update(url)
            .chain_update(signed)
            .finalize()
            .into_bytes(),
    )
}

fn encoded(params: Params<'_>) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(params)
        .finish()
}

fn post_signed(station: &Station, path: &str, form: Params<'_>, signature: &str) -> RequestBuilder {
    station
        .request("POST", path)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-twilio-signature", signature)
        .body(encoded(form))
}

pub(crate) fn post(station: &Station, path: &str, form: Params<'_>) -> RequestBuilder {
    let url = format!("{}{path}", station.url);
    post_signed(station, path, form, &signature(TWILIO_TOKEN, &url, form))
}

fn get(station: &Station, path: &str, query: Params<'_>) -> RequestBuilder {
    let path = format!("{path}?{}", encoded(query));
    let url = format!("{}{path}", station.url);
    station
        .request("GET", &path)
        .header("x-twilio-signature", signature(TWILIO_TOKEN, &url, &[]))
}

fn call<'a>(sid: &'a str, from: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("CallSid", sid),
        ("From", from),
        ("To", "+15550001111"),
        ("AccountSid", ACCOUNT),
    ]
}

async fn calls(station: &Station) -> Vec<serde_json::Value> {
    station
        .get("/api/calls")
        .await
        .json()
        .as_array()
        .unwrap()
        .clone()
}

/// The text between two others.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    text.split_once(before)
        .and_then(|(_, rest)| rest.split_once(after))
        .map_or("", |(found, _)| found)
}

#[actix_web::test]
async fn while_no_calls_are_taken_the_caller_hears_busy() {
    let station = Station::open();
    station.on_air().await;
    station.health.set_overload(vec![Strain::Late]);
    let incoming = |sid| post(&station, INCOMING, &call(sid, "+15551112222"));
    let busy = station.send(incoming("CA1")).await;
    assert_eq!(busy.status, 200);
    assert!(
        busy.text.contains("<Reject reason=\"busy\"/>"),
        "{}",
        busy.text
    );
    assert!(calls(&station).await.is_empty(), "no row is made");
    station.health.set_overload(Vec::new());
    let again = station.send(incoming("CA1")).await;
    assert_eq!(
        again.text, busy.text,
        "the same webhook gets the same answer"
    );
    let next = station.send(incoming("CA2")).await;
    assert!(next.text.contains("<Dial"), "{}", next.text);
}

#[actix_web::test]
async fn a_call_is_sent_to_the_lobby_with_a_token_for_its_invite() {
    let station = Station::open();
    let episode = station.on_air().await;
    let answer = station
        .send(post(&station, INCOMING, &call("CA1", "+15551112222")))
        .await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "text/xml; charset=utf-8"),
        "{}",
        answer.text
    );
    let row = &calls(&station).await[0];
    for (field, value) in [
        ("status", "queued"),
        ("episodeId", &episode),
        ("from", "+15551112222"),
        ("twilioCallSid", "CA1"),
    ] {
        assert_eq!(row[field], value, "{field}");
    }
    assert_eq!(
        (&row["ringing"], &row["sipCallId"]),
        (&json!(true), &json!(null))
    );
    let id = row["id"].as_str().unwrap();
    assert!(
        answer.text.contains("<Sip ") && answer.text.contains("sip:lobby@127.0.0.1;transport=tcp?"),
        "{}",
        answer.text
    );
    assert_eq!(between(&answer.text, "X-Call-Id=", "&amp;"), id);
    let token = between(&answer.text, "X-Call-Token=", "<");
    let now_s = audioroad::actors::clock::unix_ms() / 1000;
    assert_eq!(
        TokenKey::new(&CALL_KEY).verify(token, id, "", now_s),
        Ok(())
    );
    assert!(
        answer.text.contains("timeLimit=\"14400\""),
        "{}",
        answer.text
    );
    assert!(
        answer
            .text
            .contains(&format!("action=\"{}{ENDED}\"", station.url)),
        "{}",
        answer.text
    );
}

#[actix_web::test]
async fn settings_go_into_the_twiml() {
    let station = Station::with(&[
        ("TWILIO_AUTH_TOKEN", TWILIO_TOKEN),
        ("PUBLIC_URL", "https://radio.example.org/"),
        ("LIVEKIT_SIP_PASSWORD", "hush"),
        ("TWILIO_GREETING", "Hello & welcome"),
        ("SIP_PORT", "5070"),
    ]);
    station.on_air().await;
    let form = call("CA1", "+15551112222");
    let public = format!("https://radio.example.org{INCOMING}");
    let answer = station
        .send(post_signed(
            &station,
            INCOMING,
            &form,
            &signature(TWILIO_TOKEN, &public, &form),
        ))
        .await;
    for part in [
        "lobby@radio.example.org:5070;",
        "password=\"hush\"",
        "Hello &amp; welcome",
        "\"https://radio.example.org/api/twilio-sip/status\"",
    ] {
        assert!(answer.text.contains(part), "{part}: {}", answer.text);
    }
    let as_asked = post(&station, INCOMING, &form);
    station
        .send(as_asked)
        .await
        .problem(403, "signed for another address than PUBLIC_URL");
}

#[actix_web::test]
async fn by_get_the_address_is_signed_with_its_query() {
    let station = Station::open();
    station.on_air().await;
    let answer = station
        .send(get(&station, INCOMING, &call("CA1", "+15551112222")))
        .await;
    assert!(answer.text.contains("sip:lobby@"), "{}", answer.text);
    assert_eq!(calls(&station).await.len(), 1);
}

#[actix_web::test]
async fn nothing_forged_gets_in() {
    let station = Station::open();
    station.on_air().await;
    let form = call("CA1", "+15551112222");
    let sign = |token: &str, path: &str| signature(token, &format!("{}{path}", station.url), &form);
    let good = sign(TWILIO_TOKEN, INCOMING);
    let mut changed = form;
    changed[1].1 = "+15559998888";
    for (what, form, signature) in [
        ("another token", &form, sign("54321", INCOMING)),
        ("an empty token", &form, sign("", INCOMING)),
        ("another address", &form, sign(TWILIO_TOKEN, STATUS)),
        ("no signature", &form, String::new()),
        ("half a signature", &form, good[..14].to_owned()),
        ("another caller", &changed, good.clone()),
    ] {
        for path in [INCOMING, ENDED, STATUS] {
            if !(path == STATUS && what == "another address") {
                station
                    .send(post_signed(&station, path, form, &signature))
                    .await
                    .problem(403, what);
            }
        }
    }
    let with_query = format!("{INCOMING}?From=%2B15559998888");
    station
        .send(post_signed(&station, &with_query, &form, &good))
        .await
        .problem(403, "a query added");
    let as_json = station
        .request("POST", INCOMING)
        .header("x-twilio-signature", &good)
        .json(&json!({ "CallSid": "CA1" }));
    station.send(as_json).await.problem(403, "a JSON body");
    let with_admin = station
        .request("POST", INCOMING)
        .bearer_auth(ADMIN_TOKEN)
        .body("CallSid=CA1");
    station
        .send(with_admin)
        .await
        .problem(403, "an admin is not Twilio");
    assert!(calls(&station).await.is_empty());
}

#[actix_web::test]
async fn another_account_is_refused() {
    let station = Station::open();
    for account in [None, Some("AC00000000000000000000000000000000")] {
        let form: Vec<(&str, &str)> = [("CallSid", "CA1"), ("To", "+15550001111")]
            .into_iter()
            .chain(account.map(|sid| ("AccountSid", sid)))
            .collect();
        station
            .send(post(&station, INCOMING, &form))
            .await
            .problem(403, "another account");
    }
}

#[actix_web::test]
async fn without_the_auth_token_every_webhook_is_refused() {
    let station = Station::with(&[]);
    let form = call("CA1", "+15551112222");
    for path in [INCOMING, ENDED, STATUS] {
        let url = format!("{}{path}", station.url);
        let refused = station
            .send(post_signed(
                &station,
                path,
                &form,
                &signature("", &url, &form),
            ))
            .await;
        assert!(refused.problem(403, path).contains("TWILIO_AUTH_TOKEN"));
    }
}

#[actix_web::test]
async fn the_same_webhook_again_changes_nothing() {
    let station = Station::open();
    station.on_air().await;
    let form = call("CA1", "+15551112222");
    let deliveries = (0..10).map(|_| station.send(post(&station, INCOMING, &form)));
    let answers = futures_util::future::join_all(deliveries).await;
    let later = station.send(post(&station, INCOMING, &form)).await.text;
    assert!(
        later.contains("sip:lobby@") && answers.iter().all(|answer| answer.text == later),
        "{later}"
    );
    assert_eq!(calls(&station).await.len(), 1);
    assert_eq!(station.get("/api/callers").await.json()[0]["totalCalls"], 1);
}

#[actix_web::test]
async fn without_a_show_the_caller_is_told_so_and_the_call_is_written_once() {
    let station = Station::open();
    let form = call("CA1", "+15551112222");
    for _ in 0..3 {
        let answer = station.send(post(&station, INCOMING, &form)).await;
        assert!(
            answer.text.contains("no show on air") && answer.text.contains("<Hangup/>"),
            "{}",
            answer.text
        );
    }
    let calls = calls(&station).await;
    assert_eq!(calls.len(), 1);
    assert_eq!(
        (&calls[0]["cause"], &calls[0]["status"]),
        (&json!("no-show"), &json!("completed"))
    );
}

#[actix_web::test]
async fn busy_and_blocked_callers_are_rejected_unanswered() {
    let station = Station::open();
    let episode = station.on_air().await;
    station.caller("+15551112222").await;
    let caller = station.get("/api/callers").await.json()[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        station
            .patch(
                &format!("/api/callers/{caller}"),
                json!({ "blocked": true })
            )
            .await
            .status,
        200
    );
    let blocked = station
        .send(post(&station, INCOMING, &call("CA1", "+15551112222")))
        .await;
    assert!(
        blocked.text.contains("<Reject reason=\"rejected\"/>"),
        "{}",
        blocked.text
    );
    station
        .post(
            &format!("/api/episodes/{episode}/busy-all"),
            json!({ "busy": true }),
        )
        .await;
    let busy = station
        .send(post(&station, INCOMING, &call("CA2", "+15553334444")))
        .await;
    assert!(
        busy.text.contains("<Reject reason=\"busy\"/>"),
        "{}",
        busy.text
    );
}

#[actix_web::test]
async fn a_leg_that_never_came_closes_its_row_and_the_caller_is_told() {
    let station = Station::open();
    station.on_air().await;
    station
        .send(post(&station, INCOMING, &call("CA1", "+15551112222")))
        .await;
    let ended = [
        ("CallSid", "CA1"),
        ("DialCallStatus", "failed"),
        ("AccountSid", ACCOUNT),
    ];
    for _ in 0..2 {
        let answer = station.send(post(&station, ENDED, &ended)).await;
        assert!(
            answer.text.contains("could not be connected"),
            "{}",
            answer.text
        );
        assert_eq!(calls(&station).await[0]["cause"], "carrier-failed");
    }
    let completed = [
        ("CallSid", "CA1"),
        ("DialCallStatus", "completed"),
        ("AccountSid", ACCOUNT),
    ];
    let answer = station.send(post(&station, ENDED, &completed)).await;
    assert!(
        answer.text.contains("<Response><Hangup/></Response>"),
        "{}",
        answer.text
    );
    assert_eq!(
        calls(&station).await[0]["cause"],
        "carrier-failed",
        "the first end counts"
    );
}

#[actix_web::test]
async fn status_callbacks_close_a_row_in_any_order_but_never_a_call_that_is_here() {
    let station = Station::open();
    station.on_air().await;
    station
        .send(post(&station, INCOMING, &call("CA1", "+15551112222")))
        .await;
    let here = station.caller("+15553334444").await;
    let status = |status: &'static str| {
        let form = [
            ("CallSid", "CA9"),
            ("ParentCallSid", "CA1"),
            ("CallStatus", status),
            ("AccountSid", ACCOUNT),
        ];
        let request = post(&station, STATUS, &form);
        station.send(request)
    };
    assert_eq!(status("ringing").await.status, 204);
    assert_eq!(
        station
            .get("/api/calls?status=queued")
            .await
            .json()
            .as_array()
            .unwrap()
            .len(),
        2
    );
    for word in ["no-answer", "in-progress", "completed"] {
        assert_eq!(status(word).await.status, 204);
    }
    assert_eq!(
        station.get("/api/calls?status=completed").await.json()[0]["cause"],
        "carrier-no-answer"
    );
    assert_eq!(
        station.get(&format!("/api/calls/{here}")).await.json()["status"],
        "queued"
    );
}

#[actix_web::test]
async fn webhooks_that_are_none_are_refused() {
    let station = Station::open();
    for form in [
        &[("AccountSid", ACCOUNT)][..],
        &[("AccountSid", ACCOUNT), ("CallSid", "../etc"), ("To", "x")],
    ] {
        for path in [INCOMING, ENDED, STATUS] {
            station
                .send(post(&station, path, form))
                .await
                .problem(400, path);
        }
    }
    let padding = "x".repeat(17 * 1024);
    let huge = [
        ("CallSid", "CA1"),
        ("To", "x"),
        ("AccountSid", ACCOUNT),
        ("Padding", &padding),
    ];
    station
        .send(post(&station, INCOMING, &huge))
        .await
        .problem(413, "too large");
}

/// A station whose callers come by Media Streams.
fn by_stream() -> Station {
    Station::with(&[
        ("TWILIO_MODE", "stream"),
        ("TWILIO_AUTH_TOKEN", TWILIO_TOKEN),
        ("TWILIO_ACCOUNT_SID", ACCOUNT),
    ])
}

#[actix_web::test]
async fn by_stream_a_call_is_sent_to_our_socket_with_a_token_of_its_own() {
    let station = by_stream();
    station.on_air().await;
    let webhook = || post(&station, INCOMING, &call("CA1", "+15551112222"));
    let answer = station.send(webhook()).await;
    let row = &calls(&station).await[0];
    let id = row["id"].as_str().unwrap();
    let url = format!(
        "{}/api/twilio-sip/stream",
        station.url.replace("http", "ws")
    );
    for part in [
        format!("<Connect><Stream url=\"{url}\""),
        format!("statusCallback=\"{}{STATUS}\"", station.url),
        format!("<Parameter name=\"callId\" value=\"{id}\"/>"),
        "</Connect><Hangup/></Response>".to_owned(),
    ] {
        assert!(answer.text.contains(&part), "{part}: {}", answer.text);
    }
    let token = between(&answer.text, "name=\"token\" value=\"", "\"");
    let now_s = audioroad::actors::clock::unix_ms() / 1000;
    let key = TokenKey::new(&CALL_KEY);
    assert_eq!(key.verify(token, id, "CA1", now_s), Ok(()));
    assert!(key.verify(token, id, "CA2", now_s).is_err());
    assert!(key.verify(token, id, "CA1", now_s + 301).is_err());
    assert_eq!(station.send(webhook()).await.text, answer.text);
}

#[actix_web::test]
async fn by_stream_what_is_not_connected_is_told_as_by_sip() {
    let (station, by_sip) = (by_stream(), Station::open());
    let form = call("CA0", "+15551112222");
    for (station, mode) in [(&station, "stream"), (&by_sip, "sip")] {
        let no_show = station.send(post(station, INCOMING, &form)).await;
        assert!(
            no_show.text.contains("no show on air"),
            "{mode}: {}",
            no_show.text
        );
        let episode = station.on_air().await;
        let path = format!("/api/episodes/{episode}/busy-all");
        let busy = station.post(&path, json!({ "busy": true })).await;
        assert_eq!(busy.status, 200, "{}", busy.text);
    }
    for sid in ["CA1", "CA2"] {
        let form = call(sid, "+15551112222");
        let here = station.send(post(&station, INCOMING, &form)).await;
        let there = by_sip.send(post(&by_sip, INCOMING, &form)).await;
        assert_eq!(here.text, there.text);
        assert!(here.text.contains("<Reject"), "{}", here.text);
    }
}

#[actix_web::test]
async fn a_stream_that_could_not_be_opened_closes_the_row() {
    let station = by_stream();
    station.on_air().await;
    station
        .send(post(&station, INCOMING, &call("CA1", "+15551112222")))
        .await;
    let told = |event: &'static str| {
        let form = [
            ("CallSid", "CA1"),
            ("AccountSid", ACCOUNT),
            ("StreamSid", "MZ1"),
            ("StreamEvent", event),
        ];
        station.send(post(&station, STATUS, &form))
    };
    assert_eq!(told("stream-started").await.status, 204);
    assert_eq!(calls(&station).await[0]["status"], "queued");
    assert_eq!(told("stream-error").await.status, 204);
    let row = &calls(&station).await[0];
    assert_eq!(row["cause"], "carrier-stream-error", "{row}");
}
