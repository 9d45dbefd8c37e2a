//! Which address of this machine the world reaches.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Documentation prefixes (RFC 5737, RFC 3849): routed by the default route, reached by nobody.
const NOWHERE_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const NOWHERE_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

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
    facing(SocketAddr::new(NOWHERE_V4, 9))
        .or_else(|| facing(SocketAddr::new(NOWHERE_V6, 9)))
        .unwrap_or(Ipv4Addr::LOCALHOST.into())
}

/// This machine's addresses towards a peer that was found at `hosts`, one a family, IPv4 first. A family in which the peer
/// has no address is there too when the machine has a way out in it: the peer may have said less by name than it has.
pub fn towards(hosts: &[IpAddr]) -> Vec<IpAddr> {
    let own = |nowhere: IpAddr| {
        let of_family = |host: &&IpAddr| host.is_ipv4() == nowhere.is_ipv4();
        let host = *hosts.iter().find(of_family).unwrap_or(&nowhere);
        facing(SocketAddr::new(host, 9))
    };
    let found: Vec<IpAddr> = [NOWHERE_V4, NOWHERE_V6]
        .into_iter()
        .filter_map(own)
        .collect();
    if found.is_empty() {
        return vec![Ipv4Addr::LOCALHOST.into()];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_on_this_machine_is_faced_by_loopback() {
        let own = towards(&[Ipv4Addr::LOCALHOST.into()]);
        assert_eq!(own.first(), Some(&Ipv4Addr::LOCALHOST.into()));
        assert!(own.len() <= 2 && own.iter().skip(1).all(IpAddr::is_ipv6));
    }

    #[test]
    fn there_is_always_an_address_and_never_an_unspecified_one() {
        let own = towards(&[]);
        assert!(
            !own.is_empty() && own.iter().all(|ip| !ip.is_unspecified()),
            "{own:?}"
        );
    }
}
