//! What the machine says about a step: processor time of the one under test, of the generator and of everybody else, memory,
//! and datagrams that the kernel threw away.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;
use serde::Serialize;

/// Ticks a second in `/proc/stat` (`USER_HZ`, 100 on every Linux).
const TICKS: f64 = 100.0;
/// The core of whoever is under test, and that of the generator.
pub(crate) const TESTED_CORE: usize = 0;
pub(crate) const OWN_CORE: usize = 1;

/// No process has this id.
const NOBODY: u32 = 0;

/// What was read over a step. Cores are shares of one core: 0.25 is a quarter of one.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reading {
    pub(crate) seconds: f64,
    /// The one under test, all its threads, also those that ended, and its children.
    pub(crate) tested_cores: f64,
    pub(crate) own_cores: f64,
    /// Programs that the generator has started besides: browsers.
    pub(crate) clients_cores: f64,
    /// Everybody else on this machine, steal of the host included.
    pub(crate) others_cores: f64,
    /// Datagrams that found a socket's buffer full: the generator's, and anybody else's.
    pub(crate) own_dropped: u64,
    pub(crate) dropped: u64,
    pub(crate) resident_kib: u64,
    pub(crate) threads: usize,
    /// Context switches of the one under test, a second.
    pub(crate) switches: f64,
}

/// The state at the beginning of a step.
pub(crate) struct Watch {
    pid: u32,
    began: Instant,
    tested: Spent,
    own: Spent,
    clients: Spent,
    all_s: f64,
    dropped: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Spent {
    seconds: f64,
    switches: f64,
    threads: usize,
}

impl Spent {
    fn and(self, other: Self) -> Self {
        Self {
            seconds: self.seconds + other.seconds,
            switches: self.switches + other.switches,
            threads: self.threads + other.threads,
        }
    }
}

impl Watch {
    /// From now on, with `pid` under test.
    pub(crate) fn begin(pid: u32) -> io::Result<Self> {
        Ok(Self {
            pid,
            dropped: dropped()?,
            all_s: busy_s()?,
            own: spent_by(std::process::id()),
            clients: clients(pid),
            tested: spent(pid),
            began: Instant::now(),
        })
    }

    /// What has happened since.
    pub(crate) fn end(&self) -> io::Result<Reading> {
        let seconds = self.began.elapsed().as_secs_f64();
        let (tested, own) = (spent(self.pid), spent_by(std::process::id()));
        let (clients, all_s) = (clients(self.pid), busy_s()?);
        let tested_s = tested.seconds - self.tested.seconds;
        let own_s = own.seconds - self.own.seconds;
        let clients_s = clients.seconds - self.clients.seconds;
        let others_s = (all_s - self.all_s - tested_s - own_s - clients_s).max(0.0);
        let sockets = own_sockets();
        let (mut own_dropped, mut others_dropped) = (0, 0);
        for (socket, now) in dropped()? {
            let new = now.saturating_sub(self.dropped.get(&socket).copied().unwrap_or(0));
            match sockets.contains(&socket) {
                true => own_dropped += new,
                false => others_dropped += new,
            }
        }
        Ok(Reading {
            seconds,
            tested_cores: tested_s / seconds,
            own_cores: own_s / seconds,
            clients_cores: clients_s / seconds,
            others_cores: others_s / seconds,
            own_dropped,
            dropped: others_dropped,
            resident_kib: resident_kib(self.pid),
            threads: tested.threads,
            switches: (tested.switches - self.tested.switches) / seconds,
        })
    }
}

/// How busy others keep this machine, in cores, watched for so long.
pub(crate) fn others_cores(time: Duration) -> io::Result<f64> {
    let watch = Watch::begin(NOBODY)?;
    std::thread::sleep(time);
    let reading = watch.end()?;
    Ok(reading.others_cores)
}

/// Resident memory of a process and its children, in KiB.
pub(crate) fn resident_kib(pid: u32) -> u64 {
    let of = |pid: u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1));
        kib.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0)
    };
    family(pid).into_iter().map(of).sum()
}

