//! One telephone call as the show and the books see it.

use serde::{Deserialize, Serialize};

use crate::domain::{
    cause::Cause,
    ids::{CallId, CallerId, EpisodeId, OperatorId, ShowId},
    room::RoomName,
    sound::Sound,
    stage::Stage,
    time::UnixMs,
};

/// Who dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// They called us.
    Inbound,
    /// We called them.
    Outbound,
}

impl Direction {
    /// The spelling of the database and the wire.
    pub fn label(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// An operator by name: who has a call, who did something to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldBy {
    /// Who.
    pub id: OperatorId,
    /// As shown to others.
    pub name: String,
}

/// Somebody was told that they will be on air, and agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// When.
    pub at: UnixMs,
    /// Who told them.
    pub by: HeldBy,
}

/// A call is being passed on to another number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The number.
    pub number: String,
    /// As operators read it: a help line's name, or the number.
    pub to: String,
    /// Who asked.
    pub by: HeldBy,
    /// Since when.
    pub since: UnixMs,
}

/// When what happened to a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// When it first reached us.
    pub queued: UnixMs,
    /// When the telephone leg was up.
    pub answered: Option<UnixMs>,
    /// When a screener last picked up.
    pub screening: Option<UnixMs>,
    /// When it last went on hold.
    pub held: Option<UnixMs>,
    /// When it went on air, if it is there now.
    pub on_air: Option<UnixMs>,
    /// When it first went on air.
    pub first_on_air: Option<UnixMs>,
    /// When it ended.
    pub ended: Option<UnixMs>,
    /// Time on air before the present turn, in milliseconds.
    pub on_air_ms_before: i64,
}

/// One telephone call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Who it is.
    pub id: CallId,
    /// The show it rang at; `None` when no show was on.
    pub show_id: Option<ShowId>,
    /// The episode it belongs to; `None` when no show was on.
    pub episode_id: Option<EpisodeId>,
    /// Who is at the other end.
    pub caller_id: CallerId,
    /// Their number in E.164; `None` when withheld.
    pub from: Option<String>,
    /// Where it is.
    pub stage: Stage,
    /// The number of ours: what was dialled, as the network said it, or what a called party is shown.
    pub dialled: String,
    /// Who dialled.
    pub direction: Direction,
    /// When they called before this; `None` for a first call, and in a call read from the books.
    pub previous_call_at: Option<UnixMs>,
    /// What they will say.
    pub point: String,
    /// Notes on this call.
    pub notes: String,
    /// Sorts before others in the lobby when higher.
    pub priority: i32,
    /// The screener who has it, or had it last.
    pub screener: Option<HeldBy>,
    /// The host took their voice out of the mix.
    pub muted: bool,
    /// How they sound; not kept in the books.
    pub sound: Sound,
    /// When what happened.
    pub times: Times,
    /// Why it ended.
    pub cause: Option<Cause>,
    /// Twilio's name of the call.
    pub twilio_call_sid: Option<String>,
    /// SIP's Call-ID.
    pub sip_call_id: Option<String>,
    /// A telephone leg is up for it.
    pub line_up: bool,
    /// What the line was like, as JSON, once it is gone.
    pub quality: Option<String>,
    /// They were told that they will be on air.
    pub consent: Option<Consent>,
    /// Entries of the ledger of consents so far; not kept in the books.
    pub consent_entries: i32,
    /// It is being passed on to another number; not kept in the books.
    pub transfer: Option<Transfer>,
    /// Twilio's voice API carries it and can pass it on; not kept in the books.
    pub by_voice_api: bool,
}

impl Call {
    /// Whether the telephone leg is not up yet: theirs rings when we call them, ours when they call us.
    pub fn ringing(&self) -> bool {
        let open = match self.direction {
            Direction::Inbound => self.stage == Stage::Queued,
            Direction::Outbound => self.stage != Stage::Completed,
        };
        open && self.times.answered.is_none()
    }

    /// Whether they may be put on air: who called a call-in show knows what it is, whom we called must have been told
    /// (47 CFR 73.1206).
    pub fn may_be_aired(&self) -> bool {
        self.direction == Direction::Inbound || self.consent.is_some()
    }

    /// The room it is in; `None` once it is over or when no show took it.
    pub fn room(&self, first_show: bool) -> Option<RoomName> {
        let (show, episode) = (self.show_id?, self.episode_id?);
        match self.stage {
            Stage::Queued => Some(RoomName::Lobby((!first_show).then_some(show))),
            Stage::Screening => Some(RoomName::Screening(episode, self.id)),
            Stage::OnHold => Some(RoomName::Hold(episode)),
            Stage::OnAir => Some(RoomName::Live(episode)),
            Stage::Completed => None,
        }
    }

    /// Time on air up to `now`, in whole seconds.
    pub fn on_air_seconds(&self, now: UnixMs) -> i64 {
        let present = self.times.on_air.map_or(0, |since| now.since(since));
        (self.times.on_air_ms_before + present) / 1000
    }

    /// From arrival to the end (or `now`), in whole seconds.
    pub fn duration_seconds(&self, now: UnixMs) -> i64 {
        self.times.ended.unwrap_or(now).since(self.times.queued) / 1000
    }
}
