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
//! Limits: audio m-lines and data channels only. ICE credentials, SSRCs and the DTLS key are drawn
//! by `str0m` itself.

mod negotiate;
mod receive;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::change::SdpPendingOffer;
use str0m::media::Mid;
use str0m::net::Protocol;
use str0m::rtp::{ExtensionValues, RtpWrite};
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc, RtcConfig, RtcError};

use self::negotiate::SECTIONS_MAX;
pub use self::negotiate::{Offer, OfferChanges};

/// Above this level (dBov) a packet is marked as voice (RFC 6464 section 3).
const VOICE_LEVEL_DBOV: i8 = -60;
/// A peer that checks addresses does so at least this often, so that a silent line is soon told
/// from a dead one.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Unanswered checks until [`PeerOutput::Disconnected`]: enough for an ICE restart to come first.
const CHECKS_MAX: usize = 20;

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

/// One peer connection.
#[derive(Debug)]
pub struct Peer {
    rtc: Rtc,
    candidates: Vec<SocketAddr>,
    pending: Option<SdpPendingOffer>,
    mid_by_ssrc: HashMap<u32, Mid>,
    deadline: Option<Instant>,
    last_heard: Option<Instant>,
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

    /// A peer that checks addresses itself (RFC 8445), as browsers do. `candidates` are the
    /// addresses of its own sockets: no two peers may share one, for servers tell peers apart by
    /// address.
    ///
    /// # Errors
    /// [`PeerError::Failed`] when a candidate is no usable address, [`PeerError::Panicked`].
    pub fn ice_full(now: Instant, candidates: &[SocketAddr]) -> Result<Self, PeerError> {
        Self::build(now, candidates, false)
    }

    fn build(now: Instant, candidates: &[SocketAddr], ice_lite: bool) -> Result<Self, PeerError> {
        let rtc = catch_unwind(|| {
            let mut config = RtcConfig::new()
                .set_rtp_mode(true)
                .set_ice_lite(ice_lite)
                .clear_codecs()
                .enable_opus(true, false);
            config.set_max_stun_rto(CHECK_INTERVAL);
            config.set_max_stun_retransmits(CHECKS_MAX);
            config.build(now)
        })
        .map_err(|_| PeerError::Panicked)?;
        let mut peer = Self {
            rtc,
            candidates: candidates.to_vec(),
            pending: None,
            mid_by_ssrc: HashMap::new(),
            deadline: None,
            last_heard: None,
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
            let Some(media) = rtc
                .media(mid)
                .filter(|media| media.direction().is_sending())
            else {
                return Ok(false);
            };
            let Some(&pt) = media.remote_pts().first() else {
                return Ok(false);
            };
            let mut api = rtc.direct_api();
            let Some(stream) = api.stream_tx_by_mid(mid, None) else {
                return Ok(false);
            };
            let extensions = ExtensionValues {
                audio_level: packet.level_dbov,
                voice_activity: packet.level_dbov.map(|level| level > VOICE_LEVEL_DBOV),
                ..Default::default()
            };
            let AudioPacket {
                seq,
                timestamp,
                marker,
                payload,
                ..
            } = packet;
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

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "most events are none of audio's"
    )]
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

    /// Dies as if something beneath had failed.
    #[cfg(test)]
    pub(crate) fn fail(&mut self) {
        self.die(PeerError::Panicked);
    }

    fn die(&mut self, error: PeerError) -> PeerError {
        self.alive = false;
        self.death_untold = true;
        error
    }
}
