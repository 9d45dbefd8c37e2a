//! Scripts: browsers and calls come, speak, hear and go.

mod house;

use std::time::Duration;

use livekit_protocol as proto;
use proto::leave_request::Action;
use proto::participant_info::{Kind, State};
use proto::signal_request::Message as Said;
use proto::signal_response::Message;

use self::house::{House, caller, description, microphone, query, voice};
use super::*;
use crate::livekit::token::{RoomPass, TokenError};
use crate::rtc::OfferChanges;

const SECOND: Duration = Duration::from_secs(1);

fn pass(identity: &str) -> RoomPass {
    RoomPass::new("live", identity, identity)
}

#[test]
fn a_newcomer_is_told_of_the_room_and_the_room_of_the_newcomer() {
    let mut house = House::new();
    house.endpoint.publish_call(house.now, "live", caller("call:1")).unwrap();
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
    assert!(house.browsers[&ann].messages.iter().any(|m| matches!(m, Message::RefreshToken(_))));

    let bob = house.guest("bob");
    assert_eq!(house.browsers[&ann].sees("bob").unwrap().state(), State::Active);
    assert_eq!(house.browsers[&bob].sees("ann").unwrap().state(), State::Active);
    let joined: Vec<_> = house
        .events
        .iter()
        .filter_map(|event| match event {
            Event::ParticipantJoined { room, identity, .. } => Some((&**room, &**identity)),
            _ => None,
        })
        .collect();
    assert_eq!(joined, [("live", "ann"), ("live", "bob")], "calls make no events");
}

#[test]
fn everybody_hears_everybody_but_oneself() {
    let mut house = House::new();
    let call = house.endpoint.publish_call(house.now, "live", caller("call:1")).unwrap();
    let (ann, bob) = (house.guest("ann"), house.guest("bob"));
    let elsewhere = house.join(&RoomPass::new("other", "eve", "eve"));
    let (ann_mid, ann_sid) = house.publish(ann, "mic-a");
    let (bob_mid, bob_sid) = house.publish(bob, "mic-b");
    for seq in 10..13 {
        house.speak(ann, ann_mid, voice(seq, 0xa0));
        house.speak(bob, bob_mid, voice(seq, 0xb0));
        house.endpoint.send_call_audio(house.now, call, &voice(seq, 0xc0));
        house.settle();
    }
    let call_sid = house.browsers[&ann].sees("call:1").unwrap().tracks[0].sid.clone();
    let hears = |session: SessionId, sid: &str| house.browsers[&session].bytes_of(sid);
    assert_eq!(hears(ann, &bob_sid), [0xb0; 3]);
    assert_eq!(hears(ann, &call_sid), [0xc0; 3]);
    assert_eq!(hears(bob, &ann_sid), [0xa0; 3]);
    assert_eq!(hears(bob, &call_sid), [0xc0; 3]);
    assert_eq!(house.browsers[&ann].heard.len(), 2, "not itself");
    assert!(house.browsers[&elsewhere].heard.is_empty(), "nobody from the other room");

    let to_switch: Vec<u8> = house
        .events
        .iter()
        .filter_map(|event| match event {
            Event::TrackAudio { payload, .. } => Some(payload[0]),
            _ => None,
        })
        .collect();
    assert_eq!(to_switch, [0xa0, 0xb0, 0xa0, 0xb0, 0xa0, 0xb0]);
    let counters = house.endpoint.counters();
    assert_eq!((counters.packets_in, counters.packets_out), (6, 12));
    assert_eq!((counters.rooms, counters.browsers, counters.calls), (2, 3, 1));
}

#[test]
fn many_callers_come_and_go_on_one_line() {
    let mut house = House::new();
    let ann = house.guest("ann");
    for n in 0..20u8 {
        let identity = format!("call:{n}");
        let call = house.endpoint.publish_call(house.now, "live", caller(&identity)).unwrap();
        house.pass(SECOND);
        house.endpoint.send_call_audio(house.now, call, &voice(1, n));
        house.settle();
        let info = house.browsers[&ann].sees(&identity).unwrap();
        let offer = house.browsers[&ann].offers().pop().unwrap();
        let stream = format!("a=msid:{}|{} ", info.sid, info.tracks[0].sid);
        assert_eq!(offer.sdp.matches(&stream).count(), 1, "named by participant and track");
        assert_eq!(offer.sdp.matches("m=audio").count(), 1, "one line for all");
        assert_eq!(house.browsers[&ann].bytes_of(&info.tracks[0].sid), [n]);

        house.endpoint.remove_participant(house.now, "live", &identity);
        house.pass(SECOND);
        assert_eq!(house.browsers[&ann].sees(&identity).unwrap().state(), State::Disconnected);
    }
}

