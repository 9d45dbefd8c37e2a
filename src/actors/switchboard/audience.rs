//! The dashboards: one snapshot each, then the same frames for all, written once.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use actix::{Context, Handler, Recipient};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    actors::{
        clock,
        health::Database,
        message::{Attach, Detach, Levels, Push},
        switchboard::Switchboard,
    },
    domain::{
        CallId, EpisodeId, Operator, OperatorId, RoomName, UnixMs,
        desk::Drained,
        view::{CallView, EpisodeView, ShowView},
    },
    media::table::ProgramReading,
    store::journal::Progress,
};

struct Seat {
    operator: Operator,
    outbox: Recipient<Push>,
}

/// Dashboards that are connected.
#[derive(Default)]
pub(super) struct Audience {
    seats: HashMap<u64, Seat>,
    /// Where operators' browsers are, by LiveKit identity.
    rooms: BTreeMap<String, RoomName>,
    seq: u64,
    health: Option<Value>,
    /// People whose presence changed since the last frame.
    moved: Vec<OperatorId>,
}

impl Audience {
    /// Somebody joined a room or left it. A listener is not there to be talked to, so no dashboard shows one.
    pub(super) fn in_room(&mut self, identity: &str, room: Option<RoomName>) {
        if identity.starts_with("listener:") {
            return;
        }
        match room {
            Some(room) => self.rooms.insert(identity.to_owned(), room),
            None => self.rooms.remove(identity),
        };
        if let Some(operator) = identity.rsplit(':').next().and_then(|id| id.parse().ok()) {
            self.moved.push(operator);
        }
    }

    fn is_here(&self, operator: OperatorId) -> bool {
        self.seats.values().any(|seat| seat.operator.id == operator)
    }

    fn presence(&self, operator: &Operator) -> Value {
        let id = operator.id.to_string();
        let room = self
            .rooms
            .iter()
            .find(|(identity, _)| identity.ends_with(&id))
            .map(|(_, room)| room.to_string());
        json!({
            "operatorId": operator.id, "name": operator.name, "role": operator.role,
            "connected": self.is_here(operator.id), "inRoom": room,
        })
    }

    fn everybody(&self) -> Vec<Value> {
        let people: BTreeMap<OperatorId, &Operator> = self
            .seats
            .values()
            .map(|seat| (seat.operator.id, &seat.operator))
            .collect();
        people
            .into_values()
            .map(|operator| self.presence(operator))
            .collect()
    }

    /// Sends a frame to every dashboard of one operator.
    pub(super) fn tell(&self, operator: OperatorId, frame: &Push) {
        let theirs = self.seats.values();
        for seat in theirs.filter(|seat| seat.operator.id == operator) {
            seat.outbox.do_send(frame.clone());
        }
    }

    pub(super) fn push(&self, frame: &impl Serialize) {
        let Ok(text) = serde_json::to_string(frame) else {
            return;
        };
        let text: Arc<str> = text.into();
        for seat in self.seats.values() {
            seat.outbox.do_send(Push(Arc::clone(&text)));
        }
    }
}

/// A `change` frame (docs/websocket.md).
#[derive(Serialize)]
struct Change<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    seq: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shows: Vec<ShowView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    episodes: Vec<EpisodeView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    calls: Vec<CallView>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    positions: BTreeMap<CallId, u16>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    operators: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<Removed<'a>>,
}

#[derive(Serialize)]
struct Removed<'a> {
    calls: &'a [CallId],
    episodes: &'a [EpisodeId],
}

impl Change<'_> {
    fn is_empty(&self) -> bool {
        self.shows.is_empty()
            && self.episodes.is_empty()
            && self.calls.is_empty()
            && self.positions.is_empty()
            && self.operators.is_empty()
            && self.removed.is_none()
    }
}

impl Switchboard {
    /// Sends dashboards what changed.
    pub(super) fn publish(&mut self, drained: &Drained) {
        let moved = std::mem::take(&mut self.audience.moved);
        if self.audience.seats.is_empty() {
            return;
        }
        let people: Vec<Value> = {
            let seats = self.audience.seats.values();
            let mut people: BTreeMap<OperatorId, &Operator> = BTreeMap::new();
            people.extend(
                seats
                    .filter(|seat| moved.contains(&seat.operator.id))
                    .map(|s| (s.operator.id, &s.operator)),
            );
            people
                .into_values()
                .map(|operator| self.audience.presence(operator))
                .collect()
        };
        self.publish_frame(drained, people);
    }

    fn publish_frame(&mut self, drained: &Drained, people: Vec<Value>) {
        let removed = Removed {
            calls: &drained.removed_calls,
            episodes: &drained.removed_episodes,
        };
        let is_removed = !removed.calls.is_empty() || !removed.episodes.is_empty();
        let change = Change {
            kind: "change",
            seq: self.audience.seq + 1,
            shows: drained.shows.iter().map(ShowView::from).collect(),
            episodes: drained.episodes.iter().map(EpisodeView::from).collect(),
            calls: self.desk.views_of(&drained.published),
            positions: drained.places.iter().copied().collect(),
            operators: people,
            removed: is_removed.then_some(removed),
        };
        if !change.is_empty() {
            self.audience.seq += 1;
            self.audience.push(&change);
        }
    }

