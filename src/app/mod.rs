//! The wiring: the only place that knows everybody, and the order in which all start and stop.
//!
//! ```text
//! keys -> books (journal replayed, open calls closed) -> bridge -> desk thread -> media threads -> sip thread -> web
//! SIGTERM -> no new calls; those that are up end by themselves, or at the deadline -> rooms left, books written, good-bye
//! ```

mod books;
mod calls_out;
mod keys;
mod tls;
mod trunks;

use std::{
    ffi::CString,
    net::{SocketAddr, TcpListener},
    sync::{Arc, OnceLock},
    time::Duration,
};

use actix::{Actor, Addr, Arbiter, System};
use anyhow::Context as _;

use crate::{
    actors::{
        bridge::{BridgeConfig, BridgeMode, EndpointLimits, RoomTransport, ServerConfig},
        clock,
        health::{Health, LiveKit},
        ladders::LadderBook,
        media_clock::MediaClock,
        message::{Drain, FromBridge, LinesUp, ShutDown, SipUp},
        metrics::Metrics,
        overload::{Marks, ThreadGauge, Watch, WatchPeers},
        random,
        sip::{Gate, GateSettings, SipActor, SipSockets},
        stream::Streams,
        studio::Studio,
        switchboard::{Switchboard, SwitchboardPeers},
        twilio_calls::TwilioCalls,
    },
    check,
    config::Config,
    http::{self, Accounts, RoomAccess, RoomServer, Web},
    livekit::TokenKeys,
    media::{MediaTable, asset::Assets, dsp::Ducking, opus::CallerOpus, table::MediaSettings},
    net::{
        self,
        ports::PortPool,
        tls::{TlsClient, TlsServer},
    },
    sip::{EndpointConfig, Limits, Timings, trunk::Admission},
    twilio::token::TokenKey,
};

use books::Books;
pub(crate) use calls_out::rules as calls_out_rules;
use keys::Keys;
pub(crate) use trunks::trunks;

/// How often a drain looks whether the last call is over.
const DRAIN_LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often a stop looks whether everybody is hung up.
const STOP_LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long calls have to end when the switch goes down.
const HANG_UP_MAX: Duration = Duration::from_secs(5);
/// How long the books have to be written then.
const BOOKS_CLOSE_MAX: Duration = Duration::from_secs(10);

/// A switch that runs, and what its starter may want of it.
pub struct Running {
    /// For the demo's callers.
    pub switchboard: Addr<Switchboard>,
    /// Operators; gives sign-in links.
    pub accounts: Arc<Accounts>,
    /// SIP, as loopback reaches it.
    pub sip: SocketAddr,
    /// The web, as a browser on this machine reaches it.
    pub url: String,
    drain: Duration,
    web: actix_web::dev::ServerHandle,
    books: Books,
    bridge: RoomTransport,
    twilio: Option<Addr<TwilioCalls>>,
}

