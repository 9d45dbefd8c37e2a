//! The switchboard: every press, every INVITE and every end of a call passes this one mailbox, so that nobody can race.
//!
//! ```text
//! press, INVITE, BYE, webhook -> Desk (decides) -> drain -> effects: rooms and calls on their media threads
//!                                                        -> rows: journal      -> views: every dashboard
//! ```
//! What people see comes from the [`Desk`] alone; rooms and calls only carry it out.

mod arrivals;
mod audience;
mod browsers;
mod dial;
mod drain;
mod effects;
mod line_quality;
mod lines_out;
mod presses;
mod streams;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use actix::{Actor, Addr, ArbiterHandle, AsyncContext, Context};

use crate::{
    actors::{
        bridge::RoomTransport, call::CallActor, clock, health::Health, ladders::LadderBook,
        message::CallTicket, metrics::Metrics, random, room::RoomActor, shown::CallShown,
        sip::SipActor, twilio_calls::TwilioCalls,
    },
    config::PublicIp,
    domain::{CallId, Desk, EpisodeId, RoomName, Stage, desk::Drained},
    media::quality::LineQuality,
    store::{Journal, Record},
};

use audience::Audience;

/// How often the desk's own deadlines are looked at.
const DEADLINES_EVERY: Duration = Duration::from_secs(1);

/// Who the switchboard works with.
pub struct SwitchboardPeers {
    /// Threads that carry audio.
    pub media: Vec<ArbiterHandle>,
    /// Browsers' rooms.
    pub bridge: RoomTransport,
    /// The books.
    pub journal: Arc<Journal>,
    /// Counters.
    pub metrics: Metrics,
    /// Whose messages are whose.
    pub ladders: LadderBook,
    /// How the switch is.
    pub health: Arc<Health>,
    /// A trunk takes calls of ours.
    pub trunk_dials: bool,
    /// How long whom we call may take to answer.
    pub ring_max: Duration,
    /// The addresses in SDP, when they are not the flow's own.
    pub public_ip: PublicIp,
    /// Calls at once.
    pub calls_max: Option<usize>,
    /// Rooms show nobody's number.
    pub hide_numbers: bool,
}

/// A call's leg, as the switchboard knows it.
struct Line {
    call: Addr<CallActor>,
    room: Option<RoomName>,
    /// What it is like, when that is known.
    quality: Option<LineQuality>,
}

/// Decides nothing itself: asks the desk and sees to it.
pub struct Switchboard {
    desk: Desk,
    peers: SwitchboardPeers,
    sip: Option<Addr<SipActor>>,
    /// Makes calls where no trunk does.
    twilio: Option<Addr<TwilioCalls>>,
    lines: HashMap<CallId, Line>,
    rooms: BTreeMap<RoomName, Addr<RoomActor>>,
    /// Each live episode's media thread.
    studios: HashMap<EpisodeId, usize>,
    audience: Audience,
    closing: bool,
    /// The last move of any call.
    turn: u64,
}

impl Switchboard {
    /// A switchboard for a desk that was loaded from the books.
    pub fn new(desk: Desk, peers: SwitchboardPeers) -> Self {
        Self {
            desk,
            peers,
            sip: None,
            twilio: None,
            lines: HashMap::new(),
            rooms: BTreeMap::new(),
            studios: HashMap::new(),
            audience: Audience::default(),
            closing: false,
            turn: 0,
        }
    }

    /// Carries out what came of the last input: books first, then rooms and calls, then dashboards.
    fn settle(&mut self, ctx: &Context<Self>) {
        let mut drained = self.desk.drain();
        self.write(&drained);
        for effect in std::mem::take(&mut drained.effects) {
            self.carry_out(effect, ctx);
        }
        self.publish(&drained);
        if !drained.calls.is_empty() {
            self.gauge();
        }
    }

    /// Appends to the journal.
    fn write(&self, drained: &Drained) {
        let mut records: Vec<Record> = Vec::new();
        records.extend(drained.shows.iter().map(Record::show));
        records.extend(drained.episodes.iter().map(Record::episode));
        records.extend(drained.callers.iter().map(Record::caller));
        records.extend(drained.calls.iter().map(|call| {
            let first = call
                .show_id
                .and_then(|id| self.desk.show(id))
                .is_some_and(|show| show.first);
            Record::call(call, first)
        }));
        for call in &drained.calls {
            if let Some(sip_call_id) = &call.sip_call_id {
                self.peers.ladders.tie(sip_call_id, call.id);
            }
        }
        let event_id = || CallId(random::id()).to_string();
        records.extend(
            drained
                .events
                .iter()
                .map(|event| Record::event(&event_id(), event)),
        );
        records.extend(drained.consents.iter().map(Record::consent));
        for event in drained.events.iter().filter(|event| event.what == "ended") {
            self.peers
                .metrics
                .calls_ended
                .with_label_values(&[&event.detail])
                .inc();
            self.peers.ladders.ended(event.call, &event.detail);
            tracing::info!(call.id = %event.call, call.cause = event.detail, "call ended");
        }
        if records.is_empty() {
            return;
        }
        if let Err(error) = self.peers.journal.append(&records) {
            tracing::error!(%error, rows = records.len(), "the journal does not take rows: they are lost");
        }
    }

    fn gauge(&self) {
        let mut stages = [0_i64; 4];
        for call in self.desk.open_calls() {
            let at = match call.stage {
                Stage::Queued => 0,
                Stage::Screening => 1,
                Stage::OnHold => 2,
                Stage::OnAir => 3,
                Stage::Completed => continue,
            };
            if let Some(count) = stages.get_mut(at) {
                *count += 1;
            }
        }
        let labels = [Stage::Queued, Stage::Screening, Stage::OnHold, Stage::OnAir];
        for (stage, count) in labels.into_iter().zip(stages) {
            self.peers
                .metrics
                .calls
                .with_label_values(&[stage.label()])
                .set(count);
        }
        self.peers.health.set_calls(stages.iter().sum());
    }

    fn media_thread(&self, episode: EpisodeId) -> usize {
        let threads = self.peers.media.len().max(1);
        let busy = |thread: usize| self.studios.values().filter(|&&at| at == thread).count();
        let least = (0..threads).min_by_key(|&thread| busy(thread)).unwrap_or(0);
        self.studios.get(&episode).copied().unwrap_or(least)
    }

    /// What the next room must know of the call.
    pub(super) fn ticket(&mut self, id: CallId) -> Option<CallTicket> {
        self.turn += 1;
        let call = self.desk.call(id)?;
        let name = self
            .desk
            .caller(call.caller_id)
            .map_or("", |caller| &caller.name);
        Some(CallTicket {
            call: id,
            shown: CallShown::new(call, name, self.peers.hide_numbers),
            greet: false,
            turn: self.turn,
        })
    }
}

impl Actor for Switchboard {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(DEADLINES_EVERY, |switchboard, ctx| {
            let now = clock::utc();
            if switchboard
                .desk
                .poll_timeout()
                .is_some_and(|(due, _)| due <= now)
            {
                switchboard.desk.handle_timeout(now);
                switchboard.settle(ctx);
            }
            switchboard.publish_health();
        });
    }
}
