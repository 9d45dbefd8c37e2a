//! Calls that the switch places through a trunk: sipp is called, strict about signalling; baresip is called, and both ways are heard.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::Path;

use audioroad::media::tone::{Tone, ToneDetector};
use audioroad::phone::{Hum, Phone};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::peer::{Peer, run};
use crate::switch::{SOON, Switch, eventually, free_port, free_ports, text};
use crate::wav::write_wav;

/// Whom the scenarios of sipp want to be called as.
const NUMBER: &str = "+15555550177";

/// A switch that dials a trunk on `port` of this machine.
fn switch(port: u16, transport: &str, further: &str, settings: &[(&str, &str)]) -> Switch {
    let trunk = format!(
        "[[trunk]]\nname = \"acme\"\nprofile = \"carrier\"\nallow = \"none\"\ncaller_id = \"+15550100000\"\n\
         dial = \"sip:127.0.0.1:{port};transport={transport}\"\n{further}"
    );
    let own = [("DIAL_ALLOW", "+1"), ("SIP_ALLOW", "loopback")];
    Switch::start_with_file(&trunk, &[&own, settings].concat())
}

/// A trunk that takes one call as the scenario says.
fn trunk(scenario: &str, port: u16, transport: &str, further: &[&str]) -> Peer {
    let port_text = port.to_string();
    let own = [scenario, "--port", &port_text, "--transport", transport];
    let peer = Peer::start("sipp_answer.py", [&own, further].concat());
    listens("the trunk", port, transport);
    peer
}

/// Waits until somebody has the port.
fn listens(who: &str, port: u16, transport: &str) {
    eventually(&format!("{who} listens"), || {
        let is_free = match transport {
            "tcp" => TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok(),
            _ => UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok(),
        };
        (!is_free).then_some(()).ok_or_else(|| "not yet".to_owned())
    });
}

/// Presses *dial*; the id of the call.
fn dial(switch: &Switch, episode: &str) -> String {
    let ack = switch.press(json!({"command": "dial", "episodeId": episode, "number": NUMBER}));
    text(&ack["result"]["callId"])
}

/// The row of the call, once it satisfies `fits`.
fn row(switch: &Switch, id: &str, fits: impl Fn(&Value) -> bool) -> Value {
    eventually("the call's row", || {
        let calls = switch.ask("GET", "/api/calls", Value::Null);
        let ours = calls.as_array().into_iter().flatten();
        let ours = ours.into_iter().find(|call| call["id"] == id);
        ours.filter(|call| fits(call))
            .cloned()
            .ok_or_else(|| format!("{ours:?}"))
    })
}

fn is_up(row: &Value) -> bool {
    row["ringing"] == false && row["status"] != "completed"
}

fn is_over(row: &Value) -> bool {
    row["status"] == "completed"
}

/// The cause of a call that its trunk does not let come up.
fn cause(scenario: &str, settings: &[(&str, &str)], further: &str) -> Value {
    let port = free_port();
    let sipp = trunk(scenario, port, "udp", &[]);
    let switch = switch(port, "udp", further, settings);
    let episode = switch.go_live();
    let id = dial(&switch, &episode);
    let cause = row(&switch, &id, is_over)["cause"].clone();
    sipp.succeed();
    cause
}

#[test]
#[ignore = "needs sipp; make test runs it"]
fn whom_we_call_answers_and_is_hung_up_by_udp_and_tcp() {
    for transport in ["udp", "tcp"] {
        let port = free_port();
        let sipp = trunk("until-bye", port, transport, &[]);
        let switch = switch(port, transport, "", &[]);
        let episode = switch.go_live();
        let id = dial(&switch, &episode);
        row(&switch, &id, is_up);
        switch.press(json!({"command": "drop", "callId": id}));
        let said = sipp.succeed();
        assert_eq!(
            (&said["calls"], &said["failed"]),
            (&json!(1), &json!(0)),
            "{transport}"
        );
        assert_eq!(
            row(&switch, &id, is_over)["cause"],
            "dropped",
            "{transport}"
        );
    }
}

#[test]
#[ignore = "needs sipp; make test runs it"]
fn whom_we_call_plays_something_answers_and_hangs_up() {
    let port = free_port();
    let sipp = trunk("bye", port, "udp", &["--seconds", "2"]);
    let switch = switch(port, "udp", "", &[]);
    let episode = switch.go_live();
    let id = dial(&switch, &episode);
    row(&switch, &id, is_up);
    sipp.succeed();
    assert_eq!(row(&switch, &id, is_over)["cause"], "caller-hung-up");
}

#[test]
#[ignore = "needs sipp; make test runs it"]
fn the_trunk_asks_who_calls() {
    let port = free_port();
    let sipp = trunk("login", port, "udp", &["--login", "studio:correct-horse"]);
    let login = "user = \"studio\"\npassword = \"correct-horse\"\n";
    let switch = switch(port, "udp", login, &[]);
    let episode = switch.go_live();
    let id = dial(&switch, &episode);
    row(&switch, &id, is_up);
    switch.press(json!({"command": "drop", "callId": id}));
    sipp.succeed();
}

