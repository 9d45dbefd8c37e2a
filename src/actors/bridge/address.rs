//! The addresses that browsers are told to send their media to.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::{config::PublicIp, net::address::default_interface};

/// The public address first, then the machine's own: a browser in the same network may reach only
/// the latter.
pub(super) fn candidates(bound: SocketAddr, public_ip: PublicIp) -> Vec<SocketAddr> {
    let own = match (bound.ip().is_unspecified(), default_interface()) {
        (false, _) => bound.ip(),
        // A socket bound to [::] takes IPv4 too, but not the other way round.
        (true, ip) if ip.is_ipv6() && bound.is_ipv4() => Ipv4Addr::LOCALHOST.into(),
        (true, ip) => ip,
    };
    let mut ips: Vec<IpAddr> = public_ip.all().chain([own]).collect();
    ips.dedup();
    ips.into_iter()
        .map(|ip| SocketAddr::new(ip, bound.port()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_address_comes_first_and_the_own_one_follows() {
        let bound: SocketAddr = "10.0.0.7:7882".parse().unwrap();
        let public: IpAddr = "203.0.113.5".parse().unwrap();
        let told = candidates(bound, public.into());
        assert_eq!(told, [SocketAddr::new(public, 7882), bound]);
        assert_eq!(candidates(bound, PublicIp::default()), [bound]);
        assert_eq!(candidates(bound, bound.ip().into()), [bound]);
    }

    #[test]
    fn nobody_is_told_the_unspecified_address() {
        for bound in ["0.0.0.0:7882", "[::]:7882"] {
            let told = candidates(bound.parse().unwrap(), PublicIp::default());
            assert!(
                told.iter().all(|address| !address.ip().is_unspecified()),
                "{told:?}"
            );
            assert_eq!(told.len(), 1);
        }
    }
}
