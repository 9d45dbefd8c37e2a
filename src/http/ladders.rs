//! The SIP ladders: which messages a call was made of. For admins and producers.
//!
//! JSON shows telephone numbers as the dashboards do; text and capture files, which are made to be sent to somebody, mask them
//! unless `numbers=show` is asked for. Secrets are in none of them: they were struck out before the messages were kept.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Path, Query},
};
use serde::Deserialize;

use crate::{
    actors::ladders::{Sheet, Which},
    domain::CallId,
    http::{Web, auth::SignedIn, books, problem::Problem},
};

/// Calls of the list, where nothing else is asked for.
const LIST_DEFAULT: i64 = 100;

/// What is asked for.
#[derive(Deserialize)]
pub(super) struct Asked {
    format: Option<Format>,
    numbers: Option<Numbers>,
    limit: Option<i64>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Format {
    Json,
    Text,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Numbers {
    Show,
    Mask,
}

/// The calls whose ladders are kept, the youngest first; those that were refused are among them.
pub(super) async fn list(
    web: Data<Web>,
    by: SignedIn,
    Query(asked): Query<Asked>,
) -> Result<HttpResponse, Problem> {
    by.may_see_signalling()?;
    let most = books::limit(Some(asked.limit.unwrap_or(LIST_DEFAULT)))?;
    let most = usize::try_from(most).unwrap_or_default();
    let hide_numbers = asked.numbers == Some(Numbers::Mask);
    Ok(HttpResponse::Ok().json(web.ladders.recent(most, hide_numbers)))
}

/// The ladder of a call.
pub(super) async fn of_call(
    request: HttpRequest,
    web: Data<Web>,
    by: SignedIn,
    id: Path<CallId>,
    Query(asked): Query<Asked>,
) -> Result<HttpResponse, Problem> {
    by.may_see_signalling()?;
    Ok(shown(
        &request,
        &asked,
        &find(&web, Which::Call(id.into_inner()))?,
    ))
}

/// A ladder by its number: a call that was refused has no other name.
pub(super) async fn by_number(
    request: HttpRequest,
    web: Data<Web>,
    by: SignedIn,
    number: Path<u64>,
    Query(asked): Query<Asked>,
) -> Result<HttpResponse, Problem> {
    by.may_see_signalling()?;
    Ok(shown(
        &request,
        &asked,
        &find(&web, Which::Number(number.into_inner()))?,
    ))
}

/// The messages of a call for Wireshark.
pub(super) async fn capture_of_call(
    web: Data<Web>,
    by: SignedIn,
    id: Path<CallId>,
    Query(asked): Query<Asked>,
) -> Result<HttpResponse, Problem> {
    by.may_see_signalling()?;
    let id = id.into_inner();
    let sheet = find(&web, Which::Call(id))?;
    Ok(capture(&asked, &sheet, &id.to_string()))
}

/// The messages of a ladder for Wireshark.
pub(super) async fn capture_by_number(
    web: Data<Web>,
    by: SignedIn,
    number: Path<u64>,
    Query(asked): Query<Asked>,
) -> Result<HttpResponse, Problem> {
    by.may_see_signalling()?;
    let number = number.into_inner();
    let sheet = find(&web, Which::Number(number))?;
    Ok(capture(&asked, &sheet, &number.to_string()))
}

fn find(web: &Web, which: Which) -> Result<Sheet, Problem> {
    let missing = || {
        Problem::not_found(if web.ladders.is_on() {
            "There is no ladder of such a call: it is too long ago, or it did not come by SIP."
        } else {
            "Ladders are switched off (SIP_LADDERS is 0)."
        })
    };
    web.ladders.sheet(which).ok_or_else(missing)
}

fn shown(request: &HttpRequest, asked: &Asked, sheet: &Sheet) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    response.insert_header((header::VARY, "Accept"));
    if asked
        .format
        .map_or_else(|| wants_text(request), |format| format == Format::Text)
    {
        let hide_numbers = asked.numbers != Some(Numbers::Show);
        response
            .content_type("text/plain; charset=utf-8")
            .body(sheet.text(hide_numbers))
    } else {
        response.json(sheet.view(asked.numbers == Some(Numbers::Mask)))
    }
}

/// Whether text is named before JSON in Accept.
fn wants_text(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT);
    let accept = accept
        .and_then(|accept| accept.to_str().ok())
        .unwrap_or_default();
    match (accept.find("text/plain"), accept.find("application/json")) {
        (Some(text), Some(json)) => text < json,
        (text, None) => text.is_some(),
        (None, Some(_)) => false,
    }
}

fn capture(asked: &Asked, sheet: &Sheet, name: &str) -> HttpResponse {
    let attached = format!("attachment; filename=\"sip-{name}.pcap\"");
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_DISPOSITION, attached))
        .content_type("application/vnd.tcpdump.pcap")
        .body(sheet.pcap(asked.numbers != Some(Numbers::Show)))
}
