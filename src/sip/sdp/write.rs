//! Writing our descriptions, and the media lines that a session keeps from its first description on.

use sdp_types::{Attribute, Connection, Media, Origin, Session, Time};

use super::crypto;
use super::read::Description;
use super::{Codec, LocalMedia, Negotiated, Rtcp};

/// Packet length that we send and ask for, in milliseconds.
const PTIME_MS: u16 = 20;

/// Events that we understand: the sixteen digits (RFC 4733 section 3.2).
const DTMF_EVENTS: &str = "0-15";

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
struct Formats<'a> {
    /// Payload types with what we call them in `a=rtpmap`.
    codecs: &'a [(u8, Codec)],
    dtmf: Option<u8>,
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

    /// Index of our audio line.
    pub(super) fn audio(&self) -> usize {
        self.audio
    }
}

pub(super) fn answer(local: &LocalMedia<'_>, agreed: &Negotiated, time: Time) -> Vec<u8> {
    let crypto = agreed.srtp.as_ref().map(crypto::Line::of);
    let formats = Formats {
        codecs: &[(agreed.payload_type, agreed.codec)],
        dtmf: agreed.dtmf_payload_type,
        crypto: crypto.as_ref(),
        rtcp_mux: agreed.rtcp == Rtcp::Muxed,
    };
    description(
        local,
        &agreed.lines,
        &formats,
        agreed.direction.name(),
        time,
    )
}

pub(super) fn offer(
    local: &LocalMedia<'_>,
    lines: &Lines,
    dtmf: Option<u8>,
    crypto: Option<&crypto::Line>,
) -> Vec<u8> {
    let codecs: Vec<_> = local
        .prefer
        .iter()
        .map(|codec| (codec.static_payload_type(), *codec))
        .collect();
    let time = Time {
        start_time: 0,
        stop_time: 0,
        repeats: Vec::new(),
    };
    description(
        local,
        lines,
        &Formats {
            codecs: &codecs,
            dtmf,
            crypto,
            rtcp_mux: true,
        },
        "sendrecv",
        time,
    )
}

fn description(
    local: &LocalMedia<'_>,
    lines: &Lines,
    formats: &Formats<'_>,
    direction: &str,
    time: Time,
) -> Vec<u8> {
    let origin = Origin::with_ip_addr(local.session_id, local.version, local.addr);
    let mut session = Session::new(origin, "-");
    session.connection = Some(Connection::from_ip_addr(local.addr));
    session.times = vec![time];
    for (index, line) in lines.lines.iter().enumerate() {
        session.medias.push(if index == lines.audio {
            audio(local.port, &line.proto, formats, direction)
        } else {
            media(&line.media, 0, &line.proto, line.fmt.clone())
        });
    }
    let mut body = Vec::new();
    // Writing to memory does not fail.
    session.write(&mut body).ok();
    body
}

fn audio(port: u16, proto: &str, formats: &Formats<'_>, direction: &str) -> Media {
    let numbers = formats
        .codecs
        .iter()
        .map(|(number, _)| *number)
        .chain(formats.dtmf);
    let fmt: Vec<_> = numbers.map(|number| number.to_string()).collect();
    let mut audio = media("audio", port, proto, fmt.join(" "));
    let mut attribute = |name: &str, value: Option<String>| {
        audio.attributes.push(Attribute {
            attribute: name.into(),
            value,
        });
    };
    for (number, codec) in formats.codecs {
        attribute("rtpmap", Some(format!("{number} {}/8000", codec.name())));
    }
    if let Some(number) = formats.dtmf {
        attribute("rtpmap", Some(format!("{number} telephone-event/8000")));
        attribute("fmtp", Some(format!("{number} {DTMF_EVENTS}")));
    }
    if let Some(line) = formats.crypto {
        attribute("crypto", Some(line.value()));
    }
    if formats.rtcp_mux {
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
