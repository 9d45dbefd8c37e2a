//! The session by itself; whole calls are in `tests/sip_transcripts`.

use super::*;
use crate::sip::sdp::{Codec, Direction};
use crate::sip::{FlowId, Transport, value, wire};
use rsip::SipMessage;

#[expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]
fn epoch() -> Instant {
    Instant::now()
}

fn incoming(text: &str) -> Box<Incoming> {
    let text = text.replace('\n', "\r\n");
    let inbound = wire::parse(text.as_bytes(), wire::Framing::Datagram).unwrap();
    let SipMessage::Request(request) = inbound.msg else {
        panic!("{inbound:?}")
    };
    let source = Source {
        flow: FlowId(1),
        transport: Transport::Udp,
        local: "203.0.113.9:5060".parse().unwrap(),
        from: "192.0.2.10:5060".parse().unwrap(),
    };
    Box::new(Incoming {
        request,
        raw_uri: inbound.raw_uri,
        source,
        local_tag: "ours".to_owned(),
        local_contact: "<sip:203.0.113.9:5060>".to_owned(),
    })
}

fn request(method: &str, cseq: u32, extra: &str, body: &str) -> Box<Incoming> {
    let kind = if body.is_empty() {
        ""
    } else {
        "Content-Type: application/sdp\n"
    };
    incoming(&format!(
        "{method} sip:lobby@203.0.113.9 SIP/2.0\n\
         Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKx\n\
         From: \"Ada\" <sip:+15550123@192.0.2.10>;tag=theirs\nTo: <sip:lobby@203.0.113.9>\n\
         Call-ID: c@192.0.2.10\nCSeq: {cseq} {method}\n\
         {kind}{extra}\n{body}"
    ))
}

const CONTACT: &str = "Contact: <sip:ada@192.0.2.10:5080;x=%41>\n";

fn offer(direction: &str) -> String {
    format!(
        "v=0\no=- 1 1 IN IP4 192.0.2.10\ns=-\nc=IN IP4 192.0.2.10\nt=0 0\n\
         m=audio 4000 RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000\na={direction}\n"
    )
}

fn media() -> MediaAddress {
    MediaAddress {
        addr: "203.0.113.9".parse().unwrap(),
        port: 10_000,
        session_id: 77,
        prefer: vec![Codec::Pcmu, Codec::Pcma],
        srtp: CallSrtp::OFF,
    }
}

fn answered(extra: &str) -> InviteSession {
    answered_at(epoch(), extra)
}

fn answered_at(now: Instant, extra: &str) -> InviteSession {
    let invite = request(
        "INVITE",
        10,
        &format!("{CONTACT}{extra}"),
        &offer("sendrecv"),
    );
    let mut session = InviteSession::new(invite).unwrap();
    let answer = session.answer(now, media(), &[("X-Call-Id", "7")]).unwrap();
    assert_eq!(answer.negotiated.unwrap().direction, Direction::SendRecv);
    assert_eq!(
        value::find(&answer.response.headers, "X-Call-Id"),
        Some("7")
    );
    session
}

fn talking(extra: &str) -> InviteSession {
    let mut session = answered(extra);
    assert_eq!(session.handle_ack(b""), AckOutcome::default());
    session
}

fn bye(hang_up: HangUp) -> Outgoing {
    match hang_up {
        HangUp::Bye(bye) => *bye,
        HangUp::AfterAck | HangUp::Unanswered | HangUp::Over => panic!("{hang_up:?}"),
    }
}

fn routes(outgoing: &Outgoing) -> Vec<&str> {
    value::all(&outgoing.request.headers, "Route").collect()
}