/// Files that a process has open.
pub(crate) fn open_files(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// Runs `work` on the core of those under test, which whatever it starts inherits.
pub(crate) fn on_tested_core<R>(work: impl FnOnce() -> R) -> io::Result<R> {
    pin(std::process::id(), TESTED_CORE)?;
    let done = work();
    pin(std::process::id(), OWN_CORE)?;
    Ok(done)
}

/// Puts the first thread of a process on a core.
pub(crate) fn pin(pid: u32, core: usize) -> io::Result<()> {
    let mut taskset = Command::new("taskset");
    taskset.args(["-c", "-p", &core.to_string(), &pid.to_string()]);
    let status = taskset.stdout(Stdio::null()).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other("taskset: this needs two cores"))
    }
}

/// What is on record about this machine: processor, cores, kernel.
pub(crate) fn name() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.and_then(|line| line.split(':').nth(1)).unwrap_or("?");
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    // Not those that this program may run on: it has pinned itself.
    let cores = cpu.lines().filter(|line| line.starts_with("processor"));
    let cores = cores.count();
    format!("{}, {cores} cores, Linux {}", model.trim(), kernel.trim())
}

fn family(pid: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let children = children.unwrap_or_default();
    let children = children
        .split_whitespace()
        .filter_map(|child| child.parse().ok());
    std::iter::once(pid).chain(children).collect()
}

/// What the generator has started, without the one under test.
fn clients(tested: u32) -> Spent {
    let own = std::process::id();
    let clients = family(own).into_iter();
    let clients = clients.filter(|pid| ![own, tested].contains(pid));
    clients.map(spent_by).fold(Spent::default(), Spent::and)
}

fn spent(pid: u32) -> Spent {
    family(pid)
        .into_iter()
        .map(spent_by)
        .fold(Spent::default(), Spent::and)
}

/// Processor time of a process so far, that of threads which are no more included.
pub(crate) fn cpu_s(pid: u32) -> f64 {
    if pid == NOBODY {
        return 0.0; // To the kernel that is whoever asks.
    }
    let process = Pid::from_raw(i32::try_from(pid).unwrap_or_default());
    let now = clock_getcpuclockid(process).and_then(ClockId::now);
    now.map_or(0.0, |time| Duration::from(time).as_secs_f64())
}

/// `/proc/PID/task/TID/schedstat` counts nanoseconds on the processor, nanoseconds of waiting, and turns.
fn spent_by(pid: u32) -> Spent {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"));
    let mut sum = Spent {
        seconds: cpu_s(pid),
        ..Spent::default()
    };
    for task in tasks.into_iter().flatten().flatten() {
        let stat = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        let turns = stat.split_whitespace().nth(2);
        sum.switches += turns.map_or(0.0, |turns| turns.parse().unwrap_or(0.0));
        sum.threads += 1;
    }
    sum
}

/// Seconds for which any core was busy, steal included, idle and waiting for disks not.
fn busy_s() -> io::Result<f64> {
    let stat = fs::read_to_string("/proc/stat")?;
    let fields = stat.lines().next().unwrap_or_default().split_whitespace();
    let ticks: Vec<f64> = fields
        .skip(1)
        .filter_map(|field| field.parse().ok())
        .collect();
    let busy = ticks
        .iter()
        .take(8)
        .enumerate()
        .filter(|(at, _)| *at != 3 && *at != 4);
    Ok(busy.map(|(_, ticks)| ticks).sum::<f64>() / TICKS)
}

/// The inodes of the generator's own sockets.
fn own_sockets() -> BTreeSet<String> {
    let files = fs::read_dir("/proc/self/fd")
        .into_iter()
        .flatten()
        .flatten();
    let links = files.filter_map(|file| fs::read_link(file.path()).ok());
    links
        .filter_map(|link| {
            let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
            Some(inode.to_owned())
        })
        .collect()
}

/// What each UDP socket of this machine has dropped, by its inode.
fn dropped() -> io::Result<BTreeMap<String, u64>> {
    let mut sockets = BTreeMap::new();
    for table in ["/proc/net/udp", "/proc/net/udp6"] {
        let Ok(table) = fs::read_to_string(table) else {
            continue; // A machine without IPv6.
        };
        for line in table.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            if let (Some(inode), Some(drops)) = (fields.get(9), fields.last()) {
                sockets.insert((*inode).to_owned(), drops.parse().unwrap_or(0));
            }
        }
    }
    Ok(sockets)
}
