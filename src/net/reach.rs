//! What can be told from here about whether the world reaches us, without asking anybody outside.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    ops::RangeInclusive,
    time::Duration,
};

/// How long a packet to our own public address may take to come back through the router.
const HAIRPIN_MAX: Duration = Duration::from_millis(400);
/// Ports that the system gives to programs that ask for any (`ip_local_port_range`).
const EPHEMERAL: &str = "/proc/sys/net/ipv4/ip_local_port_range";
/// Those of them that it gives to nobody (`ip_local_reserved_ports`).
const RESERVED: &str = "/proc/sys/net/ipv4/ip_local_reserved_ports";

/// Why the world cannot reach an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreachable {
    /// This machine alone.
    Loopback,
    /// A private network (RFC 1918, RFC 4193).
    Private,
    /// A carrier's own NAT (RFC 6598).
    Shared,
    /// One link (RFC 3927, RFC 4291 section 2.5.6).
    LinkLocal,
    /// Nobody: unspecified, for documentation, multicast.
    Nowhere,
}

impl Unreachable {
    /// What to call such an address.
    pub fn label(self) -> &'static str {
        match self {
            Self::Loopback => "a loopback address, which only this machine reaches",
            Self::Private => "a private address",
            Self::Shared => "an address within the provider's own NAT (RFC 6598)",
            Self::LinkLocal => "a link-local address",
            Self::Nowhere => "an address that nobody can reach",
        }
    }
}

/// Why the world cannot reach `ip`; `None` when it can, as far as the address itself tells.
pub fn unreachable(ip: IpAddr) -> Option<Unreachable> {
    match ip.to_canonical() {
        IpAddr::V4(v4) => of_v4(v4),
        IpAddr::V6(v6) => of_v6(v6),
    }
}

fn of_v4(ip: Ipv4Addr) -> Option<Unreachable> {
    let is_shared = ip.to_bits() >> 22 == Ipv4Addr::new(100, 64, 0, 0).to_bits() >> 22;
    let is_nowhere = ip.is_unspecified() || ip.is_documentation() || ip.is_multicast();
    match () {
        () if ip.is_loopback() => Some(Unreachable::Loopback),
        () if ip.is_private() => Some(Unreachable::Private),
        () if is_shared => Some(Unreachable::Shared),
        () if ip.is_link_local() => Some(Unreachable::LinkLocal),
        () if is_nowhere || ip.is_broadcast() => Some(Unreachable::Nowhere),
        () => None,
    }
}

fn of_v6(ip: Ipv6Addr) -> Option<Unreachable> {
    let is_documentation = ip.to_bits() >> 96 == 0x2001_0db8;
    match () {
        () if ip.is_loopback() => Some(Unreachable::Loopback),
        () if ip.is_unique_local() => Some(Unreachable::Private),
        () if ip.is_unicast_link_local() => Some(Unreachable::LinkLocal),
        () if ip.is_unspecified() || ip.is_multicast() || is_documentation => {
            Some(Unreachable::Nowhere)
        }
        () => None,
    }
}

/// Whether a packet from this machine to `public`, at the port of `bound`, arrives at `bound`. Many routers do not turn such a
/// packet round, so a `false` is a hint and no proof. Must be asked before anybody else reads from the socket.
///
/// # Errors
/// The packet cannot even be sent.
pub fn comes_back(bound: &UdpSocket, public: IpAddr, secret: u64) -> io::Result<bool> {
    let at = bound.local_addr()?;
    let any: IpAddr = if public.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let probe = secret.to_be_bytes();
    let sender = UdpSocket::bind((any, 0))?;
    sender.send_to(&probe, SocketAddr::new(public, at.port()))?;
    bound.set_nonblocking(false)?;
    bound.set_read_timeout(Some(HAIRPIN_MAX))?;
    let mut buffer = [0; 16];
    // A few packets of others may come first.
    let mut heard =
        || matches!(bound.recv(&mut buffer), Ok(len) if buffer.get(..len) == Some(&probe[..]));
    let came = (0..4).any(|_| heard());
    bound.set_read_timeout(None)?;
    bound.set_nonblocking(true)?;
    Ok(came)
}

/// The ports that the system may give to any other program; `None` when it does not say.
pub fn ephemeral_ports() -> Option<RangeInclusive<u16>> {
    ports(&fs::read_to_string(EPHEMERAL).ok()?)
}

/// Whether the system keeps `range` out of those.
pub fn are_reserved(range: &RangeInclusive<u16>) -> bool {
    let reserved = fs::read_to_string(RESERVED).unwrap_or_default();
    covers(&reserved, range)
}

fn ports(text: &str) -> Option<RangeInclusive<u16>> {
    let mut numbers = text.split_ascii_whitespace().map(str::parse);
    Some(numbers.next()?.ok()?..=numbers.next()?.ok()?)
}

/// Whether one entry of a list such as `5060,10000-20000` holds all of `range`.
fn covers(list: &str, range: &RangeInclusive<u16>) -> bool {
    list.trim().split(',').any(|entry| {
        let (first, last) = entry.split_once('-').unwrap_or((entry, entry));
        let both = first.parse::<u16>().ok().zip(last.parse::<u16>().ok());
        both.is_some_and(|(first, last)| first <= *range.start() && *range.end() <= last)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_the_world_cannot_reach() {
        for (ip, why) in [
            ("127.0.0.1", Unreachable::Loopback),
            ("::1", Unreachable::Loopback),
            ("10.1.2.3", Unreachable::Private),
            ("172.31.0.1", Unreachable::Private),
            ("192.168.1.1", Unreachable::Private),
            ("::ffff:10.1.2.3", Unreachable::Private),
            ("fd12::1", Unreachable::Private),
            ("100.64.0.1", Unreachable::Shared),
            ("100.127.255.255", Unreachable::Shared),
            ("169.254.1.1", Unreachable::LinkLocal),
            ("fe80::1", Unreachable::LinkLocal),
            ("0.0.0.0", Unreachable::Nowhere),
            ("203.0.113.5", Unreachable::Nowhere),
            ("2001:db8::1", Unreachable::Nowhere),
        ] {
            assert_eq!(unreachable(ip.parse().unwrap()), Some(why), "{ip}");
        }
        for ip in [
            "100.63.255.255",
            "100.128.0.0",
            "172.32.0.1",
            "54.172.60.0",
            "2a00::1",
        ] {
            assert_eq!(unreachable(ip.parse().unwrap()), None, "{ip}");
        }
    }

    #[test]
    fn a_packet_to_ourselves_comes_back_and_one_to_another_does_not() {
        let ours = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        ours.set_nonblocking(true).unwrap();
        let before = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        before
            .send_to(b"OPTIONS", ours.local_addr().unwrap())
            .unwrap();
        assert!(comes_back(&ours, Ipv4Addr::LOCALHOST.into(), 7).unwrap());
        assert!(!comes_back(&ours, [127, 0, 0, 9].into(), 7).unwrap());
        let nothing = ours.recv(&mut [0; 16]).unwrap_err();
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn port_ranges_are_read_as_the_kernel_writes_them() {
        assert_eq!(ports("32768\t60999\n"), Some(32_768..=60_999));
        assert_eq!(ports("32768"), None);
        let rtp = 10_000..=20_000;
        assert!(covers("5060,10000-20000,30000\n", &rtp));
        assert!(!covers("10000-19999", &rtp) && !covers("", &rtp));
    }
}
