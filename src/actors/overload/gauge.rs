//! What a media thread says of itself: a few atomic numbers, so that telling costs it nothing and waits for nobody.

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

use nix::time::{ClockId, clock_gettime};

use crate::actors::overload::{PHASE, ThreadSample};

/// The numbers of one media thread.
#[derive(Debug)]
pub struct ThreadGauge {
    late_from: Duration,
    ticks: AtomicU64,
    late: AtomicU64,
    cpu_ns: AtomicU64,
    ports_free: AtomicUsize,
    ports_all: AtomicUsize,
}

impl ThreadGauge {
    /// A tick counts as late when it is served `late_from` or more behind its time.
    pub fn new(late_from: Duration) -> Self {
        Self {
            late_from,
            ticks: AtomicU64::new(0),
            late: AtomicU64::new(0),
            cpu_ns: AtomicU64::new(0),
            ports_free: AtomicUsize::new(0),
            ports_all: AtomicUsize::new(0),
        }
    }

    /// The thread woke `late` behind the time of its first tick that was due.
    pub fn woke(&self, late: Duration) {
        self.ticks
            .fetch_add(phases(late).saturating_add(1), Ordering::Relaxed);
        if let Some(beyond) = late.checked_sub(self.late_from) {
            self.late
                .fetch_add(phases(beyond).saturating_add(1), Ordering::Relaxed);
        }
    }

    /// For so long no tick is due: the thread rests. Said beforehand, so that one that does not come back is missed.
    pub fn rest(&self, span: Duration) {
        self.ticks.fetch_add(phases(span), Ordering::Relaxed);
    }

    /// The thread was roused, so much before the end of its rest.
    pub fn rise(&self, remaining: Duration) {
        self.ticks.fetch_sub(phases(remaining), Ordering::Relaxed);
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

    /// All numbers.
    pub fn sample(&self) -> ThreadSample {
        ThreadSample {
            ticks: self.ticks.load(Ordering::Relaxed),
            late: self.late.load(Ordering::Relaxed),
            cpu: Duration::from_nanos(self.cpu_ns.load(Ordering::Relaxed)),
            ports: (
                self.ports_free.load(Ordering::Relaxed),
                self.ports_all.load(Ordering::Relaxed),
            ),
        }
    }
}

/// Ticks that are due in a span.
fn phases(span: Duration) -> u64 {
    u64::try_from(span.as_micros() / PHASE.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tick_of_a_late_wake_is_judged_by_itself() {
        let gauge = ThreadGauge::new(Duration::from_millis(20));
        gauge.woke(Duration::ZERO);
        gauge.woke(Duration::from_millis(19));
        let sample = gauge.sample();
        assert_eq!((sample.ticks, sample.late), (5, 0));
        // Ticks were due 0, 5, ... 100 ms ago; those of 20 ms and more are late.
        gauge.woke(Duration::from_millis(100));
        let sample = gauge.sample();
        assert_eq!((sample.ticks, sample.late), (26, 17));
    }

    #[test]
    fn a_rest_counts_as_served_for_as_long_as_it_lasts() {
        let gauge = ThreadGauge::new(Duration::from_millis(20));
        gauge.rest(Duration::from_millis(250));
        assert_eq!((gauge.sample().ticks, gauge.sample().late), (50, 0));
        gauge.rise(Duration::from_millis(200));
        assert_eq!((gauge.sample().ticks, gauge.sample().late), (10, 0));
    }

    #[test]
    fn a_thread_that_computes_uses_its_processor() {
        let gauge = ThreadGauge::new(Duration::ZERO);
        let mut state = 1_u64;
        for _ in 0..2_000_000 {
            state = std::hint::black_box(state.wrapping_mul(3));
        }
        gauge.read_cpu();
        assert!(gauge.sample().cpu > Duration::ZERO, "{state}");
    }
}
