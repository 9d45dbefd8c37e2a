//! Since when an operator's older sessions count no more: signing out, a new password and disabling end them all, and a restart of
//! the switch must not bring them back.

use std::{
    collections::HashMap,
    fs, io,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use super::session_token::LIFETIME_MS;
use crate::domain::{OperatorId, UnixMs};

/// Sign-outs that still matter, in memory and in a small file: a line each, `OPERATOR TIME`.
#[derive(Debug)]
pub(super) struct SignedOut {
    path: PathBuf,
    since: Mutex<HashMap<OperatorId, UnixMs>>,
}

impl SignedOut {
    /// Reads the file; none is none.
    pub(super) fn open(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let read = |line: &str| {
            let (operator, at) = line.split_once(' ')?;
            Some((operator.parse().ok()?, UnixMs(at.parse().ok()?)))
        };
        Self {
            path,
            since: Mutex::new(text.lines().filter_map(read).collect()),
        }
    }

    /// Whether a session that began at `issued` has been ended.
    pub(super) fn ended(&self, operator: OperatorId, issued: UnixMs) -> bool {
        let since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        since.get(&operator).is_some_and(|&since| issued < since)
    }

    /// The earliest time that a new session of the operator may bear.
    pub(super) fn issue_at(&self, operator: OperatorId, now: UnixMs) -> UnixMs {
        let since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        since.get(&operator).map_or(now, |&since| since.max(now))
    }

    /// Ends every session that the operator has by now. Blocks on the disk; one that does not take it is logged, and the sign-out
    /// then holds until a restart.
    pub(super) fn end(&self, operator: OperatorId, now: UnixMs) {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        since.insert(operator, now.plus_ms(1));
        since.retain(|_, at| now.since(*at) < LIFETIME_MS);
        let lines: String = since
            .iter()
            .map(|(operator, at)| format!("{operator} {}\n", at.0))
            .collect();
        if let Err(error) = self.write(&lines) {
            tracing::warn!(%error, path = %self.path.display(), "a sign-out could not be written down");
        }
    }

    fn write(&self, lines: &str) -> io::Result<()> {
        let fresh = self.path.with_extension("new");
        fs::write(&fresh, lines)?;
        fs::rename(fresh, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_out_ends_what_was_and_outlives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signed-out");
        let (ada, now) = (OperatorId(7), UnixMs(1_790_000_000_000));
        let signed_out = SignedOut::open(path.clone());
        assert!(!signed_out.ended(ada, now));
        signed_out.end(ada, now);
        for signed_out in [signed_out, SignedOut::open(path)] {
            assert!(signed_out.ended(ada, now));
            assert!(!signed_out.ended(OperatorId(8), now));
            let again = signed_out.issue_at(ada, now);
            assert!(
                !signed_out.ended(ada, again),
                "a new session of the same millisecond"
            );
        }
    }
}
