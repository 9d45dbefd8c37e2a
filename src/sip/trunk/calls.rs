//! How many calls each trunk has.

use std::collections::HashMap;

use crate::sip::TxnKey;

/// The calls of all trunks, by the transaction of their INVITE. Trunks go by their index.
#[derive(Debug)]
pub(super) struct Calls {
    trunk_of: HashMap<TxnKey, usize>,
    counts: Vec<u32>,
}

impl Calls {
    pub(super) fn new(trunks: usize) -> Self {
        Self {
            trunk_of: HashMap::new(),
            counts: vec![0; trunks],
        }
    }

    pub(super) fn of(&self, trunk: usize) -> u32 {
        self.counts.get(trunk).copied().unwrap_or(0)
    }

    pub(super) fn began(&mut self, txn: TxnKey, trunk: usize) {
        self.over(txn);
        if let Some(count) = self.counts.get_mut(trunk) {
            *count += 1;
            self.trunk_of.insert(txn, trunk);
        }
    }

    /// A call is over, told once or often; its trunk.
    pub(super) fn over(&mut self, txn: TxnKey) -> Option<usize> {
        let trunk = self.trunk_of.remove(&txn)?;
        if let Some(count) = self.counts.get_mut(trunk) {
            *count -= 1;
        }
        Some(trunk)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_is_told_how_often_counts_match(
            told in prop::collection::vec((any::<bool>(), 0..20_u64, 0..4_usize), 0..200),
        ) {
            let mut calls = Calls::new(3);
            for (begins, txn, trunk) in told {
                if begins {
                    calls.began(TxnKey(txn), trunk);
                } else {
                    calls.over(TxnKey(txn));
                }
                for trunk in 0..4 {
                    let up = calls.trunk_of.values().filter(|of| **of == trunk).count();
                    prop_assert_eq!(calls.of(trunk), u32::try_from(up).unwrap());
                }
            }
        }
    }
}
