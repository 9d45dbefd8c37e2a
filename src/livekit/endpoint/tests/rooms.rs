//! Who comes in, who is seen, who has to go.

use std::time::Duration;

use livekit_protocol as proto;
use proto::leave_request::Action;
use proto::participant_info::{Kind, State};
use proto::signal_request::Message as Said;
use proto::signal_response::Message;

use super::house::{House, caller, description, microphone, query, voice};
use super::pass;
use crate::livekit::endpoint::*;
use crate::livekit::token::{RoomPass, TokenError};

#[test]
fn a_newcomer_is_told_of_the_room_and_the_room_of_the_newcomer() {
    let mut house = House::new();
    house
        .endpoint
        .publish_call(house.now, "live", caller("call:1"))
        .unwrap();
    let ann = house.guest("ann");
    let Some(Message::Join(join)) = house.browsers[&ann].messages.first() else {
        panic!("the first message is not the join response");
    };
    assert_eq!(join.room.as_ref().unwrap().name, "live");
    assert_eq!(join.participant.as_ref().unwrap().identity, "ann");
    assert_eq!(join.server_info.as_ref().unwrap().protocol, 16);
    let call = &join.other_participants[0];
    assert_eq!((call.identity.as_str(), call.kind()), ("call:1", Kind::Sip));
    assert_eq!(call.attributes["sip.callID"], "call:1");
    assert_eq!(call.tracks[0].source(), proto::TrackSource::Microphone);
    assert!(
        house.browsers[&ann]
            .messages
            .iter()
            .any(|m| matches!(m, Message::RefreshToken(_)))
    );

    let bob = house.guest("bob");
    assert_eq!(
        house.browsers[&ann].sees("bob").unwrap().state(),
        State::Active
    );
    assert_eq!(
        house.browsers[&bob].sees("ann").unwrap().state(),
        State::Active
    );
    let joined: Vec<_> = house
        .events
        .iter()
        .filter_map(|event| match event {
            Event::ParticipantJoined { room, identity, .. } => Some((&**room, &**identity)),
            _ => None,
        })
        .collect();
    assert_eq!(
        joined,
        [("live", "ann"), ("live", "bob")],
        "calls make no events"
    );
}

#[test]
fn what_the_token_does_not_grant_is_refused() {
    let mut house = House::new();
    let call = house
        .endpoint
        .publish_call(house.now, "live", caller("call:1"))
        .unwrap();
    let mute = house.join(&RoomPass {
        can_publish: false,
        ..pass("mute")
    });
    let deaf = house.join(&RoomPass {
        can_subscribe: false,
        ..pass("deaf")
    });
    let sources = vec!["camera".to_owned()];
    let camera = house.join(&RoomPass {
        can_publish_sources: sources,
        ..pass("camera")
    });
    let video = proto::AddTrackRequest {
        r#type: proto::TrackType::Video.into(),
        ..microphone("v")
    };
    for (session, request) in [
        (mute, microphone("m")),
        (camera, microphone("c")),
        (deaf, video),
        (deaf, microphone("")),
    ] {
        house.say(session, Said::AddTrack(request));
        let last = house.browsers[&session].messages.last().unwrap();
        assert!(
            matches!(last, Message::RequestResponse(r) if r.reason != 0),
            "{last:?}"
        );
    }
    for n in 0..5 {
        house.say(deaf, Said::AddTrack(microphone(&format!("track {n}"))));
    }
    let last = house.browsers[&deaf].messages.last().unwrap();
    let limit = proto::request_response::Reason::LimitExceeded;
    assert!(matches!(last, Message::RequestResponse(r) if r.reason() == limit));

    house
        .endpoint
        .send_call_audio(house.now, call, &voice(1, 1));
    house.settle();
    assert!(house.browsers[&deaf].offers().is_empty() && house.browsers[&deaf].heard.is_empty());
    assert_eq!(house.browsers[&mute].heard.len(), 1);
}

#[test]
fn a_hidden_listener_hears_and_is_not_seen() {
    let mut house = House::new();
    let ann = house.guest("ann");
    let ghost = house.join(&RoomPass {
        hidden: true,
        ..pass("ghost")
    });
    let (mid, sid) = house.publish(ann, "mic");
    house.speak(ann, mid, voice(1, 1));
    assert_eq!(house.browsers[&ghost].bytes_of(&sid), [1]);
    assert!(house.browsers[&ann].sees("ghost").is_none());
    house.say(ghost, Said::Leave(proto::LeaveRequest::default()));
    assert!(
        house.browsers[&ann].sees("ghost").is_none(),
        "not even when it leaves"
    );
}

#[test]
fn the_newer_of_two_with_one_identity_stays() {
    let mut house = House::new();
    let (first, bob) = (house.guest("ann"), house.guest("bob"));
    house.publish(first, "mic");
    let second = house.guest("ann");
    let leave = house.browsers[&first].leave().unwrap();
    assert_eq!(leave.reason(), proto::DisconnectReason::DuplicateIdentity);
    assert_eq!(leave.action(), Action::Disconnect);
    assert!(house.browsers[&first].closed && !house.browsers[&second].closed);
    assert_eq!(
        house.browsers[&bob].sees("ann").unwrap().state(),
        State::Active
    );
    let order: Vec<&str> = house
        .events
        .iter()
        .filter_map(|event| match event {
            Event::ParticipantJoined { identity, .. } if identity == "ann" => Some("joined"),
            Event::ParticipantLeft { identity, .. } if identity == "ann" => Some("left"),
            Event::TrackDown { identity, .. } if identity == "ann" => Some("track down"),
            _ => None,
        })
        .collect();
    assert_eq!(order, ["joined", "track down", "left", "joined"]);
    house
        .endpoint
        .publish_call(house.now, "live", caller("call:1"))
        .unwrap();
    assert_eq!(
        house.try_join(&pass("call:1"), &query()),
        Err(JoinRefusal::IdentityTaken)
    );
    let taken = house
        .endpoint
        .publish_call(house.now, "live", caller("bob"));
    assert_eq!(taken, Err(JoinRefusal::IdentityTaken));
}

