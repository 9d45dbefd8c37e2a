//! Calls that we make: a guest is dialled, a caller is called back.
//!
//! ```text
//! dial, call-back -> rules -> row in screening, ringing, held by who dialled -> Effect::Dial
//!                    answered -> its screening room;   busy, no answer, refused, too long -> over, and who dialled is told
//! ```

use crate::domain::{
    call::{Call, Direction, HeldBy, Times},
    caller::{Caller, limits},
    calls_out::CallsOut,
    cause::Cause,
    command::{Command, NewIds},
    desk::{Desk, Reply},
    effect::Effect,
    ids::{CallId, CallerId, EpisodeId, ShowId},
    operator::Operator,
    policy,
    refusal::Refusal,
    room::RoomName,
    show::EpisodeStatus,
    stage::Stage,
    time::UnixMs,
};

/// Somebody to be called.
struct Party {
    number: String,
    name: String,
    point: String,
    notes: String,
}

impl Desk {
    /// Sets the rules for calls out; without them there are none.
    pub fn set_calls_out(&mut self, rules: CallsOut) {
        self.calls_out = rules;
    }

    /// The rules for calls out.
    pub fn calls_out(&self) -> &CallsOut {
        &self.calls_out
    }

    /// Calls the caller of a call that is over, as read from the books: the desk remembers only the latest ones itself.
    ///
    /// # Errors
    /// [`Refusal`] with a sentence for the operator.
    pub fn call_back_from_books(
        &mut self,
        now: UnixMs,
        by: &Operator,
        past: &Call,
        ids: NewIds,
    ) -> Result<Reply, Refusal> {
        let command = Command::CallBack {
            call_id: past.id,
            ids,
        };
        policy::allows(by, &command, Some(past.stage), false)?;
        self.call_back(now, by, past, ids)
    }

    /// Twilio took the order to call and has this name for it.
    pub fn carrier_dials(&mut self, id: CallId, call_sid: &str) {
        if let Some(call) = self
            .calls
            .get_mut(&id)
            .filter(|call| call.twilio_call_sid.is_none())
        {
            call.twilio_call_sid = Some(call_sid.to_owned());
            call.by_voice_api = true;
            self.touch_call(id);
        }
    }

    /// The call could not be made; `why` is a sentence for who dialled.
    pub fn not_dialled(&mut self, now: UnixMs, id: CallId, cause: Cause, why: &str) {
        let Some(call) = self.calls.get(&id).filter(|call| call.ringing()) else {
            return;
        };
        let told = call.screener.clone();
        let text = format!("{} was not called: {why}", self.name_of(call));
        // Its own, better sentence is told here.
        self.end_quietly(now, id, cause, None, false);
        self.tell(told, text);
    }

    /// Does what [`Command::Dial`] asks for.
    pub(super) fn dial(
        &mut self,
        now: UnixMs,
        by: &Operator,
        command: &Command,
    ) -> Result<Reply, Refusal> {
        let Command::Dial {
            episode_id,
            number,
            name,
            point,
            ids,
        } = command
        else {
            return Err(Refusal::Invalid("This is no call to be made.".into()));
        };
        let party = Party {
            number: self.calls_out.number(number)?,
            name: name.as_deref().unwrap_or_default().trim().to_owned(),
            point: point.clone().unwrap_or_default(),
            notes: String::new(),
        };
        let bounds = [
            (&party.name, "name", limits::NAME),
            (&party.point, "point", limits::POINT),
        ];
        for (text, what, most) in bounds {
            if text.chars().count() > most {
                return Err(Refusal::Invalid(format!(
                    "The {what} may have at most {most} characters."
                )));
            }
        }
        self.call_out(now, by, *episode_id, party, *ids)
    }

    pub(super) fn call_back(
        &mut self,
        now: UnixMs,
        by: &Operator,
        past: &Call,
        ids: NewIds,
    ) -> Result<Reply, Refusal> {
        if past.stage != Stage::Completed {
            return Err(Refusal::Conflict(format!(
                "This caller is still here: {}.",
                past.stage.in_words()
            )));
        }
        let Some(number) = &past.from else {
            return Err(Refusal::Conflict(
                "This caller's number is withheld; there is nothing to call back.".into(),
            ));
        };
        let number = self.calls_out.number(number)?;
        let of_the_call = past.episode_id.filter(|id| self.is_live(*id));
        let of_the_show = || past.show_id.and_then(|show| self.live_episode(show));
        let episode = of_the_call
            .or_else(of_the_show)
            .ok_or_else(|| Refusal::Conflict("Their show is not on. Go live first.".into()))?;
        let party = Party {
            number,
            name: String::new(),
            point: past.point.clone(),
            notes: past.notes.clone(),
        };
        self.call_out(now, by, episode, party, ids)
    }

