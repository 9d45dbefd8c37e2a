//! Calls: `/api/calls`. What the desk knows is laid over what the books hold; without the database there is the desk alone.

use std::collections::HashSet;

use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, Query},
};
use serde::Deserialize;

use crate::{
    domain::{
        CallId, CallerId, Card, Command, Desk, EpisodeId, Refusal, Stage,
        view::{CallView, Standing},
    },
    http::{Web, auth::SignedIn, books, problem::Problem},
    store::queries::{self, CallEntry, CallFilter},
};

/// `GET /api/calls`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Filter {
    episode_id: Option<EpisodeId>,
    status: Option<Stage>,
    limit: Option<i64>,
}

/// Newest first.
pub(super) async fn list(
    web: Data<Web>,
    _: SignedIn,
    Query(filter): Query<Filter>,
) -> Result<HttpResponse, Problem> {
    let filter = CallFilter {
        episode: filter.episode_id,
        stage: filter.status,
        caller: None,
        rows_max: Some(books::limit(filter.limit)?),
    };
    Ok(HttpResponse::Ok().json(matching(&web, filter).await?))
}

/// One.
pub(super) async fn show(
    web: Data<Web>,
    _: SignedIn,
    id: Path<CallId>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    if let Some(call) = web
        .at_desk(move |desk, _| desk.call(id).map(|call| desk.view(call)))
        .await?
    {
        return Ok(HttpResponse::Ok().json(call));
    }
    let entry = web
        .at_books(move |connection| queries::call_by_id(connection, id))
        .await?;
    let entry = entry.ok_or_else(|| Problem::not_found("There is no such call."))?;
    Ok(HttpResponse::Ok().json(view(&entry)))
}

/// Writes the card: point, notes, name, location, callerNotes, vip.
pub(super) async fn change(
    web: Data<Web>,
    by: SignedIn,
    id: Path<CallId>,
    Json(card): Json<Card>,
) -> Result<HttpResponse, Problem> {
    let call_id = id.into_inner();
    let command = Command::UpdateCard { call_id, card };
    let call = web
        .press(by.operator, command, move |desk, _| shown(desk, call_id))
        .await?;
    Ok(HttpResponse::Ok().json(call))
}

/// A call as the desk shows it.
///
/// # Errors
/// [`Refusal::NotFound`] when the desk has it not, or no more.
pub(super) fn shown(desk: &Desk, id: CallId) -> Result<CallView, Refusal> {
    let call = desk.call(id).map(|call| desk.view(call));
    call.ok_or_else(|| Refusal::NotFound("There is no such call, or it is over.".into()))
}

/// Calls that pass the filter, newest first.
pub(super) async fn matching(web: &Web, filter: CallFilter) -> Result<Vec<CallView>, Problem> {
    let rows = web
        .at_books(move |connection| queries::list_calls(connection, &filter))
        .await;
    let mut calls = web.at_desk(in_memory).await?;
    let known: HashSet<CallId> = calls.iter().map(|call| call.id).collect();
    let rows = rows.unwrap_or_default();
    calls.extend(
        rows.iter()
            .filter(|row| !known.contains(&row.call.id))
            .map(view),
    );
    calls.retain(|call| {
        filter
            .episode
            .is_none_or(|episode| call.episode_id == Some(episode))
            && filter.stage.is_none_or(|stage| call.status == stage)
            && filter
                .caller
                .is_none_or(|caller: CallerId| call.caller_id == caller)
    });
    calls.sort_by_key(|call| std::cmp::Reverse((call.queued_at, call.id)));
    calls.truncate(
        filter
            .rows_max
            .and_then(|most| usize::try_from(most).ok())
            .unwrap_or(usize::MAX),
    );
    Ok(calls)
}

/// Calls of an episode, and those that hear that no show is on.
fn in_memory(desk: &mut Desk, _: crate::domain::UnixMs) -> Vec<CallView> {
    let (_, _, mut calls) = desk.views();
    let of_no_episode = desk.open_calls().filter(|call| call.episode_id.is_none());
    calls.extend(of_no_episode.map(|call| desk.view(call)));
    calls
}

fn view(entry: &CallEntry) -> CallView {
    CallView::new(&entry.call, Some(&entry.caller), Standing::default())
}
