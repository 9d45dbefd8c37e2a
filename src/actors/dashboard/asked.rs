//! One frame of a client: an id that its answer bears, and what is wished.

use serde::Deserialize;
use serde_json::Value;

use crate::domain::{Command, Refusal};

/// What a client asked, by its own id.
#[derive(Debug, PartialEq)]
pub(super) struct Asked {
    /// Echoed in the answer.
    pub(super) id: Value,
    /// What.
    pub(super) wish: Wish,
}

/// What can be asked.
#[derive(Debug, PartialEq)]
pub(super) enum Wish {
    /// Of the desk.
    Press(Command),
    /// A token for a room.
    RoomToken {
        /// Its name.
        room: String,
        /// Only to hear.
        listen: bool,
    },
}

#[derive(Deserialize)]
struct RoomToken {
    room: String,
    #[serde(default)]
    listen: bool,
}

impl Asked {
    /// Reads a frame; a refusal bears the frame's id where it has one, else null.
    pub(super) fn read(text: &str) -> Result<Self, (Value, Refusal)> {
        let frame: Value =
            serde_json::from_str(text).map_err(|_| (Value::Null, invalid("This is not JSON.")))?;
        let id = frame
            .get("id")
            .filter(|id| id.is_i64() || id.is_u64())
            .cloned();
        let id = id.ok_or_else(|| (Value::Null, invalid("A command needs an id, an integer.")))?;
        let is_room_token = frame.get("command").and_then(Value::as_str) == Some("room-token");
        let wish = if is_room_token {
            RoomToken::deserialize(frame).map(|wish| Wish::RoomToken {
                room: wish.room,
                listen: wish.listen,
            })
        } else {
            Command::deserialize(frame).map(Wish::Press)
        };
        match wish {
            Ok(wish) => Ok(Self { id, wish }),
            Err(error) => Err((id, invalid(&format!("This is not a command: {error}.")))),
        }
    }
}

fn invalid(detail: &str) -> Refusal {
    Refusal::Invalid(detail.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::{CallId, Card, EpisodeId};

    #[test]
    fn commands_of_the_protocol_are_read() {
        let (call, episode) = (CallId(7), EpisodeId(8));
        for (frame, command) in [
            (
                json!({"id": 1, "command": "pick-up", "callId": call}),
                Command::PickUp { call_id: call },
            ),
            (
                json!({"id": 1, "command": "approve", "callId": call}),
                Command::Approve {
                    call_id: call,
                    next: false,
                },
            ),
            (
                json!({"id": 1, "command": "next", "episodeId": episode}),
                Command::Next {
                    episode_id: episode,
                },
            ),
            (
                json!({"id": 1, "command": "reorder", "callId": call, "before": null}),
                Command::Reorder {
                    call_id: call,
                    before: None,
                },
            ),
            (
                json!({"id": 1, "command": "update-card", "callId": call, "callerNotes": "x", "vip": true}),
                Command::UpdateCard {
                    call_id: call,
                    card: Card {
                        caller_notes: Some("x".into()),
                        vip: Some(true),
                        ..Card::default()
                    },
                },
            ),
        ] {
            assert_eq!(
                Asked::read(&frame.to_string()),
                Ok(Asked {
                    id: json!(1),
                    wish: Wish::Press(command)
                })
            );
        }
        let frame = json!({"id": -3, "command": "room-token", "room": "live-x"}).to_string();
        assert_eq!(
            Asked::read(&frame),
            Ok(Asked {
                id: json!(-3),
                wish: Wish::RoomToken {
                    room: "live-x".into(),
                    listen: false
                }
            })
        );
    }

    #[test]
    fn everything_else_is_refused_by_its_id() {
        for (text, id) in [
            ("", json!(null)),
            ("[]", json!(null)),
            (r#"{"command":"pick-up"}"#, json!(null)),
            (r#"{"id":"7","command":"pick-up"}"#, json!(null)),
            (r#"{"id":1.5,"command":"pick-up"}"#, json!(null)),
            (r#"{"id":7}"#, json!(7)),
            (r#"{"id":7,"command":"launch"}"#, json!(7)),
            (r#"{"id":7,"command":"pick-up"}"#, json!(7)),
            (r#"{"id":7,"command":"pick-up","callId":"1"}"#, json!(7)),
            (r#"{"id":7,"command":"room-token"}"#, json!(7)),
        ] {
            let (answered, refusal) = Asked::read(text).unwrap_err();
            assert_eq!((answered, refusal.status()), (id, 400), "{text}");
        }
    }
}
