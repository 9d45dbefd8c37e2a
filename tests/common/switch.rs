//! A real switch for a test: the program itself on ports of its own, its API, its log when the test fails.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use audioroad::actors::clock;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest as _};

/// The admin of every test.
pub(crate) const TOKEN: &str = "a-token-for-tests-and-nothing-else";
/// How long anything may take that should happen at once.
pub(crate) const SOON: Duration = Duration::from_secs(15);
/// Ports for everything but RTP.
const FIRST_PORT: u16 = 5_500;
const PORTS: u16 = 6_400;
/// RTP ports of one switch.
const RTP_PORTS: u16 = 200;

/// A running switch and the means to run it again.
pub(crate) struct Switch {
    process: Option<Child>,
    settings: Vec<(String, String)>,
    log: Arc<Mutex<Vec<String>>>,
    http: SocketAddr,
    sip: SocketAddr,
    client: reqwest::Client,
    runtime: Runtime,
    _data: TempDir,
}

impl Switch {
    /// Starts a switch with further settings and waits until it takes calls.
    pub(crate) fn start(further: &[(&str, &str)]) -> Self {
        Self::start_with_file("", further)
    }

    /// The same with a settings file.
    pub(crate) fn start_with_file(file: &str, further: &[(&str, &str)]) -> Self {
        let data = TempDir::new().expect("a temporary folder");
        std::fs::write(data.path().join("audioroad.toml"), file).expect("a settings file");
        let (http, sip) = (free_port(), free_port());
        let (first, last) = rtp_ports();
        let own = [
            ("BIND", "127.0.0.1".to_owned()),
            ("PORT", http.to_string()),
            ("HEALTH_PORT", free_port().to_string()),
            ("SIP_PORT", sip.to_string()),
            ("RTP_PORT_RANGE", format!("{first}-{last}")),
            ("RTC_UDP_PORT", free_port().to_string()),
            ("DATA_DIR", data.path().display().to_string()),
            ("ADMIN_TOKEN", TOKEN.to_owned()),
            ("LOG", "info,audioroad=debug".to_owned()),
            // Tests share a machine, and most of them want an end at once.
            ("OVERLOAD_LATENESS_MS", "0".to_owned()),
            ("OVERLOAD_CPU_PERCENT", "0".to_owned()),
            ("DRAIN_SECONDS", "0".to_owned()),
        ];
        let further = further
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        let mut settings = own.into_iter().collect::<BTreeMap<_, _>>();
        settings.extend(further);
        let http = settings["PORT"].parse().expect("a port");
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        // Nobody watches idle connections between two requests, so none is kept.
        let client = reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .timeout(SOON)
            .build();
        let mut switch = Self {
            process: None,
            settings: settings
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            log: Arc::default(),
            http: local(http),
            sip: local(sip),
            client: client.expect("a web client"),
            runtime: runtime.expect("a runtime"),
            _data: data,
        };
        switch.run();
        switch
    }

    /// Runs the program on the data of the last run.
    pub(crate) fn run(&mut self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_audioroad"));
        command
            .env_clear()
            .envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.current_dir(self._data.path()).stdin(Stdio::null());
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        keep(child.stdout.take(), &self.log);
        keep(child.stderr.take(), &self.log);
        self.process = Some(child);
        eventually("the switch is healthy", || {
            self.healthy()
                .then_some(())
                .ok_or_else(|| "no 200 from /health".to_owned())
        });
    }

    fn healthy(&self) -> bool {
        let request = self.client.get(self.url("/health"));
        self.runtime.block_on(async {
            request
                .send()
                .await
                .is_ok_and(|answer| answer.status() == 200)
        })
    }

    /// The id of its process while it runs.
    pub(crate) fn pid(&self) -> u32 {
        self.process.as_ref().expect("a running switch").id()
    }

