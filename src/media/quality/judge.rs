//! A word for a rating, which does not flap: worse after three seconds, better after ten and a little beyond the line.

use std::time::{Duration, Instant};

/// How a line is, in a word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Many are dissatisfied: a rating below 70 (G.107 annex B).
    Bad,
    /// Some are: below 80.
    Fair,
    /// Nobody notices.
    #[default]
    Good,
}

impl Level {
    /// Its name on the wire.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Fair => "fair",
            Self::Good => "good",
        }
    }

    /// The level of a rating.
    fn of(rating: f32) -> Self {
        match rating {
            r if r < 70.0 => Self::Bad,
            r if r < 80.0 => Self::Fair,
            _ => Self::Good,
        }
    }
}

/// A line is worse when it has been so for this long.
const WORSE_AFTER: Duration = Duration::from_secs(3);
/// It is better when it has been so for this long ...
const BETTER_AFTER: Duration = Duration::from_secs(10);
/// ... with so much of the rating to spare.
const MARGIN: f32 = 3.0;
/// A line that stays bad for this long is one to ask the caller to call back on.
const CALL_BACK_AFTER: Duration = Duration::from_secs(5);

/// The word that is shown, and since when.
#[derive(Debug, Clone)]
pub struct Judge {
    level: Level,
    since: Instant,
    worse_since: Option<Instant>,
    better_since: Option<Instant>,
}

impl Judge {
    /// A line that has done nothing wrong yet.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            level: Level::default(),
            since: now,
            worse_since: None,
            better_since: None,
        }
    }

    /// Takes the rating of the last seconds; call it about once a second.
    pub fn hear(&mut self, now: Instant, rating: f32) {
        let worse = Some(Level::of(rating)).filter(|level| *level < self.level);
        let better = Some(Level::of(rating - MARGIN)).filter(|level| *level > self.level);
        let next = lasting(&mut self.worse_since, now, worse, WORSE_AFTER)
            .or_else(|| lasting(&mut self.better_since, now, better, BETTER_AFTER));
        if let Some(level) = next {
            *self = Self {
                level,
                ..Self::new(now)
            };
        }
    }

    /// The word.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// Whether the line has been bad for so long that the caller had better call again.
    #[must_use]
    pub fn asks_to_call_back(&self, now: Instant) -> bool {
        self.level == Level::Bad && now.saturating_duration_since(self.since) >= CALL_BACK_AFTER
    }
}

/// The level, when there has been one without a break for so long.
fn lasting(
    since: &mut Option<Instant>,
    now: Instant,
    level: Option<Level>,
    for_so_long: Duration,
) -> Option<Level> {
    let Some(level) = level else {
        *since = None;
        return None;
    };
    let since = *since.get_or_insert(now);
    (now.saturating_duration_since(since) >= for_so_long).then_some(level)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The level after each second of `ratings`, and whether the caller should call back.
    fn heard(ratings: impl IntoIterator<Item = f32>) -> Vec<(Level, bool)> {
        let start = crate::media::test_epoch();
        let mut judge = Judge::new(start);
        let hear = |(second, rating)| {
            let now = start + Duration::from_secs(second);
            judge.hear(now, rating);
            (judge.level(), judge.asks_to_call_back(now))
        };
        (0..).zip(ratings).map(hear).collect()
    }

    #[test]
    fn a_line_that_stays_bad_is_said_to_be_and_then_to_call_back() {
        let heard = heard([50.0; 12]);
        assert_eq!(heard[2], (Level::Good, false));
        assert_eq!(heard[3], (Level::Bad, false));
        assert_eq!(heard[7], (Level::Bad, false));
        assert_eq!(heard[8], (Level::Bad, true));
    }

    #[test]
    fn a_bad_moment_changes_nothing() {
        let ratings = [90.0, 40.0, 40.0, 40.0, 90.0].repeat(20);
        assert!(
            heard(ratings)
                .iter()
                .all(|(level, _)| *level == Level::Good)
        );
    }

    #[test]
    fn around_the_line_it_does_not_flap() {
        let levels: Vec<_> = heard((0..200).map(|n| if n % 8 < 4 { 69.0 } else { 71.0 }))
            .iter()
            .map(|(level, _)| *level)
            .collect();
        let changes = levels.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!(changes <= 2, "{levels:?}");
    }

    #[test]
    fn it_gets_better_when_it_has_been_for_long() {
        let ratings = [60.0; 10].into_iter().chain([88.0; 12]);
        let heard = heard(ratings);
        assert_eq!(heard[9], (Level::Bad, true));
        assert_eq!(heard[19], (Level::Bad, true));
        assert_eq!(heard[20], (Level::Good, false));
    }
}
