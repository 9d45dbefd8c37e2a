//! Scenarios of calls that come and go: a rate, a burst, an hour of coming and going.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use serde_json::Value;
use tempfile::TempDir;

use crate::answer_caller::Caller;
use crate::machine::{self, Watch};
use crate::ours::{self, Ours, Place};
use crate::peers;
use crate::record::{Figures, LATE, OURS, Record, Taken};
use crate::rooms::{Pace, listen_while};
use crate::switch::eventually;

/// Calls a second, and for how many seconds: an RTP port rests for half a minute after its call, and the range ends.
const RATES: [(u32, u32); 3] = [(100, 5), (1000, 8), (2000, 4)];
/// A giveaway: everybody rings at once.
const BURST: usize = 100;

/// L5: calls of no length at a rate, each with its row in the books.
pub(crate) fn rate(record: &mut Record, pace: Pace) -> Result<()> {
    for round in 1..=pace.rounds {
        for (rate, seconds) in RATES {
            // A switch of its own, whose ports have rested.
            let books = TempDir::new()?;
            let folder = books.path().display().to_string();
            let switch = ours::start(&[("DATA_DIR", &folder), ("RTP_PORT_RANGE", "10000-32766")])?;
            switch.go_live();
            let mut rows = 0;
            record.take(("setup", OURS), (rate as usize, round), || {
                let mut missing = 0;
                let mut taken = called(switch.sip(), switch.pid(), (rate, seconds), || {
                    rows += (rate * seconds) as usize;
                    missing = rows - written(books.path(), rows)?;
                    Ok(())
                })?;
                taken.figures.insert("rows missing", missing as f64);
                Ok(taken)
            })?;
        }
        for (who, start) in [
            ("Kamailio, a script", peers::kamailio as fn() -> _),
            ("sipp -sn uas", peers::sipp),
        ] {
            for (rate, seconds) in RATES {
                let Some(peer) = machine::on_tested_core(start)?? else {
                    record.note(&format!(
                        "{who}: not installed: scripts/install-packages bench"
                    ))?;
                    break;
                };
                let pid = peer.pid().context("a process")?;
                record.take(("setup", who), (rate as usize, round), || {
                    called(peer.at, pid, (rate, seconds), || Ok(()))
                })?;
            }
        }
    }
    Ok(())
}

/// Places calls and waits for what they leave to be done, which is part of what a call costs.
fn called(
    at: SocketAddr,
    pid: u32,
    (rate, seconds): (u32, u32),
    done: impl FnOnce() -> Result<()>,
) -> Result<Taken> {
    let (watch, before_s) = (Watch::begin(pid)?, machine::cpu_s(pid));
    let turn = Caller::new(at)?.call(rate, seconds, None)?;
    let reading = watch.end()?;
    done()?;
    let cpu_us = (machine::cpu_s(pid) - before_s) * 1e6;
    let figures = Figures::from([
        (
            "answered %",
            turn.answered as f64 * 100.0 / turn.placed as f64,
        ),
        ("us a call", cpu_us / turn.placed as f64),
        ("answer p50 ms", turn.p50_ms),
        ("answer p99 ms", turn.p99_ms),
        ("sent again", turn.again as f64),
        (LATE, turn.late_ms_p99),
    ]);
    Ok(Taken {
        reading,
        heard: None,
        figures,
    })
}

