//! Calls that come in, by webhook first or straight by SIP, and calls that go.

use crate::domain::{
    call::{Call, Direction, Times},
    caller::Caller,
    cause::Cause,
    desk::{Desk, calls_out::unanswered},
    effect::{Effect, Verdict},
    ids::{CallId, CallerId, EpisodeId, ShowId},
    room::RoomName,
    show::{EpisodeStatus, Show},
    stage::Stage,
    time::UnixMs,
};

/// A call that is about to come in. Ids are made by the shell and used where no row exists yet.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// For a call without a row.
    pub new_call: CallId,
    /// For a caller without a row.
    pub new_caller: CallerId,
    /// The row that a verified token names.
    pub known: Option<CallId>,
    /// E.164, or `None` when withheld.
    pub from: Option<String>,
    /// The number or user that was dialled.
    pub dialled: String,
    /// The name the network gave.
    pub display_name: String,
    /// Twilio's name of the call.
    pub twilio_call_sid: Option<String>,
    /// SIP's Call-ID; `None` when the webhook announces.
    pub sip_call_id: Option<String>,
}

impl Desk {
    /// A call is announced (webhook) or here (INVITE): finds or makes its row and its caller and says what to do with it.
    /// The same announcement again changes nothing and gets the same answer.
    pub fn arrive(&mut self, now: UnixMs, arrival: Arrival) -> Verdict {
        if let Some(known) = self.announced(&arrival) {
            return self.arrive_again(known, arrival);
        }
        // Only Twilio's voice API announces calls before they come.
        let announced = arrival.sip_call_id.is_none() && arrival.twilio_call_sid.is_some();
        let known_caller = arrival
            .from
            .as_ref()
            .and_then(|number| self.by_number.get(number))
            .copied();
        let previous_call_at = known_caller
            .and_then(|id| self.callers.get(&id))
            .map(|caller| caller.last_call_at);
        let caller = self.find_or_make_caller(now, known_caller, &arrival);
        let show = self.show_for(&arrival.dialled);
        let live = show.and_then(|show| self.live_episode(show));
        let call = Call {
            id: arrival.new_call,
            show_id: show,
            episode_id: live,
            caller_id: caller,
            from: arrival.from,
            stage: Stage::Queued,
            dialled: arrival.dialled,
            direction: Direction::Inbound,
            previous_call_at,
            point: String::new(),
            notes: String::new(),
            priority: 0,
            screener: None,
            muted: false,
            sound: self.usual_sound(),
            times: Times {
                queued: now,
                ..Times::default()
            },
            cause: None,
            twilio_call_sid: arrival.twilio_call_sid,
            sip_call_id: arrival.sip_call_id,
            line_up: false,
            quality: None,
            consent: None,
            consent_entries: 0,
            transfer: None,
            by_voice_api: announced,
        };
        let id = call.id;
        let verdict = self.verdict(&call);
        if matches!(verdict, Verdict::Announce { .. }) {
            self.calls.insert(
                id,
                Call {
                    episode_id: None,
                    ..call
                },
            );
        } else {
            self.calls.insert(id, call);
        }
        self.note(id, now, "arrived", None, String::new());
        self.touch_call(id);
        if let Verdict::Refuse { cause, .. } = &verdict {
            self.end(now, id, cause.clone(), None, false);
        }
        verdict
    }

    /// The leg is up: 200 was sent.
    pub fn answered(&mut self, now: UnixMs, id: CallId) {
        if let Some(call) = self
            .calls
            .get_mut(&id)
            .filter(|call| call.stage != Stage::Completed)
        {
            call.times.answered.get_or_insert(now);
            call.line_up = true;
            if call.stage == Stage::Screening {
                call.times.screening = Some(now);
            }
            self.note(id, now, "answered", None, String::new());
            self.touch_call(id);
        }
    }

