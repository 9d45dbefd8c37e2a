//! Who may call: the allow-list of `SIP_ALLOW`, and how much a stranger may say.
//!
//! ```text
//! packet -> Allow::admits(source) -> trunk        read and served
//!                     `-> Strangers::admits       read too, a little: it may carry our token
//!                               `-> dropped unread
//! ```
//!
//! An empty list admits loopback alone. Addresses are compared in their IPv4 form where they have
//! one, so `::ffff:192.0.2.1` on a dual-stack socket is `192.0.2.1`.

mod strangers;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net};

pub use strangers::{StrangerLimits, Strangers};

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

/// The name under which a source was admitted: that of a preset or trunk, or the range as written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrunkName(Arc<str>);

impl TrunkName {
    /// Names a trunk.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TrunkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

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

/// The sources that may call. The first range that holds a source names it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allow {
    ranges: Vec<(IpNet, TrunkName)>,
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
            let name = preset(entry).map_or(entry, |(name, _)| name);
            allow.add(&TrunkName::new(name), entry)?;
        }
        Ok(allow)
    }

    /// Adds a comma list, written as for [`Self::parse`], under one name.
    ///
    /// # Errors
    /// [`AllowError`] with the first entry that cannot be used; those before it stay.
    pub fn add(&mut self, name: &TrunkName, list: &str) -> Result<(), AllowError> {
        for entry in entries(list) {
            match preset(entry) {
                Some((_, ranges)) => {
                    for range in ranges {
                        self.push(read_range(range)?, name)?;
                    }
                }
                None => self.push(read_range(entry)?, name)?,
            }
        }
        Ok(())
    }

    /// The trunk that a packet from `source` belongs to.
    #[must_use]
    pub fn admits(&self, source: IpAddr) -> Option<TrunkName> {
        let source = source.to_canonical();
        if self.ranges.is_empty() {
            return source.is_loopback().then(|| TrunkName::new("loopback"));
        }
        let (_, name) = self
            .ranges
            .iter()
            .find(|(range, _)| range.contains(&source))?;
        Some(name.clone())
    }

    fn push(&mut self, range: IpNet, name: &TrunkName) -> Result<(), AllowError> {
        if self.ranges.len() >= RANGES_MAX {
            return Err(AllowError::TooMany);
        }
        self.ranges.push((range, name.clone()));
        Ok(())
    }
}

impl FromStr for Allow {
    type Err = AllowError;

    fn from_str(list: &str) -> Result<Self, AllowError> {
        Self::parse(list)
    }
}

fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
}

fn preset(entry: &str) -> Option<(&'static str, &'static [&'static str])> {
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

    fn admitted(list: &str, source: &str) -> Option<String> {
        let name = Allow::parse(list)
            .unwrap()
            .admits(source.parse().unwrap())?;
        Some(name.to_string())
    }

    #[test]
    fn nothing_set_means_loopback_alone() {
        for list in ["", "  ", " , ,"] {
            assert_eq!(admitted(list, "127.0.0.1").as_deref(), Some("loopback"));
            assert_eq!(admitted(list, "127.9.9.9").as_deref(), Some("loopback"));
            assert_eq!(admitted(list, "::1").as_deref(), Some("loopback"));
            assert_eq!(
                admitted(list, "::ffff:127.0.0.1").as_deref(),
                Some("loopback")
            );
            assert_eq!(admitted(list, "192.168.1.1"), None);
            assert_eq!(admitted(list, "54.172.60.1"), None);
            assert_eq!(admitted(list, "0.0.0.0"), None);
        }
    }

    #[test]
    fn a_list_replaces_the_default() {
        assert_eq!(admitted("192.0.2.1", "127.0.0.1"), None);
        assert_eq!(
            admitted("192.0.2.1, loopback", "127.0.0.1").as_deref(),
            Some("loopback")
        );
    }

    #[test]
    fn twilio_is_known_by_name_and_by_nobody_next_door() {
        let list = "192.0.2.7, Twilio ,2001:db8::/32";
        assert_eq!(admitted(list, "54.172.60.0").as_deref(), Some("twilio"));
        assert_eq!(admitted(list, "54.172.60.3").as_deref(), Some("twilio"));
        assert_eq!(admitted(list, "54.172.60.4"), None);
        assert_eq!(admitted(list, "177.71.206.195").as_deref(), Some("twilio"));
        assert_eq!(
            admitted(list, "::ffff:54.171.127.193").as_deref(),
            Some("twilio")
        );
        assert_eq!(admitted(list, "192.0.2.7").as_deref(), Some("192.0.2.7"));
        assert_eq!(admitted(list, "192.0.2.8"), None);
        assert_eq!(
            admitted(list, "2001:db8:9::1").as_deref(),
            Some("2001:db8::/32")
        );
        assert_eq!(admitted(list, "2001:db9::1"), None);
    }

    #[test]
    fn mapped_ranges_are_ipv4_ranges() {
        assert!(admitted("::ffff:192.0.2.1", "192.0.2.1").is_some());
        assert!(admitted("::ffff:192.0.2.0/120", "192.0.2.200").is_some());
        assert!(admitted("::ffff:192.0.2.0/120", "192.0.3.1").is_none());
        assert!(admitted("0.0.0.0/0", "2001:db8::1").is_none());
        assert!(admitted("::/0", "192.0.2.1").is_none());
    }

    #[test]
    fn the_first_range_names_the_source_and_a_trunk_may_have_many() {
        assert_eq!(
            admitted("10.0.0.0/8,10.1.0.0/16", "10.1.2.3").as_deref(),
            Some("10.0.0.0/8")
        );

        let mut allow = Allow::default();
        allow
            .add(&TrunkName::new("studio"), "198.51.100.1, 198.51.100.8/29")
            .unwrap();
        for source in ["198.51.100.1", "198.51.100.15"] {
            assert_eq!(
                allow.admits(source.parse().unwrap()),
                Some(TrunkName::new("studio"))
            );
        }
        assert_eq!(allow.admits("127.0.0.1".parse().unwrap()), None);
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
            prop_assert_eq!(allow.admits(source).is_some(), range.contains(&other));
        }

        #[test]
        fn no_list_makes_it_panic(list in ".{0,80}") {
            let _ = Allow::parse(&list);
        }
    }
}