/// Starts everything. Must run inside an actix system.
///
/// # Errors
/// A port is taken, the database cannot be opened, a setting makes no sense: said in one sentence.
pub fn start(mut config: Config) -> anyhow::Result<Running> {
    config.http.bind = net::address::listening(config.http.bind);
    let keys = Keys::open(&config)?;
    let metrics = Metrics::new()?;
    let health = Arc::new(Health::default());
    let ladders = LadderBook::new(config.sip.ladders);
    if config.livekit.url.is_some() {
        health.set_livekit(LiveKit::Ok);
    }
    let listeners = listeners(&config)?;
    let (certificates, trust) = tls::open(&config)?;
    let sockets = sip_sockets(&config, certificates.as_ref(), trust)?;
    let sip_local = sockets.local;
    let (books, desk) = Books::open(&config)?;

    let address: Arc<OnceLock<Addr<Switchboard>>> = Arc::default();
    let bridge = start_bridge(&config, &keys, Arc::clone(&address))?;
    let media: Vec<Arbiter> = (0..media_threads(&config))
        .map(|thread| new_thread(&format!("media-{thread}")))
        .collect();
    let peers = switchboard_peers(
        &config, &media, &bridge, &books, &metrics, &ladders, &health,
    );
    let switchboard =
        Switchboard::start_in_arbiter(&new_thread("switchboard").handle(), move |_| {
            Switchboard::new(desk, peers)
        });
    // Set once, here; the bridge has no events before anybody can join.
    let _ = address.set(switchboard.clone());
    let gauges = gauges(&config, media.len());
    start_media(&config, &media, &gauges, &switchboard, &bridge, &metrics)?;
    let sip = start_sip(&config, &keys, sockets, &switchboard, &metrics, &ladders)?;
    start_watch(&config, gauges, &switchboard, sip, &metrics, &health);
    let twilio = calls_out::start(&config, || new_thread("twilio"), &switchboard)?;
    health.set_sip(true);
    tls::keep(certificates, Arc::clone(&health), metrics.clone()).context("SIGHUP")?;
    warn_of_reachability(&config);

    let config = Arc::new(config);
    let accounts = Arc::new(Accounts::open(books.pool.clone(), &keys.session, &config));
    let web = Web {
        switchboard: switchboard.clone(),
        bridge: bridge.clone(),
        accounts: Arc::clone(&accounts),
        books: books.pool.clone(),
        journal: Arc::new(books.journal.clone()),
        rooms: Arc::new(room_access(&config, &keys, switchboard.clone())),
        call_tokens: TokenKey::new(&keys.calls),
        streams: Streams::new(
            switchboard.clone(),
            TokenKey::new(&keys.calls),
            config.twilio.account_sid.as_deref(),
            metrics.clone(),
        ),
        metrics,
        config: Arc::clone(&config),
        ladders,
        health,
    };
    let server = http::start(web, listeners)?;
    let web = server.handle();
    serve(server);
    let local = format!("http://localhost:{}", config.http.port);
    Ok(Running {
        switchboard,
        accounts,
        sip: SocketAddr::from(([127, 0, 0, 1], sip_local.port())),
        url: config.http.public_url.clone().unwrap_or(local),
        drain: config.capacity.drain,
        web,
        books,
        bridge,
        twilio,
    })
}

impl Running {
    /// Takes no new calls and waits until those that are up have ended, for as long as `DRAIN_SECONDS` says, or until `hurry`.
    pub async fn drain(&self, hurry: impl Future<Output = ()>) {
        let most = self.drain;
        let until = clock::utc().plus_ms(i64::try_from(most.as_millis()).unwrap_or(i64::MAX));
        // It cannot be refused, and a switchboard that is gone has no calls.
        let _ = self.switchboard.send(Drain::GoDown { until }).await;
        tokio::select! {
            () = self.empty(DRAIN_LOOK_EVERY) => tracing::info!("no call is up any more"),
            () = tokio::time::sleep(most) => tracing::warn!("the deadline is here: calls that are still up are hung up"),
            () = hurry => tracing::info!("told again: calls that are still up are hung up"),
        }
    }

    /// Waits until no call is up.
    async fn empty(&self, look_every: Duration) {
        while self
            .switchboard
            .send(LinesUp)
            .await
            .is_ok_and(|lines| lines > 0)
        {
            tokio::time::sleep(look_every).await;
        }
    }

    /// Hangs everybody up, writes the books, and lets go of everything.
    pub async fn stop(self) {
        self.switchboard.do_send(ShutDown);
        let empty = self.empty(STOP_LOOK_EVERY);
        if tokio::time::timeout(HANG_UP_MAX, empty).await.is_err() {
            tracing::warn!("some calls did not end in time");
        }
        if let Some(twilio) = &self.twilio {
            calls_out::stop(twilio).await;
        }
        self.bridge.stop().await;
        self.web.stop(false).await;
        if !self.books.follower.stop(BOOKS_CLOSE_MAX) {
            tracing::warn!("rows wait in the journal; the next start writes them");
        }
        if let Some(system) = System::try_current() {
            system.stop();
        }
    }
}

fn switchboard_peers(
    config: &Config,
    media: &[Arbiter],
    bridge: &RoomTransport,
    books: &Books,
    metrics: &Metrics,
    ladders: &LadderBook,
    health: &Arc<Health>,
) -> SwitchboardPeers {
    SwitchboardPeers {
        media: media.iter().map(Arbiter::handle).collect(),
        bridge: bridge.clone(),
        journal: Arc::new(books.journal.clone()),
        metrics: metrics.clone(),
        ladders: ladders.clone(),
        health: Arc::clone(health),
        public_ip: config.sip.public_ip,
        calls_max: config.capacity.calls_max,
        trunk_dials: calls_out::dials_by_trunk(config),
        ring_max: Duration::from_secs(config.sip.dial_timeout_s.into()),
        hide_numbers: config.station.hide_phone_numbers,
    }
}

