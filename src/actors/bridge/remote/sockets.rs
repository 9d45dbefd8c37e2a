//! The UDP sockets of one link: one for IPv4 and one for IPv6 for each peer connection, never shared, for a LiveKit server
//! tells peer connections apart by the address they come from.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::Poll;

use tokio::net::UdpSocket;

use crate::livekit::TransportId;
use crate::net;

/// Sockets of one link: two peer connections of two families each, and as many again while one follows another.
const SOCKETS_MAX: usize = 8;

/// The sockets that are open.
#[derive(Default)]
pub(super) struct Sockets {
    open: Vec<Open>,
}

struct Open {
    transport: TransportId,
    /// As the other side is told. The socket is bound to every address of the machine: the server may offer addresses
    /// that lie behind another interface than its name does.
    local: SocketAddr,
    socket: UdpSocket,
}

/// A datagram that came in.
pub(super) struct Arrived {
    pub(super) transport: TransportId,
    pub(super) local: SocketAddr,
    pub(super) from: SocketAddr,
    pub(super) len: usize,
}

impl Sockets {
    /// Opens the sockets of a peer connection to a server that was found at `hosts`; gives their addresses.
    pub(super) fn bind(
        &mut self,
        transport: TransportId,
        hosts: &[IpAddr],
    ) -> io::Result<Vec<SocketAddr>> {
        let mut locals = Vec::new();
        let mut failure = io::Error::other("no network");
        for ip in net::address::towards(hosts) {
            if self.open.len() >= SOCKETS_MAX {
                failure = io::Error::other("too many sockets");
                break;
            }
            match open(ip) {
                Ok((socket, local)) => {
                    locals.push(local);
                    self.open.push(Open {
                        transport,
                        local,
                        socket,
                    });
                }
                Err(error) => failure = error,
            }
        }
        if locals.is_empty() {
            return Err(failure);
        }
        Ok(locals)
    }

    pub(super) fn unbind(&mut self, transport: TransportId) {
        self.open.retain(|open| open.transport != transport);
    }

    pub(super) fn clear(&mut self) {
        self.open.clear();
    }

    /// False when the datagram could not be sent; it is gone then, as on the way.
    pub(super) fn send(&self, transport: TransportId, to: SocketAddr, datagram: &[u8]) -> bool {
        let fits =
            |open: &&Open| open.transport == transport && open.local.is_ipv4() == to.is_ipv4();
        self.open
            .iter()
            .find(fits)
            .is_some_and(|open| open.socket.try_send_to(datagram, to).is_ok())
    }

    /// Waits until a socket has something; which.
    pub(super) async fn readable(&self) -> usize {
        poll_fn(|cx| {
            let ready = |open: &Open| open.socket.poll_recv_ready(cx).is_ready();
            match self.open.iter().position(ready) {
                Some(index) => Poll::Ready(index),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// The next datagram of the socket that [`Sockets::readable`] named.
    pub(super) fn receive(&self, index: usize, buffer: &mut [u8]) -> Option<Arrived> {
        let open = self.open.get(index)?;
        // Errors besides "would block" are ICMP answers to what we sent earlier.
        let (len, from) = open.socket.try_recv_from(buffer).ok()?;
        Some(Arrived {
            transport: open.transport,
            local: open.local,
            from,
            len,
        })
    }
}

fn open(ip: IpAddr) -> io::Result<(UdpSocket, SocketAddr)> {
    let socket = net::udp::ephemeral(ip)?;
    let port = socket.local_addr()?.port();
    Ok((UdpSocket::from_std(socket)?, SocketAddr::new(ip, port)))
}
