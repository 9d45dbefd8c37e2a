//! A guest whom Twilio calls for us, from the press to the air: the order by HTTP, their answer, the TwiML followed to the
//! letter, and everybody's ears.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use audioroad::phone::{Call, End, Hum, Phone};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::carrier::*;
use crate::ear::Ears;
use crate::switch::{SOON, eventually, text};
use crate::twiml::Element;

/// What each party hums, in Hz.
const GUEST: f32 = 539.0;
const LISTENER: f32 = 762.0;
const GUEST_NUMBER: &str = "+15557654321";
const SID: &str = "CA77";

/// Twilio's API: takes every order, and tells what it was asked.
struct Api {
    url: String,
    orders: Receiver<(String, Vec<(String, String)>)>,
}

impl Api {
    fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let (tell, orders) = channel();
        let serve = move || {
            for stream in listener.incoming() {
                let Ok(order) = stream.and_then(|stream| take_order(&stream)) else {
                    continue;
                };
                if tell.send(order).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new().spawn(serve).expect("a thread");
        Self { url, orders }
    }

    /// The next order: its path, and its form.
    fn order(&self) -> (String, Vec<(String, String)>) {
        self.orders
            .recv_timeout(SOON)
            .expect("Twilio is asked for something")
    }
}

fn take_order(stream: &TcpStream) -> std::io::Result<(String, Vec<(String, String)>)> {
    let mut reader = BufReader::new(stream);
    let (mut path, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(rest) = line.strip_prefix("POST ") {
            path = rest.split(' ').next().unwrap_or_default().to_owned();
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().expect("a length");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let answer = json!({"sid": SID, "status": "queued"}).to_string();
    let head = format!(
        "HTTP/1.1 201 Created\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        answer.len()
    );
    (&mut &*stream).write_all((head + &answer).as_bytes())?;
    Ok((path, form_urlencoded::parse(&body).into_owned().collect()))
}

fn value<'a>(form: &'a [(String, String)], name: &str) -> &'a str {
    let found = form.iter().find(|(known, _)| known == name);
    found.map_or_else(|| panic!("no {name} in {form:?}"), |(_, value)| value)
}

fn row(twilio: &Twilio, id: &str, fits: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/api/calls/{id}");
    eventually("the call's row", || {
        let row = twilio.switch.ask("GET", &path, Value::Null);
        if fits(&row) {
            Ok(row)
        } else {
            Err(row.to_string())
        }
    })
}

/// The leg that the TwiML asks for, with the guest's voice in it.
fn follow(twilio: &Twilio, twiml: &Element) -> Call {
    let sip = twiml.child("Dial").child("Sip").sip_call();
    let phone = Phone::new(SIGNALLING.into()).number("+15550100000");
    let phone = sip
        .headers
        .iter()
        .fold(phone, |phone, (name, value)| phone.header(name, value));
    let user = sip
        .uri
        .strip_prefix("sip:")
        .and_then(|uri| uri.split('@').next());
    phone
        .call(
            twilio.switch.sip(),
            user.expect("a user"),
            Hum::new(GUEST, 0.2),
        )
        .expect("a phone")
}

#[test]
#[ignore = "stands beside the calls of twilio.rs; make test runs it"]
fn a_guest_is_called_told_and_heard_on_air() {
    let api = Api::start();
    let twilio = Twilio::with_settings(&[("TWILIO_API_URL", &api.url), ("DIAL_ALLOW", "+1")]);
    let switch = &twilio.switch;
    let episode = switch.go_live();
    let body = json!({"episodeId": episode, "number": GUEST_NUMBER, "name": "Maria"});
    let id = text(&switch.ask("POST", "/api/calls", body)["id"]);
    let (path, form) = api.order();
    assert_eq!(path, format!("/2010-04-01/Accounts/{ACCOUNT}/Calls.json"));
    assert_eq!(
        (value(&form, "To"), value(&form, "From")),
        (GUEST_NUMBER, "+15550100000")
    );
    row(&twilio, &id, |call| {
        call["twilioCallSid"] == SID && call["ringing"] == true
    });

    let answered = [
        ("CallSid", SID),
        ("CallStatus", "in-progress"),
        ("AccountSid", ACCOUNT),
    ];
    let url = value(&form, "Url");
    let twiml = twilio.asks(Method::Post, url, &answered);
    assert_eq!(twiml.verbs(), ["Dial"]);
    let guest = follow(&twilio, &twiml);
    guest.wait_answered(SOON).expect("the switch answers");
    let up = row(&twilio, &id, |call| call["ringing"] == false);
    assert_eq!(up["status"], "screening");
    assert_eq!(up["from"], GUEST_NUMBER);

    // Somebody else is on air already.
    let phone = Phone::new(Ipv4Addr::LOCALHOST.into()).number(CALLER);
    let other = phone
        .call(switch.sip(), "lobby", Hum::new(LISTENER, 0.2))
        .expect("a phone");
    other.wait_answered(SOON).expect("the switch answers");
    let other_id = text(&switch.call_once(other.sip_call_id(), |_| true)["id"]);
    for step in ["move-to-screening", "move-to-hold", "move-to-live"] {
        let path = format!("/api/twilio-sip/{step}");
        switch.ask("POST", &path, json!({"callId": other_id}));
    }

    switch.ask(
        "POST",
        "/api/twilio-sip/move-to-hold",
        json!({"callId": id}),
    );
    let ears = Ears::new(&[GUEST, LISTENER]);
    ears.hears("the guest on hold", &guest, &[LISTENER]);
    let live = json!({"callId": id});
    let (status, refused) = switch.api("POST", "/api/twilio-sip/move-to-live", live.clone());
    assert_eq!(status, 409, "{refused}");
    assert!(
        text(&refused["detail"]).contains("47 CFR 73.1206"),
        "{refused}"
    );
    ears.waits("the other, alone on air before the guest was told", &other);
    switch.ask("POST", &format!("/api/calls/{id}/consent"), json!({}));
    switch.ask("POST", "/api/twilio-sip/move-to-live", live);
    ears.hears("the guest on air", &guest, &[LISTENER]);
    ears.hears("the other on air", &other, &[GUEST]);

    hangs_up(&twilio, &guest, &id, &twiml);
}

/// The guest hangs up: the row is closed with what was recorded, and Twilio is told to hang up, too.
fn hangs_up(twilio: &Twilio, guest: &Call, id: &str, twiml: &Element) {
    guest.hang_up();
    let over = row(twilio, id, |call| call["status"] == "completed");
    assert_eq!(over["cause"], "caller-hung-up");
    assert!(over["consentAt"].is_number(), "{over}");
    let ended = [
        ("CallSid", SID),
        ("DialCallStatus", "completed"),
        ("AccountSid", ACCOUNT),
    ];
    let action = twiml.child("Dial").attribute("action");
    assert_eq!(
        twilio.asks(Method::Post, action, &ended).verbs(),
        ["Hangup"]
    );
}

#[test]
#[ignore = "stands beside the calls of twilio.rs; make test runs it"]
fn a_guest_whom_nobody_waits_for_any_more_is_not_let_in() {
    let api = Api::start();
    let twilio = Twilio::with_settings(&[("TWILIO_API_URL", &api.url), ("DIAL_ALLOW", "+1")]);
    let episode = twilio.switch.go_live();
    let body = json!({"episodeId": episode, "number": GUEST_NUMBER});
    let id = text(&twilio.switch.ask("POST", "/api/calls", body)["id"]);
    let (_, form) = api.order();
    row(&twilio, &id, |call| call["twilioCallSid"] == SID);
    let answered = [
        ("CallSid", SID),
        ("CallStatus", "in-progress"),
        ("AccountSid", ACCOUNT),
    ];
    let url = value(&form, "Url");
    let twiml = twilio.asks(Method::Post, url, &answered);
    twilio
        .switch
        .ask("POST", "/api/twilio-sip/end-call", json!({"callId": id}));
    let (path, form) = api.order();
    assert!(path.ends_with(&format!("/Calls/{SID}.json")), "{path}");
    assert_eq!(value(&form, "Status"), "canceled");
    let late = follow(&twilio, &twiml).wait_answered(SOON).unwrap_err();
    assert!(late.to_string().contains("Refused"), "{late}");
    assert_eq!(
        twilio.asks(Method::Post, url, &answered).verbs(),
        ["Hangup"]
    );
    assert_eq!(row(&twilio, &id, |_| true)["cause"], "dropped");
}

#[test]
#[ignore = "stands beside the calls of twilio.rs; make test runs it"]
fn a_caller_is_passed_on_and_the_show_is_out_of_it() {
    let api = Api::start();
    let twilio = Twilio::with_settings(&[("TWILIO_API_URL", &api.url), ("DIAL_ALLOW", "+1")]);
    twilio.switch.go_live();
    let twiml = twilio.rings("CA5", CALLER);
    let caller = follow(&twilio, &twiml);
    caller.wait_answered(SOON).expect("the switch answers");
    let id = text(
        &twilio
            .switch
            .call_once(caller.sip_call_id(), |row| row["ringing"] == false)["id"],
    );
    let path = format!("/api/calls/{id}/transfer");
    twilio
        .switch
        .ask("POST", &path, json!({"target": GUEST_NUMBER}));
    let (path, form) = api.order();
    assert!(path.ends_with("/Calls/CA5.json"), "{path}");
    let passed_on = Element::response(value(&form, "Twiml"));
    assert_eq!(passed_on.child("Dial").child("Number").text, GUEST_NUMBER);
    assert_eq!(
        row(&twilio, &id, |row| row["status"] == "completed")["cause"],
        "transferred"
    );
    let end = caller.wait_ended(SOON).expect("our leg ends");
    assert!(matches!(end, End::FarEndHungUp { .. }), "{end:?}");
}
