//! Who floods: so many messages a second from many addresses of the loopback, as if they were forged.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use audioroad::actors::clock;
use audioroad::domain::CallId;
use audioroad::twilio::token::TokenKey;

use crate::line::SDP;

/// Messages a second.
pub(crate) const PER_SECOND: u64 = 20_000;
/// Addresses that they come from.
const SOURCES: u8 = 250;
/// A batch leaves every so often.
const BEAT: Duration = Duration::from_millis(1);
/// Batches that may leave at once after the generator was kept from running.
const CATCH_UP: u64 = 20;

/// What it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// INVITEs of strangers.
    Invites,
    /// REGISTER and OPTIONS of strangers.
    Scans,
    /// INVITEs with tokens that look right and are not, REGISTERs and noise.
    Tokens,
    /// INVITEs from the address of a trunk.
    Trunk,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Invites => "INVITE, strangers",
            Self::Scans => "REGISTER, OPTIONS",
            Self::Tokens => "false tokens and noise",
            Self::Trunk => "INVITE, a trunk's address",
        }
    }

    /// What the `n`th message is.
    fn message(self, n: u64, target: SocketAddr, token: &str) -> String {
        let method = match (self, n % 4) {
            (Self::Scans, 0 | 1) | (Self::Tokens, 1) => "REGISTER",
            (Self::Scans, _) => "OPTIONS",
            (Self::Tokens, 2) => return format!("\u{0}\u{1}noise {n}"),
            (Self::Invites | Self::Trunk | Self::Tokens, _) => "INVITE",
        };
        let (headers, body) = match (self, method) {
            (Self::Tokens, "INVITE") => (token, SDP),
            (_, "INVITE") => ("", SDP),
            _ => ("", ""),
        };
        let kind = if body.is_empty() {
            ""
        } else {
            "Content-Type: application/sdp\r\n"
        };
        format!(
            "{method} sip:{n}@{target} SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKflood{n};rport\r\n\
             From: <sip:{n}@198.51.100.7>;tag=flood{n}\r\nTo: <sip:{n}@{target}>\r\nCall-ID: flood-{n}\r\nCSeq: 1 {method}\r\n\
             Contact: <sip:{n}@198.51.100.7>\r\nMax-Forwards: 70\r\n{headers}{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }
}

/// A flood that runs.
pub(crate) struct Generator {
    sent: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Generator {
    pub(crate) fn start(kind: Kind, target: SocketAddr, time: Duration) -> Self {
        let sockets: Vec<UdpSocket> = (1..=SOURCES)
            .map(|source| match kind {
                Kind::Trunk => Ipv4Addr::new(127, 0, 8, 1),
                Kind::Invites | Kind::Scans | Kind::Tokens => {
                    Ipv4Addr::new(127, 1, source / 16, source)
                }
            })
            .map(|address| UdpSocket::bind((address, 0)).unwrap())
            .collect();
        let sent = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&sent);
        let flood = move || flood(kind, target, time, &sockets, &counter);
        let thread = std::thread::Builder::new()
            .name("flood".to_owned())
            .spawn(flood);
        Self {
            sent,
            thread: thread.unwrap(),
        }
    }

    /// Messages sent, once it has ended.
    pub(crate) fn sent(self) -> u64 {
        self.thread.join().unwrap();
        self.sent.load(Ordering::Relaxed)
    }
}

fn flood(kind: Kind, target: SocketAddr, time: Duration, sockets: &[UdpSocket], sent: &AtomicU64) {
    let call = CallId(1).to_string();
    let token = TokenKey::new(&[9; 32]).make(&call, "", clock::unix_ms() / 1000, 3600);
    let token = format!("X-Call-Id: {call}\r\nX-Call-Token: {token}\r\n");
    let per_beat = PER_SECOND / 1000;
    let (start, mut beats) = (clock::now(), 0_u64);
    loop {
        let passed = clock::now().saturating_duration_since(start);
        if passed >= time {
            return;
        }
        let due = (passed.as_millis() / BEAT.as_millis()) as u64;
        for beat in beats..due.min(beats + CATCH_UP) {
            for n in beat * per_beat..(beat + 1) * per_beat {
                let message = kind.message(n, target, &token);
                let socket = &sockets[n as usize % sockets.len()];
                // A full queue is a message that was never sent.
                if socket.send_to(message.as_bytes(), target).is_ok() {
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        beats = due.min(beats + CATCH_UP);
        if beats >= due {
            std::thread::park_timeout(BEAT);
        }
    }
}
