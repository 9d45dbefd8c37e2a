//! Entities as dashboards and scripts see them: the JSON of `docs/websocket.md` and of the HTTP API.

use serde::Serialize;

use crate::domain::{
    call::Call,
    caller::Caller,
    consent::notice,
    ids::{CallId, CallerId, EpisodeId, OperatorId, ShowId},
    room::RoomName,
    show::{Episode, EpisodeStatus, NextPolicy, Show},
    stage::Stage,
    time::UnixMs,
};

/// A show.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "field by field the JSON of docs/websocket.md")]
pub struct ShowView {
    pub id: ShowId,
    pub name: String,
    pub slug: String,
    pub phone_numbers: Vec<String>,
    pub next_policy: NextPolicy,
    /// What is read out to whom this show calls, before they are put on air.
    pub consent_notice: String,
}

impl From<&Show> for ShowView {
    fn from(show: &Show) -> Self {
        Self {
            id: show.id,
            name: show.name.clone(),
            slug: show.slug.clone(),
            phone_numbers: show.phone_numbers.clone(),
            next_policy: show.next_policy,
            consent_notice: notice(&show.name),
        }
    }
}

/// An episode.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "field by field the JSON of docs/websocket.md")]
pub struct EpisodeView {
    pub id: EpisodeId,
    pub show_id: ShowId,
    pub number: i32,
    pub title: String,
    pub status: EpisodeStatus,
    pub lines_open: bool,
    pub busy_all: bool,
    pub ducking: bool,
    pub scheduled_at: Option<UnixMs>,
    pub started_at: Option<UnixMs>,
    pub ended_at: Option<UnixMs>,
    pub live_room: String,
    pub hold_room: String,
    pub screening_room_prefix: String,
}

impl From<&Episode> for EpisodeView {
    fn from(episode: &Episode) -> Self {
        Self {
            id: episode.id,
            show_id: episode.show_id,
            number: episode.number,
            title: episode.title.clone(),
            status: episode.status,
            lines_open: episode.lines_open,
            busy_all: episode.busy_all,
            ducking: episode.ducking,
            scheduled_at: episode.scheduled_at,
            started_at: episode.started_at,
            ended_at: episode.ended_at,
            live_room: RoomName::Live(episode.id).to_string(),
            hold_room: RoomName::Hold(episode.id).to_string(),
            screening_room_prefix: format!("screening-{}-", episode.id),
        }
    }
}

/// A call with what its card shows of the caller.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "field by field the JSON of docs/websocket.md")]
pub struct CallView {
    pub id: CallId,
    pub show_id: Option<ShowId>,
    pub episode_id: Option<EpisodeId>,
    pub caller_id: CallerId,
    pub from: Option<String>,
    pub name: String,
    pub location: String,
    pub point: String,
    pub notes: String,
    pub caller_notes: String,
    pub status: Stage,
    pub ringing: bool,
    pub room_name: Option<String>,
    pub held_by: Option<OperatorId>,
    pub held_by_name: Option<String>,
    pub next: bool,
    pub position: Option<u16>,
    pub muted: bool,
    pub gain_db: i8,
    pub denoise: bool,
    pub priority: i32,
    pub queued_at: UnixMs,
    pub answered_at: Option<UnixMs>,
    pub screening_at: Option<UnixMs>,
    pub held_at: Option<UnixMs>,
    pub on_air_at: Option<UnixMs>,
    pub first_on_air_at: Option<UnixMs>,
    /// Whole seconds on air in earlier turns; a client adds the time since `onAirAt`.
    pub on_air_seconds: i64,
    pub ended_at: Option<UnixMs>,
    /// Whole seconds, once the call is over.
    pub duration: Option<i64>,
    pub cause: Option<String>,
    pub cause_text: Option<String>,
    pub twilio_call_sid: Option<String>,
    pub sip_call_id: Option<String>,
    pub direction: &'static str,
    pub consent_at: Option<UnixMs>,
    pub consent_by: Option<String>,
    /// What the line was like, once it is gone.
    pub quality: Option<serde_json::Value>,
    /// The help line or number that it is being passed on to.
    pub transfer_to: Option<String>,
    pub times_called: i32,
    pub last_called_at: Option<UnixMs>,
    pub vip: bool,
    pub blocked: bool,
}