    /// Where it answers to `path` by HTTP.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http)
    }

    /// The first and the last of its RTP ports.
    pub(crate) fn rtp_ports(&self) -> (u16, u16) {
        let range = self
            .settings
            .iter()
            .find(|(name, _)| name == "RTP_PORT_RANGE");
        let (first, last) = range
            .and_then(|(_, range)| range.split_once('-'))
            .expect("a range of ports");
        (
            first.parse().expect("a port"),
            last.parse().expect("a port"),
        )
    }

    /// Where it answers the telephone, by UDP and by TCP.
    pub(crate) fn sip(&self) -> SocketAddr {
        self.sip
    }

    /// One request as the admin: status and JSON.
    pub(crate) fn api(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self.client.request(method, self.url(path));
        request = request.bearer_auth(TOKEN);
        if !body.is_null() {
            request = request.json(&body);
        }
        self.runtime.block_on(async {
            let answer = request.send().await.expect("the switch answers by HTTP");
            let status = answer.status().as_u16();
            let text = answer.text().await.expect("the whole answer");
            (
                status,
                serde_json::from_str(&text).unwrap_or(Value::String(text)),
            )
        })
    }

    /// A request that must succeed.
    pub(crate) fn ask(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.api(method, path, body);
        assert!(
            (200..300).contains(&status),
            "{method} {path}: {status} {answer}"
        );
        answer
    }

    /// The status that the answer to a POST of a stranger's has.
    pub(crate) fn post_raw(&self, path: &str, authorization: &str, body: &'static str) -> u16 {
        let request = self.client.post(self.url(path)).body(body);
        let request = request.header("Authorization", authorization);
        let answer = self.runtime.block_on(async { request.send().await });
        answer
            .expect("the switch answers by HTTP")
            .status()
            .as_u16()
    }

    /// Its metrics, as Prometheus reads them.
    pub(crate) fn metrics(&self) -> String {
        let request = self.client.get(self.url("/metrics")).bearer_auth(TOKEN);
        self.runtime.block_on(async {
            let answer = request.send().await.expect("the switch answers by HTTP");
            answer.text().await.expect("the whole answer")
        })
    }

    /// One command by the dashboards' WebSocket, which must be accepted.
    pub(crate) fn press(&self, mut command: Value) -> Value {
        command["id"] = json!(1);
        let mut request = format!("ws://{}/ws", self.http)
            .into_client_request()
            .expect("an address");
        let bearer = format!("Bearer {TOKEN}").parse().expect("a header");
        request.headers_mut().insert("Authorization", bearer);
        self.runtime.block_on(async {
            let connected = tokio_tungstenite::connect_async(request).await;
            let (mut socket, _) = connected.expect("the dashboards' WebSocket opens");
            let text = Message::text(command.to_string());
            socket.send(text).await.expect("the command is sent");
            while let Some(frame) = socket.next().await {
                let frame = frame
                    .expect("a frame")
                    .into_text()
                    .expect("a frame of text");
                let frame: Value = serde_json::from_str(&frame).unwrap_or_default();
                if frame["id"] == 1 {
                    assert_eq!(frame["type"], "ack", "{command}: {frame}");
                    return frame;
                }
            }
            panic!("{command}: no answer");
        })
    }

    /// Makes a show with an episode that is live with its lines open; gives the episode's id.
    pub(crate) fn go_live(&self) -> String {
        let show = json!({"name": "Test", "slug": "test", "phoneNumbers": ["+15550100000"]});
        let show = self.ask("POST", "/api/shows", show);
        let episode = json!({"showId": show["id"], "title": "One"});
        let episode = self.ask("POST", "/api/episodes", episode);
        let id = text(&episode["id"]);
        self.ask("POST", &format!("/api/episodes/{id}/start"), Value::Null);
        self.ask(
            "POST",
            &format!("/api/episodes/{id}/open-lines"),
            Value::Null,
        );
        id
    }

    /// The row of the call with this SIP Call-ID, once it satisfies `fits`.
    pub(crate) fn call_once(&self, sip_call_id: &str, fits: impl Fn(&Value) -> bool) -> Value {
        eventually("the call's row", || {
            let calls = self.ask("GET", "/api/calls", Value::Null);
            let ours = calls
                .as_array()
                .into_iter()
                .flatten()
                .find(|c| c["sipCallId"] == sip_call_id);
            ours.filter(|call| fits(call))
                .cloned()
                .ok_or_else(|| format!("{ours:?}"))
        })
    }

    /// The first line of its log with `words` in it.
    pub(crate) fn said(&self, words: &str) -> String {
        eventually(&format!("the switch says {words}"), || {
            let log = self.log.lock().expect("the log");
            let line = log.iter().find(|line| line.contains(words));
            line.cloned()
                .ok_or_else(|| format!("{} other lines", log.len()))
        })
    }

    /// Everything that it has said so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("the log").join("\n")
    }

    /// Ends the program as an operating system does that runs out of memory, or a power cut.
    pub(crate) fn kill(&mut self) {
        let child = self.process.as_mut().expect("a running switch");
        child.kill().expect("kill -9");
        child.wait().expect("the end of the process");
        self.process = None;
    }

    /// Asks the program to go (SIGTERM) and waits until it has gone.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.gone()
    }

    /// Sends the program a signal.
    pub(crate) fn signal(&self, name: &str) {
        let kill = Command::new("sh")
            .args(["-c", &format!("kill -{name} {}", self.pid())])
            .status();
        assert!(kill.expect("a shell runs").success());
    }

    /// Waits until the program has gone by itself.
    pub(crate) fn gone(&mut self) -> ExitStatus {
        let child = self.process.as_mut().expect("a running switch");
        let status = eventually("the switch goes", || {
            child
                .try_wait()
                .expect("a child")
                .ok_or_else(|| "still running".to_owned())
        });
        self.process = None;
        status
    }
}

