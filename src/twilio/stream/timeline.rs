//! Where in the caller's time a frame lies: `milliseconds as Twilio tells them -> samples of 1/8 ms`.
//!
//! A timestamp is told in whole milliseconds and may be that of a clock beside the audio's. Less than a frame off is no gap
//! and no overlap: audio lies where the audio before it ended.

/// Samples of a millisecond.
const PER_MS: u64 = 8;
/// Samples of a frame of 20 ms: what is off by less is where it should be.
const FRAME: u64 = 160;

/// The end of what came last.
#[derive(Debug, Clone, Default)]
pub(super) struct Timeline {
    end: Option<u64>,
}

impl Timeline {
    /// The place of the next `samples`, told to begin at `timestamp_ms`.
    pub(super) fn place(&mut self, timestamp_ms: u64, samples: usize) -> u64 {
        let told = timestamp_ms.saturating_mul(PER_MS);
        let start = self
            .end
            .filter(|end| end.abs_diff(told) < FRAME)
            .unwrap_or(told);
        self.end = Some(start.saturating_add(samples as u64));
        start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(timestamps_ms: &[u64]) -> Vec<u64> {
        let mut timeline = Timeline::default();
        timestamps_ms
            .iter()
            .map(|at| timeline.place(*at, 160))
            .collect()
    }

    #[test]
    fn a_clock_that_trembles_leaves_no_holes() {
        assert_eq!(places(&[5, 26, 44, 64, 90]), [40, 200, 360, 520, 680]);
    }

    #[test]
    fn a_frame_that_is_missing_is_a_hole_and_one_that_comes_late_lies_before() {
        assert_eq!(places(&[0, 40, 60, 20]), [0, 320, 480, 160]);
        assert_eq!(places(&[0, 5000]), [0, 40_000]);
    }

    #[test]
    fn numbers_have_no_end() {
        assert_eq!(places(&[u64::MAX, u64::MAX]), [u64::MAX, u64::MAX]);
    }
}
