//! Lists of addresses, as `SIP_ALLOW` and the `allow` of a trunk are written.
//!
//! Addresses are compared in their IPv4 form where they have one, so `::ffff:192.0.2.1` on a dual-stack socket is `192.0.2.1`.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

/// Most ranges that a list may hold.
pub const RANGES_MAX: usize = 1024;

/// Twilio's signalling addresses, as its page "IP Addresses for Elastic SIP Trunking Services" had
/// them on 2026-11-21. Ranges written out in the list replace this preset.
const TWILIO: &[&str] = &[
    "54.172.60.0/30",
    "54.244.51.0/30",
    "54.171.127.192/30",
    "35.156.191.128/30",
    "54.65.63.192/30",
    "54.169.127.128/30",
    "54.252.254.64/30",
    "177.71.206.192/30",
];

const LOOPBACK: &[&str] = &["127.0.0.0/8", "::1/128"];

/// Names that stand for several ranges.
const PRESETS: &[(&str, &[&str])] = &[("twilio", TWILIO), ("loopback", LOOPBACK)];

/// Why a list of ranges cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AllowError {
    /// An entry that says nothing to us.
    #[error(
        "`{0}` is neither an IP address (192.0.2.1), a range (192.0.2.0/24) nor a preset \
         (twilio, loopback)"
    )]
    Unknown(String),
    /// A range whose address has bits behind the prefix.
    #[error("`{written}` is not the start of a range; did you mean `{meant}`?")]
    HostBits {
        /// The entry.
        written: String,
        /// The range around it.
        meant: IpNet,
    },
    /// More than [`RANGES_MAX`] ranges.
    #[error("more than {RANGES_MAX} ranges")]
    TooMany,
}

/// A list of sources.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allow {
    ranges: Vec<IpNet>,
}

impl Allow {
    /// Reads a comma list of addresses, ranges in CIDR notation and presets (`twilio`, `loopback`).
    /// Spaces around entries and empty entries are ignored.
    ///
    /// # Errors
    /// [`AllowError`] with the first entry that cannot be used.
    pub fn parse(list: &str) -> Result<Self, AllowError> {
        let mut allow = Self::default();
        for entry in entries(list) {
            match preset(entry) {
                Some((_, ranges)) => {
                    for range in ranges {
                        allow.push(read_range(range)?)?;
                    }
                }
                None => allow.push(read_range(entry)?)?,
            }
        }
        Ok(allow)
    }

    /// Whether `source` is on the list.
    #[must_use]
    pub fn holds(&self, source: IpAddr) -> bool {
        let source = source.to_canonical();
        self.ranges.iter().any(|range| range.contains(&source))
    }

    /// Whether nobody is on it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether it holds every address of IPv4 or of IPv6.
    #[must_use]
    pub fn holds_everybody(&self) -> bool {
        self.ranges.iter().any(|range| range.prefix_len() == 0)
    }

    /// Its ranges.
    #[must_use]
    pub fn ranges(&self) -> &[IpNet] {
        &self.ranges
    }

    /// How many ranges it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    fn push(&mut self, range: IpNet) -> Result<(), AllowError> {
        if self.ranges.len() >= RANGES_MAX {
            return Err(AllowError::TooMany);
        }
        self.ranges.push(range);
        Ok(())
    }
}

impl FromStr for Allow {
    type Err = AllowError;

    fn from_str(list: &str) -> Result<Self, AllowError> {
        Self::parse(list)
    }
}

/// The entries of a comma list.
pub(super) fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
}

