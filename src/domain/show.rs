//! Shows and their episodes.

use serde::{Deserialize, Serialize};

use crate::domain::{
    ids::{CallId, EpisodeId, ShowId},
    time::UnixMs,
};

/// What Next does with the caller who is on air.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NextPolicy {
    /// Hangs up.
    #[default]
    Drop,
    /// Puts back on hold.
    Hold,
}

impl NextPolicy {
    /// The spelling of the database and the wire.
    pub fn label(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Hold => "hold",
        }
    }

    /// Reads [`NextPolicy::label`] back.
    pub fn from_label(label: &str) -> Option<Self> {
        [Self::Drop, Self::Hold]
            .into_iter()
            .find(|policy| policy.label() == label)
    }
}

/// A programme with its telephone numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Show {
    /// Who it is.
    pub id: ShowId,
    /// As listeners know it.
    pub name: String,
    /// Short name for addresses: lower-case letters, digits, hyphens.
    pub slug: String,
    /// Numbers that ring here, E.164.
    pub phone_numbers: Vec<String>,
    /// What Next does with who is on air.
    pub next_policy: NextPolicy,
    /// The first show of the station: its lobby is plainly `lobby`, and calls to unknown numbers ring here.
    pub first: bool,
    /// When it was made.
    pub created_at: UnixMs,
}

/// Where an episode is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EpisodeStatus {
    /// Not yet on.
    Scheduled,
    /// On.
    Live,
    /// Over.
    Ended,
}

impl EpisodeStatus {
    /// The spelling of the database and the wire.
    pub fn label(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Live => "live",
            Self::Ended => "ended",
        }
    }

    /// Reads [`EpisodeStatus::label`] back.
    pub fn from_label(label: &str) -> Option<Self> {
        [Self::Scheduled, Self::Live, Self::Ended]
            .into_iter()
            .find(|status| status.label() == label)
    }
}

/// One airing of a show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Episode {
    /// Who it is.
    pub id: EpisodeId,
    /// Whose.
    pub show_id: ShowId,
    /// Counts up within the show, from 1.
    pub number: i32,
    /// What it is about.
    pub title: String,
    /// Where it is in its life.
    pub status: EpisodeStatus,
    /// Whether new calls are let in.
    pub lines_open: bool,
    /// New calls get busy (486) although the lines are open.
    pub busy_all: bool,
    /// Callers go down while a host speaks; not kept in the books.
    pub ducking: bool,
    /// When it should begin.
    pub scheduled_at: Option<UnixMs>,
    /// When it began.
    pub started_at: Option<UnixMs>,
    /// When it ended.
    pub ended_at: Option<UnixMs>,
    /// The hold queue, first to be taken first.
    pub hold_order: Vec<CallId>,
    /// The designated next caller.
    pub next: Option<CallId>,
}
