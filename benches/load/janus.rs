//! Janus with its AudioBridge: one room, participants by plain RTP in mu-law or in Opus, every listener a mix of its own.

use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::child::{self, Program};
use crate::crowd::{Crowd, OPUS};

/// Where Debian puts its plugins.
const LIBRARIES: &str = "/usr/lib/x86_64-linux-gnu/janus";
const ROOM: u32 = 1;
/// Its default; with less it drops packets of who is early.
const PREBUFFER: u32 = 6;

/// A Janus with a room.
pub(crate) struct Janus {
    pub(crate) program: Program,
    pub(crate) crowd: Crowd,
    client: reqwest::Client,
    runtime: Runtime,
    url: String,
    session: u64,
    sampling_rate: u32,
    _files: TempDir,
}

impl Janus {
    /// For telephones; `None` when it is not installed.
    pub(crate) fn start() -> Result<Option<Self>> {
        Self::with(8000, Crowd::new())
    }

    /// For browsers: Opus, mixed at 48 kHz.
    pub(crate) fn start_wide() -> Result<Option<Self>> {
        Self::with(48_000, Crowd::opus()?)
    }

    fn with(sampling_rate: u32, crowd: Crowd) -> Result<Option<Self>> {
        let files = TempDir::new()?;
        let port = child::free_port()?;
        configure(files.path(), port)?;
        let mut command = Command::new("janus");
        let Some(mut program) = Program::start(command.arg("-F").arg(files.path()))? else {
            return Ok(None);
        };
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(20))
            .build()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let url = format!("http://127.0.0.1:{port}/janus");
        program.wait_for("janus", || {
            let info = client.get(format!("{url}/info"));
            // A request's timeout begins where its runtime is.
            let answer = runtime.block_on(async { info.send().await });
            answer.is_ok_and(|answer| answer.status() == 200)
        })?;
        let mut janus = Self {
            program,
            crowd,
            client,
            runtime,
            url,
            session: 0,
            sampling_rate,
            _files: files,
        };
        janus.session = id(&janus.post("", json!({"janus": "create"}))?)?;
        let handle = janus.attach()?;
        janus.open(handle, ROOM)?;
        Ok(Some(janus))
    }

    /// Rooms are opened until there are so many.
    pub(crate) fn rooms(&self, rooms: usize) -> Result<()> {
        let handle = self.attach()?;
        (2..=u32::try_from(rooms)?).try_for_each(|room| self.open(handle, room))
    }

    fn open(&self, handle: u64, room: u32) -> Result<()> {
        let room = json!({
            "request": "create", "room": room, "sampling_rate": self.sampling_rate, "allow_rtp_participants": true,
            "audiolevel_ext": false, "default_prebuffering": PREBUFFER,
        });
        let made = self.post(
            &format!("/{handle}"),
            json!({"janus": "message", "body": room}),
        )?;
        ensure!(
            made["plugindata"]["data"]["audiobridge"] == "created",
            "janus makes no room: {made}"
        );
        Ok(())
    }

    /// Participants join until there are so many; those from `muted_from` on are not mixed.
    pub(crate) fn grow(&mut self, participants: usize, muted_from: usize) -> Result<()> {
        let (codec, payload_type) = match self.sampling_rate {
            8000 => ("pcmu", 0),
            _ => ("opus", OPUS),
        };
        while self.crowd.legs.len() < participants {
            let at = self.crowd.add()?;
            let handle = self.attach()?;
            let leg = self.crowd.legs.get_mut(at).context("a leg")?;
            let join = json!({
                "request": "join", "room": ROOM, "codec": codec, "muted": at >= muted_from,
                "rtp": {"ip": "127.0.0.1", "port": leg.port, "payload_type": payload_type},
            });
            let path = format!("/{handle}");
            self.post(&path, json!({"janus": "message", "body": join}))?;
            let port = self.joined(handle)?;
            let to = SocketAddr::from(([127, 0, 0, 1], port));
            if let Some(leg) = self.crowd.legs.get_mut(at) {
                leg.to = Some(to);
            }
        }
        Ok(())
    }

    fn attach(&self) -> Result<u64> {
        let attach = json!({"janus": "attach", "plugin": "janus.plugin.audiobridge"});
        id(&self.post("", attach)?)
    }

    /// The RTP port of the participant that joined by this handle, from the session's events: each of the others is told too.
    fn joined(&self, handle: u64) -> Result<u16> {
        for _ in 0..50 {
            let url = format!("{}/{}?maxev=1000", self.url, self.session);
            let events = self.send(self.client.get(url))?;
            let ours = |event: &&Value| event["sender"] == handle;
            for event in events.as_array().into_iter().flatten().filter(ours) {
                let data = &event["plugindata"]["data"];
                if let Some(error) = data["error"].as_str() {
                    bail!("janus: {error}");
                }
                let port = data["rtp"]["port"].as_u64();
                if let Some(port) = port.and_then(|port| u16::try_from(port).ok()) {
                    return Ok(port);
                }
            }
        }
        bail!("janus never said where its audio is taken")
    }

    fn post(&self, path: &str, mut body: Value) -> Result<Value> {
        body["transaction"] = json!("load");
        let session = match self.session {
            0 => String::new(),
            session => format!("/{session}"),
        };
        let url = format!("{}{session}{path}", self.url);
        let answer = self.send(self.client.post(url).json(&body))?;
        ensure!(answer["janus"] != "error", "janus: {answer}");
        Ok(answer)
    }

    fn send(&self, request: reqwest::RequestBuilder) -> Result<Value> {
        self.runtime.block_on(async {
            let text = request.send().await?.text().await?;
            Ok(serde_json::from_str(&text)?)
        })
    }
}

fn id(answer: &Value) -> Result<u64> {
    answer["data"]["id"]
        .as_u64()
        .with_context(|| format!("no id: {answer}"))
}

fn configure(folder: &Path, port: u16) -> Result<()> {
    let link = |kind: &str, library: &str| -> Result<PathBuf> {
        let to = folder.join(kind);
        std::fs::create_dir(&to)?;
        if !library.is_empty() {
            symlink(
                Path::new(LIBRARIES).join(kind).join(library),
                to.join(library),
            )?;
        }
        Ok(to)
    };
    let plugins = link("plugins", "libjanus_audiobridge.so")?;
    let transports = link("transports", "libjanus_http.so")?;
    let nothing = link("nothing", "")?;
    let (plugins, transports, nothing) =
        (plugins.display(), transports.display(), nothing.display());
    let own = format!(
        "general: {{\n configs_folder = \"{}\"\n plugins_folder = \"{plugins}\"\n transports_folder = \"{transports}\"\n \
         events_folder = \"{nothing}\"\n loggers_folder = \"{nothing}\"\n session_timeout = 0\n debug_level = 1\n}}\n",
        folder.display()
    );
    std::fs::write(folder.join("janus.jcfg"), own)?;
    let http = format!(
        "general: {{\n json = \"plain\"\n base_path = \"/janus\"\n http = true\n port = {port}\n ip = \"127.0.0.1\"\n https = false\n}}\n\
         admin: {{\n admin_http = false\n}}\n"
    );
    std::fs::write(folder.join("janus.transport.http.jcfg"), http)?;
    let bridge = "general: {\n local_ip = \"127.0.0.1\"\n rtp_port_range = \"14000-22000\"\n}\n";
    std::fs::write(folder.join("janus.plugin.audiobridge.jcfg"), bridge)?;
    Ok(())
}
