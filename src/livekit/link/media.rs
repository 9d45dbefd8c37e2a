//! Media: sockets come, datagrams pass, negotiation, silence, and what is done about it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use livekit_protocol as proto;
use proto::signal_request::Message as Said;

use super::room::TRACKS_MAX;
use super::signal::{Signal, Way};
use super::transport::{Transport, Verdict};
use super::{Link, LinkEvent, LinkOutput, LinkRole, LinkTrouble, Told, TransportId};
use crate::rtc::{AudioPacket, Mid, PeerOutput, ice_ufrag, media_sections, sending_only};

/// Connections that came to nothing, one after the other, until the network is blamed for it.
const CONNECTS_FAILED_MAX: u32 = 2;
/// After media was closed by the server, its word why is waited for this long.
const LEAVE_WITHIN: Duration = Duration::from_millis(300);
/// The longest trickled candidate that is read, in bytes.
const CANDIDATE_LEN_MAX: usize = 2048;

impl Link {
    /// The sockets of a transport are open at these addresses, at which others reach them.
    pub fn bound(&mut self, now: Instant, transport: TransportId, local: &[SocketAddr]) {
        let Some(bound) = self
            .transport
            .as_mut()
            .filter(|t| t.id == transport && t.peer.is_none())
        else {
            return;
        };
        if let Err(error) = bound.open(now, local) {
            self.rejoin(
                now,
                LinkTrouble::Unreachable(format!("no media transport: {error}")),
            );
        } else if let Some(offer) = bound.early_offer.take() {
            self.handle_offer(now, offer);
        }
        self.settle(now);
    }

    /// No socket could be opened.
    pub fn bind_failed(&mut self, now: Instant, transport: TransportId, reason: &str) {
        if self
            .transport
            .as_ref()
            .is_some_and(|t| t.id == transport && t.peer.is_none())
        {
            self.rejoin(
                now,
                LinkTrouble::Unreachable(format!("no UDP socket: {reason}")),
            );
            self.settle(now);
        }
    }

