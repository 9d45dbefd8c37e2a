//! Session, track, participant and room ids.
//!
//! Sids look as LiveKit's do (`PA_`, `TR_`, `RM_` and twelve characters). They name, they do not
//! authorise, so a seeded generator is enough.

use super::{SessionId, TrackKey};

const ALPHABET: &[u8; 64] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789abcdefg";

/// The source of all ids of one endpoint.
#[derive(Debug)]
pub(super) struct Sids {
    state: u64,
    count: u64,
}

impl Sids {
    pub(super) fn new(seed: u64) -> Self {
        // Keys of another endpoint, made with another seed before this one, name nobody here.
        Self {
            state: seed,
            count: seed >> 16,
        }
    }

    pub(super) fn session(&mut self) -> SessionId {
        self.count += 1;
        SessionId(self.count)
    }

    pub(super) fn track(&mut self) -> TrackKey {
        self.count += 1;
        TrackKey(self.count)
    }

    /// A fresh sid with this prefix.
    pub(super) fn sid(&mut self, prefix: &str) -> String {
        let mut bits = (u128::from(self.next()) << 64) | u128::from(self.next());
        let mut sid = String::with_capacity(prefix.len() + 12);
        sid.push_str(prefix);
        for _ in 0..12 {
            let letter = ALPHABET.get((bits & 63) as usize).copied().unwrap_or(b'A');
            sid.push(char::from(letter));
            bits >>= 6;
        }
        sid
    }

    /// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators).
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sids_differ_and_are_the_same_for_the_same_seed() {
        let draw = |seed| {
            let mut sids = Sids::new(seed);
            (0..1000).map(|_| sids.sid("TR_")).collect::<Vec<_>>()
        };
        let drawn = draw(7);
        assert_eq!(drawn, draw(7));
        assert_ne!(drawn, draw(8));
        let distinct: std::collections::HashSet<_> = drawn.iter().collect();
        assert_eq!(distinct.len(), 1000);
        assert!(
            drawn
                .iter()
                .all(|sid| sid.len() == 15 && sid.starts_with("TR_"))
        );
    }
}
