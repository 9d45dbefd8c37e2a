//! LiveKit's SIP service with all that it needs: Redis, a LiveKit server, and one room in which callers hear each other.
//!
//! No package has it, so it is named by `AUDIOROAD_LIVEKIT_SIP`; the server is that of `scripts/livekit-server`, or
//! `AUDIOROAD_LIVEKIT_SERVER`. All three count as one program: a shell is their parent, which ends them when it is ended.

use std::env;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use livekit_api::services::sip::{
    CreateSIPDispatchRuleOptions, CreateSIPInboundTrunkOptions, SIPClient,
};
use livekit_protocol::{SipDispatchRuleDirect, sip_dispatch_rule::Rule};
use tempfile::TempDir;

use crate::child::{Program, free_port};
use crate::crowd::Crowd;
use crate::ours::call;
use crate::phone::Phones;

const KEY: &str = "benchkey";
const SECRET: &str = "a-secret-for-benchmarks-and-nothing-else";
/// Even ports alone are used, one a call.
const RTP_PORTS: &str = "26000-27999";
/// `SIGTERM` would wait for calls to end.
const TOGETHER: &str =
    "trap 'kill -9 0' TERM\n\"$0\" \"$1\" & \"$2\" --config \"$3\" & \"$4\" --config \"$5\" & wait";
/// Calls come one after the other, as to a service that asks others about each.
const INVITE_EVERY: Duration = Duration::from_millis(100);

/// A LiveKit SIP with a room.
pub(crate) struct LiveKitSip {
    pub(crate) program: Program,
    pub(crate) crowd: Crowd,
    phones: Phones,
    _files: TempDir,
}

/// The program, when it is named.
pub(crate) fn is_named() -> bool {
    env::var_os("AUDIOROAD_LIVEKIT_SIP").is_some()
}

impl LiveKitSip {
    /// `None` when it is not named, or Redis or the LiveKit server is not here.
    pub(crate) fn start() -> Result<Option<Self>> {
        let Some(sip) = env::var_os("AUDIOROAD_LIVEKIT_SIP").map(PathBuf::from) else {
            return Ok(None);
        };
        ensure!(sip.exists(), "no {}", sip.display());
        let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("build/livekit/livekit-server");
        let server = env::var_os("AUDIOROAD_LIVEKIT_SERVER").map_or(built, PathBuf::from);
        let redis = Command::new("redis-server").arg("--version").output();
        if !server.exists() || redis.is_err() {
            return Ok(None);
        }
        let files = TempDir::new()?;
        let [redis_port, port, sip_port] = [free_port()?, free_port()?, free_port()?];
        let configs = configure(files.path(), redis_port, port, sip_port)?;
        let mut command = Command::new("sh");
        command.args(["-c", TOGETHER, "redis-server"]);
        command.arg(&configs.redis).arg(server).arg(&configs.server);
        command.arg(sip).arg(&configs.sip).process_group(0);
        let mut program = Program::start(&mut command)?.context("a shell")?;
        let api = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        program.wait_for("livekit-server", || TcpStream::connect(api).is_ok())?;
        let target = SocketAddr::from((Ipv4Addr::LOCALHOST, sip_port));
        program.wait_for("livekit-sip", || TcpStream::connect(target).is_ok())?;
        open_room(&format!("http://{api}"))?;
        Ok(Some(Self {
            program,
            crowd: Crowd::new(),
            phones: Phones::new(target)?,
            _files: files,
        }))
    }

    /// Callers call until there are so many. One alone is not answered.
    pub(crate) fn grow(&mut self, callers: usize) -> Result<()> {
        let there = self.crowd.legs.len();
        call(
            &mut self.phones,
            &mut self.crowd,
            there..callers,
            INVITE_EVERY,
        )
    }
}

/// Every number that is called from here leads into the one room.
fn open_room(api: &str) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let client = SIPClient::with_api_key(api, KEY, SECRET);
    runtime.block_on(async {
        let here = CreateSIPInboundTrunkOptions {
            allowed_addresses: Some(vec!["127.0.0.1".to_owned()]),
            ..Default::default()
        };
        let trunk = client.create_sip_inbound_trunk("bench".to_owned(), vec![], here);
        let trunk = trunk.await?.sip_trunk_id;
        let rule = Rule::DispatchRuleDirect(SipDispatchRuleDirect {
            room_name: "bench".to_owned(),
            ..Default::default()
        });
        let calls = CreateSIPDispatchRuleOptions {
            name: "bench".to_owned(),
            trunk_ids: vec![trunk],
            ..Default::default()
        };
        client.create_sip_dispatch_rule(rule, calls).await?;
        Ok(())
    })
}

struct Configs {
    redis: PathBuf,
    server: PathBuf,
    sip: PathBuf,
}

fn configure(folder: &Path, redis_port: u16, port: u16, sip_port: u16) -> Result<Configs> {
    let [tcp_port, udp_port] = [free_port()?, free_port()?];
    let redis = format!(
        "bind 127.0.0.1\nport {redis_port}\nsave \"\"\nappendonly no\ndir {}\n",
        folder.display()
    );
    let server = format!(
        "port: {port}\nbind_addresses: [\"127.0.0.1\"]\nredis:\n  address: 127.0.0.1:{redis_port}\nkeys:\n  {KEY}: {SECRET}\n\
         logging:\n  level: error\nrtc:\n  tcp_port: {tcp_port}\n  udp_port: {udp_port}\n  use_external_ip: false\n  \
         enable_loopback_candidate: true\n  stun_servers: [\"127.0.0.1:3478\"]\n"
    );
    let sip = format!(
        "api_key: {KEY}\napi_secret: {SECRET}\nws_url: ws://127.0.0.1:{port}\nredis:\n  address: 127.0.0.1:{redis_port}\n\
         sip_port: {sip_port}\nrtp_port: {RTP_PORTS}\nlisten_ip: 127.0.0.1\nnat_1_to_1_ip: 127.0.0.1\nlogging:\n  level: error\n"
    );
    let write = |name: &str, text: String| -> Result<PathBuf> {
        let path = folder.join(name);
        std::fs::write(&path, text)?;
        Ok(path)
    };
    Ok(Configs {
        redis: write("redis.conf", redis)?,
        server: write("livekit.yaml", server)?,
        sip: write("sip.yaml", sip)?,
    })
}