#[test]
fn the_door_is_kept() {
    let limits = EndpointLimits {
        rooms_max: 2,
        browsers_per_room_max: 1,
        calls_per_room_max: 1,
        tracks_per_browser_max: 1,
    };
    let mut house = House::with_limits(limits);
    house.guest("ann");
    house.guest("ann");
    assert_eq!(
        house.try_join(&pass("bob"), &query()),
        Err(JoinRefusal::RoomFull)
    );
    let wrong_room = JoinQuery::parse("room=other");
    assert_eq!(
        house.try_join(&pass("ann"), &wrong_room),
        Err(JoinRefusal::WrongRoom)
    );
    let forged = house
        .endpoint
        .join(house.now, house.unix_ms, "a.b.c", &query());
    assert_eq!(forged, Err(JoinRefusal::Token(TokenError::Malformed)));
    house
        .endpoint
        .publish_call(house.now, "live", caller("call:1"))
        .unwrap();
    let second = house
        .endpoint
        .publish_call(house.now, "live", caller("call:2"));
    assert_eq!(second, Err(JoinRefusal::RoomFull));
    house
        .endpoint
        .publish_call(house.now, "second", caller("call:1"))
        .unwrap();
    let third = house
        .endpoint
        .publish_call(house.now, "third", caller("call:1"));
    assert_eq!(third, Err(JoinRefusal::TooManyRooms));
    assert_eq!(JoinRefusal::TooManyRooms.status(), 429);
}

#[test]
fn a_lost_session_is_told_to_join_anew() {
    let mut house = House::new();
    let resume = JoinQuery::parse("reconnect=1&sid=PA_x");
    let session = house.try_join(&pass("ann"), &resume).unwrap();
    // The frames were queued before the harness knew the browser, as they are for the driver.
    assert_eq!(
        house.browsers[&session].leave().unwrap().action(),
        Action::Reconnect
    );
    assert!(house.browsers[&session].closed);
    assert_eq!(house.endpoint.counters().browsers, 0);
}

#[test]
fn whoever_is_gone_is_removed() {
    let mut house = House::new();
    let (ann, bob, cut) = (house.guest("ann"), house.guest("bob"), house.guest("cut"));
    house.endpoint.signal_closed(house.now, ann);
    house.pass(Duration::from_secs(4));
    assert_eq!(
        house.browsers[&bob].sees("ann").unwrap().state(),
        State::Active
    );
    house.pass(Duration::from_secs(2));
    assert_eq!(
        house.browsers[&bob].sees("ann").unwrap().state(),
        State::Disconnected
    );

    house.browsers.remove(&cut);
    house.pass(Duration::from_secs(40));
    assert_eq!(
        house.browsers[&bob].sees("cut").unwrap().state(),
        State::Disconnected
    );
    assert!(!house.browsers[&bob].closed, "who is there stays");

    let token_pass = pass("deaf and dumb");
    house.try_join(&token_pass, &query()).unwrap();
    house.browsers.retain(|session, _| *session == bob);
    house.pass(Duration::from_secs(25));
    assert_eq!(
        house.endpoint.counters().browsers,
        1,
        "who never connects is sent away"
    );
}

#[test]
fn a_closed_room_says_why() {
    let mut house = House::new();
    let ann = house.guest("ann");
    house
        .endpoint
        .publish_call(house.now, "live", caller("call:1"))
        .unwrap();
    house
        .endpoint
        .close_room(house.now, "live", LeaveCause::RoomClosed);
    house.settle();
    let leave = house.browsers[&ann].leave().unwrap();
    assert_eq!(leave.reason(), proto::DisconnectReason::RoomDeleted);
    assert_eq!(house.endpoint.counters().rooms, 0);
    assert_eq!(
        house.endpoint.poll_timeout(),
        None,
        "an empty house needs no time"
    );
}

#[test]
fn anything_may_be_said() {
    let mut house = House::new();
    let (ann, bob) = (house.guest("ann"), house.guest("bob"));
    for frame in [&b""[..], b"\xff", b"\x0a\x05hello", &[0x0a; 300_000]] {
        house.endpoint.handle_signal(house.now, ann, frame);
    }
    let ping = proto::Ping {
        timestamp: 5,
        rtt: 0,
    };
    house.say(ann, Said::PingReq(ping));
    let last = house.browsers[&ann].messages.last().unwrap();
    assert!(matches!(last, Message::PongResp(pong) if pong.last_ping_timestamp == 5));
    let update = proto::UpdateParticipantMetadata {
        name: "x".into(),
        ..Default::default()
    };
    house.say(ann, Said::UpdateMetadata(update));
    assert_eq!(
        house.browsers[&bob].sees("ann").unwrap().name,
        "ann",
        "not granted"
    );
    house.say(ann, Said::Offer(description("offer", "v=0".into(), 1)));
    assert_eq!(
        house.browsers[&ann].leave().unwrap().action(),
        Action::Reconnect
    );
    assert!(!house.browsers[&bob].closed);
    for _ in 0..1000 {
        house.say(bob, Said::Ping(1));
    }
    assert!(house.browsers[&bob].closed, "who never stops is sent away");
}
