//! Nonces that need no memory until somebody has used them well.
//!
//! `base64url(NUMBER 8 octets, MAC 16 octets)`: the number grows with time and names the nonce, the MAC is HMAC-SHA256 over it and
//! over the scope it was made for. A flood of challenges therefore costs no memory. Only a nonce that came back with a right
//! response is remembered, with a window of the counts that were used, so that no request is accepted twice.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// How long a nonce is good.
const LIFETIME: Duration = Duration::from_secs(300);
/// Nonces in use that are remembered; the oldest goes first, and is good no more.
const USED_MAX: usize = 4096;
/// The low bits of a number, which keep the nonces of one millisecond apart.
const SERIAL_BITS: u32 = 20;
const MAC_BYTES: usize = 16;
const NONCE_BYTES: usize = 8 + MAC_BYTES;
/// Counts behind the highest one that may still come.
const WINDOW: u32 = 64;

/// What a nonce is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worth {
    /// Ours, made for this scope, young enough.
    Good(NonceNumber),
    /// Ours and made for this scope, but too old.
    Old,
    /// Not ours, or made for another scope.
    Foreign,
}

/// Names a nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NonceNumber(u64);

/// Which counts of a nonce were used: the highest, and one bit for each of those just below it.
#[derive(Debug, Clone, Copy, Default)]
struct Window {
    highest: u32,
    /// Bit n stands for `highest - n`.
    used: u64,
}

/// Makes nonces and remembers those in use.
#[derive(Debug)]
pub(super) struct Nonces {
    mac: Hmac<Sha256>,
    since: Instant,
    last: u64,
    used: BTreeMap<NonceNumber, Window>,
    /// Nonces up to this one are forgotten.
    forgotten: NonceNumber,
}

impl Nonces {
    pub(super) fn new(now: Instant, secret: &[u8; 32]) -> Self {
        // HMAC takes keys of up to a block (64 octets) as they are, zeros appended.
        let mut block = [0; 64];
        for (octet, secret) in block.iter_mut().zip(secret) {
            *octet = *secret;
        }
        Self {
            mac: Hmac::new(&block.into()),
            since: now,
            last: 0,
            used: BTreeMap::new(),
            forgotten: NonceNumber(0),
        }
    }

    /// A new nonce for `scope`.
    pub(super) fn make(&mut self, now: Instant, scope: &[u8]) -> String {
        self.last = self.floor(now).max(self.last.saturating_add(1));
        let number = self.last.to_be_bytes();
        let mut octets = number.to_vec();
        octets.extend(self.signed(number, scope).finalize().into_bytes());
        octets.truncate(NONCE_BYTES);
        URL_SAFE_NO_PAD.encode(octets)
    }

    /// What a nonce that came back is worth.
    pub(super) fn weigh(&self, now: Instant, scope: &[u8], nonce: &str) -> Worth {
        let octets = URL_SAFE_NO_PAD.decode(nonce).unwrap_or_default();
        let Some((number, mac)) = octets.split_first_chunk::<8>() else {
            return Worth::Foreign;
        };
        let is_ours = mac.len() == MAC_BYTES
            && self
                .signed(*number, scope)
                .verify_truncated_left(mac)
                .is_ok();
        if !is_ours {
            return Worth::Foreign;
        }
        let number = NonceNumber(u64::from_be_bytes(*number));
        let oldest = now.checked_sub(LIFETIME).map_or(0, |then| self.floor(then));
        if number.0 < oldest || number <= self.forgotten {
            Worth::Old
        } else {
            Worth::Good(number)
        }
    }

    /// Uses up a count; false when it was used before or is too far behind.
    pub(super) fn take(&mut self, now: Instant, number: NonceNumber, count: u32) -> bool {
        if !self.used.contains_key(&number) && self.used.len() >= USED_MAX {
            self.make_room(now);
        }
        self.used.entry(number).or_default().take(count)
    }

    fn make_room(&mut self, now: Instant) {
        let oldest = now.checked_sub(LIFETIME).map_or(0, |then| self.floor(then));
        self.used = self.used.split_off(&NonceNumber(oldest));
        if self.used.len() >= USED_MAX
            && let Some((number, _)) = self.used.pop_first()
        {
            self.forgotten = number;
        }
    }

    /// The lowest number that a nonce made at `at` can have.
    fn floor(&self, at: Instant) -> u64 {
        let age_ms = at.saturating_duration_since(self.since).as_millis();
        u64::try_from(age_ms)
            .unwrap_or(u64::MAX >> SERIAL_BITS)
            .saturating_mul(1 << SERIAL_BITS)
    }

    fn signed(&self, number: [u8; 8], scope: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        mac.update(b"digest nonce 1");
        mac.update(&number);
        mac.update(scope);
        mac
    }
}

