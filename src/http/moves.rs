//! Moves of a call by its id: the presses of the dashboards under the names that scripts know. `{callId}` in, the call out.

use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use serde::Deserialize;

use crate::{
    domain::{CallId, Command, Stage},
    http::{Web, auth::SignedIn, calls, problem::Problem},
};

/// Which call.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Which {
    call_id: CallId,
}

/// Lobby to screening, with whoever asks.
pub(super) async fn to_screening(
    web: Data<Web>,
    by: SignedIn,
    which: Json<Which>,
) -> Result<HttpResponse, Problem> {
    press(
        &web,
        by,
        Command::PickUp {
            call_id: which.call_id,
        },
    )
    .await
}

/// Screening to hold, or from the air back to hold.
pub(super) async fn to_hold(
    web: Data<Web>,
    by: SignedIn,
    which: Json<Which>,
) -> Result<HttpResponse, Problem> {
    let call_id = which.call_id;
    let stage = web
        .at_desk(move |desk, _| desk.call(call_id).map(|call| call.stage))
        .await?;
    let command = match stage {
        Some(Stage::OnAir) => Command::PutOnHold { call_id },
        Some(Stage::Queued | Stage::Screening | Stage::OnHold | Stage::Completed) | None => {
            Command::Approve {
                call_id,
                next: false,
            }
        }
    };
    press(&web, by, command).await
}

/// Hold to air.
pub(super) async fn to_live(
    web: Data<Web>,
    by: SignedIn,
    which: Json<Which>,
) -> Result<HttpResponse, Problem> {
    press(
        &web,
        by,
        Command::PutOnAir {
            call_id: which.call_id,
        },
    )
    .await
}

/// Screening back to the lobby.
pub(super) async fn to_lobby(
    web: Data<Web>,
    by: SignedIn,
    which: Json<Which>,
) -> Result<HttpResponse, Problem> {
    press(
        &web,
        by,
        Command::BackToLobby {
            call_id: which.call_id,
        },
    )
    .await
}

/// Hangs up.
pub(super) async fn end_call(
    web: Data<Web>,
    by: SignedIn,
    which: Json<Which>,
) -> Result<HttpResponse, Problem> {
    press(
        &web,
        by,
        Command::Drop {
            call_id: which.call_id,
        },
    )
    .await
}

async fn press(web: &Web, by: SignedIn, command: Command) -> Result<HttpResponse, Problem> {
    let call = web.press(by.operator, command, |desk, reply| {
        let id = reply.call_id.unwrap_or(CallId(0));
        calls::shown(desk, id)
    });
    Ok(HttpResponse::Ok().json(call.await?))
}
