//! How packets and frames lie to one another.
//!
//! A frame can be played when the packet with its last sample is there. Packets of 20 ms and frames of 20 ms that begin
//! together need no more than that packet; a frame that begins in the middle of a packet needs the next one as well, and
//! so waits longer for the same sound.

use crate::media::NB_FRAME;

const FRAME: i64 = NB_FRAME as i64;

/// Where packets begin, in samples of media time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    start: i64,
    packet: i64,
}

impl Grid {
    pub(super) fn new() -> Self {
        Self {
            start: 0,
            packet: FRAME,
        }
    }

    /// A packet that is not empty has come.
    pub(super) fn observe(&mut self, start: i64, samples: usize) {
        self.start = start;
        self.packet = samples as i64;
    }

    /// Length of a packet.
    pub(super) fn packet(&self) -> i64 {
        self.packet
    }

    /// The longest time from the first sample of a frame to the beginning of the packet with its last one, over all frames
    /// that follow on `play`.
    pub(super) fn reach(&self, play: i64) -> i64 {
        match (play - self.start).rem_euclid(self.step()) {
            0 => FRAME - self.step(),
            into => FRAME - into,
        }
    }

    /// The last place up to `at` from which frames reach least far.
    pub(super) fn align(&self, at: i64) -> i64 {
        at - (at - self.start).rem_euclid(self.step())
    }

    /// Frames come to lie at every multiple of this.
    fn step(&self) -> i64 {
        let (mut a, mut b) = (FRAME, self.packet);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reach as it is: frame after frame.
    fn farthest(start: i64, packet: i64, play: i64) -> i64 {
        let reach = |play: i64| {
            let last = play + FRAME - 1;
            last - (last - start).rem_euclid(packet) - play
        };
        (0..packet).map(|n| reach(play + n * FRAME)).max().unwrap()
    }

    #[test]
    fn the_reach_is_that_of_the_worst_frame() {
        for packet in [80, 160, 240, 320, 400, 480, 37] {
            for play in -200..700 {
                let mut grid = Grid::new();
                grid.observe(13, packet as usize);
                assert_eq!(
                    grid.reach(play),
                    farthest(13, packet, play),
                    "packets of {packet}, playing {play}"
                );
            }
        }
    }

    #[test]
    fn packets_of_a_frame_s_length_are_played_whole() {
        let mut grid = Grid::new();
        grid.observe(1000, 160);
        assert_eq!((grid.align(1159), grid.align(999)), (1000, 840));
        assert_eq!((grid.reach(1000), grid.reach(1001)), (0, 159));
    }
}
