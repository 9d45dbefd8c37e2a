//! The record as tables of Markdown: medians over the steps that counted, and how many there were.

use std::fmt::Write as _;

use crate::crowd::Heard;
use crate::record::{OURS, Record, Step, median, us_per_frame};

/// One table a scenario.
pub(crate) fn markdown(record: &Record) -> String {
    record.markdown()
}

impl Record {
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
        let ratios = steps.iter().filter_map(|step| {
            let ours = ours.iter().find(|ours| ours.round == step.round)?;
            Some(step.reading.tested_cores / ours.reading.tested_cores)
        });
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
