//! One peer connection in RTP mode: Opus in, Opus out, no clock, no socket.
//!
//! After every call that changes something, drain [`Peer::poll_output`] until it gives `None`,
//! then wait for a datagram or for [`Peer::deadline`].
//!
//! Two habits of `str0m` are met here so that nobody else has to know them. It starts nothing by
//! itself after a change of state, so every change ends in [`Peer::kick`]. And it treats its own
//! bugs as panics, so every call into it is fenced: a peer that panicked is dead, its neighbours
//! never notice.
//!
//! Limits: audio m-lines and data channels only; descriptions of at most [`SDP_LEN_MAX`] bytes and
//! [`SECTIONS_MAX`] sections. ICE credentials, SSRCs and the DTLS key are drawn by `str0m` itself.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, Reliability};
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpWrite};
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc, RtcConfig, RtcError};

use super::sdp::{Msid, media_sections};

/// The longest session description we read, in bytes.
const SDP_LEN_MAX: usize = 128 * 1024;
/// The most m-lines a session description may have.
const SECTIONS_MAX: usize = 64;
/// Above this level (dBov) a packet is marked as voice (RFC 6464 section 3).
const VOICE_LEVEL_DBOV: i8 = -60;

/// Why a peer refused a call.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The session description is too long, has too many sections or does not parse.
    #[error("unusable session description: {0}")]
    Description(String),
    /// An answer came although no offer of ours is outstanding.
    #[error("answer without an offer")]
    NoOffer,
    /// The connection failed beneath us; the peer is dead from here on.
    #[error("connection failed: {0}")]
    Failed(String),
    /// A bug beneath us; the peer is dead from here on.
    #[error("the transport panicked")]
    Panicked,
    /// The peer was closed or had failed before.
    #[error("the peer is closed")]
    Closed,
}

/// One Opus packet as it travels in RTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioPacket {
    /// RTP sequence number, extended beyond 16 bits by the roll-over count.
    pub seq: u64,
    /// RTP timestamp, 48 kHz.
    pub timestamp: u32,
    /// First packet after silence (RFC 3551 section 4.1).
    pub marker: bool,
    /// Level of the packet's audio, 0 (loudest) to -127 dBov, when its sender told (RFC 6464).
    pub level_dbov: Option<i8>,
    /// The Opus packet.
    pub payload: Arc<[u8]>,
}

/// What a peer wants done, or has to tell.
#[derive(Debug)]
pub enum PeerOutput {
    /// Send this datagram.
    Transmit {
        /// Where to.
        to: SocketAddr,
        /// The whole datagram.
        bytes: Vec<u8>,
    },
    /// An RTP packet came in on this m-line.
    Audio {
        /// The m-line.
        mid: Mid,
        /// The stream within the m-line.
        ssrc: u32,
        /// The packet.
        packet: AudioPacket,
    },
    /// ICE and DTLS are up.
    Connected,
    /// The other side is gone: ICE checks stopped coming, or it closed.
    Disconnected,
}

/// Changes to put into one offer.
#[derive(Debug, Default)]
pub struct OfferChanges {
    /// New send-only audio m-lines with the names they get.
    pub add: Vec<Msid>,
    /// M-lines of ours to send on again. Each gets a new SSRC, so that the listener's decoder
    /// starts afresh: state left from another source can make the new one ring for seconds.
    pub resume: Vec<Mid>,
    /// M-lines of ours to make inactive.
    pub pause: Vec<Mid>,
    /// Data channels to open: label and whether it is reliable and ordered.
    pub channels: Vec<(&'static str, bool)>,
}

/// An offer to be sent to the other side.
#[derive(Debug)]
pub struct Offer {
    /// The description.
    pub sdp: String,
    /// The m-lines made for [`OfferChanges::add`], in that order.
    pub added: Vec<Mid>,
}

/// One peer connection.
#[derive(Debug)]
pub struct Peer {
    rtc: Rtc,
    candidates: Vec<SocketAddr>,
    pending: Option<SdpPendingOffer>,
    mid_by_ssrc: HashMap<u32, Mid>,
    deadline: Option<Instant>,
    alive: bool,
    /// Died, and [`PeerOutput::Disconnected`] has not been given yet.
    death_untold: bool,
}

impl Peer {
    /// A peer that only answers ICE checks (RFC 8445 section 2.5), reachable at `candidates`.
    ///
    /// # Errors
    /// [`PeerError::Failed`] when a candidate is no usable address, [`PeerError::Panicked`].
    pub fn ice_lite(now: Instant, candidates: &[SocketAddr]) -> Result<Self, PeerError> {
        Self::build(now, candidates, true)
    }

