//! The LiveKit server of the tests on its own, without the switch: a failure here is the server's or the clients'.

use std::collections::BTreeMap;

use crate::livekit::LiveKitPerson;
use crate::livekit_server::LiveKitServer;

#[test]
#[ignore = "needs livekit-server: make test"]
fn two_people_hear_each_other() {
    let server = LiveKitServer::start();
    let [ann, ben] = [("ann", 539.0), ("ben", 761.9)].map(|(name, hz)| {
        let pass = (server.url(), server.token("live", name));
        LiveKitPerson::enter(None, (&pass.0, &pass.1), name, hz)
    });
    ann.hears(&BTreeMap::from([("ben".to_owned(), 761.9)]));
    ben.hears(&BTreeMap::from([("ann".to_owned(), 539.0)]));

    let rooms: Vec<String> = server.rooms().into_iter().map(|room| room.name).collect();
    assert_eq!(rooms, ["live"]);
    let mut present: Vec<String> = server
        .participants("live")
        .into_iter()
        .map(|one| one.identity)
        .collect();
    present.sort();
    assert_eq!(present, ["ann", "ben"]);

    server.remove("live", "ben");
    ben.wait_for("disconnected");
    server.delete("live");
    ann.wait_for("disconnected");
    assert!(server.participants("live").is_empty());
}
