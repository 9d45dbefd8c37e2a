//! The rooms on a LiveKit server: made with their limits, deleted at the end, and what a former life left behind.
//!
//! ```text
//! room opens → ensure (one attempt, the link joins in any case)     room closes → delete (until done)
//! start      → sweep (rooms that nobody needs any more, calls that are no more)
//! ```
//! All by LiveKit's API over HTTPS, which takes proxies from the environment and, on Cloud, tries other regions. Nothing here
//! is needed to hear anybody: a room that could not be made is made by whoever joins it first. Limits: an attempt takes
//! [`ATTEMPT_MAX`], [`DELETIONS_MAX`] deletions are tried at once, each for [`DELETION_MAX`]; LiveKit closes an empty room
//! by itself ([`RoomPlan::empty_s`]).

use std::{
    collections::HashSet,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use livekit_api::services::{
    ServerError, ServiceError, ServiceResult,
    room::{CreateRoomOptions, RoomClient},
};
use livekit_protocol as proto;

use crate::{
    actors::clock,
    config::LiveKitUrl,
    livekit::{NODE_ATTRIBUTE, RoomLimit, RoomPlan},
};

/// How long LiveKit may take to answer one request.
const ATTEMPT_MAX: Duration = Duration::from_secs(5);
/// How long [`RoomKeeper::ensure`] may take altogether, other regions of Cloud included.
const ENSURE_MAX: Duration = Duration::from_secs(6);
/// Deletions under way.
const DELETIONS_MAX: usize = 256;
/// How long a deletion is tried again: past it, LiveKit has closed the empty room itself.
const DELETION_MAX: Duration = Duration::from_secs(600);
/// Pauses between attempts: the first, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// How often a removal is tried.
const REMOVALS_MAX: u32 = 4;
/// What LiveKit's API answered instead of doing what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoomError {
    /// The API key or secret is not that of the server.
    #[error("LiveKit refuses the API key ({0})")]
    Refused(String),
    /// No answer.
    #[error("LiveKit's API does not answer ({0})")]
    Unreachable(String),
    /// An answer, but not in the API's words: another program is there, or a LiveKit server that refuses the key, which it
    /// says in plain text.
    #[error("LiveKit's API gives no answer that can be read; the API key may be wrong ({0})")]
    Unreadable(String),
    /// An answer that says no.
    #[error("LiveKit's API says no ({0})")]
    Failed(String),
}

/// What [`RoomKeeper::sweep`] found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Rooms that nobody needed.
    pub rooms: usize,
    /// Participants of calls that are no more.
    pub calls: usize,
}

/// Makes and deletes the rooms of one switch.
pub struct RoomKeeper {
    client: RoomClient,
    node: String,
    deleting: Mutex<HashSet<String>>,
}

impl RoomKeeper {
    /// Nothing is asked yet. `node` is the switch's own name, which it writes into its rooms.
    pub fn new(url: &LiveKitUrl, api_key: &str, api_secret: &str, node: &str) -> Self {
        let client = RoomClient::with_api_key(&url.http(), api_key, api_secret);
        Self {
            client: client.with_request_timeout(ATTEMPT_MAX),
            node: node.to_owned(),
            deleting: Mutex::default(),
        }
    }

    /// Makes the room with its limit, and changes nothing when it is there: so it may be asked before every join, since a
    /// server that came back has forgotten its rooms. Tries once.
    ///
    /// # Errors
    /// [`RoomError`]; the room is then made by the first who joins, as the plan in the token says.
    pub async fn ensure(&self, room: &str, limit: RoomLimit) -> Result<(), RoomError> {
        self.deleting().remove(room);
        self.make(room, limit).await.map(drop)
    }