    /// A peer that checks addresses itself, as browsers do.
    #[cfg(test)]
    pub(crate) fn ice_full(now: Instant, own: SocketAddr) -> Self {
        Self::build(now, &[own], false).unwrap()
    }

    fn build(now: Instant, candidates: &[SocketAddr], ice_lite: bool) -> Result<Self, PeerError> {
        let rtc = catch_unwind(|| {
            RtcConfig::new()
                .set_rtp_mode(true)
                .set_ice_lite(ice_lite)
                .clear_codecs()
                .enable_opus(true, false)
                .build(now)
        })
        .map_err(|_| PeerError::Panicked)?;
        let mut peer = Self {
            rtc,
            candidates: candidates.to_vec(),
            pending: None,
            mid_by_ssrc: HashMap::new(),
            deadline: None,
            alive: true,
            death_untold: false,
        };
        for &address in candidates {
            let candidate = Candidate::host(address, Protocol::Udp)
                .map_err(|error| PeerError::Failed(error.to_string()))?;
            peer.fenced(|rtc| {
                rtc.add_local_candidate(candidate);
                Ok(())
            })?;
        }
        peer.kick(now)?;
        Ok(peer)
    }

    /// The local ICE ufrag: the name under which a shared port finds this peer.
    pub fn ufrag(&mut self) -> String {
        self.rtc.direct_api().local_ice_credentials().ufrag
    }

    /// False once the connection failed or was closed.
    pub fn is_alive(&self) -> bool {
        self.alive
    }

    /// Takes the other side's offer and gives our answer.
    ///
    /// # Errors
    /// [`PeerError::Description`] for unusable text; the others as named.
    pub fn accept_offer(&mut self, now: Instant, sdp: &str) -> Result<String, PeerError> {
        check_size(sdp)?;
        self.pending = None;
        self.mid_by_ssrc.clear();
        let answer = self.fenced(|rtc| {
            let offer = SdpOffer::from_sdp_string(sdp)?;
            Ok(rtc.sdp_api().accept_offer(offer)?.to_sdp_string())
        })?;
        self.kick(now)?;
        Ok(answer)
    }

    /// Makes an offer of these changes, or `None` when nothing has to be negotiated. An offer that
    /// is still outstanding is forgotten.
    ///
    /// # Errors
    /// As named in [`PeerError`].
    pub fn offer(
        &mut self,
        now: Instant,
        changes: OfferChanges,
    ) -> Result<Option<Offer>, PeerError> {
        let made = self.fenced(|rtc| {
            for &mid in &changes.resume {
                let mut api = rtc.direct_api();
                let ssrc = api.new_ssrc();
                api.reset_stream_tx(mid, None, ssrc, None);
            }
            let mut api = rtc.sdp_api();
            for (label, reliable) in changes.channels {
                api.add_channel_with_config(channel(label, reliable));
            }
            for mid in changes.pause {
                api.set_direction(mid, Direction::Inactive);
            }
            for mid in changes.resume {
                api.set_direction(mid, Direction::SendOnly);
            }
            let added = changes
                .add
                .into_iter()
                .map(|Msid { stream, track }| {
                    let (kind, direction) = (MediaKind::Audio, Direction::SendOnly);
                    api.add_media(kind, direction, Some(stream), Some(track), None)
                })
                .collect();
            Ok(api.apply().map(|(offer, pending)| (offer.to_sdp_string(), pending, added)))
        })?;
        self.kick(now)?;
        Ok(made.map(|(sdp, pending, added)| {
            self.pending = Some(pending);
            Offer { sdp, added }
        }))
    }

