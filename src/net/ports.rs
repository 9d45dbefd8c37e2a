//! The pool of RTP ports: even ports only (RFC 3550 section 11), and a freed port rests before it is used again, so that
//! packets meant for the last call never reach the next one.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// How long a freed port rests.
pub const DRAIN: Duration = Duration::from_secs(30);

/// Even UDP ports of one media thread.
#[derive(Debug)]
pub struct PortPool {
    fresh: VecDeque<u16>,
    draining: VecDeque<(Instant, u16)>,
    taken: usize,
}

impl PortPool {
    /// The even ports of `first..=last` that fall to thread `index` of `threads`.
    pub fn new(first: u16, last: u16, index: usize, threads: usize) -> Self {
        let even = (first..=last).filter(|port| port % 2 == 0);
        let ours = even
            .enumerate()
            .filter(|(at, _)| at % threads.max(1) == index)
            .map(|(_, port)| port);
        Self {
            fresh: ours.collect(),
            draining: VecDeque::new(),
            taken: 0,
        }
    }

    /// A port nobody has used for [`DRAIN`]; `None` when all are taken or resting.
    pub fn take(&mut self, now: Instant) -> Option<u16> {
        while let Some(&(since, port)) = self.draining.front()
            && now.saturating_duration_since(since) >= DRAIN
        {
            self.draining.pop_front();
            self.fresh.push_back(port);
        }
        let port = self.fresh.pop_front()?;
        self.taken += 1;
        Some(port)
    }

    /// Gives a port back, to rest.
    pub fn release(&mut self, now: Instant, port: u16) {
        self.taken = self.taken.saturating_sub(1);
        self.draining.push_back((now, port));
    }

    /// Gives a port back that no packet can have been meant for.
    pub fn put_back(&mut self, port: u16) {
        self.taken = self.taken.saturating_sub(1);
        self.fresh.push_front(port);
    }

    /// Ports that could be taken now, and all.
    pub fn free_and_all(&self, now: Instant) -> (usize, usize) {
        let rested = |since: &Instant| now.saturating_duration_since(*since) >= DRAIN;
        let rested = self.draining.iter().take_while(|(since, _)| rested(since));
        let free = self.fresh.len() + rested.count();
        (free, self.fresh.len() + self.draining.len() + self.taken)
    }

    /// Ports in use.
    pub fn taken(&self) -> usize {
        self.taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_even_ours_and_rest_before_reuse() {
        let start = Instant::now();
        let mut pool = PortPool::new(10_001, 10_008, 1, 2);
        assert_eq!(
            [pool.take(start), pool.take(start), pool.take(start)],
            [Some(10_004), Some(10_008), None]
        );
        pool.release(start, 10_004);
        assert_eq!(pool.take(start + DRAIN - Duration::from_millis(1)), None);
        assert_eq!(pool.take(start + DRAIN), Some(10_004));
        assert_eq!(pool.taken(), 2);
        assert_eq!(pool.free_and_all(start + DRAIN), (0, 2));
        pool.put_back(10_004);
        assert_eq!(pool.free_and_all(start + DRAIN), (1, 2));
        pool.release(start, 10_008);
        assert_eq!(pool.free_and_all(start), (1, 2));
        assert_eq!(pool.free_and_all(start + DRAIN), (2, 2));
    }
}
