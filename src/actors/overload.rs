//! Whether one more call would harm those that are up: samples in, a verdict out.
//!
//! ```text
//! media threads ── atomics ──> Watch (twice a second) ──> Overload ──> SIP: 503 to INVITE and OPTIONS;  webhook: busy
//! switchboard, SIP actor ── how long a question waits ──┘         └──> /health, dashboards, metrics, one line in the log
//! ```
//! Each strain has a mark at which it begins and a lower one at which it is over, so that the switch does not flutter between
//! the two. Established calls are never touched.

mod gauge;
mod watch;

use std::{
    collections::{BTreeSet, VecDeque},
    time::{Duration, Instant},
};

pub use gauge::ThreadGauge;
pub use watch::{Watch, WatchPeers};

/// Over how long the threads are judged.
const WINDOW: Duration = Duration::from_secs(5);
/// Before so much of the window has passed, nothing is said of the threads.
const WINDOW_MIN: Duration = Duration::from_secs(2);
/// A tick is due so often on each media thread.
pub(super) const PHASE: Duration = Duration::from_millis(5);
/// Late ticks, in percent of all, at which the strain begins (one in twenty), and below which it is over.
const LATE_PERCENT: (u64, u64) = (5, 1);
/// Percentage points below the limit at which the strain of a busy thread is over.
const CPU_RELIEF: u64 = 15;
/// How long a question waits in a mailbox when the strain begins, and when it is over.
const WAIT: (Duration, Duration) = (Duration::from_millis(500), Duration::from_millis(100));
/// Part of all ports that is kept free: one in so many.
const PORTS_RESERVE: usize = 50;
/// Part of all file descriptors that is kept free for the books, the web and the log: one in so many, within these bounds.
const FILES_RESERVE: (usize, usize, usize) = (8, 4, 64);

/// Limits that are set; those that are not are without effect.
#[derive(Clone, Copy, Debug, Default)]
pub struct Marks {
    /// Calls at once.
    pub calls_max: Option<usize>,
    /// Percent of one core that an audio thread may use.
    pub cpu_percent_max: Option<u8>,
    /// Whether late ticks count.
    pub lateness: bool,
}

/// One reason to take no more calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strain {
    /// As many calls are up as are allowed.
    Calls,
    /// RTP ports are nearly used up.
    Ports,
    /// File descriptors are nearly used up.
    Files,
    /// Audio is served late.
    Late,
    /// An audio thread has little time left.
    Cpu,
    /// Questions wait too long in a mailbox.
    Mailbox,
}

impl Strain {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Calls,
        Self::Ports,
        Self::Files,
        Self::Late,
        Self::Cpu,
        Self::Mailbox,
    ];

    /// For metrics, logs and JSON.
    pub fn label(self) -> &'static str {
        match self {
            Self::Calls => "max-calls",
            Self::Ports => "rtp-ports",
            Self::Files => "file-descriptors",
            Self::Late => "audio-late",
            Self::Cpu => "audio-cpu",
            Self::Mailbox => "mailbox",
        }
    }

    /// Half a sentence for a person.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Calls => "as many calls are up as MAX_CALLS allows",
            Self::Ports => "the ports of RTP_PORT_RANGE are used up",
            Self::Files => "the process may open no more files (ulimit -n)",
            Self::Late => "audio is served late: the machine is too busy",
            Self::Cpu => "carrying audio takes nearly all of a processor",
            Self::Mailbox => "the switch is behind with its work",
        }
    }
}

/// What one media thread has counted since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThreadSample {
    /// Ticks that were served too late, or are overdue.
    pub late: u64,
    /// Processor time used.
    pub cpu: Duration,
    /// RTP ports that a call could have now, and all of them.
    pub ports: (usize, usize),
}

/// How things are right now.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// Each media thread.
    pub threads: Vec<ThreadSample>,
    /// Calls that are up.
    pub calls: usize,
    /// How long a question waits in the fullest mailbox.
    pub wait: Duration,
    /// File descriptors in use, and how many there may be; `None`: not known.
    pub files: Option<(usize, usize)>,
}

