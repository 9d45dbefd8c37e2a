//! Calls out by HTTP: who may make them, what Twilio is asked, what becomes of them, consent, and transfers.

use std::time::Duration;

use audioroad::{
    actors::{clock, message::AtDesk, random},
    domain::{Arrival, CallId, CallerId, CallsOut, Cause, Desk, UnixMs},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    sockets::{Socket, dashboard, next},
    station::{ACCOUNT, ADMIN_TOKEN, Answer, NOBODY, Station, TWILIO_TOKEN},
    twilio_api::{TwilioApi, rules},
    webhooks::post,
};

const GUEST: &str = "+15557654321";

async fn ask(station: &Station, token: &str, path: &str, body: Value) -> Answer {
    let request = station.request("POST", path).bearer_auth(token);
    station.send(request.json(&body)).await
}

/// The call as a dashboard is shown it, once it is as wanted.
async fn shown(socket: &mut Socket, id: &str, fits: impl Fn(&Value) -> bool) -> Value {
    loop {
        let frame = next(socket, "change").await;
        let calls = frame["calls"].as_array().cloned().unwrap_or_default();
        if let Some(call) = calls
            .into_iter()
            .find(|call| call["id"] == id && fits(call))
        {
            return call;
        }
    }
}

struct OnAir {
    station: Station,
    api: TwilioApi,
    episode: String,
    /// A producer's dashboard.
    pia: Socket,
    token: String,
}

impl OnAir {
    async fn open() -> Self {
        Self::with("sip").await
    }

    /// `mode`: how Twilio brings calls.
    async fn with(mode: &str) -> Self {
        let station = Station::with(&[
            ("TWILIO_AUTH_TOKEN", TWILIO_TOKEN),
            ("TWILIO_ACCOUNT_SID", ACCOUNT),
            ("TWILIO_MODE", mode),
        ]);
        let api = station.calls_by_twilio().await;
        let episode = station.on_air().await;
        let (_, token) = station.operator("Pia", "producer").await;
        let mut pia = dashboard(&station, &token).await;
        let snapshot = next(&mut pia, "snapshot").await;
        assert_eq!(
            snapshot["callsOut"],
            json!({"offBecause": null, "helpLines": ["Lifeline"]})
        );
        Self {
            station,
            api,
            episode,
            pia,
            token,
        }
    }

