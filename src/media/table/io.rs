//! The table's only door to the network; the shell puts sockets behind it, tests put memory.

use std::net::SocketAddr;
use std::time::Instant;

use super::LegKey;

/// A datagram that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram {
    /// Bytes of the buffer that are filled.
    pub len: usize,
    /// The sender.
    pub from: SocketAddr,
    /// When the kernel got it.
    pub at: Instant,
}

/// Sockets, one per leg. Neither call may block.
pub trait MediaIo {
    /// Reads the next datagram that waits on the leg's socket; `None` when there is none.
    fn recv(&mut self, leg: LegKey, buf: &mut [u8]) -> Option<Datagram>;

    /// Sends a packet from the leg's socket. What cannot be sent is lost, as on any network.
    fn send(&mut self, leg: LegKey, to: SocketAddr, packet: &[u8]);

    /// Reads the next datagram that waits on the leg's RTCP socket, if it has one.
    fn recv_control(&mut self, leg: LegKey, buf: &mut [u8]) -> Option<Datagram> {
        let _ = (leg, buf);
        None
    }

    /// Sends a report from the leg's RTCP socket, if it has one.
    fn send_control(&mut self, leg: LegKey, to: SocketAddr, packet: &[u8]) {
        let _ = (leg, to, packet);
    }

    /// The leg is a stream, and something is in its ring for the socket.
    fn wake(&mut self, leg: LegKey) {
        let _ = leg;
    }
}
