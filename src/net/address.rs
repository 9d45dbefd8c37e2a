//! Which address of this machine the world reaches, and how the two families share one socket.
//!
//! A socket on `::` takes IPv4, too, and shows its peers as `::ffff:192.0.2.1`. They are unmapped where a packet or connection
//! comes in and mapped where one goes out, here and in the other files of this folder: nothing above ever sees such an address.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
};

use nix::ifaddrs::getifaddrs;
use socket2::{Domain, Socket, Type};

use crate::config::PublicIp;

/// Documentation prefixes (RFC 5737, RFC 3849): routed by the default route, reached by nobody.
const NOWHERE_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const NOWHERE_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

/// The address to listen on where `wanted` is to be: `::`, both families, becomes `0.0.0.0` on a machine without IPv6.
pub fn listening(wanted: IpAddr) -> IpAddr {
    let both = || {
        let socket = Socket::new(Domain::IPV6, Type::DGRAM, None)?;
        shared(&socket, wanted)?;
        socket.bind(&SocketAddr::new(wanted, 0).into())
    };
    if wanted == IpAddr::V6(Ipv6Addr::UNSPECIFIED) && both().is_err() {
        return Ipv4Addr::UNSPECIFIED.into();
    }
    wanted
}

/// Lets a socket on `::` take IPv4, whatever the system's default is.
pub(super) fn shared(socket: &Socket, ip: IpAddr) -> io::Result<()> {
    if ip == IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
        socket.set_only_v6(false)?;
    }
    Ok(())
}

/// The address as its family writes it: IPv4 mapped into IPv6 is IPv4.
pub fn unmapped(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(v4) => SocketAddr::new(v4.into(), address.port()),
        // With its scope, which link-local peers need.
        IpAddr::V6(_) => address,
    }
}

/// The address as a socket wants it to send to: one of IPv6 takes IPv4 mapped.
pub fn mapped(to: SocketAddr, socket_is_v6: bool) -> SocketAddr {
    match to.ip() {
        IpAddr::V4(v4) if socket_is_v6 => SocketAddr::new(v4.to_ipv6_mapped().into(), to.port()),
        IpAddr::V4(_) | IpAddr::V6(_) => to,
    }
}

/// The addresses of this machine's interfaces; empty when the system does not say.
pub fn interfaces() -> Vec<IpAddr> {
    let all = getifaddrs().into_iter().flatten();
    let ips = all.filter_map(|interface| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|v4| v4.ip().into());
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| v6.ip().into()))
    });
    ips.collect()
}

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

/// Our address for media in an answer: of the family of `far`, where the peer wants its audio, else of that of the flow. `local`
/// is our address on the flow.
pub fn for_media(public: PublicIp, local: IpAddr, far: Option<IpAddr>) -> IpAddr {
    let far = far.unwrap_or(local);
    let own = || {
        if far.is_ipv4() == local.is_ipv4() {
            Some(local)
        } else {
            facing(SocketAddr::new(far, 9))
        }
    };
    public.like(far).or_else(own).unwrap_or(local)
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
    fn both_families_on_one_socket_look_like_themselves() {
        let v4: SocketAddr = "192.0.2.1:5060".parse().unwrap();
        let on_v6 = mapped(v4, true);
        assert_eq!(on_v6, "[::ffff:192.0.2.1]:5060".parse().unwrap());
        assert_eq!((unmapped(on_v6), mapped(v4, false)), (v4, v4));
        let v6: SocketAddr = "[2001:db8::1]:5060".parse().unwrap();
        assert_eq!((unmapped(v6), mapped(v6, true)), (v6, v6));
    }

    #[test]
    fn media_is_answered_in_the_family_of_the_offer() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let both: PublicIp = "203.0.113.5, 2001:db8::5".parse().unwrap();
        let (v4, v6) = (ip("10.0.0.1"), ip("fd00::1"));
        assert_eq!(for_media(both, v6, Some(v4)), ip("203.0.113.5"));
        assert_eq!(for_media(both, v4, Some(v6)), ip("2001:db8::5"));
        assert_eq!(for_media(both, v4, None), ip("203.0.113.5"));
        let none = PublicIp::default();
        assert_eq!(for_media(none, v4, Some(ip("10.9.9.9"))), v4);
        assert_eq!(for_media(none, v6, Some(ip("127.0.0.1"))), ip("127.0.0.1"));
    }

    #[test]
    fn loopback_is_one_of_the_interfaces() {
        assert!(interfaces().contains(&Ipv4Addr::LOCALHOST.into()));
        let specific: IpAddr = [127, 0, 0, 1].into();
        assert_eq!(listening(specific), specific);
        assert!(listening(Ipv6Addr::UNSPECIFIED.into()).is_unspecified());
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
