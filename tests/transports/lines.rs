//! What the tests of transports share: telephones on the switch, raw connections, a certificate authority.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;

use audioroad::phone::{Call, Hum, Phone};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::certificates::{Authority, KeyFile};
use crate::switch::{SOON, Switch, free_port, text};

/// Between the notes of any music, and no multiples of each other.
pub(crate) const TONES: [f32; 6] = [339.3, 427.5, 539.0, 641.0, 761.9, 906.0];
/// The name in every certificate of the tests.
pub(crate) const NAME: &str = "sip.example.org";

/// Whether this machine has IPv6 at all; a test that needs it says so when it cannot be done.
pub(crate) fn has_ipv6() -> bool {
    UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

/// A call on the switch with a tone of its own.
pub(crate) fn answered(phone: &Phone, to: SocketAddr, tone: f32) -> Call {
    let call = phone.call(to, "lobby", Hum::new(tone, 0.2));
    let call = call.expect("a phone");
    call.wait_answered(SOON).expect("the switch answers");
    call.listen(1, SOON).expect("the switch sends audio");
    call
}

/// Takes a caller from the lobby on air; gives its id.
pub(crate) fn on_air(switch: &Switch, call: &Call) -> String {
    let row = switch.call_once(call.sip_call_id(), |row| row["ringing"] == false);
    let id = text(&row["id"]);
    for step in ["move-to-screening", "move-to-hold", "move-to-live"] {
        switch.ask(
            "POST",
            &format!("/api/twilio-sip/{step}"),
            json!({"callId": id}),
        );
    }
    id
}

/// Hangs up from the switch's side.
pub(crate) fn drop_call(switch: &Switch, id: &str) {
    switch.ask("POST", "/api/twilio-sip/end-call", json!({"callId": id}));
}

/// The row of a call that is over.
pub(crate) fn over(switch: &Switch, sip_call_id: &str) -> Value {
    switch.call_once(sip_call_id, |row| row["status"] == "completed")
}

/// A switch with certificates.
pub(crate) struct Secure {
    pub(crate) switch: Switch,
    pub(crate) authority: Authority,
    pub(crate) folder: TempDir,
    pub(crate) port: u16,
    pub(crate) pairs: Vec<(PathBuf, PathBuf)>,
}

impl Secure {
    /// With an ECDSA chain first and an RSA chain second.
    pub(crate) fn start(file: &str, further: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let authority = Authority::new();
        let pairs = vec![
            authority.issue(folder.path(), "ec", KeyFile::Ecdsa),
            authority.issue(folder.path(), "rsa", KeyFile::Rsa),
        ];
        let ca = folder.path().join("ca.pem");
        std::fs::write(&ca, authority.pem()).expect("a file");
        let list = |files: Vec<&PathBuf>| {
            let files = files.iter().map(|file| file.display().to_string());
            files.collect::<Vec<_>>().join(",")
        };
        let port = free_port();
        let settings = [
            ("SIP_TLS_PORT", port.to_string()),
            (
                "SIP_TLS_CERT",
                list(pairs.iter().map(|pair| &pair.0).collect()),
            ),
            (
                "SIP_TLS_KEY",
                list(pairs.iter().map(|pair| &pair.1).collect()),
            ),
            ("SIP_TLS_CA", ca.display().to_string()),
        ];
        let mut all: Vec<(&str, &str)> = settings
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        all.extend(further);
        Self {
            switch: Switch::start_with_file(file, &all),
            authority,
            folder,
            port,
            pairs,
        }
    }

    /// A client that trusts the authority.
    pub(crate) fn client(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.root()).expect("a root");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS 1.2 and 1.3");
        Arc::new(config.with_root_certificates(roots).with_no_client_auth())
    }

    /// A telephone over TLS at this address.
    pub(crate) fn phone(&self, ip: IpAddr) -> Phone {
        Phone::new(ip).over_tls(self.client(), NAME)
    }

    /// What the switch shows to a client that comes now.
    pub(crate) fn leaf(&self) -> Vec<u8> {
        let name = NAME.try_into().expect("a name");
        let mut session = rustls::ClientConnection::new(self.client(), name).expect("a session");
        let mut tcp = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        tcp.set_read_timeout(Some(SOON)).expect("a timeout");
        while session.is_handshaking() {
            session.complete_io(&mut tcp).expect("a handshake");
        }
        session.peer_certificates().expect("a chain")[0].to_vec()
    }

    /// SIGHUP.
    pub(crate) fn hup(&self) {
        let pid = self.switch.pid();
        let kill = std::process::Command::new("sh")
            .args(["-c", &format!("kill -HUP {pid}")])
            .status();
        assert!(kill.expect("a shell runs").success());
    }
}

/// A SIP connection without a telephone behind it.
pub(crate) struct Raw<S> {
    stream: BufReader<S>,
}

impl Raw<TcpStream> {
    pub(crate) fn connect(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).expect("a connection");
        Self::new(stream)
    }

    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(SOON)).expect("a timeout");
        Self {
            stream: BufReader::new(stream),
        }
    }
}

impl<S: std::io::Read + std::io::Write> Raw<S> {
    pub(crate) fn over(stream: S) -> Self {
        Self {
            stream: BufReader::new(stream),
        }
    }

    pub(crate) fn send(&mut self, text: &str) {
        let stream = self.stream.get_mut();
        stream.write_all(text.as_bytes()).expect("it is sent");
        stream.flush().expect("it is sent");
    }

    /// One line without its end; empty at the end of the stream.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("a line in time");
        line.trim_end().to_owned()
    }

    /// A whole message: start line, headers, body.
    pub(crate) fn message(&mut self) -> Vec<String> {
        let mut lines = vec![self.line()];
        // Pings come between messages.
        while lines[0].is_empty() {
            lines[0] = self.line();
        }
        let mut length = 0;
        loop {
            let line = self.line();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("Content-Length:") {
                length = value.trim().parse().expect("a length");
            }
            lines.push(line);
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("the body");
        lines.push(String::from_utf8(body).expect("text"));
        lines
    }

    /// Whether the far end has closed.
    pub(crate) fn is_closed(&mut self) -> bool {
        matches!(self.stream.read(&mut [0; 1]), Ok(0))
    }
}

/// The value of a header.
pub(crate) fn header<'a>(message: &'a [String], name: &str) -> &'a str {
    let found = message.iter().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    });
    found.unwrap_or_else(|| panic!("no {name} in {message:?}"))
}
