//! The switch under test: the program itself on a core of its own, with callers who are moved as its desk moves them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::crowd::Crowd;
use crate::machine;
use crate::phone::Phones;
use crate::switch::{Switch, eventually, text};

/// Calls that are placed before their rows are read, which come a hundred at a time at most.
const CHUNK: usize = 50;
/// Between two INVITEs of callers whose set-up is not what is measured.
const INVITE_EVERY: Duration = Duration::from_millis(4);

/// Where a caller goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Hold,
    Air,
}

/// What every switch here is told: room for everybody, and nothing but the load decides how it goes.
const SETTINGS: [(&str, &str); 10] = [
    ("RTP_PORT_RANGE", "12000-32766"),
    ("RTP_TIMEOUT_SECONDS", "3600"),
    ("MAX_CALLS_PER_SECOND", "10000"),
    ("OVERLOAD_LATENESS_MS", "0"),
    ("OVERLOAD_CPU_PERCENT", "0"),
    ("LOBBY_LIMIT", "5000"),
    ("HOLD_LIMIT", "5000"),
    ("LIVE_LIMIT", "1000"),
    ("MEDIA_THREADS", "1"),
    ("LOG", "warn"),
];

/// Places calls, a leg for each, waits until all are up and learns where their audio goes.
pub(crate) fn call(
    phones: &mut Phones,
    crowd: &mut Crowd,
    calls: Range<usize>,
    every: Duration,
) -> Result<()> {
    for at in calls.clone() {
        let leg = crowd.add()?;
        let port = crowd.legs.get(leg).context("a leg")?.port;
        let call = phones.invite(Instant::now(), port)?;
        ensure!(leg == at && call == at, "a leg, a call");
        std::thread::sleep(every);
        phones.poll(Instant::now())?;
    }
    phones.settle()?;
    ensure!(phones.refused == 0, "calls are refused: {}", phones.refusal);
    for at in calls {
        let leg = crowd.legs.get_mut(at).context("a leg")?;
        leg.to = phones.media(at);
    }
    Ok(())
}

/// A switch with a live show.
pub(crate) struct Ours {
    pub(crate) switch: Switch,
    pub(crate) phones: Phones,
    pub(crate) crowd: Crowd,
    pub(crate) episode: String,
    ids: Vec<String>,
}

/// Starts a switch on the core of those under test, with further settings.
pub(crate) fn start(further: &[(&str, &str)]) -> Result<Switch> {
    let settings: Vec<(&str, &str)> = SETTINGS.iter().chain(further).copied().collect();
    Ok(machine::on_tested_core(|| Switch::start(&settings))?)
}

impl Ours {
    pub(crate) fn live() -> Result<Self> {
        let switch = start(&[])?;
        let episode = switch.go_live();
        Ok(Self {
            phones: Phones::new(switch.sip())?,
            switch,
            crowd: Crowd::new(),
            episode,
            ids: Vec::new(),
        })
    }

    /// How many have called.
    pub(crate) fn callers(&self) -> usize {
        self.ids.len()
    }

    /// Callers call until there are `callers`, and go to `place`.
    pub(crate) fn grow(&mut self, callers: usize, place: Place) -> Result<()> {
        while self.ids.len() < callers {
            let first = self.ids.len();
            let last = callers.min(first + CHUNK);
            call(&mut self.phones, &mut self.crowd, first..last, INVITE_EVERY)?;
            self.meet(first..last)?;
            self.place(first..last, place);
        }
        let dropped = self.gauge("audioroad_sip_dropped_total");
        ensure!(
            dropped == 0.0,
            "the switch dropped {dropped} messages: its limits are what is measured"
        );
        Ok(())
    }

    /// Learns what the desk calls them.
    fn meet(&mut self, calls: Range<usize>) -> Result<()> {
        let wanted: Vec<String> = calls.clone().map(|at| self.phones.call_id(at)).collect();
        let ids = eventually("the rows of calls that are up", || {
            let rows = self.switch.ask("GET", "/api/calls?limit=100", Value::Null);
            let rows = rows.as_array().into_iter().flatten();
            let up = rows.filter(|row| row["ringing"] == false);
            let ids: BTreeMap<&str, &Value> = up
                .filter_map(|row| Some((row["sipCallId"].as_str()?, &row["id"])))
                .collect();
            let ours = wanted
                .iter()
                .map(|call| ids.get(call.as_str()).map(|id| text(id)));
            ours.collect::<Option<Vec<String>>>()
                .ok_or_else(|| format!("{} rows", ids.len()))
        });
        for (at, id) in calls.zip(ids) {
            ensure!(at == self.ids.len(), "a call, a row");
            self.ids.push(id);
        }
        Ok(())
    }

    fn place(&self, calls: Range<usize>, place: Place) {
        let steps: &[&str] = match place {
            Place::Hold => &["move-to-screening", "move-to-hold"],
            Place::Air => &["move-to-screening", "move-to-hold", "move-to-live"],
        };
        for at in calls {
            for step in steps {
                self.press(at, step);
            }
        }
    }

    /// One step of a caller, by its name in the API.
    pub(crate) fn press(&self, caller: usize, step: &str) {
        if let Some(id) = self.ids.get(caller) {
            let path = format!("/api/twilio-sip/{step}");
            self.switch.ask("POST", &path, json!({"callId": id}));
        }
    }

    /// The sum of a metric's values.
    pub(crate) fn gauge(&self, name: &str) -> f64 {
        let metrics = self.switch.metrics();
        let lines = metrics.lines().filter(|line| line.starts_with(name));
        lines
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }
}
