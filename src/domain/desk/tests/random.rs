//! Whatever people press, the picture stays whole.

use super::*;
use crate::domain::command::NewIds;

/// Ten thousand random presses by random people on forty calls: whatever they do, the picture stays whole.
#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one story from its beginning to its end"
)]
fn random_presses_keep_the_picture_whole() {
    let mut station = Station::on_air();
    station.desk.set_calls_out(CallsOut {
        has_way: true,
        allow: "+1".parse().unwrap(),
        calls_max: 6,
        ring_ms_max: 60_000,
        ..CallsOut::default()
    });
    let mut seed = 0x5eed_u64;
    let mut roll = move |below: u64| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let people = [
        Role::Admin,
        Role::Host,
        Role::CoHost,
        Role::Producer,
        Role::Screener,
        Role::Screener,
        Role::Viewer,
    ];
    let mut calls: Vec<CallId> = Vec::new();
    let mut aired_guests = 0;
    let mut dashboard = BTreeMap::new();
    let episode_id = station.episode;
    for turn in 0..10_000 {
        let who = roll(people.len() as u64);
        let by = person(u128::from(who), "Somebody", people[who as usize]);
        if (calls.len() < 40 || roll(20) == 0)
            && let Verdict::Admit { call, .. } = station.ring(None)
        {
            station.desk.answered(at(1), call);
            calls.push(call);
        }
        if roll(30) == 0 {
            let ringing: Vec<CallId> = station
                .desk
                .open_calls()
                .filter(|call| call.direction == Direction::Outbound && call.ringing())
                .map(|call| call.id)
                .collect();
            ringing
                .into_iter()
                .for_each(|call| station.desk.answered(at(turn), call));
        }
        let call_id = calls[roll(calls.len() as u64) as usize];
        let other = calls[roll(calls.len() as u64) as usize];
        let command = match roll(15) {
            12 => Command::Dial {
                episode_id,
                number: format!("+1555{:07}", roll(30)),
                name: None,
                point: None,
                ids: NewIds {
                    call: CallId(1_000_000 + turn as u128),
                    caller: CallerId(1_000_000 + turn as u128),
                },
            },
            13 => Command::RecordConsent { call_id },
            14 => Command::WithdrawConsent { call_id },
            0 | 1 => Command::PickUp { call_id },
            2 => Command::PickUpNext { episode_id },
            3 => Command::Approve {
                call_id,
                next: roll(2) == 0,
            },
            4 => Command::BackToLobby { call_id },
            5 => Command::PutOnAir { call_id },
            6 => Command::PutOnHold { call_id },
            7 => Command::Next { episode_id },
            8 => Command::SetMuted {
                call_id,
                muted: roll(2) == 0,
            },
            9 => Command::Drop { call_id },
            10 => Command::Reorder {
                call_id,
                before: Some(other),
            },
            _ => Command::SetNext {
                call_id,
                next: roll(2) == 0,
            },
        };
        let before: Vec<(CallId, Stage)> = station
            .desk
            .calls
            .values()
            .map(|c| (c.id, c.stage))
            .collect();
        let done = station.desk.command(at(turn), &by, &command);
        if done.is_err() {
            let after: Vec<(CallId, Stage)> = station
                .desk
                .calls
                .values()
                .map(|c| (c.id, c.stage))
                .collect();
            assert_eq!(before, after, "a refused command changes nothing");
        }
        if let (
            Command::Dial { .. },
            Ok(Reply {
                call_id: Some(made),
                ..
            }),
        ) = (&command, &done)
        {
            calls.push(*made);
        }
        let drained = station.desk.drain();
        take(&mut dashboard, &drained, station.views(&drained));
        let (_, _, views) = station.desk.views();
        assert!(
            views.iter().eq(dashboard.values()),
            "who was told each change knows what a newcomer is told"
        );
        for call in &drained.calls {
            assert!(
                call.stage != Stage::OnAir || call.may_be_aired(),
                "on air without having been told"
            );
            aired_guests +=
                usize::from(call.stage == Stage::OnAir && call.direction == Direction::Outbound);
            assert_eq!(call.stage == Stage::Completed, call.cause.is_some());
            assert_eq!(call.stage == Stage::OnAir, call.times.on_air.is_some());
        }
        calls.retain(|id| {
            station
                .desk
                .call(*id)
                .is_some_and(|call| call.stage != Stage::Completed)
        });
        let episode = station.desk.episode(episode_id).unwrap();
        let mut queue = episode.hold_order.clone();
        queue.sort_unstable();
        let held: Vec<CallId> = station
            .desk
            .open_calls()
            .filter(|c| c.stage == Stage::OnHold)
            .map(|c| c.id)
            .collect();
        assert_eq!(queue, held, "the queue is exactly who is on hold");
        assert!(episode.next.is_none_or(|next| held.contains(&next)));
        let limits = station.desk.settings.limits;
        assert!(held.len() <= limits.hold);
        assert!(
            station
                .desk
                .open_calls()
                .filter(|c| c.stage == Stage::OnAir)
                .count()
                <= limits.live
        );
    }
    assert!(aired_guests > 0, "some were told");
}

/// What a dashboard does with a change.
fn take(dashboard: &mut BTreeMap<CallId, CallView>, drained: &Drained, views: Vec<CallView>) {
    dashboard.extend(views.into_iter().map(|view| (view.id, view)));
    for (id, place) in &drained.places {
        dashboard.get_mut(id).expect("a known call").position = Some(*place);
    }
    for id in &drained.removed_calls {
        dashboard.remove(id);
    }
}
