//! Who a request comes from: a bearer token or the session cookie, and the Origin check that a cookie needs.
//!
//! ```text
//! Authorization: Bearer ADMIN_TOKEN -> an admin by that name      Bearer | cookie: session token -> operator, role as of now
//! ```
//! A handler that takes [`SignedIn`] is closed to everybody else. Role, disabling and sign-out count at once: nothing of them is in
//! the token.

mod accounts;
mod guesses;
mod origin;
mod password;
mod session_token;
mod signed_out;

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::{Method, header},
    web::Data,
};
use futures_util::future::LocalBoxFuture;

use crate::{
    actors::clock,
    domain::{Operator, policy},
    http::{Web, problem::Problem},
};

pub use accounts::Accounts;
pub(super) use accounts::{AccountChange, NewAccount};
pub(super) use origin::{base_url, is_secure, peer, same_origin, ws_url};
pub(super) use session_token::LIFETIME as SESSION_LIFETIME;

/// The cookie that carries the session token.
pub(super) const COOKIE: &str = "audioroad_session";

/// The operator who sent a request.
#[derive(Clone, Debug)]
pub(super) struct SignedIn {
    /// Who.
    pub(super) operator: Operator,
    /// By the cookie, which a browser sends along whoever wrote the page.
    pub(super) by_cookie: bool,
}

impl SignedIn {
    /// Refuses whoever may not change shows, episodes and callers.
    pub(super) fn may_edit_station(&self) -> Result<(), Problem> {
        self.needs(
            policy::may_edit_station(self.operator.role),
            "an admin, a producer or a host",
        )
    }

    /// Refuses whoever may not see and change operators, and other things of the machine room.
    pub(super) fn may_edit_operators(&self) -> Result<(), Problem> {
        self.needs(policy::may_edit_operators(self.operator.role), "an admin")
    }

    /// Refuses whoever may not see what the telephone lines said.
    pub(super) fn may_see_signalling(&self) -> Result<(), Problem> {
        self.needs(
            policy::may_see_signalling(self.operator.role),
            "an admin or a producer",
        )
    }

    fn needs(&self, may: bool, who: &str) -> Result<(), Problem> {
        if may {
            return Ok(());
        }
        let role = self.operator.role.label();
        Err(Problem::forbidden(format!(
            "As {role} you may not do this. It takes {who}."
        )))
    }
}

impl FromRequest for SignedIn {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { identify(&request).await })
    }
}

/// What a request shows at the door.
enum Credential {
    Bearer(String),
    Cookie(String),
}

fn credential(request: &HttpRequest) -> Result<Credential, Problem> {
    if let Some(header) = request.headers().get(header::AUTHORIZATION) {
        let token = header
            .to_str()
            .ok()
            .and_then(|header| header.split_once(' '));
        return match token {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                Ok(Credential::Bearer(token.trim().to_owned()))
            }
            Some(_) | None => Err(Problem::unauthorized(
                "The Authorization header must be: Bearer TOKEN.",
            )),
        };
    }
    let cookie = request
        .cookie(COOKIE)
        .ok_or_else(|| Problem::unauthorized("Sign in first."))?;
    Ok(Credential::Cookie(cookie.value().to_owned()))
}

async fn identify(request: &HttpRequest) -> Result<SignedIn, Problem> {
    let web = request
        .app_data::<Data<Web>>()
        .ok_or_else(|| Problem::internal("the application is not set up"))?;
    let (token, by_cookie) = match credential(request)? {
        Credential::Bearer(token) => match web.accounts.by_admin_token(&token) {
            Some(operator) => {
                return Ok(SignedIn {
                    operator,
                    by_cookie: false,
                });
            }
            None => (token, false),
        },
        Credential::Cookie(token) => (token, true),
    };
    web.accounts.ready().await?;
    let operator = web.accounts.by_session(&token, clock::utc());
    let operator = operator.ok_or_else(|| {
        Problem::unauthorized("You are not signed in, or no longer. Sign in again.")
    })?;
    let only_reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if by_cookie && !only_reads && !same_origin(request, &web.config.http) {
        return Err(Problem::forbidden(
            "This request came from another page than the switch's own.",
        ));
    }
    Ok(SignedIn {
        operator,
        by_cookie,
    })
}