    fn push_change(&mut self, mut frame: serde_json::Map<String, Value>) {
        self.audience.seq += 1;
        frame.insert("type".to_owned(), json!("change"));
        frame.insert("seq".to_owned(), json!(self.audience.seq));
        self.audience.push(&Value::Object(frame));
    }

    /// Sends dashboards how the switch is, when that changed.
    pub(super) fn publish_health(&mut self) {
        self.peers
            .health
            .set_database(match self.peers.journal.health().progress {
                Progress::Ok => Database::Ok,
                Progress::Behind { .. } => Database::Behind,
                Progress::Down { .. } => Database::Down,
            });
        let health = self.peers.health.view();
        if self.audience.health.as_ref() != Some(&health) {
            self.audience.health = Some(health.clone());
            self.push_change(serde_json::Map::from_iter([("health".to_owned(), health)]));
        }
    }

    /// What dashboards need to know before anybody presses: whether calls can be made, and where callers can be passed on to.
    fn calls_out(&self) -> Value {
        let rules = self.desk.calls_out();
        let lines: Vec<&str> = rules.help_lines.iter().map(|line| &*line.name).collect();
        json!({ "offBecause": rules.off_because(), "helpLines": lines })
    }

    fn snapshot(&self, operator: &Operator, now: UnixMs) -> String {
        let (shows, episodes, calls) = self.desk.views();
        json!({
            "type": "snapshot", "seq": self.audience.seq, "serverTime": now,
            "you": operator, "shows": shows, "episodes": episodes, "calls": calls,
            "operators": self.audience.everybody(), "health": self.peers.health.view(),
            "callsOut": self.calls_out(), "mixing": self.desk.mixing(), "quality": self.line_qualities(),
            "limits": { "lobby": self.desk.limits().lobby, "hold": self.desk.limits().hold, "live": self.desk.limits().live },
        })
        .to_string()
    }
}

impl Handler<Attach> for Switchboard {
    type Result = ();

    fn handle(&mut self, attach: Attach, ctx: &mut Context<Self>) {
        let now = clock::utc();
        let operator = attach.operator.clone();
        self.desk.operator_connected(now, operator.id, true);
        self.settle(ctx);
        let newcomer = json!({
            "operatorId": operator.id, "name": operator.name, "role": operator.role, "connected": true, "inRoom": null,
        });
        self.push_change(serde_json::Map::from_iter([(
            "operators".to_owned(),
            json!([newcomer]),
        )]));
        let outbox = attach.outbox.clone();
        self.audience.seats.insert(
            attach.session,
            Seat {
                operator: attach.operator,
                outbox: attach.outbox,
            },
        );
        outbox.do_send(Push(self.snapshot(&operator, now).into()));
        self.peers
            .metrics
            .dashboards
            .set(i64::try_from(self.audience.seats.len()).unwrap_or(i64::MAX));
    }
}

impl Handler<Detach> for Switchboard {
    type Result = ();

    fn handle(&mut self, Detach { session }: Detach, ctx: &mut Context<Self>) {
        let Some(seat) = self.audience.seats.remove(&session) else {
            return;
        };
        if !self.audience.is_here(seat.operator.id) {
            self.desk
                .operator_connected(clock::utc(), seat.operator.id, false);
            let gone = self.audience.presence(&seat.operator);
            self.push_change(serde_json::Map::from_iter([(
                "operators".to_owned(),
                json!([gone]),
            )]));
        }
        self.settle(ctx);
        self.peers
            .metrics
            .dashboards
            .set(i64::try_from(self.audience.seats.len()).unwrap_or(i64::MAX));
    }
}

impl Handler<Levels> for Switchboard {
    type Result = ();

    fn handle(&mut self, levels: Levels, _: &mut Context<Self>) {
        if self.audience.seats.is_empty() {
            return;
        }
        let mut frame = json!({
            "type": "levels",
            "calls": in_tenths(levels.calls),
            "people": in_tenths(levels.people),
            "program": in_tenths(levels.program),
            "peaks": in_tenths(levels.peaks),
        });
        if !levels.loudness.is_empty() {
            let loudness = levels.loudness.iter();
            frame["loudness"] = loudness
                .map(|(episode, reading)| (episode.to_string(), loudness_of(reading)))
                .collect();
        }
        self.audience.push(&frame);
    }
}

fn loudness_of(
    ProgramReading {
        loudness,
        ducked_db,
    }: &ProgramReading,
) -> Value {
    json!({
        "momentary": tenth(loudness.momentary_lufs),
        "shortTerm": tenth(loudness.short_term_lufs),
        "integrated": tenth(loudness.integrated_lufs),
        "truePeak": tenth(loudness.true_peak_dbtp),
        "ducked": tenth(*ducked_db),
    })
}

/// In tenths of a decibel, as they are written: 0.1 is not 0.10000000149.
fn tenth(value: f32) -> f64 {
    (f64::from(value) * 10.0).round() / 10.0
}

/// Levels by name, in tenths of a decibel.
fn in_tenths<K: ToString>(levels: BTreeMap<K, f32>) -> BTreeMap<String, f64> {
    levels
        .into_iter()
        .map(|(key, level)| (key.to_string(), tenth(level)))
        .collect()
}
