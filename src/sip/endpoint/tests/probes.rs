//! What the endpoint answers by itself.

use std::time::Duration;

use super::switch::*;
use crate::sip::sdp::Codec;
use crate::sip::*;

/// Status codes of what is sent in answer to `text`.
fn answers(switch: &mut Switch, text: &str) -> Vec<u16> {
    switch.datagram(epoch(), text);
    let codes = |sent: String| sent.split(' ').nth(1).unwrap().parse().unwrap();
    switch.sent().into_iter().map(codes).collect()
}

fn fresh() -> Switch {
    Switch::new(config())
}

#[test]
fn every_request_gets_the_answer_of_the_rfc() {
    let invite = request("INVITE", 1, 1, "a", "");
    let cases: Vec<(&str, String, &[u16])> = vec![
        ("INVITE", invite.clone(), &[100, 200]),
        ("OPTIONS", request("OPTIONS", 1, 1, "a", ""), &[200]),
        ("REGISTER", request("REGISTER", 1, 1, "a", ""), &[405]),
        ("MESSAGE", request("MESSAGE", 1, 1, "a", ""), &[405]),
        ("PRACK of nothing", request("PRACK", 1, 1, "a", "x"), &[481]),
        ("unknown method", request("DANCE", 1, 1, "a", ""), &[501]),
        (
            "lower case is unknown",
            request("invite", 1, 1, "a", ""),
            &[501],
        ),
        ("BYE without dialog", request("BYE", 1, 1, "a", "x"), &[481]),
        ("BYE without tag", request("BYE", 1, 1, "a", ""), &[481]),
        (
            "re-INVITE without dialog",
            request("INVITE", 1, 1, "a", "x"),
            &[481],
        ),
        (
            "CANCEL of nothing",
            request("CANCEL", 1, 1, "a", ""),
            &[481],
        ),
        ("ACK of nothing", request("ACK", 1, 1, "a", "x"), &[]),
        (
            "version",
            invite.replace("SIP/2.0\r\nVia", "SIP/7.0\r\nVia"),
            &[505],
        ),
        (
            "scheme",
            invite.replacen("sip:lobby", "mailto:lobby", 1),
            &[416],
        ),
        (
            "extension",
            invite.replace("Max-", "Require: 100rel, x\r\nMax-"),
            &[420],
        ),
        (
            "extensions that are known",
            invite.replace("Max-", "Require: 100rel, TIMER\r\nMax-"),
            &[100, 200],
        ),
        (
            "an extension with a method that is not spoken",
            request("REGISTER", 1, 1, "a", "").replace("Max-", "Require: path\r\nMax-"),
            &[405],
        ),
        (
            "no description wanted",
            invite.replace("Max-", "Accept: text/html\r\nMax-"),
            &[406],
        ),
        (
            "any description wanted",
            invite.replace("Max-", "Accept: text/html, application/*;q=0.1\r\nMax-"),
            &[100, 200],
        ),
        ("CSeq method", invite.replace("1 INVITE", "1 BYE"), &[400]),
        (
            "CSeq overflow",
            invite.replace("1 INVITE", "2147483648 INVITE"),
            &[400],
        ),
        ("no From", invite.replace("From", "Fram"), &[400]),
        ("no Call-ID", invite.replace("Call-ID", "X"), &[400]),
        ("no Via", invite.replace("Via", "X"), &[]),
        ("no Contact", invite.replace("Contact", "X"), &[100, 400]),
        (
            "body type",
            invite.replace("application/sdp", "text/plain"),
            &[415],
        ),
        (
            "body coding",
            invite.replace("Max-", "Content-Encoding: gzip\r\nMax-"),
            &[415],
        ),
        (
            "Max-Forwards of no number",
            invite.replace("70", "many"),
            &[400],
        ),
        (
            "Max-Forwards 0 ends here anyhow",
            invite.replace("Forwards: 70", "Forwards: 0"),
            &[100, 200],
        ),
        ("keep-alive", "\r\n\r\n".to_owned(), &[]),
        (
            "a response nobody waits for",
            "SIP/2.0 200 OK\r\n".to_owned() + invite.split_once("\r\n").unwrap().1,
            &[],
        ),
        (
            "a cookie that is no branch",
            request("OPTIONS", 1, 1, "", ""),
            &[200],
        ),
        ("noise", "\u{0}\u{1}hello".to_owned(), &[]),
    ];
    for (name, text, expected) in cases {
        assert_eq!(answers(&mut fresh(), &text), expected, "{name}");
    }
}