#[test]
fn our_bye_takes_the_routes_in_their_order_and_untouched() {
    let rr = "Record-Route: <sip:54.172.60.0:5060;lr;r2=on>\n\
              Record-Route: <sip:172.18.30.7;lr;twnat=sip:69.171.251.115:51830>\n";
    let mut session = talking(rr);
    let bye = bye(session.hang_up(Reason::q850(16, "over")));
    assert_eq!(bye.target, "sip:ada@192.0.2.10:5080;x=%41");
    assert_eq!(
        routes(&bye),
        [
            "<sip:54.172.60.0:5060;lr;r2=on>",
            "<sip:172.18.30.7;lr;twnat=sip:69.171.251.115:51830>"
        ]
    );
    let find = |name| value::find(&bye.request.headers, name);
    assert_eq!(find("From"), Some("<sip:lobby@203.0.113.9>;tag=ours"));
    assert_eq!(
        find("To"),
        Some("\"Ada\" <sip:+15550123@192.0.2.10>;tag=theirs")
    );
    assert_eq!(find("CSeq"), Some("1 BYE"));
    assert_eq!(session.hang_up(Reason::q850(16, "over")), HangUp::Over);
    let next = session.next_hop().unwrap();
    assert_eq!(
        (next.host.as_str(), next.port, next.transport),
        ("54.172.60.0", 5060, Transport::Udp)
    );
    let again = session.hang_up_again(&Reason::q850(16, "over"));
    assert_eq!(value::find(&again.request.headers, "CSeq"), Some("2 BYE"));
}

#[test]
fn a_strict_router_gets_itself_as_target() {
    let rr = "Record-Route: <sip:strict.example.com>\nRecord-Route: <sip:b.example.com;lr>\n";
    let bye = bye(talking(rr).hang_up(Reason::q850(16, "over")));
    assert_eq!(bye.target, "sip:strict.example.com");
    assert_eq!(
        routes(&bye),
        ["<sip:b.example.com;lr>", "<sip:ada@192.0.2.10:5080;x=%41>"]
    );
}

#[test]
fn no_bye_goes_out_before_the_ack() {
    let mut session = answered("");
    assert_eq!(session.hang_up(Reason::q850(16, "over")), HangUp::AfterAck);
    assert!(session.handle_ack(b"").bye.is_some());
    let mut session = answered("");
    session.hang_up(Reason::q850(16, "over"));
    assert!(session.ack_timed_out().is_some());
    assert_eq!(session.ack_timed_out(), None);
}

#[test]
fn a_late_offer_is_answered_by_the_ack_or_the_call_ends() {
    let late = || {
        let mut session = InviteSession::new(request("INVITE", 1, CONTACT, "")).unwrap();
        let answer = session.answer(epoch(), media(), &[]).unwrap();
        assert!(answer.negotiated.is_none());
        assert!(answer.response.body.starts_with(b"v=0"));
        session
    };
    let mut session = late();
    let outcome = session.handle_ack(offer("sendrecv").replace('\n', "\r\n").as_bytes());
    assert_eq!(
        outcome.negotiated.unwrap().remote,
        "192.0.2.10:4000".parse().unwrap()
    );
    assert_eq!(outcome.bye, None);
    for bad in ["", "v=0", &offer("sendrecv").replace("AVP 0", "AVP 9")] {
        assert!(late().handle_ack(bad.as_bytes()).bye.is_some(), "{bad}");
    }
    let mut session = late();
    let crossing = request("UPDATE", 2, CONTACT, &offer("sendrecv"));
    assert_eq!(
        session
            .handle_request(epoch(), &crossing)
            .response
            .status_code
            .code(),
        491
    );
}

#[test]
fn a_reinvite_is_answered_in_kind_or_changes_nothing() {
    let mut session = talking("");
    let code = |action: &SessionAction| action.response.status_code.code();
    for (cseq, theirs, ours) in [
        (11, "sendonly", Direction::RecvOnly),
        (12, "inactive", Direction::Inactive),
        (13, "sendrecv", Direction::SendRecv),
    ] {
        let action =
            session.handle_request(epoch(), &request("INVITE", cseq, CONTACT, &offer(theirs)));
        assert_eq!(code(&action), 200);
        let Some(SessionEvent::Reoffered(negotiated)) = action.event else {
            panic!()
        };
        assert_eq!(
            (negotiated.direction, negotiated.hold),
            (ours, theirs != "sendrecv")
        );
        let body = String::from_utf8(action.response.body).unwrap();
        assert!(body.contains(&format!("a={}\r\n", ours.name())), "{body}");
        assert!(body.contains(&format!("o=- 77 {} IN", cseq - 9)), "{body}");
    }
    let before = session.negotiated().cloned();
    let foreign = offer("sendonly").replace("AVP 0", "AVP 18");
    let action = session.handle_request(
        epoch(),
        &request("INVITE", 14, "Contact: <sip:new@h>\n", &foreign),
    );
    assert_eq!((code(&action), action.event), (488, None));
    assert_eq!(session.negotiated().cloned(), before);
    assert_eq!(
        bye(session.hang_up(Reason::q850(16, ""))).target,
        "sip:ada@192.0.2.10:5080;x=%41"
    );
}

