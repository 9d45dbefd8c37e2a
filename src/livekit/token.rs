//! Access tokens: who may enter which room, and what they may do there.
//!
//! The same JWTs (HS256) as LiveKit's own, so its SDKs and servers make and read them too. The
//! signature is `livekit-api`'s business. That crate reads the wall clock while it signs and
//! verifies; the times are checked once more against the caller's clock, which also names the error.
//!
//! Limits: [`TOKEN_LEN_MAX`] bytes; identity, name and room [`NAME_LEN_MAX`] bytes each.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use livekit_api::access_token::{AccessToken, Claims, TokenVerifier, VideoGrants};
use livekit_protocol::participant_info::Kind;

use crate::livekit::room::RoomPlan;

/// The longest token that is looked at, in bytes.
const TOKEN_LEN_MAX: usize = 16 * 1024;
/// The longest identity, name or room name, in bytes.
const NAME_LEN_MAX: usize = 256;
/// Clocks may disagree by this much, in seconds (as in LiveKit).
const LEEWAY_S: u64 = 60;

/// What a token grants: one participant, one room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomPass {
    /// The only room it opens.
    pub room: String,
    /// Unique within the room; a second join with it evicts the first.
    pub identity: String,
    /// For people to read.
    pub name: String,
    /// Standard for a browser.
    pub kind: Kind,
    /// Free text for other participants.
    pub metadata: String,
    /// Key-value pairs for other participants.
    pub attributes: BTreeMap<String, String>,
    /// May publish a microphone.
    pub can_publish: bool,
    /// When not empty, the only track sources that may be published (`microphone`, ...).
    pub can_publish_sources: Vec<String>,
    /// May hear the others.
    pub can_subscribe: bool,
    /// May change its own name, metadata and attributes.
    pub can_update_own_metadata: bool,
    /// Not shown to the others.
    pub hidden: bool,
    /// How a LiveKit server makes the room when this participant is the first in it.
    pub plan: Option<RoomPlan>,
}

impl RoomPass {
    /// A pass of a standard participant who may speak and hear.
    pub fn new(room: &str, identity: &str, name: &str) -> Self {
        Self {
            room: room.to_owned(),
            identity: identity.to_owned(),
            name: name.to_owned(),
            kind: Kind::Standard,
            metadata: String::new(),
            attributes: BTreeMap::new(),
            can_publish: true,
            can_publish_sources: Vec::new(),
            can_subscribe: true,
            can_update_own_metadata: false,
            hidden: false,
            plan: None,
        }
    }
}

/// Why a token was refused, or could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// No token at all.
    #[error("an access token is needed")]
    Missing,
    /// Not a JWT with LiveKit's claims, signed with an algorithm we know.
    #[error("the access token is malformed")]
    Malformed,
    /// Made for another API key.
    #[error("the access token was issued for another API key")]
    WrongIssuer,
    /// Not signed with our secret by HS256.
    #[error("the access token's signature is wrong")]
    BadSignature,
    /// Past its `exp`, or without one.
    #[error("the access token has expired")]
    Expired,
    /// Before its `nbf`.
    #[error("the access token is not valid yet")]
    NotYetValid,
    /// A good token, but not one for joining (`roomJoin`).
    #[error("the access token does not grant joining a room")]
    NoJoinGrant,
    /// The room is empty or too long.
    #[error("the access token names no usable room")]
    NoRoom,
    /// The identity is empty or too long.
    #[error("the access token names no usable identity")]
    NoIdentity,
    /// The API key or secret is empty.
    #[error("the API key and secret must be set")]
    NoKeys,
}

/// The API key and secret that sign and verify tokens.
#[derive(Clone)]
pub struct TokenKeys {
    key: String,
    secret: String,
}

