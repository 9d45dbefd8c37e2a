//! Those who answer beside the switch.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const START_MAX: Duration = Duration::from_secs(10);

/// Answers a call by a transaction of its own, as a switch must, and knows nothing of media.
const KAMAILIO: &str = r#"#!KAMAILIO
debug=-1
log_stderror=yes
fork=yes
children=2
disable_tcp=yes
listen=udp:ADDRESS
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
request_route {
    if (method == "ACK") { exit; }
    if (method == "INVITE") {
        t_newtran();
        t_reply("100", "Trying");
        append_to_reply("Contact: <sip:ADDRESS>\r\n");
        set_reply_body("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n", "application/sdp");
        t_reply("200", "OK");
        exit;
    }
    sl_send_reply("200", "OK");
}
"#;

/// A program that answers.
pub(crate) struct Peer {
    process: Child,
    pub(crate) at: SocketAddr,
    _files: Option<TempDir>,
}

impl Peer {
    pub(crate) fn pid(&self) -> Option<u32> {
        Some(self.process.id())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have gone by itself, which its calls have said. Kamailio's children go with a parent that is asked to go.
        let asked = Command::new("kill")
            .arg(self.process.id().to_string())
            .status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

fn free() -> io::Result<SocketAddr> {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// Starts a program and waits until it answers; `None` where it is not installed.
fn start(mut command: Command, at: SocketAddr, files: Option<TempDir>) -> io::Result<Option<Peer>> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let process = match command.spawn() {
        Ok(process) => process,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let peer = Peer {
        process,
        at,
        _files: files,
    };
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    let local = socket.local_addr()?;
    // sipp answers no OPTIONS; a BYE of no call shows that it is there, whatever it says.
    let bye = format!(
        "BYE sip:a@{at} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bKhere;rport\r\nFrom: <sip:a@{local}>;tag=1\r\n\
         To: <sip:a@{at}>;tag=2\r\nCall-ID: here\r\nCSeq: 1 BYE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    );
    let began = Instant::now();
    while began.elapsed() < START_MAX {
        // While nobody listens the system says so, at once.
        let sent = socket.send_to(bye.as_bytes(), at);
        if sent.is_ok() && socket.recv(&mut [0; 2048]).is_ok() {
            return Ok(Some(peer));
        }
        if sent.is_ok() && is_bound(at.port()) {
            return Ok(Some(peer));
        }
    }
    Err(io::Error::other(format!("{command:?} does not answer")))
}

/// Whether somebody has this port of IPv4. To try to bind it would be in the way of a program that is about to.
pub(crate) fn is_bound(port: u16) -> bool {
    let port = format!(":{port:04X}");
    let table = std::fs::read_to_string("/proc/net/udp").unwrap_or_default();
    let mut locals = table
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1));
    locals.any(|local| local.ends_with(&port))
}

/// Kamailio with a script that answers.
pub(crate) fn kamailio() -> io::Result<Option<Peer>> {
    let (at, files) = (free()?, TempDir::new()?);
    let script = files.path().join("kamailio.cfg");
    std::fs::write(&script, KAMAILIO.replace("ADDRESS", &at.to_string()))?;
    let mut command = Command::new("kamailio");
    command.args(["-DD", "-E", "-m", "64", "-f"]).arg(&script);
    command
        .arg("-Y")
        .arg(files.path())
        .arg("-P")
        .arg(files.path().join("pid"));
    start(command, at, Some(files))
}

/// sipp as an answering machine.
pub(crate) fn sipp() -> io::Result<Option<Peer>> {
    let at = free()?;
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
    start(command, at, None)
}
