//! A LiveKit server for a test: the program itself on ports and keys of its own, its API, its log when the test fails.
//!
//! `scripts/livekit-server` installs the program; `AUDIOROAD_LIVEKIT_SERVER` names another one.

use std::env;
use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use audioroad::actors::clock;
use audioroad::livekit::{RoomPass, TokenKeys};
use livekit_api::services::ServiceResult;
use livekit_api::services::room::RoomClient;
use livekit_protocol::{ParticipantInfo, Room};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::switch::{Switch, eventually, free_port};

/// How long a test's tokens are good for: longer than any test.
const TOKEN_TTL: Duration = Duration::from_secs(3600);
/// How often a starting server is knocked at.
const KNOCK: Duration = Duration::from_millis(5);

/// Where browsers meet callers in a test.
pub(crate) enum Rooms {
    /// In the switch itself.
    Embedded,
    /// On a LiveKit server.
    LiveKit(Box<LiveKitServer>),
}

impl Rooms {
    /// A LiveKit server on the loopback.
    pub(crate) fn on_livekit() -> Self {
        Self::LiveKit(Box::new(LiveKitServer::start()))
    }

    /// The server, to be killed and run again.
    pub(crate) fn server_mut(&mut self) -> &mut LiveKitServer {
        match self {
            Self::Embedded => panic!("there is no server"),
            Self::LiveKit(server) => server,
        }
    }

    /// A switch with its rooms here.
    pub(crate) fn switch(&self) -> Switch {
        self.switch_with(&[])
    }

    /// The same with further settings.
    pub(crate) fn switch_with(&self, further: &[(&str, &str)]) -> Switch {
        match self {
            Self::Embedded => Switch::start(further),
            Self::LiveKit(server) => server.switch(further),
        }
    }
}

/// What a server is started with.
pub(crate) struct Start {
    /// The address it answers at.
    pub(crate) ip: IpAddr,
    /// The network namespace it lives in.
    pub(crate) namespace: Option<String>,
    /// Where it sends its webhooks.
    pub(crate) webhook: Option<String>,
}

impl Default for Start {
    fn default() -> Self {
        Self {
            ip: Ipv4Addr::LOCALHOST.into(),
            namespace: None,
            webhook: None,
        }
    }
}

/// A running server and the means to run it again.
pub(crate) struct LiveKitServer {
    process: Option<Child>,
    namespace: Option<String>,
    address: SocketAddr,
    key: String,
    secret: String,
    rooms: RoomClient,
    runtime: Runtime,
    folder: TempDir,
}

impl LiveKitServer {
    /// Starts a server on the loopback and waits until it takes connections.
    pub(crate) fn start() -> Self {
        Self::start_with(Start::default())
    }

