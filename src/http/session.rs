//! Signing in and out: `/api/session`, `/api/session/link`.

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration},
    http::header,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};

use crate::{
    actors::clock,
    domain::{Operator, OperatorId, Role},
    http::{
        Web,
        auth::{self, COOKIE, SESSION_LIFETIME, SignedIn},
        problem::Problem,
    },
};

/// `POST /api/session`.
#[derive(Deserialize)]
pub(super) struct Credentials {
    name: String,
    password: String,
}

/// `POST /api/session/link`.
#[derive(Deserialize)]
pub(super) struct LinkToken {
    token: String,
}

#[derive(Serialize)]
struct Session {
    operator: OperatorView,
}

#[derive(Serialize)]
struct OperatorView {
    id: OperatorId,
    name: String,
    role: Role,
}

impl From<Operator> for Session {
    fn from(Operator { id, name, role }: Operator) -> Self {
        Self {
            operator: OperatorView { id, name, role },
        }
    }
}

/// Who is signed in.
pub(super) async fn show(signed_in: SignedIn) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(Session::from(signed_in.operator))
}

/// By name and password.
pub(super) async fn sign_in(
    request: HttpRequest,
    web: Data<Web>,
    Json(credentials): Json<Credentials>,
) -> Result<HttpResponse, Problem> {
    refuse_other_pages(&request, &web)?;
    let peer = auth::peer(&request);
    let Credentials { name, password } = credentials;
    let (operator, token) = web
        .accounts
        .sign_in(clock::utc(), (name, password), peer)
        .await?;
    Ok(begun(&request, &web, operator, token))
}

/// By the link that was printed at the start.
pub(super) async fn sign_in_by_link(
    request: HttpRequest,
    web: Data<Web>,
    Json(link): Json<LinkToken>,
) -> Result<HttpResponse, Problem> {
    refuse_other_pages(&request, &web)?;
    let (operator, token) = web
        .accounts
        .sign_in_by_link(clock::utc(), &link.token)
        .await?;
    Ok(begun(&request, &web, operator, token))
}

/// Ends every session of the operator, on every browser.
pub(super) async fn sign_out(
    request: HttpRequest,
    web: Data<Web>,
    signed_in: SignedIn,
) -> Result<HttpResponse, Problem> {
    web.accounts
        .sign_out(signed_in.operator.id, clock::utc())
        .await?;
    let mut cookie = cookie(&request, &web, String::new());
    cookie.make_removal();
    Ok(HttpResponse::NoContent().cookie(cookie).finish())
}

/// Another page must not sign a browser in either, as whomever it likes.
fn refuse_other_pages(request: &HttpRequest, web: &Web) -> Result<(), Problem> {
    if request.headers().contains_key(header::ORIGIN)
        && !auth::same_origin(request, &web.config.http)
    {
        return Err(Problem::forbidden(
            "This request came from another page than the switch's own.",
        ));
    }
    Ok(())
}

fn begun(request: &HttpRequest, web: &Web, operator: Operator, token: String) -> HttpResponse {
    HttpResponse::Ok()
        .cookie(cookie(request, web, token))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(Session::from(operator))
}

fn cookie(request: &HttpRequest, web: &Web, token: String) -> Cookie<'static> {
    let seconds = i64::try_from(SESSION_LIFETIME.as_secs()).unwrap_or(i64::MAX);
    Cookie::build(COOKIE, token)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(auth::is_secure(request, &web.config.http))
        .max_age(Duration::seconds(seconds))
        .finish()
}
