//! `GET /health`, for whoever starts and stops the switch.

use actix_web::{HttpResponse, http::header, web::Data};

use crate::http::Web;

/// 200 while calls can be taken, else 503. Notes are for the dashboards.
pub(super) async fn show(web: Data<Web>) -> HttpResponse {
    let mut view = web.health.view();
    if let Some(view) = view.as_object_mut() {
        view.remove("notes");
    }
    let mut response = if web.health.takes_calls() {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    };
    response
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(view)
}
