//! A station for one test: switchboard, books in memory, the web on free ports of loopback.

use std::{cell::Cell, net::TcpListener, sync::Arc, time::Duration};

use actix::{Actor, Addr};
use audioroad::{
    actors::{
        bridge::{BridgeConfig, BridgeMode, EndpointLimits, RoomTransport},
        clock,
        health::Health,
        ladders::LadderBook,
        message::AtDesk,
        metrics::Metrics,
        random,
        stream::Streams,
        switchboard::{Switchboard, SwitchboardPeers},
    },
    config::{Config, PublicIp, Source},
    domain::{Arrival, CallId, CallerId, Desk, DeskSettings, Limits as RoomLimits, UnixMs},
    http::{self, Accounts, RoomAccess, RoomServer, Web},
    livekit::TokenKeys,
    store::{
        Follower, Journal, Pool,
        journal::{Limits, Pace},
        migrate::migrate,
        open_pool,
    },
    twilio::token::TokenKey,
};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

pub(crate) const ADMIN_TOKEN: &str = "0123456789abcdef01234567";
pub(crate) const TWILIO_TOKEN: &str = "12345";
pub(crate) const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
pub(crate) const PASSWORD: &str = "correct horse";
pub(crate) const LIVEKIT_KEY: &str = "key";
pub(crate) const LIVEKIT_SECRET: &str = "a secret of LiveKit's";
pub(crate) const CALL_KEY: [u8; 32] = [5; 32];
/// No operator, call, caller, show or episode has it.
pub(crate) const NOBODY: &str = "00000000000000000000000009";

pub(crate) struct Station {
    pub(crate) url: String,
    pub(crate) health_url: String,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) switchboard: Addr<Switchboard>,
    pub(crate) metrics: Metrics,
    pub(crate) health: Arc<Health>,
    pub(crate) ladders: LadderBook,
    client: Client,
    callers: Cell<i64>,
    _follower: Follower,
    _folder: tempfile::TempDir,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Station {
    /// With Twilio's token and account set.
    pub(crate) fn open() -> Self {
        Self::with(&[
            ("TWILIO_AUTH_TOKEN", TWILIO_TOKEN),
            ("TWILIO_ACCOUNT_SID", ACCOUNT),
        ])
    }

    pub(crate) fn with(settings: &[(&str, &str)]) -> Self {
        let pool = open_pool("sqlite::memory:".parse().unwrap());
        migrate(&mut pool.get().unwrap()).unwrap();
        Self::on(pool, settings)
    }

    /// With a database that cannot be opened.
    pub(crate) fn without_database() -> Self {
        let pool = open_pool("sqlite:///proc/none/books.db".parse().unwrap());
        Self::on(pool, &[("TWILIO_AUTH_TOKEN", TWILIO_TOKEN)])
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the server ends with the test's system"
    )]
    fn on(pool: Pool, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listeners = (listener(), listener());
        let config = config(settings, folder.path().to_str().unwrap());
        let (journal, follower) = journal(&pool, folder.path());
        let metrics = Metrics::new().unwrap();
        let health = Arc::new(Health::default());
        health.set_sip(true);
        let ladders = LadderBook::new(10);
        let bridge = bridge();
        let peers = SwitchboardPeers {
            media: Vec::new(),
            bridge: bridge.clone(),
            journal: Arc::clone(&journal),
            metrics: metrics.clone(),
            ladders: ladders.clone(),
            health: Arc::clone(&health),
            trunk_dials: false,
            ring_max: Duration::from_secs(60),
            public_ip: PublicIp::default(),
            calls_max: None,
            hide_numbers: false,
        };
        let switchboard = Switchboard::new(Desk::new(DeskSettings::default()), peers).start();
        let accounts = Arc::new(Accounts::open(pool.clone(), &[1; 32], &config));
        let web = Web {
            switchboard: switchboard.clone(),
            bridge,
            accounts: Arc::clone(&accounts),
            books: pool,
            journal,
            rooms: Arc::new(RoomAccess::new(
                switchboard.clone(),
                TokenKeys::new(LIVEKIT_KEY, LIVEKIT_SECRET),
                RoomLimits::default(),
                room_server(&config),
            )),
            call_tokens: TokenKey::new(&CALL_KEY),
            streams: Streams::new(
                switchboard.clone(),
                TokenKey::new(&CALL_KEY),
                config.twilio.account_sid.as_deref(),
                metrics.clone(),
            ),
            metrics: metrics.clone(),
            config: Arc::new(config),
            ladders: ladders.clone(),
            health: Arc::clone(&health),
        };
        let url = |listener: &TcpListener| format!("http://{}", listener.local_addr().unwrap());
        let (url, health_url) = (url(&listeners.0), url(&listeners.1));
        actix::spawn(http::start(web, listeners).unwrap());
        let client = Client::builder().no_proxy().build().unwrap();
        Self {
            url,
            health_url,
            accounts,
            switchboard,
            metrics,
            health,
            ladders,
            client,
            callers: Cell::new(0),
            _follower: follower,
            _folder: folder,
        }
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.url)
        };
        self.client
            .request(Method::from_bytes(method.as_bytes()).unwrap(), url)
    }

    /// As the admin.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path).bearer_auth(ADMIN_TOKEN))
            .await
    }

    /// As the admin.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(
            self.request("POST", path)
                .bearer_auth(ADMIN_TOKEN)
                .json(&body),
        )
        .await
    }

    /// As the admin.
    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(
            self.request("PATCH", path)
                .bearer_auth(ADMIN_TOKEN)
                .json(&body),
        )
        .await
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        Answer::of(request.send().await.unwrap()).await
    }

    /// Makes an operator and signs in; gives the id and the session token.
    pub(crate) async fn operator(&self, name: &str, role: &str) -> (String, String) {
        let made = self
            .post(
                "/api/operators",
                json!({ "name": name, "role": role, "password": PASSWORD }),
            )
            .await;
        assert_eq!(made.status, 201, "{}", made.text);
        let token = self.sign_in(name, PASSWORD).await.session().unwrap();
        (made.id(), token)
    }

    pub(crate) async fn sign_in(&self, name: &str, password: &str) -> Answer {
        let body = json!({ "name": name, "password": password });
        self.send(self.request("POST", "/api/session").json(&body))
            .await
    }

    /// A show with an episode on air and its lines open; gives the episode's id.
    pub(crate) async fn on_air(&self) -> String {
        let show = json!({ "name": "Night", "slug": "night", "phoneNumbers": ["+15550001111"] });
        let show = self.post("/api/shows", show).await;
        assert_eq!(show.status, 201, "{}", show.text);
        let episode = self
            .post(
                "/api/episodes",
                json!({ "showId": show.id(), "title": "One" }),
            )
            .await
            .id();
        for step in ["start", "open-lines"] {
            let done = self
                .post(&format!("/api/episodes/{episode}/{step}"), json!({}))
                .await;
            assert_eq!(done.status, 200, "{}", done.text);
        }
        episode
    }

    /// A caller whose leg is up, waiting in the lobby behind those before; gives the call's id.
    pub(crate) async fn caller(&self, number: &str) -> String {
        let (from, sip_call_id) = (Some(number.to_owned()), Some(format!("{number}@test")));
        let id = CallId(random::id());
        let later_ms = self.callers.replace(self.callers.get() + 1);
        let arrived = AtDesk::new(move |desk: &mut Desk, now: UnixMs| {
            let now = now.plus_ms(later_ms);
            desk.arrive(
                now,
                Arrival {
                    new_call: id,
                    new_caller: CallerId(random::id()),
                    known: None,
                    from,
                    dialled: "+15550001111".to_owned(),
                    display_name: String::new(),
                    twilio_call_sid: None,
                    sip_call_id,
                },
            );
            desk.answered(now, id);
        });
        self.switchboard.send(arrived).await.unwrap();
        id.to_string()
    }
}

