//! The phone's signalling against hand-written answers.

use std::time::Duration;

use super::*;
use crate::phone::sdp::Format;
use crate::sip::Transport;

struct Pair {
    phone: Signalling,
    now: Instant,
}

fn call() -> Pair {
    let parties = Parties {
        transport: Transport::Udp,
        sip: "127.0.0.1:5062".parse().unwrap(),
        from: "\"Ann\" <sip:+15550100@127.0.0.1>;tag=ann".to_owned(),
        to: "<sip:lobby@127.0.0.1:5060>".to_owned(),
        call_id: "c1@127.0.0.1".to_owned(),
        target: "sip:lobby@127.0.0.1:5060".to_owned(),
    };
    let local = Local {
        srtp: None,
        rtp: "127.0.0.1:4000".parse().unwrap(),
        session: 7,
        version: 1,
        formats: vec![Format::Pcmu],
        direction: Direction::SendRecv,
    };
    let habits = Habits {
        acknowledges: true,
        headers: Vec::new(),
        login: None,
    };
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    let now = Instant::now();
    Pair {
        phone: Signalling::start(now, parties, local, habits),
        now,
    }
}

const AUDIO: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 10000 RTP/AVP 0\r\n";

impl Pair {
    fn says(&mut self) -> Vec<String> {
        let mut said = Vec::new();
        while let Some(bytes) = self.phone.poll_transmit() {
            said.push(String::from_utf8(bytes.to_vec()).unwrap());
        }
        said
    }

    /// The start lines of what the phone sends.
    fn lines(&mut self) -> Vec<String> {
        self.says()
            .iter()
            .map(|said| said.lines().next().unwrap().to_owned())
            .collect()
    }