#[test]
fn a_reinvite_without_offer_gets_ours_and_may_move_the_target() {
    let mut session = talking("");
    let action = session.handle_request(
        epoch(),
        &request("INVITE", 11, "Contact: <sip:new@h>\n", ""),
    );
    assert_eq!(
        (action.response.status_code.code(), action.event),
        (200, None)
    );
    assert!(action.response.body.starts_with(b"v=0"));
    let crossing = request("INVITE", 12, CONTACT, &offer("sendrecv"));
    assert_eq!(
        session
            .handle_request(epoch(), &crossing)
            .response
            .status_code
            .code(),
        491
    );
    // An answer that does not read keeps the session as it was.
    assert_eq!(session.handle_ack(b"nonsense"), AckOutcome::default());
    assert_eq!(
        bye(session.hang_up(Reason::q850(16, ""))).target,
        "sip:new@h"
    );
}

#[test]
fn before_the_answer_other_requests_wait_or_end_the_call() {
    let mut session =
        InviteSession::new(request("INVITE", 1, CONTACT, &offer("sendrecv"))).unwrap();
    assert_eq!(session.hang_up(Reason::q850(16, "")), HangUp::Unanswered);
    let action =
        session.handle_request(epoch(), &request("UPDATE", 2, CONTACT, &offer("sendrecv")));
    assert_eq!(action.response.status_code.code(), 500);
    assert!(value::find(&action.response.headers, "Retry-After").is_some());
    let action = session.handle_request(epoch(), &request("UPDATE", 3, CONTACT, ""));
    assert_eq!(action.response.status_code.code(), 200);
    let action = session.handle_request(epoch(), &request("BYE", 4, "Reason: SIP;cause=487\n", ""));
    let Some(SessionEvent::HungUp { reason, unanswered }) = action.event else {
        panic!()
    };
    assert_eq!(
        reason.unwrap(),
        Reason {
            protocol: "SIP".into(),
            cause: Some(487),
            text: None
        }
    );
    assert_eq!(unanswered.unwrap().status_code.code(), 487);
    assert_eq!(session.cancelled(), Err(SessionError::AlreadyFinal));
}

#[test]
fn an_offer_that_cannot_be_answered_leaves_the_call_ringing() {
    let srtp = offer("sendrecv").replace("RTP/AVP", "RTP/SAVP");
    let mut session = InviteSession::new(request("INVITE", 1, CONTACT, &srtp)).unwrap();
    assert!(matches!(
        session.answer(epoch(), media(), &[]),
        Err(SessionError::Sdp(_))
    ));
    let response = session
        .reject(488, Some("No plain RTP"), &[("Warning", "304 - \"x\"")])
        .unwrap();
    assert_eq!(
        response.status_code,
        StatusCode::Other(488, "No plain RTP".into())
    );
}

#[test]
fn other_requests_within_the_call() {
    let mut session = talking("");
    let mut code = |text: &Incoming| {
        let action = session.handle_request(epoch(), text);
        (action.response.status_code.code(), action.event)
    };
    assert_eq!(code(&request("INFO", 11, "", "")), (200, None));
    assert_eq!(code(&request("REFER", 12, "", "")), (405, None));
    assert_eq!(code(&request("PUBLISH", 13, "", "")), (405, None));
    assert_eq!(code(&request("UPDATE", 14, CONTACT, "")), (200, None));
    let key = |kind: &str, body: &str| {
        incoming(&format!(
            "INFO sip:l@h SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\nFrom: <sip:a@h>;tag=theirs\nTo: <sip:l@h>;tag=ours\nCall-ID: c@192.0.2.10\nCSeq: 15 INFO\nContent-Type: {kind}\n\n{body}"
        ))
    };
    let dtmf = |digit, duration_ms| (200, Some(SessionEvent::Dtmf { digit, duration_ms }));
    assert_eq!(
        code(&key("application/dtmf-relay", "Signal=5\nDuration=240\n")),
        dtmf('5', 240)
    );
    assert_eq!(
        code(&key("application/dtmf-relay", "signal = * \n")),
        dtmf('*', 160)
    );
    assert_eq!(code(&key("application/dtmf", "d")), dtmf('D', 160));
    assert_eq!(code(&key("application/dtmf", "flash")).0, 415);
    assert_eq!(code(&key("text/plain", "5")).0, 415);
    assert_eq!(
        code(&request("BYE", 9, "", "")).0,
        500,
        "a number lower than one seen"
    );
    assert_eq!(code(&request("BYE", 16, "", "")).0, 200);
    assert_eq!(code(&request("INFO", 17, "", "")).0, 481);
}

