//! What comes from outside decides neither what we write nor how long we work: injected lines, inputs made to be slow, bombs.

#![expect(clippy::unwrap_used, reason = "a test says by a panic what went wrong")]

#[path = "fuzz/bodies/answering.rs"]
#[expect(dead_code, reason = "the other half of it is for tests/fuzz")]
mod answering;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use answering::{Answering, TCP, UDP, is_well_formed, local, peer};
use audioroad::actors::clock;
use audioroad::sip::digest::{Login, answer};
use audioroad::sip::sdp::{Codec, LocalMedia, LocalSrtp, negotiate};
use audioroad::sip::{
    CallSrtp, Endpoint, EndpointConfig, EndpointEvent, Framer, Framing, HangUp, InviteSession,
    Limits, MediaAddress, Reason, Timings, parse,
};
use nix::time::{ClockId, clock_gettime};
use proptest::prelude::*;

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 101\r\n\
                   a=rtpmap:101 telephone-event/8000\r\n";

/// An INVITE with further headers.
fn invite(headers: &str, body: &str) -> String {
    format!(
        "INVITE sip:lobby@203.0.113.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKa\r\n\
         From: <sip:a@192.0.2.10>;tag=f\r\nTo: <sip:lobby@203.0.113.9>\r\nCall-ID: call\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:a@192.0.2.10>\r\nMax-Forwards: 70\r\n{headers}Content-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Text that would like to be two lines.
fn torn() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\r\nX-Evil: 1\r\n"),
        Just("\nX-Evil: 1"),
        Just("\rX-Evil: 1"),
        Just("\r\n X-Evil: 1"),
        Just("\r\n\r\nX-Evil: 1"),
        Just("%0d%0aX-Evil: 1"),
        Just("\u{0}"),
        Just("\""),
        Just("\\"),
        Just("<sip:a@b>"),
        Just(";tag=x"),
        Just(","),
        Just("é\u{2028}"),
        Just("plain"),
    ];
    prop::collection::vec(piece, 1..6).prop_map(|pieces| pieces.concat())
}

fn is_ours_alone(bytes: &[u8]) {
    is_well_formed(bytes);
    let text = String::from_utf8_lossy(bytes);
    for line in text.split(['\r', '\n']) {
        assert!(!line.starts_with("X-Evil"), "{text}");
        assert!(!line.starts_with("a=evil"), "{text}");
    }
}

fn config(user_agent: &str) -> EndpointConfig {
    EndpointConfig {
        host_v4: None,
        host_v6: None,
        udp_port: 5060,
        tcp_port: 5060,
        tls_port: 5061,
        user_agent: user_agent.to_owned(),
        secret: [7; 32],
        timings: Timings::default(),
        limits: Limits::default(),
    }
}

/// A call that waits for its answer.
fn ringing(endpoint: &mut Endpoint) -> (audioroad::sip::TxnKey, InviteSession) {
    let text = invite("", SDP);
    endpoint.handle_datagram(clock::now(), UDP, local(), peer(), text.as_bytes());
    let Some(EndpointEvent::Invited { txn, request }) = endpoint.poll_event() else {
        panic!("a call comes in");
    };
    (txn, InviteSession::new(request).unwrap())
}

