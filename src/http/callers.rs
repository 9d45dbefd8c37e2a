//! The people behind the numbers: `/api/callers`. The desk remembers all of them, so no list waits for the database.

use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, Query},
};
use serde::Deserialize;

use crate::{
    domain::{Caller, CallerId, Desk, Refusal, caller::limits, view::CallerView},
    http::{Web, auth::SignedIn, books, calls, problem::Problem},
    store::queries::CallFilter,
};

/// Longest mail address, in characters (RFC 5321 section 4.5.3.1).
const EMAIL_MAX: usize = 254;

/// `GET /api/callers`.
#[derive(Deserialize)]
pub(super) struct Filter {
    q: Option<String>,
    limit: Option<i64>,
}

/// `PATCH /api/callers/{id}`: what is absent stays.
#[derive(Deserialize)]
pub(super) struct Change {
    name: Option<String>,
    location: Option<String>,
    email: Option<String>,
    notes: Option<String>,
    blocked: Option<bool>,
    vip: Option<bool>,
}

/// Latest call first; `q` is looked for in name, number, place and address.
pub(super) async fn list(
    web: Data<Web>,
    _: SignedIn,
    Query(filter): Query<Filter>,
) -> Result<HttpResponse, Problem> {
    let most = usize::try_from(books::limit(filter.limit)?).unwrap_or(usize::MAX);
    let wanted = filter.q.unwrap_or_default().trim().to_lowercase();
    let callers = web
        .at_desk(move |desk, _| found(desk, &wanted, most))
        .await?;
    Ok(HttpResponse::Ok().json(callers))
}

/// One.
pub(super) async fn show(
    web: Data<Web>,
    _: SignedIn,
    id: Path<CallerId>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let caller = web
        .at_desk(move |desk, _| desk.caller(id).map(CallerView::from))
        .await?;
    Ok(HttpResponse::Ok()
        .json(caller.ok_or_else(|| Problem::not_found("There is no such caller."))?))
}

/// Changes one.
pub(super) async fn change(
    web: Data<Web>,
    signed_in: SignedIn,
    id: Path<CallerId>,
    Json(change): Json<Change>,
) -> Result<HttpResponse, Problem> {
    signed_in.may_edit_station()?;
    change.check()?;
    let id = id.into_inner();
    let changed = web.at_desk(move |desk, _| {
        desk.change_caller(id, |caller| change.make(caller))
            .map(CallerView::from)
    });
    Ok(HttpResponse::Ok().json(changed.await??))
}

/// Their calls, newest first.
pub(super) async fn calls(
    web: Data<Web>,
    _: SignedIn,
    id: Path<CallerId>,
    Query(filter): Query<Filter>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let rows_max = Some(books::limit(filter.limit)?);
    if !web
        .at_desk(move |desk, _| desk.caller(id).is_some())
        .await?
    {
        return Err(Problem::not_found("There is no such caller."));
    }
    let filter = CallFilter {
        caller: Some(id),
        rows_max,
        ..CallFilter::default()
    };
    Ok(HttpResponse::Ok().json(calls::matching(&web, filter).await?))
}

impl Change {
    fn check(&self) -> Result<(), Refusal> {
        let bounds = [
            (&self.name, "name", limits::NAME),
            (&self.location, "location", limits::NAME),
            (&self.email, "mail address", EMAIL_MAX),
            (&self.notes, "notes", limits::NOTES),
        ];
        for (text, what, limit) in bounds {
            if text
                .as_ref()
                .is_some_and(|text| text.chars().count() > limit)
            {
                return Err(Refusal::Invalid(format!(
                    "The {what} may have at most {limit} characters."
                )));
            }
        }
        Ok(())
    }

    fn make(self, caller: &mut Caller) {
        let replace = |slot: &mut String, text: Option<String>| {
            if let Some(text) = text {
                *slot = text;
            }
        };
        replace(&mut caller.name, self.name);
        replace(&mut caller.location, self.location);
        replace(&mut caller.email, self.email);
        replace(&mut caller.notes, self.notes);
        caller.blocked = self.blocked.unwrap_or(caller.blocked);
        caller.vip = self.vip.unwrap_or(caller.vip);
    }
}

fn found(desk: &Desk, wanted: &str, most: usize) -> Vec<CallerView> {
    let has = |text: &str| text.to_lowercase().contains(wanted);
    let matches = |caller: &&Caller| {
        wanted.is_empty()
            || caller.number.as_deref().is_some_and(has)
            || [&caller.name, &caller.location, &caller.email]
                .into_iter()
                .any(|text| has(text))
    };
    let mut callers: Vec<&Caller> = desk.callers().filter(matches).collect();
    callers.sort_unstable_by_key(|caller| std::cmp::Reverse((caller.last_call_at, caller.id)));
    callers
        .into_iter()
        .take(most)
        .map(CallerView::from)
        .collect()
}
