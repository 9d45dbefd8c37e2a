//! What the table is told about a leg: what was negotiated, and where it is.

use std::net::SocketAddr;

use super::RoomKey;
use crate::media::asset::PromptId;
use crate::media::codec::Codec;
use crate::media::feed::Playlist;
use crate::media::latch::Sources;
use crate::media::rtcp::{CNAME_LEN, RtcpPath};
use crate::media::srtp::SrtpKeys;

/// Where a leg is: what it hears, and who hears it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Hears silence.
    Nowhere,
    /// In the lobby: prompts and music.
    Waiting(Playlist),
    /// In the room: hears everybody but itself, or music when it has been alone there for 2 s. Is heard.
    Seat(RoomKey),
    /// On hold: hears the room, or music while nobody is in it. Is not heard.
    Listen(RoomKey),
    /// Hears a prompt once, then silence and [`PromptEnded`](super::MediaEvent::PromptEnded).
    Announce(PromptId),
}

/// What an offer and its answer settled, and how our stream begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegSpec {
    /// Codec in both directions.
    pub codec: Codec,
    /// Its payload type in both directions.
    pub payload_type: u8,
    /// Bits per second that the far end takes at most, where it says so of Opus.
    pub bitrate_max: Option<u32>,
    /// Payload type of telephone-event, if there is one.
    pub dtmf_payload_type: Option<u8>,
    /// The far end's address from its SDP.
    pub remote: SocketAddr,
    /// Where else its packets may come from.
    pub sources: Sources,
    /// How the stream is encrypted; plain RTP without.
    pub srtp: Option<SrtpKeys>,
    /// Where the far end wants RTCP.
    pub rtcp: RtcpPath,
    /// Our canonical name; random.
    pub cname: [u8; CNAME_LEN],
    /// Our SSRC; random.
    pub ssrc: u32,
    /// Our first sequence number; random.
    pub sequence: u16,
    /// Our first timestamp; random.
    pub timestamp: u32,
    /// False while the far end sends nothing (it has put us on hold).
    pub receive: bool,
    /// False while the far end wants nothing from us.
    pub send: bool,
}

/// What a re-INVITE may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LegChange {
    /// Codec in both directions.
    pub codec: Codec,
    /// Its payload type in both directions.
    pub payload_type: u8,
    /// Bits per second that the far end takes at most, where it says so of Opus.
    pub bitrate_max: Option<u32>,
    /// Payload type of telephone-event, if there is one.
    pub dtmf_payload_type: Option<u8>,
    /// The far end's address from its SDP; a new one arms the latch anew.
    pub remote: SocketAddr,
    /// How the stream is encrypted from now on.
    pub srtp: Option<SrtpKeys>,
    /// Where the far end wants RTCP.
    pub rtcp: RtcpPath,
    /// False while the far end sends nothing (it has put us on hold).
    pub receive: bool,
    /// False while the far end wants nothing from us.
    pub send: bool,
}

impl From<&LegSpec> for LegChange {
    fn from(spec: &LegSpec) -> Self {
        let &LegSpec {
            codec,
            payload_type,
            bitrate_max,
            dtmf_payload_type,
            remote,
            srtp,
            rtcp,
            receive,
            send,
            ..
        } = spec;
        Self {
            codec,
            payload_type,
            bitrate_max,
            dtmf_payload_type,
            remote,
            srtp,
            rtcp,
            receive,
            send,
        }
    }
}
