//! Floods, with calls up and a carrier that goes on calling.
//!
//! ```text
//! generator, 127.1.0.0/16: 20,000 a second ──┐
//! canary, 127.0.0.1: 20 calls with tones ────┼──> the switch, a process of its own
//! carrier, 127.0.9.1: ten calls a second ────┘
//! ```
//! What counts is what the kernel saw: when packets left the switch, what it holds in memory, what it says it dropped.

#[path = "flood/canary.rs"]
mod canary;
#[path = "flood/carrier.rs"]
mod carrier;
#[path = "flood/generator.rs"]
mod generator;

use std::fs;
use std::time::Duration;

use crate::switch::Switch;
use canary::Canary;
use carrier::Carrier;
use generator::Generator;

pub(crate) use canary::Heard;
pub(crate) use generator::{Kind, PER_SECOND};

/// A carrier floods with its own budget; the two others are those whose calls must go on.
const TRUNKS: &str = "[[trunk]]\nname = \"canary\"\nprofile = \"pbx\"\nallow = \"127.0.0.1\"\n\
    [[trunk]]\nname = \"carrier\"\nprofile = \"carrier\"\nallow = \"127.0.9.1\"\n\
    [[trunk]]\nname = \"gone-mad\"\nprofile = \"carrier\"\nallow = \"127.0.8.1\"\nmax_calls = 5\nmessages_per_second = 200\n";
/// A telephone system without an address of its own: strangers may try to log in.
const ANYWHERE: &str = "[[trunk]]\nname = \"home\"\nprofile = \"pbx\"\nallow = \"any\"\nuser = \"studio\"\n\
    password = \"a-password-for-tests\"\n";

/// What a flood did.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) kind: Option<Kind>,
    pub(crate) seconds: u64,
    /// Messages that the generator sent.
    pub(crate) sent: u64,
    pub(crate) heard: Heard,
    /// INVITE to 200 of the carrier's calls, p99 and the longest, and how many there were.
    pub(crate) answer_ms: (f64, f64, usize),
    pub(crate) memory_mib: f64,
    /// Messages that the switch counted as dropped, and those that it read.
    pub(crate) dropped: u64,
    pub(crate) read: u64,
    /// Datagrams that the kernel had no room for.
    pub(crate) overrun: u64,
    pub(crate) cpu: f64,
}

/// A switch with calls up.
pub(crate) struct Siege {
    switch: Switch,
    canary: Canary,
    carrier: Carrier,
}

impl Siege {
    /// Twenty calls come up, three of them go on air. `anywhere`: strangers may try to log in.
    pub(crate) fn lay(anywhere: bool) -> Self {
        let file = format!("{TRUNKS}{}", if anywhere { ANYWHERE } else { "" });
        // A port rests for half a minute after its call, and each second brings ten.
        // What the machine does besides may not turn the carrier away: that is for tests/capacity.rs.
        let further = [
            ("RTP_PORT_RANGE", "22000-25999"),
            ("OVERLOAD_LATENESS_MS", "0"),
            ("OVERLOAD_CPU_PERCENT", "0"),
            ("LOG", "warn"),
        ];
        let switch = Switch::start_with_file(&file, &further);
        switch.go_live();
        let canary = Canary::call(&switch);
        let carrier = Carrier::new(switch.sip());
        Self {
            switch,
            canary,
            carrier,
        }
    }

    /// So many seconds of a flood; of peace without one.
    pub(crate) fn endure(&mut self, kind: Option<Kind>, seconds: u64) -> Report {
        let time = Duration::from_secs(seconds);
        let before = self.counts();
        let generator = kind.map(|kind| Generator::start(kind, self.switch.sip(), time));
        let carrier = self.carrier.calls_for(time);
        let pid = self.switch.pid();
        let mut most = 0.0_f64;
        let heard = self
            .canary
            .listen(time, || most = most.max(resident_mib(pid)));
        let answer_ms = carrier.join().unwrap();
        let sent = generator.map_or(0, Generator::sent);
        let after = self.counts();
        Report {
            kind,
            seconds,
            sent,
            heard,
            answer_ms,
            memory_mib: most.max(resident_mib(pid)) - before.memory_mib,
            dropped: after.dropped - before.dropped,
            read: after.read - before.read,
            overrun: after.overrun - before.overrun,
            cpu: (after.cpu_s - before.cpu_s) / seconds as f64,
        }
    }

    fn counts(&self) -> Counts {
        let metrics = self.switch.metrics();
        let sum = |name: &str| -> f64 {
            let lines = metrics.lines().filter(|line| line.starts_with(name));
            lines
                .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
                .sum()
        };
        Counts {
            dropped: sum("audioroad_sip_dropped_total") as u64,
            read: sum("audioroad_sip_messages_total{direction=\"in\"}") as u64,
            overrun: overrun(self.switch.sip().port()),
            memory_mib: resident_mib(self.switch.pid()),
            cpu_s: cpu_s(self.switch.pid()),
        }
    }
}

struct Counts {
    dropped: u64,
    read: u64,
    overrun: u64,
    memory_mib: f64,
    cpu_s: f64,
}

/// Memory of a process, in MiB.
pub(crate) fn resident_mib(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024.0
}

/// User and system time of a process, in seconds.
fn cpu_s(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / 100.0
}

/// Datagrams to a port that found its buffer full.
fn overrun(port: u16) -> u64 {
    let table = fs::read_to_string("/proc/net/udp").unwrap();
    let wanted = format!(":{port:04X}");
    let line = table.lines().find(|line| {
        let local = line.split_whitespace().nth(1);
        local.is_some_and(|local| local.ends_with(&wanted))
    });
    let drops = line.and_then(|line| line.split_whitespace().last());
    drops.and_then(|drops| drops.parse().ok()).unwrap_or(0)
}

/// The head of the table of reports.
pub(crate) fn head() -> String {
    format!(
        "{:24} {:>8} {:>9} {:>9} {:>8} {:>21} {:>6} {:>6} {:>17} {:>8} {:>5}",
        "flood",
        "sent/s",
        "dropped",
        "read",
        "overrun",
        "inter-arrival p99/max",
        "wrong",
        "gone",
        "INVITE->200 p99/max",
        "memory",
        "CPU"
    )
}

impl Report {
    /// One line of the table.
    pub(crate) fn line(&self) -> String {
        format!(
            "{:24} {:>8} {:>9} {:>9} {:>8} {:>12.1}/{:>5.1} ms {:>6} {:>6} {:>9.1}/{:>6.1} ms {:>4.1} MiB {:>4.0}%",
            self.kind.map_or("none", Kind::name),
            self.sent / self.seconds,
            self.dropped,
            self.read,
            self.overrun,
            self.heard.p99_ms,
            self.heard.most_ms,
            self.heard.wrong,
            self.heard.missing,
            self.answer_ms.0,
            self.answer_ms.1,
            self.memory_mib,
            self.cpu * 100.0
        )
    }

    /// The generator kept its pace.
    pub(crate) fn is_valid(&self) -> bool {
        self.kind.is_none() || self.sent >= PER_SECOND * self.seconds * 95 / 100
    }
}
