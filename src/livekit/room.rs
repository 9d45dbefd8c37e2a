//! What a LiveKit server is told of a room when it is made: by the API, or by the token of whoever joins first.
//!
//! A server forgets its rooms when it restarts, and the first who comes back makes the room anew. So every token carries the
//! plan: a room that was made without one has no limit, and keeps none while it lives (measured on livekit-server 1.13).

use livekit_protocol::RoomConfiguration;
use serde_json::{Value, json};

use crate::livekit::NODE_ATTRIBUTE;

/// An empty room stays for so long, in seconds: before the first has joined, and after the last has left.
const EMPTY_S: u32 = 300;
/// The switch's own hidden participant, which LiveKit counts like any other.
const HIDDEN: u32 = 1;

/// How many people and callers a room takes; the switch's own hidden participant is not one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomLimit(pub u32);

impl From<usize> for RoomLimit {
    fn from(people: usize) -> Self {
        Self(u32::try_from(people).unwrap_or(u32::MAX))
    }
}

/// How a room is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomPlan {
    /// Participants that may be in it at once, hidden ones counted.
    pub participants_max: u32,
    /// How long it stays when it is empty, in seconds.
    pub empty_s: u32,
    /// Names the switch: `{"switch.node":"..."}`.
    pub metadata: String,
}

impl RoomPlan {
    /// A room of the switch `node`.
    pub fn new(node: &str, limit: RoomLimit) -> Self {
        Self {
            participants_max: limit.0.saturating_add(HIDDEN),
            empty_s: EMPTY_S,
            metadata: json!({ NODE_ATTRIBUTE: node }).to_string(),
        }
    }

    /// The switch that wrote this metadata into its room.
    pub fn node_of(metadata: &str) -> Option<String> {
        let metadata: Value = serde_json::from_str(metadata).ok()?;
        Some(metadata.get(NODE_ATTRIBUTE)?.as_str()?.to_owned())
    }

    /// As a token carries it.
    pub(super) fn into_configuration(self) -> RoomConfiguration {
        RoomConfiguration {
            empty_timeout: self.empty_s,
            departure_timeout: self.empty_s,
            max_participants: self.participants_max,
            metadata: self.metadata,
            ..RoomConfiguration::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hidden_ear_takes_no_seat() {
        assert_eq!(RoomPlan::new("radio", RoomLimit(2)).participants_max, 3);
        assert_eq!(
            RoomPlan::new("radio", RoomLimit(u32::MAX)).participants_max,
            u32::MAX
        );
    }

    #[test]
    fn a_room_names_its_switch() {
        let plan = RoomPlan::new("radio \"one\"", RoomLimit(20));
        assert_eq!(
            RoomPlan::node_of(&plan.metadata).as_deref(),
            Some("radio \"one\"")
        );
        for metadata in ["", "radio", "{}", "[1]", "{\"switch.node\":1}"] {
            assert_eq!(RoomPlan::node_of(metadata), None, "{metadata}");
        }
    }
}