/// The preset that an entry names.
pub(super) fn preset(entry: &str) -> Option<(&'static str, &'static [&'static str])> {
    PRESETS
        .iter()
        .copied()
        .find(|(name, _)| name.eq_ignore_ascii_case(entry))
}

fn read_range(entry: &str) -> Result<IpNet, AllowError> {
    if let Ok(address) = entry.parse::<IpAddr>() {
        return Ok(address.to_canonical().into());
    }
    let range: IpNet = entry
        .parse()
        .map_err(|_| AllowError::Unknown(entry.to_owned()))?;
    if range.addr() != range.network() {
        return Err(AllowError::HostBits {
            written: entry.to_owned(),
            meant: range.trunc(),
        });
    }
    Ok(canonical(range))
}

/// The IPv4 form of a range within `::ffff:0:0/96`.
fn canonical(range: IpNet) -> IpNet {
    let (IpAddr::V4(address), Some(prefix)) = (
        range.addr().to_canonical(),
        range.prefix_len().checked_sub(96),
    ) else {
        return range;
    };
    Ipv4Net::new(address, prefix).map_or(range, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn holds(list: &str, source: &str) -> bool {
        Allow::parse(list).unwrap().holds(source.parse().unwrap())
    }

    #[test]
    fn an_empty_list_holds_nobody() {
        for list in ["", "  ", " , ,"] {
            assert!(Allow::parse(list).unwrap().is_empty());
            assert!(!holds(list, "127.0.0.1") && !holds(list, "0.0.0.0"));
        }
    }

    #[test]
    fn twilio_is_known_by_name_and_nobody_next_door() {
        let list = "192.0.2.7, Twilio ,2001:db8::/32";
        for on_it in [
            "54.172.60.0",
            "54.172.60.3",
            "177.71.206.195",
            "::ffff:54.171.127.193",
            "192.0.2.7",
            "2001:db8:9::1",
        ] {
            assert!(holds(list, on_it), "{on_it}");
        }
        for off_it in ["54.172.60.4", "192.0.2.8", "2001:db9::1", "127.0.0.1"] {
            assert!(!holds(list, off_it), "{off_it}");
        }
    }

    #[test]
    fn mapped_ranges_are_ipv4_ranges() {
        assert!(holds("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(holds("::ffff:192.0.2.0/120", "192.0.2.200"));
        assert!(!holds("::ffff:192.0.2.0/120", "192.0.3.1"));
        assert!(!holds("0.0.0.0/0", "2001:db8::1"));
        assert!(!holds("::/0", "192.0.2.1"));
    }

    #[test]
    fn a_range_of_everybody_is_told() {
        assert!(
            Allow::parse("192.0.2.1, 0.0.0.0/0")
                .unwrap()
                .holds_everybody()
        );
        assert!(Allow::parse("::/0").unwrap().holds_everybody());
        assert!(
            !Allow::parse("twilio, 10.0.0.0/8")
                .unwrap()
                .holds_everybody()
        );
    }

    #[test]
    fn mistakes_are_named() {
        for entry in [
            "twillio",
            "192.0.2.1:5060",
            "192.0.2.0/33",
            "192.0.2",
            "[::1]",
            "a b",
            "*",
        ] {
            let error = Allow::parse(&format!("loopback,{entry}")).unwrap_err();
            assert_eq!(error, AllowError::Unknown(entry.into()));
        }
        let error = Allow::parse("192.0.2.9/24").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`192.0.2.9/24` is not the start of a range; did you mean `192.0.2.0/24`?"
        );
        let many = vec!["192.0.2.1"; RANGES_MAX + 1].join(",");
        assert_eq!(Allow::parse(&many).unwrap_err(), AllowError::TooMany);
    }

    #[test]
    fn every_preset_can_be_read() {
        for (preset, ranges) in PRESETS {
            assert_eq!(Allow::parse(preset).unwrap().ranges.len(), ranges.len());
        }
    }

    proptest! {
        #[test]
        fn a_range_admits_its_own_addresses_only(
            network: u32, prefix in 0..=32u8, other: u32, alike in 0..=32u32, mapped: bool,
        ) {
            let differing = u32::MAX.checked_shr(alike).unwrap_or(0);
            let other = network & !differing | other & differing;
            let range = Ipv4Net::new(network.into(), prefix).unwrap().trunc();
            let allow = Allow::parse(&range.to_string()).unwrap();
            let other = std::net::Ipv4Addr::from(other);
            let source =
                if mapped { IpAddr::V6(other.to_ipv6_mapped()) } else { IpAddr::V4(other) };
            prop_assert_eq!(allow.holds(source), range.contains(&other));
        }

        #[test]
        fn no_list_makes_it_panic(list in ".{0,80}") {
            let _ = Allow::parse(&list);
        }
    }
}
