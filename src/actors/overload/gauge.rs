//! What a media thread says of itself: a few atomic numbers, so that telling costs it nothing and waits for nobody.

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use nix::time::{ClockId, clock_gettime};

use crate::actors::overload::{PHASE, ThreadSample};

/// The numbers of one media thread.
#[derive(Debug)]
pub struct ThreadGauge {
    late_from: Duration,
    began: Instant,
    /// When the thread is to wake next, in microseconds since then.
    due_us: AtomicU64,
    late: AtomicU64,
    cpu_ns: AtomicU64,
    ports_free: AtomicUsize,
    ports_all: AtomicUsize,
}

impl ThreadGauge {
    /// A tick counts as late when it is served `late_from` or more behind its time. The thread is to begin `now`.
    pub fn new(late_from: Duration, now: Instant) -> Self {
        Self {
            late_from,
            began: now,
            due_us: AtomicU64::new(0),
            late: AtomicU64::new(0),
            cpu_ns: AtomicU64::new(0),
            ports_free: AtomicUsize::new(0),
            ports_all: AtomicUsize::new(0),
        }
    }

    /// Nothing is due before `at`, and the thread means to be there then.
    pub fn due(&self, at: Instant) {
        let due = at.saturating_duration_since(self.began).as_micros();
        self.due_us
            .store(u64::try_from(due).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The thread woke `late` behind the time of its first tick that was due, which stood for `ticks`, since others were empty, and
    /// serves all that are; the next one is due at `next`.
    pub fn woke(&self, late: Duration, ticks: u64, next: Instant) {
        self.due(next);
        self.late
            .fetch_add(self.late_ticks(late, ticks), Ordering::Relaxed);
    }

    /// Ticks that are too late when the first of them, which stands for `ticks`, is so much behind its time.
    fn late_ticks(&self, behind: Duration, ticks: u64) -> u64 {
        behind.checked_sub(self.late_from).map_or(0, |beyond| {
            let phases = u64::try_from(beyond.as_micros() / PHASE.as_micros());
            phases.unwrap_or(u64::MAX).saturating_add(ticks)
        })
    }

    /// Ports that a call could have now, and all of this thread.
    pub fn set_ports(&self, free: usize, all: usize) {
        self.ports_free.store(free, Ordering::Relaxed);
        self.ports_all.store(all, Ordering::Relaxed);
    }

    /// Reads the processor time of the thread that calls.
    pub fn read_cpu(&self) {
        if let Ok(used) = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID) {
            let used = Duration::from(used).as_nanos();
            self.cpu_ns
                .store(u64::try_from(used).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    /// All numbers as they are now. Ticks that have been due for too long are late before they are served.
    pub fn sample(&self, now: Instant) -> ThreadSample {
        let due = self.began + Duration::from_micros(self.due_us.load(Ordering::Relaxed));
        let overdue = self.late_ticks(now.saturating_duration_since(due), 1);
        let late = self.late.load(Ordering::Relaxed);
        ThreadSample {
            late: late.saturating_add(overdue),
            cpu: Duration::from_nanos(self.cpu_ns.load(Ordering::Relaxed)),
            ports: (
                self.ports_free.load(Ordering::Relaxed),
                self.ports_all.load(Ordering::Relaxed),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::clock;

    const LATE_FROM: Duration = Duration::from_millis(20);

    #[test]
    fn every_tick_of_a_late_wake_is_judged_by_itself() {
        let now = clock::now();
        let gauge = ThreadGauge::new(LATE_FROM, now);
        gauge.woke(Duration::ZERO, 1, now);
        gauge.woke(Duration::from_millis(19), 4, now);
        assert_eq!(gauge.sample(now).late, 0);
        // Ticks were due 0, 5, ... 100 ms ago; those of 20 ms and more are late.
        gauge.woke(Duration::from_millis(100), 1, now);
        assert_eq!(gauge.sample(now).late, 17);
        // One that stands for the three empty ones before it, too.
        gauge.woke(Duration::from_millis(21), 4, now);
        assert_eq!(gauge.sample(now).late, 21);
    }

    #[test]
    fn ticks_that_nobody_serves_are_late_and_count_once() {
        let begin = clock::now();
        let gauge = ThreadGauge::new(LATE_FROM, begin);
        let after = |ms| begin + Duration::from_millis(ms);
        gauge.due(after(2000));
        let late: Vec<u64> = [1, 1999, 2019, 2020, 2100]
            .map(|ms| gauge.sample(after(ms)).late)
            .into();
        assert_eq!(late, [0, 0, 0, 1, 17]);
        gauge.woke(Duration::from_millis(100), 1, after(2105));
        assert_eq!(gauge.sample(after(2101)).late, 17);
    }

    #[test]
    fn a_thread_that_computes_uses_its_processor() {
        let gauge = ThreadGauge::new(Duration::ZERO, clock::now());
        let mut state = 1_u64;
        for _ in 0..2_000_000 {
            state = std::hint::black_box(state.wrapping_mul(3));
        }
        gauge.read_cpu();
        assert!(gauge.sample(clock::now()).cpu > Duration::ZERO, "{state}");
    }
}
