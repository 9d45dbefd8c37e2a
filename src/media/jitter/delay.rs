//! How late packets come, and so how long to wait for them.
//!
//! A packet's transit is its arrival minus its media time; the smallest transit of the last two
//! seconds is the path without queueing. The target delay covers 97 % of what comes on top.

use crate::media::NB_FRAME;

/// Samples per millisecond at 8 kHz.
pub(super) const PER_MS: i64 = 8;
/// Delay histogram: 5 ms wide buckets up to 400 ms.
const BUCKET: i64 = 5 * PER_MS;
const BUCKETS: usize = 80;
/// Weight that an old packet keeps when a new one comes: half is forgotten after 230 packets.
const MEMORY: f32 = 0.997;
const QUANTILE: f32 = 0.97;
/// On top of the quantile, so that the packet is there before its frame is due.
const MARGIN: i64 = 10 * PER_MS;
const TARGET_MAX: i64 = 400 * PER_MS;
/// The sliding minimum: ten slots of 200 ms.
const SLOT: i64 = 200 * PER_MS;
const SLOTS: usize = 10;

/// Times here are in samples, 8 to the millisecond, on two clocks: `arrival` on ours,
/// `media` on the sender's.
#[derive(Debug, Clone)]
pub(super) struct DelayEstimator {
    target_min: i64,
    weights: [f32; BUCKETS],
    minima: [Option<i64>; SLOTS],
    slot: i64,
}

impl DelayEstimator {
    pub(super) fn new(target_min: i64) -> Self {
        let mut weights = [0.0; BUCKETS];
        weights[0] = 1.0;
        Self {
            target_min: target_min.clamp(NB_FRAME as i64, TARGET_MAX),
            weights,
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
        for weight in &mut self.weights {
            *weight *= MEMORY;
        }
        self.weights[bucket] += 1.0 - MEMORY;
    }

    /// The smallest transit of the last two seconds.
    pub(super) fn base(&self) -> Option<i64> {
        self.minima.iter().flatten().min().copied()
    }

    /// How long after its earliest possible arrival a sample should be played.
    pub(super) fn target(&self) -> i64 {
        let mut below = 0.0;
        let covered = self.weights.iter().position(|weight| {
            below += weight;
            below >= QUANTILE
        });
        // The first bucket holds what is on time.
        let quantile = covered.unwrap_or(BUCKETS) as i64 * BUCKET;
        (quantile + MARGIN).clamp(self.target_min, TARGET_MAX)
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
        let mut estimator = DelayEstimator::new(160);
        for n in 0..packets {
            estimator.observe(n * 160 + queueing(n) * PER_MS, n * 160 - 77_777);
        }
        estimator.target() / PER_MS
    }

    #[test]
    fn a_steady_path_needs_the_least() {
        assert_eq!(target_ms(500, |_| 0), 20);
    }

    #[test]
    fn a_rare_spike_is_not_waited_for_and_a_common_one_is() {
        assert_eq!(target_ms(1000, |n| if n % 100 == 0 { 200 } else { 0 }), 20);
        let waits = target_ms(1000, |n| if n % 10 == 0 { 100 } else { 0 });
        assert!((105..=115).contains(&waits), "{waits}");
    }

    #[test]
    fn the_target_has_its_limit() {
        assert_eq!(target_ms(1000, |n| if n % 5 == 0 { 1500 } else { 0 }), 400);
    }

    #[test]
    fn the_base_follows_a_drifting_clock() {
        let mut estimator = DelayEstimator::new(160);
        // The sender is 200 ppm slow for an hour: its packets come later and later.
        for n in 0..180_000_i64 {
            estimator.observe(n * 160 + n * 160 / 5000, n * 160);
        }
        let late = 180_000 * 160 / 5000;
        assert!((late - estimator.base().unwrap()) < 5 * PER_MS);
        assert_eq!(estimator.target(), 160);
    }
}