/// Judges.
#[derive(Debug)]
pub struct Overload {
    marks: Marks,
    seen: VecDeque<(Instant, Vec<ThreadSample>)>,
    strains: BTreeSet<Strain>,
}

impl Overload {
    /// Nothing is wrong yet.
    pub fn new(marks: Marks) -> Self {
        Self {
            marks,
            seen: VecDeque::new(),
            strains: BTreeSet::new(),
        }
    }

    /// What is wrong now; `None`: the same as before.
    pub fn judge(&mut self, now: Instant, sample: Sample) -> Option<&BTreeSet<Strain>> {
        let before = self.strains.clone();
        let marks = self.marks;
        if let Some(most) = marks.calls_max {
            self.mark(Strain::Calls, sample.calls >= most, sample.calls < most);
        }
        let ports = sample.threads.iter().map(|thread| thread.ports);
        let (free, all) = ports.fold((0, 0), |sum, ports| (sum.0 + ports.0, sum.1 + ports.1));
        if all > 0 {
            self.scarce(Strain::Ports, free, all / PORTS_RESERVE);
        }
        if let Some((used, most)) = sample.files {
            let (part, least, enough) = FILES_RESERVE;
            let reserve = (most / part).clamp(least, enough);
            self.scarce(Strain::Files, most.saturating_sub(used), reserve);
        }
        let waits = sample.wait;
        self.mark(Strain::Mailbox, waits >= WAIT.0, waits <= WAIT.1);
        self.judge_threads(now, sample.threads);
        (before != self.strains).then_some(&self.strains)
    }

    /// Whether nothing is strained.
    pub fn is_calm(&self) -> bool {
        self.strains.is_empty()
    }

    fn judge_threads(&mut self, now: Instant, threads: Vec<ThreadSample>) {
        while self
            .seen
            .front()
            .is_some_and(|(at, _)| now.saturating_duration_since(*at) > WINDOW)
        {
            self.seen.pop_front();
        }
        let first = self.seen.front().cloned();
        if let Some((at, earlier)) = first {
            let passed = now.saturating_duration_since(at);
            if passed >= WINDOW_MIN {
                let pairs = || earlier.iter().zip(&threads);
                let late = pairs()
                    .map(|(then, now)| late_percent(then, now, passed))
                    .max();
                let cpu = pairs()
                    .map(|(then, now)| cpu_percent(then, now, passed))
                    .max();
                if let (true, Some(late)) = (self.marks.lateness, late) {
                    self.mark(Strain::Late, late >= LATE_PERCENT.0, late <= LATE_PERCENT.1);
                }
                if let (Some(most), Some(cpu)) = (self.marks.cpu_percent_max, cpu) {
                    let most = u64::from(most);
                    self.mark(
                        Strain::Cpu,
                        cpu >= most,
                        cpu <= most.saturating_sub(CPU_RELIEF),
                    );
                }
            }
        }
        self.seen.push_back((now, threads));
    }

    /// A strain begins when `reserve` is reached and is over when half as much again is free.
    fn scarce(&mut self, strain: Strain, free: usize, reserve: usize) {
        self.mark(strain, free <= reserve, free > reserve + reserve / 2);
    }

    fn mark(&mut self, strain: Strain, begins: bool, over: bool) {
        if begins {
            self.strains.insert(strain);
        } else if over {
            self.strains.remove(&strain);
        }
    }
}

/// Late ticks in percent of all that there are in such a time.
fn late_percent(then: &ThreadSample, now: &ThreadSample, passed: Duration) -> u64 {
    let due = u64::try_from(passed.as_micros() / PHASE.as_micros()).unwrap_or(u64::MAX);
    let late = now.late.saturating_sub(then.late);
    late.saturating_mul(100) / due.max(1)
}

fn cpu_percent(then: &ThreadSample, now: &ThreadSample, passed: Duration) -> u64 {
    let used = now.cpu.saturating_sub(then.cpu).as_micros();
    u64::try_from(used.saturating_mul(100) / passed.as_micros().max(1)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
