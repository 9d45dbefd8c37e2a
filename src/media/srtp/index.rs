//! Which packet a sequence number means, and whether it was here before (RFC 3711 section 3.3).

/// First index that a key may not be used for: 2^48 packets (RFC 3711 section 9.2).
pub(super) const INDEX_END: u64 = 1 << 48;
/// Packets that the window remembers; the RFC asks for 64 or more.
const WINDOW: u64 = 128;
const ROLLOVER: u64 = 1 << 16;

/// The index: how often the sequence number has rolled over, and the sequence number.
pub(super) fn index(rollovers: u32, sequence: u16) -> u64 {
    u64::from(rollovers) * ROLLOVER + u64::from(sequence)
}

/// How often the sequence number has rolled over at an index.
pub(super) fn rollovers(index: u64) -> u32 {
    u32::try_from(index / ROLLOVER).unwrap_or(u32::MAX)
}

/// The index nearest to `highest` that ends in `sequence` (section 3.3.1); none outside of the key's life.
pub(super) fn estimate(highest: u64, sequence: u16) -> Option<u64> {
    let same = highest - highest % ROLLOVER + u64::from(sequence);
    let near = if same + ROLLOVER / 2 < highest {
        same + ROLLOVER
    } else if same > highest + ROLLOVER / 2 {
        same.checked_sub(ROLLOVER)?
    } else {
        same
    };
    (near < INDEX_END).then_some(near)
}

/// The packets that were taken lately (section 3.3.2).
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    highest: u64,
    /// Bit n: the packet n before the highest was taken.
    taken: u128,
}

impl Window {
    /// A window that has seen this one packet.
    pub(super) fn new(index: u64) -> Self {
        Self {
            highest: index,
            taken: 1,
        }
    }

    pub(super) fn highest(&self) -> u64 {
        self.highest
    }

    /// Whether a packet is new: neither taken nor older than the window.
    pub(super) fn is_new(&self, index: u64) -> bool {
        match self.highest.checked_sub(index) {
            None => true,
            Some(behind) => behind < WINDOW && self.taken & (1 << behind) == 0,
        }
    }

    /// Remembers a packet that was found authentic.
    pub(super) fn take(&mut self, index: u64) {
        match index.checked_sub(self.highest) {
            Some(ahead) => {
                self.taken = if ahead < WINDOW {
                    self.taken << ahead | 1
                } else {
                    1
                };
                self.highest = index;
            }
            None => {
                let behind = self.highest - index;
                if behind < WINDOW {
                    self.taken |= 1 << behind;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_nearest_index_is_meant() {
        for (highest, sequence, expected) in [
            (0, 0, Some(0)),
            (0, 0x8000, Some(0x8000)),
            (0, 0x8001, None),
            (0x8000, 0, Some(0)),
            (0x8001, 0, Some(0x1_0000)),
            (0xFFFF, 0, Some(0x1_0000)),
            (0x1_0000, 0xFFFF, Some(0xFFFF)),
            (0x2_0001, 0xFFF0, Some(0x1_FFF0)),
            (INDEX_END - 1, 0xFFFE, Some(INDEX_END - 2)),
            (INDEX_END - 1, 0, None),
        ] {
            assert_eq!(
                estimate(highest, sequence),
                expected,
                "{highest:x} {sequence:x}"
            );
        }
    }

    proptest! {
        /// As Appendix A of the RFC has it.
        #[test]
        fn the_estimate_is_that_of_the_rfc(roc in 0..=u32::MAX, last in any::<u16>(), sequence in any::<u16>()) {
            let (s_l, seq) = (i64::from(last), i64::from(sequence));
            let v = if s_l < 32_768 {
                if seq - s_l > 32_768 { i64::from(roc) - 1 } else { i64::from(roc) }
            } else if s_l - 32_768 > seq {
                i64::from(roc) + 1
            } else {
                i64::from(roc)
            };
            let expected = u32::try_from(v).ok().map(|v| index(v, sequence));
            prop_assert_eq!(estimate(index(roc, last), sequence), expected);
        }

        /// Against a set that forgets nothing.
        #[test]
        fn a_packet_is_new_once(steps in prop::collection::vec(-200_i64..200, 1..400)) {
            let mut at = 1_000_000_i64;
            let mut window = Window::new(at as u64);
            let mut seen = std::collections::HashSet::from([at as u64]);
            for step in steps {
                at += step;
                let index = at as u64;
                let is_new = window.is_new(index);
                let is_old = window.highest().checked_sub(index).is_some_and(|behind| behind >= WINDOW);
                prop_assert_eq!(is_new, !seen.contains(&index) && !is_old);
                if is_new {
                    window.take(index);
                    seen.insert(index);
                    prop_assert!(!window.is_new(index));
                }
            }
        }
    }
}
