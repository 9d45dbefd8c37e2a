//! Which address of this machine the world reaches.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

/// The local address that a packet to `peer` would leave from, by the routing table. Nothing is sent.
pub fn facing(peer: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = if peer.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        std::net::Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(peer).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

/// The address of the interface with the default route; loopback when there is none.
pub fn default_interface() -> IpAddr {
    // TEST-NET-1 (RFC 5737): routed by the default route, reached by nobody.
    facing(SocketAddr::from(([192, 0, 2, 1], 9))).unwrap_or(Ipv4Addr::LOCALHOST.into())
}
