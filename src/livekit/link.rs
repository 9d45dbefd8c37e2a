//! One participant's stay in one room on a LiveKit server, through losses; without a socket or a
//! clock.
//!
//! ```text
//! Listener: browser → server → datagram → Peer → LinkEvent::TrackAudio → the mix
//! Caller:   the mix → send_audio → Peer → LinkOutput::Transmit → server → browsers
//! ```

mod config;
mod event;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use livekit_protocol as proto;

pub use config::{LinkConfig, LinkRole, LinkTimings, NODE_ATTRIBUTE};
pub use event::{
    LeaveAction, LinkEvent, LinkOutput, LinkTrouble, RemoteTrack, SignalFailure, TransportId,
};

use crate::rtc::AudioPacket;

/// One participant's stay in one room.
#[derive(Debug)]
pub struct Link {
    config: LinkConfig,
    outputs: VecDeque<LinkOutput>,
}

impl Link {
    /// A link that asks to join at once.
    pub fn new(_now: Instant, config: LinkConfig) -> Self {
        Self {
            config,
            outputs: VecDeque::from([LinkOutput::Join]),
        }
    }

    /// The server let us in.
    pub fn joined(&mut self, _now: Instant, _response: proto::JoinResponse) {}

    /// The join came to nothing.
    pub fn join_failed(&mut self, _now: Instant, _failure: SignalFailure) {}

    /// Signalling is back within the same session.
    pub fn resumed(&mut self, _now: Instant, _response: proto::ReconnectResponse) {}

    /// The resume came to nothing.
    pub fn resume_failed(&mut self, _now: Instant, _failure: SignalFailure) {}

    /// The server said something.
    pub fn handle_signal(&mut self, _now: Instant, _message: proto::signal_response::Message) {}

    /// The signalling connection closed without having been asked to.
    pub fn signal_closed(&mut self, _now: Instant, _reason: &str) {}

    /// The sockets of a transport are open at these addresses, at which others reach them.
    pub fn bound(&mut self, _now: Instant, _transport: TransportId, _local: &[SocketAddr]) {}

    /// No socket could be opened.
    pub fn bind_failed(&mut self, _now: Instant, _transport: TransportId, _reason: &str) {}

    /// Takes a datagram that came in at the address `local` of a transport.
    pub fn handle_datagram(
        &mut self,
        _now: Instant,
        _transport: TransportId,
        _local: SocketAddr,
        _from: SocketAddr,
        _datagram: &[u8],
    ) {
    }

    /// Sends one packet of the caller. False: nobody can hear it now, it was dropped.
    pub fn send_audio(&mut self, _now: Instant, _packet: &AudioPacket) -> bool {
        false
    }

    /// Mutes or unmutes the caller's track, now and after every rejoin.
    pub fn set_muted(&mut self, _now: Instant, _muted: bool) {}

    /// Changes the participant's attributes, now and after every rejoin.
    pub fn set_attributes(&mut self, _now: Instant, _attributes: BTreeMap<String, String>) {}

    /// Somebody else got through, or the room was deleted: no need to wait.
    pub fn retry_now(&mut self, _now: Instant) {}

    /// Leaves the room. [`LinkEvent::Closed`] follows.
    pub fn close(&mut self, _now: Instant) {}

    /// Signalling and media are both there.
    pub fn is_up(&self) -> bool {
        self.config.node.is_empty()
    }

    /// When [`Link::handle_timeout`] is due, if ever.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, _now: Instant) {}

    /// The next thing to do, `None` when there is nothing left.
    pub fn poll_output(&mut self) -> Option<LinkOutput> {
        self.outputs.pop_front()
    }
}
