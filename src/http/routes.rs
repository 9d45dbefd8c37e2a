//! The whole URL map on one page. [`table`] is also what the OpenAPI document is compared with.

use actix_web::{
    FromRequest, Handler, HttpResponse, Resource, Responder,
    dev::{AppService, HttpServiceFactory},
    guard,
    http::Method,
    web::{self, PayloadConfig, ServiceConfig},
};

use crate::http::{
    assets, callers, calls, calls_out, dashboard, drain, episodes, health, ladders, livekit,
    metrics, moves, openapi, operators,
    problem::{self, Problem},
    rooms, session, shows, twilio,
};

/// Every address with its methods and their handlers.
pub(super) fn table() -> Vec<Endpoint> {
    vec![
        at("/health").get(health::show),
        at("/metrics").get(metrics::show),
        at("/api/openapi.json").get(openapi::show),
        at("/api/session")
            .get(session::show)
            .post(session::sign_in)
            .delete(session::sign_out),
        at("/api/session/link").post(session::sign_in_by_link),
        at("/api/operators")
            .get(operators::list)
            .post(operators::create),
        at("/api/operators/{id}").patch(operators::change),
        at("/api/shows").get(shows::list).post(shows::create),
        at("/api/shows/{id}").get(shows::show).patch(shows::change),
        at("/api/episodes")
            .get(episodes::list)
            .post(episodes::create),
        at("/api/episodes/{id}").get(episodes::show),
        at("/api/episodes/{id}/start").post(episodes::start),
        at("/api/episodes/{id}/end").post(episodes::end),
        at("/api/episodes/{id}/open-lines").post(episodes::open_lines),
        at("/api/episodes/{id}/close-lines").post(episodes::close_lines),
        at("/api/episodes/{id}/busy-all").post(episodes::busy_all),
        at("/api/calls").get(calls::list).post(calls_out::dial),
        at("/api/calls/{id}").get(calls::show).patch(calls::change),
        at("/api/calls/{id}/call-back").post(calls_out::call_back),
        at("/api/calls/{id}/consent")
            .post(calls_out::record_consent)
            .delete(calls_out::withdraw_consent),
        at("/api/calls/{id}/transfer").post(calls_out::transfer),
        at("/api/calls/{id}/sip").get(ladders::of_call),
        at("/api/calls/{id}/sip.pcap").get(ladders::capture_of_call),
        at("/api/sip/calls").get(ladders::list),
        at("/api/sip/calls/{id}").get(ladders::by_number),
        at("/api/sip/calls/{id}/sip.pcap").get(ladders::capture_by_number),
        at("/api/drain").post(drain::begin).delete(drain::end),
        at("/api/callers").get(callers::list),
        at("/api/callers/{id}")
            .get(callers::show)
            .patch(callers::change),
        at("/api/callers/{id}/calls").get(callers::calls),
        at("/api/rooms/{roomName}/token").post(rooms::token),
        at("/api/twilio-sip/move-to-screening").post(moves::to_screening),
        at("/api/twilio-sip/move-to-hold").post(moves::to_hold),
        at("/api/twilio-sip/move-to-live").post(moves::to_live),
        at("/api/twilio-sip/move-to-lobby").post(moves::to_lobby),
        at("/api/twilio-sip/end-call").post(moves::end_call),
        at("/ws").get(dashboard::open),
        at("/rtc").get(livekit::open),
        at("/rtc/validate").get(livekit::validate),
        at("/livekit/webhook")
            .body_max(livekit::WEBHOOK_LEN_MAX)
            .post(livekit::webhook),
        at("/rtc/v1{rest:.*}").get(livekit::no_such_version),
    ]
    .into_iter()
    .chain(twilio_webhooks())
    .collect()
}

/// What Twilio asks and tells.
fn twilio_webhooks() -> Vec<Endpoint> {
    vec![
        at("/api/twilio-sip/incoming-call")
            .body_max(twilio::BODY_MAX)
            .get(twilio::incoming)
            .post(twilio::incoming),
        at("/api/twilio-sip/outgoing-call")
            .body_max(twilio::BODY_MAX)
            .get(twilio::outgoing)
            .post(twilio::outgoing),
        at("/api/twilio-sip/dial-ended")
            .body_max(twilio::BODY_MAX)
            .get(twilio::dial_ended)
            .post(twilio::dial_ended),
        at("/api/twilio-sip/status")
            .body_max(twilio::BODY_MAX)
            .get(twilio::status)
            .post(twilio::status),
        at("/api/twilio-sip/stream").get(twilio::open_stream),
    ]
}

/// Puts the map into an application; what is not on it is a page of the dashboards, or nothing.
pub(super) fn configure(config: &mut ServiceConfig) {
    for endpoint in table() {
        config.service(endpoint);
    }
    config.service(web::resource("/api{rest:.*}").to(problem::no_such_address));
    config.default_service(web::to(assets::show));
}

/// One address.
pub(super) struct Endpoint {
    path: &'static str,
    methods: Vec<Method>,
    resource: Resource,
}

fn at(path: &'static str) -> Endpoint {
    Endpoint {
        path,
        methods: Vec::new(),
        resource: web::resource(path),
    }
}

impl Endpoint {
    /// The address, with its parameters in braces.
    #[cfg(test)]
    pub(super) fn path(&self) -> &'static str {
        self.path
    }

    /// The methods it takes; HEAD goes with GET.
    #[cfg(test)]
    pub(super) fn methods(&self) -> &[Method] {
        &self.methods
    }

    fn body_max(mut self, bytes: usize) -> Self {
        self.resource = self.resource.app_data(PayloadConfig::new(bytes));
        self
    }

    fn get<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args, Output: Responder + 'static>,
        Args: FromRequest + 'static,
    {
        let guard = guard::Any(guard::Get()).or(guard::Head());
        self.on(Method::GET, web::route().guard(guard).to(handler))
    }

    fn post<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args, Output: Responder + 'static>,
        Args: FromRequest + 'static,
    {
        self.on(Method::POST, web::post().to(handler))
    }

    fn patch<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args, Output: Responder + 'static>,
        Args: FromRequest + 'static,
    {
        self.on(Method::PATCH, web::patch().to(handler))
    }

    fn delete<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args, Output: Responder + 'static>,
        Args: FromRequest + 'static,
    {
        self.on(Method::DELETE, web::delete().to(handler))
    }

    fn on(mut self, method: Method, route: actix_web::Route) -> Self {
        self.methods.push(method);
        self.resource = self.resource.route(route);
        self
    }
}

impl HttpServiceFactory for Endpoint {
    fn register(self, service: &mut AppService) {
        let names: Vec<&str> = self.methods.iter().map(Method::as_str).collect();
        let (path, allow) = (self.path, names.join(", "));
        let refuse = move || {
            let allow = allow.clone();
            async move { Err::<HttpResponse, _>(Problem::method_not_allowed(path, allow)) }
        };
        self.resource
            .default_service(web::to(refuse))
            .register(service);
    }
}
