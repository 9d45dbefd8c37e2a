//! What webhooks were answered, so that one that is delivered again, or replayed, gets the same and changes nothing.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use tokio::sync::{Mutex, MutexGuard};

use crate::domain::UnixMs;

/// How long the switchboard may take: Twilio gives up after 15 s.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// How long an answer is remembered.
const REMEMBERED_MS: i64 = 15 * 60 * 1000;
/// Answers that are remembered; the oldest goes first.
const ANSWERS_MAX: usize = 4096;

/// Answers by `CallSid`. Held locked while one is made: the same webhook twice at once must not make two calls.
#[derive(Default)]
pub(in crate::http) struct Answers(Mutex<Given>);

impl Answers {
    pub(super) async fn lock(&self) -> MutexGuard<'_, Given> {
        self.0.lock().await
    }
}

/// What was answered.
#[derive(Default)]
pub(super) struct Given {
    twiml: HashMap<String, (UnixMs, String)>,
    /// Oldest first.
    order: VecDeque<String>,
}

impl Given {
    /// The answer that this call already got.
    pub(super) fn given(&self, sid: &str, now: UnixMs) -> Option<&str> {
        let (at, twiml) = self.twiml.get(sid)?;
        (now.since(*at) < REMEMBERED_MS).then_some(twiml.as_str())
    }

    /// Remembers an answer.
    pub(super) fn give(&mut self, sid: String, twiml: String, now: UnixMs) {
        if self.twiml.insert(sid.clone(), (now, twiml)).is_none() {
            self.order.push_back(sid);
        }
        while self.order.len() > ANSWERS_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.twiml.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMs = UnixMs(1_790_000_000_000);

    #[test]
    fn an_answer_is_given_again_for_a_quarter_of_an_hour() {
        let mut given = Given::default();
        given.give("CA1".into(), "one".into(), NOW);
        assert_eq!(
            given.given("CA1", NOW.plus_ms(REMEMBERED_MS - 1)),
            Some("one")
        );
        assert_eq!(given.given("CA1", NOW.plus_ms(REMEMBERED_MS)), None);
        assert_eq!(given.given("CA2", NOW), None);
    }

    #[test]
    fn memory_is_bounded() {
        let mut given = Given::default();
        for at in 0..ANSWERS_MAX + 10 {
            given.give(format!("CA{at}"), "x".into(), NOW);
            given.give(format!("CA{at}"), "x".into(), NOW);
        }
        assert_eq!(
            (given.twiml.len(), given.order.len()),
            (ANSWERS_MAX, ANSWERS_MAX)
        );
        assert_eq!(given.given("CA9", NOW), None);
        assert_eq!(given.given("CA10", NOW), Some("x"));
    }
}
