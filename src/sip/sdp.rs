//! Offer and answer (RFC 3264) for one audio stream of G.711, G.722 or Opus, and telephone-event.
//!
//! ```text
//! INVITE body -> negotiate -> (Negotiated, 200 body)         the usual way
//! no body     -> offer -> 200 body ... ACK body -> accept_answer -> Negotiated
//! ```
//!
//! The first usable `m=audio` line over RTP/AVP or RTP/SAVP is taken, an encrypted one before a plain one, and
//! every other line is declined with port 0. Keys come by `a=crypto` (RFC 4568) alone: no DTLS. RTCP is multiplexed
//! (RFC 5761) with whoever offers or takes it. ICE and host names in `c=` are not spoken. Descriptions are read as octets and may be up to [`BYTES_MAX`] long
//! with up to [`LINES_MAX`] media lines.

mod crypto;
#[cfg(test)]
mod encrypted_tests;
mod formats;
mod read;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod wide_tests;
mod write;

use std::net::{IpAddr, SocketAddr};

use formats::Formats;

pub use crypto::{LocalSrtp, Srtp, SrtpKey, SrtpRule, Suite};

/// Longest session description that is read, in octets.
pub const BYTES_MAX: usize = 16 * 1024;

/// Most `m=` lines that a session description may have.
pub const LINES_MAX: usize = 16;

/// The audio formats of the phone leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// G.711 mu-law, static payload type 0 (RFC 3551 section 4.5.14).
    Pcmu,
    /// G.711 A-law, static payload type 8 (RFC 3551 section 4.5.14).
    Pcma,
    /// G.722 at 64 kbit/s, static payload type 9; SDP says 8,000 Hz of it (RFC 3551 section 4.5.2).
    G722,
    /// Opus (RFC 7587), any payload type.
    Opus,
}

impl Codec {
    /// All of them, in the order of preference where nobody says another.
    pub const ALL: [Self; 4] = [Self::Pcmu, Self::Pcma, Self::G722, Self::Opus];

    /// The codec with this encoding name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|codec| name.eq_ignore_ascii_case(codec.name()))
    }

    /// The encoding name of `a=rtpmap` (compare without regard to case).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
            Self::G722 => "G722",
            Self::Opus => "opus",
        }
    }

    /// The payload type fixed by RFC 3551 table 4; of Opus the one that we give it.
    #[must_use]
    pub fn usual_payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
            Self::G722 => 9,
            Self::Opus => 111,
        }
    }
}

/// Which way media flows, seen from the side that names it (RFC 3264 section 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Both ways; what a description without an attribute means.
    SendRecv,
    /// This side sends and does not listen.
    SendOnly,
    /// This side listens and does not send.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// The attribute name, such as `sendrecv`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// Whether this side sends media.
    #[must_use]
    pub fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether this side receives media.
    #[must_use]
    pub fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The same flow as the other side names it (RFC 3264 section 6.1).
    #[must_use]
    pub fn mirrored(self) -> Self {
        Self::of(self.receives(), self.sends())
    }

    /// The same flow without what this side would send.
    fn silenced(self) -> Self {
        Self::of(false, self.receives())
    }

    fn of(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }
}

/// Where the far side wants RTCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rtcp {
    /// On the RTP port (`a=rtcp-mux`, RFC 5761), and so do we.
    Muxed,
    /// There: what `a=rtcp` says (RFC 3605), else one port beside RTP.
    At(SocketAddr),
}

/// Our side of the session, as it is to be written into a description.
#[derive(Debug, Clone, Copy)]
pub struct LocalMedia<'a> {
    /// Address that the far side can send RTP to.
    pub addr: IpAddr,
    /// UDP port of RTP there (and of RTCP where both sides multiplex it, else that is the next one).
    pub port: u16,
    /// `sess-id` of the `o=` line: one for the whole call.
    pub session_id: u64,
    /// `sess-version` of the `o=` line: one more for each description sent in the call
    /// (RFC 3264 section 8).
    pub version: u64,
    /// Codecs in our order of preference.
    pub prefer: &'a [Codec],
    /// Whether the stream is encrypted, and with which key of ours.
    pub srtp: LocalSrtp,
}

/// What both sides agreed upon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiated {
    /// The one codec of the stream.
    pub codec: Codec,
    /// RTP payload type of [`Self::codec`], both ways.
    pub payload_type: u8,
    /// Bits per second that the far side takes at most, where it says so of Opus.
    pub bitrate_max: Option<u32>,
    /// RTP payload type of telephone-event, where both sides know it.
    pub dtmf_payload_type: Option<u8>,
    /// Where the far side wants RTP. The address is unspecified (`0.0.0.0`, `::`) while the far
    /// side holds the call in the way of RFC 2543: keep the former one and send nothing to it.
    pub remote: SocketAddr,
    /// Where the far side wants RTCP.
    pub rtcp: Rtcp,
    /// Packet length the far side asked for with `a=ptime`, in milliseconds, where it is one of
    /// 10 to 60; we send 20 ms whatever it is.
    pub ptime_ms_in: Option<u16>,
    /// What *we* may do.
    pub direction: Direction,
    /// The far side does not want to hear us: it offered `sendonly`, `inactive` or no address.
    pub hold: bool,
    /// How the stream is encrypted; `None` is plain RTP.
    pub srtp: Option<Srtp>,
    /// The `m=` lines of the session in their order, which later offers must keep.
    lines: write::Lines,
    /// What the far side's payload types mean, which later offers must keep, too.
    formats: Formats,
}

