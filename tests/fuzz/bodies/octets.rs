//! A reader that always has one more octet, and the instant from which bodies count.

use std::time::Instant;

/// Where virtual time begins.
#[expect(
    clippy::disallowed_methods,
    reason = "an Instant comes from nowhere else"
)]
pub(crate) fn epoch() -> Instant {
    Instant::now()
}

/// Octets taken one after the other; zeroes when there are no more.
pub(crate) struct Octets<'a>(pub(crate) &'a [u8]);

impl<'a> Octets<'a> {
    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next one.
    pub(crate) fn octet(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    /// The next two, big end first.
    pub(crate) fn number(&mut self) -> u16 {
        u16::from_be_bytes([self.octet(), self.octet()])
    }

    /// The next `len`, or what is left.
    pub(crate) fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }
}
