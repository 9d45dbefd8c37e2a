//! Scripts: these presses, this picture.

mod arrivals;
mod calls_out;
mod moderation;
mod moves;
mod queue;
mod random;
mod sound;

use super::*;
use crate::domain::{
    command::{Card, Command},
    effect::Verdict,
    operator::{Operator, Role},
    show::NextPolicy,
};

const T0: UnixMs = UnixMs(1_790_000_000_000);

fn at(seconds: i64) -> UnixMs {
    T0.plus_ms(seconds * 1000)
}

fn person(id: u128, name: &str, role: Role) -> Operator {
    Operator {
        id: OperatorId(id),
        name: name.into(),
        role,
    }
}

struct Station {
    desk: Desk,
    episode: EpisodeId,
    calls: u128,
    ada: Operator,
    ben: Operator,
    hal: Operator,
}

impl Station {
    /// Calls as dashboards are shown them.
    fn views(&self, drained: &Drained) -> Vec<CallView> {
        self.desk.views_of(&drained.published)
    }

    /// One show on air with its lines open, two screeners and a host.
    fn on_air() -> Self {
        Self::with(DeskSettings::default())
    }

    fn with(settings: DeskSettings) -> Self {
        let mut desk = Desk::new(settings);
        let plan = ShowPlan {
            name: Some("Road Talk".into()),
            slug: Some("road-talk".into()),
            phone_numbers: Some(vec!["+15550100000".into()]),
            next_policy: None,
        };
        desk.create_show(T0, ShowId(1), plan).unwrap();
        let plan = EpisodePlan {
            show_id: ShowId(1),
            title: "Tolls".into(),
            scheduled_at: None,
        };
        let episode = desk.create_episode(EpisodeId(1), plan).unwrap().id;
        let mut station = Self {
            desk,
            episode,
            calls: 100,
            ada: person(1, "Ada", Role::Screener),
            ben: person(2, "Ben", Role::Screener),
            hal: person(3, "Hal", Role::Host),
        };
        let hal = station.hal.clone();
        station
            .press(
                &hal,
                Command::StartShow {
                    episode_id: episode,
                },
            )
            .unwrap();
        station
            .press(
                &hal,
                Command::OpenLines {
                    episode_id: episode,
                },
            )
            .unwrap();
        station.desk.drain();
        station
    }

    fn press(&mut self, by: &Operator, command: Command) -> Result<Reply, Refusal> {
        self.desk.command(at(60), by, &command)
    }

    fn arrival(&mut self, from: Option<&str>) -> Arrival {
        self.calls += 1;
        Arrival {
            new_call: CallId(self.calls),
            new_caller: CallerId(self.calls),
            known: None,
            from: from.map(str::to_owned),
            dialled: "+15550100000".into(),
            display_name: String::new(),
            twilio_call_sid: None,
            sip_call_id: Some(format!("{}@trunk", self.calls)),
        }
    }

    fn ring(&mut self, from: Option<&str>) -> Verdict {
        let arrival = self.arrival(from);
        self.desk.arrive(at(1), arrival)
    }

    fn caller(&mut self) -> CallId {
        let Verdict::Admit { call, .. } = self.ring(None) else {
            panic!("not admitted")
        };
        self.desk.answered(at(1), call);
        call
    }

    fn held(&mut self) -> CallId {
        let call = self.caller();
        let ada = self.ada.clone();
        self.press(&ada, Command::PickUp { call_id: call }).unwrap();
        self.press(
            &ada,
            Command::Approve {
                call_id: call,
                next: false,
            },
        )
        .unwrap();
        call
    }

    fn aired(&mut self) -> CallId {
        let call = self.held();
        let hal = self.hal.clone();
        self.press(&hal, Command::PutOnAir { call_id: call })
            .unwrap();
        call
    }

    fn stage(&self, call: CallId) -> Stage {
        self.desk.call(call).unwrap().stage
    }
}
