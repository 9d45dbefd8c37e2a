//! Every answer that says no: `application/problem+json` (RFC 9457) with a `detail` that a person can read.
//!
//! What actix itself refuses (a malformed body, path or query) comes out in the same form. A fault of ours is logged once, here,
//! and told to nobody.

use std::fmt;

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    error::{BlockingError, JsonPayloadError, PathError, PayloadError, QueryPayloadError},
    http::{StatusCode, header},
    web::{JsonConfig, PathConfig, PayloadConfig, QueryConfig, ServiceConfig},
};
use serde_json::json;

use crate::{
    actors::{bridge::JoinRefusal, room_access::AccessError},
    domain::Refusal,
    http::BODY_MAX,
};

/// A refusal on its way out.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: String,
    /// Methods that the address does have.
    allow: Option<String>,
}

impl Problem {
    /// Any status with a sentence.
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            allow: None,
        }
    }

    /// 400: the request makes no sense as it stands.
    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 401: nobody is signed in.
    pub(super) fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail)
    }

    /// 403: signed in, and may not.
    pub(super) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// 404: there is no such thing.
    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 405 with the methods that there are.
    pub(super) fn method_not_allowed(path: &str, allow: String) -> Self {
        let detail = format!("{path} takes {allow}.");
        Self {
            allow: Some(allow),
            ..Self::new(StatusCode::METHOD_NOT_ALLOWED, detail)
        }
    }

    /// 409: not in this state.
    pub(super) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// 503: something that we need does not answer; trying again may help.
    pub(super) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    /// 500: a fault of ours. The error goes to the log, not to the client.
    pub(super) fn internal(error: impl fmt::Display) -> Self {
        tracing::error!(%error, "request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Something failed inside the switch; its log says what.",
        )
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let body = json!({
            "type": "about:blank", "title": title, "status": self.status.as_u16(), "detail": self.detail,
        });
        let mut response = HttpResponse::build(self.status);
        response.insert_header((header::CONTENT_TYPE, "application/problem+json"));
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        if matches!(
            self.status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        ) {
            response.insert_header((header::RETRY_AFTER, "5"));
        }
        if let Some(allow) = &self.allow {
            response.insert_header((header::ALLOW, allow.as_str()));
        }
        response.body(body.to_string())
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
        Self::new(status, refusal.detail())
    }
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Refused(refusal) => refusal.into(),
            AccessError::NoAnswer => actix::MailboxError::Closed.into(),
            AccessError::NoToken => Self::internal(error),
        }
    }
}

impl From<JoinRefusal> for Problem {
    fn from(refusal: JoinRefusal) -> Self {
        let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::FORBIDDEN);
        Self::new(status, refusal.to_string())
    }
}

impl From<actix::MailboxError> for Problem {
    fn from(error: actix::MailboxError) -> Self {
        match error {
            actix::MailboxError::Closed => Self::unavailable("The switch is shutting down."),
            actix::MailboxError::Timeout => Self::unavailable("The switch is too busy. Try again."),
        }
    }
}

impl From<BlockingError> for Problem {
    fn from(_: BlockingError) -> Self {
        Self::unavailable("The switch is shutting down.")
    }
}

/// Puts what actix refuses by itself into the same form.
pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .app_data(
            JsonConfig::default()
                .limit(BODY_MAX)
                .error_handler(|error, _| json_problem(&error).into()),
        )
        .app_data(PayloadConfig::new(BODY_MAX))
        .app_data(PathConfig::default().error_handler(|error, _| path_problem(&error).into()))
        .app_data(QueryConfig::default().error_handler(|error, _| query_problem(&error).into()));
}

/// Whatever no route took.
pub(super) async fn no_such_address(request: HttpRequest) -> Result<HttpResponse, Problem> {
    Err(Problem::not_found(format!(
        "There is nothing at {}.",
        request.path()
    )))
}

/// 413 or 400, for a body that is read as it is.
pub(super) fn payload_problem(error: &PayloadError) -> Problem {
    if matches!(error, PayloadError::Overflow) {
        return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large.");
    }
    Problem::bad_request("The body could not be read.")
}

fn json_problem(error: &JsonPayloadError) -> Problem {
    match error {
        JsonPayloadError::OverflowKnownLength { limit, .. }
        | JsonPayloadError::Overflow { limit } => {
            let detail = format!("The body may have at most {limit} bytes.");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
        }
        JsonPayloadError::ContentType => Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "The body must be application/json.",
        ),
        JsonPayloadError::Deserialize(error) => {
            Problem::bad_request(format!("The body is not what is expected here: {error}."))
        }
        JsonPayloadError::Payload(error) => payload_problem(error),
        JsonPayloadError::Serialize(_) | _ => Problem::bad_request("The body could not be read."),
    }
}

/// A malformed id names nothing.
fn path_problem(_: &PathError) -> Problem {
    Problem::not_found("The address holds something that is not a valid id.")
}

fn query_problem(error: &QueryPayloadError) -> Problem {
    Problem::bad_request(format!("The query is not what is expected here: {error}."))
}