#[test]
fn what_a_refusal_must_say_it_says() {
    let said = |text: &str| {
        let mut switch = fresh();
        switch.datagram(epoch(), text);
        switch.sent().pop().unwrap()
    };
    let refused =
        said(&request("INVITE", 1, 1, "a", "").replace("Max-", "Require: 100rel, path\r\nMax-"));
    assert_eq!(field(&refused, "Unsupported"), Some("path"));
    assert!(field(&refused, "To").unwrap().contains(";tag="));
    let refused = said(&request("PUBLISH", 1, 1, "a", ""));
    assert_eq!(field(&refused, "Allow"), Some(ALLOW));
    let options = said(&request("OPTIONS", 1, 1, "a", ""));
    assert_eq!(field(&options, "Accept"), Some("application/sdp"));
    assert_eq!(field(&options, "Allow"), Some(ALLOW));
    assert_eq!(field(&options, "Supported"), Some(SUPPORTED));
    assert_eq!(field(&options, "Server"), Some("audioroad"));
}

#[test]
fn the_same_request_gets_the_same_tag_again_without_state() {
    let mut switch = fresh();
    let now = epoch();
    let options = request("OPTIONS", 1, 1, "a", "");
    switch.datagram(now, &options);
    switch.datagram(now, &options);
    let sent = switch.sent();
    assert_eq!(sent[0], sent[1]);
    assert_eq!(switch.endpoint.load(), Load::default());
}

#[test]
fn while_draining_new_calls_are_sent_away_and_old_ones_go_on() {
    let mut switch = fresh();
    let now = epoch();
    switch.datagram(now, &request("INVITE", 1, 1, "a", ""));
    let tag = field(&switch.sent()[1], "To")
        .unwrap()
        .split_once("tag=")
        .unwrap()
        .1
        .to_owned();
    switch.endpoint.set_draining(true);
    assert_eq!(
        answers(&mut switch, &request("INVITE", 2, 1, "b", "")),
        [503]
    );
    assert_eq!(
        answers(&mut switch, &request("OPTIONS", 3, 1, "c", "")),
        [503]
    );
    switch.datagram(now, &request("INVITE", 4, 1, "d", ""));
    let sent = switch.sent();
    let after = field(&sent[0], "Retry-After").unwrap().to_owned();
    switch.datagram(now, &request("INVITE", 4, 1, "d", ""));
    let again = switch.sent();
    assert_eq!(field(&again[0], "Retry-After"), Some(after.as_str()));
    let spread: std::collections::HashSet<u16> = (10..40)
        .map(|call| {
            switch.datagram(now, &request("INVITE", call, 1, "s", ""));
            let sent = switch.sent();
            field(&sent[0], "Retry-After").unwrap().parse().unwrap()
        })
        .collect();
    assert!(spread.len() > 5 && spread.iter().all(|after| (5..=15).contains(after)));
    assert_eq!(switch.endpoint.turned_away(), 33);
    assert_eq!(
        answers(&mut switch, &request("BYE", 1, 2, "e", &tag)),
        [200]
    );
    switch.endpoint.set_draining(false);
    assert_eq!(
        answers(&mut switch, &request("INVITE", 5, 1, "f", "")),
        [100, 200]
    );
}

#[test]
fn more_calls_a_second_than_the_budget_are_sent_away() {
    let mut config = config();
    config.limits.calls_per_second = 10;
    let mut switch = Switch::new(config);
    let now = epoch();
    let mut taken = |at, calls: std::ops::Range<u64>, discreet| {
        switch.endpoint.set_discreet(discreet);
        let answered = calls.filter(|call| {
            switch.datagram(at, &request("INVITE", *call, 1, &format!("p{call}"), ""));
            let sent = switch.sent();
            !sent.iter().any(|sent| sent.starts_with("SIP/2.0 503"))
        });
        answered.count()
    };
    let strangers = taken(now, 100..130, true);
    assert_eq!(strangers, 30, "the gate has a budget for them");
    assert_eq!(taken(now, 0..30, false), 10);
    assert_eq!(taken(now + Duration::from_millis(500), 30..60, false), 5);
    assert_eq!(taken(now + Duration::from_secs(10), 60..90, false), 10);
}

