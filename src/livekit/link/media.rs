//! Media: sockets come, packets pass, silence falls, and what is done about it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use livekit_protocol as proto;
use proto::signal_request::Message as Said;

use super::signal::{Signal, Way};
use super::transport::{Transport, Verdict};
use super::{Link, LinkEvent, LinkOutput, LinkTrouble, Told, TransportId};
use crate::rtc::{AudioPacket, PeerOutput};

/// Connections that came to nothing, one after the other, until the network is blamed for it.
const CONNECTS_FAILED_MAX: u32 = 2;
/// Media that is lost again so soon after a resume is not resumed once more.
const RESUMED_AGAIN_AFTER: Duration = Duration::from_secs(30);

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
            heard.heard(now, datagram);
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

    /// Time passes for media.
    pub(super) fn handle_media_timeout(&mut self, now: Instant) {
        let timings = self.config.timings;
        let verdict = self
            .transport
            .as_mut()
            .and_then(|t| t.handle_timeout(now, &timings));
        match verdict {
            Some(Verdict::FellSilent) => self.fell_silent(now),
            Some(Verdict::PathBack) => self.path_back(now),
            Some(Verdict::Stuck) => {
                self.stuck = self.stuck.saturating_add(1);
                self.rejoin(now, LinkTrouble::Media);
            }
            Some(Verdict::NeverHealed | Verdict::Dead) => {
                self.rejoin(now, LinkTrouble::Media);
            }
            Some(Verdict::NeverConnected) => self.never_connected(now),
            None => {}
        }
    }

    /// Media was lost. With signalling alive a new path may help; without, only a new beginning.
    fn fell_silent(&mut self, now: Instant) {
        match self.signal {
            Signal::Open => {
                if self.transport.as_ref().is_some_and(Transport::is_dead) {
                    // Closed by the server: signalling is about to say why.
                    return;
                }
                self.trouble = Some(LinkTrouble::Media);
                let resumed = self.media_resumed_at;
                if resumed.is_some_and(|at| now < at + RESUMED_AGAIN_AFTER) {
                    self.rejoin(now, LinkTrouble::Media);
                } else {
                    self.media_resumed_at = Some(now);
                    self.go(now, Way::Resume);
                }
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

    /// The network is back, but the server gave up on this path while it was away.
    fn path_back(&mut self, now: Instant) {
        if let (Signal::Open, Some(transport)) = (self.signal, &mut self.transport) {
            transport.restarted();
            self.go(now, Way::Resume);
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
        self.full_update_due = false;
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
                    self.stuck = 0;
                    self.has_connected = true;
                }
                PeerOutput::Disconnected => fell_silent |= transport.fall_silent(now),
            }
        }
        fell_silent |= transport.is_dead() && transport.bury(now);
        if fell_silent {
            self.fell_silent(now);
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
