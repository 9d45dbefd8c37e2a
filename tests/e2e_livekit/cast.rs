//! Who is in a show that loses its LiveKit server: Ann and Ben on air, Cleo on hold, a host; what a loss cost them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use crate::ear::Ears;
use crate::hearing::{first_heard, longest_absence, longest_silence_ms};
use crate::livekit::LiveKitPerson;
use crate::livekit_server::LiveKitServer;
use crate::show::{Caller, Show, wait_for_callers};
use crate::switch::eventually;

/// Tones in Hz: between the notes of music tuned to 440 Hz, no multiple or difference of one another.
const ANN: f32 = 539.0;
const BEN: f32 = 761.9;
const CLEO: f32 = 339.3;
pub(crate) const HOST: f32 = 1142.3;

/// Everybody is back by then, or something is broken.
const PATIENCE: Duration = Duration::from_secs(20);
/// A voice may be away for so long: the jitter of a busy machine, not the loss of a server.
const ABSENCE_MAX: Duration = Duration::from_millis(200);
const SILENCE_MS_MAX: f32 = 20.0;
/// A fault of the switch comes with every loss; one of a busy machine does not.
const ROUGH_LOSSES_MAX: usize = 2;

pub(crate) struct Cast {
    pub(crate) show: Show,
    /// Ann and Ben are on air, Cleo is on hold.
    pub(crate) callers: Vec<Caller>,
    pub(crate) host: LiveKitPerson,
    ears: Ears,
}

/// What one loss was like.
#[derive(Debug)]
pub(crate) struct Loss {
    what: String,
    /// How long it may take until everybody is back.
    back_max: Duration,
    /// From the return of what was lost until the server shows both callers on air, each once, with one track.
    shown: Duration,
    /// ... until the host hears both.
    host_hears: Duration,
    /// ... until each of the three callers hears the host.
    callers_hear: Duration,
    /// The longest time for which Ann or Ben did not hear the other, or Cleo one of them.
    absence: Duration,
    /// The longest silence in any of the three ears, in ms.
    silence_ms: f32,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |time: Duration| time.as_secs_f32();
        write!(
            f,
            "{}; afterwards callers shown in {:.2} s, heard by the host in {:.2} s, and hearing the host in {:.2} s; \
             a voice away for {} ms at most, silence of {} ms",
            self.what,
            seconds(self.shown),
            seconds(self.host_hears),
            seconds(self.callers_hear),
            self.absence.as_millis(),
            self.silence_ms
        )
    }
}

impl Cast {
    /// All of them at their places, everybody hearing everybody.
    pub(crate) fn on_air(show: Show, host: LiveKitPerson) -> Self {
        let callers = [
            ("+15550100101", ANN),
            ("+15550100102", BEN),
            ("+15550100103", CLEO),
        ];
        let callers: Vec<Caller> = callers.map(|(number, hz)| show.rings(number, hz)).into();
        show.air(&callers[0]);
        show.air(&callers[1]);
        show.hold(&callers[2]);
        let ears = Ears::new(&[ANN, BEN, CLEO, HOST]).patient(PATIENCE);
        let cast = Self {
            show,
            callers,
            host,
            ears,
        };
        cast.check("before any loss", &[HOST]);
        cast
    }

    /// The callers on air.
    fn on_air_now(&self) -> Vec<&Caller> {
        self.callers.iter().take(2).collect()
    }

    /// Every caller hears who is on air, and `more`, and nobody else.
    pub(crate) fn check(&self, when: &str, more: &[f32]) {
        std::thread::scope(|scope| {
            for caller in &self.callers {
                let air = [ANN, BEN].into_iter().filter(|hz| *hz != caller.tone);
                let expected: Vec<f32> = air.chain(more.iter().copied()).collect();
                let who = format!("{when}: {} Hz", caller.tone);
                scope.spawn(move || self.ears.hears(&who, &caller.call, &expected));
            }
        });
    }

    /// The last moment when all is well; what is heard from now on counts.
    pub(crate) fn begin(&self) {
        let all = self.on_air_now().into_iter();
        let all: BTreeMap<_, _> = all.map(|one| (one.identity(), one.tone)).collect();
        self.host.hears(&all);
        self.callers.iter().for_each(Caller::forget);
    }

    /// Waits until all is as it was before `what`, whose cause went at `back`; what it cost.
    pub(crate) fn recover(
        &self,
        (what, back_max): (&str, Duration),
        server: &LiveKitServer,
        back: Instant,
    ) -> Loss {
        let (room, on_air) = (self.show.room(), self.on_air_now());
        let shown = wait_for_callers(server, &room, &on_air).saturating_duration_since(back);
        let host_hears = eventually(&format!("{what}: the host hears both again"), || {
            let firsts = on_air.iter().map(|caller| {
                let heard = self.host.first_heard(back, &caller.identity(), caller.tone);
                heard.ok_or_else(|| format!("not {}", caller.identity()))
            });
            let firsts: Result<Vec<Instant>, String> = firsts.collect();
            firsts.map(|all| latest(back, all))
        });
        self.check(what, &[HOST]);
        wait_for_callers(server, &room, &on_air);
        self.loss((what, back_max), back, (shown, host_hears))
    }

    fn loss(
        &self,
        (what, back_max): (&str, Duration),
        back: Instant,
        (shown, host_hears): (Duration, Duration),
    ) -> Loss {
        let (mut absence, mut silence_ms, mut hear) = (Duration::ZERO, 0.0_f32, Vec::new());
        for caller in &self.callers {
            let heard = caller.heard();
            for hz in [ANN, BEN].into_iter().filter(|hz| *hz != caller.tone) {
                absence = absence.max(longest_absence(&heard, hz));
            }
            silence_ms = silence_ms.max(longest_silence_ms(&heard));
            let host = first_heard(&heard, HOST, back);
            hear.push(host.expect("the host is heard again"));
        }
        Loss {
            what: what.to_owned(),
            back_max,
            shown,
            host_hears,
            callers_hear: latest(back, hear),
            absence,
            silence_ms,
        }
    }
}

/// No call noticed, and everybody was back in time.
pub(crate) fn judge(losses: &[Loss]) {
    let rough = losses
        .iter()
        .filter(|loss| loss.silence_ms > SILENCE_MS_MAX);
    assert!(
        rough.count() <= ROUGH_LOSSES_MAX,
        "silences with many losses: {losses:#?}"
    );
    for loss in losses {
        assert!(loss.absence <= ABSENCE_MAX, "a voice was away: {loss:?}");
        let back = loss.shown.max(loss.host_hears).max(loss.callers_hear);
        assert!(back <= loss.back_max, "too late: {loss:?}");
    }
}

fn latest(from: Instant, all: Vec<Instant>) -> Duration {
    let last = all.into_iter().max().expect("somebody");
    last.saturating_duration_since(from)
}