fn all_ours_alone(endpoint: &mut Endpoint) {
    while let Some(transmit) = endpoint.poll_transmit() {
        is_ours_alone(&transmit.bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(600) })]

    #[test]
    fn no_header_of_theirs_adds_a_line_to_our_answers(text in torn(), which in 0..12_usize) {
        let names = [
            "From: \"X\" ", "Record-Route: ", "Require: ", "Subject: ", "Supported: ", "Accept: ", "P-Asserted-Identity: ",
            "Via: SIP/2.0/UDP 192.0.2.11;x=", "Session-Expires: ", "Contact: ", "Timestamp: ", "Proxy-Require: ",
        ];
        let header = format!("{}{text}\r\n", names[which]);
        let whole = match which {
            0 => invite("", SDP).replacen("From: ", &format!("From: \"{text}\" "), 1),
            9 => invite("", SDP).replacen("<sip:a@192.0.2.10>\r\nMax", &format!("<sip:{text}@192.0.2.10>\r\nMax"), 1),
            _ => invite(&header, SDP),
        };
        let now = clock::now();
        let mut switch = Answering::new(now);
        for flow in [UDP, TCP] {
            switch.hear(now, flow, whole.as_bytes()).iter().for_each(|sent| is_ours_alone(sent));
        }
        // The BYE goes to their Contact by their Record-Route.
        let tag = String::from_utf8_lossy(&switch.tag).into_owned();
        let ack = whole.replacen("INVITE sip", "ACK sip", 1).replacen("1 INVITE", "1 ACK", 1);
        let ack = ack.replacen("To: <sip:lobby@203.0.113.9>", &format!("To: <sip:lobby@203.0.113.9>;tag={tag}"), 1);
        switch.hear(now, UDP, ack.as_bytes()).iter().for_each(|sent| is_ours_alone(sent));
        switch.hang_up(now).iter().for_each(|sent| is_ours_alone(sent));
    }

    #[test]
    fn no_reason_or_header_of_a_refusal_adds_a_line(text in torn(), agent in torn()) {
        let mut endpoint = Endpoint::new(config(&agent));
        let (txn, mut session) = ringing(&mut endpoint);
        let extra = [("X-Call-Id", text.as_str()), (text.as_str(), "1"), ("Retry-After", text.as_str())];
        let refusal = session.reject(486, Some(&text), &extra).unwrap();
        endpoint.respond(clock::now(), txn, refusal);
        all_ours_alone(&mut endpoint);
    }

    #[test]
    fn no_reason_of_a_bye_adds_a_line(text in torn()) {
        let mut endpoint = Endpoint::new(config("audioroad"));
        let (txn, mut session) = ringing(&mut endpoint);
        let media = MediaAddress {
            addr: local().ip(),
            port: 10_000,
            session_id: 1,
            prefer: vec![Codec::Pcmu],
 srtp: CallSrtp::OFF,
        };
        let ok = session.answer(clock::now(), media, &[("X-Call-Id", &text)]).unwrap().response;
        endpoint.respond(clock::now(), txn, ok);
        session.handle_ack(b"");
        for reason in [Reason::q850(16, &text), Reason::sip(486, &text)] {
            let bye = match session.hang_up(reason.clone()) {
                HangUp::Bye(bye) => *bye,
                HangUp::AfterAck | HangUp::Unanswered | HangUp::Over => session.hang_up_again(&reason),
            };
            endpoint.request(clock::now(), session.peer(), bye);
        }
        all_ours_alone(&mut endpoint);
    }

    #[test]
    fn no_line_of_their_description_is_ours(text in torn()) {
        let text = text.replace("X-Evil: 1", "a=evil");
        let local = LocalMedia {
            addr: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 10_000,
            session_id: 1,
            version: 1,
            prefer: &[Codec::Pcmu, Codec::Pcma],
 srtp: LocalSrtp::OFF,
        };
        for offer in [
            SDP.replace("s=-", &format!("s={text}")),
            SDP.replace("t=0 0", &format!("t={text}")),
            format!("{SDP}m=video 5000 RTP/AVP {text}\r\n"),
            format!("{SDP}m={text} 5000 RTP/AVP 31\r\n"),
            format!("{SDP}m=image 5000 {text} t38\r\n"),
            format!("{SDP}a=fmtp:101 {text}\r\n"),
        ] {
            if let Ok((_, answer)) = negotiate(offer.as_bytes(), &local) {
                let answer = String::from_utf8(answer).unwrap();
                let torn = answer.replace("\r\n", "").contains(['\r', '\n']);
                prop_assert!(!torn && !answer.contains("\na=evil"), "{answer}");
            }
        }
    }

    #[test]
    fn no_challenge_adds_a_line_to_our_credentials(text in torn()) {
        let login = Login { user: "studio".to_owned(), password: "secret".to_owned() };
        // As the wire hands it on: with spaces for line breaks.
        let text = text.replace(['\r', '\n'], " ").replace('"', "");
        let challenge = format!("Digest realm=\"{text}\", nonce=\"{text}\", qop=\"auth\", algorithm=MD5, opaque=\"{text}\"");
        if let Some(credentials) = answer(&login, "INVITE", "sip:a@b", [challenge.as_str()].into_iter(), "c") {
            prop_assert!(!credentials.contains(['\r', '\n']), "{credentials}");
        }
    }
}

/// CPU time of this thread.
fn cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
        .unwrap()
        .into()
}

/// The least time that `work` takes of some tries: what the work itself needs, whatever the machine does besides.
fn least(tries: usize, mut work: impl FnMut()) -> Duration {
    let mut once = || {
        let before = cpu();
        for _ in 0..8 {
            work();
        }
        cpu() - before
    };
    (0..tries).map(|_| once()).min().unwrap()
}