    /// Takes a datagram that came in at the address `local` of a transport.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        transport: TransportId,
        local: SocketAddr,
        from: SocketAddr,
        datagram: &[u8],
    ) {
        let Some(heard) = self.transport.as_mut().filter(|t| t.id == transport) else {
            return;
        };
        let Some(peer) = &mut heard.peer else { return };
        // A peer that fails here says so in its output.
        if peer
            .handle_receive_at(now, local, from, datagram)
            .unwrap_or(false)
        {
            heard.heard();
        }
        self.settle(now);
    }

    /// Sends one packet of the caller. False: nobody can hear it now, it was dropped.
    ///
    /// Packets are numbered here; only their timestamps count, which run on through every loss.
    pub fn send_audio(&mut self, now: Instant, packet: &AudioPacket) -> bool {
        let Some(transport) = self.transport.as_mut() else {
            return false;
        };
        let live = transport.is_live();
        let Some(peer) = &mut transport.peer else {
            return false;
        };
        let sent = self.publication.send(now, peer, packet).unwrap_or(false);
        self.settle(now);
        sent && live
    }

    /// The server offers what we are to hear.
    pub(super) fn handle_offer(&mut self, now: Instant, offer: proto::SessionDescription) {
        let Some(transport) = &mut self.transport else {
            return;
        };
        transport.must_connect(now, &self.config.timings);
        if !transport.same_far_end(&offer.sdp) {
            self.rejoin(
                now,
                LinkTrouble::Signalling("the session moved to another server".into()),
            );
            return;
        }
        let Some(peer) = &mut transport.peer else {
            transport.early_offer = Some(offer);
            return;
        };
        match peer.accept_offer(now, &sending_only(&offer.sdp)) {
            Ok(sdp) => {
                let before = self.last_exchange.as_ref();
                let before = before.and_then(|(offer, _)| ice_ufrag(&offer.sdp));
                if before.is_some_and(|before| ice_ufrag(&offer.sdp) != Some(before)) {
                    transport.seek_path(now);
                }
                transport.negotiated = true;
                self.room.set_lines(lines(&offer));
                let answer = proto::SessionDescription {
                    r#type: "answer".to_owned(),
                    sdp,
                    id: offer.id,
                    ..Default::default()
                };
                self.send(Said::Answer(answer.clone()));
                self.last_exchange = Some((offer, answer));
                self.finish_resume();
            }
            Err(error) => self.rejoin(now, LinkTrouble::Signalling(error.to_string())),
        }
    }

    /// The server answers what we offered.
    pub(super) fn handle_answer(&mut self, now: Instant, answer: &proto::SessionDescription) {
        let Some(transport) = &mut self.transport else {
            return;
        };
        if !transport.same_far_end(&answer.sdp) {
            self.rejoin(
                now,
                LinkTrouble::Signalling("the session moved to another server".into()),
            );
            return;
        }
        let Some(peer) = &mut transport.peer else {
            return;
        };
        match self.publication.answered(now, peer, answer) {
            Ok(true) => {
                transport.negotiated = true;
                self.finish_resume();
            }
            Ok(false) => {}
            Err(error) => self.rejoin(now, LinkTrouble::Signalling(error.to_string())),
        }
    }

    /// The server tells where it may be reached.
    pub(super) fn handle_trickle(&mut self, now: Instant, trickle: &proto::TrickleRequest) {
        #[derive(serde::Deserialize)]
        struct Init {
            candidate: String,
        }
        let ours = match self.config.role {
            LinkRole::Listener => proto::SignalTarget::Subscriber,
            LinkRole::Caller => proto::SignalTarget::Publisher,
        };
        if trickle.target() != ours || trickle.candidate_init.len() > CANDIDATE_LEN_MAX {
            return;
        }
        if let Ok(Init { candidate }) = serde_json::from_str(&trickle.candidate_init)
            && let Some(transport) = &mut self.transport
        {
            transport.add_candidate(now, candidate);
        }
    }

    /// Offers to look for a path anew, after a resume.
    pub(super) fn offer_restart(&mut self, now: Instant) {
        let Some(transport) = &mut self.transport else {
            return;
        };
        let Some(peer) = &mut transport.peer else {
            return;
        };
        match self.publication.offer_restart(now, peer) {
            Ok(Some(offer)) => {
                transport.seek_path(now);
                self.send(Said::Offer(offer));
            }
            Ok(None) => {}
            Err(error) => self.rejoin(now, LinkTrouble::Signalling(error.to_string())),
        }
    }

    fn offer_track(&mut self, now: Instant) {
        let Some(peer) = self.transport.as_mut().and_then(|t| t.peer.as_mut()) else {
            return;
        };
        match self.publication.offer_track(now, peer) {
            Ok(Some(offer)) => self.send(Said::Offer(offer)),
            Ok(None) => {}
            Err(error) => self.rejoin(now, LinkTrouble::Signalling(error.to_string())),
        }
    }

    /// Time passes for media.
    pub(super) fn handle_media_timeout(&mut self, now: Instant) {
        let timings = self.config.timings;
        let verdict = self
            .transport
            .as_mut()
            .and_then(|t| t.handle_timeout(now, &timings));
        match verdict {
            Some(Verdict::FellSilent) => self.fell_silent(now),
            Some(Verdict::NeverHealed) => self.rejoin(now, LinkTrouble::Media),
            Some(Verdict::NeverConnected) => self.never_connected(now),
            None => {}
        }
    }

    /// Media was lost. With signalling alive a new path may help; without, only a new beginning.
    fn fell_silent(&mut self, now: Instant) {
        match self.signal {
            Signal::Open => {
                self.trouble = Some(LinkTrouble::Media);
                self.go(now, Way::Resume);
            }
            Signal::Waiting {
                until,
                way: Way::Resume,
                firm,
            } => {
                self.drop_transport();
                self.signal = Signal::Waiting {
                    until,
                    way: Way::Join,
                    firm,
                };
            }
            Signal::Waiting { .. }
            | Signal::Joining { .. }
            | Signal::Resuming { .. }
            | Signal::Syncing { .. }
            | Signal::Closed => {}
        }
    }

    fn never_connected(&mut self, now: Instant) {
        if !self
            .transport
            .as_ref()
            .is_some_and(|transport| transport.negotiated)
        {
            let reason = "the server did not negotiate media".to_owned();
            self.rejoin(now, LinkTrouble::Signalling(reason));
            return;
        }
        self.connects_failed = self.connects_failed.saturating_add(1);
        if self.relay_forced {
            self.rejoin_later(now, LinkTrouble::RelayForced);
        } else if self.connects_failed >= CONNECTS_FAILED_MAX && self.has_connected {
            self.rejoin(now, LinkTrouble::UdpBlocked);
        } else if self.connects_failed >= CONNECTS_FAILED_MAX {
            self.rejoin_later(now, LinkTrouble::UdpBlocked);
        } else {
            self.rejoin(now, LinkTrouble::Media);
        }
    }

    /// Forgets the media of this generation: what was heard of it goes down.
    pub(super) fn drop_transport(&mut self) {
        if let Some(Transport { id: transport, .. }) = self.transport.take() {
            self.outputs.push_back(LinkOutput::Unbind { transport });
        }
        self.last_exchange = None;
        self.confirm_by = None;
        self.leave_by = None;
        self.room.settle(false);
    }

    /// Carries out what the peer wants.
    pub(super) fn drain_peer(&mut self, now: Instant) {
        let Some(transport) = &mut self.transport else {
            return;
        };
        let id = transport.id;
        let mut fell_silent = false;
        while let Some(output) = transport.peer.as_mut().and_then(|peer| peer.poll_output()) {
            match output {
                PeerOutput::Transmit { to, bytes } => {
                    self.outputs.push_back(LinkOutput::Transmit {
                        transport: id,
                        to,
                        bytes,
                    });
                }
                PeerOutput::Audio { mid, packet, .. } => {
                    if let Some(event) = self.room.hear(mid, packet) {
                        self.outputs.push_back(LinkOutput::Event(event));
                    }
                }
                PeerOutput::Connected => {
                    transport.connected();
                    self.connects_failed = 0;
                    self.has_connected = true;
                }
                PeerOutput::PathFound => transport.path_found(),
                PeerOutput::Disconnected => fell_silent |= transport.fall_silent(now),
            }
        }
        if transport.is_dead() {
            self.media_closed(now);
        } else if fell_silent {
            self.fell_silent(now);
        }
    }

    /// The server closed media. It does so before it says why, when it sends us away.
    fn media_closed(&mut self, now: Instant) {
        if !self.signal.is_connected() {
            self.rejoin(now, LinkTrouble::Media);
        } else if self.leave_by.is_none() {
            self.trouble = Some(LinkTrouble::Media);
            self.leave_by = Some(now + LEAVE_WITHIN);
        }
    }

    /// Does what has become possible, and tells what has changed.
    pub(super) fn settle(&mut self, now: Instant) {
        self.offer_track(now);
        self.drain_peer(now);
        let live = self.transport.as_ref().is_some_and(Transport::is_live);
        self.room.settle(live);
        if self.signal.is_connected() {
            let track_sids = self.room.take_unasked();
            if !track_sids.is_empty() {
                let subscribe = true;
                let wanted = proto::UpdateSubscription {
                    track_sids,
                    subscribe,
                    ..Default::default()
                };
                self.send(Said::Subscription(wanted));
            }
        }
        self.outputs.extend(self.room.drain_events());
        self.tell(now);
    }

    fn tell(&mut self, now: Instant) {
        if self.is_up() {
            if self.told != Told::Up {
                self.told = Told::Up;
                self.trouble = None;
                self.up_since = Some(now);
                self.outputs.push_back(LinkOutput::Event(LinkEvent::Up));
            }
        } else if let Some(trouble) = &self.trouble {
            let told = Told::Down(std::mem::discriminant(trouble));
            if self.told != told {
                self.told = told;
                let trouble = trouble.clone();
                self.outputs
                    .push_back(LinkOutput::Event(LinkEvent::Down { trouble }));
            }
        }
    }
}

/// Which track is on which m-line: told by the server, or, by older ones, written in the offer.
fn lines(offer: &proto::SessionDescription) -> HashMap<String, Mid> {
    let sections = media_sections(&offer.sdp);
    let sending = sections
        .iter()
        .filter(|section| section.kind == "audio" && section.sends);
    let named = sending.filter_map(|section| {
        let told = offer.mid_to_track_id.get(section.mid).map(String::as_str);
        let written = section.track_id.filter(|id| id.starts_with("TR_"));
        let track_sid = if offer.mid_to_track_id.is_empty() {
            written
        } else {
            told
        }?;
        Some((track_sid.to_owned(), Mid::from(section.mid)))
    });
    named.take(TRACKS_MAX).collect()
}
