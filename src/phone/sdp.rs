//! A phone's session descriptions (RFC 8866): written and read apart from the switch's own, so that a
//! fault of the one is not hidden by the same fault of the other.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::media::g711::Law;
use crate::media::srtp::{MasterKey, Suite};
use crate::sip::sdp::Direction;

/// The suite that a phone speaks, by its name in SDP.
const SUITE: Suite = Suite::AesCm128HmacSha1_80;

/// How a phone asks for encrypted audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// It insists: RTP/SAVP.
    Required,
    /// It leaves it to the far end: RTP/AVP with a key.
    Offered,
}

/// An audio format that a phone can offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// G.729: offered only to be refused, the phone cannot speak it.
    G729,
}

impl Format {
    /// Payload type of RFC 3551 table 4.
    fn payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
            Self::G729 => 18,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
            Self::G729 => "G729",
        }
    }
}

/// Our side of the session.
#[derive(Debug, Clone)]
pub(super) struct Local {
    /// Where we receive RTP.
    pub(super) rtp: SocketAddr,
    /// `sess-id`.
    pub(super) session: u64,
    /// `sess-version`: one more for each description.
    pub(super) version: u64,
    /// What we can speak, the best first.
    pub(super) formats: Vec<Format>,
    /// What we want to do.
    pub(super) direction: Direction,
    /// Our key, and how it is offered.
    pub(super) srtp: Option<(Encryption, MasterKey)>,
}

/// The far end's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Remote {
    /// Where it receives RTP.
    pub(super) rtp: SocketAddr,
    /// What it speaks, and its payload type.
    pub(super) law: Law,
    /// What it wants to do.
    pub(super) direction: Direction,
    /// The key of what it sends.
    pub(super) srtp: Option<MasterKey>,
}

impl Local {
    /// The description with CRLF line ends.
    pub(super) fn body(&self) -> Vec<u8> {
        let Self {
            rtp,
            session,
            version,
            ..
        } = self;
        let (ip, port) = (rtp.ip(), rtp.port());
        let family = if ip.is_ipv4() { "IP4" } else { "IP6" };
        let numbers: Vec<String> = self
            .formats
            .iter()
            .map(|format| format.payload_type().to_string())
            .collect();
        let profile = match self.srtp {
            Some((Encryption::Required, _)) => "RTP/SAVP",
            Some((Encryption::Offered, _)) | None => "RTP/AVP",
        };
        let mut body = format!(
            "v=0\r\no=- {session} {version} IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\n\
             t=0 0\r\nm=audio {port} {profile} {} 101\r\n",
            numbers.join(" "),
        );
        for format in &self.formats {
            // Writing to a String does not fail.
            let _ = write!(
                body,
                "a=rtpmap:{} {}/8000\r\n",
                format.payload_type(),
                format.name()
            );
        }
        if let Some((_, MasterKey { key, salt })) = self.srtp {
            let (suite, key) = (
                SUITE.name(),
                STANDARD.encode([&key[..], &salt[..]].concat()),
            );
            let _ = write!(body, "a=crypto:1 {suite} inline:{key}\r\n");
        }
        let direction = self.direction.name();
        let _ = write!(
            body,
            "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na={direction}\r\n"
        );
        body.into_bytes()
    }
}

impl Remote {
    /// Reads the first audio line of an answer; `None` when it has no G.711 first in its list.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        let lines = || {
            text.lines()
                .filter_map(|line| line.trim_end().split_once('='))
        };
        let ip: IpAddr = lines()
            .find(|(kind, _)| *kind == "c")
            .and_then(|(_, value)| value.split(' ').nth(2)?.parse().ok())?;
        let (_, audio) =
            lines().find(|(kind, value)| *kind == "m" && value.starts_with("audio "))?;
        let mut words = audio.split(' ').skip(1);
        let port = words.next()?.parse().ok().filter(|port| *port != 0)?;
        let law = match words.nth(1)? {
            "0" => Law::Mu,
            "8" => Law::A,
            _ => return None,
        };
        let named = |(kind, value): (&str, &str)| {
            let all = [
                Direction::SendRecv,
                Direction::SendOnly,
                Direction::RecvOnly,
                Direction::Inactive,
            ];
            all.into_iter()
                .find(|direction| kind == "a" && value == direction.name())
        };
        let direction = lines().find_map(named).unwrap_or(Direction::SendRecv);
        let crypto = lines().find_map(|(kind, value)| {
            let value = (kind == "a").then(|| value.strip_prefix("crypto:1 "))??;
            value.strip_prefix(SUITE.name())?.strip_prefix(" inline:")
        });
        Some(Self {
            rtp: SocketAddr::new(ip, port),
            law,
            direction,
            srtp: crypto.and_then(read_key),
        })
    }
}

fn read_key(text: &str) -> Option<MasterKey> {
    let octets = STANDARD.decode(text).ok()?;
    let (key, salt) = octets.split_at_checked(16)?;
    Some(MasterKey {
        key: key.try_into().ok()?,
        salt: salt.try_into().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::sdp::{Codec, LocalMedia, LocalSrtp, negotiate};

    #[test]
    fn the_switch_understands_the_offer_and_the_phone_the_answer() {
        let local = Local {
            rtp: "127.0.0.1:4000".parse().unwrap(),
            session: 7,
            version: 1,
            formats: vec![Format::G729, Format::Pcma, Format::Pcmu],
            direction: Direction::SendOnly,
            srtp: None,
        };
        let switch = LocalMedia {
            addr: "127.0.0.1".parse().unwrap(),
            port: 10_000,
            session_id: 1,
            version: 1,
            prefer: &[Codec::Pcmu, Codec::Pcma],
            srtp: LocalSrtp::OFF,
        };
        let (agreed, answer) = negotiate(&local.body(), &switch).unwrap();
        assert_eq!(agreed.remote, local.rtp);
        assert_eq!(agreed.direction, Direction::RecvOnly);
        let remote = Remote::read(&answer).unwrap();
        assert_eq!(remote.rtp, "127.0.0.1:10000".parse().unwrap());
        assert_eq!(remote.direction, Direction::RecvOnly);
        assert_eq!(remote.law.payload_type(), agreed.payload_type);
    }

    #[test]
    fn what_is_no_answer_is_none() {
        for body in [
            "",
            "v=0\r\nm=audio 0 RTP/AVP 0\r\nc=IN IP4 127.0.0.1\r\n",
            "\u{0}=\u{0}",
        ] {
            assert_eq!(Remote::read(body.as_bytes()), None, "{body}");
        }
    }
}
