//! The web: API, dashboards, Twilio's webhooks, LiveKit signalling, health; actix-web on two ports.
//!
//! ```text
//! request -> door (port, deadline) -> routes -> who is it (auth) -> the switchboard or the books -> JSON, or a problem
//! ```
//! Handlers hold no state of the show: they ask the switchboard. Everything they say no to is `application/problem+json`
//! with a sentence for a person ([`problem`]). Limits: bodies [`BODY_MAX`], a request [`REQUEST_PATIENCE`].

mod assets;
mod auth;
mod body;
mod books;
mod callers;
mod calls;
mod calls_out;
mod dashboard;
mod desk;
mod door;
mod drain;
mod episodes;
mod health;
mod ladders;
mod livekit;
mod metrics;
mod moves;
mod openapi;
mod operators;
mod problem;
mod rooms;
mod routes;
mod session;
mod shows;
mod twilio;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix::Addr;
use actix_web::{
    App, HttpServer,
    dev::Server,
    middleware::{Compress, from_fn},
    web::Data,
};

use crate::{
    actors::{
        bridge::RoomTransport, health::Health, ladders::LadderBook, metrics::Metrics,
        stream::Streams, switchboard::Switchboard,
    },
    config::Config,
    store::{Journal, Pool},
    twilio::token::TokenKey,
};

pub use crate::actors::room_access::{RoomAccess, RoomServer};
pub use auth::Accounts;

/// Longest body of a request, in bytes.
const BODY_MAX: usize = 64 * 1024;
/// How long a request may take altogether, its body included.
const REQUEST_PATIENCE: Duration = Duration::from_secs(15);
/// How long a connection may take to send its request's head.
const HEAD_PATIENCE: Duration = Duration::from_secs(5);
/// How long requests that are under way may take once the server stops, in seconds.
const SHUTDOWN_PATIENCE_S: u64 = 2;
/// Threads that answer requests: nothing here computes for long.
const WORKERS: usize = 2;

/// Everything that handlers reach.
#[derive(Clone)]
pub struct Web {
    /// Decides.
    pub switchboard: Addr<Switchboard>,
    /// Browsers' audio.
    pub bridge: RoomTransport,
    /// Who may sign in.
    pub accounts: Arc<Accounts>,
    /// The database.
    pub books: Pool,
    /// What is on its way into the database.
    pub journal: Arc<Journal>,
    /// Who may join which room.
    pub rooms: Arc<RoomAccess>,
    /// Makes the tokens that our TwiML hands to Twilio; the same key as the SIP gate's.
    pub call_tokens: TokenKey,
    /// Carries calls that come as Media Streams.
    pub streams: Streams,
    /// Counters.
    pub metrics: Metrics,
    /// Settings.
    pub config: Arc<Config>,
    /// Which messages calls were made of.
    pub ladders: LadderBook,
    /// How the switch is.
    pub health: Arc<Health>,
}

/// Starts to serve: everything on the first listener (`PORT`), health and metrics alone on the second (`HEALTH_PORT`).
/// Await the server, or stop it by its handle; it takes no signals.
///
/// # Errors
/// When a listener cannot be used.
pub fn start(web: Web, (main, health): (TcpListener, TcpListener)) -> io::Result<Server> {
    let ports = door::Ports {
        health: health
            .local_addr()
            .map(|address: SocketAddr| address.port())?,
    };
    let twilio = Data::new(twilio::Answers::default());
    let server = HttpServer::new(move || {
        App::new()
            .app_data(Data::new(web.clone()))
            .app_data(Data::new(ports))
            .app_data(twilio.clone())
            .configure(problem::configure)
            .configure(routes::configure)
            .wrap(from_fn(door::deadline))
            .wrap(from_fn(door::health_port))
            .wrap(Compress::default())
            .wrap(assets::headers())
    })
    .workers(WORKERS)
    .client_request_timeout(HEAD_PATIENCE)
    .shutdown_timeout(SHUTDOWN_PATIENCE_S)
    .on_connect(door::tune)
    .disable_signals()
    .listen(main)?
    .listen(health)?;
    Ok(server.run())
}
