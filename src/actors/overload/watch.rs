//! Samples the switch twice a second, or every two seconds while no call is up, asks [`Overload`], and tells whoever acts on it.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{
    Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message, dev::ToEnvelope,
    fut::wrap_future,
};

use crate::{
    actors::{
        clock,
        health::Health,
        message::{HealthChanged, LinesUp, Probe, SetOverloaded},
        metrics::Metrics,
        overload::{Marks, Overload, Sample, Strain, ThreadGauge},
        sip::SipActor,
        switchboard::Switchboard,
    },
    net::files,
};

const SAMPLE_EVERY: Duration = Duration::from_millis(500);
/// While no call is up and nothing is strained: each look wakes five threads.
const CALM_EVERY: Duration = Duration::from_secs(2);

/// Whom the watch looks at, and whom it tells.
pub struct WatchPeers {
    /// One for each media thread.
    pub gauges: Vec<Arc<ThreadGauge>>,
    /// Counts calls; is told when `/health` changes.
    pub switchboard: Addr<Switchboard>,
    /// Refuses new calls.
    pub sip: Addr<SipActor>,
    /// `audioroad_overload{reason}`.
    pub metrics: Metrics,
    /// What `/health` and the webhook go by.
    pub health: Arc<Health>,
}

/// A question under way, and how long the last one took.
#[derive(Debug, Default)]
struct Wait {
    asked: Option<Instant>,
    last: Duration,
}

impl Wait {
    fn now(&self, now: Instant) -> Duration {
        let waiting = self.asked.map(|asked| now.saturating_duration_since(asked));
        waiting.unwrap_or_default().max(self.last)
    }
}

/// Watches over everything that a call needs.
pub struct Watch {
    overload: Overload,
    peers: WatchPeers,
    calls: usize,
    at_desk: Wait,
    at_sip: Wait,
}

impl Watch {
    /// A watch that looks once it is started.
    pub fn new(marks: Marks, peers: WatchPeers) -> Self {
        for strain in Strain::ALL {
            peers
                .metrics
                .capacity
                .overload
                .with_label_values(&[strain.label()])
                .set(0);
        }
        Self {
            overload: Overload::new(marks),
            peers,
            calls: 0,
            at_desk: Wait::default(),
            at_sip: Wait::default(),
        }
    }

    fn wait(&self, ctx: &mut Context<Self>) {
        let is_calm = self.calls == 0 && self.overload.is_calm();
        let until_then = if is_calm { CALM_EVERY } else { SAMPLE_EVERY };
        ctx.run_later(until_then, |watch, ctx| {
            watch.look(ctx);
            watch.wait(ctx);
        });
    }

    fn look(&mut self, ctx: &mut Context<Self>) {
        let now = clock::now();
        let sample = Sample {
            threads: self
                .peers
                .gauges
                .iter()
                .map(|gauge| gauge.sample(now))
                .collect(),
            calls: self.calls,
            wait: self.at_desk.now(now).max(self.at_sip.now(now)),
            files: files::used_and_most(),
        };
        if let Some(strains) = self.overload.judge(now, sample) {
            let strains = strains.clone();
            self.tell(&strains);
        }
        self.ask(ctx);
    }

    fn tell(&self, strains: &BTreeSet<Strain>) {
        let labels: Vec<&str> = strains.iter().map(|strain| strain.label()).collect();
        let reasons = labels.join(",");
        if strains.is_empty() {
            tracing::info!("new calls are taken again");
        } else {
            tracing::warn!(reasons, "new calls are refused: overload");
        }
        for strain in Strain::ALL {
            let gauge = self
                .peers
                .metrics
                .capacity
                .overload
                .with_label_values(&[strain.label()]);
            gauge.set(strains.contains(&strain).into());
        }
        self.peers.sip.do_send(SetOverloaded(!strains.is_empty()));
        self.peers
            .health
            .set_overload(strains.iter().copied().collect());
        self.peers.switchboard.do_send(HealthChanged);
    }

    /// Asks both mailboxes, unless the last question still waits there.
    fn ask(&mut self, ctx: &mut Context<Self>) {
        let now = clock::now();
        if self.at_desk.asked.is_none() {
            self.at_desk.asked = Some(now);
            answered(&self.peers.switchboard, LinesUp, ctx, |watch, lines| {
                watch.at_desk.settle();
                watch.calls = lines;
            });
        }
        if self.at_sip.asked.is_none() {
            self.at_sip.asked = Some(now);
            answered(&self.peers.sip, Probe, ctx, |watch, ()| {
                watch.at_sip.settle()
            });
        }
    }
}

impl Wait {
    fn settle(&mut self) {
        if let Some(asked) = self.asked.take() {
            self.last = clock::now().saturating_duration_since(asked);
        }
    }
}

/// Hands the answer on, when there is one: an actor that is gone never answers, and that is a strain, too.
fn answered<A, M>(
    actor: &Addr<A>,
    question: M,
    ctx: &mut Context<Watch>,
    then: impl FnOnce(&mut Watch, M::Result) + 'static,
) where
    A: Actor + Handler<M>,
    A::Context: ToEnvelope<A, M>,
    M: Message<Result: Send> + Send + 'static,
{
    let answer = wrap_future::<_, Watch>(actor.send(question));
    ctx.spawn(answer.map(move |answer, watch, _| {
        if let Ok(answer) = answer {
            then(watch, answer);
        }
    }));
}

impl Actor for Watch {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.wait(ctx);
    }
}
