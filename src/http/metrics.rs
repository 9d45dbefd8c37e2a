//! `GET /metrics` in Prometheus' text format: for anybody on the health port, for admins on the public one.

use actix_web::{FromRequest as _, HttpMessage as _, HttpRequest, HttpResponse, web::Data};
use prometheus::IntGaugeVec;

use crate::http::{Web, auth::SignedIn, door::ByHealthPort, problem::Problem};

/// Every number there is.
pub(super) async fn show(request: HttpRequest, web: Data<Web>) -> Result<HttpResponse, Problem> {
    let by_health_port = request.extensions().get::<ByHealthPort>().is_some();
    if !by_health_port {
        SignedIn::extract(&request).await?.may_edit_operators()?;
    }
    take_bridge(&web);
    Ok(HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(web.metrics.text()))
}

/// The bridge counts on its own thread; its numbers are taken over when somebody looks.
fn take_bridge(web: &Web) {
    let stats = web.bridge.stats();
    let show = |gauge: &IntGaugeVec, what: &str, value: u64| {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        gauge.with_label_values(&[what]).set(value);
    };
    let count = |what: &str, value: u64| show(&web.metrics.rtc, what, value);
    count("rooms", stats.endpoint.rooms as u64);
    count("browsers", stats.endpoint.browsers as u64);
    count("calls", stats.endpoint.calls as u64);
    count("packets-in", stats.endpoint.packets_in);
    count("packets-out", stats.endpoint.packets_out);
    count("datagrams-unknown", stats.endpoint.datagrams_unknown);
    count("peers-failed", stats.endpoint.peers_failed);
    count("ring-drops", stats.ring_drops);
    count("send-drops", stats.send_drops);
    count("slow-signals", stats.slow_signals);
    count("restarts", stats.restarts);
    count("command-drops", stats.command_drops);
    if !web.bridge.is_embedded() {
        let count = |what: &str, value: u64| show(&web.metrics.livekit, what, value);
        count("links-wanted", stats.links.wanted);
        count("links-up", stats.links.up);
        count("joins", stats.links.joins);
        count("resumes", stats.links.resumes);
        count("losses", stats.links.losses);
        count("packets-in", stats.links.packets_in);
        count("packets-out", stats.links.packets_out);
        count("packets-unsent", stats.links.packets_unsent);
    }
}
