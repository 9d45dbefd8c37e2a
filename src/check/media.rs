//! Whether audio gets through to the LiveKit server: an ear and a caller join a room that is made for it, as in a show.

use std::{
    collections::BTreeMap,
    sync::mpsc::{self, Receiver},
    time::Duration,
};

use rtrb::RingBuffer;

use crate::{
    actors::{
        bridge::{
            BridgeConfig, BridgeEvent, BridgeMode, CallTrack, RoomKeeper, RoomLimit, RoomTransport,
            ServerConfig, TransportState,
        },
        clock, random,
    },
    check::Finding,
};

/// How long both may take to have audio: signalling, ICE and DTLS, some round trips each.
const UP_MAX: Duration = Duration::from_secs(8);
/// How long a refusal may take: links tell their trouble after a second or three.
const REFUSED_MAX: Duration = Duration::from_secs(2);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// How long the room may take to be deleted; LiveKit closes it otherwise.
const DELETE_MAX: Duration = Duration::from_secs(2);
/// The ear and the caller.
const LINKS: u64 = 2;

/// Joins, waits, and leaves nothing behind.
pub(super) async fn gets_through(server: ServerConfig, keeper: &RoomKeeper, room: &str) -> Finding {
    match join(server, keeper, room, UP_MAX).await {
        Ok(took) => Finding::Good(format!(
            "Audio gets through to LiveKit (UDP; joined in {} ms).",
            took.as_millis()
        )),
        Err(trouble) => Finding::Wrong(blocked(trouble.as_deref())),
    }
}

/// Why nobody is let in, where LiveKit says so; 404 is the answer of a program that is not LiveKit.
pub(super) async fn refusal(server: ServerConfig, keeper: &RoomKeeper) -> Option<String> {
    let joined = join(server, keeper, "check-refusal", REFUSED_MAX).await;
    let is_livekit = |why: &String| why.contains("refuses") && !why.contains("(404");
    joined.err()?.filter(is_livekit)
}

/// How long it took, or what was said to be in the way.
async fn join(
    server: ServerConfig,
    keeper: &RoomKeeper,
    room: &str,
    patience: Duration,
) -> Result<Duration, Option<String>> {
    let (tell, told) = mpsc::channel();
    let config = BridgeConfig {
        mode: BridgeMode::Server(server),
        seed: random::u64(),
    };
    let tell = move |event| {
        if let BridgeEvent::Transport(state) = event {
            // Nobody listens any more when the look is over.
            let _ = tell.send(state);
        }
    };
    let transport =
        RoomTransport::start(config, tell).map_err(|error| Some(format!("{error}.")))?;
    transport.open_room(room, RoomLimit(1));
    let (_voice, audio) = RingBuffer::new(1);
    let caller = CallTrack {
        identity: "call:check".to_owned(),
        name: "audioroad check".to_owned(),
        attributes: BTreeMap::new(),
        audio,
        heard: Default::default(),
    };
    transport.publish_call(room, caller);
    let joined = wait(&transport, &told, patience).await;
    transport.stop().await;
    // What is not done in time, LiveKit does.
    let _ = tokio::time::timeout(DELETE_MAX, keeper.delete(room)).await;
    joined
}

async fn wait(
    transport: &RoomTransport,
    told: &Receiver<TransportState>,
    patience: Duration,
) -> Result<Duration, Option<String>> {
    let begin = clock::now();
    let mut trouble = None;
    loop {
        let took = clock::now().saturating_duration_since(begin);
        if transport.stats().links.up >= LINKS {
            return Ok(took);
        }
        if took >= patience {
            return Err(trouble);
        }
        while let Ok(state) = told.try_recv() {
            trouble = match state {
                TransportState::Up => None,
                TransportState::Lost { why, .. } => Some(why),
            };
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The API answered before, so signalling is not what is wrong.
fn blocked(trouble: Option<&str>) -> String {
    let seconds = UP_MAX.as_secs();
    format!(
        "LiveKit answers, but no audio got through within {seconds} s: outgoing UDP to its media ports is blocked, or the \
         address that it gives for media is wrong. Only TURN would work, which the switch does not speak. {}",
        trouble.unwrap_or_default()
    )
    .trim_end()
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_that_lets_only_turn_through_is_said_to_be_one() {
        assert!(blocked(None).ends_with("does not speak."));
        let said = blocked(Some("LiveKit wants all media to go through TURN."));
        assert!(said.contains("UDP") && said.ends_with("wants all media to go through TURN."));
    }
}
