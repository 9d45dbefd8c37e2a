//! Reading a peer's description: what its media lines offer, in our terms.
//!
//! Only the lines that decide something for us are parsed (`v= t= m= c= a=`), so a phone with an odd
//! `o=` or `b=` line is still served. Octets that are not UTF-8 are replaced.

use std::net::{IpAddr, SocketAddr};

use sdp_types::{Attribute, Media, Session, Time};

use super::crypto::{self, LocalSrtp, Srtp, SrtpRule};
use super::formats::{self, Formats};
use super::write::Lines;
use super::{BYTES_MAX, Codec, Direction, LINES_MAX, LocalMedia, Negotiated, Rtcp, SdpError};

/// Packet lengths that `a=ptime` may ask for, in milliseconds.
const PTIME_MS: std::ops::RangeInclusive<u16> = 10..=60;

/// A parsed offer or answer.
pub(super) struct Description {
    session: Session,
}

/// A media line that we can talk to.
pub(super) struct Stream {
    codec: Codec,
    payload_type: u8,
    bitrate_max: Option<u32>,
    /// Payload type and clock in Hz.
    dtmf: Option<(u8, u32)>,
    formats: Formats,
    remote: SocketAddr,
    rtcp: Rtcp,
    ptime_ms: Option<u16>,
    direction: Direction,
    srtp: Option<Srtp>,
}

/// Who chooses.
#[derive(Clone, Copy)]
pub(super) enum Choice<'a> {
    /// We, who answer: our order of codecs, our rule about encryption.
    Ours(&'a [Codec], &'a LocalSrtp),
    /// The peer, who answered, among what we offered.
    Theirs {
        /// The codecs.
        codecs: &'a [Codec],
        /// The key.
        crypto: Option<&'a crypto::Line>,
        /// Whether it may be left out.
        rule: SrtpRule,
    },
}

impl Description {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, SdpError> {
        if bytes.len() > BYTES_MAX {
            return Err(SdpError::TooLarge);
        }
        let text = String::from_utf8_lossy(bytes);
        let mut wanted = String::with_capacity(text.len());
        for line in text.lines().map(str::trim_end) {
            if line.starts_with(['v', 't', 'm', 'c', 'a']) {
                wanted.push_str(line);
                wanted.push('\n');
            }
        }
        let session = Session::parse(wanted.as_bytes())
            .map_err(|error| SdpError::Malformed(printable(&error.to_string())))?;
        if session.medias.len() > LINES_MAX {
            return Err(SdpError::TooLarge);
        }
        Ok(Self { session })
    }

    /// The `t=` line, which an answer repeats (RFC 3264 section 6).
    pub(super) fn time(&self) -> Time {
        let (start_time, stop_time) = self
            .session
            .times
            .first()
            .map_or((0, 0), |time| (time.start_time, time.stop_time));
        Time {
            start_time,
            stop_time,
            repeats: Vec::new(),
        }
    }

    pub(super) fn media(&self) -> &[Media] {
        &self.session.medias
    }

    /// The address of the first audio line that is switched on, whatever its family.
    pub(super) fn audio_ip(&self) -> Option<IpAddr> {
        let is_audio =
            |media: &&Media| media.media.eq_ignore_ascii_case("audio") && media.port != 0;
        let media = self.session.medias.iter().find(is_audio)?;
        let own = media.connections.first();
        let line = own.or(self.session.connection.as_ref())?;
        Some(line.try_address().ok()?.ip.to_canonical())
    }

    /// The first encrypted media line that we can talk to, else the first plain one, with its index; else why
    /// the first audio line is none.
    pub(super) fn first_usable(&self, local: &LocalMedia<'_>) -> Result<(usize, Stream), SdpError> {
        let mut plain = None;
        let mut reason = SdpError::NoAudio;
        for (index, media) in self.session.medias.iter().enumerate() {
            match self.usable(media, Choice::Ours(local.prefer, &local.srtp), local.addr) {
                Ok(stream) if stream.srtp.is_some() => return Ok((index, stream)),
                Ok(stream) => plain = plain.or(Some((index, stream))),
                Err(error) if reason == SdpError::NoAudio => reason = error,
                Err(_) => {}
            }
        }
        plain.ok_or(reason)
    }

    /// What a media line offers; `local` tells the address family that we can reach.
    pub(super) fn usable(
        &self,
        media: &Media,
        choice: Choice<'_>,
        local: IpAddr,
    ) -> Result<Stream, SdpError> {
        if !media.media.eq_ignore_ascii_case("audio") || media.port == 0 {
            return Err(SdpError::NoAudio);
        }
        let is_secure = media.proto.eq_ignore_ascii_case("RTP/SAVP");
        if !is_secure && !media.proto.eq_ignore_ascii_case("RTP/AVP") {
            return Err(SdpError::Profile(printable(&media.proto)));
        }
        let srtp = match choice {
            Choice::Ours(_, local) => crypto::answering(media, is_secure, local),
            Choice::Theirs { crypto, rule, .. } => {
                crypto::answered(media, is_secure, crypto, rule == SrtpRule::Required)
            }
        }?;
        let formats = Formats::of(media);
        let (payload_type, codec) = choose(&formats, choice).ok_or(SdpError::NoCodec)?;
        let ip = self.address(media, local).ok_or(SdpError::Address)?;
        let direction = self.direction(media).mirrored();
        Ok(Stream {
            codec,
            payload_type,
            bitrate_max: (codec == Codec::Opus)
                .then(|| formats::bitrate_max(media, payload_type))
                .flatten(),
            dtmf: formats.dtmf_beside(codec),
            formats,
            remote: SocketAddr::new(ip, media.port),
            rtcp: rtcp(media, ip, local),
            ptime_ms: ptime_ms(media),
            direction: if ip.is_unspecified() {
                direction.silenced()
            } else {
                direction
            },
            srtp,
        })
    }

