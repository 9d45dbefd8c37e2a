//! What the shell must do, and what happened.

use crate::domain::{
    call::HeldBy,
    cause::Cause,
    ids::{CallId, CallerId, EpisodeId, OperatorId},
    room::RoomName,
    stage::Stage,
    time::UnixMs,
};

/// An order to the shell, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Put the call's leg where its stage says: it is heard there at the next tick.
    Place {
        /// Which call.
        call: CallId,
        /// Its new stage.
        stage: Stage,
        /// Its new room.
        room: RoomName,
    },
    /// Tell callers in the lobby of an episode their new places in line, from 1. Who is not named stands where they stood.
    SetPlaces {
        /// Whose lobby.
        episode: EpisodeId,
        /// Each call's place.
        places: Vec<(CallId, u16)>,
    },
    /// Take the caller's voice out of the mix, or put it back.
    SetMuted {
        /// Which call.
        call: CallId,
        /// Out of the mix.
        muted: bool,
    },
    /// Turn the caller's voice up or down.
    SetGain {
        /// Which call.
        call: CallId,
        /// In dB, 0 as it comes.
        gain_db: i8,
    },
    /// Take the noise out of the caller's line, or leave it.
    SetDenoised {
        /// Which call.
        call: CallId,
        /// Out.
        denoised: bool,
    },
    /// Let the callers of a live episode go down under its hosts, or not.
    SetDucking {
        /// Which episode.
        episode: EpisodeId,
        /// Down.
        ducking: bool,
    },
    /// Begin the integrated loudness of a live episode anew.
    ResetLoudness(EpisodeId),
    /// End the telephone leg.
    HangUp {
        /// Which call.
        call: CallId,
        /// Why.
        cause: Cause,
    },
    /// Open the screening room in which an operator waits for somebody who is being called.
    OpenRoom(RoomName),
    /// Call this number; the call goes into its screening room when it is answered.
    Dial {
        /// Which call.
        call: CallId,
        /// E.164.
        number: String,
    },
    /// Ask the line to pass the call on; its outcome comes back as [`crate::domain::Desk::transfer_ended`].
    Transfer {
        /// Which call.
        call: CallId,
        /// E.164, or a short number such as 988.
        target: String,
    },
    /// Tell an operator something, on whatever dashboards they have open.
    Notify {
        /// Whom.
        operator: OperatorId,
        /// A sentence.
        text: String,
    },
    /// Open the mix of a live episode.
    OpenStudio(EpisodeId),
    /// Close it; browsers in its rooms are sent away.
    CloseStudio(EpisodeId),
    /// A browser no longer belongs into this room.
    CloseRoom(RoomName),
}

/// What to do with a call that arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Answer it and place it in the lobby.
    Admit {
        /// Which call (the row made before by the webhook, or a new one).
        call: CallId,
        /// The lobby.
        room: RoomName,
        /// The episode whose media it joins.
        episode: EpisodeId,
    },
    /// Answer it, say that no show is on air or that it takes no more calls, hang up.
    Announce {
        /// Which call.
        call: CallId,
        /// A show is on, with its lines closed.
        lines_closed: bool,
    },
    /// Refuse it with this SIP status.
    Refuse {
        /// Which call.
        call: CallId,
        /// SIP status code.
        status: u16,
        /// Why.
        cause: Cause,
    },
}

/// One line of the ledger of consents: given or taken back, who told them what, when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentEntry {
    /// On which call.
    pub call: CallId,
    /// Counts the entries of the call, from 1.
    pub number: i32,
    /// Of whom.
    pub caller: CallerId,
    /// When.
    pub at: UnixMs,
    /// Given; else taken back.
    pub given: bool,
    /// The operator who recorded it.
    pub by: HeldBy,
    /// What they were told.
    pub notice: String,
}

/// One line of a call's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallEvent {
    /// Which call.
    pub call: CallId,
    /// When.
    pub at: UnixMs,
    /// What: `arrived`, `answered`, `picked-up`, `approved`, `back-to-lobby`, `on-air`, `on-hold`, `muted`, ...
    pub what: &'static str,
    /// Who pressed, where somebody did.
    pub by: Option<OperatorId>,
    /// Anything more, such as the cause of the end.
    pub detail: String,
}
