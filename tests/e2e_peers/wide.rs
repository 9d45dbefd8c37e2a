//! Three baresip telephones on air together, in G.722, Opus and mu-law, each with a tone of its own: the wide ones hear in
//! full what the other says, the narrow one hears as much as it can. baresip's G.722 is libspandsp's, its Opus libopus.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::peer::{Peer, run};
use crate::switch::{Switch, eventually, text};

/// How long each says its tone, from the answer on.
const SECONDS: u32 = 20;
/// Quieter is not heard.
const HEARD_DBFS: f64 = -40.0;

struct Telephone {
    codec: &'static str,
    rate_hz: &'static str,
    number: &'static str,
    says_hz: &'static str,
    hears_hz: &'static [&'static str],
    does_not_hear_hz: &'static [&'static str],
}

/// 5 kHz is beyond a narrow telephone; 3 kHz is not.
const TELEPHONES: [Telephone; 3] = [
    Telephone {
        codec: "G722",
        rate_hz: "16000",
        number: "+15550100370",
        says_hz: "5000",
        hears_hz: &["3000", "1000"],
        does_not_hear_hz: &["5000"],
    },
    Telephone {
        codec: "opus",
        rate_hz: "16000",
        number: "+15550100371",
        says_hz: "3000",
        hears_hz: &["5000", "1000"],
        does_not_hear_hz: &["3000"],
    },
    Telephone {
        codec: "PCMU",
        rate_hz: "8000",
        number: "+15550100372",
        says_hz: "1000",
        hears_hz: &["3000"],
        does_not_hear_hz: &["1000"],
    },
];

impl Telephone {
    fn call(&self, switch: &Switch, folder: &Path) -> Peer {
        let own = folder.join(self.codec);
        std::fs::create_dir(&own).expect("a folder");
        let play = own.join("said.wav").display().to_string();
        let seconds = SECONDS.to_string();
        run(
            "audio.py",
            &[
                "tone",
                self.says_hz,
                &seconds,
                &play,
                "--rate",
                self.rate_hz,
            ],
        );
        let target = format!("sip:lobby@{}", switch.sip());
        let up_s = (SECONDS + 2).to_string();
        let own = own.display().to_string();
        let arguments = [
            &own,
            "--play",
            &play,
            "--seconds",
            &up_s,
            "--call",
            &target,
            "--user",
            self.number,
            "--codec",
            self.codec,
        ];
        Peer::start("baresip_phone.py", arguments)
    }

    fn row(&self, switch: &Switch) -> Result<Value, String> {
        let calls = switch.ask("GET", "/api/calls", Value::Null);
        let rows = calls.as_array().into_iter().flatten();
        let own = rows
            .filter(|call| call["from"] == self.number)
            .find(|call| call["ringing"] == false);
        own.cloned().ok_or_else(|| format!("{calls}"))
    }
}

#[test]
#[ignore = "needs baresip and build/venv, takes half a minute; make test runs it"]
fn wide_telephones_hear_one_another_in_full() {
    // Each telephone speaks one codec alone, so the usual order of codecs serves all of them.
    let switch = Switch::start(&[]);
    switch.go_live();
    let folder = TempDir::new().expect("a temporary folder");
    let phones = TELEPHONES.map(|telephone| {
        let process = telephone.call(&switch, folder.path());
        let row = eventually(telephone.number, || {
            let log = folder.path().join(telephone.codec).join("baresip.log");
            let log = || std::fs::read_to_string(log).unwrap_or_default();
            telephone
                .row(&switch)
                .map_err(|calls| format!("{calls}\n{}", log()))
        });
        (telephone, process, row)
    });
    for (_, _, row) in &phones {
        for step in ["move-to-screening", "move-to-hold", "move-to-live"] {
            let path = format!("/api/twilio-sip/{step}");
            switch.ask("POST", &path, json!({"callId": text(&row["id"])}));
        }
    }
    for (telephone, process, _) in phones {
        let said = process.succeed();
        let heard = text(&said["heard"]);
        let end = [telephone.hears_hz, telephone.does_not_hear_hz]
            .concat()
            .join(",");
        let (from, to) = ((SECONDS - 6).to_string(), (SECONDS - 2).to_string());
        let found = run(
            "audio.py",
            &[
                "hear", &heard, "--tones", &end, "--from", &from, "--to", &to,
            ],
        );
        let level = |hz: &&str| found["tones_dbfs"][*hz].as_f64().expect("a level");
        let codec = telephone.codec;
        assert!(
            telephone.hears_hz.iter().all(|hz| level(hz) > HEARD_DBFS),
            "{codec}: {found}"
        );
        assert!(
            telephone
                .does_not_hear_hz
                .iter()
                .all(|hz| level(hz) < HEARD_DBFS),
            "{codec}: {found}"
        );
    }
}
