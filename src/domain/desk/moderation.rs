//! What is done to a call from the LiveKit side, by its server API or its console: thrown out of a room, muted in it.
//!
//! Such news is late by nature. It counts only while the call is still in the room that it is about.

use crate::domain::{
    cause::Cause, desk::Desk, effect::Effect, ids::CallId, room::RoomName, stage::Stage,
    time::UnixMs,
};

/// Stands in a call's history where an operator would.
const LIVEKIT: &str = "LiveKit";

impl Desk {
    /// The call's participant was removed from its room: the call is hung up.
    pub fn removed_from_room(&mut self, now: UnixMs, room: RoomName, id: CallId) {
        if self.is_in(room, id) {
            self.end(now, id, Cause::RemovedFromRoom, None, true);
        }
    }

    /// The call's participant was muted or unmuted in its room. On air that is as if the host had pressed. Anywhere else
    /// nobody could undo a mute, so it is undone at once.
    pub fn muted_from_room(&mut self, now: UnixMs, room: RoomName, id: CallId, muted: bool) {
        if !self.is_in(room, id) {
            return;
        }
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        if call.muted == muted {
            return;
        }
        if call.stage != Stage::OnAir {
            self.effects.push(Effect::SetMuted {
                call: id,
                muted: call.muted,
            });
            return;
        }
        call.muted = muted;
        let what = if muted { "muted" } else { "unmuted" };
        self.touch_call(id);
        self.note(id, now, what, None, LIVEKIT.to_owned());
        self.effects.push(Effect::SetMuted { call: id, muted });
    }

    fn is_in(&self, room: RoomName, id: CallId) -> bool {
        self.calls.get(&id).is_some_and(|call| {
            let show = call.show_id.and_then(|show| self.shows.get(&show));
            call.room(show.is_some_and(|show| show.first)) == Some(room)
        })
    }
}
