//! WebRTC transport for audio, without sockets: `str0m` is named here and nowhere else.
//!
//! ```text
//! datagram → Mux (which peer?) → Peer (ICE, DTLS, SRTP, RTP) → AudioPacket
//! AudioPacket → Peer::send_audio → Transmit
//! ```
//!
//! Opus packets pass through as they are: nothing in here decodes, buffers or reorders. What is
//! absent: video, TURN, ICE over TCP, candidate gathering.

mod mux;
mod peer;
mod sdp;

pub use mux::Mux;
pub use peer::{AudioPacket, Offer, OfferChanges, Peer, PeerError, PeerOutput};
pub use sdp::{MediaSection, Msid, fingerprint, media_sections, sending_only, with_msids};
pub use str0m::media::Mid;
