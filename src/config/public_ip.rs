//! The addresses by which the world reaches the switch: one of each family at most.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// `PUBLIC_IP`: an IPv4 address, an IPv6 address, both with a comma between them, or nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PublicIp {
    /// The IPv4 address.
    pub v4: Option<Ipv4Addr>,
    /// The IPv6 address.
    pub v6: Option<Ipv6Addr>,
}

/// What is no `PUBLIC_IP`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPublicIp {
    /// Not an address.
    #[error("`{0}` is no IP address")]
    NoAddress(String),
    /// Two of one family.
    #[error("name one IPv4 and one IPv6 address at most")]
    Twice,
}

impl PublicIp {
    /// The address in the family of `other`, if one is set.
    pub fn like(self, other: IpAddr) -> Option<IpAddr> {
        if other.to_canonical().is_ipv4() {
            self.v4.map(IpAddr::V4)
        } else {
            self.v6.map(IpAddr::V6)
        }
    }

    /// All that are set, IPv4 first.
    pub fn all(self) -> impl Iterator<Item = IpAddr> {
        let v4 = self.v4.map(IpAddr::V4);
        v4.into_iter().chain(self.v6.map(IpAddr::V6))
    }

    /// The one to show where there is room for one, IPv4 before IPv6.
    pub fn first(self) -> Option<IpAddr> {
        self.all().next()
    }
}

impl From<IpAddr> for PublicIp {
    fn from(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(v4) => Self {
                v4: Some(v4),
                v6: None,
            },
            IpAddr::V6(v6) => Self {
                v4: None,
                v6: Some(v6),
            },
        }
    }
}

impl FromStr for PublicIp {
    type Err = BadPublicIp;

    fn from_str(text: &str) -> Result<Self, BadPublicIp> {
        let mut all = Self::default();
        for part in text.split(',').map(str::trim) {
            let ip: IpAddr = part
                .trim_matches(['[', ']'])
                .parse()
                .map_err(|_| BadPublicIp::NoAddress(part.to_owned()))?;
            if all.like(ip).is_some() {
                return Err(BadPublicIp::Twice);
            }
            let one = Self::from(ip);
            all = Self {
                v4: all.v4.or(one.v4),
                v6: all.v6.or(one.v6),
            };
        }
        Ok(all)
    }
}

impl fmt::Display for PublicIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, ip) in self.all().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{ip}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_each_family_in_any_order() {
        for text in ["203.0.113.5, 2001:db8::5", "[2001:db8::5],203.0.113.5"] {
            let both: PublicIp = text.parse().unwrap();
            assert_eq!(both.to_string(), "203.0.113.5, 2001:db8::5");
            let like = |ip: &str| both.like(ip.parse().unwrap()).map(|ip| ip.to_string());
            assert_eq!(like("10.0.0.1").as_deref(), Some("203.0.113.5"));
            assert_eq!(like("::ffff:10.0.0.1").as_deref(), Some("203.0.113.5"));
            assert_eq!(like("fd00::1").as_deref(), Some("2001:db8::5"));
        }
        let v4: PublicIp = "::ffff:203.0.113.5".parse().unwrap();
        assert_eq!((v4.first(), v4.v6), (Some([203, 0, 113, 5].into()), None));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "example.org", "1.2.3.4,5.6.7.8", "::1,::2", "1.2.3.4,"] {
            assert!(text.parse::<PublicIp>().is_err(), "{text}");
        }
    }
}
