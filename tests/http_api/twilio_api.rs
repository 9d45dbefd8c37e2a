//! A stand-in for Twilio's API: an HTTP server that says what it was asked and answers as the test says, when the test says.

use std::{net::TcpListener, time::Duration};

use actix::Actor as _;
use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    http::StatusCode,
    web::{self, Bytes, Data},
};
use audioroad::{
    actors::{
        message::{AtDesk, TwilioUp},
        twilio_calls::{TwilioCalls, TwilioCallsConfig},
    },
    config::Secret,
    domain::{
        CallsOut, Desk, UnixMs,
        calls_out::{HelpLine, Transfers},
    },
    twilio::calls::Account,
};
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use url::form_urlencoded;

use crate::station::{ACCOUNT, Station, TWILIO_TOKEN};

const PATIENCE: Duration = Duration::from_secs(10);

/// One request, not yet answered.
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) authorization: String,
    form: Vec<(String, String)>,
    reply: oneshot::Sender<(u16, String)>,
}

impl Asked {
    /// The values under this name, in order.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let named = self.form.iter().filter(|(known, _)| known == name);
        named.map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn value(&self, name: &str) -> &str {
        let values = self.values(name);
        assert_eq!(values.len(), 1, "{name} in {:?}", self.form);
        values[0]
    }

    pub(crate) fn answer(self, status: u16, body: &Value) {
        self.reply.send((status, body.to_string())).unwrap();
    }

    /// As Twilio does when it takes an order.
    pub(crate) fn take(self, sid: &str, status: &str) {
        self.answer(201, &json!({"sid": sid, "status": status}));
    }
}

pub(crate) struct TwilioApi {
    url: String,
    asked: mpsc::UnboundedReceiver<Asked>,
}

impl TwilioApi {
    #[expect(
        clippy::disallowed_methods,
        reason = "the server ends with the test's system"
    )]
    fn open() -> Self {
        let (tell, asked) = mpsc::unbounded_channel::<Asked>();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(Data::new(tell.clone()))
                .default_service(web::to(hear))
        });
        actix::spawn(server.workers(1).listen(listener).unwrap().run());
        Self { url, asked }
    }

    /// The next request.
    pub(crate) async fn next(&mut self) -> Asked {
        let asked = timeout(PATIENCE, self.asked.recv()).await;
        asked.expect("nothing is asked of Twilio").unwrap()
    }

    /// Nothing has been asked since.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.asked.is_empty()
    }
}

async fn hear(
    request: HttpRequest,
    body: Bytes,
    tell: Data<mpsc::UnboundedSender<Asked>>,
) -> HttpResponse {
    let header = |name: &str| {
        let value = request.headers().get(name);
        value.map_or("", |value| value.to_str().unwrap()).to_owned()
    };
    assert_eq!(request.method(), "POST");
    assert_eq!(header("content-type"), "application/x-www-form-urlencoded");
    let (reply, answer) = oneshot::channel();
    let asked = Asked {
        path: request.path().to_owned(),
        authorization: header("authorization"),
        form: form_urlencoded::parse(&body).into_owned().collect(),
        reply,
    };
    assert!(tell.send(asked).is_ok(), "the test is over");
    match answer.await {
        Ok((status, body)) => HttpResponse::build(StatusCode::from_u16(status).unwrap())
            .content_type("application/json")
            .body(body),
        // The test let go of it: Twilio answers with nothing that anybody can read.
        Err(_) => HttpResponse::ServiceUnavailable().finish(),
    }
}

/// What the station may call.
pub(crate) fn rules() -> CallsOut {
    CallsOut {
        has_way: true,
        allow: "+1".parse().unwrap(),
        own_number: None,
        needs_own_number: true,
        calls_max: 5,
        ring_ms_max: 65_000,
        transfers: Transfers {
            by_line: false,
            by_carrier: true,
        },
        help_lines: vec![HelpLine::new("Lifeline", "988").unwrap()],
    }
}

impl Station {
    /// Lets the station call by a Twilio that is asked here.
    pub(crate) async fn calls_by_twilio(&self) -> TwilioApi {
        let api = TwilioApi::open();
        let config = TwilioCallsConfig {
            account: Account {
                sid: ACCOUNT.into(),
                api_url: api.url.clone(),
            },
            auth_token: Secret(TWILIO_TOKEN.into()),
            public_url: self.url.clone(),
            ring: Duration::from_secs(45),
        };
        let client = TwilioCalls::client().unwrap();
        let calls = TwilioCalls::new(config, client, self.switchboard.clone());
        self.switchboard
            .send(TwilioUp(calls.start()))
            .await
            .unwrap();
        self.may_call(rules()).await;
        api
    }

    pub(crate) async fn may_call(&self, rules: CallsOut) {
        let set = AtDesk::new(move |desk: &mut Desk, _: UnixMs| desk.set_calls_out(rules));
        self.switchboard.send(set).await.unwrap();
    }
}
