//! Reports between the switch and baresip: beside RTP, on its port, and encrypted. Both ends must say the same of a call.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::peer::Peer;
use crate::switch::{Switch, eventually, text};
use crate::wav::write_wav;

/// How long a telephone is up: baresip reports every five seconds, and its second report answers one of ours.
const SECONDS: usize = 20;

struct Reporter {
    process: Peer,
    number: String,
    id: String,
}

fn call(switch: &Switch, folder: &Path, play: &Path, number: &str, further: &[&str]) -> Reporter {
    let (folder, play) = (folder.display().to_string(), play.display().to_string());
    let (seconds, target) = (SECONDS.to_string(), format!("sip:lobby@{}", switch.sip()));
    let usual = [
        folder.as_str(),
        "--play",
        &play,
        "--seconds",
        &seconds,
        "--call",
        &target,
        "--user",
        number,
    ];
    let process = Peer::start("baresip_phone.py", [&usual[..], further].concat());
    let row = eventually(&format!("{number} is answered"), || {
        let calls = switch.ask("GET", "/api/calls", Value::Null);
        let ours = calls.as_array().into_iter().flatten();
        let mut ours = ours.filter(|call| call["from"] == number && call["ringing"] == false);
        ours.next().cloned().ok_or_else(|| format!("{calls}"))
    });
    Reporter {
        process,
        number: number.to_owned(),
        id: text(&row["id"]),
    }
}

#[test]
#[ignore = "needs baresip and build/venv, takes half a minute; make test runs it"]
fn a_real_telephone_and_the_switch_agree_on_what_the_line_was_like() {
    let file = "[[trunk]]\nname = \"studio\"\nprofile = \"pbx\"\nallow = \"loopback\"\nsrtp = \"preferred\"\nsrtp_needs_tls = false\n";
    let switch = Switch::start_with_file(file, &[]);
    switch.go_live();
    let folder = TempDir::new().expect("a temporary folder");
    let play: PathBuf = folder.path().join("said.wav");
    write_wav(&play, &vec![0.01; (SECONDS + 2) * 8000]);
    let ways: [(&str, &str, &[&str]); 4] = [
        ("beside", "+15550100370", &[]),
        ("muxed", "+15550100371", &["--rtcp-mux"]),
        (
            "sealed-beside",
            "+15550100372",
            &["--mediaenc", "srtp-mand"],
        ),
        (
            "sealed-muxed",
            "+15550100373",
            &["--mediaenc", "srtp-mand", "--rtcp-mux"],
        ),
    ];
    let phones = ways.map(|(name, number, further)| {
        call(&switch, &folder.path().join(name), &play, number, further)
    });
    for phone in phones {
        let number = &phone.number;
        let said = phone.process.succeed();
        let row = eventually(&format!("{number} is over"), || {
            let row = switch.ask("GET", &format!("/api/calls/{}", phone.id), Value::Null);
            let is_over = row["quality"].is_object();
            is_over.then(|| row.clone()).ok_or_else(|| format!("{row}"))
        });
        let (ours, theirs) = (&row["quality"], &said["rtcp"]);
        agree(number, ours, theirs);
    }
}

/// `ours` is of the row, `theirs` what baresip prints: what it sent before what it received.
fn agree(number: &str, ours: &Value, theirs: &Value) {
    let figure = |value: &Value, name: &str| {
        value
            .as_f64()
            .unwrap_or_else(|| panic!("{number} has no {name}: {ours} {theirs}"))
    };
    let rtt_ms = figure(&ours["rttMs"], "round trip");
    assert!(
        (0.0..100.0).contains(&rtt_ms),
        "{number}: {rtt_ms} ms on one machine"
    );
    assert_eq!(ours["far"]["lost"], 0, "{number}: {ours}");
    let mos = figure(&ours["mosMean"], "score");
    assert!(mos > 4.0, "{number}: {mos}");
    assert!(figure(&ours["rtcp"]["received"], "reports") >= 2.0);
    // Its SDP names another of the machine's addresses, as behind a NAT: reports that come before RTP has been latched are
    // nobody's.
    assert!(
        figure(&ours["rtcp"]["foreign"], "reports") <= 3.0,
        "{number}: {ours}"
    );
    for kind in ["malformed", "forged"] {
        assert_eq!(ours["rtcp"][kind], 0, "{number}: {kind} {ours}");
    }
    // What baresip knows of its own sending, it knows from our reports.
    let lost = &theirs["lost"];
    assert_eq!([&lost[0], &lost[1]], [0.0, 0.0], "{number}: {theirs}");
    let received = figure(&theirs["packets"][1], "packets");
    let sent = figure(&ours["sent"], "sent");
    assert!(
        (sent - received).abs() <= 10.0,
        "{number}: {sent} sent, {received} received"
    );
    // In our last sender report, as it counted before the end.
    let reported = figure(&theirs["pkt.report"][1], "pkt.report");
    assert!(
        reported > 300.0 && reported <= sent,
        "{number}: {reported} of {sent}"
    );
    let (far_ms, at_far_ms) = (
        figure(&ours["far"]["jitterMs"], "far jitter"),
        figure(&theirs["jitter"][1], "jitter"),
    );
    assert!(
        (far_ms - at_far_ms).abs() < 5.0,
        "{number}: {far_ms} ms, {at_far_ms} ms"
    );
    let (most_ms, told_ms) = (
        figure(&ours["jitterMsMax"], "jitter"),
        figure(&theirs["jitter"][0], "jitter"),
    );
    assert!(
        told_ms <= most_ms + 1.0,
        "{number}: {most_ms} ms, told {told_ms} ms"
    );
}
