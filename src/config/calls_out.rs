//! Calls out: which numbers, how many at once, and where callers can be passed on to.

use serde::Deserialize;

use crate::{
    config::source::{ConfigError, HELP_LINES, Source},
    domain::calls_out::{HelpLine, Prefixes},
};

/// Calls out at once when nobody says otherwise.
const LIMIT: usize = 5;

/// Calls out.
#[derive(Clone, Debug)]
pub struct CallsOutConfig {
    /// What numbers must begin with (`DIAL_ALLOW`).
    pub allow: Prefixes,
    /// Calls out at once (`DIAL_LIMIT`).
    pub calls_max: usize,
    /// The `[[help_line]]` tables.
    pub help_lines: Vec<HelpLine>,
}

/// One `[[help_line]]` table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    name: String,
    number: String,
}

impl CallsOutConfig {
    pub(super) fn read(source: &Source) -> Result<Self, ConfigError> {
        let mut help_lines: Vec<HelpLine> = Vec::new();
        for table in source.tables::<Table>(HELP_LINES)? {
            let line = HelpLine::new(&table.name, &table.number)
                .map_err(|why| ConfigError::new(HELP_LINES, why))?;
            let same = |other: &HelpLine| other.name.to_lowercase() == line.name.to_lowercase();
            if help_lines.iter().any(same) {
                let why = format!("`{}` is there twice", line.name);
                return Err(ConfigError::new(HELP_LINES, why));
            }
            help_lines.push(line);
        }
        Ok(Self {
            allow: source.parsed("DIAL_ALLOW", Prefixes::None)?,
            calls_max: source.parsed("DIAL_LIMIT", LIMIT)?,
            help_lines,
        })
    }
}
