//! What a departure costs the desk: the first of a lobby hangs up, everybody behind moves up and is told. Beside it in the same run the
//! bare walk: a queue of numbers whose first goes, and the new place of each of the others.

use std::collections::{HashMap, VecDeque};
use std::hint::black_box;

use audioroad::domain::{
    Arrival, CallId, CallerId, Cause, Command, Desk, DeskSettings, EpisodeId, Limits, Operator,
    OperatorId, Role, ShowId, UnixMs,
    desk::{EpisodePlan, ShowPlan},
};
use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};

const NOW: UnixMs = UnixMs(1_790_000_000_000);
const WAITING: [u32; 3] = [10, 100, 1000];

fn press(desk: &mut Desk, command: &Command) {
    let admin = Operator {
        id: OperatorId(1),
        name: "Ada".into(),
        role: Role::Admin,
    };
    desk.command(NOW, &admin, command).expect("a legal command");
}

/// A show on air with so many callers in its lobby.
fn lobby(waiting: u32) -> Desk {
    let mut desk = Desk::new(DeskSettings {
        limits: Limits {
            lobby: usize::MAX,
            ..Limits::default()
        },
        ..DeskSettings::default()
    });
    let show = ShowPlan {
        name: Some("Road Talk".into()),
        slug: Some("road-talk".into()),
        ..ShowPlan::default()
    };
    desk.create_show(NOW, ShowId(1), show).expect("a show");
    let episode = EpisodePlan {
        show_id: ShowId(1),
        title: String::new(),
        scheduled_at: None,
    };
    let episode = desk.create_episode(EpisodeId(1), episode);
    let episode_id = episode.expect("an episode").id;
    press(&mut desk, &Command::StartShow { episode_id });
    press(&mut desk, &Command::OpenLines { episode_id });
    for caller in 0..u128::from(waiting) {
        let call = CallId(caller);
        desk.arrive(
            NOW,
            Arrival {
                new_call: call,
                new_caller: CallerId(caller),
                known: None,
                from: Some(format!("+1555{caller:07}")),
                dialled: "lobby".into(),
                display_name: String::new(),
                twilio_call_sid: None,
                sip_call_id: Some(format!("{caller}@198.51.100.1")),
            },
        );
        desk.answered(NOW, call);
    }
    desk.drain();
    desk
}

fn departures(c: &mut Criterion) {
    let mut group = c.benchmark_group("the first of a lobby leaves");
    for waiting in WAITING {
        let full = lobby(waiting);
        group.bench_function(BenchmarkId::new("desk", waiting), |b| {
            let leave = |mut desk: Desk| {
                desk.gone(NOW, CallId(0), Cause::CallerHungUp, None);
                (desk.drain(), desk)
            };
            b.iter_batched(|| full.clone(), leave, BatchSize::LargeInput);
        });
        let queue: VecDeque<u128> = (0..u128::from(waiting)).collect();
        group.bench_function(BenchmarkId::new("bare walk", waiting), |b| {
            let leave = |(mut queue, mut places): (VecDeque<u128>, HashMap<u128, usize>)| {
                queue.pop_front();
                for (place, &call) in queue.iter().enumerate() {
                    places.insert(call, place);
                }
                (black_box(places), queue)
            };
            let full = || {
                let places = queue.iter().enumerate();
                let places = places.map(|(place, &call)| (call, place)).collect();
                (queue.clone(), places)
            };
            b.iter_batched(full, leave, BatchSize::LargeInput);
        });
    }
    group.finish();
}

criterion_group!(benches, departures);
criterion_main!(benches);
