//! Calls that we make, consent to being aired, and calls that are passed on: the presses of the dashboards by HTTP.

use actix_web::{
    HttpResponse,
    http::header,
    web::{Data, Json, Path},
};
use serde::Deserialize;

use crate::{
    actors::random,
    domain::{
        CallId, Command, Desk, EpisodeId, NewIds, Refusal, desk::Reply, policy, view::CallView,
    },
    http::{Web, auth::SignedIn, calls, problem::Problem},
    store::queries,
};

/// `POST /api/calls`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Dial {
    episode_id: EpisodeId,
    number: String,
    name: Option<String>,
    point: Option<String>,
}

/// `POST /api/calls/{id}/transfer`.
#[derive(Deserialize)]
pub(super) struct Target {
    target: String,
}

/// Calls somebody: 201 at once, while it rings.
pub(super) async fn dial(
    web: Data<Web>,
    by: SignedIn,
    Json(dial): Json<Dial>,
) -> Result<HttpResponse, Problem> {
    let command = Command::Dial {
        episode_id: dial.episode_id,
        number: dial.number,
        name: dial.name,
        point: dial.point,
        ids: NewIds::default(),
    };
    Ok(created(&web.press(by.operator, command, made).await?))
}

/// Calls the caller of a call that is over, however long ago.
pub(super) async fn call_back(
    web: Data<Web>,
    by: SignedIn,
    id: Path<CallId>,
) -> Result<HttpResponse, Problem> {
    let call_id = id.into_inner();
    let ids = random::new_ids();
    let command = Command::CallBack { call_id, ids };
    policy::allows(&by.operator, &command, None, false)?;
    let remembered = web.at_desk(move |desk, _| desk.call(call_id).is_some());
    if remembered.await? {
        return Ok(created(&web.press(by.operator, command, made).await?));
    }
    let entry = web.at_books(move |connection| queries::call_by_id(connection, call_id));
    let past = entry.await?.map(|entry| entry.call);
    let past = past.ok_or_else(|| Problem::not_found("There is no such call."))?;
    let operator = by.operator.clone();
    let called = web.carry_out(&by.operator, "call-back", move |desk, now| {
        let reply = desk.call_back_from_books(now, &operator, &past, ids)?;
        made(desk, reply)
    });
    Ok(created(&called.await?))
}

/// They were told that they will be on air, and agree.
pub(super) async fn record_consent(
    web: Data<Web>,
    by: SignedIn,
    id: Path<CallId>,
) -> Result<HttpResponse, Problem> {
    let call_id = id.into_inner();
    press(&web, by, Command::RecordConsent { call_id }).await
}

/// They do not agree any more.
pub(super) async fn withdraw_consent(
    web: Data<Web>,
    by: SignedIn,
    id: Path<CallId>,
) -> Result<HttpResponse, Problem> {
    let call_id = id.into_inner();
    press(&web, by, Command::WithdrawConsent { call_id }).await
}

/// Passes the call on: 202, for what becomes of it is known later (`transferTo` until then).
pub(super) async fn transfer(
    web: Data<Web>,
    by: SignedIn,
    id: Path<CallId>,
    Json(Target { target }): Json<Target>,
) -> Result<HttpResponse, Problem> {
    let call_id = id.into_inner();
    let command = Command::Transfer { call_id, target };
    let call = web.press(by.operator, command, made).await?;
    Ok(HttpResponse::Accepted().json(call))
}

async fn press(web: &Web, by: SignedIn, command: Command) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(web.press(by.operator, command, made).await?))
}

fn made(desk: &Desk, reply: Reply) -> Result<CallView, Refusal> {
    calls::shown(desk, reply.call_id.unwrap_or(CallId(0)))
}

fn created(call: &CallView) -> HttpResponse {
    HttpResponse::Created()
        .insert_header((header::LOCATION, format!("/api/calls/{}", call.id)))
        .json(call)
}
