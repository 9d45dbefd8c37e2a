//! Moves between rooms: what each stage does to the call's times, the queues and the rooms' limits.

use crate::domain::{
    call::{Call, Direction, HeldBy},
    cause::Cause,
    desk::Desk,
    effect::Effect,
    ids::{CallId, EpisodeId, OperatorId},
    operator::{Operator, Role},
    refusal::Refusal,
    room::RoomName,
    show::{EpisodeStatus, NextPolicy},
    stage::{Move, Stage},
    time::UnixMs,
};

impl Desk {
    /// Checks the table and the limits, then moves the call.
    pub(super) fn step(
        &mut self,
        now: UnixMs,
        by: &Operator,
        id: CallId,
        step: Move,
    ) -> Result<(), Refusal> {
        let call = self.known_call(id)?;
        let from = call.stage;
        let taken = call
            .screener
            .as_ref()
            .filter(|held| from == Stage::Screening && held.id != by.id);
        if let (Some(held), Move::PickUp | Move::Approve | Move::BackToLobby | Move::End) =
            (taken, step)
            && !(step != Move::PickUp && matches!(by.role, Role::Producer | Role::Admin))
        {
            return Err(Refusal::Conflict(format!("{} has this caller.", held.name)));
        }
        let Some(to) = from.after(step) else {
            return Err(Refusal::Conflict(format!(
                "This caller is {} and cannot be {}.",
                from.in_words(),
                step.in_words()
            )));
        };
        if matches!(step, Move::Approve | Move::BackToLobby) && call.ringing() {
            return Err(Refusal::Conflict(
                "Nobody has answered this call yet.".into(),
            ));
        }
        if step == Move::PutOnAir {
            self.check_consent(call)?;
        }
        if step == Move::PickUp && call.ringing() {
            return Err(Refusal::Conflict(
                "The line is still ringing; it will be answered in a moment.".into(),
            ));
        }
        let Some(episode) = call.episode_id else {
            return Err(Refusal::Conflict(
                "This caller is hearing that no show is on air.".into(),
            ));
        };
        if step == Move::End {
            self.end(
                now,
                id,
                Cause::Dropped {
                    by: by.name.clone(),
                },
                Some(by.id),
                true,
            );
            return Ok(());
        }
        self.room_for(episode, to)?;
        self.enter(now, id, to, Some(by));
        Ok(())
    }

    fn room_for(&self, episode: EpisodeId, to: Stage) -> Result<(), Refusal> {
        let limits = self.settings.limits;
        let full = match to {
            Stage::OnHold => self.count(episode, Stage::OnHold) >= limits.hold,
            Stage::OnAir => {
                let browsers = self.people_in(RoomName::Live(episode)).count();
                self.count(episode, Stage::OnAir) + browsers >= limits.live
            }
            Stage::Queued | Stage::Screening | Stage::Completed => false,
        };
        if full {
            let (room, limit) = if to == Stage::OnHold {
                ("hold", limits.hold)
            } else {
                ("live", limits.live)
            };
            return Err(Refusal::Conflict(format!(
                "The {room} room is full ({limit}). The caller stays where they are."
            )));
        }
        Ok(())
    }

    pub(super) fn count(&self, episode: EpisodeId, stage: Stage) -> usize {
        self.calls
            .values()
            .filter(|call| call.episode_id == Some(episode) && call.stage == stage)
            .count()
    }

