//! Rooms' access tokens: `POST /api/rooms/{roomName}/token`.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Path},
};
use serde::Deserialize;

use crate::{
    actors::room_access::RoomWish,
    http::{
        Web,
        auth::{self, SignedIn},
        body::Body,
        problem::Problem,
    },
};

#[derive(Default, Deserialize)]
struct Wish {
    identity: Option<String>,
    name: Option<String>,
    #[serde(default)]
    listen: bool,
}

/// A token for whoever asks, or for whomever an admin names. The body may be left out.
pub(super) async fn token(
    request: HttpRequest,
    web: Data<Web>,
    by: SignedIn,
    room: Path<String>,
    Body(body): Body,
) -> Result<HttpResponse, Problem> {
    let wish = if body.is_empty() {
        Wish::default()
    } else {
        wish(&request, &body)?
    };
    let wish = RoomWish {
        identity: wish.identity,
        name: wish.name,
        listen: wish.listen,
    };
    let own_url = auth::ws_url(&request, &web.config.http);
    let ticket = web.rooms.issue(&by.operator, &room, wish, &own_url).await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(ticket))
}

fn wish(request: &HttpRequest, body: &[u8]) -> Result<Wish, Problem> {
    use actix_web::{HttpMessage as _, http::StatusCode};
    if request.content_type() != "application/json" {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "The body must be application/json.",
        ));
    }
    serde_json::from_slice(body).map_err(|error| {
        Problem::bad_request(format!("The body is not what is expected here: {error}."))
    })
}