    /// Pia calls somebody; gives the call's id.
    async fn dial(&self, number: &str) -> String {
        let body = json!({"episodeId": self.episode, "number": number, "name": "Maria", "point": "Her book"});
        let made = ask(&self.station, &self.token, "/api/calls", body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.id()
    }

    /// A call-back of Twilio's about a call that it makes for us.
    async fn tells(&self, path: &str, call: &str, status: &str) -> Answer {
        let path = format!("/api/twilio-sip/{path}?callId={call}");
        let form = [
            ("CallSid", "CA77"),
            ("CallStatus", status),
            ("AccountSid", ACCOUNT),
        ];
        self.station.send(post(&self.station, &path, &form)).await
    }

    async fn press(&self, path: &str, call: &str, body: Value) -> Answer {
        let path = format!("/api/calls/{call}/{path}");
        ask(&self.station, &self.token, &path, body).await
    }

    /// The leg of a call that is known comes by SIP and is answered.
    async fn leg_comes(&self, call: &str) {
        let id: CallId = call.parse().unwrap();
        let comes = AtDesk::new(move |desk: &mut Desk, now: UnixMs| {
            let arrival = Arrival {
                new_call: CallId(random::id()),
                new_caller: CallerId(random::id()),
                known: Some(id),
                from: None,
                dialled: String::new(),
                display_name: String::new(),
                twilio_call_sid: None,
                sip_call_id: Some(format!("{id}@twilio")),
            };
            desk.arrive(now, arrival);
            desk.answered(now, id);
        });
        self.station.switchboard.send(comes).await.unwrap();
    }
}

#[actix_web::test]
async fn twilio_is_asked_once_and_answered_with_the_way_into_the_screening_room() {
    let mut show = OnAir::open().await;
    let body = json!({"episodeId": show.episode, "number": "+1 (555) 765-4321", "name": "Maria"});
    let made = ask(&show.station, &show.token, "/api/calls", body).await;
    let (id, call) = (made.id(), made.json());
    assert_eq!(
        (made.status, made.header("location")),
        (201, &*format!("/api/calls/{id}"))
    );
    let expected = [
        ("direction", json!("outbound")),
        ("status", json!("screening")),
        ("ringing", json!(true)),
        ("answeredAt", json!(null)),
        ("from", json!(GUEST)),
        ("name", json!("Maria")),
        ("heldByName", json!("Pia")),
        ("consentAt", json!(null)),
        (
            "roomName",
            json!(format!("screening-{}-{id}", show.episode)),
        ),
    ];
    for (field, value) in expected {
        assert_eq!(call[field], value, "{field}");
    }

    let order = show.api.next().await;
    assert_eq!(
        order.path,
        format!("/2010-04-01/Accounts/{ACCOUNT}/Calls.json")
    );
    let login = STANDARD.encode(format!("{ACCOUNT}:{TWILIO_TOKEN}"));
    assert_eq!(order.authorization, format!("Basic {login}"));
    assert_eq!(order.value("To"), GUEST);
    assert_eq!(order.value("From"), "+15550001111", "the show's own number");
    let base = &show.station.url;
    assert_eq!(
        order.value("Url"),
        format!("{base}/api/twilio-sip/outgoing-call?callId={id}")
    );
    assert_eq!(
        order.value("StatusCallback"),
        format!("{base}/api/twilio-sip/status?callId={id}")
    );
    order.take("CA77", "queued");
    let ringing = shown(&mut show.pia, &id, |call| call["twilioCallSid"] == "CA77").await;
    assert_eq!(ringing["ringing"], true);
    for status in ["ringing", "initiated", "answered"] {
        assert_eq!(show.tells("status", &id, status).await.status, 204);
    }

    let twiml = show.tells("outgoing-call", &id, "in-progress").await;
    assert_eq!(twiml.status, 200, "{}", twiml.text);
    let sip = format!(
        "sip:screening-{}-{id}@127.0.0.1;transport=tcp?X-Call-Id={id}",
        show.episode
    );
    assert!(twiml.text.contains(&sip), "{}", twiml.text);
    assert!(twiml.text.contains("X-Call-Token="), "{}", twiml.text);
    show.leg_comes(&id).await;
    let up = shown(&mut show.pia, &id, |call| call["ringing"] == false).await;
    assert_eq!(up["status"], "screening");
    assert!(up["answeredAt"].is_number());
    assert!(show.api.is_quiet(), "asked once");
}

#[actix_web::test]
async fn where_no_udp_gets_in_they_come_by_media_stream() {
    let mut show = OnAir::with("stream").await;
    let id = show.dial(GUEST).await;
    show.api.next().await.take("CA77", "queued");
    shown(&mut show.pia, &id, |call| call["twilioCallSid"] == "CA77").await;
    let twiml = show.tells("outgoing-call", &id, "in-progress").await;
    assert_eq!(twiml.status, 200, "{}", twiml.text);
    let call = format!("<Parameter name=\"callId\" value=\"{id}\"/>");
    for part in ["<Connect><Stream url=\"ws", &call, "name=\"token\""] {
        assert!(twiml.text.contains(part), "{part}: {}", twiml.text);
    }
    assert!(!twiml.text.contains("<Say"), "{}", twiml.text);
}

#[actix_web::test]
async fn each_way_not_to_answer_is_told_to_who_dialled() {
    for (status, cause, said) in [
        ("busy", "busy", "Maria: The line was busy."),
        ("no-answer", "no-answer", "Maria: Nobody answered."),
        (
            "failed",
            "unreachable",
            "Maria: The number cannot be reached.",
        ),
    ] {
        let mut show = OnAir::open().await;
        let id = show.dial(GUEST).await;
        show.api.next().await.take("CA77", "queued");
        assert_eq!(show.tells("status", &id, status).await.status, 204);
        let notice = next(&mut show.pia, "notice").await;
        assert_eq!(
            (&notice["level"], &notice["text"]),
            (&json!("warning"), &json!(said))
        );
        let call = show.station.get(&format!("/api/calls/{id}")).await.json();
        assert_eq!(
            (&call["status"], &call["cause"]),
            (&json!("completed"), &json!(cause))
        );
        let twiml = show.tells("outgoing-call", &id, "in-progress").await;
        assert!(
            twiml.text.contains("<Hangup/>"),
            "nobody waits: {}",
            twiml.text
        );
    }
}

#[actix_web::test]
async fn what_twilio_refuses_is_told_in_its_words_and_not_tried_again() {
    let mut show = OnAir::open().await;
    let refused = show.dial(GUEST).await;
    let error = json!({"code": 21219, "message": "The number is unverified.", "status": 400});
    show.api.next().await.answer(400, &error);
    let notice = next(&mut show.pia, "notice").await;
    assert_eq!(
        notice["text"],
        "Maria was not called: The number is unverified. (Twilio 21219)"
    );
    let call = show
        .station
        .get(&format!("/api/calls/{refused}"))
        .await
        .json();
    assert_eq!(call["cause"], "carrier-21219");

    let unreadable = show.dial(GUEST).await;
    drop(show.api.next().await);
    let notice = next(&mut show.pia, "notice").await;
    assert!(notice["text"].as_str().unwrap().contains("503"), "{notice}");
    let call = show
        .station
        .get(&format!("/api/calls/{unreadable}"))
        .await
        .json();
    assert_eq!(call["cause"], "carrier-http-503");
    assert!(show.api.is_quiet(), "a call is ordered once");
}

#[actix_web::test]
async fn a_call_that_is_given_up_stops_ringing() {
    let mut show = OnAir::open().await;
    // Before Twilio has answered the order.
    let id = show.dial(GUEST).await;
    let order = show.api.next().await;
    let drop = json!({"callId": id});
    let dropped = ask(&show.station, &show.token, "/api/twilio-sip/end-call", drop).await;
    assert_eq!(
        (dropped.status, &dropped.json()["cause"]),
        (200, &json!("dropped"))
    );
    order.take("CA1", "queued");
    let cancel = show.api.next().await;
    assert_eq!(
        (cancel.path.clone(), cancel.value("Status").to_owned()),
        (
            format!("/2010-04-01/Accounts/{ACCOUNT}/Calls/CA1.json"),
            "canceled".to_owned()
        )
    );
}

#[actix_web::test]
async fn a_call_that_is_answered_while_it_is_given_up_is_ended() {
    let mut show = OnAir::open().await;
    let id = show.dial(GUEST).await;
    show.api.next().await.take("CA77", "queued");
    shown(&mut show.pia, &id, |call| call["twilioCallSid"] == "CA77").await;
    let drop = json!({"callId": id});
    ask(&show.station, &show.token, "/api/twilio-sip/end-call", drop).await;
    let cancel = show.api.next().await;
    assert_eq!(cancel.value("Status"), "canceled");
    cancel.take("CA77", "in-progress");
    let complete = show.api.next().await;
    assert_eq!(complete.value("Status"), "completed");
    complete.take("CA77", "completed");
}

#[actix_web::test]
async fn twilio_is_asked_for_one_call_a_second_and_never_for_one_that_was_given_up() {
    let mut show = OnAir::open().await;
    let ids = [
        show.dial("+15550000001").await,
        show.dial("+15550000002").await,
        show.dial("+15550000003").await,
    ];
    let first = show.api.next().await;
    let at = clock::now();
    first.take("CA1", "queued");
    let drop = json!({"callId": ids[1]});
    ask(&show.station, &show.token, "/api/twilio-sip/end-call", drop).await;
    let third = show.api.next().await;
    assert_eq!(third.value("To"), "+15550000003");
    let waited = clock::now().saturating_duration_since(at);
    assert!(waited > Duration::from_millis(700), "{waited:?}");
}

#[actix_web::test]
async fn what_may_not_be_called_is_refused_with_a_sentence() {
    let show = OnAir::open().await;
    let station = &show.station;
    let body = |number: &str| json!({"episodeId": show.episode, "number": number});
    for (number, status, word) in [
        ("911", 400, "emergency"),
        ("Maria", 400, "telephone number"),
        ("5557654321", 400, "country code"),
        ("+442071234567", 403, "+1"),
    ] {
        let refused = ask(station, &show.token, "/api/calls", body(number)).await;
        let detail = refused.problem(status, number);
        assert!(detail.contains(word), "{detail}");
    }
    for (role, status) in [
        ("screener", 403),
        ("co-host", 403),
        ("viewer", 403),
        ("host", 201),
    ] {
        let (_, token) = station.operator(role, role).await;
        let answer = ask(station, &token, "/api/calls", body(GUEST)).await;
        assert_eq!(answer.status, status, "{role}: {}", answer.text);
    }
    let twice = ask(station, &show.token, "/api/calls", body(GUEST)).await;
    assert!(twice.problem(409, "twice").contains("being called"));
    let nowhere = json!({"episodeId": NOBODY, "number": "+15550000009"});
    ask(station, &show.token, "/api/calls", nowhere)
        .await
        .problem(404, "no episode");
    let no_number = json!({"episodeId": show.episode});
    ask(station, &show.token, "/api/calls", no_number)
        .await
        .problem(400, "no number");

    station.may_call(CallsOut::default()).await;
    let off = ask(station, &show.token, "/api/calls", body("+15550000009")).await;
    assert!(off.problem(409, "off").contains("DIAL_ALLOW"));
}

#[actix_web::test]
async fn a_guest_is_aired_only_with_consent_and_the_books_keep_it() {
    let mut show = OnAir::open().await;
    let id = show.dial(GUEST).await;
    let station = &show.station;
    let too_early = show.press("consent", &id, json!({})).await;
    assert!(too_early.problem(409, "ringing").contains("answered"));
    show.api.next().await.take("CA77", "queued");
    show.leg_comes(&id).await;
    let step = |name: &str, token: &str| {
        let request = station.request("POST", &format!("/api/twilio-sip/{name}"));
        station.send(request.bearer_auth(token).json(&json!({"callId": id})))
    };
    assert_eq!(step("move-to-hold", &show.token).await.status, 200);
    let detail = step("move-to-live", ADMIN_TOKEN)
        .await
        .problem(409, "not told");
    assert!(
        detail.contains("Maria") && detail.contains("47 CFR 73.1206"),
        "{detail}"
    );

    let (_, viewer) = station.operator("Vic", "viewer").await;
    let path = format!("/api/calls/{id}/consent");
    ask(station, &viewer, &path, json!({}))
        .await
        .problem(403, "a viewer");
    let told = show.press("consent", &id, json!({})).await;
    assert_eq!(
        (told.status, &told.json()["consentBy"]),
        (200, &json!("Pia"))
    );
    show.press("consent", &id, json!({}))
        .await
        .problem(409, "twice");
    let withdrawn = station
        .send(station.request("DELETE", &path).bearer_auth(ADMIN_TOKEN))
        .await;
    assert_eq!(
        (withdrawn.status, &withdrawn.json()["consentAt"]),
        (200, &json!(null))
    );
    step("move-to-live", ADMIN_TOKEN)
        .await
        .problem(409, "withdrawn");
    show.press("consent", &id, json!({})).await;
    let aired = step("move-to-live", ADMIN_TOKEN).await;
    assert_eq!(
        (aired.status, &aired.json()["status"]),
        (200, &json!("on-air"))
    );

    // Over and forgotten by the desk: what is left is what the books hold.
    station
        .post(&format!("/api/episodes/{}/end", show.episode), json!({}))
        .await;
    let gone: CallId = id.parse().unwrap();
    let hangs_up = AtDesk::new(move |desk: &mut Desk, now: UnixMs| {
        desk.gone(now, gone, Cause::ShowEnded, None);
    });
    station.switchboard.send(hangs_up).await.unwrap();
    let remembered = AtDesk::new(move |desk: &mut Desk, _: UnixMs| desk.call(gone).is_some());
    assert!(!station.switchboard.send(remembered).await.unwrap());
    let kept = station.get(&format!("/api/calls/{id}")).await.json();
    assert_eq!(
        (&kept["consentBy"], &kept["direction"]),
        (&json!("Pia"), &json!("outbound"))
    );
    assert!(kept["consentAt"].is_number(), "{kept}");
    let listed = station.get("/api/calls").await.json();
    assert_eq!(listed[0]["consentAt"], kept["consentAt"]);
}

#[actix_web::test]
async fn callers_are_called_back_however_long_ago_they_called() {
    let mut show = OnAir::open().await;
    let station = &show.station;
    let call = station.caller("+15551112222").await;
    let still_here = show.press("call-back", &call, json!({})).await;
    assert!(still_here.problem(409, "here").contains("still here"));
    let card = json!({"name": "Carl", "point": "Tolls"});
    station.patch(&format!("/api/calls/{call}"), card).await;
    station
        .post("/api/twilio-sip/end-call", json!({"callId": call}))
        .await;
    // The desk knows the call until its leg and its episode are gone.
    let id: CallId = call.parse().unwrap();
    let gone = AtDesk::new(move |desk: &mut Desk, now: UnixMs| {
        desk.gone(now, id, Cause::CallerHungUp, None);
    });
    station.switchboard.send(gone).await.unwrap();
    station
        .post(&format!("/api/episodes/{}/end", show.episode), json!({}))
        .await;
    let (_, sam) = station.operator("Sam", "screener").await;
    let path = format!("/api/calls/{call}/call-back");
    let off = ask(station, &sam, &path, json!({})).await;
    assert!(off.problem(409, "no show").contains("Go live"));
    let (_, viewer) = station.operator("Vic", "viewer").await;
    ask(station, &viewer, &path, json!({}))
        .await
        .problem(403, "a viewer");

    let shows = station.get("/api/shows").await.json();
    let episode = json!({"showId": shows[0]["id"], "title": "Two"});
    let episode = station.post("/api/episodes", episode).await.id();
    station
        .post(&format!("/api/episodes/{episode}/start"), json!({}))
        .await;
    let made = ask(station, &sam, &path, json!({})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.json();
    assert_eq!(
        (
            &made["from"],
            &made["name"],
            &made["point"],
            &made["heldByName"],
            &made["episodeId"]
        ),
        (
            &json!("+15551112222"),
            &json!("Carl"),
            &json!("Tolls"),
            &json!("Sam"),
            &json!(episode)
        )
    );
    assert_eq!(show.api.next().await.value("To"), "+15551112222");
    let path = format!("/api/calls/{NOBODY}/call-back");
    ask(&show.station, &sam, &path, json!({}))
        .await
        .problem(404, "no such call");
}

/// A caller who came by Twilio's webhook; gives the call's id.
async fn caller_by_twilio(show: &OnAir) -> String {
    let form = [
        ("CallSid", "CA5"),
        ("From", "+15551112222"),
        ("To", "+15550001111"),
        ("AccountSid", ACCOUNT),
    ];
    let webhook = post(&show.station, "/api/twilio-sip/incoming-call", &form);
    assert_eq!(show.station.send(webhook).await.status, 200);
    let calls = show.station.get("/api/calls").await.json();
    let mut calls = calls.as_array().unwrap().iter();
    let call = calls.find(|call| call["twilioCallSid"] == "CA5").unwrap();
    let id = call["id"].as_str().unwrap().to_owned();
    show.leg_comes(&id).await;
    id
}

#[actix_web::test]
async fn a_caller_is_passed_on_by_twilio() {
    let mut show = OnAir::open().await;
    let id = caller_by_twilio(&show).await;
    let asked = show
        .press("transfer", &id, json!({"target": "lifeline"}))
        .await;
    assert_eq!(
        (asked.status, &asked.json()["transferTo"]),
        (202, &json!("Lifeline"))
    );
    let redirect = show.api.next().await;
    assert_eq!(
        redirect.path,
        format!("/2010-04-01/Accounts/{ACCOUNT}/Calls/CA5.json")
    );
    let twiml = redirect.value("Twiml");
    assert!(twiml.contains("<Number>988</Number>"), "{twiml}");
    redirect.answer(
        400,
        &json!({"code": 21220, "message": "Call is not in-progress."}),
    );
    let notice = next(&mut show.pia, "notice").await;
    assert!(
        notice["text"]
            .as_str()
            .unwrap()
            .contains("Lifeline: Call is not in-progress."),
        "{notice}"
    );
    let stays = shown(&mut show.pia, &id, |call| call["transferTo"].is_null()).await;
    assert_eq!(stays["status"], "queued");

    show.press("transfer", &id, json!({"target": GUEST})).await;
    show.api.next().await.take("CA5", "in-progress");
    let over = shown(&mut show.pia, &id, |call| call["status"] == "completed").await;
    assert_eq!(over["cause"], "transferred");
}

#[actix_web::test]
async fn transfers_are_refused_with_a_sentence() {
    let show = OnAir::open().await;
    let by_sip = show.station.caller("+15553334444").await;
    let detail = show
        .press("transfer", &by_sip, json!({"target": "Lifeline"}))
        .await;
    assert!(
        detail
            .problem(409, "by SIP")
            .contains("cannot be passed on")
    );
    let id = caller_by_twilio(&show).await;
    for (target, status) in [("911", 400), ("+442071234567", 403), ("Nobody", 400)] {
        show.press("transfer", &id, json!({"target": target}))
            .await
            .problem(status, target);
    }
    let (_, sam) = show.station.operator("Sam", "screener").await;
    let path = format!("/api/calls/{id}/transfer");
    let free = ask(&show.station, &sam, &path, json!({"target": GUEST})).await;
    assert!(free.problem(403, "free number").contains("Lifeline"));
    show.press("transfer", &id, json!({}))
        .await
        .problem(400, "no target");
    assert_eq!(rules().help_lines.len(), 1);
}

#[actix_web::test]
async fn twilios_questions_about_calls_out_are_signed_and_about_a_call() {
    let mut show = OnAir::open().await;
    let id = show.dial(GUEST).await;
    show.api.next().await.take("CA77", "queued");
    let path = format!("/api/twilio-sip/outgoing-call?callId={id}");
    let forged = show
        .station
        .request("POST", &path)
        .header("x-twilio-signature", "AAAA");
    show.station.send(forged).await.problem(403, "forged");
    let nothing = show.tells("outgoing-call", "x", "in-progress").await;
    nothing.problem(400, "no call");
    let unknown = show.tells("outgoing-call", NOBODY, "in-progress").await;
    assert!(unknown.text.contains("<Hangup/>"), "{}", unknown.text);
    let inbound = caller_by_twilio(&show).await;
    let not_ours = show.tells("outgoing-call", &inbound, "in-progress").await;
    assert!(not_ours.text.contains("<Hangup/>"), "{}", not_ours.text);
}