#[test]
fn one_offer_at_a_time() {
    let mut house = House::new();
    let ann = house.guest("ann");
    house.browsers.get_mut(&ann).unwrap().answers = false;
    for n in 0..5 {
        house.endpoint.publish_call(house.now, "live", caller(&format!("call:{n}"))).unwrap();
        house.settle();
    }
    let browser = house.browsers.get_mut(&ann).unwrap();
    let offers = browser.offers();
    let ids: Vec<u32> = offers.iter().map(|offer| offer.id).collect();
    assert_eq!(ids, [1, 2], "the channels, then the first call");
    assert_eq!(offers[1].mid_to_track_id.len(), 1);

    browser.answers = true;
    house.say(ann, Said::Answer(description("answer", String::new(), 1)));
    assert_eq!(house.browsers[&ann].offers().len(), 2, "an answer to the former offer is late");
    house.pass(Duration::from_secs(20));
    let leave = house.browsers[&ann].leave().unwrap();
    assert_eq!(leave.action(), Action::Reconnect, "who does not answer joins anew");
}

#[test]
fn mute_stops_the_audio_and_everybody_is_told() {
    let mut house = House::new();
    let (ann, bob) = (house.guest("ann"), house.guest("bob"));
    let (mid, sid) = house.publish(ann, "mic");
    house.speak(ann, mid, voice(1, 1));
    let mute = |muted| Said::Mute(proto::MuteTrackRequest { sid: sid.clone(), muted });
    house.say(bob, mute(true));
    house.speak(ann, mid, voice(2, 2));
    house.say(ann, mute(true));
    assert!(house.browsers[&bob].sees("ann").unwrap().tracks[0].muted);
    house.speak(ann, mid, voice(3, 3));
    house.say(ann, mute(false));
    house.speak(ann, mid, voice(40, 4));
    let heard = &house.browsers[&bob].heard[&sid];
    let bytes: Vec<u8> = heard.iter().map(|packet| packet.payload[0]).collect();
    assert_eq!(bytes, [1, 2, 4], "bob cannot mute ann, ann can");
    assert_eq!(heard[2].seq, heard[1].seq + 1, "a mute is not loss");
    let told: Vec<bool> = house
        .events
        .iter()
        .filter_map(|event| match event {
            Event::TrackMuted { muted, .. } => Some(*muted),
            _ => None,
        })
        .collect();
    assert_eq!(told, [true, false]);
}

#[test]
fn a_track_taken_back_is_gone_for_all() {
    let mut house = House::new();
    let (ann, bob) = (house.guest("ann"), house.guest("bob"));
    let (mid, first) = house.publish(ann, "mic");
    house.offer(ann, OfferChanges { pause: vec![mid], ..Default::default() });
    house.pass(SECOND);
    assert!(house.browsers[&bob].sees("ann").unwrap().tracks.is_empty());
    let down = |event: &Event| matches!(event, Event::TrackDown { track_sid, .. } if *track_sid == first);
    assert!(house.events.iter().any(down));

    let (mid, second) = house.publish(ann, "mic-2");
    house.speak(ann, mid, voice(1, 9));
    assert_eq!(house.browsers[&bob].bytes_of(&second), [9]);
}

