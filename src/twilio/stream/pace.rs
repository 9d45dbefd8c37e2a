//! How many frames may come: so many a second in the long run, and some at once after a stall.

use std::time::Instant;

/// Tokens in thousandths, so that a millisecond of a slow rate counts too.
const TOKEN: u64 = 1000;

/// A bucket that holds `burst` tokens and gains `per_second`.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    per_second: u64,
    full: u64,
    tokens: u64,
    at: Instant,
}

impl Pace {
    pub(super) fn new(now: Instant, per_second: u32, burst: u32) -> Self {
        let full = u64::from(burst) * TOKEN;
        Self {
            per_second: u64::from(per_second),
            full,
            tokens: full,
            at: now,
        }
    }

    /// Takes a token; `false` when there is none.
    pub(super) fn admits(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_millis();
        let passed_ms = u64::try_from(passed).unwrap_or(u64::MAX);
        if passed_ms > 0 {
            let gained = passed_ms.saturating_mul(self.per_second);
            self.tokens = self.tokens.saturating_add(gained).min(self.full);
            self.at = now;
        }
        let left = self.tokens.checked_sub(TOKEN);
        self.tokens = left.unwrap_or(self.tokens);
        left.is_some()
    }
}