#[test]
fn a_key_that_is_told_twice_is_heard_once() {
    let mut session = talking("");
    let by_info = |session: &mut InviteSession, cseq: u32| {
        let info = incoming(&format!(
            "INFO sip:l@h SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\nFrom: <sip:a@h>;tag=theirs\n\
             To: <sip:l@h>;tag=ours\nCall-ID: c@192.0.2.10\nCSeq: {cseq} INFO\n\
             Content-Type: application/dtmf\n\n5"
        ));
        let action = session.handle_request(epoch(), &info);
        assert_eq!(action.response.status_code.code(), 200);
        action.event.is_some()
    };
    assert!(session.hears_key(KeyPath::Rtp));
    assert!(!by_info(&mut session, 21) && session.hears_key(KeyPath::Rtp));
    let moved = request("INVITE", 40, CONTACT, &offer("sendrecv"));
    session.handle_request(epoch(), &moved);
    assert!(by_info(&mut session, 41), "media was agreed anew");
    assert!(!session.hears_key(KeyPath::Rtp) && by_info(&mut session, 42));
}

#[test]
fn the_caller_is_read_with_care() {
    let who = |from: &str, extra: &str| {
        incoming(&format!(
            "INVITE sip:%2B15550100;x=1@h SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\nFrom: {from};tag=t\nTo: \"Show\" <sip:+15550199@h>\nCall-ID: c\nCSeq: 1 INVITE\n{extra}\n"
        ))
    };
    let ada = who(
        "\"Ada \\\"L\\\"\" <sip:%2B15550123;npdi@h;user=phone>",
        "X-Call-Token: abc\n",
    );
    assert_eq!(ada.from_user().as_deref(), Some("+15550123"));
    assert_eq!(ada.from_display().as_deref(), Some("Ada \"L\""));
    assert_eq!(ada.request_user().as_deref(), Some("+15550100"));
    assert_eq!(ada.to_user().as_deref(), Some("+15550199"));
    assert_eq!(ada.header("x-call-token"), Some("abc"));
    assert_eq!(
        who("<tel:+15550123;phone-context=x>", "")
            .from_user()
            .as_deref(),
        Some("+15550123")
    );
    for from in [
        "<sip:anonymous@anonymous.invalid>",
        "<sip:Restricted@h>",
        "<sip:+266696687@h>",
        "<sip:h>",
        "<sip:x@anonymous.invalid>",
    ] {
        let caller = who(from, "P-Asserted-Identity: <sip:+15550177@h>\n");
        assert_eq!(
            (caller.from_user(), caller.from_display()),
            (None, None),
            "{from}"
        );
        assert_eq!(caller.asserted_user().as_deref(), Some("+15550177"));
    }
    assert!(who("<sip:+1@h>", "Privacy: id;critical\n").is_withheld());
    assert!(!who("<sip:+1@h>", "Privacy: none\n").is_withheld());
}

#[test]
fn reasons_read_and_write() {
    let text = r#"Q.850;cause=16;text="Normal call clearing""#;
    let reason = Reason::parse(text).unwrap();
    assert_eq!(reason, Reason::q850(16, "Normal call clearing"));
    assert_eq!(reason.to_string(), text);
    assert_eq!(
        Reason::sip(480, "say \"hi\"").to_string(),
        "SIP;cause=480;text=\"say 'hi'\""
    );
    assert_eq!(Reason::parse(";;"), None);
}

#[test]
fn no_session_outlives_its_interval_and_no_wish_breaks_it() {
    let start = epoch();
    for (asked, interval_s) in [
        ("90", Some(90)),
        ("1800 ;refresher=uac", Some(1_800)),
        ("4294967295;refresher=UAS", Some(4_294_967_295)),
        ("4294967296", None),
        ("-90", None),
        ("soon", None),
        (";refresher=uac", None),
    ] {
        let wish = format!("Supported: timer\nAllow: UPDATE\nSession-Expires: {asked}\n");
        let session = answered_at(start, &wish);
        let due = session.poll_timeout().map(|due| due - start);
        assert_eq!(due.is_some(), interval_s.is_some(), "{asked}");
        let interval = interval_s.map(std::time::Duration::from_secs);
        assert!(
            due.is_none_or(|due| Some(due) < interval),
            "{asked}: {due:?}"
        );
    }
}

