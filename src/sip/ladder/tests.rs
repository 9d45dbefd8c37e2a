//! Calls as the wire brings them, and what their ladders keep.

use bytes::Bytes;

use super::*;
use crate::sip::FlowId;

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\n";

#[expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]
fn epoch() -> Instant {
    Instant::now()
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn from(peer: &str, transport: Transport) -> Source {
    Source {
        flow: FlowId(0),
        transport,
        local: address("203.0.113.9:5060"),
        from: address(peer),
    }
}

fn carrier() -> Source {
    from("192.0.2.10:5060", Transport::Udp)
}

fn out(text: &str) -> Transmit {
    Transmit {
        flow: FlowId(0),
        to: address("192.0.2.10:5060"),
        transport: Transport::Udp,
        bytes: Bytes::copy_from_slice(text.as_bytes()),
    }
}

fn ours() -> SocketAddr {
    address("203.0.113.9:5060")
}

fn request(method: &str, call: &str, cseq: u32, tag: &str, further: &str) -> String {
    format!(
        "{method} sip:lobby@203.0.113.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK{method}{cseq}\r\n\
         From: <sip:+15550100200@192.0.2.10>;tag=a\r\nTo: <sip:lobby@203.0.113.9>{tag}\r\nCall-ID: {call}\r\n\
         CSeq: {cseq} {method}\r\n{further}Content-Length: 0\r\n\r\n"
    )
}

fn answer(status: &str, method: &str, call: &str, cseq: u32) -> String {
    format!(
        "SIP/2.0 {status}\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK{method}{cseq}\r\nFrom: <sip:+15550100200@192.0.2.10>;tag=a\r\n\
         To: <sip:lobby@203.0.113.9>;tag=b\r\nCall-ID: {call}\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n"
    )
}

fn summaries(ladder: &Ladder) -> Vec<String> {
    let step = |rung: &Rung| match &rung.step {
        Step::Message(message) => format!("{:?} {}", message.way, message.summary),
        Step::Note(note) => format!("* {note}"),
    };
    ladder.rungs.iter().map(step).collect()
}

/// A call from INVITE to BYE, its INVITE and its 200 each lost once.
fn whole_call(ladders: &mut Ladders, start: Instant) -> u64 {
    let invite = format!(
        "{}{SDP}",
        request(
            "INVITE",
            "7@z",
            1,
            "",
            "Authorization: Digest response=\"r0\"\r\nContent-Type: application/sdp\r\n"
        )
    );
    ladders.received(start, &carrier(), invite.as_bytes(), true);
    ladders.sent(
        start,
        &out(&answer("100 Trying", "INVITE", "7@z", 1)),
        None,
        ours,
    );
    ladders.received(start + ms(500), &carrier(), invite.as_bytes(), true);
    ladders.accepted("7@z", "studio");
    ladders.tie("7@z", 42);
    for at in [510, 1010, 2010] {
        ladders.sent(
            start + ms(at),
            &out(&answer("200 OK", "INVITE", "7@z", 1)),
            None,
            ours,
        );
    }
    let ack = request("ACK", "7@z", 1, ";tag=b", "");
    ladders.received(start + ms(2020), &carrier(), ack.as_bytes(), true);
    let bye = request("BYE", "7@z", 2, ";tag=b", "");
    ladders.received(start + ms(9000), &carrier(), bye.as_bytes(), true);
    ladders.sent(
        start + ms(9001),
        &out(&answer("200 OK", "BYE", "7@z", 2)),
        None,
        ours,
    );
    ladders.ended(start + ms(9002), 42, "caller-hung-up");
    ladders.of_call(42).unwrap().number
}

#[test]
fn a_call_is_kept_from_its_invite_to_its_bye() {
    let (mut ladders, start) = (Ladders::new(10), epoch());
    let number = whole_call(&mut ladders, start);
    let ladder = ladders.get(number).unwrap();
    assert_eq!(
        summaries(ladder),
        [
            "In INVITE (SDP)",
            "Out 100 Trying to INVITE",
            "Out 200 OK to INVITE",
            "In ACK",
            "In BYE",
            "Out 200 OK to BYE",
        ]
    );
    let repeats: Vec<_> = ladder
        .rungs
        .iter()
        .map(|rung| (rung.repeats, rung.again.clone()))
        .collect();
    assert_eq!(repeats[0], (1, vec![ms(500)]));
    assert_eq!(repeats[2], (2, vec![ms(1010), ms(2010)]));
    assert_eq!(
        (
            ladder.status,
            ladder.over,
            ladder.cause.as_deref(),
            ladder.trunk.as_deref()
        ),
        (Some(200), true, Some("caller-hung-up"), Some("studio"))
    );
    assert!(!ladder.draw(0, None, false).contains("r0"));
}

#[test]
fn the_drawing_reads_like_the_wire() {
    let (mut ladders, start) = (Ladders::new(10), epoch());
    let number = whole_call(&mut ladders, start);
    ladders.noted(start + ms(9003), "7@z", "a timer ran out".to_owned());
    let text = ladders
        .get(number)
        .unwrap()
        .draw(1_790_000_000_000, Some("01J"), true);
    let head = text.split("\n--- 1").next().unwrap();
    assert_eq!(
        head,
        "\
Call-ID   7@z
Call      01J
Trunk     studio
From      <sip:+15*******00@192.0.2.10>;tag=a
To        <sip:lobby@203.0.113.9>
Began     2026-09-21T14:13:20.000Z
Ended     caller-hung-up (SIP 200)

 seconds  192.0.2.10:5060 UDP                          switch 203.0.113.9:5060
   0.000  |- 1 INVITE (SDP) ----------------------------------------------->|
   0.000  |<--------------------------------------- 2 100 Trying to INVITE -|
   0.500  |- 1 INVITE (SDP) [repeat 1] ------------------------------------>|
   0.510  |<------------------------------------------- 3 200 OK to INVITE -|
   1.010  |<-------------------------------- 3 200 OK to INVITE [repeat 1] -|
   2.010  |<-------------------------------- 3 200 OK to INVITE [repeat 2] -|
   2.020  |- 4 ACK -------------------------------------------------------->|
   9.000  |- 5 BYE -------------------------------------------------------->|
   9.001  |<---------------------------------------------- 6 200 OK to BYE -|
   9.003  | * a timer ran out                                                |
"
    );
    assert!(
        text.contains("INVITE sip:lobby@203.0.113.9 SIP/2.0\nVia:") && !text.contains("5550100200")
    );
    let open = ladders.get(number).unwrap().draw(0, None, false);
    assert!(
        open.contains("+15550100200"),
        "who may see numbers sees them"
    );
}

#[test]
fn a_refusal_is_over_and_a_second_try_goes_on() {
    let (mut ladders, start) = (Ladders::new(10), epoch());
    let first = request("INVITE", "7@z", 1, "", "");
    ladders.received(start, &carrier(), first.as_bytes(), true);
    ladders.refused(start, "7@z", "studio", "login");
    ladders.sent(
        start,
        &out(&answer("401 Unauthorized", "INVITE", "7@z", 1)),
        None,
        ours,
    );
    let ladder = ladders.recent().next().unwrap();
    assert_eq!(
        (ladder.over, ladder.status, ladder.cause.as_deref()),
        (true, Some(401), Some("login"))
    );
    let second = request("INVITE", "7@z", 2, "", "Authorization: Digest x=\"y\"\r\n");
    ladders.received(start + ms(10), &carrier(), second.as_bytes(), true);
    assert!(!ladders.recent().next().unwrap().over);
    ladders.sent(
        start + ms(11),
        &out(&answer("200 OK", "INVITE", "7@z", 2)),
        None,
        ours,
    );
    let refused = answer("488 Not Acceptable Here", "INVITE", "7@z", 3);
    ladders.sent(start + ms(12), &out(&refused), None, ours);
    let ladder = ladders.recent().next().unwrap();
    assert_eq!(
        (ladder.over, ladder.status),
        (false, Some(200)),
        "a refused re-INVITE ends nothing"
    );
    assert_eq!(ladders.recent().count(), 1);
}

#[test]
fn strangers_begin_no_ladder_before_their_call_is_accepted() {
    let (mut ladders, start) = (Ladders::new(10), epoch());
    let stranger = from("198.51.100.66:5060", Transport::Udp);
    for call in ["1", "2", "3"] {
        let invite = request("INVITE", call, 1, "", "");
        ladders.received(start, &stranger, invite.as_bytes(), false);
        ladders.refused(start, call, "home", "login");
    }
    assert_eq!(ladders.recent().count(), 0);
    ladders.accepted("2", "home");
    assert_eq!(
        ladders.recent().count(),
        0,
        "another INVITE came after this one"
    );
    let invite = request("INVITE", "4", 1, "", "");
    ladders.received(start, &stranger, invite.as_bytes(), false);
    ladders.accepted("4", "home");
    assert_eq!(summaries(ladders.recent().next().unwrap()), ["In INVITE"]);
    let elsewhere = from("198.51.100.67:5060", Transport::Udp);
    ladders.received(
        start,
        &elsewhere,
        request("ACK", "4", 1, "", "").as_bytes(),
        false,
    );
    assert_eq!(
        ladders.recent().next().unwrap().rungs.len(),
        1,
        "another stranger's"
    );
}

#[test]
fn calls_that_we_place_have_ladders_too() {
    let (mut ladders, start) = (Ladders::new(10), epoch());
    ladders.sent(
        start,
        &out(&request("INVITE", "out", 1, "", "")),
        None,
        ours,
    );
    ladders.received(
        start,
        &carrier(),
        answer("180 Ringing", "INVITE", "out", 1).as_bytes(),
        true,
    );
    let ladder = ladders.recent().next().unwrap();
    assert!(ladder.placed);
    assert_eq!(
        summaries(ladder),
        ["Out INVITE", "In 180 Ringing to INVITE"]
    );
}

#[test]
fn a_call_that_is_sent_away_says_why() {
    let (mut ladders, start) = (Ladders::new(10), epoch());
    let invite = request("INVITE", "7@z", 1, "", "");
    ladders.received(start, &carrier(), invite.as_bytes(), true);
    let away = answer("503 Service Unavailable", "INVITE", "7@z", 1);
    ladders.sent(start, &out(&away), Some("draining"), ours);
    let ladder = ladders.recent().next().unwrap();
    assert_eq!(
        (ladder.over, ladder.cause.as_deref()),
        (true, Some("draining"))
    );
}

#[test]
fn other_requests_begin_nothing() {
    let (mut ladders, start) = (Ladders::new(10), epoch());
    for method in ["OPTIONS", "REGISTER", "BYE", "CANCEL"] {
        ladders.received(
            start,
            &carrier(),
            request(method, "x", 1, "", "").as_bytes(),
            true,
        );
    }
    let in_dialog = request("INVITE", "x", 1, ";tag=b", "");
    ladders.received(start, &carrier(), in_dialog.as_bytes(), true);
    ladders.received(start, &carrier(), b"\r\n\r\n", true);
    ladders.sent(
        start,
        &out(&answer("200 OK", "OPTIONS", "x", 1)),
        None,
        ours,
    );
    assert_eq!(ladders.recent().count(), 0);
}

#[test]
fn memory_is_bounded() {
    let (mut ladders, start) = (Ladders::new(5), epoch());
    let big = format!("X: {}\r\n", "y".repeat(30_000));
    for call in 0..3_000_u32 {
        let invite = request(
            "INVITE",
            &call.to_string(),
            1,
            "",
            if call % 2 == 0 { &big } else { "" },
        );
        ladders.received(start, &carrier(), invite.as_bytes(), true);
        ladders.tie(&call.to_string(), call.into());
        if call % 3 == 0 {
            ladders.ended(start, call.into(), "x");
        }
    }
    assert!(ladders.octets <= BYTES_MAX && ladders.recent().count() <= LIVE_MAX + 5);
    let held: usize = ladders.ladders.values().map(|ladder| ladder.octets).sum();
    assert_eq!(ladders.octets, held);
    assert_eq!(ladders.by_call.len(), ladders.ladders.len());
    assert_eq!(ladders.by_call_id.len(), ladders.ladders.len());
    assert!(ladders.over.len() <= 5);
    for cseq in 2..1_000 {
        let info = request("INFO", "2999", cseq, ";tag=b", &big);
        ladders.received(start, &carrier(), info.as_bytes(), true);
    }
    let ladder = ladders.of_call(2_999).unwrap();
    assert!(ladder.rungs.len() <= RUNGS_MAX && ladder.octets <= LADDER_BYTES_MAX + 20_000);
    assert_eq!(ladder.rungs.len() + ladder.left_out as usize, 999);
    assert_eq!(summaries(ladder)[0], "In INVITE", "the beginning stays");
}

#[test]
fn the_capture_holds_every_packet_with_right_checksums() {
    let (mut ladders, start) = (Ladders::new(10), epoch());
    let number = whole_call(&mut ladders, start);
    let file = ladders.get(number).unwrap().pcap(1_790_000_000_000, true);
    assert_eq!(&file[..4], &[0xD4, 0xC3, 0xB2, 0xA1]);
    let mut rest = &file[24..];
    let mut packets = 0;
    while !rest.is_empty() {
        let len = u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        let packet = &rest[16..16 + len];
        assert_eq!(packet[0], 0x45);
        assert_eq!(words_sum(&packet[..20]), 0xFFFF, "of the IP header");
        let mut pseudo = packet[12..20].to_vec();
        pseudo.extend([0, packet[9]]);
        pseudo.extend(u16::try_from(len - 20).unwrap().to_be_bytes());
        pseudo.extend(&packet[20..]);
        assert_eq!(words_sum(&pseudo), 0xFFFF, "of the datagram");
        assert!(!packet.windows(7).any(|octets| octets == b"0100200"));
        rest = &rest[16 + len..];
        packets += 1;
    }
    assert_eq!(packets, 9);
}

fn words_sum(octets: &[u8]) -> u32 {
    let words = octets
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let mut sum: u32 = words.sum();
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    sum
}
