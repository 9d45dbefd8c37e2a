//! LiveKit's signalling for browsers: `/rtc` is a WebSocket between a LiveKit client SDK and the bridge. Where a LiveKit server
//! has the rooms, browsers go there, and it tells us of its rooms.
//!
//! ```text
//! GET /rtc?access_token -> bridge.join -> 101 -> frames: browser -> bridge.signal, bridge -> channel -> browser
//! POST /livekit/webhook -> signature -> counted; a room ended -> the bridge joins it anew if it is wanted
//! ```
//! Limits: frames [`FRAME_MAX`]; webhooks [`WEBHOOK_LEN_MAX`]; [`FRAMES_WAITING_MAX`] frames wait for a browser that does not read, then the bridge lets go of it.

use std::fmt;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    rt,
    web::{Data, Payload},
};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, Session};
use tokio::sync::mpsc;

pub(super) use crate::actors::bridge::WEBHOOK_LEN_MAX;
use crate::{
    actors::{
        bridge::{JoinQuery, JoinRequest, RoomTransport, SessionId, WebhookError, WebhookKind},
        clock, websocket,
    },
    domain::number::Masked,
    http::{Web, body::Body, problem::Problem},
};

/// Longest signal of a browser, in bytes: an SDP with room to spare.
const FRAME_MAX: usize = 128 * 1024;
/// Signals that may wait for a browser.
const FRAMES_WAITING_MAX: usize = 64;
/// So many digits may be a telephone number.
const NUMBER_DIGITS_MIN: usize = 7;
/// Clients of other origins may ask: the token is what counts.
const ANY_ORIGIN: (header::HeaderName, &str) = (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");

/// Joins a room.
pub(super) async fn open(
    request: HttpRequest,
    web: Data<Web>,
    body: Payload,
) -> Result<HttpResponse, Problem> {
    if let Some(elsewhere) = elsewhere(&web) {
        return Err(elsewhere);
    }
    if !request.headers().contains_key(header::UPGRADE) {
        return Err(Problem::new(
            StatusCode::UPGRADE_REQUIRED,
            "This address is a WebSocket.",
        ));
    }
    let (reply, frames) = mpsc::channel(FRAMES_WAITING_MAX);
    let (token, query) = asked(&request);
    let joined = web
        .bridge
        .join(JoinRequest {
            token,
            query,
            reply,
        })
        .await?;
    let body = websocket::guarded(&request, body, FRAME_MAX).await;
    let upgraded = body.and_then(|body| actix_ws::handle(&request, body));
    let (response, session, stream) = upgraded.map_err(|error| {
        web.bridge.signal_closed(joined.session);
        Problem::bad_request(format!("This is not a WebSocket handshake: {error}."))
    })?;
    let stream = stream
        .max_frame_size(FRAME_MAX)
        .aggregate_continuations()
        .max_continuation_size(FRAME_MAX);
    let bridge = web.bridge.clone();
    relay_in_background(bridge, joined.session, session, stream, frames);
    Ok(response)
}

/// Says whether a token would open a room: clients ask after a failed attempt, to tell a bad token from a bad network.
pub(super) async fn validate(request: HttpRequest, web: Data<Web>) -> HttpResponse {
    if let Some(elsewhere) = elsewhere(&web) {
        return with_any_origin(elsewhere);
    }
    let (token, _) = asked(&request);
    match web.bridge.validate(&token) {
        Ok(_) => HttpResponse::Ok()
            .insert_header(ANY_ORIGIN)
            .content_type("text/plain")
            .body("success"),
        Err(refusal) => with_any_origin(Problem::from(refusal)),
    }
}

/// `/rtc/v1`: newer clients ask for it first, and fall back to `/rtc` when told that it is not there.
pub(super) async fn no_such_version(web: Data<Web>) -> HttpResponse {
    with_any_origin(elsewhere(&web).unwrap_or_else(|| {
        Problem::not_found("This endpoint speaks LiveKit's signalling at /rtc, not /rtc/v1.")
    }))
}

/// What a LiveKit server tells: `application/webhook+json`, signed. The same event twice, or two in the wrong order, do no
/// harm: nothing is believed but that somebody should look.
pub(super) async fn webhook(
    request: HttpRequest,
    web: Data<Web>,
    Body(body): Body,
) -> Result<HttpResponse, Problem> {
    if web.rooms.server().is_none() {
        return Err(Problem::not_found(
            "The switch has its rooms itself; no LiveKit server has anything to tell it.",
        ));
    }
    let authorization = request.headers().get(header::AUTHORIZATION);
    let authorization = authorization.and_then(|value| value.to_str().ok());
    let now_s = clock::unix_ms() / 1000;
    let event = web
        .rooms
        .keys()
        .webhook(&body, authorization.unwrap_or_default(), now_s);
    let event = event.map_err(|error| {
        web.metrics.webhooks.with_label_values(&["refused"]).inc();
        refused(&error)
    })?;
    let kind = event.kind.label();
    web.metrics.webhooks.with_label_values(&[kind]).inc();
    tracing::debug!(event = kind, id = event.id, room.name = event.room, identity = %Unnumbered(&event.identity), "LiveKit tells");
    if event.kind == WebhookKind::RoomFinished {
        web.bridge.room_finished(&event.room);
    }
    Ok(HttpResponse::Ok().finish())
}

fn refused(error: &WebhookError) -> Problem {
    tracing::warn!(%error, "a webhook of LiveKit's is refused");
    match error {
        WebhookError::Token(_) | WebhookError::WrongBody => Problem::unauthorized(format!(
            "This is not signed by our LiveKit server: {error}."
        )),
        WebhookError::TooLong => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("The body may have at most {WEBHOOK_LEN_MAX} bytes."),
        ),
        WebhookError::NotAnEvent(_) => Problem::bad_request(format!("LiveKit's webhook: {error}.")),
    }
}