#[test]
fn a_refresh_that_is_put_off_is_asked_again_and_moves_the_target() {
    let start = epoch();
    let after = |seconds| start + std::time::Duration::from_secs(seconds);
    let wish = "Supported: timer\nAllow: UPDATE\nSession-Expires: 1000;refresher=uas\n";
    let mut session = answered_at(start, wish);
    session.handle_ack(b"");
    assert_eq!(session.poll_timeout(), Some(after(500)));
    assert!(matches!(
        session.handle_timeout(after(500)),
        Some(Refresh::Ask(_))
    ));
    let answer = |code: u16, extra: &[(&str, &str)]| {
        let update = request("UPDATE", 1, "", "");
        let mut response = reply::response(&update.request, code.into(), None);
        for (name, value) in extra {
            response = reply::with(response, name, *value);
        }
        response
    };
    // The end is at 968 s.
    assert_eq!(
        session.handle_answer(after(500), Some(&answer(491, &[]))),
        None
    );
    assert_eq!(session.poll_timeout(), Some(after(734)));
    assert!(session.handle_timeout(after(734)).is_some());
    let refreshed = [
        ("Session-Expires", "200;refresher=uas"),
        ("Contact", "<sip:moved@192.0.2.77>"),
    ];
    let refreshed = answer(200, &refreshed);
    assert_eq!(session.handle_answer(after(735), Some(&refreshed)), None);
    // From now on it is theirs.
    assert_eq!(session.poll_timeout(), Some(after(735 + 168)));
    let Some(Refresh::Expired(bye)) = session.handle_timeout(after(735 + 168)) else {
        panic!("nobody refreshed it");
    };
    assert_eq!(bye.target, "sip:moved@192.0.2.77");
    assert_eq!(session.poll_timeout(), None);
}

fn encrypted_offer(key: char) -> String {
    let key: String = std::iter::repeat_n(key, 40).collect();
    let crypto = format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}\n");
    offer("sendrecv").replace("RTP/AVP", "RTP/SAVP") + &crypto
}

fn over(transport: Transport, request: Box<Incoming>) -> Box<Incoming> {
    let mut request = request;
    request.source.transport = transport;
    request
}

#[test]
fn keys_are_taken_where_the_signalling_may_carry_them() {
    let needs_tls = MediaAddress {
        srtp: CallSrtp {
            rule: sdp::SrtpRule::Offered,
            needs_tls: true,
            secret: [7; 32],
        },
        ..media()
    };
    let invite = || request("INVITE", 10, CONTACT, &encrypted_offer('A'));
    let mut in_clear = InviteSession::new(invite()).unwrap();
    assert_eq!(
        in_clear.answer(epoch(), needs_tls.clone(), &[]),
        Err(SessionError::Sdp(sdp::SdpError::KeysInClear))
    );
    let mut call = InviteSession::new(over(Transport::Tls, invite())).unwrap();
    let answer = call.answer(epoch(), needs_tls, &[]).unwrap();
    let first = answer.negotiated.unwrap().srtp.unwrap();
    call.handle_ack(b"");

    // The same key keeps ours, another one changes it; without TLS the call stays as it was.
    let mut agreed = |transport, cseq, key| {
        let reinvite = request("INVITE", cseq, CONTACT, &encrypted_offer(key));
        let action = call.handle_request(epoch(), &over(transport, reinvite));
        match action.event {
            Some(SessionEvent::Reoffered(agreed)) => Ok(agreed.srtp.unwrap()),
            _ => Err(action.response),
        }
    };
    assert_eq!(agreed(Transport::Tls, 11, 'A').unwrap().ours, first.ours);
    let rekeyed = agreed(Transport::Tls, 12, 'B').unwrap();
    assert!(rekeyed.ours != first.ours && rekeyed.theirs != first.theirs);
    let refused = agreed(Transport::Udp, 13, 'C').unwrap_err();
    assert_eq!(refused.status_code.code(), 488);
    assert_eq!(
        value::find(&refused.headers, "Warning"),
        Some("399 audioroad \"keys of encrypted audio are taken over TLS alone\"")
    );
}