    /// The address of the media's `c=` line, else of the session's; unspecified means hold.
    fn address(&self, media: &Media, local: IpAddr) -> Option<IpAddr> {
        let line = media
            .connections
            .first()
            .or(self.session.connection.as_ref())?;
        let ip = line.try_address().ok()?.ip.to_canonical();
        (ip.is_unspecified() || can_be_sent_to(ip, local)).then_some(ip)
    }

    /// The direction attribute of the media, else of the session, else both ways.
    fn direction(&self, media: &Media) -> Direction {
        direction_of(&media.attributes)
            .or_else(|| direction_of(&self.session.attributes))
            .unwrap_or(Direction::SendRecv)
    }
}

impl Stream {
    /// The formats of our answer.
    pub(super) fn answer(&self) -> Formats {
        Formats::answered((self.payload_type, self.codec), self.dtmf)
    }

    pub(super) fn agreed(self, lines: Lines) -> Negotiated {
        Negotiated {
            codec: self.codec,
            payload_type: self.payload_type,
            bitrate_max: self.bitrate_max,
            dtmf_payload_type: self.dtmf.map(|(number, _)| number),
            remote: self.remote,
            rtcp: self.rtcp,
            ptime_ms_in: self.ptime_ms,
            direction: self.direction,
            hold: !self.direction.sends(),
            srtp: self.srtp,
            lines,
            formats: self.formats,
        }
    }
}

fn choose(formats: &Formats, choice: Choice<'_>) -> Option<(u8, Codec)> {
    match choice {
        Choice::Ours(ours, _) => ours
            .iter()
            .find_map(|wanted| formats.audio().find(|(_, codec)| codec == wanted)),
        Choice::Theirs { codecs, .. } => formats.audio().find(|(_, codec)| codecs.contains(codec)),
    }
}

fn can_be_sent_to(ip: IpAddr, local: IpAddr) -> bool {
    let is_broadcast = ip == IpAddr::from([255, 255, 255, 255]);
    let is_reachable = ip.is_ipv4() == local.to_canonical().is_ipv4();
    is_reachable && !ip.is_multicast() && !is_broadcast
}

/// Where a media line whose RTP goes to `ip` wants RTCP: what makes no sense is passed over.
fn rtcp(media: &Media, ip: IpAddr, local: IpAddr) -> Rtcp {
    let named = |name: &str| {
        let attributes = media.attributes.iter();
        attributes
            .rev()
            .find(move |attribute| attribute.attribute == name)
    };
    if named("rtcp-mux").is_some() {
        return Rtcp::Muxed;
    }
    let beside = SocketAddr::new(ip, media.port.checked_add(1).unwrap_or_default());
    let value = named("rtcp").and_then(|attribute| attribute.value.as_deref());
    Rtcp::At(
        value
            .and_then(|value| rtcp_address(value, ip, local))
            .unwrap_or(beside),
    )
}

/// `53020`, or `53020 IN IP4 192.0.2.1` (RFC 3605 section 2.1).
fn rtcp_address(value: &str, ip: IpAddr, local: IpAddr) -> Option<SocketAddr> {
    let mut words = value.split_ascii_whitespace();
    let port = words.next()?.parse().ok().filter(|port| *port != 0)?;
    let Some(address) = words.nth(2) else {
        return Some(SocketAddr::new(ip, port));
    };
    let named: IpAddr = address.parse().ok()?;
    let named = named.to_canonical();
    let is_usable = can_be_sent_to(named, local) && !named.is_unspecified();
    is_usable.then_some(SocketAddr::new(named, port))
}

fn ptime_ms(media: &Media) -> Option<u16> {
    let attribute = media
        .attributes
        .iter()
        .find(|attribute| attribute.attribute == "ptime")?;
    let ptime_ms = attribute.value.as_deref()?.trim().parse().ok()?;
    PTIME_MS.contains(&ptime_ms).then_some(ptime_ms)
}

fn direction_of(attributes: &[Attribute]) -> Option<Direction> {
    attributes
        .iter()
        .find_map(|attribute| match attribute.attribute.as_str() {
            "sendrecv" => Some(Direction::SendRecv),
            "sendonly" => Some(Direction::SendOnly),
            "recvonly" => Some(Direction::RecvOnly),
            "inactive" => Some(Direction::Inactive),
            _ => None,
        })
}

/// A peer's words, fit for a log line.
fn printable(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_ascii_graphic() || *c == ' ')
        .take(80)
        .collect()
}
