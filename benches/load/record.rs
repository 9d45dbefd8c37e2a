//! What was measured, as JSON and as Markdown, and which steps count: a step is void when the generator was late or busy itself,
//! when its own sockets overflowed, or when others loaded the machine.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use crate::crowd::Heard;
use crate::machine::{self, Reading};
use crate::table;

/// Us, in every table.
pub(crate) const OURS: &str = "audioroad";
const LATE_MS_MAX: f64 = 5.0;
/// How late INVITEs were sent (99 of 100), ms.
pub(crate) const LATE: &str = "late p99 ms";
const OWN_CORES_MAX: f64 = 0.7;
/// A void step is taken again, so many times in all.
const TRIES: usize = 3;
/// How long a step waits for others to be done.
const QUIET_WITHIN: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(300);

/// Figures that only some scenarios have.
pub(crate) type Figures = BTreeMap<&'static str, f64>;

/// What a step has to say.
pub(crate) struct Taken {
    pub(crate) reading: Reading,
    pub(crate) heard: Option<Heard>,
    pub(crate) figures: Figures,
}

/// One step of a scenario.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Step {
    pub(crate) scenario: &'static str,
    pub(crate) who: String,
    /// Callers, or whatever the scenario has many of.
    pub(crate) callers: usize,
    pub(crate) round: usize,
    pub(crate) reading: Reading,
    pub(crate) heard: Option<Heard>,
    pub(crate) figures: Figures,
    /// Why it does not count.
    pub(crate) void: Vec<String>,
}

/// Everything.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    pub(crate) machine: String,
    pub(crate) date: String,
    pub(crate) seconds: u64,
    pub(crate) steps: Vec<Step>,
    /// What was not run, and why.
    pub(crate) notes: Vec<String>,
    /// Above this load by others a step is void.
    others_cores_max: f64,
    #[serde(skip)]
    folder: PathBuf,
}

impl Record {
    /// A record that is kept in `folder`.
    pub(crate) fn new(folder: &Path, seconds: u64, others_cores_max: f64) -> Self {
        Self {
            folder: folder.to_owned(),
            others_cores_max,
            machine: machine::name(),
            date: chrono::Utc::now().format("%Y-%m-%d").to_string(),
            seconds,
            steps: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Says what was not run, and why.
    pub(crate) fn note(&mut self, note: &str) -> Result<()> {
        writeln!(io::stdout(), "{note}")?;
        if !self.notes.iter().any(|known| known == note) {
            self.notes.push(note.to_owned());
        }
        Ok(())
    }

    /// Takes a step until it counts, a few times at most.
    pub(crate) fn take(
        &mut self,
        (scenario, who): (&'static str, &str),
        (callers, round): (usize, usize),
        mut step: impl FnMut() -> Result<Taken>,
    ) -> Result<()> {
        for _ in 0..TRIES {
            self.wait_for_quiet()?;
            let Taken {
                reading,
                heard,
                figures,
            } = step()?;
            let step = Step {
                scenario,
                who: who.to_owned(),
                callers,
                round,
                void: self.complaints(&reading, late_ms(heard.as_ref(), &figures)),
                reading,
                heard,
                figures,
            };
            writeln!(io::stdout(), "{}", line(&step))?;
            let counts = step.void.is_empty();
            self.steps.push(step);
            self.keep()?;
            if counts {
                break;
            }
        }
        Ok(())
    }

    fn complaints(&self, reading: &Reading, late: f64) -> Vec<String> {
        let (own, others) = (reading.own_cores, reading.others_cores);
        let missed = reading.own_dropped;
        let all = [
            (
                late > LATE_MS_MAX,
                format!("the generator was {late:.1} ms late"),
            ),
            (
                own > OWN_CORES_MAX,
                format!("the generator took {own:.2} of a core"),
            ),
            (missed > 0, format!("the generator missed {missed} packets")),
            (
                others > self.others_cores_max,
                format!("others took {others:.2} cores"),
            ),
        ];
        all.into_iter()
            .filter(|(is, _)| *is)
            .map(|(_, why)| why)
            .collect()
    }

    fn wait_for_quiet(&self) -> Result<()> {
        let began = Instant::now();
        while machine::others_cores(LOOK)? > self.others_cores_max && began.elapsed() < QUIET_WITHIN
        {
        }
        Ok(())
    }

    /// `load.json`, after every step: a run may be broken off.
    fn keep(&self) -> Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        let json = serde_json::to_string_pretty(self)? + "\n";
        Ok(std::fs::write(self.folder.join("load.json"), json)?)
    }

    /// Writes `load.json` and `load.md`.
    pub(crate) fn write(&self) -> Result<()> {
        self.keep()?;
        let (markdown, folder) = (table::markdown(self), self.folder.display());
        std::fs::write(self.folder.join("load.md"), &markdown)?;
        writeln!(io::stdout(), "\n{markdown}\nwritten to {folder}")?;
        Ok(())
    }
}

/// How late the generator was (99 of 100): with packets, or with INVITEs.
fn late_ms(heard: Option<&Heard>, figures: &Figures) -> f64 {
    let packets = heard.map_or(0.0, |heard| heard.late_ms_p99);
    packets.max(figures.get(LATE).copied().unwrap_or(0.0))
}

/// The middle one.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.retain(|value| !value.is_nan());
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Processor time that one caller costs in 20 ms.
pub(crate) fn us_per_frame(step: &Step) -> f64 {
    step.reading.tested_cores * 20_000.0 / step.callers.max(1) as f64
}

fn line(step: &Step) -> String {
    let (reading, heard) = (&step.reading, step.heard.clone().unwrap_or_default());
    format!(
        "{:10} {:22} {:5} #{} {:6.2} % {:6.2} us  click {:5.1}/{:5.1}  gap {:5.1}/{:5.1}  lost {}  {:6.1} MiB  own {:.2} late {:.1}  others {:.2}  {:?} {}",
        step.scenario,
        step.who,
        step.callers,
        step.round,
        reading.tested_cores * 100.0,
        us_per_frame(step),
        heard.click_ms_p50,
        heard.click_ms_p99,
        heard.gap_ms_p99,
        heard.gap_ms_max,
        heard.lost,
        reading.resident_kib as f64 / 1024.0,
        reading.own_cores,
        heard.late_ms_p99,
        reading.others_cores,
        step.figures,
        if step.void.is_empty() {
            String::new()
        } else {
            format!("VOID: {}", step.void.join(", "))
        },
    )
}
