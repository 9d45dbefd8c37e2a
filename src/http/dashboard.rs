//! `GET /ws`: lets a dashboard in and hands it to its actor (docs/websocket.md).

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Payload},
};

use crate::{
    actors::{
        dashboard::{Dashboard, DashboardPeers, FRAME_MAX},
        websocket,
    },
    http::{
        Web,
        auth::{self, SignedIn},
        problem::Problem,
    },
};

/// Dashboards at once.
const DASHBOARDS_MAX: i64 = 500;

/// Upgrades to a WebSocket. A browser must come from our own page: it sends the cookie along with any page's WebSocket.
pub(super) async fn open(
    request: HttpRequest,
    web: Data<Web>,
    signed_in: SignedIn,
    body: Payload,
) -> Result<HttpResponse, Problem> {
    let has_origin = request.headers().contains_key(header::ORIGIN);
    if (signed_in.by_cookie || has_origin) && !auth::same_origin(&request, &web.config.http) {
        return Err(Problem::forbidden(
            "This WebSocket was opened by another page than the switch's own.",
        ));
    }
    if !request.headers().contains_key(header::UPGRADE) {
        return Err(Problem::new(
            StatusCode::UPGRADE_REQUIRED,
            "This address is a WebSocket.",
        ));
    }
    if web.metrics.dashboards.get() >= DASHBOARDS_MAX {
        return Err(Problem::unavailable("Too many dashboards are open."));
    }
    let operator = signed_in.operator.id;
    let peers = DashboardPeers {
        switchboard: web.switchboard.clone(),
        rooms: web.rooms.clone(),
        metrics: web.metrics.clone(),
        own_url: auth::ws_url(&request, &web.config.http),
    };
    let body = websocket::guarded(&request, body, FRAME_MAX).await;
    let opened = body.and_then(|body| Dashboard::open(&request, body, signed_in.operator, peers));
    let (dashboard, response) = opened.map_err(|error| {
        Problem::bad_request(format!("This is not a WebSocket handshake: {error}."))
    })?;
    web.accounts.watch(operator, dashboard.recipient());
    Ok(response)
}
