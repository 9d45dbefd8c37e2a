//! How losses lie: one by one, or in bursts (RFC 3611 section 4.7.2).
//!
//! A packet is judged when 32 newer ones could have come: what is late by less is no loss. Losses with fewer than 16
//! packets between them are one burst; a loss alone lies in a gap.

/// Packets after which a missing one is lost.
const PATIENCE: u32 = 32;
/// Gmin: packets in a row that end a burst.
const GAP_MIN: u64 = 16;

/// Packets and losses since the beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LossCounts {
    /// Packets that should have come.
    pub expected: u64,
    /// Packets that did not.
    pub lost: u64,
    /// Runs of losses next to each other.
    pub runs: u64,
    /// Bursts that are over.
    pub bursts: u64,
    /// Packets in them, from the first loss to the last.
    pub burst_packets: u64,
    /// Losses in them.
    pub burst_lost: u64,
}

impl LossCounts {
    /// What has come since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            expected: self.expected.saturating_sub(earlier.expected),
            lost: self.lost.saturating_sub(earlier.lost),
            runs: self.runs.saturating_sub(earlier.runs),
            bursts: self.bursts.saturating_sub(earlier.bursts),
            burst_packets: self.burst_packets.saturating_sub(earlier.burst_packets),
            burst_lost: self.burst_lost.saturating_sub(earlier.burst_lost),
        }
    }

    /// BurstR of G.107: the mean run of losses against 1 / (1 - loss), that of losses at random; 1 or more.
    #[must_use]
    pub fn burst_ratio(&self) -> f32 {
        if self.runs == 0 || self.expected == 0 {
            return 1.0;
        }
        let run = self.lost as f32 / self.runs as f32;
        let arrived = 1.0 - self.lost as f32 / self.expected as f32;
        (run * arrived).max(1.0)
    }

    /// Losses among the packets of bursts, in percent.
    #[must_use]
    pub fn burst_density_percent(&self) -> f32 {
        percent(self.burst_lost, self.burst_packets)
    }

    /// Packets in the mean burst.
    #[must_use]
    pub fn burst_packets_mean(&self) -> f32 {
        if self.bursts == 0 {
            return 0.0;
        }
        self.burst_packets as f32 / self.bursts as f32
    }
}

/// A share in percent; none of nothing is 0.
pub(super) fn percent(part: u64, whole: u64) -> f32 {
    if whole == 0 {
        return 0.0;
    }
    100.0 * part as f32 / whole as f32
}

/// Watches the sequence numbers of one stream after another.
#[derive(Debug, Clone, Default)]
pub struct LossPattern {
    /// Bit n: the packet n before the newest has come. 0 while no stream has begun.
    arrived: u32,
    /// Packets of the present stream up to `PATIENCE`: older ones are none.
    known: u32,
    counts: LossCounts,
    /// Packets since the last loss.
    since_loss: u64,
    /// The losses that may become a burst: packets from the first to the last, and losses.
    run: (u64, u64),
}

impl LossPattern {
    /// Another stream begins with this packet; what was awaited of the last one is not.
    pub fn begin(&mut self) {
        self.arrived = 1;
        self.known = 1;
        self.close();
        self.since_loss = 0;
    }

    /// A packet came, `step` after the newest so far: 1 in order, 0 or less late or once more.
    pub fn arrive(&mut self, step: i32) {
        if let Ok(behind) = u32::try_from(step.saturating_neg()) {
            if let Some(bit) = 1_u32.checked_shl(behind).filter(|_| behind < self.known) {
                self.arrived |= bit;
            }
            return;
        }
        let step = step.unsigned_abs();
        for _ in 0..step.min(PATIENCE) {
            self.push();
        }
        if let Some(jumped) = step.checked_sub(PATIENCE).filter(|jumped| *jumped > 0) {
            self.lose(u64::from(jumped));
        }
        self.arrived |= 1;
    }

    /// All that has been judged.
    #[must_use]
    pub fn counts(&self) -> LossCounts {
        self.counts
    }

    /// Judges the oldest, and awaits the next.
    fn push(&mut self) {
        if self.known == PATIENCE {
            if self.arrived >> (PATIENCE - 1) == 1 {
                self.counts.expected += 1;
                self.since_loss += 1;
            } else {
                self.lose(1);
            }
        }
        self.arrived <<= 1;
        self.known = (self.known + 1).min(PATIENCE);
    }

