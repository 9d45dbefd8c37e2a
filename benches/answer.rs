//! From INVITE to 200 on the running switch, over UDP on the loopback: one call after the other, beside sipp's own answering
//! machine (`sipp -sn uas`) asked by the same client in the same run.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

#[path = "../tests/common/switch.rs"]
#[expect(dead_code, reason = "the other half of it is for tests/phones.rs")]
mod switch;

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use switch::Switch;

/// Calls of one turn; the two take turns.
const TURN: usize = 50;
const TURNS: usize = 20;
/// An answer that takes longer is no answer.
const PATIENCE: Duration = Duration::from_secs(2);

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                   m=audio 9 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n";

/// Places calls, one at a time.
struct Client {
    socket: UdpSocket,
    calls: u32,
}

impl Client {
    fn new() -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { socket, calls: 0 })
    }

    /// One call from INVITE to BYE; how long its 200 took.
    fn call(&mut self, target: SocketAddr) -> io::Result<Duration> {
        self.calls += 1;
        let invite = self.request("INVITE", 1, target, &format!("<sip:lobby@{target}>"), SDP)?;
        let sent = Instant::now();
        self.socket.send_to(invite.as_bytes(), target)?;
        let ok = self.answer("1 INVITE")?;
        let took = sent.elapsed();
        let to = ok
            .lines()
            .find_map(|line| line.strip_prefix("To:"))
            .unwrap_or_default()
            .trim();
        let ack = self.request("ACK", 1, target, to, "")?;
        self.socket.send_to(ack.as_bytes(), target)?;
        let bye = self.request("BYE", 2, target, to, "")?;
        self.socket.send_to(bye.as_bytes(), target)?;
        self.answer("2 BYE")?;
        Ok(took)
    }

    /// The 200 to the request with this CSeq; other messages are passed over.
    fn answer(&self, cseq: &str) -> io::Result<String> {
        let mut buf = [0; 4096];
        loop {
            let len = self.socket.recv(&mut buf)?;
            let text = String::from_utf8_lossy(buf.get(..len).unwrap_or_default());
            let ours = text.contains(&format!("call-{}@", self.calls)) && text.contains(cseq);
            match text.get(8..11) {
                Some("200") if ours => return Ok(text.into_owned()),
                Some(status) if ours && status > "200" => {
                    return Err(io::Error::other(text.into_owned()));
                }
                _ => {}
            }
        }
    }

    fn request(
        &self,
        method: &str,
        cseq: u32,
        target: SocketAddr,
        to: &str,
        body: &str,
    ) -> io::Result<String> {
        let (at, call) = (self.socket.local_addr()?, self.calls);
        let kind = if body.is_empty() {
            ""
        } else {
            "Content-Type: application/sdp\r\n"
        };
        let len = body.len();
        Ok(format!(
            "{method} sip:lobby@{target} SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch=z9hG4bK{call}{method};rport\r\n\
             From: <sip:+15550100400@{at}>;tag={call}\r\nTo: {to}\r\nCall-ID: call-{call}@{at}\r\n\
             CSeq: {cseq} {method}\r\nContact: <sip:bench@{at}>\r\nMax-Forwards: 70\r\n{kind}\
             Content-Length: {len}\r\n\r\n{body}"
        ))
    }
}

/// sipp as an answering machine, where it is installed.
struct Sipp {
    process: Child,
    at: SocketAddr,
}

impl Sipp {
    fn start() -> io::Result<Self> {
        let at = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = Command::new("sipp");
        command.args([
            "-sn",
            "uas",
            "-i",
            "127.0.0.1",
            "-nostdin",
            "-p",
            &at.port().to_string(),
        ]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Ok(Self {
            process: command.spawn()?,
            at,
        })
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        // It may have gone by itself, which its calls have said.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn main() -> io::Result<()> {
    // Ports rest for half a minute after a call.
    let further = [("RTP_PORT_RANGE", "20000-29999"), ("LOG", "warn")];
    let switch = Switch::start(&further);
    switch.go_live();
    let sipp = Sipp::start().ok();
    let mut answerers = vec![("audioroad", switch.sip(), Vec::new())];
    answerers.extend(
        sipp.as_ref()
            .map(|sipp| ("sipp -sn uas", sipp.at, Vec::new())),
    );
    let mut client = Client::new()?;
    for turn in 0..=TURNS {
        for (_, target, times) in &mut answerers {
            for _ in 0..TURN {
                let took = client.call(*target)?;
                // The first turn warms up.
                if turn > 0 {
                    times.push(took);
                }
            }
        }
    }
    report(answerers)
}

fn report(answerers: Vec<(&str, SocketAddr, Vec<Duration>)>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    writeln!(
        out,
        "{} calls each, one after the other, load {}",
        TURN * TURNS,
        load.trim()
    )?;
    writeln!(
        out,
        "{:20} {:>8} {:>8} {:>8}",
        "INVITE to 200, ms", "p50", "p99", "most"
    )?;
    for (name, _, mut times) in answerers {
        times.sort();
        let at = |share: usize| times.get((times.len() * share / 100).min(times.len() - 1));
        let ms = |share| at(share).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0);
        writeln!(
            out,
            "{name:20} {:8.2} {:8.2} {:8.2}",
            ms(50),
            ms(99),
            ms(100)
        )?;
    }
    Ok(())
}