/// An identity as logs show it: LiveKit's SIP service, for one, makes it of a telephone number.
struct Unnumbered<'a>(&'a str);

impl fmt::Display for Unnumbered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.bytes().filter(u8::is_ascii_digit).count();
        let is_ours = self.0.starts_with("call:") || self.0.starts_with("switch:");
        if is_ours || digits < NUMBER_DIGITS_MIN {
            return f.write_str(self.0);
        }
        Masked(self.0).fmt(f)
    }
}

/// Says where the rooms are when they are not here.
fn elsewhere(web: &Web) -> Option<Problem> {
    let server = web.rooms.server()?;
    Some(Problem::not_found(format!(
        "The rooms are not here but on the LiveKit server {}: join there.",
        server.url
    )))
}

fn with_any_origin(problem: Problem) -> HttpResponse {
    let mut response = actix_web::ResponseError::error_response(&problem);
    let (name, value) = ANY_ORIGIN;
    response
        .headers_mut()
        .insert(name, header::HeaderValue::from_static(value));
    response
}

fn asked(request: &HttpRequest) -> (String, JoinQuery) {
    let query = JoinQuery::parse(request.query_string());
    let bearer = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let bearer = bearer
        .and_then(|value| value.split_once(' '))
        .map(|(_, token)| token.trim().to_owned());
    let token = bearer
        .or_else(|| query.access_token.clone())
        .unwrap_or_default();
    (token, query)
}

#[expect(
    clippy::disallowed_methods,
    reason = "ends with its WebSocket, or when the bridge lets go of it"
)]
fn relay_in_background(
    bridge: RoomTransport,
    browser: SessionId,
    session: Session,
    stream: AggregatedMessageStream,
    frames: mpsc::Receiver<Vec<u8>>,
) {
    rt::spawn(async move {
        let reason = relay(&bridge, browser, session.clone(), stream, frames).await;
        bridge.signal_closed(browser);
        session.close(reason).await.ok();
    });
}

/// Carries frames both ways until either side ends it.
async fn relay(
    bridge: &RoomTransport,
    browser: SessionId,
    mut session: Session,
    mut stream: AggregatedMessageStream,
    mut frames: mpsc::Receiver<Vec<u8>>,
) -> Option<CloseReason> {
    loop {
        tokio::select! {
            frame = frames.recv() => match frame {
                Some(frame) => session.binary(frame).await.ok()?,
                None => return Some(CloseCode::Normal.into()),
            },
            message = stream.recv() => match message {
                Some(Ok(AggregatedMessage::Binary(frame))) => bridge.signal(browser, frame),
                Some(Ok(AggregatedMessage::Ping(payload))) => session.pong(&payload).await.ok()?,
                Some(Ok(AggregatedMessage::Text(_) | AggregatedMessage::Pong(_))) => {}
                Some(Ok(AggregatedMessage::Close(reason))) => return reason,
                Some(Err(error)) if websocket::is_too_long(&error) => {
                    return Some(CloseCode::Size.into());
                }
                Some(Err(_)) => return Some(CloseCode::Protocol.into()),
                None => return None,
            },
        }
    }
}
