//! What an operator may ask. The JSON form is that of `docs/websocket.md`.

use serde::{Deserialize, Serialize};

use crate::domain::ids::{CallId, CallerId, EpisodeId};

/// Fields of a call's card; absent ones stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Card {
    /// The caller's name.
    pub name: Option<String>,
    /// Where they call from.
    pub location: Option<String>,
    /// What they will say.
    pub point: Option<String>,
    /// Notes on this call.
    pub notes: Option<String>,
    /// Notes on the caller, kept for the next call.
    pub caller_notes: Option<String>,
    /// A very important person.
    pub vip: Option<bool>,
}

/// Ids for rows that a command may make; drawn by the shell, never told by a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewIds {
    /// For a call.
    pub call: CallId,
    /// For a caller without a row.
    pub caller: CallerId,
}

impl Default for NewIds {
    fn default() -> Self {
        Self {
            call: CallId(0),
            caller: CallerId(0),
        }
    }
}

/// One press.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "command",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
#[expect(
    missing_docs,
    reason = "every variant has the same self-evident fields; docs/websocket.md is the table"
)]
pub enum Command {
    /// Lobby to screening, with me.
    PickUp { call_id: CallId },
    /// The longest waiting caller to screening, with me.
    PickUpNext { episode_id: EpisodeId },
    /// Screening to hold.
    Approve {
        call_id: CallId,
        #[serde(default)]
        next: bool,
    },
    /// Screening back to the lobby.
    BackToLobby { call_id: CallId },
    /// Writes the card.
    UpdateCard {
        call_id: CallId,
        #[serde(flatten)]
        card: Card,
    },
    /// Designates (or not) the next caller.
    SetNext { call_id: CallId, next: bool },
    /// Moves a held caller before another, or to the end.
    Reorder {
        call_id: CallId,
        before: Option<CallId>,
    },
    /// Hold to air.
    PutOnAir { call_id: CallId },
    /// Air to hold.
    PutOnHold { call_id: CallId },
    /// Drops or holds who is on air and takes the next caller.
    Next { episode_id: EpisodeId },
    /// Takes the caller's voice out of the mix, or puts it back.
    SetMuted { call_id: CallId, muted: bool },
    /// Turns the caller's voice up or down.
    SetGain { call_id: CallId, gain_db: i8 },
    /// Takes the noise out of the caller's line while they are on air, or leaves it.
    SetDenoise { call_id: CallId, denoise: bool },
    /// Hangs up.
    Drop { call_id: CallId },
    /// Hangs up and refuses the number from now on.
    BlockCaller { call_id: CallId },
    /// Calls somebody: they are mine to screen once they answer.
    Dial {
        episode_id: EpisodeId,
        number: String,
        #[serde(default)]
        name: Option<String>,
        #[serde(default)]
        point: Option<String>,
        #[serde(skip)]
        ids: NewIds,
    },
    /// Calls the caller of a call that is over.
    CallBack {
        call_id: CallId,
        #[serde(skip)]
        ids: NewIds,
    },
    /// They were told that they will be on air, and agree.
    RecordConsent { call_id: CallId },
    /// They no longer agree.
    WithdrawConsent { call_id: CallId },
    /// Passes the call on to a help line, by name, or to a number.
    Transfer { call_id: CallId, target: String },
    /// Scheduled to live.
    StartShow { episode_id: EpisodeId },
    /// Live to ended; every call of it is hung up.
    EndShow { episode_id: EpisodeId },
    /// Lets calls in.
    OpenLines { episode_id: EpisodeId },
    /// Lets no more calls in.
    CloseLines { episode_id: EpisodeId },
    /// New calls get busy; those who are in stay.
    BusyAll { episode_id: EpisodeId, busy: bool },
    /// Callers go down while a host speaks, or do not.
    SetDucking {
        episode_id: EpisodeId,
        ducking: bool,
    },
    /// Begins the integrated loudness and the highest peak anew.
    ResetLoudness { episode_id: EpisodeId },
}

impl Command {
    /// The name it has on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::PickUp { .. } => "pick-up",
            Self::PickUpNext { .. } => "pick-up-next",
            Self::Approve { .. } => "approve",
            Self::BackToLobby { .. } => "back-to-lobby",
            Self::UpdateCard { .. } => "update-card",
            Self::SetNext { .. } => "set-next",
            Self::Reorder { .. } => "reorder",
            Self::PutOnAir { .. } => "put-on-air",
            Self::PutOnHold { .. } => "put-on-hold",
            Self::Next { .. } => "next",
            Self::SetMuted { .. } => "set-muted",
            Self::SetGain { .. } => "set-gain",
            Self::SetDenoise { .. } => "set-denoise",
            Self::Drop { .. } => "drop",
            Self::BlockCaller { .. } => "block-caller",
            Self::Dial { .. } => "dial",
            Self::CallBack { .. } => "call-back",
            Self::RecordConsent { .. } => "record-consent",
            Self::WithdrawConsent { .. } => "withdraw-consent",
            Self::Transfer { .. } => "transfer",
            Self::StartShow { .. } => "start-show",
            Self::EndShow { .. } => "end-show",
            Self::OpenLines { .. } => "open-lines",
            Self::CloseLines { .. } => "close-lines",
            Self::BusyAll { .. } => "busy-all",
            Self::SetDucking { .. } => "set-ducking",
            Self::ResetLoudness { .. } => "reset-loudness",
        }
    }

    /// The command with ids for the rows that it may make.
    pub fn with_ids(mut self, new: NewIds) -> Self {
        if let Self::Dial { ids, .. } | Self::CallBack { ids, .. } = &mut self {
            *ids = new;
        }
        self
    }
}