/// What a call's view takes from its surroundings.
#[derive(Clone, Copy, Debug, Default)]
pub struct Standing {
    /// Place in the lobby's or the hold queue, from 1.
    pub position: Option<u16>,
    /// The designated next caller.
    pub next: bool,
    /// Whether its show is the station's first.
    pub first_show: bool,
}

impl CallView {
    /// Puts call, caller and standing together.
    pub fn new(call: &Call, caller: Option<&Caller>, standing: Standing) -> Self {
        let screening = call.stage == Stage::Screening;
        let text = |pick: fn(&Caller) -> &String| caller.map(pick).cloned().unwrap_or_default();
        Self {
            id: call.id,
            show_id: call.show_id,
            episode_id: call.episode_id,
            caller_id: call.caller_id,
            from: call.from.clone(),
            name: text(|caller| &caller.name),
            location: text(|caller| &caller.location),
            point: call.point.clone(),
            notes: call.notes.clone(),
            caller_notes: text(|caller| &caller.notes),
            status: call.stage,
            ringing: call.ringing(),
            room_name: call.room(standing.first_show).map(|room| room.to_string()),
            held_by: call.screener.as_ref().filter(|_| screening).map(|by| by.id),
            held_by_name: call
                .screener
                .as_ref()
                .filter(|_| screening)
                .map(|by| by.name.clone()),
            next: standing.next,
            position: standing.position,
            muted: call.muted,
            gain_db: call.sound.gain_db,
            denoise: call.sound.denoise,
            priority: call.priority,
            queued_at: call.times.queued,
            answered_at: call.times.answered,
            screening_at: call.times.screening,
            held_at: call.times.held,
            on_air_at: call.times.on_air,
            first_on_air_at: call.times.first_on_air,
            on_air_seconds: call.times.on_air_ms_before / 1000,
            ended_at: call.times.ended,
            duration: call.times.ended.map(|ended| call.duration_seconds(ended)),
            cause: call.cause.as_ref().map(|cause| cause.label().into_owned()),
            cause_text: call
                .cause
                .as_ref()
                .map(|cause| cause.in_words().into_owned()),
            twilio_call_sid: call.twilio_call_sid.clone(),
            sip_call_id: call.sip_call_id.clone(),
            direction: call.direction.label(),
            consent_at: call.consent.as_ref().map(|consent| consent.at),
            consent_by: call.consent.as_ref().map(|consent| consent.by.name.clone()),
            quality: call
                .quality
                .as_deref()
                .and_then(|told| serde_json::from_str(told).ok()),
            transfer_to: call.transfer.as_ref().map(|transfer| transfer.to.clone()),
            times_called: caller.map_or(1, |caller| caller.total_calls),
            last_called_at: call.previous_call_at,
            vip: caller.is_some_and(|caller| caller.vip),
            blocked: caller.is_some_and(|caller| caller.blocked),
        }
    }
}

/// A caller's record.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "field by field the JSON of the HTTP API")]
pub struct CallerView {
    pub id: CallerId,
    pub number: Option<String>,
    pub name: String,
    pub location: String,
    pub email: String,
    pub notes: String,
    pub blocked: bool,
    pub vip: bool,
    pub first_call_at: UnixMs,
    pub last_call_at: UnixMs,
    pub total_calls: i32,
}

impl From<&Caller> for CallerView {
    fn from(caller: &Caller) -> Self {
        Self {
            id: caller.id,
            number: caller.number.clone(),
            name: caller.name.clone(),
            location: caller.location.clone(),
            email: caller.email.clone(),
            notes: caller.notes.clone(),
            blocked: caller.blocked,
            vip: caller.vip,
            first_call_at: caller.first_call_at,
            last_call_at: caller.last_call_at,
            total_calls: caller.total_calls,
        }
    }
}