fn warn_of_reachability(config: &Config) {
    for warning in check::reachability(config) {
        tracing::warn!("{warning}");
    }
}

#[expect(clippy::disallowed_methods, reason = "tasks are started here")]
fn serve(server: actix_web::dev::Server) {
    actix::spawn(server);
}

#[expect(
    clippy::disallowed_methods,
    reason = "threads are made here and nowhere else"
)]
fn new_thread(name: &str) -> Arbiter {
    let thread = Arbiter::new();
    // The name that top(1) and a core dump show: the first fifteen octets of it.
    if let Ok(name) = CString::new(name) {
        thread.spawn_fn(move || {
            let _ = nix::sys::prctl::set_name(&name);
        });
    }
    thread
}

/// The web's two: everything, and health alone.
fn listeners(config: &Config) -> anyhow::Result<(TcpListener, TcpListener)> {
    let main = listen(config, config.http.port)?;
    Ok((main, listen(config, config.http.health_port)?))
}

fn listen(config: &Config, port: u16) -> anyhow::Result<TcpListener> {
    let address = SocketAddr::new(config.http.bind, port);
    net::tcp::bind(address)
        .with_context(|| format!("cannot listen on {address} (TCP); is another program there?"))
}

fn sip_sockets(
    config: &Config,
    certificates: Option<&TlsServer>,
    trust: TlsClient,
) -> anyhow::Result<SipSockets> {
    let address = SocketAddr::new(config.http.bind, config.sip.port);
    let taken = |address: SocketAddr, transport: &str| {
        format!("cannot listen for SIP on {address} ({transport}); is another program there?")
    };
    let udp = net::udp::bind(address).with_context(|| taken(address, "UDP"))?;
    let local = udp.local_addr()?;
    let tcp = net::tcp::bind(local).with_context(|| taken(local, "TCP"))?;
    let secure = SocketAddr::new(config.http.bind, config.sip.tls.port);
    let tls = match certificates {
        Some(certificates) => {
            let listener = net::tcp::bind(secure).with_context(|| taken(secure, "TLS"))?;
            Some((listener, certificates.config()))
        }
        None => None,
    };
    Ok(SipSockets {
        udp,
        tcp,
        tls,
        local,
        trust,
    })
}

fn media_threads(config: &Config) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    match config.media.threads {
        0 if cores >= 4 => 2,
        0 => 1,
        threads => threads,
    }
}

fn room_access(config: &Config, keys: &Keys, switchboard: Addr<Switchboard>) -> RoomAccess {
    let url = config.livekit.public_url.as_ref();
    let server = config.livekit.url.as_ref().map(|own| RoomServer {
        url: url.unwrap_or(own).clone(),
        node: keys.node.clone(),
    });
    let token_keys = TokenKeys::new(&keys.livekit.0, &keys.livekit.1);
    RoomAccess::new(switchboard, token_keys, config.station.limits, server)
}

fn start_bridge(
    config: &Config,
    keys: &Keys,
    switchboard: Arc<OnceLock<Addr<Switchboard>>>,
) -> anyhow::Result<RoomTransport> {
    let udp = SocketAddr::new(config.http.bind, config.livekit.udp_port);
    let (api_key, api_secret) = keys.livekit.clone();
    let mode = match config.livekit.url.clone() {
        Some(url) => BridgeMode::Server(ServerConfig {
            url,
            api_key,
            api_secret,
            node: keys.node.clone(),
        }),
        None => BridgeMode::Embedded {
            udp,
            public_ip: config.sip.public_ip,
            api_key,
            api_secret,
            limits: EndpointLimits {
                browsers_per_room_max: config.station.limits.live,
                calls_per_room_max: config.station.limits.live,
                ..EndpointLimits::default()
            },
        },
    };
    let seed = random::u64();
    RoomTransport::start(BridgeConfig { mode, seed }, move |event| {
        if let Some(switchboard) = switchboard.get() {
            switchboard.do_send(FromBridge(event));
        }
    })
    .with_context(|| {
        format!("cannot listen for browsers' audio on {udp} (UDP); is another program there?")
    })
}

fn gauges(config: &Config, threads: usize) -> Vec<Arc<ThreadGauge>> {
    let now = clock::now();
    let gauge = || Arc::new(ThreadGauge::new(config.capacity.lateness_max, now));
    std::iter::repeat_with(gauge).take(threads).collect()
}