/// An offer of ours that waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingOffer {
    codecs: Vec<Codec>,
    addr: IpAddr,
    lines: write::Lines,
    crypto: Option<crypto::Line>,
    rule: SrtpRule,
}

/// Why a description cannot be answered. All of them mean 488 (RFC 3261 section 13.3.1.3).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// Longer than [`BYTES_MAX`] or more media lines than [`LINES_MAX`].
    #[error("session description is too large")]
    TooLarge,
    /// Not a session description (RFC 8866).
    #[error("session description is malformed: {0}")]
    Malformed(String),
    /// No `m=audio` line that is switched on (port other than 0).
    #[error("no audio stream")]
    NoAudio,
    /// The audio is neither RTP/AVP nor RTP/SAVP, or it is encrypted where nothing is to be.
    #[error("transport profile {0} is not supported")]
    Profile(String),
    /// The audio is plain and must not be.
    #[error("encrypted audio (SRTP) is required here")]
    Unencrypted,
    /// The audio is encrypted and no `a=crypto` line has a key that we take.
    #[error("no key for encrypted audio (a=crypto) that we take")]
    Keys,
    /// The key of encrypted audio came by signalling that everybody can read.
    #[error("keys of encrypted audio are taken over TLS alone")]
    KeysInClear,
    /// None of our codecs is among those offered.
    #[error("no codec in common")]
    NoCodec,
    /// The address is missing, a host name, a multicast group or not of our address family.
    #[error("connection address cannot be reached")]
    Address,
    /// The answer has not the media lines of our offer (RFC 3264 section 6).
    #[error("answer does not match the offer")]
    Mismatch,
}

/// Answers an offer: what was agreed, and the body of our answer with CRLF line ends.
///
/// # Errors
/// Any [`SdpError`] but [`SdpError::Mismatch`]; the former session, if any, goes on.
pub fn negotiate(offer: &[u8], local: &LocalMedia<'_>) -> Result<(Negotiated, Vec<u8>), SdpError> {
    let offer = read::Description::parse(offer)?;
    let (index, stream) = offer.first_usable(local)?;
    let lines = write::Lines::declining(&offer, index);
    let formats = stream.answer();
    let negotiated = stream.agreed(lines);
    let answer = write::answer(local, &negotiated, &formats, offer.time());
    Ok((negotiated, answer))
}

/// The address that an offer wants its audio at: ours in the answer must be of the same family. `None` when it does not say.
#[must_use]
pub fn audio_ip(offer: &[u8]) -> Option<IpAddr> {
    let ip = read::Description::parse(offer).ok()?.audio_ip()?;
    (!ip.is_unspecified()).then_some(ip)
}

/// Makes an offer of all codecs of `local.prefer`, sending and receiving: for a call of ours, and for an INVITE or
/// re-INVITE that came without a description. It is RTP/SAVP where encryption is required (without a key, which
/// nobody can answer, where there is none), RTP/AVP with a key where it is preferred. `previous` is what the session
/// agreed upon before, whose media
/// lines and payload types must be kept (RFC 3264 section 8).
#[must_use]
pub fn offer(local: &LocalMedia<'_>, previous: Option<&Negotiated>) -> (PendingOffer, Vec<u8>) {
    let nothing = Formats::default();
    let (lines, before, dtmf, crypto) = match previous {
        Some(former) => (
            former.lines.clone(),
            &former.formats,
            former.dtmf_payload_type.is_some(),
            former.srtp.as_ref().map(crypto::Line::of),
        ),
        None => (
            write::Lines::single(local.srtp.rule == SrtpRule::Required),
            &nothing,
            true,
            crypto::Line::offered(&local.srtp),
        ),
    };
    let formats = Formats::offered(local.prefer, dtmf, before, lines.audio_formats());
    let body = write::offer(local, &lines, &formats, crypto.as_ref());
    (
        PendingOffer {
            codecs: local.prefer.to_vec(),
            addr: local.addr,
            lines,
            crypto,
            rule: local.srtp.rule,
        },
        body,
    )
}

/// Reads the answer to an offer of ours.
///
/// # Errors
/// Any [`SdpError`]; the caller hangs up or, within a call, keeps the former session.
pub fn accept_answer(pending: &PendingOffer, answer: &[u8]) -> Result<Negotiated, SdpError> {
    let answer = read::Description::parse(answer)?;
    if answer.media().len() != pending.lines.len() {
        return Err(SdpError::Mismatch);
    }
    let media = answer
        .media()
        .get(pending.lines.audio())
        .ok_or(SdpError::Mismatch)?;
    let choice = read::Choice::Theirs {
        codecs: &pending.codecs,
        crypto: pending.crypto.as_ref(),
        rule: pending.rule,
    };
    let stream = answer.usable(media, choice, pending.addr)?;
    Ok(stream.agreed(pending.lines.clone()))
}
