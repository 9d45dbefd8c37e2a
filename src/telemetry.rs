//! Logs: structured, to standard error, with call ids, never with secrets or whole numbers.

use std::{fmt, io::IsTerminal as _};

use tracing_subscriber::EnvFilter;

/// Starts logging. `filter` is tracing's directive language; `json` is for machines.
///
/// # Errors
/// The filter cannot be read, or logging was started before.
pub fn start(filter: &str, json: bool) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(format!("{filter},str0m=warn,is=warn,dimpl=warn,symphonia_core=warn"))?;
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let started = if json { logs.json().try_init() } else { logs.try_init() };
    started.map_err(|error| anyhow::anyhow!("{error}"))
}

/// A telephone number as logs show it: country and the last two digits.
pub struct Masked<'a>(pub &'a str);

impl fmt::Display for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.chars().count();
        if count < 6 {
            return f.write_str("***");
        }
        for (at, character) in self.0.chars().enumerate() {
            let shown = at < 3 || at + 2 >= count;
            write!(f, "{}", if shown { character } else { '*' })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_masked() {
        assert_eq!(Masked("+15551234567").to_string(), "+15*******67");
        assert_eq!(Masked("201").to_string(), "***");
        assert_eq!(Masked("äöüäöü").to_string(), "äöü*öü");
    }
}
