//! How late packets come, and so how long to wait for them.
//!
//! A packet's transit is its arrival minus its media time; the smallest transit of the last two
//! seconds is the path without queueing. The target delay covers 99.5 % of what comes on top. On a
//! path that loses packets it also waits for the packet after a lost one, because a gap is filled
//! much better when both of its ends are known.

/// Samples per millisecond at 8 kHz.
pub(super) const PER_MS: i64 = 8;
/// Delay histogram: 2 ms wide buckets up to 400 ms.
const BUCKET: i64 = 2 * PER_MS;
const BUCKETS: usize = 200;
/// It is of the last 1000 to 2000 packets, 20 to 40 s; at first it believes in a good path as much as in so many packets.
const BLOCK: u32 = 1000;
const BELIEVED: u32 = 100;
/// Packets to be waited for, and packets that follow on a lost one.
const QUANTILE: f32 = 0.995;
const QUANTILE_AFTER_LOSS: f32 = 0.9;
/// A path loses packets for so long after it has lost one; one that is new is on trial.
const LOSS_REMEMBERED: i64 = 30_000 * PER_MS;
const TRIAL: i64 = 5000 * PER_MS;
/// And it turns packets round for so long after one was late.
const LATE_REMEMBERED: i64 = 2000 * PER_MS;
/// On top of the quantile, so that the packet is there before its frame is due.
const MARGIN: i64 = 3 * PER_MS;
const TARGET_MAX: i64 = 400 * PER_MS;
/// The sliding minimum: ten slots of 200 ms.
const SLOT: i64 = 200 * PER_MS;
const SLOTS: usize = 10;

/// Times here are in samples, 8 to the millisecond, on two clocks: `arrival` on ours,
/// `media` on the sender's.
#[derive(Debug, Clone)]
pub(super) struct DelayEstimator {
    target_min: i64,
    /// Packets by their delay: of this block and of the one before.
    counts: [[u32; BUCKETS]; 2],
    /// How many those are.
    seen: u32,
    seen_before: u32,
    /// The delays within which [`QUANTILE`] and [`QUANTILE_AFTER_LOSS`] of them come.
    covered: [i64; 2],
    /// Arrival of the newest packet, and until when the path is one that loses packets or turns them round.
    newest: Option<i64>,
    loses_until: i64,
    turns_until: i64,
    minima: [Option<i64>; SLOTS],
    slot: i64,
}

impl DelayEstimator {
    pub(super) fn new(target_min: i64) -> Self {
        let mut counts = [[0; BUCKETS]; 2];
        counts[1][0] = BELIEVED;
        Self {
            target_min: target_min.clamp(0, TARGET_MAX),
            counts,
            seen: 0,
            seen_before: BELIEVED,
            covered: [0; 2],
            newest: None,
            loses_until: 0,
            turns_until: 0,
            minima: [None; SLOTS],
            slot: 0,
        }
    }

    /// Forgets the path but not how much it jitters: the stream made a pause.
    pub(super) fn restart(&mut self) {
        self.minima = [None; SLOTS];
    }

    pub(super) fn observe(&mut self, arrival: i64, media: i64) {
        self.turn_to(arrival);
        let transit = arrival - media;
        if let Some(minimum) = self
            .minima
            .get_mut(self.slot.rem_euclid(SLOTS as i64) as usize)
        {
            *minimum = Some(minimum.map_or(transit, |m| m.min(transit)));
        }
        let delay = transit - self.base().unwrap_or(transit);
        let bucket = ((delay / BUCKET) as usize).min(BUCKETS - 1);
        if self.seen >= BLOCK {
            let [block, before] = &mut self.counts;
            std::mem::swap(block, before);
            block.fill(0);
            self.seen_before = std::mem::take(&mut self.seen);
        }
        let [block, _] = &mut self.counts;
        block[bucket] += 1;
        self.seen += 1;
        self.covered = [QUANTILE, QUANTILE_AFTER_LOSS].map(|share| self.covered(share));
        if self.newest.is_none() {
            self.loses_until = arrival + TRIAL;
        }
        self.newest = self.newest.max(Some(arrival));
    }

    /// A packet did not come.
    pub(super) fn observe_loss(&mut self) {
        self.loses_until = self.newest.unwrap_or(0) + LOSS_REMEMBERED;
    }

