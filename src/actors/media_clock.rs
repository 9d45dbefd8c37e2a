//! The tick. A frame is four phases of 5 ms; it wakes for each that has somebody, drains, mixes and sends, and then tells actors
//! what was noticed.
//!
//! ```text
//! wake -> MediaTable::tick (drain sockets, pull, mix, fan out, send) -> bridge.wake -> events to calls -> levels to the desk
//! ```
//! Nothing else runs between waking and sending. A late tick is made up for, up to three frames; a longer stall is jumped over.
//! When nobody has been there for a second the clock rests; the first leg or microphone rouses it at once.

use std::{
    collections::BTreeMap,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{Actor, ActorContext, ActorFutureExt, Addr, AsyncContext, Context, WrapFuture};
use tokio::sync::Notify;

use crate::{
    actors::{
        bridge::RoomTransport,
        clock, message,
        metrics::Metrics,
        overload::ThreadGauge,
        studio::{self, Studio},
        switchboard::Switchboard,
    },
    domain::{CallId, EpisodeId, RoomName},
    media::{
        dsp::Level,
        quality::LineQuality,
        table::{MediaEvent, ProgramReading, VoiceKey},
    },
};

const PHASE: Duration = Duration::from_millis(5);
const PHASES: u8 = 4;
/// Phases that are made up for after a late wake: three frames.
const CATCH_UP_MAX: u32 = 12;

/// Frames with nothing to do before the clock rests: a second.
const IDLE_FRAMES: u32 = 50;
/// How long a rest is, when nobody comes.
const REST: Duration = Duration::from_secs(2);

/// Frames between two looks at processor time and ports: a quarter of a second.
const SHOW_EVERY: u32 = 12;

/// Loudness is told with every second frame of levels, five times a second: reading it goes over three seconds of sound.
const LOUDNESS_EVERY: u32 = 2;
/// Frames between two words about lines: a second.
const LINES_EVERY: u32 = 50;

/// Drives one media thread.
pub struct MediaClock {
    studio: Option<Studio>,
    switchboard: Addr<Switchboard>,
    bridge: RoomTransport,
    metrics: Metrics,
    gauge: Arc<ThreadGauge>,
    frames: u32,
    idle_frames: u32,
    levels: u32,
    next: Instant,
    phase: u8,
    /// Phases that the next tick stands for: its own and the empty ones before it.
    stands_for: u64,
    calls: BTreeMap<CallId, f32>,
    people: BTreeMap<String, f32>,
    peaks: BTreeMap<String, f32>,
    lines: BTreeMap<CallId, LineQuality>,
}

impl MediaClock {
    /// A clock that will own `studio` once it is started on its arbiter.
    pub fn new(
        studio: Studio,
        switchboard: Addr<Switchboard>,
        bridge: RoomTransport,
        metrics: Metrics,
        gauge: Arc<ThreadGauge>,
    ) -> Self {
        Self {
            studio: Some(studio),
            switchboard,
            bridge,
            metrics,
            gauge,
            frames: 0,
            idle_frames: 0,
            levels: 0,
            next: clock::now(),
            phase: 0,
            stands_for: 1,
            calls: BTreeMap::new(),
            people: BTreeMap::new(),
            peaks: BTreeMap::new(),
            lines: BTreeMap::new(),
        }
    }

    fn wait(&mut self, ctx: &mut Context<Self>) {
        if let Some(roused) = self.rests() {
            let until = clock::now() + REST;
            self.gauge.due(until);
            let rest =
                tokio::time::timeout_at(until.into(), async move { roused.notified().await });
            ctx.spawn(rest.into_actor(self).map(move |ended, clock, ctx| {
                let now = clock::now();
                if ended.is_ok() {
                    clock.idle_frames = 0;
                    clock.gauge.due(now);
                } else {
                    clock
                        .gauge
                        .woke(now.saturating_duration_since(until), 1, now);
                }
                clock.look_up(now);
                clock.wait(ctx);
            }));
            return;
        }
        let until = tokio::time::sleep_until(self.next.into());
        ctx.spawn(until.into_actor(self).map(|(), clock, ctx| {
            clock.wake();
            clock.wait(ctx);
        }));
    }

    /// Who rouses the clock, once there has been nothing to do for long enough.
    fn rests(&mut self) -> Option<Rc<Notify>> {
        let is_idle = studio::with(|studio| studio.table.is_idle()).unwrap_or(false);
        if !is_idle {
            self.idle_frames = 0;
        }
        let is_long = self.idle_frames > IDLE_FRAMES;
        is_long.then(|| studio::with(Studio::rest)).flatten()
    }

    /// In a rest, or at its end. No frame was due meanwhile, so none is made up for.
    fn look_up(&mut self, now: Instant) {
        self.next = now;
        self.frames = 0;
        self.show(now);
    }

    fn wake(&mut self) {
        let now = clock::now();
        let late = now.saturating_duration_since(self.next);
        self.metrics.tick_lateness.observe(late.as_secs_f64());
        let due = u32::try_from(late.as_micros() / PHASE.as_micros())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        self.gauge
            .woke(late, self.stands_for, self.next + PHASE * due);
        if due > CATCH_UP_MAX {
            let frames = due / u32::from(PHASES);
            self.metrics.ticks_skipped.inc_by(u64::from(frames));
            studio::with(|studio| studio.table.skip_frames(frames));
            self.next += PHASE * (frames * u32::from(PHASES));
        }
        while self.next <= now {
            self.tick(now);
            self.next += PHASE;
        }
        self.pass_over_empty();
        self.gauge.due(self.next);
        if self.phase == 0 {
            self.take_turns(now);
            self.frames = self.frames.wrapping_add(1);
            self.idle_frames = self.idle_frames.saturating_add(1);
            self.show(now);
        }
        self.tell();
    }

    /// Nobody wakes for phases that serve nobody.
    fn pass_over_empty(&mut self) {
        let is_empty = |phase| studio::with(|studio| studio.table.is_empty_phase(phase));
        self.stands_for = 1;
        while is_empty(self.phase) == Some(true) {
            self.phase = (self.phase + 1) % PHASES;
            self.next += PHASE;
            self.stands_for += 1;
        }
    }

    /// Now and then, what the overload watch wants to know and only this thread can say.
    fn show(&mut self, now: Instant) {
        if self.frames.is_multiple_of(SHOW_EVERY) {
            self.gauge.read_cpu();
            if let Some((free, all)) = studio::with(|studio| studio.ports.free_and_all(now)) {
                self.gauge.set_ports(free, all);
            }
        }
    }

    fn tick(&mut self, now: Instant) {
        let phase = self.phase;
        self.phase = (phase + 1) % PHASES;
        let is_tapped = studio::with(|studio| {
            studio.sockets.begin(now);
            studio.table.tick(now, phase, &mut studio.sockets);
            studio.table.take_tapped()
        });
        if is_tapped == Some(true) {
            self.bridge.wake();
        }
    }

    /// Once a frame, when its audio has gone: RTCP of a few calls.
    fn take_turns(&self, now: Instant) {
        studio::with(|studio| {
            studio.sockets.begin(now);
            studio
                .table
                .take_turns(studio::moment(now), &mut studio.sockets);
        });
    }

    fn tell(&mut self) {
        studio::with(|studio| {
            while let Some(event) = studio.table.poll_event() {
                match event {
                    MediaEvent::Level {
                        of: VoiceKey::Leg(leg),
                        level,
                    } => {
                        if let Some((call, _)) = studio.line(leg) {
                            self.calls.insert(call, level.rms_dbfs);
                            self.peaks.insert(call.to_string(), level.peak_dbfs);
                        }
                    }
                    MediaEvent::Level {
                        of: VoiceKey::Source(source),
                        level,
                    } => {
                        if let Some(identity) = studio.sources.get(source) {
                            self.people.insert(identity.clone(), level.rms_dbfs);
                            self.peaks.insert(identity.clone(), level.peak_dbfs);
                        }
                    }
                    MediaEvent::Line { leg, quality } => {
                        if let Some((call, _)) = studio.line(leg) {
                            self.lines.insert(call, quality);
                        }
                    }
                    MediaEvent::RtpTimeout { leg }
                    | MediaEvent::Latched { leg, .. }
                    | MediaEvent::Dtmf { leg, .. }
                    | MediaEvent::FarEndLeft { leg }
                    | MediaEvent::PromptEnded { leg } => {
                        if let Some((_, call)) = studio.line(leg) {
                            call.do_send(message::OnLeg(event));
                        }
                    }
                }
            }
        });
        if !self.calls.is_empty() || !self.people.is_empty() {
            let programs = studio::with(program_levels).unwrap_or_default();
            let mut peaks = std::mem::take(&mut self.peaks);
            peaks.extend(
                programs
                    .iter()
                    .map(|(episode, level)| (episode.to_string(), level.peak_dbfs)),
            );
            self.levels = self.levels.wrapping_add(1);
            let loudness = self.levels.is_multiple_of(LOUDNESS_EVERY);
            let levels = message::Levels {
                calls: std::mem::take(&mut self.calls),
                people: std::mem::take(&mut self.people),
                program: programs
                    .into_iter()
                    .map(|(episode, level)| (episode, level.rms_dbfs))
                    .collect(),
                peaks,
                loudness: loudness
                    .then(|| studio::with(|studio| program_loudness(studio)))
                    .flatten()
                    .unwrap_or_default(),
            };
            // Levels are the one thing that may be lost: a desk that is behind wants commands, not meters.
            let _ = self.switchboard.try_send(levels);
        }
        if !self.lines.is_empty() && self.frames.is_multiple_of(LINES_EVERY) {
            let lines = message::Lines(std::mem::take(&mut self.lines));
            // Lost ones are told again in a few seconds.
            let _ = self.switchboard.try_send(lines);
        }
    }
}

/// How loud each live room's program is, by EBU R 128.
fn program_loudness(studio: &Studio) -> BTreeMap<EpisodeId, ProgramReading> {
    let rooms = studio.rooms.iter();
    rooms
        .filter_map(|(name, &room)| match name {
            RoomName::Live(episode) => Some((*episode, studio.table.program(room)?)),
            RoomName::Lobby(_) | RoomName::Screening(..) | RoomName::Hold(_) => None,
        })
        .collect()
}

/// How loud each live room's program was since the last time.
fn program_levels(studio: &mut Studio) -> BTreeMap<EpisodeId, Level> {
    let mut levels = BTreeMap::new();
    for (name, &room) in &studio.rooms {
        if let RoomName::Live(episode) = name
            && let Some(level) = studio.table.take_program_level(room)
        {
            levels.insert(*episode, level);
        }
    }
    levels
}

impl Actor for MediaClock {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let Some(studio) = self.studio.take() else {
            return ctx.stop();
        };
        studio::install(studio);
        crate::priority::raise();
        self.next = clock::now();
        self.wait(ctx);
    }
}
