//! `Desk`: every show of the station, decided in one place.
//!
//! ```text
//! arrive / answered / command / gone / presence  ->  Desk  ->  drain(): effects, changed entities, events
//! ```
//! One input is handled to its end before the next; the shell then drains once, so that dashboards, books and rooms all see
//! the same picture. Limits: rooms by [`Limits`]; completed calls kept per live episode, [`COMPLETED_KEPT`].

mod arrivals;
mod calls_out;
mod commands;
mod consent;
mod moderation;
mod moves;
mod queue;
mod sound;
mod station;
#[cfg(test)]
mod tests;
mod transfer;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::domain::{
    call::{Call, Direction},
    caller::Caller,
    calls_out::CallsOut,
    cause::Cause,
    effect::{CallEvent, ConsentEntry, Effect},
    ids::{CallId, CallerId, EpisodeId, OperatorId, ShowId},
    refusal::Refusal,
    room::{Limits, RoomName},
    show::{Episode, EpisodeStatus, Show},
    sound::Mixing,
    stage::Stage,
    time::UnixMs,
    view::{CallView, EpisodeView, ShowView, Standing},
};

pub use arrivals::Arrival;
pub use calls_out::LEG_FAILED;
pub use commands::Reply;
pub use station::{EpisodePlan, ShowPlan};

/// Completed calls of a live episode that stay in memory for the dashboards.
pub const COMPLETED_KEPT: usize = 20;

/// What the station decides once.
#[derive(Clone, Copy, Debug)]
pub struct DeskSettings {
    /// Room limits.
    pub limits: Limits,
    /// How long a screener may be away from the dashboard before the caller goes back to the lobby, in milliseconds.
    pub screener_away_ms_max: i64,
    /// How long a call announced by the webhook may take to arrive by SIP, in milliseconds.
    pub arrival_ms_max: i64,
    /// How shows sound.
    pub mixing: Mixing,
}

impl Default for DeskSettings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            screener_away_ms_max: 30_000,
            arrival_ms_max: 60_000,
            mixing: Mixing::default(),
        }
    }
}

/// What came of the inputs since the last drain.
#[derive(Debug, Default)]
pub struct Drained {
    /// Orders to the shell, in order.
    pub effects: Vec<Effect>,
    /// Shows to publish and to write.
    pub shows: Vec<Show>,
    /// Episodes to publish and to write.
    pub episodes: Vec<Episode>,
    /// Callers to write.
    pub callers: Vec<Caller>,
    /// Calls to write.
    pub calls: Vec<Call>,
    /// Calls to publish whole ([`Desk::views_of`]): those written, and those that are the designated next now or no longer.
    pub published: Vec<CallId>,
    /// Places in a queue to publish, of calls of which nothing else changed.
    pub places: Vec<(CallId, u16)>,
    /// History to write.
    pub events: Vec<CallEvent>,
    /// Consents to write.
    pub consents: Vec<ConsentEntry>,
    /// Calls that dashboards should forget.
    pub removed_calls: Vec<CallId>,
    /// Episodes that dashboards should forget.
    pub removed_episodes: Vec<EpisodeId>,
}

#[derive(Clone, Default)]
struct Touched {
    shows: BTreeSet<ShowId>,
    episodes: BTreeSet<EpisodeId>,
    callers: BTreeSet<CallerId>,
    calls: BTreeSet<CallId>,
}

/// Every show of the station with its episodes, calls and callers.
#[derive(Clone)]
pub struct Desk {
    settings: DeskSettings,
    shows: BTreeMap<ShowId, Show>,
    episodes: BTreeMap<EpisodeId, Episode>,
    calls: BTreeMap<CallId, Call>,
    callers: HashMap<CallerId, Caller>,
    by_number: HashMap<String, CallerId>,
    last_episode_number: BTreeMap<ShowId, i32>,
    /// Browsers in each room: LiveKit participant sid to identity.
    present: BTreeMap<RoomName, BTreeMap<String, String>>,
    /// Screeners whose dashboards are gone, since when.
    away: BTreeMap<OperatorId, UnixMs>,
    calls_out: CallsOut,
    effects: Vec<Effect>,
    events: Vec<CallEvent>,
    consents: Vec<ConsentEntry>,
    touched: Touched,
    removed_calls: Vec<CallId>,
    removed_episodes: Vec<EpisodeId>,
    /// As last drained, by call.
    standings: Vec<(CallId, queue::Stand)>,
}