impl Drop for Switch {
    #[expect(
        clippy::print_stderr,
        reason = "the log of a switch is half of a failed test's story"
    )]
    fn drop(&mut self) {
        if let Some(mut child) = self.process.take() {
            // It may have gone by itself, which the test then says.
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            let log = self
                .log
                .lock()
                .map(|lines| lines.join("\n"))
                .unwrap_or_default();
            eprintln!("the switch said:\n{log}");
        }
    }
}

/// Looks again and again until `look` gives something; says what it saw last when it never does.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let deadline = clock::now() + SOON;
    loop {
        match look() {
            Ok(found) => return found,
            Err(seen) if clock::now() >= deadline => panic!("{what}: not within {SOON:?}; {seen}"),
            Err(_) => std::thread::park_timeout(Duration::from_millis(20)),
        }
    }
}

/// A JSON value's text.
pub(crate) fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no text: {value}"))
        .to_owned()
}

/// A port that is free for UDP and TCP and stays so: below those that the system gives to connections, and given out once.
pub(crate) fn free_port() -> u16 {
    free_ports(1)
}

/// The first of `count` such ports in a row.
pub(crate) fn free_ports(count: u16) -> u16 {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    // Programs that run one after the other, or side by side, begin in different places.
    let start = std::process::id().wrapping_mul(37);
    loop {
        let turn = GIVEN.fetch_add(count, Ordering::Relaxed);
        let offset = start.wrapping_add(u32::from(turn)) % u32::from(PORTS);
        let first = FIRST_PORT + u16::try_from(offset).expect("less than all ports");
        if (first..first + count).all(is_free) {
            return first;
        }
    }
}

fn is_free(port: u16) -> bool {
    let address = (Ipv4Addr::LOCALHOST, port);
    UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok()
}

/// RTP ports that no other switch of this test run has, below those that the system gives out.
fn rtp_ports() -> (u16, u16) {
    static SWITCHES: AtomicU16 = AtomicU16::new(0);
    let run = u16::try_from(std::process::id() % 10).unwrap_or(0);
    let slot = run * 10 + SWITCHES.fetch_add(1, Ordering::Relaxed) % 10;
    let first = 12_000 + slot * RTP_PORTS;
    (first, first + RTP_PORTS - 1)
}

fn keep(output: Option<impl Read + Send + 'static>, log: &Arc<Mutex<Vec<String>>>) {
    let (output, log) = (output.expect("a pipe"), Arc::clone(log));
    let lines = BufReader::new(output).lines().map_while(Result::ok);
    let keep = move || lines.for_each(|line| log.lock().expect("the log").push(line));
    std::thread::Builder::new().spawn(keep).expect("a thread");
}