impl Window {
    fn take(&mut self, count: u32) -> bool {
        if count > self.highest {
            let ahead = count - self.highest;
            self.used = self.used.checked_shl(ahead).unwrap_or(0) | 1;
            self.highest = count;
            return true;
        }
        let behind = self.highest - count;
        let bit = 1_u64.checked_shl(behind).unwrap_or(0);
        let is_new = behind < WINDOW && count > 0 && self.used & bit == 0;
        if is_new {
            self.used |= bit;
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[expect(
        clippy::disallowed_methods,
        reason = "any instant will do as the beginning"
    )]
    fn start() -> Instant {
        Instant::now()
    }

    fn good(nonces: &Nonces, now: Instant, nonce: &str) -> NonceNumber {
        let worth = nonces.weigh(now, b"a", nonce);
        let Worth::Good(number) = worth else {
            panic!("{worth:?}");
        };
        number
    }

    #[test]
    fn a_nonce_is_good_for_its_scope_and_its_time() {
        let start = start();
        let mut nonces = Nonces::new(start, &[7; 32]);
        let later = start + Duration::from_secs(10);
        let nonce = nonces.make(later, b"a");
        good(&nonces, later, &nonce);
        good(&nonces, later + LIFETIME, &nonce);
        let too_late = later + LIFETIME + Duration::from_millis(1);
        assert_eq!(nonces.weigh(too_late, b"a", &nonce), Worth::Old);
        assert_eq!(nonces.weigh(later, b"b", &nonce), Worth::Foreign);
        let other = Nonces::new(start, &[8; 32]);
        assert_eq!(other.weigh(later, b"a", &nonce), Worth::Foreign);
    }

    #[test]
    fn the_nonces_of_one_moment_differ() {
        let start = start();
        let mut nonces = Nonces::new(start, &[7; 32]);
        let made: HashSet<String> = (0..1000).map(|_| nonces.make(start, b"a")).collect();
        assert_eq!(made.len(), 1000);
        assert!(made.iter().all(|nonce| nonce.len() == 32));
    }

    #[test]
    fn every_octet_counts() {
        let start = start();
        let mut nonces = Nonces::new(start, &[7; 32]);
        let nonce = nonces.make(start, b"a");
        for at in 0..nonce.len() {
            let mut changed = nonce.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(nonces.weigh(start, b"a", &changed), Worth::Foreign);
            assert_eq!(nonces.weigh(start, b"a", &nonce[..at]), Worth::Foreign);
        }
    }

    #[test]
    fn a_count_is_taken_once_in_any_order_within_the_window() {
        let start = start();
        let mut nonces = Nonces::new(start, &[7; 32]);
        let nonce = nonces.make(start, b"a");
        let number = good(&nonces, start, &nonce);
        let mut take = |count| nonces.take(start, number, count);
        assert!(!take(0));
        assert!(take(1) && !take(1));
        assert!(take(3) && take(2) && !take(2) && !take(3));
        assert!(take(1000) && take(937) && !take(936) && !take(1000));
        assert!(take(u32::MAX) && !take(u32::MAX) && !take(1001));
    }

    #[test]
    fn a_full_memory_makes_old_nonces_old_and_never_good_again() {
        let start = start();
        let mut nonces = Nonces::new(start, &[7; 32]);
        let made: Vec<String> = (0..=USED_MAX).map(|_| nonces.make(start, b"a")).collect();
        for nonce in &made {
            let number = good(&nonces, start, nonce);
            assert!(nonces.take(start, number, 1));
        }
        assert_eq!(nonces.used.len(), USED_MAX);
        assert_eq!(nonces.weigh(start, b"a", &made[0]), Worth::Old);
        let number = good(&nonces, start, &made[1]);
        assert!(!nonces.take(start, number, 1), "the others are remembered");

        let later = start + LIFETIME + Duration::from_secs(1);
        let nonce = nonces.make(later, b"a");
        let number = good(&nonces, later, &nonce);
        assert!(nonces.take(later, number, 1));
        assert_eq!(nonces.used.len(), 1, "old ones make room");
    }

    proptest! {
        #[test]
        fn no_count_is_ever_taken_twice(counts in prop::collection::vec(0..200_u32, 0..300)) {
            let mut window = Window::default();
            let mut taken = HashSet::new();
            for count in counts {
                if window.take(count) {
                    prop_assert!(taken.insert(count));
                }
            }
        }

        #[test]
        fn nothing_random_is_ours(nonce in "[A-Za-z0-9_-]{0,40}|.{0,40}") {
            let nonces = Nonces::new(start(), &[7; 32]);
            prop_assert_eq!(nonces.weigh(start(), b"a", &nonce), Worth::Foreign);
        }
    }
}
