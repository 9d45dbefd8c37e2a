//! The dashboards: files built by `make assets`, embedded in the program; and the headers that keep a browser to them.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode, header},
    middleware::DefaultHeaders,
};
use rust_embed::{Embed, EmbeddedFile};

use crate::http::problem::{self, Problem};

/// Files with their content's hash in their name lie here: they never change.
const HASHED: &str = "assets/";
const INDEX: &str = "index.html";
const NOT_BUILT: &str = "The dashboards were not built into this program. Run: make assets\n";

#[derive(Embed)]
#[folder = "$CARGO_MANIFEST_DIR/assets/dist"]
#[allow_missing = true]
struct Dist;

/// A file, or the dashboards' page for an address that only they know. Everything else is nothing.
pub(super) async fn show(request: HttpRequest) -> Result<HttpResponse, Problem> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return problem::no_such_address(request).await;
    }
    let path = request.path().trim_start_matches('/');
    if let Some(file) = Dist::get(path) {
        return Ok(served(&request, path, &file));
    }
    let names_a_file = path
        .rsplit('/')
        .next()
        .is_some_and(|last| last.contains('.'));
    if names_a_file {
        return problem::no_such_address(request).await;
    }
    match Dist::get(INDEX) {
        Some(file) => Ok(served(&request, INDEX, &file)),
        None => Ok(HttpResponse::build(StatusCode::SERVICE_UNAVAILABLE)
            .content_type("text/plain; charset=utf-8")
            .body(NOT_BUILT)),
    }
}

/// What a page of ours may load and connect to: nothing from elsewhere but sockets (a room may be on another host name of ours).
const POLICY: &str = "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; media-src 'self' blob:; \
    object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Headers of every answer.
pub(super) fn headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add((header::CONTENT_SECURITY_POLICY, POLICY))
        .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((header::REFERRER_POLICY, "no-referrer"))
        .add(("Cross-Origin-Opener-Policy", "same-origin"))
        .add((
            "Permissions-Policy",
            "camera=(), geolocation=(), microphone=(self)",
        ))
}

fn served(request: &HttpRequest, path: &str, file: &EmbeddedFile) -> HttpResponse {
    let hash = file.metadata.sha256_hash();
    let tag: String = hash
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let tag = format!("\"{tag}\"");
    let cache = if path.starts_with(HASHED) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let known = request
        .headers()
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    let unchanged = known.is_some_and(|known| {
        known
            .split(',')
            .any(|known| known.trim().trim_start_matches("W/") == tag)
    });
    let status = if unchanged {
        StatusCode::NOT_MODIFIED
    } else {
        StatusCode::OK
    };
    let mut response = HttpResponse::build(status);
    response
        .insert_header((header::ETAG, tag))
        .insert_header((header::CACHE_CONTROL, cache));
    if unchanged {
        return response.finish();
    }
    response.content_type(mime_guess::from_path(path).first_or_octet_stream().as_ref());
    response.body(file.data.clone().into_owned())
}