    /// A packet came after a later one had been played.
    pub(super) fn observe_late(&mut self) {
        self.turns_until = self.newest.unwrap_or(0) + LATE_REMEMBERED;
    }

    /// What is missing before a packet that is there may well be on its way.
    pub(super) fn turns_round(&self) -> bool {
        self.newest < Some(self.turns_until)
    }

    /// The smallest transit of the last two seconds.
    pub(super) fn base(&self) -> Option<i64> {
        self.minima.iter().flatten().min().copied()
    }

    /// How long after its earliest possible arrival a packet of so many samples should be played.
    pub(super) fn target(&self, packet: i64) -> i64 {
        let [mut wait, after_loss] = self.covered;
        if self.newest < Some(self.loses_until) {
            wait = wait.max(packet + after_loss);
        }
        (wait + MARGIN).clamp(self.target_min, TARGET_MAX)
    }

    /// The delay within which that share of packets comes.
    fn covered(&self, share: f32) -> i64 {
        let [block, before] = &self.counts;
        let both = || block.iter().zip(before).map(|(a, b)| a + b);
        let wanted = share * (self.seen + self.seen_before) as f32;
        let mut below = 0;
        let covered = both().position(|packets| {
            below += packets;
            below as f32 >= wanted
        });
        // The first bucket holds what is on time.
        covered.unwrap_or(BUCKETS) as i64 * BUCKET
    }

    /// Empties the slots that have become older than two seconds.
    fn turn_to(&mut self, arrival: i64) {
        let slot = arrival.div_euclid(SLOT);
        let passed = (slot - self.slot).clamp(0, SLOTS as i64);
        for n in 0..passed {
            if let Some(old) = self
                .minima
                .get_mut((slot - n).rem_euclid(SLOTS as i64) as usize)
            {
                *old = None;
            }
        }
        self.slot = self.slot.max(slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds 20 ms packets whose queueing delay in ms is given by `queueing`.
    fn target_ms(packets: i64, queueing: impl Fn(i64) -> i64) -> i64 {
        let mut estimator = DelayEstimator::new(0);
        for n in 0..packets {
            estimator.observe(n * 160 + queueing(n) * PER_MS, n * 160 - 77_777);
        }
        estimator.target(160) / PER_MS
    }

    #[test]
    fn a_steady_path_needs_the_least() {
        assert_eq!(target_ms(500, |_| 0), 3);
    }

    #[test]
    fn a_rare_spike_is_not_waited_for_and_a_common_one_is() {
        assert_eq!(target_ms(4000, |n| if n % 400 == 399 { 200 } else { 0 }), 3);
        let waits = target_ms(1000, |n| if n % 10 == 0 { 100 } else { 0 });
        assert!((102..=105).contains(&waits), "{waits}");
    }

    #[test]
    fn a_path_that_loses_packets_is_given_time_for_the_one_after() {
        let mut estimator = DelayEstimator::new(0);
        let mut feed = |from: i64, loss: bool| {
            for n in from..from + 1400 {
                estimator.observe(n * 160, n * 160);
            }
            if loss {
                estimator.observe_loss();
            }
            estimator.target(160)
        };
        assert_eq!(feed(0, false), MARGIN);
        assert_eq!(feed(1400, true), 160 + MARGIN);
        assert_eq!(feed(2800, false), 160 + MARGIN);
        assert_eq!(feed(4200, false), MARGIN);
    }

    #[test]
    fn a_first_spike_is_learnt_at_once() {
        let waits = target_ms(60, |n| {
            if (50..54).contains(&n) {
                130 - n % 50 * 20
            } else {
                0
            }
        });
        assert!((130..=135).contains(&waits), "{waits}");
    }

    #[test]
    fn the_target_has_its_limit() {
        assert_eq!(target_ms(1000, |n| if n % 5 == 0 { 1500 } else { 0 }), 400);
    }

    #[test]
    fn the_base_follows_a_drifting_clock() {
        let mut estimator = DelayEstimator::new(0);
        // The sender is 200 ppm slow for an hour: its packets come later and later.
        for n in 0..180_000_i64 {
            estimator.observe(n * 160 + n * 160 / 5000, n * 160);
        }
        let late = 180_000 * 160 / 5000;
        assert!((late - estimator.base().unwrap()) < 5 * PER_MS);
        assert_eq!(estimator.target(160), MARGIN);
    }
}
