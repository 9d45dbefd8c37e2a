//! Peers that nobody here wrote, over TCP and TLS: baresip calls and is heard, OpenSSL looks at versions, suites and chains.
//!
//! Debian's sipp is built without TLS; what sipp does over UDP and TCP, baresip and the tests of `tests/transports` do over TLS.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use audioroad::phone::{Hum, Phone, Voice as _};
use serde_json::Value;
use tempfile::TempDir;

use crate::ear::Ears;
use crate::lines::{Secure, TONES, answered, drop_call, on_air};
use crate::peer::{Peer, run};
use crate::switch::{SOON, Switch, eventually, text};
use crate::wav::write_wav;

/// Tones of baresip and of the telephone on air with it: whole numbers, as `audio.py` takes them.
const OURS: f32 = TONES[3];
const THEIRS: f32 = TONES[5];

/// A row of `from`, once it is answered.
fn row_of(switch: &Switch, from: &str) -> Value {
    eventually(&format!("{from} is answered"), || {
        let calls = switch.ask("GET", "/api/calls", Value::Null);
        let ours = calls.as_array().into_iter().flatten();
        let mut ours = ours.filter(|call| call["from"] == from && call["ringing"] == false);
        ours.next().cloned().ok_or_else(|| calls.to_string())
    })
}

/// baresip on its way to the switch.
fn calls(
    folder: &Path,
    said: &Path,
    from: &str,
    (to, transport): (&str, &str),
    ca: Option<&Path>,
) -> Peer {
    let target = format!("sip:lobby@{to};transport={transport}");
    let text = |path: &Path| path.display().to_string();
    let (folder, said, ca) = (text(folder), text(said), ca.map(text).unwrap_or_default());
    let whom = ["--call", &target, "--user", from, "--transport", transport];
    let what = [
        folder.as_str(),
        "--play",
        &said,
        "--seconds",
        "40",
        "--ca",
        &ca,
    ];
    Peer::start("baresip_phone.py", what.into_iter().chain(whom))
}

/// baresip goes on air with a tone, hears a telephone's, and is hung up by the switch.
fn baresip_talks(switch: &Switch, to: &str, transport: &str, ca: Option<&Path>) {
    let folder = TempDir::new().expect("a temporary folder");
    let (said, from) = (
        folder.path().join("said.wav"),
        format!("+1555010060{}", transport.len()),
    );
    let mut hum = Hum::new(OURS, 0.2);
    let tone: Vec<f32> = (0..50 * 40).flat_map(|_| hum.speak()).collect();
    write_wav(&said, &tone);
    let ip = IpAddr::from(Ipv4Addr::LOCALHOST);
    let call = answered(&Phone::new(ip), switch.sip(), THEIRS);
    let other = on_air(switch, &call);
    let baresip = calls(folder.path(), &said, &from, (to, transport), ca);
    let row = row_of(switch, &from);
    for step in ["move-to-screening", "move-to-hold", "move-to-live"] {
        let path = format!("/api/twilio-sip/{step}");
        switch.ask("POST", &path, serde_json::json!({"callId": row["id"]}));
    }
    Ears::new(&TONES).hears("a telephone", &call, &[OURS]);
    let from_s = heard_s(folder.path());
    eventually("baresip hears two seconds more", || {
        let now = heard_s(folder.path());
        (now > from_s + 2.0)
            .then_some(())
            .ok_or_else(|| format!("{now} s"))
    });
    drop_call(switch, &text(&row["id"]));
    let done = baresip.succeed();
    assert_eq!(done["established"], true, "{done}");
    let heard = text(&done["heard"]);
    let (from, to) = ((from_s + 0.5).to_string(), (from_s + 1.5).to_string());
    let tones = format!("{OURS},{THEIRS}");
    let heard = run(
        "audio.py",
        &[
            "hear", &heard, "--tones", &tones, "--from", &from, "--to", &to,
        ],
    );
    let level = |hz: f32| {
        heard["tones_dbfs"][hz.to_string()]
            .as_f64()
            .expect("a level")
    };
    assert!(level(THEIRS) > -30.0 && level(OURS) < -50.0, "{heard}");
    drop_call(switch, &other);
    call.wait_ended(SOON).expect("the end");
}

/// Seconds in the recording so far.
fn heard_s(folder: &Path) -> f64 {
    let files = fs::read_dir(folder).expect("the folder").flatten();
    let heard = files.filter(|file| file.file_name().to_string_lossy().ends_with("-dec.wav"));
    let sizes = heard.filter_map(|file| Some(file.metadata().ok()?.len()));
    sizes.max().unwrap_or(0) as f64 / 16_000.0
}

