//! Whoever is not known: what strangers may learn, and that nothing they send makes the switch call anybody.

use std::net::Ipv4Addr;
use std::time::Duration;

use audioroad::sip::digest::{Login, answer};

use crate::line::{By, Line, Message, SDP};
use crate::switch::{Switch, eventually};

const KNOWN: &str = "[[trunk]]\nname = \"known\"\nprofile = \"pbx\"\nallow = \"127.0.0.1\"\n";
const ANYWHERE: &str = "[[trunk]]\nname = \"home\"\nprofile = \"pbx\"\nallow = \"any\"\nuser = \"studio\"\n\
    password = \"a-password-for-tests\"\n";
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// Guesses that bring a ban.
const GUESSES: usize = 5;

/// An INVITE with credentials for the challenge in `asked`.
fn guess(line: &mut Line, asked: &Message, password: &str, cseq: u32) -> String {
    let login = Login {
        user: "studio".to_owned(),
        password: password.to_owned(),
    };
    let challenge = asked.header("WWW-Authenticate").unwrap();
    let challenges = challenge
        .split(", Digest ")
        .map(|one| match one.strip_prefix("Digest ") {
            Some(_) => one.to_owned(),
            None => format!("Digest {one}"),
        });
    let challenges: Vec<String> = challenges.collect();
    let uri = format!("sip:lobby@{}", line.target);
    let credentials = answer(
        &login,
        "INVITE",
        &uri,
        challenges.iter().map(String::as_str),
        "c",
    );
    let call = line.name();
    let header = format!("Authorization: {}\r\n", credentials.unwrap());
    line.request(("INVITE", cseq), (&call, ""), &header, SDP)
}

fn acknowledged(line: &mut Line, request: &str, answer: &Message) {
    let ack = request
        .replace("INVITE sip", "ACK sip")
        .replace(" INVITE\r\n", " ACK\r\n");
    let ack = ack.split("Content-Type").next().unwrap().to_owned() + "Content-Length: 0\r\n\r\n";
    assert!(answer.status() >= 300);
    line.send(ack.as_bytes());
}

#[test]
fn a_stranger_learns_nothing_and_five_guesses_are_the_last() {
    let switch = Switch::start_with_file(&format!("{KNOWN}{ANYWHERE}"), &[]);
    switch.go_live();
    let mut known = Line::new(By::Udp, Ipv4Addr::LOCALHOST.into(), switch.sip());
    let (live, _) = known.call("", SDP);
    let mut line = Line::new(By::Udp, STRANGER.into(), switch.sip());
    let asks = |line: &mut Line| {
        let call = line.name();
        line.request(("INVITE", 1), (&call, ""), "", SDP)
    };
    for headers in [
        "",
        "Require: x\r\n",
        "Accept: text/html\r\n",
        "Content-Encoding: gzip\r\n",
    ] {
        let call = line.name();
        let invite = line.request(("INVITE", 1), (&call, ""), headers, SDP);
        let told = line.final_of(&invite);
        let head = told.0.to_ascii_lowercase();
        assert!(
            !head.contains("audioroad") && !head.contains("server:"),
            "{}",
            told.0
        );
        acknowledged(&mut line, &invite, &told);
    }
    for _ in 0..GUESSES {
        let invite = asks(&mut line);
        let asked = line.final_of(&invite);
        assert_eq!(asked.status(), 401);
        acknowledged(&mut line, &invite, &asked);
        let wrong = guess(&mut line, &asked, "1234", 2);
        let told = line.final_of(&wrong);
        assert_eq!(told.status(), 401, "{}", told.0);
        acknowledged(&mut line, &wrong, &told);
    }
    switch.said("banned for wrong logins");
    let late = asks(&mut line);
    line.send(late.as_bytes());
    // The known trunk's calls go on: one that is up, and a new one.
    known.a_call_works();
    let heard = line.next(Duration::from_millis(200));
    assert_eq!(heard, Ok(None), "nothing of a banned source is read");
    assert_eq!(known.hang_up(live).status(), 200);
}

/// What the switch counts as sent.
fn sent(switch: &Switch) -> u64 {
    let metrics = switch.metrics();
    let line = metrics
        .lines()
        .find(|line| line.starts_with("audioroad_sip_messages_total{direction=\"out\"}"));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok())
        .unwrap_or(0)
}

#[test]
fn nothing_that_anybody_sends_makes_the_switch_call_anybody() {
    let switch = Switch::start_with_file(&format!("{KNOWN}{ANYWHERE}"), &[]);
    switch.go_live();
    let mut stranger = Line::new(By::Udp, STRANGER.into(), switch.sip());
    let mut known = Line::new(By::Udp, Ipv4Addr::LOCALHOST.into(), switch.sip());
    let numbers = [
        "+19005550100",
        "9011442075550100",
        "00442075550100",
        "011881600555",
        "*72",
        "sip%3aa%40198.51.100.9",
    ];
    let mut came: Vec<Message> = Vec::new();
    let mut dial = |line: &mut Line, method: &str, number: &str, headers: &str| {
        let call = line.name();
        let request = line.request((method, 1), (&call, ""), headers, SDP);
        let aimed = request.replacen("sip:lobby@", &format!("sip:{number}@"), 1);
        line.send(aimed.as_bytes());
        let answer = line.until(&aimed, |message| {
            assert_eq!(message.0.get(..8), Some("SIP/2.0 "), "{}", message.0);
            came.push(message.clone());
            message.status() >= 200
        });
        if answer.status() == 200 && method == "INVITE" {
            // A call in, to whoever has the show: it is ended as any other.
            let dialog = crate::line::Dialog {
                call,
                to: answer.header("To").unwrap(),
                cseq: 1,
            };
            line.acknowledge(&dialog, "");
            came.push(line.hang_up(dialog));
        }
        answer.status()
    };
    for number in numbers {
        assert_eq!(dial(&mut stranger, "INVITE", number, ""), 401, "{number}");
        let elsewhere =
            "Route: <sip:198.51.100.9;lr>\r\nDiversion: <sip:+19005550100@198.51.100.9>\r\n";
        assert_eq!(
            dial(&mut known, "INVITE", number, elsewhere),
            200,
            "{number}"
        );
        let refer = "Refer-To: <sip:+19005550100@198.51.100.9>\r\nReferred-By: <sip:a@b>\r\n";
        assert_eq!(dial(&mut known, "REFER", number, refer), 405, "{number}");
    }
    // Whatever left the switch came back here: answers, and refusals again until they were acknowledged.
    let settled = eventually("all that was sent has come", || {
        for line in [&mut stranger, &mut known] {
            while let Ok(Some(message)) = line.next(Duration::from_millis(20)) {
                assert!(message.0.starts_with("SIP/2.0 "), "{}", message.0);
                came.push(message);
            }
        }
        let (left, came) = (sent(&switch), came.len() as u64);
        if left == came {
            Ok(left)
        } else {
            Err(format!("{left} left, {came} came"))
        }
    });
    assert!(settled > 0);
}
