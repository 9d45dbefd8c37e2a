//! Episodes: `/api/episodes`, and going on air and off it.

use std::collections::HashSet;

use actix_web::{
    HttpResponse,
    http::header,
    web::{Data, Json, Path, Query},
};
use serde::Deserialize;

use crate::{
    actors::random,
    domain::{
        Command, Desk, EpisodeId, Refusal, ShowId, UnixMs, desk::EpisodePlan, view::EpisodeView,
    },
    http::{Web, auth::SignedIn, books, problem::Problem},
    store::queries,
};

/// `GET /api/episodes`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Filter {
    show_id: Option<ShowId>,
    limit: Option<i64>,
}

/// `POST /api/episodes`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Plan {
    show_id: ShowId,
    #[serde(default)]
    title: String,
    scheduled_at: Option<UnixMs>,
}

/// `POST /api/episodes/{id}/busy-all`.
#[derive(Deserialize)]
pub(super) struct BusyAll {
    busy: bool,
}

/// Newest first, ended ones too; without the database those in memory alone.
pub(super) async fn list(
    web: Data<Web>,
    _: SignedIn,
    Query(filter): Query<Filter>,
) -> Result<HttpResponse, Problem> {
    let limit = books::limit(filter.limit)?;
    let rows = web
        .at_books(move |connection| queries::list_episodes(connection, filter.show_id, limit))
        .await;
    let (_, mut episodes, _) = web.at_desk(|desk, _| desk.views()).await?;
    let known: HashSet<EpisodeId> = episodes.iter().map(|episode| episode.id).collect();
    let rows = rows.unwrap_or_default();
    episodes.extend(
        rows.iter()
            .filter(|row| !known.contains(&row.id))
            .map(EpisodeView::from),
    );
    episodes.retain(|episode| filter.show_id.is_none_or(|show| episode.show_id == show));
    episodes.sort_by_key(|episode| std::cmp::Reverse(episode.id));
    episodes.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(HttpResponse::Ok().json(episodes))
}

/// One; an old one is found among the latest [`queries::LIST_ROWS_MAX`].
pub(super) async fn show(
    web: Data<Web>,
    _: SignedIn,
    id: Path<EpisodeId>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let shown = move |desk: &mut Desk, _| desk.episode(id).map(EpisodeView::from);
    if let Some(episode) = web.at_desk(shown).await? {
        return Ok(HttpResponse::Ok().json(episode));
    }
    let rows =
        web.at_books(|connection| queries::list_episodes(connection, None, queries::LIST_ROWS_MAX));
    let row = rows.await?.into_iter().find(|row| row.id == id);
    let episode = row.as_ref().map(EpisodeView::from);
    Ok(HttpResponse::Ok().json(episode.ok_or_else(no_such_episode)?))
}

/// Makes one.
pub(super) async fn create(
    web: Data<Web>,
    signed_in: SignedIn,
    Json(plan): Json<Plan>,
) -> Result<HttpResponse, Problem> {
    signed_in.may_edit_station()?;
    let id = EpisodeId(random::id());
    let plan = EpisodePlan {
        show_id: plan.show_id,
        title: plan.title,
        scheduled_at: plan.scheduled_at,
    };
    let made = web.at_desk(move |desk, _| desk.create_episode(id, plan).map(EpisodeView::from));
    let episode = made.await??;
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("/api/episodes/{id}")))
        .json(episode))
}

/// On air.
pub(super) async fn start(
    web: Data<Web>,
    by: SignedIn,
    id: Path<EpisodeId>,
) -> Result<HttpResponse, Problem> {
    let episode_id = id.into_inner();
    press(&web, by, episode_id, Command::StartShow { episode_id }).await
}

/// Off air; every call of it is hung up.
pub(super) async fn end(
    web: Data<Web>,
    by: SignedIn,
    id: Path<EpisodeId>,
) -> Result<HttpResponse, Problem> {
    let episode_id = id.into_inner();
    press(&web, by, episode_id, Command::EndShow { episode_id }).await
}

/// Lets calls in.
pub(super) async fn open_lines(
    web: Data<Web>,
    by: SignedIn,
    id: Path<EpisodeId>,
) -> Result<HttpResponse, Problem> {
    let episode_id = id.into_inner();
    press(&web, by, episode_id, Command::OpenLines { episode_id }).await
}

/// Lets no more calls in.
pub(super) async fn close_lines(
    web: Data<Web>,
    by: SignedIn,
    id: Path<EpisodeId>,
) -> Result<HttpResponse, Problem> {
    let episode_id = id.into_inner();
    press(&web, by, episode_id, Command::CloseLines { episode_id }).await
}

/// New calls get busy; those who are in stay.
pub(super) async fn busy_all(
    web: Data<Web>,
    by: SignedIn,
    id: Path<EpisodeId>,
    Json(BusyAll { busy }): Json<BusyAll>,
) -> Result<HttpResponse, Problem> {
    let episode_id = id.into_inner();
    press(&web, by, episode_id, Command::BusyAll { episode_id, busy }).await
}

async fn press(
    web: &Web,
    by: SignedIn,
    id: EpisodeId,
    command: Command,
) -> Result<HttpResponse, Problem> {
    let shown = web.press(by.operator, command, move |desk, _| {
        let episode = desk.episode(id).map(EpisodeView::from);
        episode.ok_or_else(|| Refusal::NotFound("There is no such episode.".into()))
    });
    Ok(HttpResponse::Ok().json(shown.await?))
}

fn no_such_episode() -> Problem {
    Problem::not_found("There is no such episode.")
}
