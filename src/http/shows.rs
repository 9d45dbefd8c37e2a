//! Shows: `/api/shows`.

use actix_web::{
    HttpResponse,
    http::header,
    web::{Data, Json, Path},
};
use serde::Deserialize;

use crate::{
    actors::random,
    domain::{NextPolicy, ShowId, desk::ShowPlan, view::ShowView},
    http::{Web, auth::SignedIn, problem::Problem},
};

/// `POST` and `PATCH`: what is absent stays, or is the default.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Fields {
    name: Option<String>,
    slug: Option<String>,
    phone_numbers: Option<Vec<String>>,
    next_policy: Option<NextPolicy>,
}

impl From<Fields> for ShowPlan {
    fn from(fields: Fields) -> Self {
        Self {
            name: fields.name,
            slug: fields.slug,
            phone_numbers: fields.phone_numbers,
            next_policy: fields.next_policy,
        }
    }
}

/// All of them.
pub(super) async fn list(web: Data<Web>, _: SignedIn) -> Result<HttpResponse, Problem> {
    let (shows, _, _) = web.at_desk(|desk, _| desk.views()).await?;
    Ok(HttpResponse::Ok().json(shows))
}

/// One.
pub(super) async fn show(
    web: Data<Web>,
    _: SignedIn,
    id: Path<ShowId>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let show = web
        .at_desk(move |desk, _| desk.show(id).map(ShowView::from))
        .await?;
    let show = show.ok_or_else(|| Problem::not_found("There is no such show."))?;
    Ok(HttpResponse::Ok().json(show))
}

/// Makes one.
pub(super) async fn create(
    web: Data<Web>,
    signed_in: SignedIn,
    Json(fields): Json<Fields>,
) -> Result<HttpResponse, Problem> {
    signed_in.may_edit_station()?;
    let id = ShowId(random::id());
    let made =
        web.at_desk(move |desk, now| desk.create_show(now, id, fields.into()).map(ShowView::from));
    let show = made.await??;
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("/api/shows/{id}")))
        .json(show))
}

/// Changes one.
pub(super) async fn change(
    web: Data<Web>,
    signed_in: SignedIn,
    id: Path<ShowId>,
    Json(fields): Json<Fields>,
) -> Result<HttpResponse, Problem> {
    signed_in.may_edit_station()?;
    let id = id.into_inner();
    let changed =
        web.at_desk(move |desk, _| desk.change_show(id, fields.into()).map(ShowView::from));
    Ok(HttpResponse::Ok().json(changed.await??))
}