    /// Takes the answer to our outstanding offer.
    ///
    /// # Errors
    /// [`PeerError::NoOffer`], [`PeerError::Description`]; the others as named.
    pub fn accept_answer(&mut self, now: Instant, sdp: &str) -> Result<(), PeerError> {
        check_size(sdp)?;
        let pending = self.pending.take().ok_or(PeerError::NoOffer)?;
        self.fenced(|rtc| {
            let answer = SdpAnswer::from_sdp_string(sdp)?;
            rtc.sdp_api().accept_answer(pending, answer)
        })?;
        self.kick(now)
    }

    /// Takes a datagram. `Ok(false)`: it is not for this peer, or its STUN integrity is wrong.
    ///
    /// # Errors
    /// [`PeerError::Failed`] and [`PeerError::Panicked`]: the peer is dead.
    pub fn handle_receive(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &[u8],
    ) -> Result<bool, PeerError> {
        let same_family = |own: &&SocketAddr| own.is_ipv4() == from.is_ipv4();
        let Some(&own) = self.candidates.iter().find(same_family) else {
            return Ok(false);
        };
        let Ok(receive) = Receive::new(Protocol::Udp, from, own, datagram) else {
            return Ok(false);
        };
        let input = Input::Receive(now, receive);
        self.fenced(|rtc| {
            let accepted = rtc.accepts(&input);
            if accepted {
                rtc.handle_input(input)?;
            }
            Ok(accepted)
        })
    }

    /// Lets time pass.
    ///
    /// # Errors
    /// [`PeerError::Failed`] and [`PeerError::Panicked`]: the peer is dead.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), PeerError> {
        self.kick(now)
    }

