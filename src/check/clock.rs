//! The clock of this machine.

use std::time::Duration;

use crate::check::Finding;

/// This version was made after this moment, so no clock may show less (2026-01-01).
const MADE_MS: u64 = 1_767_225_600_000;
/// Twenty years are more than any build of this lives.
const LIFETIME: Duration = Duration::from_secs(20 * 365 * 24 * 3600);

pub(super) fn time_of_day(unix_ms: u64) -> Finding {
    let synchronised = || match std::process::Command::new("timedatectl")
        .args(["show", "-p", "NTPSynchronized", "--value"])
        .output()
    {
        Ok(shown) => Some(String::from_utf8_lossy(&shown.stdout).trim() == "yes"),
        Err(_) => None,
    };
    if unix_ms < MADE_MS || Duration::from_millis(unix_ms - MADE_MS) > LIFETIME {
        return Finding::Wrong("The clock of this machine is years off: sign-in links, tokens and the books would be wrong.".into());
    }
    match synchronised() {
        Some(false) => Finding::Warning(
            "The clock is not synchronised (NTP): tokens may be refused as too old or too new."
                .into(),
        ),
        Some(true) => Finding::Good("The clock is synchronised.".into()),
        None => Finding::Good(
            "The clock looks right (whether it is synchronised cannot be seen here).".into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_years_off_is_wrong() {
        assert!(matches!(time_of_day(0), Finding::Wrong(_)));
        assert!(matches!(time_of_day(MADE_MS * 2), Finding::Wrong(_)));
    }
}
