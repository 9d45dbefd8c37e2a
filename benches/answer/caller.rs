//! Places calls when they are due, from one socket, and remembers how long each answer took.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// T1 of RFC 3261: what was not answered is sent again.
const AGAIN: Duration = Duration::from_millis(500);
/// What was not answered by then never will be.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long the generator looks away. By a timer, and not by a timeout of the socket: those last for whole ticks of the kernel, 4
/// to 8 ms, and what was due meanwhile would go in one burst.
const NAP: Duration = Duration::from_micros(200);

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                   m=audio 9 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n";

/// What came of a turn.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    pub(crate) placed: usize,
    pub(crate) answered: usize,
    /// Requests that had to be sent again.
    pub(crate) again: usize,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) most_ms: f64,
    /// CPU time of the one who answers, a call.
    pub(crate) cpu_us: f64,
    /// How late the generator itself was.
    pub(crate) late_ms_p99: f64,
}

enum Step {
    Inviting(String),
    Leaving(String),
}

struct Call {
    began: Instant,
    sent: Instant,
    step: Step,
}

/// The generator.
pub(crate) struct Caller {
    socket: UdpSocket,
    local: SocketAddr,
    target: SocketAddr,
    calls: HashMap<u32, Call>,
    took_ms: Vec<f64>,
    again: usize,
}

/// The middle one.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn share(sorted: &[f64], hundredths: usize) -> f64 {
    let at = (sorted.len() * hundredths / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

impl Caller {
    pub(crate) fn new(target: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            local: socket.local_addr()?,
            socket,
            target,
            calls: HashMap::new(),
            took_ms: Vec::new(),
            again: 0,
        })
    }

    /// So many calls a second for so many seconds, and the end of each of them.
    pub(crate) fn call(mut self, rate: u32, seconds: u32, pid: Option<u32>) -> io::Result<Turn> {
        let placed = rate * seconds;
        let before = pid.map(cpu_us);
        let start = Instant::now();
        let (mut next, mut late_ms) = (0, Vec::new());
        while next < placed || !self.calls.is_empty() {
            let now = Instant::now();
            let due = start + Duration::from_secs(1) * next / rate;
            if next < placed && now >= due {
                late_ms.push((now - due).as_secs_f64() * 1000.0);
                self.invite(next, now)?;
                next += 1;
            } else {
                if !self.hear()? {
                    std::thread::sleep(NAP);
                }
                self.send_again(now)?;
            }
        }
        let spent = pid
            .map(cpu_us)
            .zip(before)
            .map(|(after, before)| after - before);
        late_ms.sort_by(f64::total_cmp);
        self.took_ms.sort_by(f64::total_cmp);
        Ok(Turn {
            placed: placed as usize,
            answered: self.took_ms.len(),
            again: self.again,
            p50_ms: share(&self.took_ms, 50),
            p99_ms: share(&self.took_ms, 99),
            most_ms: share(&self.took_ms, 100),
            cpu_us: spent.map_or(f64::NAN, |spent| spent / f64::from(placed)),
            late_ms_p99: share(&late_ms, 99),
        })
    }

    fn invite(&mut self, call: u32, now: Instant) -> io::Result<()> {
        let to = format!("<sip:lobby@{}>", self.target);
        let invite = self.request("INVITE", 1, call, &to, SDP);
        self.socket.send_to(invite.as_bytes(), self.target)?;
        let call_now = Call {
            began: now,
            sent: now,
            step: Step::Inviting(invite),
        };
        self.calls.insert(call, call_now);
        Ok(())
    }

    /// Takes the next message; whether there was one.
    fn hear(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 4096];
        let Ok(len) = self.socket.recv(&mut buffer) else {
            return Ok(false);
        };
        let text = String::from_utf8_lossy(buffer.get(..len).unwrap_or_default()).into_owned();
        self.take(&text, Instant::now())?;
        Ok(true)
    }

    fn take(&mut self, text: &str, now: Instant) -> io::Result<()> {
        let value = |name: &str| {
            let mut lines = text.lines();
            lines
                .find_map(|line| line.strip_prefix(name))
                .unwrap_or_default()
                .trim()
        };
        let number = value("Call-ID:")
            .strip_prefix("call-")
            .and_then(|id| id.split('@').next());
        let Some(number) = number.and_then(|number| number.parse::<u32>().ok()) else {
            return Ok(());
        };
        let (Some(call), true) = (self.calls.get_mut(&number), text.starts_with("SIP/2.0 2"))
        else {
            return Ok(());
        };
        match call.step {
            Step::Inviting(_) if value("CSeq:") == "1 INVITE" => {
                let took = (now - call.began).as_secs_f64() * 1000.0;
                self.took_ms.push(took);
                let ack = self.request("ACK", 1, number, value("To:"), "");
                let bye = self.request("BYE", 2, number, value("To:"), "");
                self.socket.send_to(ack.as_bytes(), self.target)?;
                self.socket.send_to(bye.as_bytes(), self.target)?;
                if let Some(call) = self.calls.get_mut(&number) {
                    call.sent = now;
                    call.step = Step::Leaving(bye);
                }
            }
            Step::Leaving(_) if value("CSeq:") == "2 BYE" => {
                self.calls.remove(&number);
            }
            Step::Inviting(_) | Step::Leaving(_) => {}
        }
        Ok(())
    }

    fn send_again(&mut self, now: Instant) -> io::Result<()> {
        self.calls.retain(|_, call| now - call.began < PATIENCE);
        for call in self
            .calls
            .values_mut()
            .filter(|call| now - call.sent >= AGAIN)
        {
            let (Step::Inviting(text) | Step::Leaving(text)) = &call.step;
            self.socket.send_to(text.as_bytes(), self.target)?;
            call.sent = now;
            self.again += 1;
        }
        Ok(())
    }

    fn request(&self, method: &str, cseq: u32, call: u32, to: &str, body: &str) -> String {
        let (at, target) = (self.local, self.target);
        let kind = match body {
            "" => "",
            _ => "Content-Type: application/sdp\r\n",
        };
        let len = body.len();
        format!(
            "{method} sip:lobby@{target} SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch=z9hG4bK{call}{method};rport\r\n\
             From: <sip:+15550100400@{at}>;tag={call}\r\nTo: {to}\r\nCall-ID: call-{call}@{at}\r\n\
             CSeq: {cseq} {method}\r\nContact: <sip:bench@{at}>\r\nMax-Forwards: 70\r\n{kind}\
             Content-Length: {len}\r\n\r\n{body}"
        )
    }
}

/// User and system time of a process and its children that still run, in microseconds.
fn cpu_us(pid: u32) -> f64 {
    let children =
        fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let children = children
        .split_whitespace()
        .filter_map(|child| child.parse().ok());
    own_cpu_us(pid) + children.map(own_cpu_us).sum::<f64>()
}

fn own_cpu_us(pid: u32) -> f64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten();
    let spent = tasks.filter_map(|task| {
        let spent = fs::read_to_string(task.path().join("schedstat")).ok()?;
        spent.split(' ').next()?.parse::<f64>().ok()
    });
    spent.sum::<f64>() / 1000.0
}
