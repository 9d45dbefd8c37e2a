use super::*;
use crate::domain::{
    Arrival, CallerId, Command, DeskSettings, OperatorId, ShowId, UnixMs,
    desk::{EpisodePlan, ShowPlan},
};

const NOW: UnixMs = UnixMs(1_790_000_000_000);
const SHOW: ShowId = ShowId(1);
const EPISODE: EpisodeId = EpisodeId(2);
const CALL: CallId = CallId(3);
const LIVE: RoomName = RoomName::Live(EPISODE);
const SCREENING: RoomName = RoomName::Screening(EPISODE, CALL);

fn operator(id: u128, role: Role) -> Operator {
    Operator {
        id: OperatorId(id),
        name: format!("{} {id}", role.label()),
        role,
    }
}

/// A desk with a show on air and one caller who waits.
fn desk() -> Desk {
    let mut desk = Desk::new(DeskSettings::default());
    let plan = ShowPlan {
        name: Some("Night".into()),
        slug: Some("night".into()),
        ..ShowPlan::default()
    };
    desk.create_show(NOW, SHOW, plan).unwrap();
    desk.create_episode(
        EPISODE,
        EpisodePlan {
            show_id: SHOW,
            title: String::new(),
            scheduled_at: None,
        },
    )
    .unwrap();
    for command in [
        Command::StartShow {
            episode_id: EPISODE,
        },
        Command::OpenLines {
            episode_id: EPISODE,
        },
    ] {
        desk.command(NOW, &operator(9, Role::Admin), &command)
            .unwrap();
    }
    desk.arrive(
        NOW,
        Arrival {
            new_call: CALL,
            new_caller: CallerId(4),
            known: None,
            from: None,
            dialled: "night".into(),
            display_name: String::new(),
            twilio_call_sid: None,
            sip_call_id: Some("x".into()),
        },
    );
    desk.answered(NOW, CALL);
    desk
}

fn status(desk: &Desk, operator: &Operator, room: RoomName) -> u16 {
    admits(desk, operator, room, "somebody", 2).map_or_else(|refusal| refusal.status(), |()| 200)
}

#[test]
fn a_screening_room_is_for_the_one_who_has_the_call_and_for_admins() {
    let mut desk = desk();
    let (ben, eva, admin) = (
        operator(5, Role::Screener),
        operator(6, Role::Screener),
        operator(9, Role::Admin),
    );
    assert_eq!(status(&desk, &ben, SCREENING), 409, "still in the lobby");
    desk.command(NOW, &ben, &Command::PickUp { call_id: CALL })
        .unwrap();
    assert_eq!(
        [&ben, &eva, &admin].map(|who| status(&desk, who, SCREENING)),
        [200, 403, 200]
    );
    assert_eq!(
        status(&desk, &ben, RoomName::Screening(EpisodeId(7), CALL)),
        404,
        "of another episode"
    );
    desk.command(
        NOW,
        &ben,
        &Command::Approve {
            call_id: CALL,
            next: false,
        },
    )
    .unwrap();
    assert_eq!(
        status(&desk, &ben, SCREENING),
        409,
        "approved: no longer there"
    );
}

#[test]
fn the_live_room_is_for_host_co_host_and_admin_while_the_show_is_on() {
    let mut desk = desk();
    let may = |desk: &Desk| {
        [
            Role::Admin,
            Role::Host,
            Role::CoHost,
            Role::Producer,
            Role::Screener,
            Role::Viewer,
        ]
        .map(|role| status(desk, &operator(5, role), LIVE))
    };
    assert_eq!(may(&desk), [200, 200, 200, 403, 403, 403]);
    assert_eq!(
        status(
            &desk,
            &operator(5, Role::Host),
            RoomName::Live(EpisodeId(7))
        ),
        404
    );
    desk.command(
        NOW,
        &operator(5, Role::Host),
        &Command::EndShow {
            episode_id: EPISODE,
        },
    )
    .unwrap();
    assert_eq!(may(&desk)[..3], [409, 409, 409]);
}

#[test]
fn nobody_joins_the_lobby_or_the_hold_room() {
    let desk = desk();
    for role in [Role::Admin, Role::Host, Role::Screener] {
        for room in [
            RoomName::Lobby(None),
            RoomName::Lobby(Some(SHOW)),
            RoomName::Hold(EPISODE),
        ] {
            assert_eq!(status(&desk, &operator(5, role), room), 403, "{room}");
        }
    }
}

#[test]
fn a_full_live_room_lets_in_only_who_is_there_already() {
    let mut desk = desk();
    let host = operator(5, Role::Host);
    desk.browser_joined(LIVE, "PA_1", "host:a");
    assert_eq!(status(&desk, &host, LIVE), 200);
    desk.browser_joined(LIVE, "PA_2", "somebody");
    assert_eq!(
        status(&desk, &host, LIVE),
        200,
        "joins again after a lost connection"
    );
    desk.browser_left(LIVE, "PA_2");
    desk.browser_joined(LIVE, "PA_3", "co-host:b");
    assert_eq!(status(&desk, &host, LIVE), 409);
}

#[test]
fn identities_name_the_operator_and_only_admins_choose_theirs() {
    let host = operator(5, Role::Host);
    let own = pass(&host, LIVE, Alias::default()).unwrap();
    assert_eq!(
        (own.identity, own.name, own.room),
        (
            format!("host:{}", host.id),
            host.name.clone(),
            LIVE.to_string()
        )
    );
    assert_eq!(own.can_publish_sources, ["microphone"]);

    let alias = |identity: &str| Alias {
        identity: Some(identity.to_owned()),
        name: None,
    };
    let refused = |operator: &Operator, identity: &str| {
        pass(operator, LIVE, alias(identity)).unwrap_err().status()
    };
    assert_eq!(refused(&host, "guest"), 403);
    let admin = operator(9, Role::Admin);
    assert_eq!(
        pass(&admin, LIVE, alias("guest")).unwrap().identity,
        "guest"
    );
    for identity in [
        "",
        " ",
        "a\nb",
        &"x".repeat(121),
        "call:0000000000000000000000000a",
    ] {
        assert_eq!(refused(&admin, identity), 400, "{identity:?}");
    }
}