    /// LiveKit's clock, in milliseconds since 1970, by a room that is made for it and deleted at once.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn clock_ms(&self, room: &str) -> Result<u64, RoomError> {
        let made = self.make(room, RoomLimit(0)).await?;
        gone(self.client.delete_room(room).await)?;
        // Older servers tell seconds alone.
        let made_ms = made
            .creation_time_ms
            .max(made.creation_time.saturating_mul(1000));
        Ok(u64::try_from(made_ms).unwrap_or_default())
    }

    async fn make(&self, room: &str, limit: RoomLimit) -> Result<proto::Room, RoomError> {
        let plan = RoomPlan::new(&self.node, limit);
        let options = CreateRoomOptions {
            empty_timeout: plan.empty_s,
            departure_timeout: plan.empty_s,
            max_participants: plan.participants_max,
            metadata: plan.metadata,
            ..CreateRoomOptions::default()
        };
        let made = tokio::time::timeout(ENSURE_MAX, self.client.create_room(room, options)).await;
        let late = || RoomError::Unreachable(format!("nothing within {} s", ENSURE_MAX.as_secs()));
        into_result(made.map_err(|_| late())?)
    }

    /// Deletes the room, which sends everybody away; tries until it is done, until the room is wanted again, or until the
    /// server has closed it by itself.
    pub async fn delete(&self, room: &str) {
        if !self.begin_deletion(room) {
            return;
        }
        let (mut pause, deadline) = (PAUSE.0, clock::now() + DELETION_MAX);
        while self.deleting().contains(room) {
            match gone(self.client.delete_room(room).await) {
                Ok(()) => break,
                Err(error) if clock::now() >= deadline => {
                    tracing::warn!(room.name = room, %error, "room could not be deleted");
                    break;
                }
                Err(error) => {
                    tracing::debug!(room.name = room, %error, "room is not deleted yet");
                }
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(PAUSE.1);
        }
        self.deleting().remove(room);
    }

    /// Takes a participant out of a room; tries a few times.
    pub async fn remove_participant(&self, room: &str, identity: &str) {
        let mut pause = PAUSE.0;
        for attempt in 1..=REMOVALS_MAX {
            match gone(self.client.remove_participant(room, identity).await) {
                Ok(()) => return,
                Err(error) if attempt == REMOVALS_MAX => {
                    tracing::warn!(room.name = room, %error, "participant could not be removed");
                }
                Err(_) => {
                    tokio::time::sleep(pause).await;
                    pause = pause.saturating_mul(2);
                }
            }
        }
    }

    /// Deletes what a former life of this switch left behind: its rooms of which `room_is_dead`, and in its other rooms
    /// the participants of calls of which not `call_is_up` (by identity). Rooms of other switches are not touched.
    ///
    /// # Errors
    /// [`RoomError`]: not all was seen; ask again later.
    pub async fn sweep(
        &self,
        room_is_dead: impl Fn(&str) -> bool,
        call_is_up: impl Fn(&str) -> bool,
    ) -> Result<Swept, RoomError> {
        let mut swept = Swept::default();
        for room in self.rooms().await? {
            let is_own = RoomPlan::node_of(&room.metadata).as_deref() == Some(self.node.as_str());
            if !is_own {
                continue;
            }
            if room_is_dead(&room.name) {
                gone(self.client.delete_room(&room.name).await)?;
                swept.rooms += 1;
                continue;
            }
            for identity in self.calls_in(&room.name).await? {
                if !call_is_up(&identity) {
                    gone(self.client.remove_participant(&room.name, &identity).await)?;
                    swept.calls += 1;
                }
            }
        }
        Ok(swept)
    }

    /// All rooms of the server: the cheapest question that needs the key.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn rooms(&self) -> Result<Vec<proto::Room>, RoomError> {
        into_result(self.client.list_rooms(Vec::new()).await)
    }

    /// Identities of this switch's calls in a room.
    async fn calls_in(&self, room: &str) -> Result<Vec<String>, RoomError> {
        let participants = into_result(self.client.list_participants(room).await)?;
        let own = participants.into_iter().filter(|participant| {
            let node = participant.attributes.get(NODE_ATTRIBUTE);
            participant.identity.starts_with("call:") && node == Some(&self.node)
        });
        Ok(own.map(|participant| participant.identity).collect())
    }

    fn begin_deletion(&self, room: &str) -> bool {
        let mut deleting = self.deleting();
        if deleting.len() >= DELETIONS_MAX {
            tracing::warn!(room.name = room, "too many rooms are being deleted");
            return false;
        }
        deleting.insert(room.to_owned())
    }

    fn deleting(&self) -> MutexGuard<'_, HashSet<String>> {
        self.deleting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for RoomKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoomKeeper")
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}

/// What is not there need not be taken away.
fn gone(result: ServiceResult<()>) -> Result<(), RoomError> {
    match result {
        Err(ServiceError::Twirp(ServerError::Twirp(error))) if error.code == "not_found" => Ok(()),
        result => into_result(result),
    }
}

fn into_result<T>(result: ServiceResult<T>) -> Result<T, RoomError> {
    result.map_err(|error| match error {
        ServiceError::Twirp(ServerError::Twirp(error)) => match error.code.as_str() {
            "unauthenticated" | "permission_denied" => RoomError::Refused(error.msg),
            _ => RoomError::Failed(format!("{}: {}", error.code, error.msg)),
        },
        ServiceError::Twirp(ServerError::Request(error)) if error.is_decode() => {
            RoomError::Unreadable(deepest(&error))
        }
        ServiceError::Twirp(ServerError::Request(error)) if error.is_timeout() => {
            RoomError::Unreachable(format!("nothing within {} s", ATTEMPT_MAX.as_secs()))
        }
        ServiceError::Twirp(ServerError::Request(error)) => RoomError::Unreachable(deepest(&error)),
        ServiceError::Twirp(ServerError::Prost(error)) => RoomError::Unreadable(error.to_string()),
        ServiceError::Twirp(ServerError::Url(error)) => RoomError::Failed(error.to_string()),
        ServiceError::Env(_) | ServiceError::AccessToken(_) => {
            RoomError::Refused(error.to_string())
        }
    })
}

/// The first cause: what lies above it repeats the address.
fn deepest(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