#[test]
fn more_calls_than_the_limit_are_sent_away() {
    let mut config = config();
    config.limits.ringing_max = 2;
    let mut switch = Switch::new(config);
    let ring =
        |call| request("INVITE", call, 1, &format!("b{call}"), "").replacen("lobby", "ring", 1);
    assert_eq!(answers(&mut switch, &ring(1)), [100, 180]);
    assert_eq!(answers(&mut switch, &ring(2)), [100, 180]);
    assert_eq!(answers(&mut switch, &ring(3)), [503]);
    assert_eq!(
        answers(&mut switch, &request("CANCEL", 1, 1, "b1", "")),
        [200, 487]
    );
    assert_eq!(answers(&mut switch, &ring(4)), [100, 180]);
}

#[test]
fn a_200_that_a_cancel_overtakes_is_a_487() {
    let mut endpoint = Endpoint::new(config());
    let hear = |endpoint: &mut Endpoint, text: &str| {
        endpoint.handle_datagram(epoch(), FLOW, local(), peer(), text.as_bytes());
    };
    hear(&mut endpoint, &request("INVITE", 1, 1, "a", ""));
    let Some(EndpointEvent::Invited {
        txn,
        request: invite,
    }) = endpoint.poll_event()
    else {
        panic!("a call comes in");
    };
    for _ in 0..2 {
        hear(&mut endpoint, &request("CANCEL", 1, 1, "a", ""));
    }
    assert!(
        matches!(endpoint.poll_event(), Some(EndpointEvent::Cancelled { txn: of, .. }) if of == txn)
    );
    assert!(
        endpoint.poll_event().is_none(),
        "a CANCEL that is repeated is told once"
    );
    let mut session = InviteSession::new(invite).unwrap();
    let media = MediaAddress {
        addr: local().ip(),
        port: 10_000,
        session_id: 1,
        prefer: vec![Codec::Pcmu],
        srtp: CallSrtp::OFF,
    };
    let ok = session.answer(epoch(), media, &[]).unwrap().response;
    endpoint.respond(epoch(), txn, ok);
    let sent: Vec<String> = std::iter::from_fn(|| endpoint.poll_transmit())
        .map(|transmit| String::from_utf8(transmit.bytes.to_vec()).unwrap())
        .collect();
    let last = sent.last().unwrap();
    assert!(last.starts_with("SIP/2.0 487 "), "{last}");
    assert!(
        last.contains("CSeq: 1 INVITE") && last.contains(";tag="),
        "{last}"
    );
    for gone in ["Contact", "Content-Type", "m=audio"] {
        assert!(!last.contains(gone), "{last}");
    }
}

#[test]
fn a_call_that_comes_by_two_ways_is_taken_once() {
    let mut switch = fresh();
    assert_eq!(
        answers(&mut switch, &request("INVITE", 1, 1, "a", "")),
        [100, 200]
    );
    assert_eq!(
        answers(&mut switch, &request("INVITE", 1, 1, "b", "")),
        [482]
    );
}

#[test]
fn what_a_call_leaves_unanswered_when_it_ends_gets_481() {
    let mut switch = fresh();
    switch.datagram(epoch(), &request("INVITE", 1, 1, "a", ""));
    let tag = field(&switch.sent()[1], "To")
        .unwrap()
        .split_once("tag=")
        .unwrap()
        .1
        .to_owned();
    let endpoint = &mut switch.endpoint;
    let mut hear = |method: &str, cseq, branch| {
        let text = request(method, 1, cseq, branch, &tag);
        endpoint.handle_datagram(epoch(), FLOW, local(), peer(), text.as_bytes());
        match endpoint.poll_event() {
            Some(EndpointEvent::InDialog { dialog, .. }) => dialog,
            other => panic!("{other:?}"),
        }
    };
    hear("INVITE", 2, "b");
    let dialog = hear("BYE", 3, "c");
    assert_eq!(switch.sent().len(), 1, "the 100 of the re-INVITE");
    switch.endpoint.forget_dialog(&dialog);
    let mut codes: Vec<String> = switch
        .sent()
        .iter()
        .map(|sent| format!("{} {}", &sent[8..11], field(sent, "CSeq").unwrap()))
        .collect();
    codes.sort();
    assert_eq!(codes, ["481 2 INVITE", "481 3 BYE"]);
    assert_eq!(
        answers(&mut switch, &request("BYE", 1, 3, "c", &tag)),
        [481]
    );
}

