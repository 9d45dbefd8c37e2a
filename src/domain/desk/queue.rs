//! Orders of waiting: the lobby by priority and arrival, the hold queue as the screener and the host arrange it.

use std::collections::BTreeMap;

use crate::domain::{
    call::Call,
    desk::Desk,
    effect::Effect,
    ids::{CallId, EpisodeId},
    refusal::Refusal,
    show::Episode,
    stage::Stage,
    time::UnixMs,
};

/// Where a call stands in the queue of its episode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stand {
    /// From 1; `None` where nobody waits.
    pub(super) place: Option<u16>,
    /// Whose lobby, where the queue is one.
    pub(super) lobby: Option<EpisodeId>,
    /// The designated next caller.
    pub(super) next: bool,
}

/// What changed in the queues.
#[derive(Debug, Default)]
pub(super) struct Moved {
    /// Calls that are the designated next now, or no longer.
    pub(super) marked: Vec<CallId>,
    /// New places.
    pub(super) places: Vec<(CallId, u16)>,
}

fn place(index: usize) -> Option<u16> {
    u16::try_from(index + 1).ok()
}

/// The lobby's order: by priority, then by arrival.
fn turn(call: &Call) -> (i32, UnixMs, CallId) {
    (-call.priority, call.times.queued, call.id)
}

impl Desk {
    /// Calls of the episode's lobby, the next to be picked up first.
    pub fn lobby(&self, episode: EpisodeId) -> Vec<&Call> {
        let mut waiting: Vec<&Call> = self
            .calls
            .values()
            .filter(|call| call.episode_id == Some(episode) && call.stage == Stage::Queued)
            .collect();
        waiting.sort_by_key(|call| turn(call));
        waiting
    }

    /// Who Next would take: the designated caller, else the first of the hold queue who may go on air. Whom we called and who
    /// was not told is passed over, so that the callers behind them need not wait; designated, they are refused by name.
    pub(super) fn next_caller(&self, episode: &Episode) -> Result<CallId, Refusal> {
        let held = |id: &CallId| self.calls.get(id);
        if let Some(designated) = episode.next.as_ref().and_then(held) {
            self.check_consent(designated)?;
            return Ok(designated.id);
        }
        let mut waiting = episode.hold_order.iter().filter_map(held).peekable();
        let first = *waiting
            .peek()
            .ok_or_else(|| Refusal::Conflict("Nobody is on hold.".into()))?;
        match waiting.find(|call| call.may_be_aired()) {
            Some(call) => Ok(call.id),
            None => self.check_consent(first).map(|()| first.id),
        }
    }

    /// Finds every call's standing anew, in one pass over the calls and one over the queues, and compares it with what was last
    /// published; tells waiting callers their new place.
    pub(super) fn settle_standings(&mut self) -> Moved {
        let standings = self.standings_now();
        let mut moved = Moved::default();
        let mut told: BTreeMap<EpisodeId, Vec<(CallId, u16)>> = BTreeMap::new();
        for &(id, standing) in &standings {
            let before = self.standing_of(id);
            if before.next != standing.next {
                moved.marked.push(id);
            }
            if (before.place, before.lobby) == (standing.place, standing.lobby) {
                continue;
            }
            let Some(place) = standing.place else {
                continue;
            };
            moved.places.push((id, place));
            if let Some(episode) = standing.lobby {
                told.entry(episode).or_default().push((id, place));
            }
        }
        self.standings = standings;
        let told = told.into_iter();
        self.effects
            .extend(told.map(|(episode, places)| Effect::SetPlaces { episode, places }));
        moved
    }

    /// What was last published of a call; by default it stands nowhere.
    pub(super) fn standing_of(&self, call: CallId) -> Stand {
        self.standings
            .binary_search_by_key(&call, |&(id, _)| id)
            .ok()
            .and_then(|at| self.standings.get(at))
            .map_or_else(Stand::default, |&(_, standing)| standing)
    }

    fn standings_now(&self) -> Vec<(CallId, Stand)> {
        let queued = |call: &&Call| call.stage == Stage::Queued;
        let mut lobbies: BTreeMap<EpisodeId, Vec<&Call>> = BTreeMap::new();
        for call in self.calls.values().filter(queued) {
            if let Some(episode) = call.episode_id {
                lobbies.entry(episode).or_default().push(call);
            }
        }
        let mut standings = Vec::with_capacity(self.calls.len());
        for (&episode, lobby) in &mut lobbies {
            lobby.sort_by_key(|call| turn(call));
            standings.extend(lobby.iter().enumerate().map(|(index, call)| {
                let stand = Stand {
                    place: place(index),
                    lobby: Some(episode),
                    next: false,
                };
                (call.id, stand)
            }));
        }
        for episode in self.episodes.values() {
            let held = episode.hold_order.iter().enumerate();
            standings.extend(held.map(|(index, &id)| {
                let stand = Stand {
                    place: place(index),
                    lobby: None,
                    next: episode.next == Some(id),
                };
                (id, stand)
            }));
        }
        standings.sort_unstable_by_key(|&(id, _)| id);
        standings
    }

    pub(super) fn join_hold_queue(&mut self, episode: EpisodeId, call: CallId) {
        if let Some(episode) = self.episodes.get_mut(&episode) {
            episode.hold_order.retain(|&id| id != call);
            episode.hold_order.push(call);
        }
    }

    pub(super) fn leave_queue(&mut self, episode: EpisodeId, call: CallId) {
        if let Some(episode) = self.episodes.get_mut(&episode) {
            episode.hold_order.retain(|&id| id != call);
            if episode.next == Some(call) {
                episode.next = None;
            }
        }
    }

    pub(super) fn set_next(&mut self, call: CallId, next: bool) -> Result<(), Refusal> {
        let episode = self.held_episode(call)?;
        if let Some(episode) = self.episodes.get_mut(&episode) {
            if next {
                episode.next = Some(call);
            } else if episode.next == Some(call) {
                episode.next = None;
            }
        }
        Ok(())
    }

    pub(super) fn reorder(&mut self, call: CallId, before: Option<CallId>) -> Result<(), Refusal> {
        let episode = self.held_episode(call)?;
        if let Some(other) = before
            && (other == call || self.held_episode(other)? != episode)
        {
            return Err(Refusal::Conflict(
                "That caller is not in the same queue.".into(),
            ));
        }
        if let Some(episode) = self.episodes.get_mut(&episode) {
            episode.hold_order.retain(|&id| id != call);
            let at = before
                .and_then(|other| episode.hold_order.iter().position(|&id| id == other))
                .unwrap_or(episode.hold_order.len());
            episode.hold_order.insert(at, call);
        }
        Ok(())
    }

    fn held_episode(&self, call: CallId) -> Result<EpisodeId, Refusal> {
        let call = self.known_call(call)?;
        match (call.stage, call.episode_id) {
            (Stage::OnHold, Some(episode)) => Ok(episode),
            (stage, _) => Err(Refusal::Conflict(format!(
                "Only a caller on hold has a place in the queue; this one is {}.",
                stage.in_words()
            ))),
        }
    }
}
