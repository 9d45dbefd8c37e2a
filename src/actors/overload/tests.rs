//! Strains that come and go, in simulated time.

use super::*;
use crate::actors::clock;

const HALF_SECOND: Duration = Duration::from_millis(500);

struct Machine {
    overload: Overload,
    now: Instant,
    thread: ThreadSample,
}

impl Machine {
    fn new() -> Self {
        let marks = Marks {
            calls_max: Some(3),
            cpu_percent_max: Some(85),
            lateness: true,
        };
        Self {
            overload: Overload::new(marks),
            now: clock::now(),
            thread: ThreadSample {
                ports: (100, 100),
                ..ThreadSample::default()
            },
        }
    }

    fn strains(&self) -> Vec<Strain> {
        self.overload.strains.iter().copied().collect()
    }

    fn sample(&self) -> Sample {
        Sample {
            threads: vec![self.thread],
            ..Sample::default()
        }
    }

    /// Lets time pass with so many late ticks in a hundred and so much of the processor.
    fn run(&mut self, seconds: u32, late_percent: u64, cpu_percent: u32) -> Vec<Strain> {
        for _ in 0..seconds * 2 {
            self.now += HALF_SECOND;
            self.thread.late += late_percent;
            self.thread.cpu += HALF_SECOND * cpu_percent / 100;
            let sample = self.sample();
            self.overload.judge(self.now, sample);
        }
        self.strains()
    }
}

#[test]
fn a_thread_that_rests_is_not_late_and_one_that_never_comes_back_is() {
    let mut machine = Machine::new();
    let begin = machine.now;
    let gauge = ThreadGauge::new(Duration::from_millis(20), begin);
    let judge = |machine: &mut Machine| {
        machine.now += Duration::from_secs(2);
        machine.thread = ThreadSample {
            ports: (100, 100),
            ..gauge.sample(machine.now)
        };
        let sample = machine.sample();
        machine.overload.judge(machine.now, sample);
        machine.strains()
    };
    // Rests are a little longer than what is between two looks, so that a look comes at any moment of one.
    for n in 1..4000 {
        let until = begin + Duration::from_millis(2003) * n;
        gauge.due(until);
        while machine.now + Duration::from_secs(2) < until {
            assert_eq!(judge(&mut machine), [], "at rest");
        }
        gauge.woke(Duration::ZERO, 1, until);
    }
    assert_eq!(judge(&mut machine), [], "it was to come back just now");
    assert_eq!(judge(&mut machine), [Strain::Late], "gone");
}

#[test]
fn lateness_must_last_and_must_be_gone() {
    let mut machine = Machine::new();
    assert_eq!(machine.run(10, 0, 10), []);
    assert_eq!(machine.run(1, 15, 10), [], "a bad second in five is none");
    machine.run(10, 0, 10);
    assert_eq!(machine.run(5, 6, 10), [Strain::Late]);
    assert_eq!(
        machine.run(10, 3, 10),
        [Strain::Late],
        "better, and not yet good"
    );
    assert_eq!(machine.run(10, 0, 10), []);
}

#[test]
fn a_busy_thread_is_overloaded_until_it_has_room_again() {
    let mut machine = Machine::new();
    assert_eq!(machine.run(10, 0, 84), []);
    assert_eq!(machine.run(10, 0, 86), [Strain::Cpu]);
    assert_eq!(machine.run(10, 0, 75), [Strain::Cpu]);
    assert_eq!(machine.run(10, 0, 65), []);
}

#[test]
fn what_is_not_limited_is_never_too_much() {
    let mut machine = Machine::new();
    machine.overload = Overload::new(Marks::default());
    assert_eq!(machine.run(10, 100, 100), []);
    let sample = Sample {
        calls: 1_000_000,
        ..machine.sample()
    };
    assert_eq!(machine.overload.judge(machine.now, sample), None);
}

#[test]
fn scarce_things_are_kept_back_and_come_back() {
    let mut machine = Machine::new();
    for (free, all, strained) in [
        (3, 100, false),
        (2, 100, true),
        (3, 100, true),
        (4, 100, false),
        (1, 2, false),
        (0, 2, true),
        (1, 2, false),
    ] {
        machine.thread.ports = (free, all);
        machine.run(1, 0, 0);
        let expected: &[Strain] = if strained { &[Strain::Ports] } else { &[] };
        assert_eq!(machine.strains(), expected, "{free} of {all}");
    }
    for (used, most, strained) in [
        (55, 64, false),
        (56, 64, true),
        (53, 64, true),
        (51, 64, false),
        (960, 1024, true),
        (100, 1024, false),
    ] {
        machine.now += HALF_SECOND;
        let sample = Sample {
            files: Some((used, most)),
            ..machine.sample()
        };
        machine.overload.judge(machine.now, sample);
        let expected: &[Strain] = if strained { &[Strain::Files] } else { &[] };
        assert_eq!(machine.strains(), expected, "{used} of {most}");
    }
}

#[test]
fn calls_and_mailboxes_have_marks_and_each_change_is_told_once() {
    let mut machine = Machine::new();
    let mut told = |calls, wait_ms| {
        machine.now += HALF_SECOND;
        let sample = Sample {
            calls,
            wait: Duration::from_millis(wait_ms),
            ..Sample::default()
        };
        let strains = machine.overload.judge(machine.now, sample);
        strains.map(|strains| strains.iter().copied().collect::<Vec<_>>())
    };
    assert_eq!(told(2, 0), None);
    assert_eq!(told(3, 0), Some(vec![Strain::Calls]));
    assert_eq!(told(4, 0), None);
    assert_eq!(told(3, 600), Some(vec![Strain::Calls, Strain::Mailbox]));
    assert_eq!(told(2, 200), Some(vec![Strain::Mailbox]));
    assert_eq!(told(2, 100), Some(vec![]));
}