/// Calls that the books on disk hold, once they are `expected`, or when they have had their time.
fn written(folder: &Path, expected: usize) -> Result<usize> {
    let path = folder.join("audioroad.db").display().to_string();
    let mut books = SqliteConnection::establish(&path)?;
    let ended = "SELECT COUNT(*) FROM calls WHERE ended_at IS NOT NULL";
    let deadline = Instant::now() + Duration::from_secs(15);
    loop {
        let rows: i64 = diesel::dsl::sql::<BigInt>(ended).get_result(&mut books)?;
        let rows = usize::try_from(rows)?;
        if rows >= expected || Instant::now() > deadline {
            return Ok(rows);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// L6: a hundred INVITEs within 100 ms, beside three who are on air.
pub(crate) fn burst(record: &mut Record, pace: Pace) -> Result<()> {
    for round in 1..=pace.rounds {
        let mut ours = Ours::live()?;
        ours.grow(3, Place::Air)?;
        let pid = ours.switch.pid();
        record.take(("burst", OURS), (BURST, round), || {
            let phones = &mut ours.phones;
            let (first, mut placed) = (phones.took_ms(0).len(), 0);
            let mut taken = listen_while(&mut ours.crowd, pid, pace.step, |now| {
                // A second into the step, one each millisecond.
                if placed < 1000 + BURST {
                    if placed >= 1000 {
                        phones.invite(now, 9)?;
                    }
                    placed += 1;
                }
                Ok(phones.poll(now)?)
            })?;
            let mut took = phones.took_ms(first);
            took.sort_by(f64::total_cmp);
            let share = |hundredths: usize| {
                took.get((took.len() * hundredths / 100).min(took.len().saturating_sub(1)))
            };
            taken
                .figures
                .insert("answered %", took.len() as f64 * 100.0 / BURST as f64);
            taken
                .figures
                .insert("answer p50 ms", share(50).copied().unwrap_or(f64::NAN));
            taken
                .figures
                .insert("answer p99 ms", share(99).copied().unwrap_or(f64::NAN));
            Ok(taken)
        })?;
    }
    Ok(())
}

/// L9: two hundred calls, one of which goes and one comes each second, with presses at random, for so many minutes.
pub(crate) fn soak(record: &mut Record, minutes: u64) -> Result<()> {
    const CALLERS: usize = 200;
    let mut ours = Ours::live()?;
    ours.grow(6, Place::Air)?;
    ours.grow(CALLERS, Place::Hold)?;
    let pid = ours.switch.pid();
    let (mut ends, mut ended) = (6, 0_usize);
    let mut points = Vec::new();
    for minute in 1..=minutes.max(1) as usize {
        record.take(("soak", OURS), (CALLERS, minute), || {
            let watch = Watch::begin(pid)?;
            let mut heard = None;
            // Presses and new calls between two runs of ten seconds: the generator has one thread.
            for _ in 0..6 {
                let run = ours.crowd.run(Duration::from_secs(10), |_| Ok(()))?;
                heard = Some(run.after(heard));
                for _ in 0..10 {
                    ours.phones.hang_up(Instant::now(), ends)?;
                    if let Some(leg) = ours.crowd.legs.get_mut(ends) {
                        leg.to = None;
                    }
                    (ends, ended) = (ends + 1, ended + 1);
                }
                ours.phones.settle()?;
                ours.grow(CALLERS + ended, Place::Hold)?;
                let (up, down) = (ends + 20, ends + 40);
                ours.press(up, "move-to-live");
                ours.crowd.run(Duration::from_secs(1), |_| Ok(()))?;
                ours.press(up, "move-to-hold");
                ensure!(ours.phones.is_up(down), "a call has ended by itself");
            }
            let figures = Figures::from([
                ("files", machine::open_files(pid) as f64),
                ("calls so far", ours.callers() as f64),
                ("dropped", ours.phones.dropped as f64),
            ]);
            Ok(Taken {
                reading: watch.end()?,
                heard,
                figures,
            })
        })?;
        points.push((minute as f64, machine::resident_kib(pid) as f64));
    }
    let late = points.get(points.len() / 2..).unwrap_or_default();
    record.note(&format!(
        "soak: memory grows by {:.1} KiB a minute in the second half",
        slope(late)
    ))?;
    for call in ends..ours.callers() {
        ours.phones.hang_up(Instant::now(), call)?;
    }
    for call in 0..6 {
        ours.phones.hang_up(Instant::now(), call)?;
    }
    ours.phones.settle()?;
    let (placed, mut rows) = (ours.callers(), 0);
    let kept = eventually("the rows of all calls", || {
        let page = ours
            .switch
            .ask("GET", "/api/calls?limit=1000&status=completed", Value::Null);
        rows = page.as_array().map_or(0, Vec::len);
        (rows >= placed.min(1000))
            .then_some(rows)
            .ok_or_else(|| format!("{rows} of {placed}"))
    });
    record.note(&format!(
        "soak: {placed} calls, {kept} rows of ended calls (at most 1000 are asked for)"
    ))
}

/// The slope of the straight line through points, by least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| {
        (x + point.0 / n, y + point.1 / n)
    });
    let (up, across) = points.iter().fold((0.0, 0.0), |(up, across), point| {
        (
            up + (point.0 - x) * (point.1 - y),
            across + (point.0 - x).powi(2),
        )
    });
    if across > 0.0 { up / across } else { 0.0 }
}
