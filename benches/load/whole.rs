//! Scenarios about the switch as a whole: a show with all that belongs to it, rooms in which nobody is, what it takes to be there.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::child::{Program, free_port};
use crate::janus::Janus;
use crate::livekit::LiveKitPerson;
use crate::machine::{self, Watch};
use crate::ours::{self, Ours, Place};
use crate::record::{Figures, OURS, Record, Taken};
use crate::rooms::{Pace, listen};
use crate::rtpengine::RtpEngine;
use crate::switch::{TOKEN, text};

const ON_AIR: usize = 6;
const ON_HOLD: usize = 100;
const BROWSERS: usize = 3;
/// A client of LiveKit's own takes a fifth of a core.
const IN_BROWSERS: [usize; 3] = [1, 2, 4];
const DASHBOARDS: usize = 10;
const IDLE_ROOMS: usize = 500;

/// L7: a hundred on hold, six on air, three browsers, ten dashboards.
pub(crate) fn show(record: &mut Record, pace: Pace) -> Result<()> {
    record.note("show: the switch does not record yet, so recording is not in it")?;
    let has_browsers = has_browsers();
    if !has_browsers {
        record.note("show: without browsers, since scripts/python-venv has not been run")?;
    }
    let mut ours = Ours::live()?;
    ours.grow(ON_AIR, Place::Air)?;
    ours.grow(ON_AIR + ON_HOLD, Place::Hold)?;
    let pid = ours.switch.pid();
    for round in 1..=pace.rounds {
        record.take(
            ("show", "audioroad, telephones"),
            (ON_AIR + ON_HOLD, round),
            || listen(&mut ours.crowd, pid, pace.step),
        )?;
    }
    let dashboards = Dashboards::open(&ours)?;
    for round in 1..=pace.rounds {
        record.take(
            ("show", "audioroad, and dashboards"),
            (ON_AIR + ON_HOLD, round),
            || listen(&mut ours.crowd, pid, pace.step),
        )?;
    }
    let room = format!("live-{}", ours.episode);
    let join = |at: usize| {
        LiveKitPerson::join(
            &ours.switch,
            &room,
            &format!("host-{at}"),
            300.0 + 100.0 * at as f32,
        )
    };
    let browsers: Vec<LiveKitPerson> = (0..BROWSERS * usize::from(has_browsers))
        .map(join)
        .collect();
    for round in 1..=pace.rounds {
        let before = dashboards.frames();
        record.take(("show", OURS), (ON_AIR + ON_HOLD, round), || {
            let mut taken = listen(&mut ours.crowd, pid, pace.step)?;
            if let Some(heard) = &mut taken.heard {
                // The browsers hum, louder than a click.
                (heard.click_ms_p50, heard.click_ms_p99) = (f64::NAN, f64::NAN);
            }
            taken.figures.insert("browsers", browsers.len() as f64);
            taken.figures.insert(
                "frames to dashboards",
                (dashboards.frames() - before) as f64,
            );
            Ok(taken)
        })?;
    }
    Ok(())
}

/// L3: browsers in a live room and nobody else, each heard by all others.
pub(crate) fn browsers(record: &mut Record, pace: Pace) -> Result<()> {
    if !has_browsers() {
        return record.note("browsers: scripts/python-venv has not been run");
    }
    for round in 1..=pace.rounds {
        let ours = Ours::live()?;
        let room = format!("live-{}", ours.episode);
        let mut there = Vec::new();
        for browsers in IN_BROWSERS {
            while there.len() < browsers {
                let at = there.len();
                let (name, hz) = (format!("guest-{at}"), 300.0 + 100.0 * at as f32);
                there.push(LiveKitPerson::join(&ours.switch, &room, &name, hz));
            }
            let pid = ours.switch.pid();
            record.take(("browsers", OURS), (browsers, round), || {
                std::thread::sleep(Duration::from_secs(2));
                let watch = Watch::begin(pid)?;
                std::thread::sleep(pace.step);
                Ok(Taken {
                    reading: watch.end()?,
                    heard: None,
                    figures: Figures::new(),
                })
            })?;
        }
        drop(there);
        drop(ours);
        let Some(mut janus) = Janus::start_wide()? else {
            record.note("Janus is not installed: scripts/install-packages bench")?;
            continue;
        };
        for participants in IN_BROWSERS {
            janus.grow(participants, usize::MAX)?;
            let pid = janus.program.pid();
            record.take(("browsers", "Janus"), (participants, round), || {
                listen(&mut janus.crowd, pid, pace.step)
            })?;
        }
    }
    Ok(())
}

