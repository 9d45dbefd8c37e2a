//! The ladders by HTTP: who may see them, in which form, and with how much of a telephone number.

use audioroad::actors::ladders::{LadderBook, Which};
use audioroad::domain::CallId;
use audioroad::sip::{FlowId, Source, Transport};
use serde_json::json;

use crate::station::{ADMIN_TOKEN, Station};

const INVITE: &str = "INVITE sip:lobby@203.0.113.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKa\r\n\
    From: <sip:+15550100200@192.0.2.10>;tag=a\r\nTo: <sip:lobby@203.0.113.9>\r\nCall-ID: 7@z\r\nCSeq: 1 INVITE\r\n\
    X-Call-Token: hush-hush\r\nContent-Length: 0\r\n\r\n";

/// A carrier's INVITE is here; gives the call that it became.
fn called(ladders: &LadderBook) -> CallId {
    let source = Source {
        flow: FlowId(0),
        transport: Transport::Udp,
        local: "203.0.113.9:5060".parse().unwrap(),
        from: "192.0.2.10:5060".parse().unwrap(),
    };
    ladders.received(&source, INVITE.as_bytes(), true);
    ladders.accepted("7@z", "studio");
    ladders.tie("7@z", CallId(42));
    CallId(42)
}

#[actix_web::test]
async fn a_call_s_ladder_is_json_text_or_a_capture() {
    let station = Station::open();
    let id = called(&station.ladders);
    let path = format!("/api/calls/{id}/sip");
    let ladder = station.get(&path).await.json();
    assert_eq!(
        (&ladder["callId"], &ladder["trunk"], &ladder["sipCallId"]),
        (&json!(id), &json!("studio"), &json!("7@z"))
    );
    let rung = &ladder["rungs"][0];
    assert_eq!(
        (&rung["direction"], &rung["summary"], &rung["atMs"]),
        (&json!("in"), &json!("INVITE"), &json!(0))
    );
    let shown = rung["text"].as_str().unwrap();
    assert!(
        shown.contains("+15550100200") && !shown.contains("hush"),
        "{shown}"
    );

    for text in [
        station.get(&format!("{path}?format=text")).await,
        station
            .send(
                station
                    .request("GET", &path)
                    .bearer_auth(ADMIN_TOKEN)
                    .header("accept", "text/plain, application/json"),
            )
            .await,
    ] {
        assert_eq!(text.header("content-type"), "text/plain; charset=utf-8");
        assert!(text.text.contains("|- 1 INVITE --"), "{}", text.text);
        assert!(
            !text.text.contains("5550100200"),
            "numbers are masked: {}",
            text.text
        );
    }
    let open = station
        .get(&format!("{path}?format=text&numbers=show"))
        .await;
    assert!(open.text.contains("+15550100200"));

    let capture = station.get(&format!("{path}.pcap")).await;
    assert_eq!(
        capture.header("content-type"),
        "application/vnd.tcpdump.pcap"
    );
    assert!(capture.text.contains("Call-ID: 7@z") && !capture.text.contains("5550100200"));
}

#[actix_web::test]
async fn calls_that_never_came_to_be_are_listed_with_the_reason() {
    let station = Station::open();
    called(&station.ladders);
    station.ladders.refused("7@z", "studio", "trunk-full");
    let list = station.get("/api/sip/calls").await.json();
    assert_eq!(
        (&list[0]["cause"], &list[0]["over"], &list[0]["messages"]),
        (&json!("trunk-full"), &json!(true), &json!(1))
    );
    let ladder = format!("/api/sip/calls/{}", list[0]["ladder"]);
    assert_eq!(station.get(&ladder).await.json()["sipCallId"], "7@z");
    let capture = station.get(&format!("{ladder}/sip.pcap")).await;
    assert_eq!(capture.status, 200);
    assert_eq!(
        station.get("/api/sip/calls?numbers=mask").await.json()[0]["from"],
        "<sip:+15*******00@192.0.2.10>;tag=a"
    );
    station
        .get("/api/sip/calls?limit=0")
        .await
        .problem(400, "limit");
    station
        .get(&format!("{ladder}?format=xml"))
        .await
        .problem(400, "format");
}

#[actix_web::test]
async fn only_admins_and_producers_see_ladders() {
    let station = Station::open();
    let id = called(&station.ladders);
    for (role, status) in [
        ("producer", 200),
        ("host", 403),
        ("co-host", 403),
        ("screener", 403),
        ("viewer", 403),
    ] {
        let (_, token) = station.operator(&format!("A {role}"), role).await;
        for path in [
            format!("/api/calls/{id}/sip"),
            format!("/api/calls/{id}/sip.pcap"),
            "/api/sip/calls".to_owned(),
            "/api/sip/calls/1".to_owned(),
            "/api/sip/calls/1/sip.pcap".to_owned(),
        ] {
            let answer = station
                .send(station.request("GET", &path).bearer_auth(&token))
                .await;
            assert_eq!(answer.status, status, "{role} {path}: {}", answer.text);
        }
    }
}

#[actix_web::test]
async fn without_ladders_nothing_is_kept() {
    let off = LadderBook::new(0);
    let id = called(&off);
    assert!(
        !off.is_on() && off.sheet(Which::Call(id)).is_none() && off.recent(10, false).is_empty()
    );
}