    /// Makes the row and orders the call; the number has been checked.
    fn call_out(
        &mut self,
        now: UnixMs,
        by: &Operator,
        episode: EpisodeId,
        party: Party,
        ids: NewIds,
    ) -> Result<Reply, Refusal> {
        self.check_call_out(episode, &party.number, ids)?;
        let show = self.known_episode(episode)?.show_id;
        let known = self.by_number.get(&party.number).copied();
        let previous_call_at = known
            .and_then(|id| self.callers.get(&id))
            .map(|caller| caller.last_call_at);
        let caller = self.find_or_make_party(now, known, &party, ids.caller);
        let ours = self.own_number(show);
        let call = Call {
            id: ids.call,
            show_id: Some(show),
            episode_id: Some(episode),
            caller_id: caller,
            from: Some(party.number.clone()),
            stage: Stage::Screening,
            dialled: ours.unwrap_or_default(),
            direction: Direction::Outbound,
            previous_call_at,
            point: party.point,
            notes: party.notes,
            priority: 0,
            screener: Some(HeldBy {
                id: by.id,
                name: by.name.clone(),
            }),
            muted: false,
            sound: self.usual_sound(),
            times: Times {
                queued: now,
                screening: Some(now),
                ..Times::default()
            },
            cause: None,
            twilio_call_sid: None,
            sip_call_id: None,
            line_up: false,
            quality: None,
            consent: None,
            consent_entries: 0,
            transfer: None,
            by_voice_api: false,
        };
        self.calls.insert(ids.call, call);
        self.note(ids.call, now, "dialled", Some(by.id), String::new());
        self.touch_call(ids.call);
        let room = RoomName::Screening(episode, ids.call);
        self.effects.push(Effect::OpenRoom(room));
        self.effects.push(Effect::Dial {
            call: ids.call,
            number: party.number,
        });
        Ok(Reply {
            call_id: Some(ids.call),
            room: Some(room.to_string()),
        })
    }

    fn check_call_out(&self, episode: EpisodeId, number: &str, ids: NewIds) -> Result<(), Refusal> {
        let conflict = |why: String| Err(Refusal::Conflict(why));
        let show = self.known_episode(episode)?.show_id;
        if self.calls_out.needs_own_number && self.own_number(show).is_none() {
            return conflict(
                "There is no number to show to whom you call: give the show one, or set TWILIO_CALLER_ID.".into(),
            );
        }
        if !self.is_live(episode) {
            return conflict("Calls are made only while the episode is on. Go live first.".into());
        }
        let known = self
            .by_number
            .get(number)
            .and_then(|id| self.callers.get(id));
        if known.is_some_and(|caller| caller.blocked) {
            return conflict(format!("{number} is blocked. Unblock the caller first."));
        }
        let mut open = self.open_calls();
        if let Some(call) = open.find(|call| call.from.as_deref() == Some(number)) {
            return conflict(if call.ringing() {
                format!("{number} is being called already.")
            } else {
                format!("{number} is here already: {}.", call.stage.in_words())
            });
        }
        let out = self
            .open_calls()
            .filter(|call| call.direction == Direction::Outbound)
            .count();
        if out >= self.calls_out.calls_max {
            return conflict(format!(
                "{out} calls out are up, as many as may be at once (DIAL_LIMIT)."
            ));
        }
        if self.calls.contains_key(&ids.call) {
            return conflict("This did not work. Press again.".into());
        }
        Ok(())
    }

    fn own_number(&self, show: ShowId) -> Option<String> {
        let of_the_show = || self.shows.get(&show)?.phone_numbers.first().cloned();
        self.calls_out.own_number.clone().or_else(of_the_show)
    }

    fn is_live(&self, episode: EpisodeId) -> bool {
        self.episodes
            .get(&episode)
            .is_some_and(|episode| episode.status == EpisodeStatus::Live)
    }

    /// The caller's record; that we call them is no call of theirs and is not counted as one.
    fn find_or_make_party(
        &mut self,
        now: UnixMs,
        known: Option<CallerId>,
        party: &Party,
        new: CallerId,
    ) -> CallerId {
        if let Some(caller) = known.and_then(|id| self.callers.get_mut(&id)) {
            if !party.name.is_empty() {
                caller.name.clone_from(&party.name);
                self.touched.callers.insert(caller.id);
            }
            return caller.id;
        }
        self.touched.callers.insert(new);
        self.remember_caller(Caller {
            id: new,
            number: Some(party.number.clone()),
            name: party.name.clone(),
            location: String::new(),
            email: String::new(),
            notes: String::new(),
            blocked: false,
            vip: false,
            first_call_at: now,
            last_call_at: now,
            total_calls: 0,
        });
        new
    }

    /// Tells who dialled that nobody answered, unless it was they who gave up.
    pub(super) fn tell_dialler(&mut self, call: &Call, cause: &Cause) {
        if matches!(cause, Cause::Dropped { by } if call.screener.as_ref().is_some_and(|held| held.name == *by))
        {
            return;
        }
        let text = format!("{}: {}", self.name_of(call), cause.in_words());
        self.tell(call.screener.clone(), text);
    }

    pub(super) fn tell(&mut self, whom: Option<HeldBy>, text: String) {
        if let Some(whom) = whom {
            self.effects.push(Effect::Notify {
                operator: whom.id,
                text,
            });
        }
    }
}

/// In place of Twilio's word: they answered, but its leg to us never came.
pub const LEG_FAILED: &str = "leg-failed";

/// Twilio's word for the end of a call that nobody answered, as a cause.
pub(super) fn unanswered(status: &str) -> Cause {
    match status {
        "busy" => Cause::Busy,
        "no-answer" => Cause::NoAnswer,
        "failed" => Cause::Unreachable,
        "completed" => Cause::CallerHungUp,
        LEG_FAILED => Cause::NeverArrived,
        other => Cause::Carrier(other.to_owned()),
    }
}
