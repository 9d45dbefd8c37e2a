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

const ROLES: [Role; 6] = [
    Role::Admin,
    Role::Host,
    Role::CoHost,
    Role::Producer,
    Role::Screener,
    Role::Viewer,
];

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

fn enters(desk: &Desk, operator: &Operator, room: RoomName, speaks: bool) -> u16 {
    let entry = Entry {
        operator: operator.clone(),
        room,
        identity: "somebody".into(),
        speaks,
        live_limit: 2,
    };
    admits(desk, &entry).map_or_else(|refusal| refusal.status(), |()| 200)
}

/// To speak.
fn status(desk: &Desk, operator: &Operator, room: RoomName) -> u16 {
    enters(desk, operator, room, true)
}

/// To listen alone.
fn listens(desk: &Desk, operator: &Operator, room: RoomName) -> u16 {
    enters(desk, operator, room, false)
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
    let may = |desk: &Desk| ROLES.map(|role| status(desk, &operator(5, role), LIVE));
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
    let own = pass(&host, LIVE, RoomWish::default()).unwrap();
    assert_eq!(
        (own.identity, own.name, own.room),
        (
            format!("host:{}", host.id),
            host.name.clone(),
            LIVE.to_string()
        )
    );
    assert_eq!(own.can_publish_sources, ["microphone"]);

    let alias = |identity: &str| RoomWish {
        identity: Some(identity.to_owned()),
        ..RoomWish::default()
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
        "switch:studio:live",
    ] {
        assert_eq!(refused(&admin, identity), 400, "{identity:?}");
    }
}

#[test]
fn everybody_may_listen_to_the_live_room_while_the_show_is_on_and_to_nothing_else() {
    let mut desk = desk();
    let may = |desk: &Desk, room| ROLES.map(|role| listens(desk, &operator(5, role), room));
    assert_eq!(may(&desk, LIVE), [200; 6]);
    for room in [RoomName::Lobby(None), RoomName::Hold(EPISODE), SCREENING] {
        assert_eq!(may(&desk, room), [403; 6], "{room}");
    }
    let ben = operator(5, Role::Screener);
    desk.command(NOW, &ben, &Command::PickUp { call_id: CALL })
        .unwrap();
    assert_eq!(
        listens(&desk, &ben, SCREENING),
        403,
        "his own caller, too: he speaks or stays away"
    );
    assert_eq!(may(&desk, RoomName::Live(EpisodeId(7))), [404; 6]);
    desk.command(
        NOW,
        &operator(5, Role::Host),
        &Command::EndShow {
            episode_id: EPISODE,
        },
    )
    .unwrap();
    assert_eq!(may(&desk, LIVE), [409; 6]);
}

#[test]
fn listeners_take_seats_of_the_live_room() {
    let mut desk = desk();
    desk.browser_joined(LIVE, "PA_1", "host:a");
    assert_eq!(listens(&desk, &operator(5, Role::Viewer), LIVE), 200);
    desk.browser_joined(LIVE, "PA_2", "listener:b");
    assert_eq!(listens(&desk, &operator(5, Role::Viewer), LIVE), 409);
    assert_eq!(status(&desk, &operator(5, Role::Host), LIVE), 409);
}

#[test]
fn a_listener_has_a_name_of_its_own_and_no_voice() {
    let host = operator(5, Role::Host);
    let listen = RoomWish {
        listen: true,
        ..RoomWish::default()
    };
    let pass = pass(&host, LIVE, listen).unwrap();
    assert_eq!(
        pass.identity,
        format!("listener:{}", host.id),
        "beside the same host who speaks"
    );
    assert!(
        !pass.can_publish && pass.can_subscribe && !pass.hidden && !pass.can_update_own_metadata
    );
}
