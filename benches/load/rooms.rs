//! Scenarios in which callers are up and speak: all on air, on hold, and pairs beside a relay.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::bare::Bare;
use crate::crowd::{Crowd, Heard};
use crate::janus::Janus;
use crate::livekit_sip::{self, LiveKitSip};
use crate::machine::Watch;
use crate::network::{BadNetwork, Faults};
use crate::ours::{Ours, Place};
use crate::record::{Figures, OURS, Record, Taken};
use crate::rtpengine::RtpEngine;

/// Buffers find their depth.
const WARM_UP: Duration = Duration::from_secs(2);
/// Who speaks to those on hold.
const TALKERS: usize = 3;
/// Callers on air who are heard by each other.
const ON_AIR: [usize; 5] = [20, 50, 100, 200, 400];
/// Those that LiveKit's SIP service carries on one core.
const FEW_ON_AIR: [usize; 3] = [5, 10, 15];
const ON_HOLD: [usize; 4] = [50, 100, 200, 400];
/// More than the peer carries.
const MANY_ON_HOLD: [usize; 2] = [1000, 2000];
/// Frames that packets of those wait whom nobody hears, in the switch and in the floor beside it.
const HOLD_READS_EVERY: usize = 4;
const RELAYED: [usize; 2] = [100, 200];
/// A mobile telephone on a poor day.
const POOR: Faults = Faults {
    seed: 7,
    loss: 0.01,
    doubled: 0.002,
    overtaken: 0.002,
    jitter_ms: 20,
};

/// How long, how often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) step: Duration,
    pub(crate) rounds: usize,
}

/// Whoever takes part in a scenario, in one round.
type Turn = fn(&mut Record, usize, Pace) -> Result<()>;

/// All of them in each round, the other way round in every second one.
fn in_turn(record: &mut Record, pace: Pace, turns: &[Turn]) -> Result<()> {
    for round in 1..=pace.rounds {
        let mut turns = turns.to_vec();
        if round % 2 == 0 {
            turns.reverse();
        }
        for turn in turns {
            turn(record, round, pace)?;
        }
    }
    Ok(())
}

/// L1: everybody on air hears everybody else.
pub(crate) fn mix(record: &mut Record, pace: Pace) -> Result<()> {
    let ours: Turn = |record, round, pace| {
        let mut ours = Ours::live()?;
        for callers in ON_AIR {
            ours.grow(callers, Place::Air)?;
            let pid = ours.switch.pid();
            record.take(("mix", OURS), (callers, round), || {
                listen(&mut ours.crowd, pid, pace.step)
            })?;
        }
        Ok(())
    };
    let bare: Turn = |record, round, pace| {
        for callers in ON_AIR {
            floor(record, ("mix", 1), (callers, round), pace)?;
        }
        Ok(())
    };
    let janus: Turn = |record, round, pace| {
        let Some(mut janus) = Janus::start()? else {
            return record.note("Janus is not installed: scripts/install-packages bench");
        };
        for callers in ON_AIR {
            janus.grow(callers, usize::MAX)?;
            let pid = janus.program.pid();
            record.take(("mix", "Janus"), (callers, round), || {
                listen(&mut janus.crowd, pid, pace.step)
            })?;
        }
        Ok(())
    };
    in_turn(record, pace, &[ours, bare, janus])
}

/// L2: three speak, the others wait and hear them.
pub(crate) fn hold(record: &mut Record, pace: Pace) -> Result<()> {
    let ours: Turn = |record, round, pace| {
        let mut ours = Ours::live()?;
        ours.grow(TALKERS, Place::Air)?;
        for callers in ON_HOLD.iter().chain(&MANY_ON_HOLD).copied() {
            ours.grow(callers, Place::Hold)?;
            let pid = ours.switch.pid();
            record.take(("hold", OURS), (callers, round), || {
                listen(&mut ours.crowd, pid, pace.step)
            })?;
        }
        Ok(())
    };
    let bare: Turn = |record, round, pace| {
        for callers in ON_HOLD.iter().chain(&MANY_ON_HOLD).copied() {
            floor(record, ("hold", HOLD_READS_EVERY), (callers, round), pace)?;
        }
        Ok(())
    };
    let janus: Turn = |record, round, pace| {
        let Some(mut janus) = Janus::start()? else {
            return record.note("Janus is not installed: scripts/install-packages bench");
        };
        for callers in ON_HOLD {
            janus.grow(callers, TALKERS)?;
            let pid = janus.program.pid();
            record.take(("hold", "Janus"), (callers, round), || {
                listen(&mut janus.crowd, pid, pace.step)
            })?;
        }
        Ok(())
    };
    in_turn(record, pace, &[ours, bare, janus])
}

