//! A show on a LiveKit server: callers on air and on hold, and who of them the server knows.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Instant;

use audioroad::actors::clock;
use audioroad::phone::{Call, HeardFrame, Hum, Phone};
use livekit_protocol::ParticipantInfo;
use serde_json::{Value, json};

use crate::livekit_server::LiveKitServer;
use crate::switch::{SOON, Switch, eventually, text};

/// A second of a telephone's frames.
const SECOND: usize = 50;

/// A caller, and the id of the call.
pub(crate) struct Caller {
    pub(crate) tone: f32,
    pub(crate) call: Call,
    pub(crate) id: String,
}

impl Caller {
    /// The caller's name in rooms.
    pub(crate) fn identity(&self) -> String {
        format!("call:{}", self.id)
    }

    /// Forgets what was heard so far.
    pub(crate) fn forget(&self) {
        let _ = self.call.take_heard();
    }

    /// What was heard since it was last forgotten or taken, a second of it at least.
    pub(crate) fn heard(&self) -> Vec<HeardFrame> {
        let heard = self.call.listen(SECOND, SOON);
        heard.expect("the call is up, and audio comes");
        self.call.take_heard()
    }
}

pub(crate) struct Show {
    pub(crate) switch: Switch,
    pub(crate) episode: String,
}

impl Show {
    /// A show that is live with its lines open.
    pub(crate) fn live(switch: Switch) -> Self {
        let episode = switch.go_live();
        Self { switch, episode }
    }

    /// The room of the host.
    pub(crate) fn room(&self) -> String {
        format!("live-{}", self.episode)
    }

    /// Somebody calls and waits in the lobby.
    pub(crate) fn rings(&self, number: &str, tone: f32) -> Caller {
        let phone = Phone::new(Ipv4Addr::LOCALHOST.into()).number(number);
        let call = phone.call(self.switch.sip(), "lobby", Hum::new(tone, 0.2));
        let call = call.expect("a phone");
        call.wait_answered(SOON).expect("the switch answers");
        let fits = |row: &Value| row["ringing"] == false;
        let row = self.switch.call_once(call.sip_call_id(), fits);
        let id = text(&row["id"]);
        Caller { tone, call, id }
    }

    /// One step of a caller, by its name in the API.
    pub(crate) fn step(&self, caller: &Caller, step: &str) {
        let path = format!("/api/twilio-sip/{step}");
        self.switch.ask("POST", &path, json!({"callId": caller.id}));
    }

    /// Through screening to hold.
    pub(crate) fn hold(&self, caller: &Caller) {
        self.step(caller, "move-to-screening");
        self.step(caller, "move-to-hold");
    }

    /// Through screening and hold to the air.
    pub(crate) fn air(&self, caller: &Caller) {
        self.hold(caller);
        self.step(caller, "move-to-live");
    }

    /// The row of a caller.
    pub(crate) fn row(&self, caller: &Caller, fits: impl Fn(&Value) -> bool) -> Value {
        self.switch.call_once(caller.call.sip_call_id(), fits)
    }

    /// Ends the show and waits until all these callers are hung up.
    pub(crate) fn end(&self, callers: &[Caller]) {
        let path = format!("/api/episodes/{}/end", self.episode);
        self.switch.ask("POST", &path, Value::Null);
        for caller in callers {
            let ended = caller.call.wait_ended(SOON);
            ended.expect("the show's end is the end of its calls");
        }
    }
}

/// Waits until the server shows exactly these callers in `room`, each once and with one track; gives when.
pub(crate) fn wait_for_callers(server: &LiveKitServer, room: &str, callers: &[&Caller]) -> Instant {
    let mut wanted: Vec<String> = callers.iter().map(|caller| caller.identity()).collect();
    wanted.sort();
    eventually("each caller is shown once with one track", || {
        let shown = server.participants(room);
        let mut calls: Vec<String> = shown.iter().filter_map(call).collect();
        calls.sort();
        (calls == wanted)
            .then(clock::now)
            .ok_or_else(|| format!("{wanted:?} are not {:?}", summary(&shown)))
    })
}

/// A call's identity, as often as it has tracks, but once if it has none and still is there.
fn call(shown: &ParticipantInfo) -> Option<String> {
    let is_call = shown.identity.starts_with("call:");
    is_call.then(|| match shown.tracks.len() {
        1 => shown.identity.clone(),
        tracks => format!("{} with {tracks} tracks", shown.identity),
    })
}

/// Waits until nobody of the switch is in any room.
pub(crate) fn wait_until_empty(server: &LiveKitServer) {
    eventually("nobody of the switch is left", || {
        let rooms = server.rooms();
        let left: BTreeMap<_, _> = rooms
            .iter()
            .map(|room| (room.name.clone(), ours(server, &room.name)))
            .filter(|(_, ours)| !ours.is_empty())
            .collect();
        left.is_empty()
            .then_some(())
            .ok_or_else(|| format!("{left:?}"))
    });
}

/// The participants of the switch in a room: callers, and itself.
fn ours(server: &LiveKitServer, room: &str) -> Vec<String> {
    let is_ours =
        |identity: &String| identity.starts_with("call:") || identity.starts_with("switch:");
    let there = server.participants(room).into_iter();
    there.map(|one| one.identity).filter(is_ours).collect()
}

fn summary(shown: &[ParticipantInfo]) -> Vec<(&str, usize)> {
    let each = shown
        .iter()
        .map(|one| (one.identity.as_str(), one.tracks.len()));
    each.collect()
}