impl Desk {
    /// A desk without shows.
    pub fn new(settings: DeskSettings) -> Self {
        Self {
            settings,
            shows: BTreeMap::new(),
            episodes: BTreeMap::new(),
            calls: BTreeMap::new(),
            callers: HashMap::new(),
            by_number: HashMap::new(),
            last_episode_number: BTreeMap::new(),
            present: BTreeMap::new(),
            away: BTreeMap::new(),
            calls_out: CallsOut::default(),
            effects: Vec::new(),
            events: Vec::new(),
            consents: Vec::new(),
            touched: Touched::default(),
            removed_calls: Vec::new(),
            removed_episodes: Vec::new(),
            standings: Vec::new(),
        }
    }

    /// The call, while it is in memory.
    pub fn call(&self, id: CallId) -> Option<&Call> {
        self.calls.get(&id)
    }

    /// The caller.
    pub fn caller(&self, id: CallerId) -> Option<&Caller> {
        self.callers.get(&id)
    }

    /// All callers, in no order.
    pub fn callers(&self) -> impl Iterator<Item = &Caller> {
        self.callers.values()
    }

    /// The episode, unless it ended before this desk was opened.
    pub fn episode(&self, id: EpisodeId) -> Option<&Episode> {
        self.episodes.get(&id)
    }

    /// The show.
    pub fn show(&self, id: ShowId) -> Option<&Show> {
        self.shows.get(&id)
    }

    /// Room limits.
    pub fn limits(&self) -> Limits {
        self.settings.limits
    }

    /// Calls that are not over.
    pub fn open_calls(&self) -> impl Iterator<Item = &Call> {
        self.calls
            .values()
            .filter(|call| call.stage != Stage::Completed)
    }

    /// Browsers in a room, by LiveKit identity.
    pub fn people_in(&self, room: RoomName) -> impl Iterator<Item = &str> {
        self.present
            .get(&room)
            .into_iter()
            .flat_map(BTreeMap::values)
            .map(String::as_str)
    }

    /// Everything dashboards show: shows, episodes not ended, and their calls.
    pub fn views(&self) -> (Vec<ShowView>, Vec<EpisodeView>, Vec<CallView>) {
        let shows = self.shows.values().map(ShowView::from).collect();
        let episodes = self
            .episodes
            .values()
            .filter(|episode| episode.status != EpisodeStatus::Ended)
            .map(EpisodeView::from)
            .collect();
        let calls = self.calls.values().filter(|call| call.episode_id.is_some());
        (shows, episodes, calls.map(|call| self.view(call)).collect())
    }

    /// These calls as dashboards show them; of no episode, or forgotten: not at all.
    pub fn views_of(&self, calls: &[CallId]) -> Vec<CallView> {
        let calls = calls.iter().filter_map(|id| self.calls.get(id));
        let shown = calls.filter(|call| call.episode_id.is_some());
        shown.map(|call| self.view(call)).collect()
    }

    /// One call as dashboards show it.
    pub fn view(&self, call: &Call) -> CallView {
        let standing = self.standing(call);
        CallView::new(call, self.callers.get(&call.caller_id), standing)
    }

    fn standing(&self, call: &Call) -> Standing {
        let first_show = call
            .show_id
            .and_then(|id| self.shows.get(&id))
            .is_some_and(|show| show.first);
        let stand = self.standing_of(call.id);
        Standing {
            position: stand.place,
            next: stand.next,
            first_show,
        }
    }

    /// Takes what came of the inputs so far.
    pub fn drain(&mut self) -> Drained {
        let touched = std::mem::take(&mut self.touched);
        let moved = self.settle_standings();
        let mut published: BTreeSet<CallId> = touched.calls.clone();
        published.extend(moved.marked);
        published.extend(
            self.calls
                .values()
                .filter(|call| touched.callers.contains(&call.caller_id))
                .map(|call| call.id),
        );
        let mut places = moved.places;
        places.retain(|(id, _)| !published.contains(id));
        let pick = |ids: &BTreeSet<CallId>| -> Vec<&Call> {
            ids.iter().filter_map(|id| self.calls.get(id)).collect()
        };
        let calls = pick(&touched.calls).into_iter().cloned().collect();
        let drained = Drained {
            shows: touched
                .shows
                .iter()
                .filter_map(|id| self.shows.get(id))
                .cloned()
                .collect(),
            episodes: touched
                .episodes
                .iter()
                .filter_map(|id| self.episodes.get(id))
                .cloned()
                .collect(),
            callers: touched
                .callers
                .iter()
                .filter_map(|id| self.callers.get(id))
                .cloned()
                .collect(),
            calls,
            published: published.into_iter().collect(),
            places,
            effects: std::mem::take(&mut self.effects),
            events: std::mem::take(&mut self.events),
            consents: std::mem::take(&mut self.consents),
            ..Drained::default()
        };
        let is_over = |id: &CallId| {
            let call = self.calls.get(id);
            call.is_some_and(|call| call.times.ended.is_some())
        };
        if touched.calls.iter().any(is_over) || !touched.episodes.is_empty() {
            self.forget_old_calls();
        }
        Drained {
            removed_calls: std::mem::take(&mut self.removed_calls),
            removed_episodes: std::mem::take(&mut self.removed_episodes),
            ..drained
        }
    }

