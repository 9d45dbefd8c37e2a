//! Who may join which room with a browser, and the token that lets them in.
//!
//! ```text
//! operator + room -> the desk's state now -> allowed: access token for that room and that identity alone
//! ```
//! A browser belongs into a screening room (the one screener who has the call) and into the live room (host, co-hosts); never
//! into the lobby or on hold. Tokens last [`TOKEN_TTL`].

use std::time::Duration;

use actix::Addr;
use serde::Serialize;

use crate::{
    actors::{message::AtDesk, switchboard::Switchboard},
    domain::{CallId, Desk, EpisodeId, EpisodeStatus, Operator, Refusal, Role, RoomName, Stage},
    livekit::{RoomPass, TokenKeys},
};

/// How long a token lets its bearer join, and join again.
const TOKEN_TTL: Duration = Duration::from_secs(6 * 3600);
/// Longest identity or name that an admin may ask for, in characters.
const NAME_MAX: usize = 120;
/// How long the desk may take to say yes or no.
const DESK_PATIENCE: Duration = Duration::from_secs(5);

/// Where to join, and with what: what a LiveKit client SDK takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoomTicket {
    /// WebSocket address of the LiveKit server.
    pub url: String,
    /// Access token.
    pub token: String,
}

/// Who to be in the room, where not oneself. For admins' scripts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alias {
    /// LiveKit identity.
    pub identity: Option<String>,
    /// As others see it.
    pub name: Option<String>,
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// The operator may not enter this room now.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The switchboard did not answer: it is shutting down.
    #[error("the switchboard does not answer")]
    NoAnswer,
    /// The token could not be made.
    #[error("no token could be made")]
    NoToken,
}

/// Gives out rooms' access tokens.
#[derive(Clone, Debug)]
pub struct RoomAccess {
    switchboard: Addr<Switchboard>,
    keys: TokenKeys,
    live_limit: usize,
}

impl RoomAccess {
    /// Tokens are signed with LiveKit's `key` and `secret`; a live room takes `live_limit` people and callers.
    pub fn new(switchboard: Addr<Switchboard>, key: &str, secret: &str, live_limit: usize) -> Self {
        Self {
            switchboard,
            keys: TokenKeys::new(key, secret),
            live_limit,
        }
    }

    /// A token for `room` if `operator` may be in it now. `own_url` is our own WebSocket address as the browser reaches it.
    ///
    /// # Errors
    /// [`AccessError::Refused`] with a sentence for the operator; the others are faults of ours.
    pub async fn issue(
        &self,
        operator: &Operator,
        room: &str,
        alias: Alias,
        own_url: &str,
    ) -> Result<RoomTicket, AccessError> {
        let name: RoomName = room
            .parse()
            .map_err(|_| Refusal::NotFound("There is no such room.".into()))?;
        let pass = pass(operator, name, alias)?;
        let (asking, identity, live_limit) =
            (operator.clone(), pass.identity.clone(), self.live_limit);
        let question =
            AtDesk::new(move |desk, _| admits(desk, &asking, name, &identity, live_limit));
        let answer = self.switchboard.send(question).timeout(DESK_PATIENCE).await;
        answer.map_err(|_| AccessError::NoAnswer)??;
        let token = self
            .keys
            .sign(&pass, TOKEN_TTL)
            .map_err(|_| AccessError::NoToken)?;
        Ok(RoomTicket {
            url: own_url.to_owned(),
            token,
        })
    }
}

/// Whether `operator` may be in `room` as it is now.
///
/// # Errors
/// [`Refusal`] with a sentence for the operator.
fn admits(
    desk: &Desk,
    operator: &Operator,
    room: RoomName,
    identity: &str,
    live_limit: usize,
) -> Result<(), Refusal> {
    match room {
        RoomName::Lobby(_) => Err(Refusal::Forbidden(
            "Nobody joins the lobby: only callers wait there.".into(),
        )),
        RoomName::Hold(_) => Err(Refusal::Forbidden(
            "Nobody joins the hold room: callers there hear the show.".into(),
        )),
        RoomName::Screening(episode, call) => admits_to_screening(desk, operator, episode, call),
        RoomName::Live(episode) => {
            admits_to_live(desk, operator, episode)?;
            let is_in = desk.people_in(room).any(|person| person == identity);
            let on_air = desk
                .open_calls()
                .filter(|call| call.episode_id == Some(episode) && call.stage == Stage::OnAir);
            if !is_in && desk.people_in(room).count() + on_air.count() >= live_limit {
                return Err(Refusal::Conflict(format!(
                    "The live room is full ({live_limit})."
                )));
            }
            Ok(())
        }
    }
}

fn admits_to_screening(
    desk: &Desk,
    operator: &Operator,
    episode: EpisodeId,
    call: CallId,
) -> Result<(), Refusal> {
    let call = desk
        .call(call)
        .filter(|call| call.episode_id == Some(episode));
    let call =
        call.ok_or_else(|| Refusal::NotFound("There is no such call, or it is over.".into()))?;
    if call.stage != Stage::Screening {
        return Err(Refusal::Conflict(format!(
            "This caller is {}, not with a screener.",
            call.stage.in_words()
        )));
    }
    match &call.screener {
        Some(screener) if screener.id == operator.id => Ok(()),
        Some(_) | None if operator.role == Role::Admin => Ok(()),
        Some(screener) => Err(Refusal::Forbidden(format!(
            "{} has this caller.",
            screener.name
        ))),
        None => Err(Refusal::Forbidden("Pick this caller up first.".into())),
    }
}

fn admits_to_live(desk: &Desk, operator: &Operator, episode: EpisodeId) -> Result<(), Refusal> {
    if !matches!(operator.role, Role::Host | Role::CoHost | Role::Admin) {
        return Err(Refusal::Forbidden(
            "Only the host and co-hosts join the live room.".into(),
        ));
    }
    let episode = desk.episode(episode);
    let episode = episode.ok_or_else(|| Refusal::NotFound("There is no such episode.".into()))?;
    if episode.status != EpisodeStatus::Live {
        return Err(Refusal::Conflict(
            "This episode is not on. Go live first.".into(),
        ));
    }
    Ok(())
}

/// What the token will say. The identity ends in the operator's id, by which dashboards find who is where.
fn pass(operator: &Operator, room: RoomName, alias: Alias) -> Result<RoomPass, Refusal> {
    let is_alias = alias.identity.is_some() || alias.name.is_some();
    if is_alias && operator.role != Role::Admin {
        return Err(Refusal::Forbidden(
            "Only an admin may join as somebody else.".into(),
        ));
    }
    let identity = alias
        .identity
        .unwrap_or_else(|| format!("{}:{}", operator.role.label(), operator.id));
    let name = alias.name.unwrap_or_else(|| operator.name.clone());
    let usable = |text: &str| {
        !text.trim().is_empty()
            && text.chars().count() <= NAME_MAX
            && !text.chars().any(char::is_control)
    };
    if !usable(&identity) || !usable(&name) {
        return Err(Refusal::Invalid(format!(
            "An identity or a name has 1 to {NAME_MAX} characters."
        )));
    }
    if identity.starts_with("call:") {
        return Err(Refusal::Invalid(
            "An identity that begins with \"call:\" is a caller's.".into(),
        ));
    }
    let mut pass = RoomPass::new(&room.to_string(), &identity, &name);
    pass.can_publish_sources = vec!["microphone".to_owned()];
    Ok(pass)
}

#[cfg(test)]
#[path = "room_access_tests.rs"]
mod tests;