    /// Starts a server and waits until it takes connections.
    pub(crate) fn start_with(start: Start) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let [port, tcp_port, udp_port] = std::array::from_fn(|_| free_port());
        let address = SocketAddr::new(start.ip, port);
        let key = format!("key{port}");
        let secret = format!("a-secret-for-tests-and-nothing-else-{udp_port}");
        let (ip, loopback) = (start.ip, start.ip.is_loopback());
        let mut config = format!(
            "port: {port}\nbind_addresses: [\"{ip}\"]\nkeys:\n  {key}: {secret}\n\
             logging:\n  level: debug\n  json: false\n\
             rtc:\n  tcp_port: {tcp_port}\n  udp_port: {udp_port}\n  node_ip: {ip}\n  \
             use_external_ip: false\n  enable_loopback_candidate: {loopback}\n"
        );
        if let Some(url) = &start.webhook {
            config.push_str(&format!(
                "webhook:\n  api_key: {key}\n  urls: [\"{url}\"]\n"
            ));
        }
        fs::write(folder.path().join("config.yaml"), config).expect("a file");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let mut server = Self {
            process: None,
            namespace: start.namespace,
            rooms: RoomClient::with_api_key(&format!("http://{address}"), &key, &secret),
            address,
            key,
            secret,
            runtime: runtime.expect("a runtime"),
            folder,
        };
        server.run();
        server
    }

    /// Runs the program on the ports and keys of before; gives when it began to take connections.
    pub(crate) fn run(&mut self) -> Instant {
        let program = program();
        let mut command = match &self.namespace {
            None => Command::new(program),
            Some(name) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", name]).arg(program);
                command
            }
        };
        let mut log = File::options();
        let log = log.append(true).create(true).open(self.log_file());
        let log = log.expect("a log file");
        command
            .arg("--config")
            .arg(self.folder.path().join("config.yaml"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log file once more"))
            .stderr(log);
        self.process = Some(command.spawn().expect("livekit-server starts"));
        let deadline = clock::now() + Duration::from_secs(20);
        loop {
            let knocked = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
            if knocked.is_ok() {
                return clock::now();
            }
            let process = self.process.as_mut().expect("it was started");
            let ended = process.try_wait().expect("a child");
            assert!(ended.is_none(), "livekit-server ended: {ended:?}");
            assert!(clock::now() < deadline, "livekit-server does not listen");
            std::thread::park_timeout(KNOCK);
        }
    }

    /// Ends the program as a power cut does.
    pub(crate) fn kill(&mut self) {
        let mut child = self.process.take().expect("a running server");
        child.kill().expect("kill -9");
        child.wait().expect("the end of the process");
    }

    /// A switch with its rooms on this server, and further settings.
    pub(crate) fn switch(&self, further: &[(&str, &str)]) -> Switch {
        let own = self.settings();
        let own = own.iter().map(|(name, value)| (*name, value.as_str()));
        let settings: Vec<_> = own.chain(further.iter().copied()).collect();
        Switch::start(&settings)
    }

    /// What the switch must be told.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("LIVEKIT_URL", self.url()),
            ("LIVEKIT_API_KEY", self.key.clone()),
            ("LIVEKIT_API_SECRET", self.secret.clone()),
        ]
    }

    /// Where clients join.
    pub(crate) fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// The key of its API, and the secret.
    pub(crate) fn key(&self) -> (&str, &str) {
        (&self.key, &self.secret)
    }

    /// A token for somebody who speaks and listens.
    pub(crate) fn token(&self, room: &str, identity: &str) -> String {
        let pass = RoomPass::new(room, identity, identity);
        let keys = TokenKeys::new(&self.key, &self.secret);
        keys.sign(&pass, TOKEN_TTL).expect("a token")
    }

    /// One request to its RoomService, again until it is answered.
    fn ask<T>(&self, what: &str, ask: impl AsyncFn(&RoomClient) -> ServiceResult<T>) -> T {
        eventually(what, || {
            let answer = self.runtime.block_on(ask(&self.rooms));
            answer.map_err(|error| error.to_string())
        })
    }

    /// The rooms that are there.
    pub(crate) fn rooms(&self) -> Vec<Room> {
        self.ask("the rooms", async |rooms| rooms.list_rooms(vec![]).await)
    }

    /// Who is in a room, hidden ones included; nobody when there is no such room.
    pub(crate) fn participants(&self, room: &str) -> Vec<ParticipantInfo> {
        self.ask("the participants", async |rooms| {
            let listed = rooms.list_participants(room).await;
            listed.or_else(|error| match error.to_string() {
                text if text.contains("not_found") || text.contains("does not exist") => Ok(vec![]),
                _ => Err(error),
            })
        })
    }

    /// Kicks somebody out.
    pub(crate) fn remove(&self, room: &str, identity: &str) {
        self.ask("removal", async |rooms| {
            rooms.remove_participant(room, identity).await
        });
    }

    /// Mutes or unmutes the only track of somebody.
    pub(crate) fn mute(&self, room: &str, identity: &str, muted: bool) {
        let track = eventually("a track to mute", || {
            let participants = self.participants(room);
            let theirs = participants.iter().find(|one| one.identity == identity);
            let track = theirs.and_then(|one| one.tracks.first());
            let sid = track.map(|track| track.sid.clone());
            sid.ok_or_else(|| format!("{participants:?}"))
        });
        self.ask("a mute", async |rooms| {
            rooms
                .mute_published_track(room, identity, &track, muted)
                .await
        });
    }

    /// Deletes a room with everybody in it.
    pub(crate) fn delete(&self, room: &str) {
        self.ask("a deletion", async |rooms| rooms.delete_room(room).await);
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    #[expect(clippy::print_stderr, reason = "who reads of a failed test wants it")]
    fn keep_log(&self) {
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("build/test-logs");
        let kept = kept.join(format!("livekit-server-{}.log", self.address.port()));
        let copied = kept.parent().map(fs::create_dir_all).transpose();
        match copied.and_then(|_| fs::copy(self.log_file(), &kept)) {
            Ok(_) => eprintln!("the LiveKit server's log: {}", kept.display()),
            Err(error) => eprintln!("the LiveKit server's log is lost: {error}"),
        }
    }
}

impl Drop for LiveKitServer {
    fn drop(&mut self) {
        if let Some(mut child) = self.process.take() {
            // It may have gone by itself, which the test then says.
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            self.keep_log();
        }
    }
}

/// The program, from its place or another.
fn program() -> PathBuf {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("build/livekit/livekit-server");
    let program = env::var_os("AUDIOROAD_LIVEKIT_SERVER").map_or(built, PathBuf::from);
    assert!(
        program.exists(),
        "no {}: run scripts/livekit-server first",
        program.display()
    );
    program
}
