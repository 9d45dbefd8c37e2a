//! Rooms on the server: made with their limits, however they come about, deleted at the end, swept after a restart; and
//! what `audioroad check` says of the server.

use std::process::Command;
use std::time::Duration;

use audioroad::actors::bridge::{RoomKeeper, RoomLimit, Swept};
use audioroad::livekit::RoomPlan;
use livekit_protocol::Room;
use tempfile::TempDir;

use crate::livekit_server::LiveKitServer;
use crate::switch::eventually;

/// How long after its start the switch begins to sweep, and some more.
const SWEPT: Duration = Duration::from_secs(4);

fn keeper(server: &LiveKitServer, node: &str) -> RoomKeeper {
    let (key, secret) = server.key();
    RoomKeeper::new(&server.url().parse().expect("a URL"), key, secret, node)
}

fn room(server: &LiveKitServer, name: &str) -> Option<Room> {
    server.rooms().into_iter().find(|room| room.name == name)
}

fn names(server: &LiveKitServer) -> Vec<String> {
    let mut names: Vec<String> = server.rooms().into_iter().map(|room| room.name).collect();
    names.sort();
    names
}

#[tokio::test]
async fn nobody_waits_long_for_a_server_that_is_not_there() {
    let keeper = RoomKeeper::new(
        &"ws://127.0.0.1:9".parse().expect("a URL"),
        "k",
        "s",
        "studio",
    );
    assert!(keeper.ensure("live", RoomLimit(2)).await.is_err());
    assert!(keeper.sweep(|_| true, |_| false).await.is_err());
    // A deletion goes on until the room is wanted again.
    let wanted = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(keeper.ensure("live", RoomLimit(2)).await.is_err());
    };
    let deleted = tokio::time::timeout(Duration::from_secs(10), keeper.delete("live"));
    assert!(
        tokio::join!(deleted, wanted).0.is_ok(),
        "the deletion was given up"
    );
}

#[test]
#[ignore = "needs livekit-server: make test"]
fn rooms_are_made_deleted_and_swept() {
    let server = LiveKitServer::start();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let (ours, theirs) = (keeper(&server, "studio"), keeper(&server, "elsewhere"));
        for name in ["screening-1", "live-1", "live-2"] {
            ours.ensure(name, RoomLimit(2)).await.expect("a room");
        }
        ours.ensure("live-1", RoomLimit(2))
            .await
            .expect("the same room");
        theirs
            .ensure("live-9", RoomLimit(20))
            .await
            .expect("a room");
        ours.delete("screening-1").await;
        ours.delete("screening-1").await;
        ours.remove_participant("live-1", "call:1").await;
        let swept = ours.sweep(|name| name != "live-1", |_| false).await;
        assert_eq!(
            swept,
            Ok(Swept { rooms: 1, calls: 0 }),
            "not those of another switch"
        );
    });
    assert_eq!(names(&server), ["live-1", "live-9"]);
    let live = room(&server, "live-1").expect("the room");
    assert_eq!((live.max_participants, live.departure_timeout), (3, 300));
    assert_eq!(RoomPlan::node_of(&live.metadata).as_deref(), Some("studio"));
}

#[test]
#[ignore = "needs livekit-server: make test"]
fn a_show_has_its_room_for_as_long_as_it_is_on() {
    let server = LiveKitServer::start();
    let mut switch = server.switch(&[]);
    let episode = switch.go_live();
    let name = format!("live-{episode}");
    let made = eventually("the room", || {
        room(&server, &name).ok_or_else(|| "no room".to_owned())
    });
    assert_eq!(made.max_participants, 21, "twenty and the ear");
    let node = RoomPlan::node_of(&made.metadata).expect("the name of the switch");

    // What a former life has left: a room that no episode needs, and one of another switch.
    switch.kill();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let dead = format!("live-{}", "0".repeat(26));
    for (node, room) in [(node.as_str(), dead.as_str()), ("elsewhere", "lobby")] {
        let keeper = keeper(&server, node);
        runtime
            .block_on(keeper.ensure(room, RoomLimit(20)))
            .expect("a room");
    }
    switch.run();
    std::thread::park_timeout(SWEPT);
    eventually("the sweep", || {
        let names = names(&server);
        (names == [name.clone(), "lobby".to_owned()])
            .then_some(())
            .ok_or_else(|| format!("{names:?}"))
    });

    switch.ask(
        "POST",
        &format!("/api/episodes/{episode}/end"),
        serde_json::Value::Null,
    );
    eventually("the end of the room", || {
        room(&server, &name).map_or(Ok(()), |room| Err(format!("{room:?}")))
    });
}

#[test]
#[ignore = "needs livekit-server: make test"]
fn check_tries_the_server_and_leaves_nothing_there() {
    let server = LiveKitServer::start();
    let (key, secret) = server.key();
    let said = check(&server.url(), key, secret);
    for words in [
        "LiveKit takes the API key",
        "clock and ours agree",
        "Audio gets through to LiveKit",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(server.rooms().is_empty());
    let said = check(&server.url(), key, "not-the-secret-of-this-server-at-all");
    assert!(
        said.contains("refuses the API key") && !said.contains("not-the-secret"),
        "{said}"
    );
    let said = check(&server.url().replace("ws:", "wss:"), key, secret);
    assert!(said.contains("does not speak TLS"), "{said}");
}

/// What `audioroad check` prints.
fn check(url: &str, key: &str, secret: &str) -> String {
    let data = TempDir::new().expect("a temporary folder");
    let settings = [
        ("LIVEKIT_URL", url),
        ("LIVEKIT_API_KEY", key),
        ("LIVEKIT_API_SECRET", secret),
        ("RTP_PORT_RANGE", "42000-42010"),
    ];
    let mut command = Command::new(env!("CARGO_BIN_EXE_audioroad"));
    command
        .arg("check")
        .env_clear()
        .envs(settings)
        .current_dir(data.path());
    let done = command.output().expect("the program runs");
    String::from_utf8(done.stdout).expect("text")
}