impl fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKeys")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl TokenKeys {
    /// Keys as in `LIVEKIT_API_KEY` and `LIVEKIT_API_SECRET`.
    pub fn new(key: &str, secret: &str) -> Self {
        Self {
            key: key.to_owned(),
            secret: secret.to_owned(),
        }
    }

    /// Makes a token that is valid from now on for `ttl`.
    ///
    /// # Errors
    /// [`TokenError::NoKeys`], [`TokenError::NoRoom`], [`TokenError::NoIdentity`].
    pub fn sign(&self, pass: &RoomPass, ttl: Duration) -> Result<String, TokenError> {
        check_names(&pass.room, &pass.identity)?;
        let grants = VideoGrants {
            room_join: true,
            room: pass.room.clone(),
            can_publish: Some(pass.can_publish),
            can_subscribe: Some(pass.can_subscribe),
            can_publish_data: Some(false),
            can_publish_sources: pass.can_publish_sources.clone(),
            can_update_own_metadata: Some(pass.can_update_own_metadata),
            hidden: pass.hidden,
            ..Default::default()
        };
        let mut token = AccessToken::with_api_key(&self.key, &self.secret);
        if let Some(plan) = pass.plan.clone() {
            token = token.with_room_config(plan.into_configuration());
        }
        token
            .with_identity(&pass.identity)
            .with_name(&pass.name)
            .with_kind(&pass.kind.as_str_name().to_ascii_lowercase())
            .with_metadata(&pass.metadata)
            .with_attributes(pass.attributes.clone())
            .with_grants(grants)
            .with_ttl(ttl)
            .to_jwt()
            .map_err(|_| TokenError::NoKeys)
    }

    /// Checks a token at `unix_s` (seconds since 1970) and gives what it grants, without its plan: rooms of ours have their own.
    ///
    /// # Errors
    /// Every way a token can be wrong, see [`TokenError`].
    pub fn verify(&self, token: &str, unix_s: u64) -> Result<RoomPass, TokenError> {
        into_pass(self.claims(token, unix_s)?)
    }

    /// Checks who signed a token and when, and gives all that it says.
    pub(super) fn claims(&self, token: &str, unix_s: u64) -> Result<Claims, TokenError> {
        if token.is_empty() {
            return Err(TokenError::Missing);
        }
        if token.len() > TOKEN_LEN_MAX {
            return Err(TokenError::Malformed);
        }
        match TokenVerifier::with_api_key(&self.key, &self.secret).verify(token) {
            Ok(claims) => {
                check_times(&claims, unix_s)?;
                Ok(claims)
            }
            Err(_) => Err(self.why_refused(token, unix_s)),
        }
    }

    /// Names what is wrong with a token that did not verify. Its claims are used for nothing else.
    fn why_refused(&self, token: &str, unix_s: u64) -> TokenError {
        match Claims::from_unverified(token) {
            Err(_) => TokenError::Malformed,
            Ok(claims) if claims.iss != self.key => TokenError::WrongIssuer,
            Ok(claims) => check_times(&claims, unix_s)
                .err()
                .unwrap_or(TokenError::BadSignature),
        }
    }
}

fn check_times(claims: &Claims, unix_s: u64) -> Result<(), TokenError> {
    if (claims.exp as u64).saturating_add(LEEWAY_S) < unix_s {
        return Err(TokenError::Expired);
    }
    if claims.nbf as u64 > unix_s.saturating_add(LEEWAY_S) {
        return Err(TokenError::NotYetValid);
    }
    Ok(())
}

fn check_names(room: &str, identity: &str) -> Result<(), TokenError> {
    let usable = |text: &str| (1..=NAME_LEN_MAX).contains(&text.len());
    if !usable(room) {
        return Err(TokenError::NoRoom);
    }
    if !usable(identity) {
        return Err(TokenError::NoIdentity);
    }
    Ok(())
}

fn into_pass(claims: Claims) -> Result<RoomPass, TokenError> {
    let video = claims.video;
    if !video.room_join {
        return Err(TokenError::NoJoinGrant);
    }
    check_names(&video.room, &claims.sub)?;
    if claims.name.len() > NAME_LEN_MAX {
        return Err(TokenError::Malformed);
    }
    Ok(RoomPass {
        can_publish: video.can_publish(),
        can_subscribe: video.can_subscribe(),
        can_update_own_metadata: video.can_update_own_metadata(),
        can_publish_sources: video.can_publish_sources,
        hidden: video.hidden,
        plan: None,
        room: video.room,
        identity: claims.sub,
        name: claims.name,
        kind: Kind::from_str_name(&claims.kind.to_ascii_uppercase()).unwrap_or(Kind::Standard),
        metadata: claims.metadata,
        attributes: claims.attributes.into_iter().collect(),
    })
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
