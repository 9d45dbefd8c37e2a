//! What comes in from the network: datagrams, and addresses to send to.
//!
//! ```text
//! datagram + the address it came to → STUN, DTLS or SRTP of this peer? → poll_output
//! ```

use std::net::SocketAddr;
use std::time::Instant;

use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Input};

use super::{Peer, PeerError};

impl Peer {
    /// When something for this peer last came in.
    pub fn last_heard(&self) -> Option<Instant> {
        self.last_heard
    }

    /// Takes an address at which the other side may be reached, as it is written in SDP or in a
    /// trickled candidate (RFC 8839 section 5.1). False: not one we can use.
    ///
    /// # Errors
    /// [`PeerError::Failed`] and [`PeerError::Panicked`]: the peer is dead.
    pub fn add_remote_candidate(
        &mut self,
        now: Instant,
        candidate: &str,
    ) -> Result<bool, PeerError> {
        let text = candidate.strip_prefix("a=").unwrap_or(candidate);
        let known = self.fenced(|rtc| {
            let Ok(candidate) = Candidate::from_sdp_string(text) else {
                return Ok(false);
            };
            let usable = candidate.proto() == Protocol::Udp;
            if usable {
                rtc.add_remote_candidate(candidate);
            }
            Ok(usable)
        })?;
        self.kick(now)?;
        Ok(known)
    }

    /// Takes a datagram that came to our only address of its family. `Ok(false)`: it is not for
    /// this peer, or its STUN integrity is wrong.
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
        self.handle_receive_at(now, own, from, datagram)
    }

    /// Takes a datagram that came to the address `local` of ours; otherwise as
    /// [`Peer::handle_receive`].
    ///
    /// # Errors
    /// [`PeerError::Failed`] and [`PeerError::Panicked`]: the peer is dead.
    pub fn handle_receive_at(
        &mut self,
        now: Instant,
        local: SocketAddr,
        from: SocketAddr,
        datagram: &[u8],
    ) -> Result<bool, PeerError> {
        let Ok(receive) = Receive::new(Protocol::Udp, from, local, datagram) else {
            return Ok(false);
        };
        let input = Input::Receive(now, receive);
        let accepted = self.fenced(|rtc| {
            let accepted = rtc.accepts(&input);
            if accepted {
                rtc.handle_input(input)?;
            }
            Ok(accepted)
        })?;
        if accepted {
            self.last_heard = Some(now);
        }
        Ok(accepted)
    }
}
