//! Which address of this machine the world reaches.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// The local address that a packet to `peer` would leave from, by the routing table. Nothing is sent.
pub fn facing(peer: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = if peer.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(peer).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_unspecified()).then_some(ip)
}

/// The address of the interface with the default route, IPv4 before IPv6; loopback when there is none.
pub fn default_interface() -> IpAddr {
    // Documentation prefixes (RFC 5737, RFC 3849): routed by the default route, reached by nobody.
    let v4 = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 9));
    let v6 = SocketAddr::from((Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 9));
    facing(v4)
        .or_else(|| facing(v6))
        .unwrap_or(Ipv4Addr::LOCALHOST.into())
}