    fn answers(&mut self, status: &str, cseq: &str, body: &str) {
        let text = format!(
            "SIP/2.0 {status}\r\nVia: SIP/2.0/UDP 127.0.0.1:5062;branch=z9hG4bKx\r\n\
             From: <sip:a@b>;tag=ann\r\nTo: <sip:lobby@127.0.0.1:5060>;tag=far\r\n\
             Call-ID: c1@127.0.0.1\r\nCSeq: {cseq}\r\nContact: <sip:switch@127.0.0.1:5060>\r\n\
             Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.phone.handle_datagram(self.now, text.as_bytes());
    }

    fn asks(&mut self, method: &str, further: &str) {
        let text = format!(
            "{method} sip:phone@127.0.0.1:5062 SIP/2.0\r\n\
             Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKfar{method}\r\n\
             From: <sip:lobby@127.0.0.1>;tag=far\r\nTo: <sip:a@b>;tag=ann\r\n\
             Call-ID: c1@127.0.0.1\r\nCSeq: 1 {method}\r\n{further}Content-Length: 0\r\n\r\n"
        );
        self.phone.handle_datagram(self.now, text.as_bytes());
    }

    fn answered(mut self) -> Self {
        self.says();
        self.answers("200 OK", "1 INVITE", AUDIO);
        self.says();
        self
    }

    fn wait(&mut self, pause: Duration) {
        self.now += pause;
        self.phone.handle_timeout(self.now);
    }
}

#[test]
fn a_call_goes_up_and_down() {
    let mut pair = call();
    assert_eq!(pair.lines(), ["INVITE sip:lobby@127.0.0.1:5060 SIP/2.0"]);
    pair.answers("180 Ringing", "1 INVITE", "");
    assert_eq!(*pair.phone.stage(), Stage::Ringing);
    pair.answers("200 OK", "1 INVITE", AUDIO);
    assert_eq!(*pair.phone.stage(), Stage::Up);
    assert_eq!(
        pair.phone.remote().unwrap().rtp,
        "127.0.0.1:10000".parse().unwrap()
    );
    let ack = pair.says().remove(0);
    assert!(
        ack.starts_with("ACK sip:switch@127.0.0.1:5060 SIP/2.0\r\n"),
        "{ack}"
    );
    assert!(
        ack.contains("To: <sip:lobby@127.0.0.1:5060>;tag=far\r\n"),
        "{ack}"
    );

    pair.answers("200 OK", "1 INVITE", AUDIO);
    assert_eq!(
        pair.says(),
        [ack],
        "a copy of the answer gets a copy of the ACK"
    );

    pair.phone.hang_up(pair.now);
    assert_eq!(pair.lines(), ["BYE sip:switch@127.0.0.1:5060 SIP/2.0"]);
    assert_eq!(*pair.phone.stage(), Stage::Leaving);
    pair.answers("200 OK", "2 BYE", "");
    assert_eq!(*pair.phone.stage(), Stage::Ended(End::HungUp));
    assert_eq!(pair.phone.poll_timeout(), None);
}

#[test]
fn an_unanswered_invite_is_sent_seven_times_in_32_seconds() {
    let mut pair = call();
    let mut sent = pair.says().len();
    while let Some(due) = pair.phone.poll_timeout() {
        pair.wait(due - pair.now);
        sent += pair.says().len();
    }
    assert_eq!(
        (sent, pair.phone.stage()),
        (7, &Stage::Ended(End::NoAnswer))
    );
}

#[test]
fn giving_up_waits_for_the_first_sign_of_life() {
    let mut pair = call();
    pair.says();
    pair.phone.hang_up(pair.now);
    assert!(
        pair.says().is_empty(),
        "RFC 3261 section 9.1: no CANCEL before a provisional answer"
    );
    pair.answers("100 Trying", "1 INVITE", "");
    assert_eq!(pair.lines(), ["CANCEL sip:lobby@127.0.0.1:5060 SIP/2.0"]);
    pair.answers("200 OK", "1 CANCEL", "");
    pair.answers("487 Request Terminated", "1 INVITE", "");
    assert_eq!(pair.lines(), ["ACK sip:lobby@127.0.0.1:5060 SIP/2.0"]);
    assert_eq!(*pair.phone.stage(), Stage::Ended(End::Cancelled));
}

#[test]
fn an_answer_that_crosses_the_cancel_is_hung_up() {
    let mut pair = call();
    pair.phone.hang_up(pair.now);
    pair.says();
    pair.answers("200 OK", "1 INVITE", AUDIO);
    let lines = pair.lines();
    assert!(
        lines[0].starts_with("ACK ") && lines[1].starts_with("BYE "),
        "{lines:?}"
    );
}

#[test]
fn a_refusal_is_acknowledged_and_ends_the_call() {
    let mut pair = call();
    pair.says();
    pair.answers("486 Busy Here", "1 INVITE", "");
    assert_eq!(pair.lines(), ["ACK sip:lobby@127.0.0.1:5060 SIP/2.0"]);
    assert_eq!(
        *pair.phone.stage(),
        Stage::Ended(End::Refused { status: 486 })
    );
}

#[test]
fn the_far_end_hangs_up_and_says_why() {
    let mut pair = call().answered();
    pair.asks("BYE", "Reason: Q.850;cause=16\r\n");
    assert_eq!(pair.lines(), ["SIP/2.0 200 OK"]);
    let reason = Some("Q.850;cause=16".to_owned());
    assert_eq!(
        *pair.phone.stage(),
        Stage::Ended(End::FarEndHungUp { reason })
    );
}

#[test]
fn hold_is_offered_and_its_outcome_told() {
    let mut pair = call().answered();
    assert!(pair.phone.offer(pair.now, Direction::SendOnly));
    assert!(
        !pair.phone.offer(pair.now, Direction::SendRecv),
        "one offer at a time"
    );
    let invite = pair.says().remove(0);
    assert!(
        invite.starts_with("INVITE sip:switch@") && invite.contains("a=sendonly\r\n"),
        "{invite}"
    );
    pair.answers("200 OK", "2 INVITE", &format!("{AUDIO}a=recvonly\r\n"));
    assert_eq!(pair.phone.poll_outcome(), Some(Ok(Direction::RecvOnly)));
    pair.phone.offer(pair.now, Direction::SendRecv);
    pair.answers("491 Request Pending", "3 INVITE", "");
    assert_eq!(pair.phone.poll_outcome(), Some(Err(491)));
    assert_eq!(*pair.phone.stage(), Stage::Up);
}

#[test]
fn other_calls_and_noise_are_ignored() {
    let mut pair = call();
    pair.says();
    for noise in ["", "\r\n\r\n", "SIP/2.0 200 OK\r\n\r\n", "INVITE x"] {
        pair.phone.handle_datagram(pair.now, noise.as_bytes());
    }
    pair.answers("200 OK", "9 INVITE", AUDIO);
    assert_eq!(
        (pair.says().len(), pair.phone.stage()),
        (0, &Stage::Calling)
    );
}