/// Callers on air beside the service that is replaced, which decodes everybody for everybody.
pub(crate) fn livekit_sip(record: &mut Record, pace: Pace) -> Result<()> {
    if !livekit_sip::is_named() {
        return record.note("livekit-sip: AUDIOROAD_LIVEKIT_SIP does not name the program");
    }
    for round in 1..=pace.rounds {
        let mut ours = Ours::live()?;
        for callers in FEW_ON_AIR {
            ours.grow(callers, Place::Air)?;
            let pid = ours.switch.pid();
            record.take(("livekit-sip", OURS), (callers, round), || {
                listen(&mut ours.crowd, pid, pace.step)
            })?;
        }
        drop(ours);
        let Some(mut peer) = LiveKitSip::start()? else {
            record.note("livekit-sip: scripts/livekit-server and redis-server are needed, too")?;
            continue;
        };
        for callers in FEW_ON_AIR {
            peer.grow(callers)?;
            let pid = peer.program.pid();
            record.take(("livekit-sip", "LiveKit SIP"), (callers, round), || {
                listen(&mut peer.crowd, pid, pace.step)
            })?;
        }
    }
    Ok(())
}

/// L4: packets a core, beside a relay that does not look into them.
pub(crate) fn relay(record: &mut Record, pace: Pace) -> Result<()> {
    let ours: Turn = |record, round, pace| {
        for (who, place) in [(OURS, Place::Air), ("audioroad, hold", Place::Hold)] {
            let mut ours = Ours::live()?;
            ours.grow(TALKERS, Place::Air)?;
            for legs in RELAYED {
                ours.grow(legs, place)?;
                let pid = ours.switch.pid();
                record.take(("relay", who), (legs, round), || {
                    relayed(&mut ours.crowd, pid, pace.step)
                })?;
            }
        }
        Ok(())
    };
    let engine: Turn = |record, round, pace| {
        let Some(mut engine) = RtpEngine::start()? else {
            return record.note("rtpengine is not installed: scripts/install-packages bench");
        };
        for legs in RELAYED {
            engine.grow(legs)?;
            let pid = engine.program.pid();
            record.take(("relay", "rtpengine"), (legs, round), || {
                relayed(&mut engine.crowd, pid, pace.step)
            })?;
        }
        Ok(())
    };
    in_turn(record, pace, &[ours, engine])
}

/// Six on air by a network that loses, delays, overtakes and doubles.
pub(crate) fn poor_network(record: &mut Record, pace: Pace) -> Result<()> {
    const CALLERS: usize = 6;
    for round in 1..=pace.rounds {
        let mut ours = Ours::live()?;
        ours.grow(CALLERS, Place::Air)?;
        let pid = ours.switch.pid();
        let clean = |ours: &mut Ours| listen(&mut ours.crowd, pid, 2 * pace.step);
        record.take(("network", OURS), (CALLERS, round), || clean(&mut ours))?;
        ours.crowd.network = Some(BadNetwork::new(POOR));
        record.take(
            ("network", "audioroad, poor network"),
            (CALLERS, round),
            || clean(&mut ours),
        )?;
    }
    Ok(())
}

/// What the same packets cost without anything but the kernel.
fn floor(
    record: &mut Record,
    (scenario, reads_every): (&'static str, usize),
    (callers, round): (usize, usize),
    pace: Pace,
) -> Result<()> {
    let mut bare = Bare::start(callers, reads_every)?;
    let pid = bare.program.pid();
    record.take((scenario, "bare sockets"), (callers, round), || {
        listen(&mut bare.crowd, pid, pace.step)
    })
}

/// Speaks and listens, once buffers have found their depth.
pub(crate) fn listen(crowd: &mut Crowd, pid: u32, time: Duration) -> Result<Taken> {
    listen_while(crowd, pid, time, |_| Ok(()))
}

/// The same with something that happens besides.
pub(crate) fn listen_while(
    crowd: &mut Crowd,
    pid: u32,
    time: Duration,
    meanwhile: impl FnMut(Instant) -> Result<()>,
) -> Result<Taken> {
    crowd.run(WARM_UP, |_| Ok(()))?;
    let watch = Watch::begin(pid)?;
    let heard = crowd.run(time, meanwhile)?;
    Ok(Taken {
        reading: watch.end()?,
        heard: Some(heard),
        figures: Figures::new(),
    })
}

/// The same, with the packets that a whole core would take in and send.
fn relayed(crowd: &mut Crowd, pid: u32, time: Duration) -> Result<Taken> {
    let mut taken = listen(crowd, pid, time)?;
    let packets = |heard: &Heard| (heard.sent + heard.received) as f64 / time.as_secs_f64();
    let a_core = taken.heard.as_ref().map_or(f64::NAN, packets) / taken.reading.tested_cores;
    taken
        .figures
        .insert("thousand packets a second and core", a_core / 1000.0);
    Ok(taken)
}
