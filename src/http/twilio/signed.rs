//! Only Twilio gets in: the request's signature over the address it was told to call, and its account.

use actix_web::{FromRequest, HttpMessage as _, HttpRequest, dev::Payload, web::Data};
use futures_util::future::LocalBoxFuture;
use url::form_urlencoded;

use crate::{
    http::{Web, auth, body::Body, problem::Problem},
    twilio::signature,
};

const SIGNATURE: &str = "x-twilio-signature";
const FORM: &str = "application/x-www-form-urlencoded";

/// A webhook that Twilio signed.
pub(in crate::http) struct Signed {
    /// Parameters of query and form.
    pub(super) params: Vec<(String, String)>,
    /// Our address as Twilio knows it, without a path.
    pub(super) base_url: String,
}

impl FromRequest for Signed {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = Body::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let Body(body) = body.await?;
            check(&request, &body)
        })
    }
}

/// Our address as Twilio knows it, without a path.
pub(super) fn base_url(request: &HttpRequest, web: &Web) -> String {
    let public_url = web.config.http.public_url.clone();
    public_url.unwrap_or_else(|| auth::base_url(request, &web.config.http))
}

/// What stands in the signature's header.
pub(super) fn signature_of(request: &HttpRequest) -> &str {
    let header = request.headers().get(SIGNATURE);
    header
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

fn check(request: &HttpRequest, body: &[u8]) -> Result<Signed, Problem> {
    let web = request
        .app_data::<Data<Web>>()
        .ok_or_else(|| Problem::internal("the application is not set up"))?;
    let settings = &web.config.twilio;
    let Some(auth_token) = &settings.auth_token else {
        return Err(Problem::forbidden(
            "TWILIO_AUTH_TOKEN is not set, so webhooks cannot be checked and are refused.",
        ));
    };
    let base_url = base_url(request, web);
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    let url = format!("{base_url}{path}");
    let is_form = request.content_type().eq_ignore_ascii_case(FORM);
    let form: Vec<(String, String)> = if is_form {
        form_urlencoded::parse(body).into_owned().collect()
    } else {
        Vec::new()
    };
    let header = signature_of(request);
    let raw = (!is_form && !body.is_empty()).then_some(body);
    if !signature::verify(&auth_token.0, &url, &form, raw, header) {
        tracing::warn!(
            path = request.path(),
            "a webhook with a wrong signature was refused"
        );
        return Err(Problem::forbidden(
            "The signature is not Twilio's for this address; is PUBLIC_URL what Twilio calls?",
        ));
    }
    let query = form_urlencoded::parse(request.query_string().as_bytes()).into_owned();
    let params: Vec<(String, String)> = form.into_iter().chain(query).collect();
    let account = params
        .iter()
        .find(|(name, _)| name == "AccountSid")
        .map(|(_, account)| account.as_str());
    if settings.account_sid.is_some() && settings.account_sid.as_deref() != account {
        return Err(Problem::forbidden(
            "This webhook comes from another Twilio account.",
        ));
    }
    Ok(Signed { params, base_url })
}