#[test]
fn what_the_token_does_not_grant_is_refused() {
    let mut house = House::new();
    let call = house.endpoint.publish_call(house.now, "live", caller("call:1")).unwrap();
    let mute = house.join(&RoomPass { can_publish: false, ..pass("mute") });
    let deaf = house.join(&RoomPass { can_subscribe: false, ..pass("deaf") });
    let sources = vec!["camera".to_owned()];
    let camera = house.join(&RoomPass { can_publish_sources: sources, ..pass("camera") });
    let video = proto::AddTrackRequest { r#type: proto::TrackType::Video.into(), ..microphone("v") };
    for (session, request) in
        [(mute, microphone("m")), (camera, microphone("c")), (deaf, video), (deaf, microphone(""))]
    {
        house.say(session, Said::AddTrack(request));
        let last = house.browsers[&session].messages.last().unwrap();
        assert!(matches!(last, Message::RequestResponse(r) if r.reason != 0), "{last:?}");
    }
    for n in 0..5 {
        house.say(deaf, Said::AddTrack(microphone(&format!("track {n}"))));
    }
    let last = house.browsers[&deaf].messages.last().unwrap();
    let limit = proto::request_response::Reason::LimitExceeded;
    assert!(matches!(last, Message::RequestResponse(r) if r.reason() == limit));

    house.endpoint.send_call_audio(house.now, call, &voice(1, 1));
    house.settle();
    assert!(house.browsers[&deaf].offers().is_empty() && house.browsers[&deaf].heard.is_empty());
    assert_eq!(house.browsers[&mute].heard.len(), 1);
}

#[test]
fn a_hidden_listener_hears_and_is_not_seen() {
    let mut house = House::new();
    let ann = house.guest("ann");
    let ghost = house.join(&RoomPass { hidden: true, ..pass("ghost") });
    let (mid, sid) = house.publish(ann, "mic");
    house.speak(ann, mid, voice(1, 1));
    assert_eq!(house.browsers[&ghost].bytes_of(&sid), [1]);
    assert!(house.browsers[&ann].sees("ghost").is_none());
    house.say(ghost, Said::Leave(proto::LeaveRequest::default()));
    assert!(house.browsers[&ann].sees("ghost").is_none(), "not even when it leaves");
}

#[test]
fn subscriptions_are_a_choice() {
    let mut house = House::new();
    let call = house.endpoint.publish_call(house.now, "live", caller("call:1")).unwrap();
    let manual = JoinQuery::parse("auto_subscribe=0&sdk=rust");
    let ann = house.try_join(&pass("ann"), &manual).unwrap();
    house.pass(SECOND);
    let sid = house.browsers[&ann].sees("call:1").unwrap().tracks[0].sid.clone();
    let mut seq = 0;
    let mut hear = |house: &mut House| {
        house.pass(SECOND);
        seq += 1;
        house.endpoint.send_call_audio(house.now, call, &voice(seq, seq as u8));
        house.settle();
        house.browsers[&ann].bytes_of(&sid)
    };
    let subscription = |subscribe| {
        let track_sids = vec![sid.clone(), "TR_of_nobody".to_owned()];
        Said::Subscription(proto::UpdateSubscription { track_sids, subscribe, ..Default::default() })
    };
    let setting = |disabled| {
        let track_sids = vec![sid.clone()];
        Said::TrackSetting(proto::UpdateTrackSettings { track_sids, disabled, ..Default::default() })
    };
    assert!(hear(&mut house).is_empty());
    house.say(ann, subscription(true));
    assert_eq!(hear(&mut house), [2]);
    house.say(ann, setting(true));
    assert_eq!(hear(&mut house), [2]);
    house.say(ann, setting(false));
    assert_eq!(hear(&mut house), [2, 4]);
    house.say(ann, subscription(false));
    assert_eq!(hear(&mut house), [2, 4]);
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
    assert_eq!(house.browsers[&bob].sees("ann").unwrap().state(), State::Active);
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
    house.endpoint.publish_call(house.now, "live", caller("call:1")).unwrap();
    assert_eq!(house.try_join(&pass("call:1"), &query()), Err(JoinRefusal::IdentityTaken));
    let taken = house.endpoint.publish_call(house.now, "live", caller("bob"));
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
    assert_eq!(house.try_join(&pass("bob"), &query()), Err(JoinRefusal::RoomFull));
    let wrong_room = JoinQuery::parse("room=other");
    assert_eq!(house.try_join(&pass("ann"), &wrong_room), Err(JoinRefusal::WrongRoom));
    let forged = house.endpoint.join(house.now, "a.b.c", &query());
    assert_eq!(forged, Err(JoinRefusal::Token(TokenError::Malformed)));
    house.endpoint.publish_call(house.now, "live", caller("call:1")).unwrap();
    let second = house.endpoint.publish_call(house.now, "live", caller("call:2"));
    assert_eq!(second, Err(JoinRefusal::RoomFull));
    house.endpoint.publish_call(house.now, "second", caller("call:1")).unwrap();
    let third = house.endpoint.publish_call(house.now, "third", caller("call:1"));
    assert_eq!(third, Err(JoinRefusal::TooManyRooms));
    assert_eq!(JoinRefusal::TooManyRooms.status(), 429);
}

#[test]
fn a_lost_session_is_told_to_join_anew() {
    let mut house = House::new();
    let resume = JoinQuery::parse("reconnect=1&sid=PA_x");
    let session = house.try_join(&pass("ann"), &resume).unwrap();
    // The frames were queued before the harness knew the browser, as they are for the driver.
    assert_eq!(house.browsers[&session].leave().unwrap().action(), Action::Reconnect);
    assert!(house.browsers[&session].closed);
    assert_eq!(house.endpoint.counters().browsers, 0);
}

#[test]
fn whoever_is_gone_is_removed() {
    let mut house = House::new();
    let (ann, bob, cut) = (house.guest("ann"), house.guest("bob"), house.guest("cut"));
    house.endpoint.signal_closed(house.now, ann);
    house.pass(Duration::from_secs(4));
    assert_eq!(house.browsers[&bob].sees("ann").unwrap().state(), State::Active);
    house.pass(Duration::from_secs(2));
    assert_eq!(house.browsers[&bob].sees("ann").unwrap().state(), State::Disconnected);

    house.browsers.remove(&cut);
    house.pass(Duration::from_secs(40));
    assert_eq!(house.browsers[&bob].sees("cut").unwrap().state(), State::Disconnected);
    assert!(!house.browsers[&bob].closed, "who is there stays");

    let token_pass = pass("deaf and dumb");
    house.try_join(&token_pass, &query()).unwrap();
    house.browsers.retain(|session, _| *session == bob);
    house.pass(Duration::from_secs(25));
    assert_eq!(house.endpoint.counters().browsers, 1, "who never connects is sent away");
}

#[test]
fn a_closed_room_says_why() {
    let mut house = House::new();
    let ann = house.guest("ann");
    house.endpoint.publish_call(house.now, "live", caller("call:1")).unwrap();
    house.endpoint.close_room(house.now, "live", LeaveCause::RoomClosed);
    house.settle();
    let leave = house.browsers[&ann].leave().unwrap();
    assert_eq!(leave.reason(), proto::DisconnectReason::RoomDeleted);
    assert_eq!(house.endpoint.counters().rooms, 0);
    assert_eq!(house.endpoint.poll_timeout(), None, "an empty house needs no time");
}

#[test]
fn speakers_are_named_while_they_speak() {
    let mut house = House::new();
    let call = house.endpoint.publish_call(house.now, "live", caller("call:1")).unwrap();
    let ann = house.guest("ann");
    let speak = |house: &mut House| {
        for seq in 0..50 {
            house.endpoint.send_call_audio(house.now, call, &voice(seq, 1));
            house.pass(Duration::from_millis(20));
        }
    };
    let told = |house: &House, session: SessionId| -> Vec<bool> {
        let changes = house.browsers[&session].messages.iter().filter_map(|m| match m {
            Message::SpeakersChanged(changed) => Some(changed.speakers[0].active),
            _ => None,
        });
        changes.collect()
    };
    speak(&mut house);
    assert_eq!(told(&house, ann), [true], "once, as long as nothing changes");
    let bob = house.try_join(&pass("bob"), &query()).unwrap();
    speak(&mut house);
    assert_eq!(told(&house, bob), [true], "a newcomer too");
    house.pass(SECOND);
    assert_eq!(told(&house, ann).last(), Some(&false));
    assert_eq!(told(&house, bob).last(), Some(&false));
}

#[test]
fn anything_may_be_said() {
    let mut house = House::new();
    let (ann, bob) = (house.guest("ann"), house.guest("bob"));
    for frame in [&b""[..], b"\xff", b"\x0a\x05hello", &[0x0a; 300_000]] {
        house.endpoint.handle_signal(house.now, ann, frame);
    }
    let ping = proto::Ping { timestamp: 5, rtt: 0 };
    house.say(ann, Said::PingReq(ping));
    let last = house.browsers[&ann].messages.last().unwrap();
    assert!(matches!(last, Message::PongResp(pong) if pong.last_ping_timestamp == 5));
    let update = proto::UpdateParticipantMetadata { name: "x".into(), ..Default::default() };
    house.say(ann, Said::UpdateMetadata(update));
    assert_eq!(house.browsers[&bob].sees("ann").unwrap().name, "ann", "not granted");
    house.say(ann, Said::Offer(description("offer", "v=0".into(), 1)));
    assert_eq!(house.browsers[&ann].leave().unwrap().action(), Action::Reconnect);
    assert!(!house.browsers[&bob].closed);
}
