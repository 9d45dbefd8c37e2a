//! Operators' presses: checked against the policy and the table, then carried out to the end or not at all.

use serde::Serialize;

use crate::domain::{
    caller,
    cause::Cause,
    command::{Card, Command},
    desk::Desk,
    effect::Effect,
    ids::{CallId, EpisodeId},
    operator::Operator,
    policy,
    refusal::Refusal,
    room::RoomName,
    show::EpisodeStatus,
    stage::{Move, Stage},
    time::UnixMs,
};

/// What a carried-out command gives back to who pressed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// The call it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_id: Option<CallId>,
    /// The room to join now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
}

impl Command {
    fn about_call(&self) -> Option<CallId> {
        match self {
            Self::PickUp { call_id }
            | Self::Approve { call_id, .. }
            | Self::BackToLobby { call_id }
            | Self::UpdateCard { call_id, .. }
            | Self::SetNext { call_id, .. }
            | Self::Reorder { call_id, .. }
            | Self::PutOnAir { call_id }
            | Self::PutOnHold { call_id }
            | Self::SetMuted { call_id, .. }
            | Self::SetGain { call_id, .. }
            | Self::SetDenoise { call_id, .. }
            | Self::Drop { call_id }
            | Self::BlockCaller { call_id }
            | Self::CallBack { call_id, .. }
            | Self::RecordConsent { call_id }
            | Self::WithdrawConsent { call_id }
            | Self::Transfer { call_id, .. } => Some(*call_id),
            Self::Dial { .. }
            | Self::PickUpNext { .. }
            | Self::Next { .. }
            | Self::StartShow { .. }
            | Self::EndShow { .. }
            | Self::OpenLines { .. }
            | Self::SetDucking { .. }
            | Self::ResetLoudness { .. }
            | Self::CloseLines { .. }
            | Self::BusyAll { .. } => None,
        }
    }
}

impl Desk {
    /// Carries out a press, or refuses it and changes nothing.
    ///
    /// # Errors
    /// [`Refusal`] with a sentence for the operator.
    pub fn command(
        &mut self,
        now: UnixMs,
        by: &Operator,
        command: &Command,
    ) -> Result<Reply, Refusal> {
        let call = command.about_call();
        let about = call.and_then(|id| self.calls.get(&id));
        let stage = about.map(|call| call.stage);
        let has_it = about.is_some_and(|call| {
            let held = call.screener.as_ref();
            call.stage == Stage::Screening && held.is_some_and(|held| held.id == by.id)
        });
        policy::allows(by, command, stage, has_it)?;
        let mut reply = Reply {
            call_id: call,
            room: None,
        };
        match command {
            Command::PickUp { call_id } => {
                self.step(now, by, *call_id, Move::PickUp)?;
                reply.room = self.screening_room(*call_id);
            }
            Command::PickUpNext { episode_id } => {
                let longest = self.longest_waiting(*episode_id)?;
                self.step(now, by, longest, Move::PickUp)?;
                reply = Reply {
                    call_id: Some(longest),
                    room: self.screening_room(longest),
                };
            }
            Command::Approve { call_id, next } => {
                self.step(now, by, *call_id, Move::Approve)?;
                if *next {
                    self.set_next(*call_id, true)?;
                }
            }
            Command::BackToLobby { call_id } => self.step(now, by, *call_id, Move::BackToLobby)?,
            Command::UpdateCard { call_id, card } => self.update_card(*call_id, card)?,
            Command::SetNext { call_id, next } => self.set_next(*call_id, *next)?,
            Command::Reorder { call_id, before } => self.reorder(*call_id, *before)?,
            Command::PutOnAir { call_id } => self.step(now, by, *call_id, Move::PutOnAir)?,
            Command::PutOnHold { call_id } => self.step(now, by, *call_id, Move::PutOnHold)?,
            Command::Next { episode_id } => {
                reply.call_id = Some(self.take_next(now, by, *episode_id)?)
            }
            Command::SetMuted { call_id, muted } => self.set_muted(now, by, *call_id, *muted)?,
            Command::SetGain { call_id, gain_db } => self.set_gain(*call_id, *gain_db)?,
            Command::SetDenoise { call_id, denoise } => self.set_denoise(*call_id, *denoise)?,
            Command::Drop { call_id } => self.step(now, by, *call_id, Move::End)?,
            Command::BlockCaller { call_id } => self.block(now, by, *call_id)?,
            Command::Dial { .. } => reply = self.dial(now, by, command)?,
            Command::CallBack { call_id, ids } => {
                let past = self.known_call(*call_id)?.clone();
                reply = self.call_back(now, by, &past, *ids)?;
            }
            Command::RecordConsent { call_id } => self.record_consent(now, by, *call_id)?,
            Command::WithdrawConsent { call_id } => self.withdraw_consent(now, by, *call_id)?,
            Command::Transfer { call_id, target } => self.transfer(now, by, *call_id, target)?,
            Command::StartShow { episode_id } => self.start_show(now, *episode_id)?,
            Command::EndShow { episode_id } => self.end_show(now, *episode_id)?,
            Command::OpenLines { episode_id } => self.set_lines(*episode_id, true)?,
            Command::CloseLines { episode_id } => self.set_lines(*episode_id, false)?,
            Command::BusyAll { episode_id, busy } => self.set_busy_all(*episode_id, *busy)?,
            Command::SetDucking {
                episode_id,
                ducking,
            } => self.set_ducking(*episode_id, *ducking)?,
            Command::ResetLoudness { episode_id } => self.reset_loudness(*episode_id)?,
        }
        Ok(reply)
    }