    /// When [`Peer::handle_timeout`] is due. `None` for a dead peer.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline.filter(|_| self.alive)
    }

    /// Sends one packet on an m-line of ours. `Ok(false)`: the m-line is not sending (yet).
    ///
    /// The first packet of an m-line, also of one that was resumed, must have a `seq` below 65,536, for the receiver counts
    /// SRTP roll-overs from zero (RFC 3711 section 3.3.1).
    ///
    /// # Errors
    /// [`PeerError::Failed`] and [`PeerError::Panicked`]: the peer is dead.
    pub fn send_audio(
        &mut self,
        now: Instant,
        mid: Mid,
        packet: AudioPacket,
    ) -> Result<bool, PeerError> {
        let sent = self.fenced(|rtc| {
            let Some(media) = rtc.media(mid).filter(|media| media.direction().is_sending()) else {
                return Ok(false);
            };
            let Some(&pt) = media.remote_pts().first() else { return Ok(false) };
            let mut api = rtc.direct_api();
            let Some(stream) = api.stream_tx_by_mid(mid, None) else { return Ok(false) };
            let extensions = ExtensionValues {
                audio_level: packet.level_dbov,
                voice_activity: packet.level_dbov.map(|level| level > VOICE_LEVEL_DBOV),
                ..Default::default()
            };
            let AudioPacket { seq, timestamp, marker, payload, .. } = packet;
            let write = RtpWrite::new(pt, seq.into(), timestamp, now, payload);
            stream.write_rtp(write.marker(marker).ext_vals(extensions));
            Ok(true)
        })?;
        if sent {
            self.kick(now)?;
        }
        Ok(sent)
    }

    /// The next thing to do, `None` when there is nothing left until the next input.
    pub fn poll_output(&mut self) -> Option<PeerOutput> {
        while let Ok(output) = self.fenced(Rtc::poll_output) {
            match output {
                Output::Timeout(at) => {
                    self.deadline = Some(at);
                    return None;
                }
                Output::Transmit(transmit) => {
                    let (to, bytes) = (transmit.destination, transmit.contents.into());
                    return Some(PeerOutput::Transmit { to, bytes });
                }
                Output::Event(event) => {
                    if let Some(output) = self.translate(event) {
                        return Some(output);
                    }
                }
            }
        }
        std::mem::take(&mut self.death_untold).then_some(PeerOutput::Disconnected)
    }

    fn translate(&mut self, event: Event) -> Option<PeerOutput> {
        match event {
            Event::Connected => Some(PeerOutput::Connected),
            Event::Closed | Event::IceConnectionStateChange(IceConnectionState::Disconnected) => {
                Some(PeerOutput::Disconnected)
            }
            Event::RtpPacket(packet) => {
                let ssrc = *packet.header.ssrc;
                let mid = self.mid_of(ssrc)?;
                let packet = AudioPacket {
                    seq: *packet.seq_no,
                    timestamp: packet.header.timestamp,
                    marker: packet.header.marker,
                    level_dbov: packet.header.ext_vals.audio_level,
                    payload: packet.payload,
                };
                Some(PeerOutput::Audio { mid, ssrc, packet })
            }
            _ => None,
        }
    }

    fn mid_of(&mut self, ssrc: u32) -> Option<Mid> {
        if let Some(mid) = self.mid_by_ssrc.get(&ssrc) {
            return Some(*mid);
        }
        let mid = self.rtc.direct_api().stream_rx(&ssrc.into())?.mid();
        if self.mid_by_ssrc.len() >= SECTIONS_MAX {
            self.mid_by_ssrc.clear();
        }
        self.mid_by_ssrc.insert(ssrc, mid);
        Some(mid)
    }

    /// `str0m` acts on what has changed only when time is next given to it.
    fn kick(&mut self, now: Instant) -> Result<(), PeerError> {
        self.fenced(|rtc| rtc.handle_input(Input::Timeout(now)))
    }

    /// Calls into `str0m`; a panic or a failure of the connection kills this peer alone.
    fn fenced<T>(
        &mut self,
        call: impl FnOnce(&mut Rtc) -> Result<T, RtcError>,
    ) -> Result<T, PeerError> {
        if !self.alive {
            return Err(PeerError::Closed);
        }
        // The Rtc is never touched again after an unwind, so nothing torn can be observed.
        match catch_unwind(AssertUnwindSafe(|| call(&mut self.rtc))) {
            Ok(Ok(value)) => {
                self.alive = self.rtc.is_alive();
                Ok(value)
            }
            Ok(Err(RtcError::RemoteSdp(reason))) => Err(PeerError::Description(reason)),
            Ok(Err(RtcError::Sdp(reason))) => Err(PeerError::Description(reason.to_string())),
            Ok(Err(error)) => Err(self.die(PeerError::Failed(error.to_string()))),
            Err(_) => Err(self.die(PeerError::Panicked)),
        }
    }

    fn die(&mut self, error: PeerError) -> PeerError {
        self.alive = false;
        self.death_untold = true;
        error
    }
}

fn check_size(sdp: &str) -> Result<(), PeerError> {
    if sdp.len() > SDP_LEN_MAX {
        return Err(PeerError::Description(format!("longer than {SDP_LEN_MAX} bytes")));
    }
    if media_sections(sdp).len() > SECTIONS_MAX {
        return Err(PeerError::Description(format!("more than {SECTIONS_MAX} sections")));
    }
    Ok(())
}

fn channel(label: &str, reliable: bool) -> ChannelConfig {
    let reliability = if reliable {
        Reliability::Reliable
    } else {
        Reliability::MaxRetransmits { retransmits: 0 }
    };
    ChannelConfig {
        label: label.to_owned(),
        ordered: reliable,
        reliability,
        ..Default::default()
    }
}

#[cfg(test)]
#[path = "peer_tests.rs"]
mod tests;
