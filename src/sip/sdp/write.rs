//! Writing our descriptions, and the media lines that a session keeps from its first description on.

use sdp_types::{Attribute, Connection, Media, Origin, Session, Time};

use super::crypto;
use super::formats::Formats;
use super::read::Description;
use super::{LocalMedia, Negotiated, Rtcp};

/// Packet length that we send and ask for, in milliseconds.
const PTIME_MS: u16 = 20;

/// The media lines of a session: our audio and those that we declined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lines {
    lines: Vec<Line>,
    audio: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    media: String,
    proto: String,
    fmt: String,
}

/// What our audio line says of its packets.
struct Packets<'a> {
    formats: &'a Formats,
    crypto: Option<&'a crypto::Line>,
    /// RTCP comes and goes on the RTP port.
    rtcp_mux: bool,
}

impl Lines {
    /// One audio line.
    pub(super) fn single(is_secure: bool) -> Self {
        let line = Line {
            media: "audio".into(),
            proto: if is_secure { "RTP/SAVP" } else { "RTP/AVP" }.into(),
            fmt: String::new(),
        };
        Self {
            lines: vec![line],
            audio: 0,
        }
    }

    /// All lines of an offer, of which only the one at index `audio` is taken.
    pub(super) fn declining(offer: &Description, audio: usize) -> Self {
        let lines = offer.media().iter().map(|media| Line {
            media: media.media.clone(),
            proto: media.proto.clone(),
            fmt: media.fmt.clone(),
        });
        Self {
            lines: lines.collect(),
            audio,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// The formats of our audio line as the peer wrote them; empty before it has.
    pub(super) fn audio_formats(&self) -> &str {
        self.lines.get(self.audio).map_or("", |line| &line.fmt)
    }

    /// Index of our audio line.
    pub(super) fn audio(&self) -> usize {
        self.audio
    }
}

pub(super) fn answer(
    local: &LocalMedia<'_>,
    agreed: &Negotiated,
    formats: &Formats,
    time: Time,
) -> Vec<u8> {
    let crypto = agreed.srtp.as_ref().map(crypto::Line::of);
    let packets = Packets {
        formats,
        crypto: crypto.as_ref(),
        rtcp_mux: agreed.rtcp == Rtcp::Muxed,
    };
    let direction = agreed.direction.name();
    description(local, &agreed.lines, &packets, direction, time)
}

pub(super) fn offer(
    local: &LocalMedia<'_>,
    lines: &Lines,
    formats: &Formats,
    crypto: Option<&crypto::Line>,
) -> Vec<u8> {
    let time = Time {
        start_time: 0,
        stop_time: 0,
        repeats: Vec::new(),
    };
    let packets = Packets {
        formats,
        crypto,
        rtcp_mux: true,
    };
    description(local, lines, &packets, "sendrecv", time)
}

fn description(
    local: &LocalMedia<'_>,
    lines: &Lines,
    packets: &Packets<'_>,
    direction: &str,
    time: Time,
) -> Vec<u8> {
    let origin = Origin::with_ip_addr(local.session_id, local.version, local.addr);
    let mut session = Session::new(origin, "-");
    session.connection = Some(Connection::from_ip_addr(local.addr));
    session.times = vec![time];
    for (index, line) in lines.lines.iter().enumerate() {
        session.medias.push(if index == lines.audio {
            audio(local.port, &line.proto, packets, direction)
        } else {
            media(&line.media, 0, &line.proto, line.fmt.clone())
        });
    }
    let mut body = Vec::new();
    // Writing to memory does not fail.
    session.write(&mut body).ok();
    body
}

fn audio(port: u16, proto: &str, packets: &Packets<'_>, direction: &str) -> Media {
    let numbers = packets.formats.iter().map(|(number, _)| number.to_string());
    let numbers: Vec<_> = numbers.collect();
    let mut audio = media("audio", port, proto, numbers.join(" "));
    let mut attribute = |name: &str, value: Option<String>| {
        audio.attributes.push(Attribute {
            attribute: name.into(),
            value,
        });
    };
    for (number, format) in packets.formats.iter() {
        attribute("rtpmap", Some(format!("{number} {}", format.mapping())));
        if let Some(parameters) = format.parameters() {
            attribute("fmtp", Some(format!("{number} {parameters}")));
        }
    }
    if let Some(line) = packets.crypto {
        attribute("crypto", Some(line.value()));
    }
    if packets.rtcp_mux {
        attribute("rtcp-mux", None);
    }
    attribute("ptime", Some(PTIME_MS.to_string()));
    attribute(direction, None);
    audio
}

fn media(name: &str, port: u16, proto: &str, fmt: String) -> Media {
    Media {
        media: name.into(),
        port,
        num_ports: None,
        proto: proto.into(),
        fmt,
        media_title: None,
        connections: Vec::new(),
        bandwidths: Vec::new(),
        key: None,
        attributes: Vec::new(),
    }
}