#[test]
fn strangers_who_are_refused_cost_no_memory_and_learn_nothing() {
    let mut config = config();
    config.limits.calls_per_second = 10;
    let mut endpoint = Endpoint::new(config);
    endpoint.set_discreet(true);
    for call in 0..5_000 {
        let text = request("INVITE", call, 1, &format!("s{call}"), "");
        endpoint.handle_datagram(epoch(), FLOW, local(), peer(), text.as_bytes());
        let Some(EndpointEvent::Invited { txn, request }) = endpoint.poll_event() else {
            panic!("a call comes in");
        };
        assert_eq!(endpoint.poll_transmit(), None, "no 100");
        let asked = [("WWW-Authenticate", "Digest realm=\"sip\", nonce=\"n\"")];
        let mut session = InviteSession::new(request).unwrap();
        let refusal = session.reject(401, None, &asked).unwrap();
        endpoint.refuse_and_forget(txn, refusal);
        let sent = text_of(&mut endpoint);
        assert!(
            sent.starts_with("SIP/2.0 401 ") && !sent.contains("audioroad"),
            "{sent}"
        );
        assert_eq!(field(&sent, "Server"), None);
    }
    let load = endpoint.load();
    assert_eq!((load.transactions, load.ringing), (0, 0));
    assert!(load.timers <= 1_100, "{load:?}");
    // Nor did they spend what those may who are known.
    endpoint.set_discreet(false);
    let known = request("INVITE", 6_000, 1, "known", "");
    endpoint.handle_datagram(epoch(), FLOW, local(), peer(), known.as_bytes());
    assert!(text_of(&mut endpoint).starts_with("SIP/2.0 100 "));
}

/// The one message that was sent.
fn text_of(endpoint: &mut Endpoint) -> String {
    let sent = super::switch::text(&endpoint.poll_transmit().unwrap());
    assert_eq!(endpoint.poll_transmit(), None);
    sent
}

#[test]
fn answers_go_to_where_the_request_came_from() {
    let mut switch = fresh();
    let from = "198.51.100.4:40001".parse().unwrap();
    let text = request("OPTIONS", 1, 1, "a", "").replace(";branch", ";rport;branch");
    switch
        .endpoint
        .handle_datagram(epoch(), FLOW, local(), from, text.as_bytes());
    let transmit = switch.endpoint.poll_transmit().unwrap();
    assert_eq!(
        (transmit.to, transmit.flow, transmit.transport),
        (from, FLOW, Transport::Udp)
    );
    let sent = super::switch::text(&transmit);
    assert!(
        field(&sent, "Via")
            .unwrap()
            .ends_with(";received=198.51.100.4;rport=40001")
    );
}

#[test]
fn streams_answer_pings_and_lose_what_waits_on_them() {
    let mut endpoint = Endpoint::new(config());
    let (now, flow) = (epoch(), FlowId(9));
    endpoint.handle_stream_message(now, flow, local(), peer(), b"\r\n\r\n");
    assert_eq!(endpoint.poll_transmit(), None, "not opened");
    endpoint.flow_opened(flow, Transport::Tcp);
    endpoint.handle_stream_message(now, flow, local(), peer(), b"\r\n\r\n");
    assert_eq!(&endpoint.poll_transmit().unwrap().bytes[..], b"\r\n");

    let invite = request("INVITE", 1, 1, "a", "").replace("/UDP", "/TCP");
    endpoint.handle_stream_message(now, flow, local(), peer(), invite.as_bytes());
    let Some(EndpointEvent::Invited { request, .. }) = endpoint.poll_event() else {
        panic!()
    };
    assert_eq!(
        request.local_contact,
        "<sip:203.0.113.9:5060;transport=tcp>"
    );
    let mut session = InviteSession::new(request).unwrap();
    let source = session.peer();
    let bye = session.hang_up_again(&Reason::q850(16, "over"));
    let txn = endpoint.request(now, source, bye.clone());
    endpoint.flow_closed(flow);
    assert_eq!(endpoint.poll_event(), Some(EndpointEvent::FlowLost { txn }));
    let txn = endpoint.request(now, source, bye);
    assert_eq!(endpoint.poll_event(), Some(EndpointEvent::FlowLost { txn }));
}

#[test]
fn contacts_follow_the_address_the_call_came_to() {
    let mut config = config();
    config.host_v4 = Some("sip.example.com".to_owned());
    let mut endpoint = Endpoint::new(config);
    let mut contact = |local: &str, call| {
        let text = request("INVITE", call, 1, &format!("c{call}"), "");
        let local = local.parse().unwrap();
        endpoint.handle_datagram(epoch(), FLOW, local, peer(), text.as_bytes());
        match endpoint.poll_event() {
            Some(EndpointEvent::Invited { request, .. }) => request.local_contact.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(contact("10.0.0.5:5060", 1), "<sip:sip.example.com:5060>");
    assert_eq!(contact("[2001:db8::5]:5060", 2), "<sip:[2001:db8::5]:5060>");
}