impl Answer {
    pub(crate) async fn of(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self {
            status,
            headers,
            text: response.text().await.unwrap(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|_| panic!("{} is not JSON: {}", self.status, self.text))
    }

    pub(crate) fn id(&self) -> String {
        self.json()["id"]
            .as_str()
            .unwrap_or_else(|| panic!("no id: {}", self.text))
            .to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The session token in the cookie.
    pub(crate) fn session(&self) -> Option<String> {
        let value = self
            .header("set-cookie")
            .strip_prefix("audioroad_session=")?;
        value
            .split(';')
            .next()
            .filter(|token| !token.is_empty())
            .map(str::to_owned)
    }

    /// Fails unless this is a problem of this status with a sentence; gives the sentence.
    pub(crate) fn problem(&self, status: u16, what: &str) -> String {
        assert_eq!(self.status, status, "{what}: {}", self.text);
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{what}: {}",
            self.text
        );
        let problem = self.json();
        assert_eq!(problem["status"], status, "{what}");
        assert_eq!(
            problem["title"],
            StatusCode::from_u16(status)
                .unwrap()
                .canonical_reason()
                .unwrap(),
            "{what}"
        );
        let detail = problem["detail"].as_str().unwrap_or_default().to_owned();
        assert!(
            detail.ends_with(['.', '?']) && detail.contains(' '),
            "{what}: {detail:?} is no sentence"
        );
        detail
    }
}

fn listener() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}

fn config(settings: &[(&str, &str)], data_dir: &str) -> Config {
    let own = [("DATA_DIR", data_dir), ("ADMIN_TOKEN", ADMIN_TOKEN)];
    let all: Vec<(String, String)> = own
        .iter()
        .chain(settings)
        .map(|&(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let source = Source::new("", move |name| {
        all.iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone())
    });
    Config::read(&source.unwrap()).unwrap()
}

/// Where `LIVEKIT_URL` is set.
fn room_server(config: &Config) -> Option<RoomServer> {
    let livekit = &config.livekit;
    livekit.url.as_ref().map(|own| RoomServer {
        url: livekit.public_url.as_ref().unwrap_or(own).clone(),
        node: "studio".to_owned(),
    })
}

fn journal(pool: &Pool, folder: &std::path::Path) -> (Arc<Journal>, Follower) {
    let journal = Journal::open(&folder.join("journal"), Limits::default()).unwrap();
    let follower = Follower::start(&journal, pool.clone(), Pace::default(), clock::utc).unwrap();
    (Arc::new(journal), follower)
}

fn bridge() -> RoomTransport {
    let mode = BridgeMode::Embedded {
        udp: "127.0.0.1:0".parse().unwrap(),
        public_ip: PublicIp::default(),
        api_key: LIVEKIT_KEY.to_owned(),
        api_secret: LIVEKIT_SECRET.to_owned(),
        limits: EndpointLimits::default(),
    };
    let config = BridgeConfig { mode, seed: 9 };
    RoomTransport::start(config, |_| {}).unwrap()
}
