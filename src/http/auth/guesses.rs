//! How often a password may be guessed: counted by name, so that many machines cannot share the work, and by address, so that one
//! machine cannot try many names.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
};

use crate::domain::UnixMs;

/// Wrong passwords count for so long.
const WINDOW_MS: i64 = 5 * 60 * 1000;
/// Wrong passwords for one name within the window.
const PER_NAME: u32 = 10;
/// Wrong passwords from one address within the window.
const PER_ADDRESS: u32 = 30;
/// Names and addresses that are remembered; when all are fresh, nobody may guess.
const KEYS_MAX: usize = 20_000;
/// A name is cut to so many characters.
const NAME_MAX: usize = 120;

/// Whose guesses are counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Name(String),
    Address(IpAddr),
}

#[derive(Clone, Copy, Debug)]
struct Count {
    since: UnixMs,
    guesses: u32,
}

/// Recent guesses.
#[derive(Debug, Default)]
pub(super) struct Guesses(HashMap<Key, Count>);

impl Guesses {
    /// Counts a guess that is about to be checked; `false` when there were too many and it must not be.
    pub(super) fn admit(&mut self, now: UnixMs, name: &str, address: IpAddr) -> bool {
        let keys = keys(name, address);
        let fresh = |count: &Count| now.since(count.since) < WINDOW_MS;
        if self.0.len() + keys.len() > KEYS_MAX {
            self.0.retain(|_, count| fresh(count));
        }
        let room = self.0.len() + keys.len() <= KEYS_MAX;
        let spent = |(key, limit): &(Key, u32)| {
            self.0
                .get(key)
                .is_some_and(|count| fresh(count) && count.guesses >= *limit)
        };
        if !room || keys.iter().any(spent) {
            return false;
        }
        for (key, _) in keys {
            let count = self.0.entry(key).or_insert(Count {
                since: now,
                guesses: 0,
            });
            if now.since(count.since) >= WINDOW_MS {
                *count = Count {
                    since: now,
                    guesses: 0,
                };
            }
            count.guesses += 1;
        }
        true
    }

    /// The guess was right: it does not count.
    pub(super) fn forgive(&mut self, name: &str, address: IpAddr) {
        for (key, _) in keys(name, address) {
            if let Some(count) = self.0.get_mut(&key) {
                count.guesses = count.guesses.saturating_sub(1);
            }
        }
    }
}

fn keys(name: &str, address: IpAddr) -> [(Key, u32); 2] {
    let name = name.trim().to_lowercase().chars().take(NAME_MAX).collect();
    [
        (Key::Name(name), PER_NAME),
        (Key::Address(network(address)), PER_ADDRESS),
    ]
}

/// One customer has a /64 of IPv6 at least.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMs = UnixMs(1_790_000_000_000);

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn ten_wrong_passwords_close_a_name_from_everywhere_for_five_minutes() {
        let mut guesses = Guesses::default();
        for at in 0..10 {
            assert!(guesses.admit(NOW, "Ada", address(at)));
        }
        assert!(!guesses.admit(NOW, " ADA ", address(99)));
        assert!(
            guesses.admit(NOW, "Ben", address(0)),
            "others may still sign in"
        );
        assert!(!guesses.admit(NOW.plus_ms(WINDOW_MS - 1), "ada", address(99)));
        assert!(guesses.admit(NOW.plus_ms(WINDOW_MS), "ada", address(99)));
    }

    #[test]
    fn thirty_wrong_passwords_close_an_address_for_every_name() {
        let mut guesses = Guesses::default();
        for at in 0..30 {
            assert!(guesses.admit(NOW, &format!("name {at}"), address(1)));
        }
        assert!(!guesses.admit(NOW, "another", address(1)));
        assert!(guesses.admit(NOW, "another", address(2)));
    }

    #[test]
    fn right_passwords_do_not_count() {
        let mut guesses = Guesses::default();
        for _ in 0..1000 {
            assert!(guesses.admit(NOW, "Ada", address(1)));
            guesses.forgive("Ada", address(1));
        }
    }

    #[test]
    fn an_ipv6_network_counts_as_one_and_mapped_ipv4_as_ipv4() {
        let [a, b, c] = ["2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"]
            .map(|text| network(text.parse().unwrap()));
        assert!(a == b && a != c);
        assert_eq!(network("::ffff:192.0.2.1".parse().unwrap()), address(1));
    }

    #[test]
    fn memory_is_bounded() {
        let mut guesses = Guesses::default();
        for at in 0..u32::try_from(KEYS_MAX).unwrap() {
            guesses.admit(NOW, &at.to_string(), IpAddr::from(at.to_be_bytes()));
        }
        assert!(guesses.0.len() <= KEYS_MAX);
        assert!(!guesses.admit(NOW, "late", address(1)));
        assert!(guesses.admit(NOW.plus_ms(WINDOW_MS), "late", address(1)));
    }
}