/// Something to be read, made of so many octets of what is worst for the reader.
type Family = (&'static str, fn(usize) -> Vec<u8>, fn(&[u8]));

fn of(unit: &str, octets: usize) -> String {
    unit.repeat(octets / unit.len())
}

fn read(octets: &[u8]) {
    let _ = parse(octets, Framing::Datagram);
}

fn describe(octets: &[u8]) {
    let local = LocalMedia {
        addr: IpAddr::V4(Ipv4Addr::LOCALHOST),
        port: 10_000,
        session_id: 1,
        version: 1,
        prefer: &[Codec::Pcmu],
        srtp: LocalSrtp::OFF,
    };
    let _ = negotiate(octets, &local);
}

fn cut(octets: &[u8]) {
    let mut framer = Framer::new();
    for octet in octets {
        framer.push(&[*octet]);
        while let Ok(Some(_)) = framer.next_message() {}
    }
}

const FAMILIES: &[Family] = &[
    ("headers", |n| invite(&of("a:\r\n", n), "").into(), read),
    (
        "a header folded",
        |n| invite(&format!("Subject: {}", of("\r\n a", n) + "\r\n"), "").into(),
        read,
    ),
    (
        "a header of blanks",
        |n| invite(&format!("From:{}\r\n", " ".repeat(n)), "").into(),
        read,
    ),
    (
        "folded blanks",
        |n| invite(&format!("Contact: {}", of("\r\n    ", n) + "\r\n"), "").into(),
        read,
    ),
    (
        "Vias in one line",
        |n| {
            invite(
                &format!("Via: {}\r\n", of("SIP/2.0/UDP a;branch=b,", n)),
                "",
            )
            .into()
        },
        read,
    ),
    (
        "routes",
        |n| invite(&format!("Record-Route: {}\r\n", of("<sip:a;lr>,", n)), "").into(),
        read,
    ),
    (
        "commas",
        |n| invite(&format!("Route: {}\r\n", of(",", n)), "").into(),
        read,
    ),
    (
        "quotes",
        |n| invite(&format!("Contact: {}\r\n", of("\"", n)), "").into(),
        read,
    ),
    (
        "escapes in a quote",
        |n| invite(&format!("Contact: \"{}\r\n", of("\\\"", n)), "").into(),
        read,
    ),
    (
        "parameters",
        |n| invite(&format!("Contact: <sip:a@b>{}\r\n", of(";a=b", n)), "").into(),
        read,
    ),
    (
        "angles",
        |n| invite(&format!("Contact: {}\r\n", of("<", n)), "").into(),
        read,
    ),
    (
        "percent signs",
        |n| {
            invite("", "")
                .replacen("lobby", &of("%41", n / 16), 1)
                .into()
        },
        read,
    ),
    (
        "octets that are no UTF-8",
        |n| {
            let text = invite("", "");
            let at = text.find("Max-Forwards").unwrap();
            let (before, after) = text.as_bytes().split_at(at);
            [before, b"Subject: ", &vec![0xfc; n], b"\r\n", after].concat()
        },
        read,
    ),
    ("nothing but line breaks", |n| of("\r\n", n).into(), cut),
    (
        "an octet at a time",
        |n| invite(&format!("Subject: {}\r\n", "a".repeat(n)), SDP).into(),
        cut,
    ),
    ("almost an end", |n| of("\r\n\r", n).into(), cut),
    (
        "attributes",
        |n| format!("{SDP}{}", of("a=b\r\n", n)).into(),
        describe,
    ),
    (
        "formats",
        |n| SDP.replace(" 0 101", &of(" 96", n)).into(),
        describe,
    ),
    (
        "rtpmaps",
        |n| format!("{SDP}{}", of("a=rtpmap:96 a/8000\r\n", n)).into(),
        describe,
    ),
    (
        "media lines",
        |n| format!("{SDP}{}", of("m=video 0 RTP/AVP 31\r\n", n)).into(),
        describe,
    ),
];

/// Twice the input may take two and a half times as long: caches get colder. Quadratic work would take four times as long.
const GROWTH_MAX: f64 = 2.5 * 2.5;
const OCTETS: usize = 3_800;
/// Of one round; a machine that does not let us measure is asked again.
const ROUNDS: usize = 12;

#[test]
fn four_times_the_input_is_four_times_the_work() {
    println!(
        "{:28} {:>9} {:>9} {:>9} {:>7}",
        "", "1x us", "2x us", "4x us", "4x/1x"
    );
    for (name, make, work) in FAMILIES {
        let inputs = [1, 2, 4].map(|size| make(size * OCTETS));
        let mut best = [Duration::MAX; 3];
        let growth = |best: &[Duration; 3]| best[2].as_secs_f64() / best[0].as_secs_f64();
        for _ in 0..ROUNDS {
            for (best, input) in best.iter_mut().zip(&inputs) {
                *best = (*best).min(least(8, || work(input)));
            }
            if growth(&best) <= GROWTH_MAX {
                break;
            }
        }
        let us = best.map(|best| best.as_secs_f64() * 1e6 / 8.0);
        println!(
            "{name:28} {:9.1} {:9.1} {:9.1} {:7.2}",
            us[0],
            us[1],
            us[2],
            growth(&best)
        );
        // Below a few microseconds the clock is what is measured.
        assert!(
            growth(&best) <= GROWTH_MAX || us[2] < 5.0,
            "{name}: {us:?} us"
        );
    }
}

/// A description of many lines.
fn many(line: &str, count: usize) -> String {
    format!("{SDP}{}", line.repeat(count))
}

/// Multiparts within multiparts.
fn nested(depth: usize) -> String {
    let open: String = (0..depth)
        .map(|at| {
            format!(
                "--{at}\r\nContent-Type: multipart/mixed;boundary={}\r\n\r\n",
                at + 1
            )
        })
        .collect();
    let close: String = (0..depth).rev().map(|at| format!("--{at}--\r\n")).collect();
    open + &close
}

/// Their names, themselves, and the answers that they get.
fn bombs() -> Vec<(&'static str, String, &'static str)> {
    let multipart = |text: String| text.replace("application/sdp", "multipart/mixed;boundary=0");
    let lie = |length: &str| {
        invite("", SDP).replace(
            &format!("Length: {}", SDP.len()),
            &format!("Length: {length}"),
        )
    };
    vec![
        (
            "a header of 64 KB",
            invite(&format!("Subject: {}\r\n", "a".repeat(64_000)), ""),
            "513",
        ),
        (
            "20,000 headers",
            invite(&"a:\r\n".repeat(20_000), ""),
            "513",
        ),
        (
            "3,500 headers in 16 KiB",
            invite(&"a:\r\n".repeat(3_500), ""),
            "400",
        ),
        (
            "a body of 64 KB",
            invite("", &"a".repeat(64_500)),
            "100 488",
        ),
        ("a body of 1 MB", invite("", &"a".repeat(1 << 20)), "413"),
        (
            "10,000 m= lines",
            invite("", &many("m=audio 9 RTP/AVP 0\r\n", 10_000)),
            "413",
        ),
        (
            "2,500 m= lines",
            invite("", &many("m=audio 9 RTP/AVP 0\r\n", 2_500)),
            "100 488",
        ),
        (
            "10,000 candidates",
            invite(
                "",
                &many("a=candidate:1 1 UDP 1 192.0.2.1 9 typ host\r\n", 10_000),
            ),
            "413",
        ),
        (
            "multipart a hundred deep",
            multipart(invite("", &nested(100))),
            "415",
        ),
        ("Content-Length too large", lie("9999"), "400"),
        (
            "Content-Length that overflows",
            lie("99999999999999999999999"),
            "400",
        ),
        ("Content-Length below zero", lie("-1"), "400"),
    ]
}

#[test]
fn bombs_are_refused_at_once() {
    println!("{:32} {:>9} {:>9}  answer", "", "octets", "CPU ms");
    for (name, text, expected) in bombs() {
        let mut codes = String::new();
        let spent = least(3, || {
            let mut endpoint = Endpoint::new(config("audioroad"));
            endpoint.handle_datagram(clock::now(), UDP, local(), peer(), text.as_bytes());
            if let Some(EndpointEvent::Invited { txn, request }) = endpoint.poll_event() {
                let mut session = InviteSession::new(request).unwrap();
                let media = MediaAddress {
                    addr: local().ip(),
                    port: 10_000,
                    session_id: 1,
                    prefer: vec![Codec::Pcmu],
                    srtp: CallSrtp::OFF,
                };
                assert!(session.answer(clock::now(), media, &[]).is_err(), "{name}");
                endpoint.respond(clock::now(), txn, session.reject(488, None, &[]).unwrap());
            }
            let sent = std::iter::from_fn(|| endpoint.poll_transmit());
            let sent: Vec<String> = sent
                .map(|sent| String::from_utf8_lossy(&sent.bytes[8..11]).into_owned())
                .collect();
            codes = sent.join(" ");
        });
        let ms = spent.as_secs_f64() * 1e3 / 8.0;
        println!("{name:32} {:9} {ms:9.2}  {codes}", text.len());
        assert_eq!(codes, expected, "{name}");
        assert!(ms <= 5.0, "{name}: {ms} ms");
    }
}