    /// Moves the call; the table and the limits have been asked.
    pub(super) fn enter(&mut self, now: UnixMs, id: CallId, to: Stage, by: Option<&Operator>) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let Some(episode) = call.episode_id else {
            return;
        };
        let from = call.stage;
        call.stage = to;
        if let Some(since) = call.times.on_air.take() {
            call.times.on_air_ms_before += now.since(since);
        }
        let unmuted = std::mem::replace(&mut call.muted, false);
        let denoise = call.sound.denoise;
        let what = match to {
            Stage::Screening => {
                call.times.screening = Some(now);
                call.screener = by.map(|by| HeldBy {
                    id: by.id,
                    name: by.name.clone(),
                });
                "picked-up"
            }
            Stage::OnHold => {
                call.times.held = Some(now);
                if from == Stage::Screening {
                    "approved"
                } else {
                    "on-hold"
                }
            }
            Stage::OnAir => {
                call.times.on_air = Some(now);
                call.times.first_on_air.get_or_insert(now);
                "on-air"
            }
            Stage::Queued => "back-to-lobby",
            Stage::Completed => "ended",
        };
        let show = call.show_id.and_then(|show| self.shows.get(&show));
        let Some(room) = call.room(show.is_some_and(|show| show.first)) else {
            return;
        };
        self.leave_queue(episode, id);
        if to == Stage::OnHold {
            self.join_hold_queue(episode, id);
        }
        self.touch_call(id);
        self.note(id, now, what, by.map(|by| by.id), String::new());
        self.effects.push(Effect::Place {
            call: id,
            stage: to,
            room,
        });
        // Not before they have left the room in which they were muted.
        if unmuted {
            self.effects.push(Effect::SetMuted {
                call: id,
                muted: false,
            });
        }
        if denoise && (from == Stage::OnAir) != (to == Stage::OnAir) {
            self.denoise_on_air(id, to == Stage::OnAir);
        }
        if from == Stage::Screening {
            self.effects
                .push(Effect::CloseRoom(RoomName::Screening(episode, id)));
        }
    }

    /// Drops or holds who is on air and takes the next caller.
    pub(super) fn take_next(
        &mut self,
        now: UnixMs,
        by: &Operator,
        episode: EpisodeId,
    ) -> Result<CallId, Refusal> {
        let known = self.known_episode(episode)?;
        let policy = self
            .shows
            .get(&known.show_id)
            .map_or(NextPolicy::Drop, |show| show.next_policy);
        let next = self.next_caller(known)?;
        let on_air: Vec<CallId> = self
            .calls
            .values()
            .filter(|call| call.episode_id == Some(episode) && call.stage == Stage::OnAir)
            .map(|call| call.id)
            .collect();
        if on_air.is_empty() {
            self.room_for(episode, Stage::OnAir)?;
        }
        for id in on_air {
            match policy {
                NextPolicy::Drop => self.end(
                    now,
                    id,
                    Cause::Dropped {
                        by: by.name.clone(),
                    },
                    Some(by.id),
                    true,
                ),
                NextPolicy::Hold => self.enter(now, id, Stage::OnHold, Some(by)),
            }
        }
        self.enter(now, next, Stage::OnAir, Some(by));
        Ok(next)
    }

    pub(super) fn end_show(&mut self, now: UnixMs, id: EpisodeId) -> Result<(), Refusal> {
        let episode = self.known_episode(id)?;
        if episode.status != EpisodeStatus::Live {
            return Err(Refusal::Conflict("This episode is not on the air.".into()));
        }
        let calls: Vec<CallId> = self
            .open_calls()
            .filter(|call| call.episode_id == Some(id))
            .map(|call| call.id)
            .collect();
        for call in calls {
            self.end(now, call, Cause::ShowEnded, None, true);
        }
        if let Some(episode) = self.episodes.get_mut(&id) {
            episode.status = EpisodeStatus::Ended;
            episode.lines_open = false;
            episode.ended_at = Some(now);
            episode.next = None;
            episode.hold_order.clear();
        }
        self.touched.episodes.insert(id);
        self.effects.push(Effect::CloseStudio(id));
        Ok(())
    }

    /// A browser joined a room. An identity may join anew before its former participant is gone: `sid` tells them apart.
    pub fn browser_joined(&mut self, room: RoomName, sid: &str, identity: &str) {
        self.present
            .entry(room)
            .or_default()
            .insert(sid.to_owned(), identity.to_owned());
    }

    /// A browser left a room.
    pub fn browser_left(&mut self, room: RoomName, sid: &str) {
        if let Some(people) = self.present.get_mut(&room) {
            people.remove(sid);
            if people.is_empty() {
                self.present.remove(&room);
            }
        }
    }

    /// An operator's last dashboard went away, or the first came back.
    pub fn operator_connected(&mut self, now: UnixMs, operator: OperatorId, connected: bool) {
        if connected {
            self.away.remove(&operator);
        } else {
            self.away.insert(operator, now);
        }
    }

    /// When [`Desk::handle_timeout`] has something to do next, and why.
    pub fn poll_timeout(&self) -> Option<(UnixMs, &'static str)> {
        let away = self.away.values().map(|since| {
            (
                since.plus_ms(self.settings.screener_away_ms_max),
                "screener away",
            )
        });
        let unanswered = self.open_calls().filter_map(|call| {
            let due = call.times.queued.plus_ms(self.patience_ms(call)?);
            Some((due, "call is not there"))
        });
        let transfer = self
            .next_transfer_timeout()
            .map(|due| (due, "transfer without outcome"));
        away.chain(unanswered).chain(transfer).min()
    }

    /// How long a call that is not there yet may take, in milliseconds; `None` when it is there.
    fn patience_ms(&self, call: &Call) -> Option<i64> {
        match call.direction {
            Direction::Inbound => call
                .sip_call_id
                .is_none()
                .then_some(self.settings.arrival_ms_max),
            Direction::Outbound => call.ringing().then_some(self.calls_out.ring_ms_max),
        }
    }

    /// Sends callers of screeners who stayed away back to the lobby; closes rows of calls that never came, and gives up those
    /// that nobody answers.
    pub fn handle_timeout(&mut self, now: UnixMs) {
        let settings = self.settings;
        let gone: Vec<OperatorId> = self
            .away
            .iter()
            .filter(|(_, since)| now.since(**since) >= settings.screener_away_ms_max)
            .map(|(id, _)| *id)
            .collect();
        self.away.retain(|id, _| !gone.contains(id));
        let orphans: Vec<CallId> = self
            .open_calls()
            .filter(|call| call.stage == Stage::Screening)
            .filter(|call| {
                call.screener
                    .as_ref()
                    .is_some_and(|held| gone.contains(&held.id))
            })
            .map(|call| call.id)
            .collect();
        for id in orphans {
            if self.calls.get(&id).is_some_and(Call::ringing) {
                self.end(now, id, Cause::DiallerLeft, None, true);
            } else {
                self.enter(now, id, Stage::Queued, None);
            }
        }
        let late: Vec<(CallId, Direction)> = self
            .open_calls()
            .filter(|call| {
                self.patience_ms(call)
                    .is_some_and(|most| now.since(call.times.queued) >= most)
            })
            .map(|call| (call.id, call.direction))
            .collect();
        for (id, direction) in late {
            match direction {
                Direction::Inbound => self.end(now, id, Cause::NeverArrived, None, false),
                Direction::Outbound => self.end(now, id, Cause::NoAnswer, None, true),
            }
        }
        self.forget_old_transfers(now);
    }
}