    fn longest_waiting(&self, episode: EpisodeId) -> Result<CallId, Refusal> {
        self.known_episode(episode)?;
        self.lobby(episode)
            .into_iter()
            .find(|call| !call.ringing())
            .map(|call| call.id)
            .ok_or_else(|| Refusal::Conflict("Nobody is waiting.".into()))
    }

    fn screening_room(&self, id: CallId) -> Option<String> {
        let call = self.calls.get(&id)?;
        Some(RoomName::Screening(call.episode_id?, id).to_string())
    }

    fn update_card(&mut self, id: CallId, card: &Card) -> Result<(), Refusal> {
        let bounds = [
            (&card.name, "name", caller::limits::NAME),
            (&card.location, "location", caller::limits::NAME),
            (&card.point, "point", caller::limits::POINT),
            (&card.notes, "notes", caller::limits::NOTES),
            (
                &card.caller_notes,
                "notes on the caller",
                caller::limits::NOTES,
            ),
        ];
        for (text, what, limit) in bounds {
            if text
                .as_ref()
                .is_some_and(|text| text.chars().count() > limit)
            {
                return Err(Refusal::Invalid(format!(
                    "The {what} may have at most {limit} characters."
                )));
            }
        }
        let call = self.calls.get_mut(&id);
        let call =
            call.ok_or_else(|| Refusal::NotFound("There is no such call, or it is over.".into()))?;
        let replace = |slot: &mut String, text: &Option<String>| {
            if let Some(text) = text {
                slot.clone_from(text);
            }
        };
        replace(&mut call.point, &card.point);
        replace(&mut call.notes, &card.notes);
        let caller_id = call.caller_id;
        self.touch_call(id);
        if let Some(caller) = self.callers.get_mut(&caller_id) {
            replace(&mut caller.name, &card.name);
            replace(&mut caller.location, &card.location);
            replace(&mut caller.notes, &card.caller_notes);
            caller.vip = card.vip.unwrap_or(caller.vip);
            self.touched.callers.insert(caller_id);
        }
        Ok(())
    }

    fn set_muted(
        &mut self,
        now: UnixMs,
        by: &Operator,
        id: CallId,
        muted: bool,
    ) -> Result<(), Refusal> {
        let stage = self.known_call(id)?.stage;
        if stage != Stage::OnAir {
            return Err(Refusal::Conflict(format!(
                "This caller is {}, not on air.",
                stage.in_words()
            )));
        }
        if let Some(call) = self.calls.get_mut(&id) {
            call.muted = muted;
        }
        self.touch_call(id);
        self.note(
            id,
            now,
            if muted { "muted" } else { "unmuted" },
            Some(by.id),
            String::new(),
        );
        self.effects.push(Effect::SetMuted { call: id, muted });
        Ok(())
    }

    fn block(&mut self, now: UnixMs, by: &Operator, id: CallId) -> Result<(), Refusal> {
        let call = self.known_call(id)?;
        let caller_id = call.caller_id;
        if call.stage == Stage::OnAir {
            return Err(Refusal::Conflict(
                "This caller is on air; take them off first.".into(),
            ));
        }
        let Some(caller) = self
            .callers
            .get_mut(&caller_id)
            .filter(|caller| caller.number.is_some())
        else {
            return Err(Refusal::Conflict(
                "This number is withheld and cannot be blocked. Drop the call instead.".into(),
            ));
        };
        caller.blocked = true;
        self.touched.callers.insert(caller_id);
        self.end(now, id, Cause::Blocked, Some(by.id), true);
        Ok(())
    }

    fn start_show(&mut self, now: UnixMs, id: EpisodeId) -> Result<(), Refusal> {
        let episode = self.known_episode(id)?;
        if episode.status != EpisodeStatus::Scheduled {
            return Err(Refusal::Conflict(
                "This episode has already been on.".into(),
            ));
        }
        let other = self
            .episodes
            .values()
            .find(|other| other.show_id == episode.show_id && other.status == EpisodeStatus::Live);
        if let Some(other) = other {
            return Err(Refusal::Conflict(format!(
                "Episode {} of this show is still on. End it first.",
                other.number
            )));
        }
        if let Some(episode) = self.episodes.get_mut(&id) {
            episode.status = EpisodeStatus::Live;
            episode.started_at = Some(now);
        }
        self.touched.episodes.insert(id);
        self.effects.push(Effect::OpenStudio(id));
        if self
            .episodes
            .get(&id)
            .is_some_and(|episode| !episode.ducking)
        {
            self.effects.push(Effect::SetDucking {
                episode: id,
                ducking: false,
            });
        }
        Ok(())
    }

    fn set_lines(&mut self, id: EpisodeId, open: bool) -> Result<(), Refusal> {
        let status = self.known_episode(id)?.status;
        if status == EpisodeStatus::Ended || (open && status != EpisodeStatus::Live) {
            return Err(Refusal::Conflict(
                "Lines can be opened only while the episode is on. Go live first.".into(),
            ));
        }
        if let Some(episode) = self.episodes.get_mut(&id) {
            episode.lines_open = open;
        }
        self.touched.episodes.insert(id);
        Ok(())
    }

    fn set_busy_all(&mut self, id: EpisodeId, busy: bool) -> Result<(), Refusal> {
        self.known_episode(id)?;
        if let Some(episode) = self.episodes.get_mut(&id) {
            episode.busy_all = busy;
        }
        self.touched.episodes.insert(id);
        Ok(())
    }
}
