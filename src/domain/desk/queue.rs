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
};

fn place(index: usize) -> Option<u16> {
    u16::try_from(index + 1).ok()
}

impl Desk {
    /// Calls of the episode's lobby, the next to be picked up first.
    pub fn lobby(&self, episode: EpisodeId) -> Vec<&Call> {
        let mut waiting: Vec<&Call> = self
            .calls
            .values()
            .filter(|call| call.episode_id == Some(episode) && call.stage == Stage::Queued)
            .collect();
        waiting.sort_by_key(|call| (-call.priority, call.times.queued, call.id));
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

    pub(super) fn position(&self, episode: &Episode, call: &Call) -> Option<u16> {
        match call.stage {
            Stage::Queued => self
                .lobby(episode.id)
                .iter()
                .position(|other| other.id == call.id)
                .and_then(place),
            Stage::OnHold => episode
                .hold_order
                .iter()
                .position(|&id| id == call.id)
                .and_then(place),
            Stage::Screening | Stage::OnAir | Stage::Completed => None,
        }
    }

    /// Compares every call's place and mark with what was last published; tells waiting callers their new place.
    pub(super) fn settle_standings(&mut self) -> Vec<CallId> {
        let mut standings: BTreeMap<CallId, (Option<u16>, bool)> = BTreeMap::new();
        for episode in self.episodes.values() {
            let lobby = self.lobby(episode.id).into_iter().map(|call| call.id);
            for (index, id) in lobby.enumerate() {
                standings.insert(id, (place(index), false));
            }
            for (index, &id) in episode.hold_order.iter().enumerate() {
                standings.insert(id, (place(index), episode.next == Some(id)));
            }
        }
        let mut moved = Vec::new();
        for (&id, &(position, next)) in &standings {
            if self.standings.get(&id) == Some(&(position, next)) {
                continue;
            }
            moved.push(id);
            let queued = self
                .calls
                .get(&id)
                .is_some_and(|call| call.stage == Stage::Queued);
            if let (true, Some(position)) = (queued, position) {
                self.effects
                    .push(Effect::SetPosition { call: id, position });
            }
        }
        self.standings = standings;
        moved
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
