//! What a LiveKit server tells of its rooms: `POST` with JSON, signed by a token that holds the hash of the body.
//!
//! ```text
//! body + Authorization → token (our key, our secret, not expired) → its sha256 = that of the body → event
//! ```
//! LiveKit sends an event again when it heard no answer, and two events may overtake each other: whoever uses them must not
//! mind. Limits: [`BODY_LEN_MAX`] bytes; a token of LiveKit's is good for five minutes.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::token::{TokenError, TokenKeys};

/// The longest body that is looked at, in bytes.
pub const BODY_LEN_MAX: usize = 64 * 1024;

/// What happened on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookKind {
    /// A room was made.
    RoomStarted,
    /// A room was deleted, or closed because it was empty.
    RoomFinished,
    /// Somebody joined.
    ParticipantJoined,
    /// Somebody left.
    ParticipantLeft,
    /// Somebody joined and never had media.
    ParticipantConnectionAborted,
    /// A track came.
    TrackPublished,
    /// A track went.
    TrackUnpublished,
    /// Egress, ingress, and what later servers will tell.
    Other,
}

impl WebhookKind {
    fn named(name: &str) -> Self {
        match name {
            "room_started" => Self::RoomStarted,
            "room_finished" => Self::RoomFinished,
            "participant_joined" => Self::ParticipantJoined,
            "participant_left" => Self::ParticipantLeft,
            "participant_connection_aborted" => Self::ParticipantConnectionAborted,
            "track_published" => Self::TrackPublished,
            "track_unpublished" => Self::TrackUnpublished,
            _ => Self::Other,
        }
    }

    /// As metrics count it.
    pub fn label(self) -> &'static str {
        match self {
            Self::RoomStarted => "room-started",
            Self::RoomFinished => "room-finished",
            Self::ParticipantJoined => "participant-joined",
            Self::ParticipantLeft => "participant-left",
            Self::ParticipantConnectionAborted => "participant-connection-aborted",
            Self::TrackPublished => "track-published",
            Self::TrackUnpublished => "track-unpublished",
            Self::Other => "other",
        }
    }
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookEvent {
    /// The same when it is sent again.
    pub id: String,
    /// What happened.
    pub kind: WebhookKind,
    /// Name of the room; empty for what happened in none.
    pub room: String,
    /// Identity of the participant; empty for what happened to none.
    pub identity: String,
}

/// Why an event is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// The token in the `Authorization` header is missing, stale, or not signed with our secret.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The token was made for another body.
    #[error("the body is not the one that was signed")]
    WrongBody,
    /// Over [`BODY_LEN_MAX`].
    #[error("the body is too long")]
    TooLong,
    /// Signed, but no event of LiveKit's.
    #[error("the body is not an event of LiveKit's: {0}")]
    NotAnEvent(String),
}

#[derive(Deserialize)]
struct Body {
    event: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    room: Room,
    #[serde(default)]
    participant: Participant,
}

#[derive(Default, Deserialize)]
struct Room {
    #[serde(default)]
    name: String,
}

#[derive(Default, Deserialize)]
struct Participant {
    #[serde(default)]
    identity: String,
}

impl TokenKeys {
    /// Checks an event at `unix_s` (seconds since 1970) and reads it. `authorization` is the header's value: the token, with
    /// or without `Bearer`.
    ///
    /// # Errors
    /// [`WebhookError`].
    pub fn webhook(
        &self,
        body: &[u8],
        authorization: &str,
        unix_s: u64,
    ) -> Result<WebhookEvent, WebhookError> {
        if body.len() > BODY_LEN_MAX {
            return Err(WebhookError::TooLong);
        }
        let token = authorization.strip_prefix("Bearer ");
        let claims = self.claims(token.unwrap_or(authorization).trim(), unix_s)?;
        let signed = STANDARD.decode(&claims.sha256).unwrap_or_default();
        if !bool::from(signed.as_slice().ct_eq(Sha256::digest(body).as_slice())) {
            return Err(WebhookError::WrongBody);
        }
        let body: Body = serde_json::from_slice(body)
            .map_err(|error| WebhookError::NotAnEvent(error.to_string()))?;
        Ok(WebhookEvent {
            id: body.id,
            kind: WebhookKind::named(&body.event),
            room: body.room.name,
            identity: body.participant.identity,
        })
    }
}

#[cfg(test)]
#[path = "webhook_tests.rs"]
mod tests;