fn has_browsers() -> bool {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("build/venv/bin/python")
        .exists()
}

/// Dashboards that read whatever comes, on a thread of their own.
struct Dashboards {
    frames: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Dashboards {
    fn open(ours: &Ours) -> Result<Self> {
        let url = ours.switch.url("/ws").replacen("http", "ws", 1);
        let (frames, over) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let mut sockets = Vec::new();
        for _ in 0..DASHBOARDS {
            let mut request = url.as_str().into_client_request()?;
            let bearer = format!("Bearer {TOKEN}").parse()?;
            request.headers_mut().insert("Authorization", bearer);
            sockets.push(
                runtime
                    .block_on(tokio_tungstenite::connect_async(request))?
                    .0,
            );
        }
        let (counted, is_over) = (Arc::clone(&frames), Arc::clone(&over));
        let thread = std::thread::spawn(move || {
            let mut all = futures_util::stream::select_all(sockets);
            while !is_over.load(Ordering::Relaxed) {
                let next =
                    async { tokio::time::timeout(Duration::from_millis(100), all.next()).await };
                if let Ok(Some(Ok(_))) = runtime.block_on(next) {
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        Ok(Self {
            frames,
            over,
            thread: Some(thread),
        })
    }

    fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }
}

impl Drop for Dashboards {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// L8: rooms in which nobody is.
pub(crate) fn idle(record: &mut Record, pace: Pace) -> Result<()> {
    let switch = ours::start(&[])?;
    let idle = |pid: u32| -> Result<Taken> {
        std::thread::sleep(Duration::from_secs(2));
        let watch = Watch::begin(pid)?;
        std::thread::sleep(pace.step);
        let reading = watch.end()?;
        let figures = Figures::from([
            ("wake-ups a second", reading.switches),
            ("% of a core", reading.tested_cores * 100.0),
        ]);
        Ok(Taken {
            reading,
            heard: None,
            figures,
        })
    };
    let pid = switch.pid();
    for round in 1..=pace.rounds {
        record.take(("idle", "audioroad, no show"), (1, round), || idle(pid))?;
    }
    let mut episodes = Vec::new();
    for at in 0..IDLE_ROOMS {
        let show = json!({"name": format!("Show {at}"), "slug": format!("show-{at}"), "phoneNumbers": [format!("+1555{at:07}")]});
        let show = switch.ask("POST", "/api/shows", show);
        let episode = json!({"showId": show["id"], "title": "One"});
        episodes.push(text(&switch.ask("POST", "/api/episodes", episode)["id"]));
    }
    for round in 1..=pace.rounds {
        record.take(("idle", "audioroad, planned"), (IDLE_ROOMS, round), || {
            idle(pid)
        })?;
    }
    for id in &episodes {
        switch.ask("POST", &format!("/api/episodes/{id}/start"), Value::Null);
        switch.ask(
            "POST",
            &format!("/api/episodes/{id}/open-lines"),
            Value::Null,
        );
    }
    for round in 1..=pace.rounds {
        record.take(("idle", OURS), (IDLE_ROOMS, round), || idle(pid))?;
    }
    drop(switch);
    let Some(janus) = Janus::start()? else {
        return record.note("Janus is not installed: scripts/install-packages bench");
    };
    janus.rooms(IDLE_ROOMS)?;
    let pid = janus.program.pid();
    for round in 1..=pace.rounds {
        record.take(("idle", "Janus"), (IDLE_ROOMS, round), || idle(pid))?;
    }
    Ok(())
}

/// L10: from the start of the program to its first answer, and what it weighs before anybody has called.
pub(crate) fn footprint(record: &mut Record, pace: Pace) -> Result<()> {
    let program = Path::new(env!("CARGO_BIN_EXE_audioroad"));
    let mib = std::fs::metadata(program)?.len() as f64 / 1024.0 / 1024.0;
    let books = TempDir::new()?;
    for round in 0..=pace.rounds {
        let who = if round == 0 {
            "audioroad, first start"
        } else {
            OURS
        };
        record.take(("footprint", who), (1, round), || {
            let (mut running, took) = first_answer(program, books.path())?;
            let pid = running.pid();
            // Whatever a start leaves to be done is done then.
            running.wait_for("the switch", || true)?;
            std::thread::sleep(Duration::from_secs(2));
            let watch = Watch::begin(pid)?;
            std::thread::sleep(Duration::from_secs(1));
            let figures = Figures::from([
                ("start to first 200, ms", took.as_secs_f64() * 1000.0),
                ("binary MiB", mib),
            ]);
            Ok(Taken {
                reading: watch.end()?,
                heard: None,
                figures,
            })
        })?;
    }
    let weigh = |pid: u32| -> Result<Taken> {
        let watch = Watch::begin(pid)?;
        std::thread::sleep(Duration::from_secs(1));
        Ok(Taken {
            reading: watch.end()?,
            heard: None,
            figures: Figures::new(),
        })
    };
    if let Some(janus) = Janus::start()? {
        record.take(("footprint", "Janus"), (1, 1), || {
            weigh(janus.program.pid())
        })?;
    }
    if let Some(engine) = RtpEngine::start()? {
        record.take(("footprint", "rtpengine"), (1, 1), || {
            weigh(engine.program.pid())
        })?;
    }
    Ok(())
}

/// Starts the program and asks it once a millisecond whether it is there.
fn first_answer(program: &Path, books: &Path) -> Result<(Program, Duration)> {
    let (sip, http, health, rtc) = (free_port()?, free_port()?, free_port()?, free_port()?);
    let mut command = Command::new(program);
    command
        .env_clear()
        .current_dir(books)
        .env("DATA_DIR", books)
        .env("BIND", "127.0.0.1")
        .env("LOG", "warn");
    for (name, port) in [
        ("SIP_PORT", sip),
        ("PORT", http),
        ("HEALTH_PORT", health),
        ("RTC_UDP_PORT", rtc),
    ] {
        command.env(name, port.to_string());
    }
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, sip));
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_nonblocking(true)?;
    let local = socket.local_addr()?;
    let began = Instant::now();
    let mut running = Program::start(&mut command)?.context("the program")?;
    let mut asked = 0;
    running.wait_for("the switch", || {
        asked += 1;
        is_there(&socket, at, local, asked).unwrap_or(false)
    })?;
    let took = began.elapsed();
    ensure!(machine::resident_kib(running.pid()) > 0, "it runs");
    Ok((running, took))
}

/// Asks, and looks whether an earlier question has been answered.
fn is_there(socket: &UdpSocket, at: SocketAddr, local: SocketAddr, asked: u32) -> io::Result<bool> {
    let options = format!(
        "OPTIONS sip:{at} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bKthere{asked};rport\r\nFrom: <sip:a@{local}>;tag=1\r\n\
         To: <sip:{at}>\r\nCall-ID: there-{asked}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    );
    socket.send_to(options.as_bytes(), at)?;
    let mut buffer = [0; 2048];
    let len = socket.recv(&mut buffer)?;
    Ok(buffer
        .get(..len)
        .unwrap_or_default()
        .starts_with(b"SIP/2.0 200"))
}
