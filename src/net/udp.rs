//! UDP sockets: the one of SIP, and those of WebRTC towards a server.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
};

use nix::sys::socket::{setsockopt, sockopt::RcvBufForce};
use socket2::{Domain, Protocol, Socket, Type};

use crate::net::address;

/// Room for what comes in while the one reader is kept from running, in octets: 20,000 INVITEs a second, of which the kernel
/// counts each as 2,304, for 180 ms.
const RECEIVE_BUFFER: usize = 8 << 20;
/// Room for a burst of answers, in octets.
const SEND_BUFFER: usize = 1 << 20;

/// Binds, not blocking, with buffers large enough for a burst of calls.
///
/// # Errors
/// Whatever the system says, `AddrInUse` above all.
pub fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    socket.set_nonblocking(true)?;
    address::shared(&socket, address.ip())?;
    // The system may grant less (net.core.rmem_max) to whoever may not force it; a smaller buffer is no reason not to start.
    if setsockopt(&socket, RcvBufForce, &RECEIVE_BUFFER).is_err() {
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    }
    let _ = socket.set_send_buffer_size(SEND_BUFFER);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Binds any free port in the family of `own`, on all of the machine's addresses of that family and of no other; not blocking.
///
/// # Errors
/// Whatever the system says.
pub fn ephemeral(own: IpAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = if own.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let address = SocketAddr::new(any, 0);
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}
