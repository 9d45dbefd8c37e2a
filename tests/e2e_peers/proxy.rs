//! Kamailio in front of the switch, by UDP, by TCP, and from one to the other with two Record-Routes (`r2=on`, as Twilio's edges
//! do): everything within the call must go through it, both ways, or it does not arrive at all.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::peer::{Peer, run};
use crate::switch::{Switch, eventually, free_port};

const CONFIG: &str = r#"
debug=0
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
alias="127.0.0.1:@PORT@"
listen=udp:127.0.0.1:@PORT@
listen=tcp:127.0.0.1:@PORT@
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "maxfwd.so"
loadmodule "xlog.so"
modparam("rr", "enable_double_rr", 1)
request_route {
    xlog("L_ALERT", "passes: $rm $proto from $si:$sp routes $(hdr(Route))\n");
    if (is_method("CANCEL")) {
        if (t_check_trans()) t_relay();
        exit;
    }
    if (has_totag()) {
        if (loose_route()) {
            t_relay();
            exit;
        }
        if (is_method("ACK") && t_check_trans()) {
            t_relay();
            exit;
        }
        sl_send_reply("404", "Not Here");
        exit;
    }
    record_route();
    $du = "sip:127.0.0.1:@SWITCH@;transport=@TRANSPORT@";
    t_relay();
}
"#;

/// A proxy that hands every call on to the switch.
struct Kamailio {
    process: Child,
    said: Arc<Mutex<Vec<String>>>,
    port: u16,
    _folder: TempDir,
}

impl Kamailio {
    fn in_front_of(switch: &Switch, transport: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let port = free_port();
        let config = CONFIG
            .replace("@PORT@", &port.to_string())
            .replace("@SWITCH@", &switch.sip().port().to_string())
            .replace("@TRANSPORT@", transport);
        let file = folder.path().join("kamailio.cfg");
        fs::write(&file, config).expect("a file");
        let mut process = Command::new("kamailio")
            .args(["-DD", "-E", "-m", "32", "-M", "4", "-Y"])
            .arg(folder.path())
            .arg("-f")
            .arg(file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kamailio runs (package kamailio)");
        let said = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&said);
        let errors = BufReader::new(process.stderr.take().expect("a pipe"));
        std::thread::Builder::new()
            .spawn(move || {
                let lines = errors.lines().map_while(Result::ok);
                lines.for_each(|line| keep.lock().expect("what it said").push(line));
            })
            .expect("a thread");
        let kamailio = Self {
            process,
            said,
            port,
            _folder: folder,
        };
        eventually("kamailio listens", || {
            std::net::TcpStream::connect(("127.0.0.1", port))
                .map(drop)
                .map_err(|error| format!("{error}: {:?}", kamailio.lines("")))
        });
        kamailio
    }

    fn lines(&self, words: &str) -> Vec<String> {
        let said = self.said.lock().expect("what it said");
        said.iter()
            .filter(|line| line.contains(words))
            .cloned()
            .collect()
    }

    /// A request that has passed, once it has: what was written about it.
    fn passed(&self, words: &str) -> String {
        eventually(&format!("{words} passes the proxy"), || {
            let lines = self.lines(words);
            lines
                .first()
                .cloned()
                .ok_or_else(|| format!("{:?}", self.lines("")))
        })
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        // Its children go with it when it is asked; the group would be more than ours.
        let _ = Command::new("kill")
            .arg(self.process.id().to_string())
            .status();
        let _ = self.process.wait();
    }
}

fn row_of(switch: &Switch, from: &str, fits: impl Fn(&Value) -> bool) -> Value {
    eventually(&format!("the row of {from}"), || {
        let calls = switch.ask("GET", "/api/calls", Value::Null);
        let ours = calls.as_array().into_iter().flatten();
        let mut ours = ours.filter(|call| call["from"] == from && fits(call));
        ours.next().cloned().ok_or_else(|| calls.to_string())
    })
}

/// A call that the switch ends, and one that is put on hold, resumed and ended by the caller.
fn through_a_proxy(caller_by: &str, switch_by: &str) {
    let switch = Switch::start(&[]);
    switch.go_live();
    let kamailio = Kamailio::in_front_of(&switch, switch_by);
    let target = format!("127.0.0.1:{}", kamailio.port);
    let (dropped, holds) = ("+15550100701", "+15550100702");
    let call = |scenario, from| {
        [
            scenario,
            target.as_str(),
            "--to",
            "lobby",
            "--from",
            from,
            "--transport",
            caller_by,
        ]
    };
    let sipp = Peer::start("sipp_call.py", call("until-bye", dropped));
    let row = row_of(&switch, dropped, |row| row["ringing"] == false);
    switch.ask(
        "POST",
        "/api/twilio-sip/end-call",
        json!({"callId": row["id"]}),
    );
    let went_well = json!({"ok": true, "calls": 1, "failed": 0, "retransmissions": 0});
    assert_eq!(sipp.succeed(), went_well);
    let bye = kamailio.passed(&format!("passes: BYE {switch_by}"));
    assert!(
        bye.contains("from 127.0.0.1:") && bye.contains("lr"),
        "{bye}"
    );
    if caller_by != switch_by {
        assert!(bye.contains("r2=on"), "{bye}");
    }

    let hold = run(
        "sipp_call.py",
        &[&call("hold", holds)[..], &["--seconds", "1"]].concat(),
    );
    assert_eq!(hold, went_well);
    let is_over = |row: &Value| row["status"] == "completed";
    assert_eq!(row_of(&switch, holds, is_over)["cause"], "caller-hung-up");
    assert_eq!(row_of(&switch, dropped, is_over)["cause"], "dropped");
    // The INVITEs of two calls, and three re-INVITEs, whose routes lead through it.
    assert_eq!(
        kamailio.lines("passes: INVITE").len(),
        5,
        "{:?}",
        kamailio.lines("")
    );
}

#[test]
#[ignore = "needs kamailio and sipp; make test runs it"]
fn a_proxy_by_udp() {
    through_a_proxy("udp", "udp");
}

#[test]
#[ignore = "needs kamailio and sipp; make test runs it"]
fn a_proxy_by_tcp() {
    through_a_proxy("tcp", "tcp");
}

#[test]
#[ignore = "needs kamailio and sipp; make test runs it"]
fn a_proxy_that_changes_the_transport_records_two_routes() {
    through_a_proxy("udp", "tcp");
    through_a_proxy("tcp", "udp");
}