    /// Drops from memory what only the books need: calls over for long, calls of no episode.
    fn forget_old_calls(&mut self) {
        let mut kept: BTreeMap<Option<EpisodeId>, Vec<(UnixMs, CallId)>> = BTreeMap::new();
        for call in self.calls.values() {
            if let Some(ended) = call.times.ended.filter(|_| !call.line_up) {
                kept.entry(call.episode_id)
                    .or_default()
                    .push((ended, call.id));
            }
        }
        for (episode, mut calls) in kept {
            let live = episode
                .and_then(|id| self.episodes.get(&id))
                .is_some_and(|episode| episode.status == EpisodeStatus::Live);
            calls.sort_unstable_by(|a, b| b.cmp(a));
            for (_, id) in calls
                .into_iter()
                .skip(if live { COMPLETED_KEPT } else { 0 })
            {
                self.calls.remove(&id);
                if episode.is_some() {
                    self.removed_calls.push(id);
                }
            }
        }
        let ended = |episode: &Episode| episode.status == EpisodeStatus::Ended;
        let gone: Vec<EpisodeId> = self
            .episodes
            .values()
            .filter(|e| ended(e))
            .map(|e| e.id)
            .collect();
        for id in gone {
            if !self.calls.values().any(|call| call.episode_id == Some(id)) {
                self.episodes.remove(&id);
                self.removed_episodes.push(id);
            }
        }
    }

    fn touch_call(&mut self, id: CallId) {
        self.touched.calls.insert(id);
    }

    fn note(
        &mut self,
        call: CallId,
        at: UnixMs,
        what: &'static str,
        by: Option<OperatorId>,
        detail: String,
    ) {
        self.events.push(CallEvent {
            call,
            at,
            what,
            by,
            detail,
        });
    }

    fn known_call(&self, id: CallId) -> Result<&Call, Refusal> {
        self.calls
            .get(&id)
            .ok_or_else(|| Refusal::NotFound("There is no such call, or it is over.".into()))
    }

    fn known_episode(&self, id: EpisodeId) -> Result<&Episode, Refusal> {
        self.episodes
            .get(&id)
            .ok_or_else(|| Refusal::NotFound("There is no such episode.".into()))
    }

    /// Ends the call in the books; the shell hangs up when `hang_up` is set. Who dialled is told when nobody answered.
    fn end(
        &mut self,
        now: UnixMs,
        id: CallId,
        cause: Cause,
        by: Option<OperatorId>,
        hang_up: bool,
    ) {
        let unanswered = self
            .calls
            .get(&id)
            .filter(|call| call.direction == Direction::Outbound && call.ringing())
            .cloned();
        if let Some(call) = unanswered {
            self.tell_dialler(&call, &cause);
        }
        self.end_quietly(now, id, cause, by, hang_up);
    }

    fn end_quietly(
        &mut self,
        now: UnixMs,
        id: CallId,
        cause: Cause,
        by: Option<OperatorId>,
        hang_up: bool,
    ) {
        let Some(call) = self
            .calls
            .get_mut(&id)
            .filter(|call| call.stage != Stage::Completed)
        else {
            return;
        };
        let stage = call.stage;
        if let Some(since) = call.times.on_air.take() {
            call.times.on_air_ms_before += now.since(since);
        }
        let screening = if stage == Stage::Screening {
            call.episode_id
        } else {
            None
        };
        call.stage = Stage::Completed;
        call.transfer = None;
        call.times.ended = Some(now);
        call.cause = Some(cause.clone());
        let detail = cause.label().into_owned();
        if let Some(episode) = call.episode_id {
            self.leave_queue(episode, id);
        }
        self.note(id, now, "ended", by, detail);
        self.touch_call(id);
        if hang_up {
            self.effects.push(Effect::HangUp { call: id, cause });
        }
        if let Some(episode) = screening {
            self.effects
                .push(Effect::CloseRoom(RoomName::Screening(episode, id)));
        }
    }
}
