//! Calls.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use super::{BadRow, cause, key, known, parse, text};
use crate::{
    domain::{
        Call, Direction, Sound, Stage, UnixMs,
        call::{HeldBy, Times},
    },
    store::schema::calls,
};

/// A row of `calls`. `on_air_seconds`, `duration_seconds`, `room_name` and `cause_text` follow from
/// the rest: they are there for people and reports.
#[derive(
    Clone,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    Queryable,
    Selectable,
    Insertable,
    AsChangeset,
)]
#[diesel(table_name = calls, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct CallRow {
    id: String,
    show_id: Option<String>,
    episode_id: Option<String>,
    caller_id: String,
    from_number: Option<String>,
    dialled: String,
    direction: String,
    status: String,
    room_name: Option<String>,
    point: String,
    notes: String,
    priority: i32,
    screener_id: Option<String>,
    screener_name: Option<String>,
    muted: bool,
    queued_at: i64,
    answered_at: Option<i64>,
    screening_at: Option<i64>,
    held_at: Option<i64>,
    on_air_at: Option<i64>,
    first_on_air_at: Option<i64>,
    ended_at: Option<i64>,
    on_air_ms_before: i64,
    on_air_seconds: i64,
    duration_seconds: Option<i64>,
    cause: Option<String>,
    cause_text: Option<String>,
    cause_by: Option<String>,
    twilio_call_sid: Option<String>,
    sip_call_id: Option<String>,
    quality: Option<String>,
}

impl CallRow {
    /// The row of `call`. `first_show` says whether its show's lobby is plainly `lobby`.
    pub fn of(call: &Call, first_show: bool) -> Self {
        let times = &call.times;
        let cause = call.cause.as_ref();
        Self {
            id: call.id.to_string(),
            show_id: call.show_id.map(|id| id.to_string()),
            episode_id: call.episode_id.map(|id| id.to_string()),
            caller_id: call.caller_id.to_string(),
            from_number: call.from.as_deref().map(key),
            dialled: key(&call.dialled),
            direction: call.direction.label().to_owned(),
            status: call.stage.label().to_owned(),
            room_name: call.room(first_show).map(|room| room.to_string()),
            point: text(&call.point),
            notes: text(&call.notes),
            priority: call.priority,
            screener_id: call
                .screener
                .as_ref()
                .map(|screener| screener.id.to_string()),
            screener_name: call.screener.as_ref().map(|screener| key(&screener.name)),
            muted: call.muted,
            queued_at: times.queued.0,
            answered_at: times.answered.map(|at| at.0),
            screening_at: times.screening.map(|at| at.0),
            held_at: times.held.map(|at| at.0),
            on_air_at: times.on_air.map(|at| at.0),
            first_on_air_at: times.first_on_air.map(|at| at.0),
            ended_at: times.ended.map(|at| at.0),
            on_air_ms_before: times.on_air_ms_before,
            on_air_seconds: call.on_air_seconds(times.ended.or(times.on_air).unwrap_or_default()),
            duration_seconds: times.ended.map(|ended| call.duration_seconds(ended)),
            cause: cause.map(|cause| key(&cause.label())),
            cause_text: cause.map(|cause| text(&cause.in_words())),
            cause_by: cause.and_then(|cause| cause.by()).map(key),
            twilio_call_sid: call.twilio_call_sid.as_deref().map(key),
            sip_call_id: call.sip_call_id.as_deref().map(key),
            quality: call.quality.clone(),
        }
    }

    /// Whether the call is over.
    pub(in crate::store) fn is_completed(&self) -> bool {
        self.status == Stage::Completed.label()
    }

    /// The row's key.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The same call without Twilio's name for it.
    pub(in crate::store) fn without_twilio_call_sid(mut self) -> Self {
        self.twilio_call_sid = None;
        self
    }
}

impl TryFrom<CallRow> for Call {
    type Error = BadRow;

    fn try_from(row: CallRow) -> Result<Self, BadRow> {
        let id = row.id.as_str();
        let times = Times {
            queued: UnixMs(row.queued_at),
            answered: row.answered_at.map(UnixMs),
            screening: row.screening_at.map(UnixMs),
            held: row.held_at.map(UnixMs),
            on_air: row.on_air_at.map(UnixMs),
            first_on_air: row.first_on_air_at.map(UnixMs),
            ended: row.ended_at.map(UnixMs),
            on_air_ms_before: row.on_air_ms_before,
        };
        let screener = match (&row.screener_id, row.screener_name) {
            (Some(screener), Some(name)) => Some(HeldBy {
                id: parse(screener, id, "screener_id")?,
                name,
            }),
            (None, _) | (_, None) => None,
        };
        let cause = row
            .cause
            .map(|label| known(cause::read(&label, row.cause_by), id, "cause"));
        Ok(Self {
            id: parse(id, id, "id")?,
            show_id: row
                .show_id
                .map(|show| parse(&show, id, "show_id"))
                .transpose()?,
            episode_id: row
                .episode_id
                .map(|episode| parse(&episode, id, "episode_id"))
                .transpose()?,
            caller_id: parse(&row.caller_id, id, "caller_id")?,
            from: row.from_number,
            stage: known(Stage::from_label(&row.status), id, "status")?,
            dialled: row.dialled,
            direction: known(direction(&row.direction), id, "direction")?,
            previous_call_at: None,
            point: row.point,
            notes: row.notes,
            priority: row.priority,
            screener,
            muted: row.muted,
            sound: Sound::default(),
            times,
            cause: cause.transpose()?,
            twilio_call_sid: row.twilio_call_sid,
            sip_call_id: row.sip_call_id,
            line_up: false,
            quality: row.quality,
            consent: None,
            consent_entries: 0,
            transfer: None,
            by_voice_api: false,
        })
    }
}

fn direction(label: &str) -> Option<Direction> {
    [Direction::Inbound, Direction::Outbound]
        .into_iter()
        .find(|direction| direction.label() == label)
}
