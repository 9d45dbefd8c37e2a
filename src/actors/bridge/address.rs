//! The addresses that browsers are told to send their media to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// The public address first, then the machine's own: a browser in the same network may reach only
/// the latter.
pub(super) fn candidates(bound: SocketAddr, public_ip: Option<IpAddr>) -> Vec<SocketAddr> {
    let own = if bound.ip().is_unspecified() {
        outgoing_ip(bound.ip())
    } else {
        bound.ip()
    };
    let mut ips: Vec<IpAddr> = public_ip.into_iter().chain([own]).collect();
    ips.dedup();
    ips.into_iter()
        .map(|ip| SocketAddr::new(ip, bound.port()))
        .collect()
}

/// The address of the interface with the default route; loopback on a machine without one.
/// Connecting a UDP socket asks the kernel's routing table and sends nothing.
fn outgoing_ip(unspecified: IpAddr) -> IpAddr {
    // Documentation prefixes (RFC 5737, RFC 3849): never local, so the default route answers.
    let ask = |from: IpAddr, far: IpAddr| {
        let socket = UdpSocket::bind((from, 0)).ok()?;
        socket.connect((far, 9)).ok()?;
        let ip = socket.local_addr().ok()?.ip();
        (!ip.is_unspecified()).then_some(ip)
    };
    let v4 = || {
        ask(
            Ipv4Addr::UNSPECIFIED.into(),
            Ipv4Addr::new(192, 0, 2, 1).into(),
        )
    };
    let v6 = || {
        ask(
            Ipv6Addr::UNSPECIFIED.into(),
            Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
        )
    };
    // A socket bound to [::] takes IPv4 too.
    let found = if unspecified.is_ipv4() {
        v4()
    } else {
        v4().or_else(v6)
    };
    found.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_address_comes_first_and_the_own_one_follows() {
        let bound: SocketAddr = "10.0.0.7:7882".parse().unwrap();
        let public = "203.0.113.5".parse().unwrap();
        let told = candidates(bound, Some(public));
        assert_eq!(told, [SocketAddr::new(public, 7882), bound]);
        assert_eq!(candidates(bound, None), [bound]);
        assert_eq!(candidates(bound, Some(bound.ip())), [bound]);
    }

    #[test]
    fn nobody_is_told_the_unspecified_address() {
        for bound in ["0.0.0.0:7882", "[::]:7882"] {
            let told = candidates(bound.parse().unwrap(), None);
            assert!(
                told.iter().all(|address| !address.ip().is_unspecified()),
                "{told:?}"
            );
            assert_eq!(told.len(), 1);
        }
    }
}
