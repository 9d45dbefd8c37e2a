//! Telephones that place many calls from one socket, keep them up and end them when they are told to. Their audio is the crowd's.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// T1 of RFC 3261: what was not answered is sent again.
const AGAIN: Duration = Duration::from_millis(500);
/// What was not answered by then never will be.
const PATIENCE: Duration = Duration::from_secs(10);
const MESSAGE_MAX: usize = 4096;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// A request that waits for its answer, and when it was sent last.
    Inviting(Instant, String),
    Up,
    Leaving(Instant, String),
    Over,
}

/// One call.
struct Call {
    began: Instant,
    step: Step,
    /// The `To` of the answer, tag included.
    to: String,
    media: Option<SocketAddr>,
    took: Option<Duration>,
}

/// All telephones.
pub(crate) struct Phones {
    socket: UdpSocket,
    local: SocketAddr,
    target: SocketAddr,
    calls: Vec<Call>,
    waiting: HashMap<usize, ()>,
    /// Requests that had to be sent again.
    pub(crate) again: usize,
    /// Calls that the far end ended.
    pub(crate) dropped: usize,
    /// Calls that were refused, with the first line of the last refusal.
    pub(crate) refused: usize,
    pub(crate) refusal: String,
}

impl Phones {
    pub(crate) fn new(target: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            local: socket.local_addr()?,
            socket,
            target,
            calls: Vec::new(),
            waiting: HashMap::new(),
            again: 0,
            dropped: 0,
            refused: 0,
            refusal: String::new(),
        })
    }

    /// Sends an INVITE whose audio is to go to `port`; gives the call's number.
    pub(crate) fn invite(&mut self, now: Instant, port: u16) -> io::Result<usize> {
        let number = self.calls.len();
        let body = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
        );
        let to = format!("<sip:lobby@{}>", self.target);
        let invite = self.request(("INVITE", 1), number, &to, &body);
        self.socket.send_to(invite.as_bytes(), self.target)?;
        self.calls.push(Call {
            began: now,
            step: Step::Inviting(now, invite),
            to,
            media: None,
            took: None,
        });
        self.waiting.insert(number, ());
        Ok(number)
    }

    /// Sends a BYE.
    pub(crate) fn hang_up(&mut self, now: Instant, number: usize) -> io::Result<()> {
        let Some(call) = self.calls.get(number).filter(|call| call.step == Step::Up) else {
            return Ok(());
        };
        let bye = self.request(("BYE", 2), number, &call.to, "");
        self.socket.send_to(bye.as_bytes(), self.target)?;
        if let Some(call) = self.calls.get_mut(number) {
            call.step = Step::Leaving(now, bye);
        }
        self.waiting.insert(number, ());
        Ok(())
    }

    /// Reads what has come, and says again what was not answered.
    pub(crate) fn poll(&mut self, now: Instant) -> io::Result<()> {
        let mut buffer = [0; MESSAGE_MAX];
        while let Ok((len, _)) = self.socket.recv_from(&mut buffer) {
            let text = String::from_utf8_lossy(buffer.get(..len).unwrap_or_default()).into_owned();
            self.hear(now, &text)?;
        }
        let mut given_up = Vec::new();
        for &number in self.waiting.keys() {
            let Some(call) = self.calls.get_mut(number) else {
                continue;
            };
            let (Step::Inviting(sent, request) | Step::Leaving(sent, request)) = &mut call.step
            else {
                continue;
            };
            if now.saturating_duration_since(call.began) > PATIENCE && call.took.is_none() {
                given_up.push(number);
            } else if now.saturating_duration_since(*sent) >= AGAIN {
                self.socket.send_to(request.as_bytes(), self.target)?;
                *sent = now;
                self.again += 1;
            }
        }
        for number in given_up {
            self.end(number);
            self.refused += 1;
            "no answer".clone_into(&mut self.refusal);
        }
        Ok(())
    }

    /// Whether no request waits for its answer.
    pub(crate) fn is_quiet(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Waits until every request is answered.
    pub(crate) fn settle(&mut self) -> Result<()> {
        let began = Instant::now();
        while !self.is_quiet() {
            self.poll(Instant::now())?;
            std::thread::sleep(Duration::from_micros(200));
            if began.elapsed() > 2 * PATIENCE {
                bail!("{} requests were never answered", self.waiting.len());
            }
        }
        Ok(())
    }

    /// Where a call's audio is to go, once it is answered.
    pub(crate) fn media(&self, number: usize) -> Option<SocketAddr> {
        self.calls.get(number).and_then(|call| call.media)
    }

    /// Whether a call is up.
    pub(crate) fn is_up(&self, number: usize) -> bool {
        self.calls
            .get(number)
            .is_some_and(|call| call.step == Step::Up)
    }

    /// INVITE to 200 of each call from `first` on, in milliseconds.
    pub(crate) fn took_ms(&self, first: usize) -> Vec<f64> {
        let calls = self.calls.iter().skip(first);
        calls
            .filter_map(|call| Some(call.took?.as_secs_f64() * 1000.0))
            .collect()
    }

    /// The Call-ID of a call.
    pub(crate) fn call_id(&self, number: usize) -> String {
        format!("load-{number}@{}", self.local)
    }

    fn hear(&mut self, now: Instant, text: &str) -> io::Result<()> {
        let value = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name))
                .unwrap_or_default()
                .trim()
        };
        let number = value("Call-ID:")
            .strip_prefix("load-")
            .and_then(|id| id.split('@').next());
        let Some(number) = number.and_then(|number| number.parse::<usize>().ok()) else {
            return Ok(());
        };
        let Some(status) = text.strip_prefix("SIP/2.0 ") else {
            return self.answer(number, text);
        };
        let Some(call) = self
            .calls
            .get_mut(number)
            .filter(|_| !status.starts_with('1'))
        else {
            return Ok(());
        };
        let is_ok = status.starts_with('2');
        match call.step {
            Step::Inviting(..) if value("CSeq:") == "1 INVITE" => {
                call.took = is_ok.then(|| now.saturating_duration_since(call.began));
                value("To:").clone_into(&mut call.to);
                call.media = media(text);
                call.step = if is_ok { Step::Up } else { Step::Over };
                let to = call.to.clone();
                self.waiting.remove(&number);
                if !is_ok {
                    self.refused += 1;
                    text.lines()
                        .next()
                        .unwrap_or_default()
                        .clone_into(&mut self.refusal);
                }
                let ack = self.request(("ACK", 1), number, &to, "");
                self.socket.send_to(ack.as_bytes(), self.target)?;
            }
            Step::Leaving(..) if value("CSeq:") == "2 BYE" => self.end(number),
            Step::Inviting(..) | Step::Leaving(..) | Step::Up | Step::Over => {}
        }
        Ok(())
    }

    /// A request of the far end's: a BYE ends the call, everything else is welcome.
    fn answer(&mut self, number: usize, request: &str) -> io::Result<()> {
        if request.starts_with("ACK ") {
            return Ok(());
        }
        let kept = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"];
        let mut answer = "SIP/2.0 200 OK\r\n".to_owned();
        for line in request
            .lines()
            .filter(|line| kept.iter().any(|name| line.starts_with(name)))
        {
            answer.push_str(line);
            answer.push_str("\r\n");
        }
        answer.push_str("Content-Length: 0\r\n\r\n");
        self.socket.send_to(answer.as_bytes(), self.target)?;
        if request.starts_with("BYE ") && self.is_up(number) {
            self.dropped += 1;
            self.end(number);
        }
        Ok(())
    }

    fn end(&mut self, number: usize) {
        self.waiting.remove(&number);
        if let Some(call) = self.calls.get_mut(number) {
            call.step = Step::Over;
        }
    }

    fn request(&self, (method, cseq): (&str, u32), number: usize, to: &str, body: &str) -> String {
        let (at, target, call) = (self.local, self.target, self.call_id(number));
        let kind = if body.is_empty() {
            ""
        } else {
            "Content-Type: application/sdp\r\n"
        };
        let len = body.len();
        format!(
            "{method} sip:lobby@{target} SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch=z9hG4bK{number}{method};rport\r\n\
             From: <sip:+1555{number:07}@{at}>;tag={number}\r\nTo: {to}\r\nCall-ID: {call}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:load@{at}>\r\nMax-Forwards: 70\r\n{kind}Content-Length: {len}\r\n\r\n{body}"
        )
    }
}

/// Where a description wants its audio.
pub(crate) fn media(text: &str) -> Option<SocketAddr> {
    let host = text
        .lines()
        .find_map(|line| line.strip_prefix("c=IN IP4 "))?;
    let port = text
        .lines()
        .find_map(|line| line.strip_prefix("m=audio "))?;
    let port = port.split(' ').next()?.parse().ok()?;
    Some(SocketAddr::new(host.trim().parse().ok()?, port))
}