    /// `count` packets in a row are lost.
    fn lose(&mut self, count: u64) {
        self.counts.expected += count;
        self.counts.lost += count;
        if self.since_loss > 0 || self.run.1 == 0 {
            self.counts.runs += 1;
        }
        if self.since_loss >= GAP_MIN {
            self.close();
        }
        let (packets, lost) = self.run;
        let between = if lost == 0 { 0 } else { self.since_loss };
        self.run = (packets + between + count, lost + count);
        self.since_loss = 0;
    }

    /// The last burst is over, if it was one.
    fn close(&mut self) {
        let (packets, lost) = std::mem::take(&mut self.run);
        if lost > 1 {
            self.counts.bursts += 1;
            self.counts.burst_packets += packets;
            self.counts.burst_lost += lost;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Lets packets come in order where `pattern` has a dot.
    fn pattern(pattern: &str) -> LossPattern {
        let mut watch = LossPattern::default();
        watch.begin();
        let mut step = 0;
        for packet in pattern.chars() {
            step += 1;
            if packet == '.' {
                watch.arrive(step);
                step = 0;
            }
        }
        // So many more that all of them are judged.
        for _ in 0..PATIENCE {
            step += 1;
            watch.arrive(step);
            step = 0;
        }
        watch
    }

    #[test]
    fn losses_close_together_are_a_burst_and_a_loss_alone_is_none() {
        // Two losses with one packet between them and a pair; 16 packets; a loss alone; 16 packets.
        let good = ".".repeat(16);
        let counts = pattern(&format!("x.x.xx{good}x{good}x")).counts();
        assert_eq!((counts.expected, counts.lost, counts.runs), (41, 6, 5));
        assert_eq!(
            (counts.bursts, counts.burst_packets, counts.burst_lost),
            (1, 6, 4)
        );
        assert!((counts.burst_density_percent() - 66.7).abs() < 0.1);
        assert!((counts.burst_packets_mean() - 6.0).abs() < 0.01);
    }

    #[test]
    fn one_packet_fewer_between_two_losses_makes_them_a_burst() {
        let near = pattern(&format!("x{}x{}x", ".".repeat(15), ".".repeat(16)));
        assert_eq!((near.counts().bursts, near.counts().burst_packets), (1, 17));
        let far = pattern(&format!("x{}x{}x", ".".repeat(16), ".".repeat(16)));
        assert_eq!(far.counts().bursts, 0);
    }

    #[test]
    fn ten_in_a_row_are_burstier_than_ten_spread_out() {
        let good = ".".repeat(90);
        let together = pattern(&format!("{}{good}", "x".repeat(10))).counts();
        let alone = pattern(&"x.........".repeat(10)).counts();
        assert_eq!((together.lost, alone.lost), (10, 10));
        assert!(together.burst_ratio() > 8.0, "{}", together.burst_ratio());
        assert!((alone.burst_ratio() - 1.0).abs() < f32::EPSILON);
    }

    #[test]
    fn what_comes_late_is_not_lost() {
        let mut watch = LossPattern::default();
        watch.begin();
        for _ in 0..50 {
            watch.arrive(2);
            watch.arrive(-1);
            watch.arrive(-1);
        }
        assert_eq!((watch.counts().lost, watch.counts().expected), (0, 69));
    }

    #[test]
    fn a_new_stream_forgets_what_was_awaited() {
        let mut watch = LossPattern::default();
        watch.begin();
        watch.arrive(20);
        watch.begin();
        (0..100).for_each(|_| watch.arrive(1));
        assert_eq!(watch.counts().lost, 0);
        watch.arrive(3000);
        (0..40).for_each(|_| watch.arrive(1));
        assert_eq!((watch.counts().lost, watch.counts().runs), (2999, 1));
    }

    proptest! {
        /// Against a list of all packets.
        #[test]
        fn losses_are_those_that_never_came(steps in prop::collection::vec(-40_i32..70, 1..300)) {
            let mut watch = LossPattern::default();
            watch.begin();
            let (mut newest, mut came) = (0_i64, std::collections::BTreeSet::from([0_i64]));
            for step in steps {
                let at = newest + i64::from(step);
                // Older than the patience: judged already, whatever comes.
                if at > newest - i64::from(PATIENCE) && at >= 0 {
                    came.insert(at);
                }
                newest = newest.max(at);
                watch.arrive(step);
            }
            let judged = (newest + 1 - i64::from(PATIENCE)).max(0);
            let lost = (0..judged).filter(|at| !came.contains(at)).count();
            prop_assert_eq!(watch.counts().lost, lost as u64);
            prop_assert_eq!(watch.counts().expected, judged as u64);
        }
    }
}
