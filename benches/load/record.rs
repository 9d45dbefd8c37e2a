//! What was measured, as JSON and as Markdown, and which steps count: a step is void when the generator was late or busy itself,
//! when its own sockets overflowed, or when others loaded the machine.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use crate::crowd::Heard;
use crate::machine::{self, Reading};

/// Us, in every table.
pub(crate) const OURS: &str = "audioroad";
const LATE_MS_MAX: f64 = 5.0;
const OWN_CORES_MAX: f64 = 0.7;
const OTHERS_CORES_MAX: f64 = 1.0;
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
    machine: String,
    date: String,
    seconds: u64,
    steps: Vec<Step>,
    /// What was not run, and why.
    notes: Vec<String>,
}

impl Record {
    pub(crate) fn new(seconds: u64) -> Self {
        Self {
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
            wait_for_quiet()?;
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
                void: complaints(&reading, heard.as_ref()),
                reading,
                heard,
                figures,
            };
            writeln!(io::stdout(), "{}", line(&step))?;
            let counts = step.void.is_empty();
            self.steps.push(step);
            if counts {
                break;
            }
        }
        Ok(())
    }

    /// Writes `load.json` and `load.md` into a folder.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(
            folder.join("load.json"),
            serde_json::to_string_pretty(self)? + "\n",
        )?;
        let markdown = self.markdown();
        std::fs::write(folder.join("load.md"), &markdown)?;
        writeln!(
            io::stdout(),
            "\n{markdown}\nwritten to {}",
            folder.display()
        )?;
        Ok(())
    }

    fn markdown(&self) -> String {
        let mut text = format!(
            "{}, {}, steps of {} s\n",
            self.machine, self.date, self.seconds
        );
        let mut scenarios: Vec<&str> = self.steps.iter().map(|step| step.scenario).collect();
        scenarios.dedup();
        scenarios.sort_unstable();
        scenarios.dedup();
        for scenario in scenarios {
            let _ = write!(
                text,
                "\n### {scenario}\n\n| who | n | counted | CPU, % of a core | us per n and 20 ms | x ours | click p50 / p99, ms \
                 | gap p99 / max, ms | lost | RSS, MiB | others | more |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n"
            );
            for (callers, who) in self.kinds(scenario) {
                text.push_str(&self.row(scenario, callers, who));
            }
        }
        for note in &self.notes {
            let _ = write!(text, "\n* {note}");
        }
        text
    }

    fn kinds(&self, scenario: &str) -> Vec<(usize, &str)> {
        let of = self.steps.iter().filter(|step| step.scenario == scenario);
        let mut kinds: Vec<(usize, &str)> =
            of.map(|step| (step.callers, step.who.as_str())).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    fn counted(&self, scenario: &str, callers: usize, who: &str) -> Vec<&Step> {
        let is_it =
            |step: &&Step| step.scenario == scenario && step.callers == callers && step.who == who;
        self.steps
            .iter()
            .filter(is_it)
            .filter(|step| step.void.is_empty())
            .collect()
    }

    fn row(&self, scenario: &str, callers: usize, who: &str) -> String {
        let steps = self.counted(scenario, callers, who);
        let all = self
            .steps
            .iter()
            .filter(|step| step.scenario == scenario && step.callers == callers && step.who == who);
        let of =
            |value: &dyn Fn(&Step) -> f64| median(steps.iter().map(|step| value(step)).collect());
        let heard =
            |value: &dyn Fn(&Heard) -> f64| of(&|step| step.heard.as_ref().map_or(f64::NAN, value));
        let ours = self.counted(scenario, callers, OURS);
        let ratios = steps
            .iter()
            .zip(&ours)
            .map(|(step, ours)| step.reading.tested_cores / ours.reading.tested_cores);
        let ratio = median(ratios.collect());
        let names: Vec<&str> = steps
            .first()
            .map(|step| step.figures.keys().copied().collect())
            .unwrap_or_default();
        let more = names.into_iter().map(|name| {
            let value = of(&|step| step.figures.get(name).copied().unwrap_or(f64::NAN));
            format!("{name} {value:.2}")
        });
        format!(
            "| {who} | {callers} | {} of {} | {:.2} | {:.2} | {ratio:.2} | {:.1} / {:.1} | {:.1} / {:.1} | {:.0} | {:.1} | {:.2} | {} |\n",
            steps.len(),
            all.count(),
            of(&|step| step.reading.tested_cores * 100.0),
            of(&us_per_frame),
            heard(&|heard| heard.click_ms_p50),
            heard(&|heard| heard.click_ms_p99),
            heard(&|heard| heard.gap_ms_p99),
            heard(&|heard| heard.gap_ms_max),
            heard(&|heard| heard.lost as f64),
            of(&|step| step.reading.resident_kib as f64 / 1024.0),
            of(&|step| step.reading.others_cores),
            more.collect::<Vec<_>>().join(", "),
        )
        .replace("NaN", "-")
    }
}

/// The middle one.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.retain(|value| !value.is_nan());
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Processor time that one caller costs in 20 ms.
fn us_per_frame(step: &Step) -> f64 {
    step.reading.tested_cores * 20_000.0 / step.callers.max(1) as f64
}

fn complaints(reading: &Reading, heard: Option<&Heard>) -> Vec<String> {
    let late = heard.map_or(0.0, |heard| heard.late_ms_p99);
    let all = [
        (
            late > LATE_MS_MAX,
            format!("the generator was {late:.1} ms late"),
        ),
        (
            reading.own_cores > OWN_CORES_MAX,
            format!("the generator took {:.2} of a core", reading.own_cores),
        ),
        (
            reading.own_dropped > 0,
            format!("the generator missed {} packets", reading.own_dropped),
        ),
        (
            reading.others_cores > OTHERS_CORES_MAX,
            format!("others took {:.2} cores", reading.others_cores),
        ),
    ];
    all.into_iter()
        .filter(|(is, _)| *is)
        .map(|(_, why)| why)
        .collect()
}

fn wait_for_quiet() -> Result<()> {
    let began = Instant::now();
    while machine::others_cores(LOOK)? > OTHERS_CORES_MAX && began.elapsed() < QUIET_WITHIN {}
    Ok(())
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
