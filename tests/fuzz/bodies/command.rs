//! Frames of dashboards, a line each, against the desk: whatever is pressed, the picture stays whole.
//!
//! The first octet of a line says who presses, the rest is the frame's JSON.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use audioroad::domain::{
    Arrival, CallId, CallerId, Command, Desk, DeskSettings, EpisodeId, Operator, OperatorId, Role,
    ShowId, Stage, UnixMs, Verdict,
    desk::{EpisodePlan, ShowPlan},
};

/// The first of the calls that wait; seeds name it and those after it.
const FIRST_CALL: u128 = 100;
const CALLS: u128 = 6;
const EPISODE: EpisodeId = EpisodeId(1);
const FRAMES_MAX: usize = 32;
const ROLES: [Role; 6] = [
    Role::Admin,
    Role::Host,
    Role::CoHost,
    Role::Producer,
    Role::Screener,
    Role::Viewer,
];

pub(crate) fn run(data: &[u8]) {
    static ON_AIR: OnceLock<Desk> = OnceLock::new();
    let mut desk = ON_AIR.get_or_init(on_air).clone();
    for (at, line) in data
        .split(|octet| *octet == b'\n')
        .take(FRAMES_MAX)
        .enumerate()
    {
        let Some((who, frame)) = line.split_first() else {
            continue;
        };
        let Ok(command) = serde_json::from_slice::<Command>(frame) else {
            continue;
        };
        let who = usize::from(*who) % ROLES.len();
        let by = Operator {
            id: OperatorId(who as u128 + 1),
            name: "Somebody".to_owned(),
            role: ROLES[who],
        };
        let before = stages(&desk);
        if desk.command(at_second(at), &by, &command).is_err() {
            assert_eq!(before, stages(&desk), "a refused command changes nothing");
        }
        is_whole(&mut desk);
        let written = serde_json::to_string(&command).expect("a command is written");
        let again: Command = serde_json::from_str(&written).expect("what we wrote");
        assert_eq!(again, command);
    }
    serde_json::to_string(&desk.views()).expect("the picture is written");
}

fn at_second(second: usize) -> UnixMs {
    UnixMs(1_790_000_000_000).plus_ms(second as i64 * 1000)
}

/// A show on air with some calls in its lobby.
fn on_air() -> Desk {
    let mut desk = Desk::new(DeskSettings::default());
    let now = at_second(0);
    let plan = ShowPlan {
        name: Some("Road Talk".to_owned()),
        slug: Some("road-talk".to_owned()),
        phone_numbers: Some(vec!["+15550100000".to_owned()]),
        next_policy: None,
    };
    desk.create_show(now, ShowId(1), plan).expect("a show");
    let plan = EpisodePlan {
        show_id: ShowId(1),
        title: "Tolls".to_owned(),
        scheduled_at: None,
    };
    desk.create_episode(EPISODE, plan).expect("an episode");
    let host = Operator {
        id: OperatorId(9),
        name: "Hal".to_owned(),
        role: Role::Host,
    };
    let episode_id = EPISODE;
    for command in [
        Command::StartShow { episode_id },
        Command::OpenLines { episode_id },
    ] {
        desk.command(now, &host, &command).expect("lines that open");
    }
    for call in 0..CALLS {
        let arrival = Arrival {
            new_call: CallId(FIRST_CALL + call),
            new_caller: CallerId(FIRST_CALL + call),
            known: None,
            from: None,
            dialled: "+15550100000".to_owned(),
            display_name: String::new(),
            twilio_call_sid: None,
            sip_call_id: None,
        };
        if let Verdict::Admit { call, .. } = desk.arrive(now, arrival) {
            desk.answered(now, call);
        }
    }
    desk
}

fn stages(desk: &Desk) -> BTreeMap<CallId, Stage> {
    desk.open_calls()
        .map(|call| (call.id, call.stage))
        .collect()
}

fn is_whole(desk: &mut Desk) {
    desk.drain();
    let held: Vec<CallId> = stages(desk)
        .into_iter()
        .filter(|(_, stage)| *stage == Stage::OnHold)
        .map(|(id, _)| id)
        .collect();
    let on_air = stages(desk)
        .values()
        .filter(|stage| **stage == Stage::OnAir)
        .count();
    assert!(held.len() <= desk.limits().hold && on_air <= desk.limits().live);
    let episode = desk.episode(EPISODE).expect("the episode");
    let mut queue = episode.hold_order.clone();
    queue.sort_unstable();
    assert_eq!(queue, held, "the queue is exactly who is on hold");
    assert!(episode.next.is_none_or(|next| held.contains(&next)));
}
