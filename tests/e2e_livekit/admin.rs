//! What somebody does on the LiveKit server's side reaches the show: a kick, a mute, a room's deletion, and its webhooks.

use std::collections::BTreeMap;

use audioroad::livekit::{RoomPass, TokenKeys};
use audioroad::phone::End;
use serde_json::json;

use crate::ear::Ears;
use crate::livekit::LiveKitPerson;
use crate::livekit_server::{LiveKitServer, Start};
use crate::show::{Caller, Show, wait_for_callers, wait_until_empty};
use crate::switch::{SOON, Switch, eventually, free_port};

/// Tones in Hz: between the notes of music tuned to 440 Hz, no multiple or difference of one another.
const ANN: f32 = 539.0;
const BEN: f32 = 761.9;
const HOST: f32 = 1142.3;

/// Ann and Ben are on air, and the host hears them.
struct OnAir {
    show: Show,
    callers: [Caller; 2],
    host: LiveKitPerson,
    ears: Ears,
    server: LiveKitServer,
}

impl OnAir {
    fn new(server: LiveKitServer, further: &[(&str, &str)]) -> Self {
        let show = Show::live(server.switch(further));
        let host = LiveKitPerson::stay(&show.switch, &show.room(), "host:h", HOST);
        let callers = [("+15550100101", ANN), ("+15550100102", BEN)];
        let callers = callers.map(|(number, hz)| show.rings(number, hz));
        callers.iter().for_each(|caller| show.air(caller));
        let on_air = Self {
            show,
            callers,
            host,
            ears: Ears::new(&[ANN, BEN, HOST]),
            server,
        };
        on_air.check("on air", true);
        on_air
    }

    /// Who hears whom while Ann is heard, or not.
    fn check(&self, when: &str, ann_is_heard: bool) {
        let [ann, ben] = &self.callers;
        let heard = if ann_is_heard {
            &[ANN, HOST][..]
        } else {
            &[HOST]
        };
        self.ears
            .hears(&format!("{when}: Ann"), &ann.call, &[BEN, HOST]);
        self.ears.hears(&format!("{when}: Ben"), &ben.call, heard);
        let mut browsers = BTreeMap::from([(ben.identity(), BEN)]);
        if ann_is_heard {
            browsers.insert(ann.identity(), ANN);
        }
        self.host.hears(&browsers);
    }
}

#[test]
#[ignore = "needs livekit-server: make test"]
fn who_is_kicked_there_is_hung_up() {
    let on_air = OnAir::new(LiveKitServer::start(), &[]);
    let ([ann, ben], show, server) = (&on_air.callers, &on_air.show, &on_air.server);
    server.remove(&show.room(), &ann.identity());
    let end = ann.call.wait_ended(SOON);
    assert!(matches!(end, Ok(End::FarEndHungUp { .. })), "{end:?}");
    let row = show.row(ann, |row| row["status"] == "completed");
    assert_eq!(row["cause"], "removed-from-room", "{row}");
    on_air.ears.hears("Ben, who is left", &ben.call, &[HOST]);
    wait_for_callers(server, &show.room(), &[ben]);
}

#[test]
#[ignore = "needs livekit-server: make test"]
fn who_is_muted_there_is_muted_here() {
    let on_air = OnAir::new(LiveKitServer::start(), &[]);
    let ([ann, _], show, server) = (&on_air.callers, &on_air.show, &on_air.server);
    let room = show.room();
    server.mute(&room, &ann.identity(), true);
    show.row(ann, |row| row["muted"] == true);
    on_air.check("Ann is muted there", false);

    let unmute = json!({"command": "set-muted", "callId": ann.id, "muted": false});
    show.switch.press(unmute);
    on_air.check("the host undid it here", true);
    show.row(ann, |row| row["muted"] == false);

    let mute = json!({"command": "set-muted", "callId": ann.id, "muted": true});
    show.switch.press(mute);
    eventually("a mute of ours is shown there", || {
        let shown = server.participants(&room);
        let muted = shown.iter().find(|one| one.identity == ann.identity());
        let muted = muted
            .and_then(|one| one.tracks.first())
            .map(|track| track.muted);
        (muted == Some(true))
            .then_some(())
            .ok_or_else(|| format!("{muted:?}"))
    });
    on_air.check("Ann is muted here", false);
}

#[test]
#[ignore = "needs livekit-server: make test"]
fn a_room_deleted_in_mid_show_is_there_again() {
    let on_air = OnAir::new(LiveKitServer::start(), &[]);
    let (callers, show, server) = (&on_air.callers, &on_air.show, &on_air.server);
    server.delete(&show.room());
    wait_for_callers(server, &show.room(), &callers.each_ref());
    on_air.check("the room is there again", true);
    show.end(callers);
    wait_until_empty(server);
}

#[test]
#[ignore = "needs livekit-server: make test"]
fn its_webhooks_are_believed_and_nobody_else_s() {
    let port = free_port();
    let server = LiveKitServer::start_with(Start {
        webhook: Some(format!("http://127.0.0.1:{port}/livekit/webhook")),
        ..Start::default()
    });
    let port = port.to_string();
    let on_air = OnAir::new(server, &[("PORT", port.as_str())]);
    let switch = &on_air.show.switch;
    // The switch's listener and two callers, the host.
    for (event, least) in [
        ("room-started", 1),
        ("participant-joined", 3),
        ("track-published", 3),
    ] {
        eventually(&format!("{event} is counted"), || {
            let counted = webhooks(switch, event);
            (counted >= least)
                .then_some(())
                .ok_or_else(|| format!("{counted}"))
        });
    }
    assert_eq!(webhooks(switch, "refused"), 0);

    let (key, _) = on_air.server.key();
    let forged = TokenKeys::new(key, "another-secret-of-somebody-else");
    let pass = RoomPass::new("live", "x", "x");
    let forged = forged.sign(&pass, SOON).expect("a token");
    for authorization in ["", "nonsense", forged.as_str()] {
        let status = switch.post_raw(
            "/livekit/webhook",
            authorization,
            r#"{"event":"room_finished"}"#,
        );
        assert_eq!(status, 401, "{authorization}");
    }
    assert_eq!(webhooks(switch, "refused"), 3);
    on_air.check("after the forgeries", true);
}

/// How many webhooks of this kind the switch has counted.
fn webhooks(switch: &Switch, event: &str) -> u64 {
    let metrics = switch.metrics();
    let name = format!("audioroad_livekit_webhooks_total{{event=\"{event}\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
    line.map_or(0, |count| count.trim().parse().expect("a number"))
}
