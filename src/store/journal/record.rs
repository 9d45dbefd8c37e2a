//! One thing to be written.

use serde::{Deserialize, Serialize};

use crate::{
    domain::{Call, CallEvent, Caller, ConsentEntry, Episode, Show},
    store::models::{CallRow, CallerRow, ConsentRow, EpisodeRow, EventRow, ShowNumberRow, ShowRow},
};

/// A row to be written, whole: writing it twice is the same as once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Record {
    /// A show and its numbers.
    Show(ShowRow, Vec<ShowNumberRow>),
    /// An episode.
    Episode(EpisodeRow),
    /// A caller.
    Caller(CallerRow),
    /// A call.
    Call(Box<CallRow>),
    /// Something that happened to a call.
    Event(EventRow),
    /// A consent that somebody gave or took back.
    Consent(ConsentRow),
}

impl Record {
    /// The show as it is now.
    pub fn show(show: &Show) -> Self {
        let (row, numbers) = ShowRow::of(show);
        Self::Show(row, numbers)
    }

    /// The episode as it is now.
    pub fn episode(episode: &Episode) -> Self {
        Self::Episode(EpisodeRow::from(episode))
    }

    /// The caller as they are now.
    pub fn caller(caller: &Caller) -> Self {
        Self::Caller(CallerRow::from(caller))
    }

    /// The call as it is now; see [`CallRow::of`].
    pub fn call(call: &Call, first_show: bool) -> Self {
        Self::Call(Box::new(CallRow::of(call, first_show)))
    }

    /// An event under an id of its own; see [`EventRow::of`].
    pub fn event(id: &str, event: &CallEvent) -> Self {
        Self::Event(EventRow::of(id, event))
    }

    /// A consent given or taken back; see [`ConsentRow::of`].
    pub fn consent(entry: &ConsentEntry) -> Self {
        Self::Consent(ConsentRow::of(entry))
    }

    /// Rows refer to rows of a lower rank alone, so that is the order in which they are written.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Show(..) => 0,
            Self::Episode(_) => 1,
            Self::Caller(_) => 2,
            Self::Call(_) => 3,
            Self::Event(_) | Self::Consent(_) => 4,
        }
    }

    /// Whether it is a row as it is now, which its next writing makes obsolete; what happened stays.
    pub(super) fn is_state(&self) -> bool {
        match self {
            Self::Show(..) | Self::Episode(_) | Self::Caller(_) | Self::Call(_) => true,
            Self::Event(_) | Self::Consent(_) => false,
        }
    }

    /// Whether it is a call that is over.
    pub(super) fn is_completed(&self) -> bool {
        matches!(self, Self::Call(row) if row.is_completed())
    }

    /// The kind and key, for the log.
    pub(super) fn name(&self) -> (&'static str, &str) {
        match self {
            Self::Show(row, _) => ("show", row.id()),
            Self::Episode(row) => ("episode", row.id()),
            Self::Caller(row) => ("caller", row.id()),
            Self::Call(row) => ("call", row.id()),
            Self::Event(row) => ("event", &row.id),
            Self::Consent(row) => ("consent", &row.call_id),
        }
    }

    /// The same record without the one value that must be nobody else's: better a call without its
    /// Twilio name than no call.
    pub(super) fn without_claim(self) -> Self {
        match self {
            Self::Show(row, numbers) => Self::Show(row.with_own_slug(), numbers),
            Self::Caller(row) => Self::Caller(row.without_number()),
            Self::Call(row) => Self::Call(Box::new(row.without_twilio_call_sid())),
            same @ (Self::Episode(_) | Self::Event(_) | Self::Consent(_)) => same,
        }
    }
}