    /// Our INVITE for this call has this Call-ID.
    pub fn dialled_as(&mut self, id: CallId, sip_call_id: String) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.sip_call_id = Some(sip_call_id);
            self.touch_call(id);
        }
    }

    /// The leg is gone, for whatever reason, and what its line was like. A call that already ended keeps its first cause.
    pub fn gone(&mut self, now: UnixMs, id: CallId, cause: Cause, quality: Option<String>) {
        let mut cause = cause;
        if let Some(call) = self.calls.get_mut(&id) {
            call.line_up = false;
            call.quality = quality;
            // Who is passed on leaves us, often before we are told that it worked.
            if call.transfer.is_some() && cause == Cause::CallerHungUp {
                cause = Cause::Transferred;
            }
            self.touch_call(id);
        }
        self.end(now, id, cause, None, false);
    }

    /// Twilio says how its parent call ended; closes a row whose SIP leg never came.
    pub fn carrier_ended(&mut self, now: UnixMs, id: CallId, status: &str) {
        let waiting = self
            .calls
            .get(&id)
            .filter(|call| call.sip_call_id.is_none());
        if let Some(call) = waiting {
            let cause = match call.direction {
                Direction::Inbound => Cause::Carrier(status.to_owned()),
                Direction::Outbound => unanswered(status),
            };
            self.end(now, id, cause, None, false);
        }
    }

    /// The call that carries this name of Twilio's, while it is in memory.
    pub fn by_call_sid(&self, sid: &str) -> Option<&Call> {
        self.calls
            .values()
            .find(|call| call.twilio_call_sid.as_deref() == Some(sid))
    }

    fn announced(&self, arrival: &Arrival) -> Option<CallId> {
        let by_token = arrival.known.and_then(|id| self.calls.get(&id));
        by_token
            .or_else(|| {
                arrival
                    .twilio_call_sid
                    .as_deref()
                    .and_then(|sid| self.by_call_sid(sid))
            })
            .map(|call| call.id)
    }

    fn arrive_again(&mut self, id: CallId, arrival: Arrival) -> Verdict {
        let gone = Verdict::Refuse {
            call: id,
            status: 480,
            cause: Cause::NeverArrived,
        };
        let Some(call) = self.calls.get_mut(&id) else {
            return gone;
        };
        if call.stage == Stage::Completed {
            let cause = call.cause.clone().unwrap_or(Cause::NeverArrived);
            let status = if cause == Cause::Blocked { 603 } else { 486 };
            return Verdict::Refuse {
                call: id,
                status,
                cause,
            };
        }
        if let Some(sip_call_id) = arrival.sip_call_id {
            if call
                .sip_call_id
                .as_ref()
                .is_some_and(|known| *known != sip_call_id)
            {
                return Verdict::Refuse {
                    call: id,
                    status: 482,
                    cause: Cause::SipError(482),
                };
            }
            call.sip_call_id = Some(sip_call_id);
        }
        let call = call.clone();
        self.touch_call(id);
        if let (Direction::Outbound, Some(episode)) = (call.direction, call.episode_id) {
            let room = RoomName::Screening(episode, id);
            return Verdict::Admit {
                call: id,
                room,
                episode,
            };
        }
        match (call.episode_id, self.lobby_room(call.show_id)) {
            (Some(episode), Some(room)) => Verdict::Admit {
                call: id,
                room,
                episode,
            },
            (None, _) | (_, None) => Verdict::Announce {
                call: id,
                lines_closed: false,
            },
        }
    }

    fn verdict(&self, call: &Call) -> Verdict {
        let refuse = |status, cause| Verdict::Refuse {
            call: call.id,
            status,
            cause,
        };
        if self
            .callers
            .get(&call.caller_id)
            .is_some_and(|caller| caller.blocked)
        {
            return refuse(603, Cause::Blocked);
        }
        let episode = call.episode_id.and_then(|id| self.episodes.get(&id));
        let (Some(episode), Some(room)) = (
            episode.filter(|e| e.lines_open),
            self.lobby_room(call.show_id),
        ) else {
            return Verdict::Announce {
                call: call.id,
                lines_closed: call.episode_id.is_some(),
            };
        };
        if episode.busy_all {
            return refuse(486, Cause::BusyAll);
        }
        if self.count(episode.id, Stage::Queued) >= self.settings.limits.lobby {
            return refuse(486, Cause::LobbyFull);
        }
        Verdict::Admit {
            call: call.id,
            room,
            episode: episode.id,
        }
    }

    fn find_or_make_caller(
        &mut self,
        now: UnixMs,
        known: Option<CallerId>,
        arrival: &Arrival,
    ) -> CallerId {
        if let Some(caller) = known.and_then(|id| self.callers.get_mut(&id)) {
            caller.last_call_at = now;
            caller.total_calls = caller.total_calls.saturating_add(1);
            self.touched.callers.insert(caller.id);
            return caller.id;
        }
        let caller = Caller {
            id: arrival.new_caller,
            number: arrival.from.clone(),
            name: arrival.display_name.clone(),
            location: String::new(),
            email: String::new(),
            notes: String::new(),
            blocked: false,
            vip: false,
            first_call_at: now,
            last_call_at: now,
            total_calls: 1,
        };
        let id = caller.id;
        self.touched.callers.insert(id);
        self.remember_caller(caller);
        id
    }

    /// The show whose number was dialled; else the station's first.
    fn show_for(&self, dialled: &str) -> Option<ShowId> {
        let digits = |number: &str| {
            number
                .chars()
                .filter(char::is_ascii_digit)
                .collect::<String>()
        };
        let wanted = digits(dialled);
        let rings = |show: &&Show| {
            dialled == show.slug
                || dialled == format!("lobby-{}", show.id)
                || (!wanted.is_empty()
                    && show
                        .phone_numbers
                        .iter()
                        .any(|number| digits(number) == wanted))
        };
        let first = || self.shows.values().find(|show| show.first);
        self.shows
            .values()
            .find(rings)
            .or_else(first)
            .map(|show| show.id)
    }

    pub(super) fn live_episode(&self, show: ShowId) -> Option<EpisodeId> {
        self.episodes
            .values()
            .find(|episode| episode.show_id == show && episode.status == EpisodeStatus::Live)
            .map(|episode| episode.id)
    }

    fn lobby_room(&self, show: Option<ShowId>) -> Option<RoomName> {
        let show = self.shows.get(&show?)?;
        Some(RoomName::Lobby((!show.first).then_some(show.id)))
    }

    /// Hangs up everybody, as when the switch goes down.
    pub fn end_all(&mut self, now: UnixMs, cause: &Cause) {
        let open: Vec<CallId> = self.open_calls().map(|call| call.id).collect();
        for id in open {
            self.end(now, id, cause.clone(), None, true);
        }
    }

    /// A call that was to hear an announcement has heard it.
    pub fn announcement_ended(&mut self, now: UnixMs, id: CallId) {
        self.end(now, id, Cause::NoShow, None, false);
        self.effects.push(Effect::HangUp {
            call: id,
            cause: Cause::NoShow,
        });
    }
}
