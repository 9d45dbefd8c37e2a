//! `/api/drain`: no new calls, and those that are up go on; for admins, before a deploy or a repair.

use std::time::Duration;

use actix_web::{HttpResponse, web::Data};

use crate::{
    actors::message::Drain,
    http::{Web, auth::SignedIn, problem::Problem},
};

/// How long the switchboard may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Takes no new calls from now on.
pub(super) async fn begin(web: Data<Web>, by: SignedIn) -> Result<HttpResponse, Problem> {
    by.may_edit_operators()?;
    let name = by.operator.name;
    order(&web, Drain::Begin { by: name }).await
}

/// Takes new calls again.
pub(super) async fn end(web: Data<Web>, by: SignedIn) -> Result<HttpResponse, Problem> {
    by.may_edit_operators()?;
    order(&web, Drain::End).await
}

async fn order(web: &Web, order: Drain) -> Result<HttpResponse, Problem> {
    web.switchboard.send(order).timeout(PATIENCE).await??;
    Ok(HttpResponse::Ok().json(web.health.view()))
}
