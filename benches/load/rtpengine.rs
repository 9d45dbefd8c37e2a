//! rtpengine in userspace, told by its `ng` protocol: pairs of legs whose packets it hands on and does not look into.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::child::{self, Program};
use crate::crowd::Crowd;
use crate::phone::media;

/// A relay with pairs of legs.
pub(crate) struct RtpEngine {
    pub(crate) program: Program,
    pub(crate) crowd: Crowd,
    socket: UdpSocket,
    asked: u32,
}

impl RtpEngine {
    /// `None` when it is not installed.
    pub(crate) fn start() -> Result<Option<Self>> {
        let port = child::free_port()?;
        let mut command = Command::new("rtpengine");
        command.args([
            "--foreground",
            "--interface=127.0.0.1",
            "--table=-1",
            "--log-stderr",
            "--log-level=2",
        ]);
        command.arg(format!("--listen-ng=127.0.0.1:{port}"));
        command.args(["--port-min=14000", "--port-max=22000"]);
        let Some(program) = Program::start(&mut command)? else {
            return Ok(None);
        };
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect((Ipv4Addr::LOCALHOST, port))?;
        socket.set_read_timeout(Some(Duration::from_millis(200)))?;
        let mut engine = Self {
            program,
            crowd: Crowd::new(),
            socket,
            asked: 0,
        };
        let is_there = |socket: &UdpSocket| {
            let asked = socket.send(b"0 d7:command4:pinge").is_ok();
            asked && socket.recv(&mut [0; 256]).is_ok()
        };
        let here = engine.socket.try_clone()?;
        engine.program.wait_for("rtpengine", || is_there(&here))?;
        engine
            .socket
            .set_read_timeout(Some(Duration::from_secs(2)))?;
        Ok(Some(engine))
    }

    /// Pairs are made until there are so many legs.
    pub(crate) fn grow(&mut self, legs: usize) -> Result<()> {
        while self.crowd.legs.len() < legs {
            let (a, b) = (self.crowd.add()?, self.crowd.add()?);
            let call = format!("load-{a}");
            let to_b = self.ask(&[
                ("command", "offer"),
                ("call-id", &call),
                ("from-tag", "a"),
                ("sdp", &self.sdp(a)?),
            ])?;
            let to_a = [
                ("command", "answer"),
                ("call-id", &call),
                ("from-tag", "a"),
                ("to-tag", "b"),
                ("sdp", &self.sdp(b)?),
            ];
            let to_a = self.ask(&to_a)?;
            for (leg, to) in [(a, to_a), (b, to_b)] {
                self.crowd.legs.get_mut(leg).context("a leg")?.to = Some(to);
            }
        }
        Ok(())
    }

    fn sdp(&self, leg: usize) -> Result<String> {
        let port = self.crowd.legs.get(leg).context("a leg")?.port;
        Ok(format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
        ))
    }

    /// One command, as a dictionary of strings (bencode); gives where the description in the answer wants its audio.
    fn ask(&mut self, fields: &[(&str, &str)]) -> Result<SocketAddr> {
        self.asked += 1;
        let mut request = format!("{} d", self.asked);
        for (key, value) in fields {
            request.push_str(&format!("{}:{key}{}:{value}", key.len(), value.len()));
        }
        request.push('e');
        self.socket.send(request.as_bytes())?;
        let mut buffer = [0; 8192];
        let answer = loop {
            let len = self
                .socket
                .recv(&mut buffer)
                .context("rtpengine does not answer")?;
            let answer =
                String::from_utf8_lossy(buffer.get(..len).unwrap_or_default()).into_owned();
            // One to a ping may be late.
            if answer.starts_with(&format!("{} ", self.asked)) {
                break answer;
            }
        };
        ensure!(answer.contains("6:result2:ok"), "rtpengine: {answer}");
        media(&answer).with_context(|| format!("no description: {answer}"))
    }
}