fn start_watch(
    config: &Config,
    gauges: Vec<Arc<ThreadGauge>>,
    switchboard: &Addr<Switchboard>,
    sip: Addr<SipActor>,
    metrics: &Metrics,
    health: &Arc<Health>,
) {
    let capacity = &config.capacity;
    let marks = Marks {
        calls_max: capacity.calls_max,
        cpu_percent_max: Some(capacity.cpu_percent_max).filter(|percent| *percent > 0),
        lateness: !capacity.lateness_max.is_zero(),
    };
    let peers = WatchPeers {
        gauges,
        switchboard: switchboard.clone(),
        sip,
        metrics: metrics.clone(),
        health: Arc::clone(health),
    };
    Watch::new(marks, peers).start();
}

fn start_media(
    config: &Config,
    threads: &[Arbiter],
    gauges: &[Arc<ThreadGauge>],
    switchboard: &Addr<Switchboard>,
    bridge: &RoomTransport,
    metrics: &Metrics,
) -> anyhow::Result<()> {
    let assets = match &config.media.prompts_dir {
        Some(dir) => Assets::load(dir).context("PROMPTS_DIR")?,
        None => Assets::built_in()?,
    };
    for unused in assets.unused() {
        tracing::warn!(file = %unused.display(), "this file in PROMPTS_DIR has no prompt's name and is not used");
    }
    let assets = Arc::new(assets);
    let timeout = Duration::from_secs(u64::from(config.media.rtp_timeout_seconds));
    let settings = MediaSettings {
        rtp_timeout: timeout,
        rtp_timeout_first: timeout.saturating_mul(2),
        caller_opus: CallerOpus {
            bitrate: config.media.opus_bitrate,
            complexity: config.media.opus_complexity,
        },
        ducking: Ducking {
            depth_db: config.media.ducking.depth_db,
            attack_ms: config.media.ducking.attack_ms,
            hold_ms: config.media.ducking.hold_ms,
            release_ms: config.media.ducking.release_ms,
        },
        ..MediaSettings::default()
    };
    let (first, last) = config.media.rtp_ports;
    for (index, (thread, gauge)) in threads.iter().zip(gauges).enumerate() {
        let gauge = Arc::clone(gauge);
        let ports = PortPool::new(first, last, index, threads.len());
        let (assets, bind) = (Arc::clone(&assets), config.http.bind);
        let (switchboard, bridge, metrics) = (switchboard.clone(), bridge.clone(), metrics.clone());
        MediaClock::start_in_arbiter(&thread.handle(), move |_| {
            let studio = Studio::new(MediaTable::new(assets, settings), ports, bind);
            MediaClock::new(studio, switchboard, bridge, metrics, gauge)
        });
    }
    Ok(())
}

fn start_sip(
    config: &Config,
    keys: &Keys,
    sockets: SipSockets,
    switchboard: &Addr<Switchboard>,
    metrics: &Metrics,
    ladders: &LadderBook,
) -> anyhow::Result<Addr<SipActor>> {
    let trunks = trunks(config)?;
    let public_ip = config.sip.public_ip;
    let port = sockets.local.port();
    let endpoint = EndpointConfig {
        host_v4: public_ip.v4.map(|ip| ip.to_string()),
        host_v6: public_ip.v6.map(|ip| ip.to_string()),
        udp_port: port,
        tcp_port: port,
        tls_port: config.sip.tls.port,
        user_agent: concat!("audioroad/", env!("CARGO_PKG_VERSION")).to_owned(),
        secret: random::secret(),
        timings: Timings::default(),
        limits: Limits {
            calls_per_second: config.capacity.calls_per_second_max,
            ..Limits::default()
        },
    };
    let gate = GateSettings {
        admission: Admission::new(clock::now(), trunks, &random::secret()),
        tokens: TokenKey::new(&keys.calls),
        public_ip,
    };
    let (to, metrics, ladders) = (switchboard.clone(), metrics.clone(), ladders.clone());
    let sip = SipActor::start_in_arbiter(&new_thread("sip").handle(), move |_| {
        SipActor::new(endpoint, Gate::new(gate), sockets, to, metrics, ladders)
    });
    switchboard.do_send(SipUp(sip.clone()));
    Ok(sip)
}