#[test]
#[ignore = "needs sipp; make test runs it"]
fn whom_we_call_is_busy_declines_or_lets_it_ring() {
    assert_eq!(cause("busy", &[], ""), "busy");
    assert_eq!(cause("decline", &[], ""), "declined");
    // The scenario wants the CANCEL.
    assert_eq!(
        cause("ring", &[("DIAL_TIMEOUT_SECONDS", "5")], ""),
        "no-answer"
    );
}

#[test]
#[ignore = "needs sipp; make test runs it"]
fn who_dials_gives_up_while_it_rings() {
    let port = free_port();
    let sipp = trunk("ring", port, "udp", &[]);
    let switch = switch(port, "udp", "", &[]);
    let episode = switch.go_live();
    let id = dial(&switch, &episode);
    switch.said("it rings");
    switch.press(json!({"command": "drop", "callId": id}));
    sipp.succeed();
    assert_eq!(row(&switch, &id, is_over)["cause"], "dropped");
}

#[test]
#[ignore = "needs sipp; make test runs it"]
fn whom_we_call_is_passed_on() {
    let port = free_port();
    let sipp = trunk("transfer", port, "udp", &[]);
    let help = "\n[[help_line]]\nname = \"Lifeline\"\nnumber = \"988\"\n";
    let switch = switch(port, "udp", help, &[]);
    let episode = switch.go_live();
    let id = dial(&switch, &episode);
    row(&switch, &id, is_up);
    switch.press(json!({"command": "transfer", "callId": id, "target": "Lifeline"}));
    sipp.succeed();
    assert_eq!(row(&switch, &id, is_over)["cause"], "transferred");
}

/// A caller and whom we called are on air together: each hears the other's tone.
#[test]
#[ignore = "needs baresip; make test runs it"]
fn whom_we_call_hears_and_is_heard() {
    const GUEST_HZ: f32 = 697.0;
    const CALLER_HZ: f32 = 440.0;
    // baresip listens for TLS on the port after its own.
    let (folder, port) = (TempDir::new().expect("a folder"), free_ports(2));
    let said = folder.path().join("said.wav");
    let mut tone = vec![0.0; 40 * 8000];
    Tone::new(8000, GUEST_HZ, 0.2).add(&mut tone);
    write_wav(&said, &tone);
    let guest = guest(&folder.path().join("guest"), &said, port);
    let switch = switch(port, "udp", "", &[]);
    let episode = switch.go_live();
    let caller = Phone::new(Ipv4Addr::LOCALHOST.into()).number("+15550100201");
    let voice = Hum::new(CALLER_HZ, 0.2);
    let caller = caller.call(switch.sip(), "lobby", voice).expect("a phone");
    caller.wait_answered(SOON).expect("the switch answers");
    let first = switch.call_once(caller.sip_call_id(), |row| row["ringing"] == false);
    let first = text(&first["id"]);
    let id = dial(&switch, &episode);
    row(&switch, &id, is_up);
    switch.press(json!({"command": "record-consent", "callId": id}));
    switch.press(json!({"command": "pick-up", "callId": first}));
    for call in [&first, &id] {
        switch.press(json!({"command": "approve", "callId": call}));
        switch.press(json!({"command": "put-on-air", "callId": call}));
    }
    let tones = ToneDetector::new(8000, &[GUEST_HZ, CALLER_HZ]);
    eventually("the caller hears the guest and nobody else", || {
        let heard = caller
            .listen(25, SOON)
            .map_err(|error| format!("{error:?}"))?;
        let samples: Vec<f32> = heard.iter().flat_map(|frame| frame.samples).collect();
        let present = tones.present_hz(&samples);
        (present == [GUEST_HZ])
            .then_some(())
            .ok_or_else(|| format!("{present:?}"))
    });
    let recording = guest.succeed();
    let recording = text(&recording["heard"]);
    let own = format!("{CALLER_HZ},{GUEST_HZ}");
    let heard = run(
        "audio.py",
        &["hear", &recording, "--tones", &own, "--from", "14"],
    );
    let level = |hz: f32| {
        heard["tones_dbfs"][hz.to_string()]
            .as_f64()
            .expect("a level")
    };
    assert!(
        level(CALLER_HZ) > -40.0 && level(GUEST_HZ) < -50.0,
        "{heard}"
    );
    assert_eq!(row(&switch, &id, is_over)["cause"], "caller-hung-up");
}

/// A telephone that answers at once and plays `said`.
fn guest(folder: &Path, said: &Path, port: u16) -> Peer {
    let (folder, said, port_text) = (
        folder.display().to_string(),
        said.display().to_string(),
        port.to_string(),
    );
    let own = [
        "--seconds",
        "30",
        "--user",
        NUMBER,
        "--sip-port",
        &port_text,
    ];
    let guest = [&[&folder, "--play", &said][..], &own].concat();
    let guest = Peer::start("baresip_phone.py", guest);
    listens("the guest's telephone", port, "udp");
    guest
}
