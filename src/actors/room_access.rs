//! Who may join which room with a browser, and the token that lets them in.
//!
//! ```text
//! operator + room -> the desk's state now -> allowed: access token for that room and that identity alone
//! ```
//! A browser belongs into a screening room (the one screener who has the call) and into the live room (host, co-hosts, and
//! whoever only listens); never into the lobby or on hold. Tokens let in for [`TOKEN_TTL`]; who is in gets new ones from the
//! server, and an operator who comes back asks again.

use std::time::Duration;

use actix::Addr;
use serde::Serialize;

use crate::{
    actors::{message::AtDesk, switchboard::Switchboard},
    config::LiveKitUrl,
    domain::{
        CallId, Desk, EpisodeId, EpisodeStatus, Limits, Operator, Refusal, Role, RoomName, Stage,
    },
    livekit::{RoomPass, RoomPlan, TokenKeys},
};

/// How long a token lets its bearer join.
const TOKEN_TTL: Duration = Duration::from_secs(3600);
/// Longest identity or name that an admin may ask for, in characters.
const NAME_MAX: usize = 120;
/// Begins the identity of who only listens.
const LISTENER: &str = "listener";
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

/// How to be in the room, where not as oneself and speaking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomWish {
    /// LiveKit identity. For admins' scripts.
    pub identity: Option<String>,
    /// As others see it. For admins' scripts.
    pub name: Option<String>,
    /// Only hear, never speak: every operator may, in the live room.
    pub listen: bool,
}

/// The LiveKit server that has the rooms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomServer {
    /// As browsers reach it.
    pub url: LiveKitUrl,
    /// The switch's name there.
    pub node: String,
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
    limits: Limits,
    server: Option<RoomServer>,
}

impl RoomAccess {
    /// Tokens are signed with `keys`. Without a `server` the rooms are the switch's own.
    pub fn new(
        switchboard: Addr<Switchboard>,
        keys: TokenKeys,
        limits: Limits,
        server: Option<RoomServer>,
    ) -> Self {
        Self {
            switchboard,
            keys,
            limits,
            server,
        }
    }

    /// The LiveKit server that has the rooms; `None` when the switch has them itself.
    pub fn server(&self) -> Option<&RoomServer> {
        self.server.as_ref()
    }

    /// The key and secret of the rooms.
    pub fn keys(&self) -> &TokenKeys {
        &self.keys
    }

    /// A token for `room` if `operator` may be in it now. `own_url` is our own WebSocket address as the browser reaches it.
    ///
    /// # Errors
    /// [`AccessError::Refused`] with a sentence for the operator; the others are faults of ours.
    pub async fn issue(
        &self,
        operator: &Operator,
        room: &str,
        wish: RoomWish,
        own_url: &str,
    ) -> Result<RoomTicket, AccessError> {
        let name: RoomName = room
            .parse()
            .map_err(|_| Refusal::NotFound("There is no such room.".into()))?;
        let mut pass = pass(operator, name, wish)?;
        let plan = |server: &RoomServer| RoomPlan::new(&server.node, self.limits.of(name).into());
        pass.plan = self.server.as_ref().map(plan);
        let entry = Entry {
            operator: operator.clone(),
            room: name,
            identity: pass.identity.clone(),
            speaks: pass.can_publish,
            live_limit: self.limits.live,
        };
        let question = AtDesk::new(move |desk, _| admits(desk, &entry));
        let answer = self.switchboard.send(question).timeout(DESK_PATIENCE).await;
        answer.map_err(|_| AccessError::NoAnswer)??;
        let token = self
            .keys
            .sign(&pass, TOKEN_TTL)
            .map_err(|_| AccessError::NoToken)?;
        let url = self
            .server
            .as_ref()
            .map_or_else(|| own_url.to_owned(), |server| server.url.to_string());
        Ok(RoomTicket { url, token })
    }
}

/// Somebody at the door of a room.
struct Entry {
    operator: Operator,
    room: RoomName,
    identity: String,
    /// Not only listening.
    speaks: bool,
    live_limit: usize,
}

/// Whether the operator may be in the room as it is now.
///
/// # Errors
/// [`Refusal`] with a sentence for the operator.
fn admits(desk: &Desk, entry: &Entry) -> Result<(), Refusal> {
    let operator = &entry.operator;
    match entry.room {
        RoomName::Lobby(_) => Err(Refusal::Forbidden(
            "Nobody joins the lobby: only callers wait there.".into(),
        )),
        RoomName::Hold(_) => Err(Refusal::Forbidden(
            "Nobody joins the hold room: callers there hear the show.".into(),
        )),
        RoomName::Screening(..) if !entry.speaks => Err(Refusal::Forbidden(
            "Only the live room can be listened to.".into(),
        )),
        RoomName::Screening(episode, call) => admits_to_screening(desk, operator, episode, call),
        RoomName::Live(episode) => {
            if entry.speaks && !matches!(operator.role, Role::Host | Role::CoHost | Role::Admin) {
                return Err(Refusal::Forbidden(
                    "Only the host and co-hosts speak in the live room; everybody may listen."
                        .into(),
                ));
            }
            admits_to_live(desk, entry, episode)
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

fn admits_to_live(desk: &Desk, entry: &Entry, episode: EpisodeId) -> Result<(), Refusal> {
    let status = desk.episode(episode).map(|episode| episode.status);
    let status = status.ok_or_else(|| Refusal::NotFound("There is no such episode.".into()))?;
    if status != EpisodeStatus::Live {
        return Err(Refusal::Conflict(
            "This episode is not on. Go live first.".into(),
        ));
    }
    let mut people = desk.people_in(entry.room);
    if people.any(|person| person == entry.identity) {
        return Ok(());
    }
    let on_air = desk
        .open_calls()
        .filter(|call| call.episode_id == Some(episode) && call.stage == Stage::OnAir);
    if desk.people_in(entry.room).count() + on_air.count() >= entry.live_limit {
        return Err(Refusal::Conflict(format!(
            "The live room is full ({}).",
            entry.live_limit
        )));
    }
    Ok(())
}

/// What the token will say. The identity ends in the operator's id, by which dashboards find who is where.
fn pass(operator: &Operator, room: RoomName, wish: RoomWish) -> Result<RoomPass, Refusal> {
    let is_alias = wish.identity.is_some() || wish.name.is_some();
    if is_alias && operator.role != Role::Admin {
        return Err(Refusal::Forbidden(
            "Only an admin may join as somebody else.".into(),
        ));
    }
    let part = if wish.listen {
        LISTENER
    } else {
        operator.role.label()
    };
    let identity = wish
        .identity
        .unwrap_or_else(|| format!("{part}:{}", operator.id));
    let name = wish.name.unwrap_or_else(|| operator.name.clone());
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
    if ["call:", "switch:"]
        .iter()
        .any(|own| identity.starts_with(own))
    {
        return Err(Refusal::Invalid(
            "An identity that begins with \"call:\" or \"switch:\" is the switch's own.".into(),
        ));
    }
    let mut pass = RoomPass::new(&room.to_string(), &identity, &name);
    pass.can_publish = !wish.listen;
    pass.can_publish_sources = vec!["microphone".to_owned()];
    Ok(pass)
}

#[cfg(test)]
#[path = "room_access_tests.rs"]
mod tests;
