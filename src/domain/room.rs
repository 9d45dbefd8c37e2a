//! The four rooms, their names on the wire and their limits.

use std::{fmt, str::FromStr};

use crate::domain::ids::{CallId, EpisodeId, ShowId};

/// A room by its name on the wire (the name of the LiveKit room).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoomName {
    /// Callers who wait to be picked up. `None`: the station's first show, whose lobby is plainly `lobby`.
    Lobby(Option<ShowId>),
    /// One caller and the one screener.
    Screening(EpisodeId, CallId),
    /// Approved callers, who hear the live room.
    Hold(EpisodeId),
    /// Host, co-hosts and the callers on air.
    Live(EpisodeId),
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lobby(None) => f.write_str("lobby"),
            Self::Lobby(Some(show)) => write!(f, "lobby-{show}"),
            Self::Screening(episode, call) => write!(f, "screening-{episode}-{call}"),
            Self::Hold(episode) => write!(f, "hold-{episode}"),
            Self::Live(episode) => write!(f, "live-{episode}"),
        }
    }
}

/// A text that names no room of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadRoomName;

impl FromStr for RoomName {
    type Err = BadRoomName;

    fn from_str(text: &str) -> Result<Self, BadRoomName> {
        let Some((kind, rest)) = text.split_once('-') else {
            return if text == "lobby" {
                Ok(Self::Lobby(None))
            } else {
                Err(BadRoomName)
            };
        };
        match kind {
            "lobby" => rest
                .parse()
                .map(|show| Self::Lobby(Some(show)))
                .map_err(|_| BadRoomName),
            "hold" => rest.parse().map(Self::Hold).map_err(|_| BadRoomName),
            "live" => rest.parse().map(Self::Live).map_err(|_| BadRoomName),
            "screening" => {
                let (episode, call) = rest.split_once('-').ok_or(BadRoomName)?;
                match (episode.parse(), call.parse()) {
                    (Ok(episode), Ok(call)) => Ok(Self::Screening(episode, call)),
                    (Err(_), _) | (_, Err(_)) => Err(BadRoomName),
                }
            }
            _ => Err(BadRoomName),
        }
    }
}

/// How many a room takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Callers in the lobby; over it a new call is refused (486).
    pub lobby: usize,
    /// Callers on hold; over it the move is refused.
    pub hold: usize,
    /// Host, co-hosts and callers in the live room; over it the move is refused.
    pub live: usize,
}

impl Limits {
    /// One caller and one screener.
    pub const SCREENING: usize = 2;

    /// Of one room.
    pub fn of(&self, room: RoomName) -> usize {
        match room {
            RoomName::Lobby(_) => self.lobby,
            RoomName::Screening(..) => Self::SCREENING,
            RoomName::Hold(_) => self.hold,
            RoomName::Live(_) => self.live,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lobby: 100,
            hold: 50,
            live: 20,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        let (show, episode, call) = (ShowId(7), EpisodeId(8), CallId(9));
        for room in [
            RoomName::Lobby(None),
            RoomName::Lobby(Some(show)),
            RoomName::Screening(episode, call),
            RoomName::Hold(episode),
            RoomName::Live(episode),
        ] {
            assert_eq!(room.to_string().parse(), Ok(room));
        }
    }

    #[test]
    fn every_room_has_its_limit() {
        let (limits, episode) = (Limits::default(), EpisodeId(8));
        let rooms = [
            RoomName::Lobby(None),
            RoomName::Screening(episode, CallId(9)),
            RoomName::Hold(episode),
            RoomName::Live(episode),
        ];
        assert_eq!(rooms.map(|room| limits.of(room)), [100, 2, 50, 20]);
    }

    #[test]
    fn other_names_are_refused() {
        for text in [
            "",
            "lobby-",
            "live",
            "live-1",
            "screening-x-y",
            "hold-../../etc",
            "kitchen-1",
        ] {
            assert_eq!(text.parse::<RoomName>(), Err(BadRoomName), "{text}");
        }
    }
}
