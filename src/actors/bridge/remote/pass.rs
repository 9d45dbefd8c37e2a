//! What the tokens of the switch's own participants grant: an ear nobody sees, and callers who only speak.

use std::collections::BTreeMap;
use std::time::Duration;

use livekit_protocol::participant_info::Kind;

use crate::livekit::{NODE_ATTRIBUTE, RoomPass};

/// How long a token opens the room. The server renews it while the participant is there.
pub(super) const TOKEN_TTL: Duration = Duration::from_secs(600);

/// The switch's ear in a room: hidden, hears, never speaks.
pub(super) fn listener(node: &str, room: &str) -> RoomPass {
    let kind = room.split('-').next().unwrap_or(room);
    let identity = format!("switch:{node}:{kind}");
    RoomPass {
        can_publish: false,
        hidden: true,
        ..RoomPass::new(room, &identity, "")
    }
}

/// A caller: speaks, never hears (the switch mixes what a caller hears), and tells about itself by attributes.
pub(super) fn caller(
    node: &str,
    room: &str,
    identity: &str,
    name: &str,
    attributes: BTreeMap<String, String>,
) -> RoomPass {
    RoomPass {
        kind: Kind::Sip,
        attributes: with_node(node, attributes),
        can_publish_sources: vec!["microphone".to_owned()],
        can_subscribe: false,
        can_update_own_metadata: true,
        ..RoomPass::new(room, identity, name)
    }
}

/// A call's attributes, and which switch it is on.
pub(super) fn with_node(
    node: &str,
    mut attributes: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    attributes.insert(NODE_ATTRIBUTE.to_owned(), node.to_owned());
    attributes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::livekit::TokenKeys;

    const ROOM: &str = "live-018f";

    fn granted(pass: &RoomPass) -> RoomPass {
        let keys = TokenKeys::new("key", "secret");
        let token = keys.sign(pass, TOKEN_TTL).unwrap();
        keys.verify(&token, crate::actors::clock::unix_ms() / 1000)
            .unwrap()
    }

    #[test]
    fn the_ear_is_hidden_and_cannot_speak() {
        let pass = granted(&listener("a", ROOM));
        assert_eq!(
            (pass.identity.as_str(), pass.room.as_str()),
            ("switch:a:live", ROOM)
        );
        assert!(pass.hidden && pass.can_subscribe && !pass.can_publish);
        assert_eq!(pass.kind, Kind::Standard);
    }

    #[test]
    fn a_caller_speaks_by_microphone_alone_and_cannot_hear() {
        let told = BTreeMap::from([("sip.callID".to_owned(), "SCL_1".to_owned())]);
        let pass = granted(&caller("a", ROOM, "call:1", "Ann", told));
        assert!(!pass.hidden && !pass.can_subscribe && pass.can_publish);
        assert_eq!(pass.can_publish_sources, ["microphone"]);
        assert!(pass.can_update_own_metadata);
        assert_eq!(pass.kind, Kind::Sip);
        assert_eq!(pass.attributes[NODE_ATTRIBUTE], "a");
        assert_eq!(pass.attributes["sip.callID"], "SCL_1");
        assert_eq!(
            (pass.identity.as_str(), pass.name.as_str()),
            ("call:1", "Ann")
        );
    }
}