#[test]
#[ignore = "needs baresip; make test runs it"]
fn baresip_talks_by_tcp() {
    let switch = Switch::start(&[]);
    switch.go_live();
    baresip_talks(&switch, &switch.sip().to_string(), "tcp", None);
}

#[test]
#[ignore = "needs baresip; make test runs it"]
fn baresip_talks_by_tls() {
    let secure = Secure::start("", &[]);
    secure.switch.go_live();
    let to = format!("127.0.0.1:{}", secure.port);
    let ca = secure.folder.path().join("ca.pem");
    baresip_talks(&secure.switch, &to, "tls", Some(&ca));
}

/// What `openssl s_client` says about a handshake.
fn s_client(secure: &Secure, options: &[&str]) -> String {
    let to = format!("127.0.0.1:{}", secure.port);
    let ca = secure.folder.path().join("ca.pem");
    let output = Command::new("openssl")
        .args(["s_client", "-connect", &to, "-CAfile"])
        .arg(ca)
        .args(options)
        .stdin(Stdio::null())
        .output()
        .expect("openssl runs");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// What a client offers, the suite that is taken, and the kind of the certificate that it is shown.
const TAKEN: [([&str; 3], &str, &str); 9] = [
    (
        ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"],
        "ECDHE-RSA-AES128-GCM-SHA256",
        "RSA",
    ),
    (
        ["-tls1_2", "-cipher", "ECDHE-RSA-AES256-GCM-SHA384"],
        "ECDHE-RSA-AES256-GCM-SHA384",
        "RSA",
    ),
    (
        ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"],
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDSA",
    ),
    (
        ["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"],
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDSA",
    ),
    (
        ["-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"],
        "TLS_AES_128_GCM_SHA256",
        "ECDSA",
    ),
    (
        ["-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384"],
        "TLS_AES_256_GCM_SHA384",
        "ECDSA",
    ),
    (
        ["-tls1_3", "-sigalgs", "rsa_pss_rsae_sha256"],
        "TLS_AES_256_GCM_SHA384",
        "RSA",
    ),
    (
        ["-tls1_2", "-sigalgs", "RSA+SHA256"],
        "ECDHE-RSA-AES256-GCM-SHA384",
        "RSA",
    ),
    // The host name that is asked for chooses nothing.
    (
        ["-tls1_3", "-servername", "other.example.net"],
        "TLS_AES_256_GCM_SHA384",
        "ECDSA",
    ),
];

#[test]
#[ignore = "needs openssl; make test runs it"]
fn versions_and_suites_as_openssl_sees_them() {
    let secure = Secure::start("", &[]);
    for (options, suite, key) in TAKEN {
        let said = s_client(&secure, &options);
        assert!(
            said.contains(&format!("Cipher is {suite}")),
            "{options:?}: {said}"
        );
        assert!(said.contains("Verification: OK"), "{options:?}: {said}");
        let signed = if key == "RSA" { "RSA" } else { "ECDSA" };
        assert!(
            said.contains(&format!("Peer signature type: {signed}")),
            "{options:?}: {said}"
        );
        // Leaf and intermediate.
        assert!(said.contains(" 1 s:CN = Test CA"), "{options:?}: {said}");
        assert!(
            said.contains("No client certificate CA names sent"),
            "{options:?}: {said}"
        );
    }
    for options in [
        ["-tls1_1", "-cipher", "ALL@SECLEVEL=0"],
        ["-tls1_2", "-cipher", "AES128-GCM-SHA256"],
    ] {
        let said = s_client(&secure, &options);
        assert!(said.contains("Cipher is (NONE)"), "{options:?}: {said}");
    }
    let failed = "audioroad_sip_handshakes_failed_total{reason=\"nothing-in-common\"} 2";
    assert!(
        secure.switch.metrics().contains(failed),
        "{}",
        secure.switch.metrics()
    );
}

/// `openssl s_client` as a SIP peer.
struct Openssl(Child);

impl Drop for Openssl {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "needs openssl; make test runs it"]
fn openssl_asks_and_is_answered() {
    let secure = Secure::start("", &[]);
    let to = format!("127.0.0.1:{}", secure.port);
    let child = Command::new("openssl")
        .args(["s_client", "-quiet", "-connect", &to])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut openssl = Openssl(child.expect("openssl runs"));
    let options = "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bKo\r\nFrom: <sip:a@b>;tag=1\r\n\
                   To: <sip:b>\r\nCall-ID: o\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
    let stdin = openssl.0.stdin.as_mut().expect("a pipe");
    stdin.write_all(options.as_bytes()).expect("it is sent");
    let mut answer = [0; 14];
    let stdout = openssl.0.stdout.as_mut().expect("a pipe");
    stdout.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"SIP/2.0 200 OK");
}
